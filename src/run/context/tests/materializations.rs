//! The embedded materializations in a context: which statements reach the warehouse, and in which order.

use super::*;
use crate::{
    jinja::Args,
    manifest::context::{MacroSources, fixture::fixture_with},
    packages,
};

fn embedded() -> Fixture {
    let macros = |name: &str| -> (Arc<str>, Vec<Arc<crate::jinja::MacroDef>>) {
        let files = packages::ALL.iter().find(|(package, _)| *package == name).unwrap().1;
        let sql = files.iter().filter(|(path, _)| path.ends_with(".sql"));
        (name.into(), sql.flat_map(|(_, text)| template(text).macros(name)).collect())
    };
    fixture_with(MacroSources {
        root: "root".into(),
        packages: Vec::new(),
        embedded: vec![macros("dbt_datafusion"), macros("dbt")],
        dispatch: Vec::new(),
        types: vec!["datafusion".into()],
    })
}

/// A node of this name and config in a context with the embedded macros.
fn context(setup: &Setup, name: &str, config: &[(&str, Value)]) -> NodeContext {
    let mut node = node(name, "table");
    for (key, value) in config {
        node.config.0.insert((*key).to_owned(), value.clone());
    }
    node.config.0.insert("pre-hook".to_owned(), Value::list([]));
    node.config.0.insert("persist_docs".to_owned(), Value::dict::<&str>([]));
    if node.config.materialized() == "seed" {
        node.resource_type = ResourceType::Seed;
    }
    let input = NodeInput {
        subject: Subject::Node(Arc::new(node)),
        thread: "Thread-1 (worker)".into(),
        batch: None,
        writer: None,
    };
    NodeContext::new(Arc::clone(&setup.run), input)
}

fn run(setup: &Setup, context: &NodeContext, materialized: &str) -> Result<Value, JinjaError> {
    let macros = &setup.run.scopes.shared.macros;
    context.call_macro(macros.materialization(materialized, false).unwrap(), Args::default())
}

/// The statements of a node's materialization, white space folded.
#[track_caller]
fn check_statements(name: &str, config: &[(&str, &str)], expected: &[&str]) {
    let setup = setup_with(embedded(), InputRows::default());
    let config: Vec<(&str, Value)> = config.iter().map(|(key, value)| (*key, (*value).into())).collect();
    let context = context(&setup, name, &config);
    context.set_compiled("select 1 as id", SpanMap::default());
    context.set_seed(rows().schema(), vec![rows()]);
    let materialized = config.first().map(|(_, value)| value.to_str()).unwrap();
    let returned = run(&setup, &context, &materialized);
    let returned = returned.unwrap_or_else(|error| panic!("{}: {:?}", error.message, error.stack));
    if materialized != "test" {
        context.add_to_cache(&returned).unwrap();
    }
    assert!(context.main_response().is_some(), "a materialization runs the statement `main`");
    let lines = setup.protocol();
    let statements = lines.iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let statements: Vec<String> =
        statements.filter(|line| !line.starts_with("session ") && !line.starts_with("list ")).collect();
    assert_eq!(statements, expected, "{name} {config:?}");
}

#[test]
fn materializations_run_in_a_context() {
    check_statements(
        "fresh",
        &[("materialized", "table")],
        &[r#"create or replace table "db"."main"."fresh" as ( select 1 as id );"#],
    );
    check_statements(
        "fresh",
        &[("materialized", "incremental")],
        &[r#"create or replace table "db"."main"."fresh" as ( select 1 as id );"#],
    );
    check_statements(
        "orders",
        &[("materialized", "incremental"), ("incremental_strategy", "append")],
        &[
            r#"create temporary table "orders__dbt_tmp" as ( select 1 as id );"#,
            r#"insert into "db"."main"."orders" ("id", "amount") ( select "id", "amount" from "orders__dbt_tmp" )"#,
            r#"drop table if exists "orders__dbt_tmp""#,
        ],
    );
    check_statements(
        "orders",
        &[("materialized", "seed")],
        &["begin", r#"truncate table "db"."main"."orders""#, r#"load "db"."main"."orders" 2 replace=false"#, "commit"],
    );
    check_statements(
        "fresh",
        &[("materialized", "test"), ("fail_calc", "count(*)"), ("warn_if", "!= 0"), ("error_if", "> 1")],
        &[
            "select count(*) as failures, count(*) != 0 as should_warn, count(*) > 1 as should_error from ( select 1 as id \
           ) dbt_internal_test",
        ],
    );
}

#[test]
fn an_error_points_into_the_model_through_all_macros_of_a_materialization() {
    for materialized in ["table", "view", "incremental"] {
        let setup = setup_with(embedded(), InputRows::default());
        let context = context(&setup, "fresh", &[("materialized", materialized.into())]);
        let model = template("select id,\n  {{ 1 + 1 }} as two,\n  wrong\nfrom somewhere");
        let rendered = context.render(&model).unwrap();
        context.set_compiled(rendered.text, rendered.map);
        let diagnostic = run(&setup, &context, materialized).unwrap_err().to_diagnostic();
        let span = diagnostic.labels.first().unwrap_or_else(|| panic!("{materialized}: no place")).span;
        assert_eq!(model.text.get(span.start as usize..).unwrap().get(..5), Some("wrong"), "{materialized}");
    }
}
