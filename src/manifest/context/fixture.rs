//! A small invocation for tests: a root project, one package, one embedded package.

use std::sync::{Arc, Mutex};

use chrono::{TimeZone, Utc};
use indexmap::IndexMap;

use super::*;
use crate::{
    diagnostic::SourceMap,
    event::{Event, EventSink},
    names::{Policy, Relation},
};

/// Keeps what was emitted.
#[derive(Default)]
pub(crate) struct Events(pub(crate) Mutex<Vec<Event>>);

impl EventSink for Events {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

pub(crate) struct Fixture {
    pub(crate) scopes: Arc<Scopes>,
    pub(crate) events: Arc<Events>,
}

pub(crate) fn template(text: &str) -> Template {
    let source = SourceMap::default().add("test.sql", text);
    Template::parse(text, Origin::At { source, offset: 0 }).unwrap()
}

fn macros(package: &str, text: &str) -> (Arc<str>, Vec<std::sync::Arc<crate::jinja::MacroDef>>) {
    (package.into(), template(text).macros(package))
}

/// Macros by package, in the order of a project: `root`, `pkg`, then the embedded `dbt_tamis` and `dbt`.
pub(crate) fn fixture(root: &str, package: &str, adapter: &str, dbt: &str) -> Fixture {
    fixture_with(MacroSources {
        root: "root".into(),
        packages: vec![macros("root", root), macros("pkg", package)],
        embedded: vec![macros("dbt_tamis", adapter), macros("dbt", dbt)],
        dispatch: vec![("ordered".to_owned(), vec!["pkg".to_owned(), "root".to_owned()])],
        types: vec!["tamis".into(), "parent".into()],
    })
}

/// An invocation with these macros.
pub(crate) fn fixture_with(sources: MacroSources) -> Fixture {
    let events = Arc::new(Events::default());
    let index = MacroIndex::new(sources);
    let int = |number: i64| Value::Int(number);
    let vars = Vars {
        cli: IndexMap::from([("cli".to_owned(), int(1)), ("over".to_owned(), int(2))]),
        root: "root".into(),
        projects: IndexMap::from([
            (
                "root".to_owned(),
                IndexMap::from([
                    ("over".to_owned(), int(3)),
                    ("plain".to_owned(), "root".into()),
                    ("sum".to_owned(), "{{ 1 + 1 }}".into()),
                    ("pkg".to_owned(), Value::dict([("scoped", Value::from("by root"))])),
                ]),
            ),
            (
                "pkg".to_owned(),
                IndexMap::from([
                    ("plain".to_owned(), "pkg".into()),
                    ("own".to_owned(), "pkg".into()),
                    ("scoped".to_owned(), "by pkg".into()),
                ]),
            ),
        ]),
    };
    let shared = Shared {
        dbt_version: "1.11.0".into(),
        project_name: "root".into(),
        project_config: Value::dict([("project_name", Value::from("root"))]),
        target: Value::dict([("name", Value::from("dev")), ("schema", "main".into()), ("type", "tamis".into())]),
        target_database: "db".into(),
        target_schema: "main".into(),
        quoting: Policy::ALL,
        adapter_quoting: Policy::ALL,
        reads_files: true,
        wide_types: false,
        vars,
        env: Arc::new(|name| (name == "HOME_TOWN").then(|| "Ulm".to_owned())),
        metadata_env: IndexMap::new(),
        flags: Flags(IndexMap::from([
            ("FULL_REFRESH".to_owned(), Value::Bool(false)),
            ("WHICH".to_owned(), "run".into()),
        ])),
        invocation_args: Value::dict::<&str>([]),
        run_started_at: Utc.with_ymd_and_hms(2024, 5, 6, 7, 8, 9).unwrap(),
        invocation_id: "1-2-3".into(),
        macros: Arc::new(index),
        events: Arc::clone(&events) as Arc<dyn EventSink>,
        incremental_strategies: vec!["append", "merge"],
    };
    Fixture { scopes: Arc::new(Scopes::new(Arc::new(shared))), events }
}

/// The parse context of a node `db.main.it` in a package.
pub(crate) fn parse_context(fixture: &Fixture, package: &str) -> ParseContext {
    let this = Relation::new("db", "main", "it");
    ParseContext::new(fixture.scopes.get(package), ParseNode::new(None, Some(this)))
}

/// Renders in parse mode, without any macros.
#[track_caller]
pub(crate) fn check_render(text: &str, expected: &str) {
    let fixture = fixture("", "", "", "");
    let rendered = parse_context(&fixture, "root").render(&template(text));
    let rendered = rendered.map_or_else(|error| format!("error: {}", error.message), |rendered| rendered.text);
    assert_eq!(rendered, expected, "{text}");
}
