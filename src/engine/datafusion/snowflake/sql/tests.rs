//! Each row of `tests/snowflake-sql.txt`, run; and the page that is made of it.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::PathBuf, sync::Arc};

use datafusion::prelude::SessionContext;
use tempfile::TempDir;

use super::{calls, functions, register};
use crate::engine::{
    Engine, EngineError, Session, StatementOptions,
    datafusion::{Dialect, LakehouseConfig, functions as generic, open},
};

/// A session of the dialect on an empty warehouse.
struct Warehouse {
    _folder: TempDir,
    _engine: Arc<dyn Engine>,
    session: Arc<dyn Session>,
}

impl Warehouse {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = LakehouseConfig {
            path: folder.path().to_path_buf(),
            database: "lake".to_owned(),
            schema: "main".to_owned(),
            project_root: folder.path().to_path_buf(),
            memory_limit: None,
            threads: 2,
            databases: Vec::new(),
            dialect: Dialect::Snowflake,
            run_id: "test".to_owned(),
        };
        let engine = open(config).await.unwrap();
        let session = engine.session("test").await.unwrap();
        let warehouse = Self { _folder: folder, _engine: engine, session };
        warehouse.run("create schema if not exists main").await.unwrap();
        warehouse
    }

    /// Rows joined by `|`, values by `,`, NULL as `∅`.
    async fn run(&self, sql: &str) -> Result<String, String> {
        match self.session.execute(sql, &StatementOptions::default()).await {
            Ok(outcome) => Ok(generic::tests::rows(&outcome.batches)),
            Err(EngineError::Sql { message, .. }) => Err(message),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn answer(&self, sql: &str) -> String {
        self.run(sql).await.unwrap_or_else(|error| format!("error: {error}"))
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

#[tokio::test(flavor = "multi_thread")]
async fn each_case_of_snowflakes_sql_answers_what_is_written_beside_it() {
    let warehouse = Warehouse::new().await;
    let mut wrong = Vec::new();
    let mut count = 0;
    for row in rows() {
        for case in row.cases {
            count += 1;
            let found = warehouse.answer(&case.sql).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn variants_survive_tables() {
    let warehouse = Warehouse::new().await;
    for (sql, expected) in [
        (
            "create table t as select 1 as id, parse_json('{\"a\": \"x\", \"n\": [1, 2]}') as v, to_variant('plain') as p",
            "",
        ),
        (
            "select id, v, v:a::string, v:n[1]::int, p::string, typeof(p) from t",
            "1,{\"a\":\"x\",\"n\":[1,2]},x,2,plain,VARCHAR",
        ),
        ("create view w as select v:a as a, p from t", ""),
        ("select a::string, upper(p) from w", "x,PLAIN"),
        ("insert into t select 2, object_construct('a', 'y'), null", ""),
        ("select id, v:a::string, p is null from t order by id", "1,x,false|2,y,true"),
        ("update t set v = object_insert(v, 'b', 3) where id = 2", ""),
        ("select v:b::int, v:a::string from t where v:a = 'y'", "3,y"),
        (
            "merge into t using (select 1 as id, parse_json('[7]') as v) s on t.id = s.id when matched then update set v = s.v",
            "",
        ),
        ("select v[0]::int from t where id = 1", "7"),
        ("delete from t where v:a = 'y'", ""),
        ("select count(*) from t", "1"),
        ("create temporary table tt as select v from t", ""),
        ("select v[0]::int, typeof(v) from tt", "7,ARRAY"),
        ("create table d (id int, v variant, o object, a array)", ""),
        ("insert into d select 1, parse_json('1'), object_construct('k', 'v'), array_construct(1, 'z')", ""),
        ("select v::int + 1, o:k::string, a[1]::string from d", "2,v,z"),
        ("alter table d add column w variant", ""),
        ("update d set w = parse_json('{\"q\": true}')", ""),
        ("select w:q::boolean from d", "true"),
        ("select t.id, f.value::int from t, lateral flatten(input => t.v) f", "1,7"),
        ("create table u as select * rename (id as key) from t", ""),
        ("select key, v[0] from u", "1,7"),
    ] {
        let found = warehouse.answer(sql).await;
        assert!(
            found == expected || (expected.is_empty() && !found.starts_with("error")),
            "{sql}\n    expected {expected}\n    found    {found}"
        );
    }
    let columns = warehouse.session.describe("select * from d").await.unwrap();
    let types: Vec<&str> = columns.iter().map(|column| column.data_type.as_str()).collect();
    assert_eq!(types, ["NUMBER(38,0)", "VARIANT", "VARIANT", "VARIANT", "VARIANT"]);
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
