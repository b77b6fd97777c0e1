//! Each row of `tests/snowflake-sql.txt`, run; and the page that is made of it.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::PathBuf};

use datafusion::{
    common::DataFusionError,
    logical_expr::LogicalPlan,
    prelude::SessionContext,
    sql::{
        parser::Statement as DfStatement,
        sqlparser::{ast::Statement, dialect::SnowflakeDialect, parser::Parser},
    },
};

use super::{answer, calls, functions, question, register, rewrite_statement};
use crate::engine::datafusion::{
    checks::{check_statement_but_pivots, data_error},
    functions as generic,
};

/// Runs one query as a session of this dialect does; rows joined by `|`, values by `,`, NULL as `∅`.
async fn run(ctx: &SessionContext, sql: &str) -> Result<String, String> {
    let mut statements = Parser::parse_sql(&SnowflakeDialect {}, sql).map_err(|error| error.to_string())?;
    let mut statement = statements.pop().ok_or("no statement")?;
    while let Some(asked) = question(&statement) {
        let asked = rewritten(asked)?;
        let asked =
            plan(ctx, DfStatement::Statement(Box::new(asked))).await.map_err(|error| error.strip_backtrace())?;
        answer(&mut statement, asked.schema());
    }
    let statement = rewritten(statement)?;
    let plan = plan(ctx, DfStatement::Statement(Box::new(statement))).await.map_err(|error| error.strip_backtrace())?;
    let batches = ctx.execute_logical_plan(plan).await.map_err(|error| error.strip_backtrace())?.collect().await;
    let batches =
        batches.map_err(|error| data_error(&error).map_or_else(|| error.to_string(), |error| error.to_string()))?;
    Ok(generic::tests::rows(&batches))
}

fn rewritten(mut statement: Statement) -> Result<Statement, String> {
    rewrite_statement(&mut statement).map_err(|error| error.to_string())?;
    check_statement_but_pivots(&statement).map_err(|error| error.to_string())?;
    generic::rewrite_statement(&mut statement).map_err(|error| error.to_string())?;
    Ok(statement)
}

async fn plan(ctx: &SessionContext, mut statement: DfStatement) -> Result<LogicalPlan, DataFusionError> {
    loop {
        let error = match ctx.state().statement_to_plan(statement.clone()).await {
            Ok(plan) => return Ok(plan),
            Err(error) => error,
        };
        let DfStatement::Statement(inner) = &mut statement else { return Err(error) };
        if !generic::recover(inner, &error) {
            return Err(error);
        }
    }
}

struct Case {
    sql: String,
    expected: String,
}

struct Row {
    area: String,
    feature: String,
    state: String,
    note: String,
    cases: Vec<Case>,
}

const STATES: [(&str, &str); 3] = [
    ("works", "gives what Snowflake gives; the cases show it"),
    ("differs", "works, with the difference that is named"),
    ("not supported", "refused with a message that says what to write instead"),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(root().join("tests/snowflake-sql.txt")).unwrap();
    let mut area = String::new();
    let mut rows: Vec<Row> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut area);
        } else if let Some(row) = line.strip_prefix("- ") {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let cell = |index: usize| cells.get(index).copied().unwrap_or_default().to_owned();
            rows.push(Row { area: area.clone(), feature: cell(0), state: cell(1), note: cell(2), cases: Vec::new() });
        } else if !line.starts_with('#') && !line.is_empty() {
            let (sql, expected) = line.split_once(" -- ").unwrap_or_else(|| panic!("line {}: no answer", number + 1));
            let case = Case { sql: sql.trim().to_owned(), expected: expected.trim().replace("\\n", "\n") };
            rows.last_mut().unwrap().cases.push(case);
        }
    }
    rows
}

fn session() -> SessionContext {
    let ctx = generic::tests::session();
    register(&ctx).unwrap();
    ctx
}

#[test]
fn each_case_of_snowflakes_sql_answers_what_is_written_beside_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ctx = session();
    let mut wrong = Vec::new();
    let mut count = 0;
    for row in rows() {
        for case in row.cases {
            count += 1;
            let found = runtime.block_on(run(&ctx, &case.sql)).unwrap_or_else(|error| format!("error: {error}"));
            let refused = case
                .expected
                .strip_prefix("error: ")
                .is_some_and(|part| found.starts_with("error: ") && found.contains(part));
            if found != case.expected && !refused {
                wrong.push(format!("{}\n    expected {}\n    found    {found}", case.sql, case.expected));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn each_own_function_is_registered() {
    let ctx = session();
    let missing: Vec<&str> = calls::OWN
        .iter()
        .copied()
        .filter(|name| ctx.state().scalar_functions().get(&format!("sf_{name}")).is_none())
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    let names: BTreeSet<String> = functions().iter().map(|function| function.name().to_owned()).collect();
    assert_eq!(names.len(), functions().len(), "a name twice");
}

const SECOND_OPINION: &str = "
## A second opinion

The cases were run on fakesnow 0.12.1 too, which answers Snowflake's protocol with DuckDB. Where it answers otherwise, Snowflake's
documentation decided:

| subject | here, as documented | fakesnow |
|---|---|---|
| `/`, `avg`, `div0` of NUMBERs | NUMBER with six digits more | a floating point number |
| `1/0` | an error | infinity |
| `sum` of whole numbers | a whole number | a floating point number |
| products with many digits | at most twelve behind the point | all |
| `varchar(n)`, `char(n)` in casts | cut | not cut |
| timestamps and floats as text | `2024-01-01 10:00:00.000`, `1` | `2024-01-01 10:00:00`, `1.0` |
| formats of numbers; formats of dates that do not match | heeded; an error | ignored |
| `date_trunc` of a date | a date | a timestamp |
| `trim` with characters, `space`, `v['a']` | as documented | without effect, empty, NULL |
| `typeof` of a variant | INTEGER, VARCHAR, … | JSON |
| keys of objects | in order | as written |
| `array_agg`, `listagg` | without NULLs, empty over no rows, `distinct` with `within group` | with NULLs, NULL over no rows, `,` between |
| `flatten` with `path`, `outer`, `recursive`, `mode` | heeded | ignored |
| `{'k': 1}` | the key `k` | the key `K` |

A quarter of the cases uses functions that it does not have.
";

fn page(rows: &[Row]) -> String {
    let mut page = "# Snowflake's SQL on the embedded engine\n\nWith `dialect: snowflake` the embedded engine runs SQL that is \
                    written for Snowflake. Each row is shown by cases in `tests/snowflake-sql.txt`: a query and what it \
                    answers. What Snowflake has and no row names is unknown to the engine and an error.\n\n\
                    | state | rows | meaning |\n|---|---:|---|\n"
        .to_owned();
    for (state, meaning) in STATES {
        let count = rows.iter().filter(|row| row.state == state).count();
        writeln!(page, "| {state} | {count} | {meaning} |").unwrap();
    }
    page.push_str(SECOND_OPINION);
    let mut area = "";
    for row in rows {
        if row.area != area {
            area = &row.area;
            write!(page, "\n## {area}\n\n| function or form | state | cases | note |\n|---|---|---:|---|\n").unwrap();
        }
        writeln!(page, "| {} | {} | {} | {} |", row.feature, row.state, row.cases.len(), row.note).unwrap();
    }
    page
}

#[test]
fn the_page_of_snowflakes_sql_is_made_from_its_cases() {
    let rows = rows();
    for row in &rows {
        assert!(STATES.iter().any(|(state, _)| *state == row.state), "{}: `{}` is no state", row.feature, row.state);
        assert!(!row.cases.is_empty(), "{}: no case", row.feature);
        assert!(row.state != "differs" || !row.note.is_empty(), "{}: does not say what differs", row.feature);
    }
    let (file, expected) = (root().join("docs/snowflake-sql.md"), page(&rows));
    if std::env::var_os("UPDATE_COMPATIBILITY").is_some() {
        fs::write(&file, &expected).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(found == expected, "docs/snowflake-sql.md is not up to date: UPDATE_COMPATIBILITY=1 rewrites it");
}
