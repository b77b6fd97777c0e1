//! How contexts behave while running: statements, results, the cache, `ref`, `config`.

mod fake;
mod materializations;

use std::sync::{Arc, Mutex};

use indexmap::IndexMap;

use super::*;
use crate::{
    engine::Capabilities,
    jinja::{JinjaError, SpanMap},
    manifest::{
        Checksum, Config, DependsOn, Docs, ModelFields, Node, NodeKind, Quoting, Source,
        context::fixture::{Fixture, fixture, template},
    },
    names::ResourceType,
};
use fake::{FakeWarehouse, rows};

fn node(name: &str, materialized: &str) -> Node {
    let text = |text: &str| text.to_owned();
    Node {
        unique_id: UniqueId::new(format!("model.root.{name}")),
        resource_type: ResourceType::Model,
        name: text(name),
        package_name: text("root"),
        path: format!("{name}.sql"),
        original_file_path: format!("models/{name}.sql"),
        fqn: vec![text("root"), text(name)],
        database: text("db"),
        schema: text("main"),
        alias: text(name),
        checksum: Checksum { name: "none", checksum: String::new() },
        config: Config(IndexMap::from([
            (text("materialized"), materialized.into()),
            (text("unique_key"), Value::None),
            (text("persist_docs"), Value::dict([("relation", true)].map(|(key, value)| (key, Value::Bool(value))))),
            (text("meta"), Value::dict([("owner", Value::from("ann"))])),
            (text("pre-hook"), Value::list([Value::dict([("sql", Value::from("select 0"))])])),
        ])),
        unrendered_config: IndexMap::new(),
        tags: Vec::new(),
        description: String::new(),
        columns: IndexMap::new(),
        meta: IndexMap::new(),
        group: None,
        docs: Docs::default(),
        patch_path: None,
        created_at: 0.0,
        relation_name: None,
        quoting: Quoting::default(),
        raw_code: String::new(),
        origin: None,
        language: "sql",
        doc_blocks: Vec::new(),
        refs: Vec::new(),
        sources: Vec::new(),
        metrics: Vec::new(),
        functions: Vec::new(),
        depends_on: DependsOn::default(),
        compiled: None,
        build_path: None,
        clues: Default::default(),
        kind: NodeKind::Model(ModelFields::default()),
    }
}

fn manifest() -> Manifest {
    let mut manifest = Manifest::default();
    for (name, materialized) in [("orders", "table"), ("light", "ephemeral"), ("hidden", "view")] {
        let mut node = node(name, materialized);
        if name == "orders" {
            node.config.0.insert("event_time".to_owned(), "at".into());
        }
        manifest.nodes.insert(node.unique_id.clone(), node);
    }
    let mut it = node("it", "incremental");
    it.depends_on.nodes.extend(["model.root.orders", "model.root.light"].map(UniqueId::new));
    manifest.nodes.insert(it.unique_id.clone(), it);
    for (name, location) in [("raw", None), ("file", Some("data/{name}.parquet"))] {
        let source = source(name, location);
        manifest.sources.insert(source.unique_id.clone(), source);
    }
    manifest
}

fn source(name: &str, location: Option<&str>) -> Source {
    let text = |text: &str| text.to_owned();
    Source {
        unique_id: UniqueId::new(format!("source.root.s.{name}")),
        name: text(name),
        source_name: text("s"),
        source_description: String::new(),
        package_name: text("root"),
        path: text("s.yml"),
        original_file_path: text("models/s.yml"),
        fqn: Vec::new(),
        database: text("db"),
        schema: text("s"),
        identifier: text(name),
        loader: String::new(),
        quoting: Quoting { schema: Some(false), ..Quoting::default() },
        loaded_at_field: None,
        loaded_at_query: None,
        freshness: None,
        external: None,
        description: String::new(),
        columns: IndexMap::new(),
        meta: location.map(|location| (text("external_location"), location.into())).into_iter().collect(),
        source_meta: IndexMap::new(),
        tags: Vec::new(),
        config: Config::default(),
        unrendered_config: IndexMap::new(),
        unrendered_database: None,
        unrendered_schema: None,
        relation_name: String::new(),
        created_at: 0.0,
        doc_blocks: Vec::new(),
        span: None,
    }
}

const STEPS: &str = "
    {% macro statement(name=none, fetch_result=false, auto_begin=true, language='sql') %}
      {%- set response, table = adapter.execute(caller(), auto_begin=auto_begin, fetch=fetch_result) -%}
      {%- do store_result(name, response, table) -%}
    {% endmacro %}
    {% macro drop_relation(relation) %}
      {%- call statement('drop') %}drop {{ relation.type }} {{ relation }}{% endcall -%}
    {% endmacro %}
    {% macro rename_relation(from_relation, to_relation) %}
      {%- call statement('rename') %}rename {{ from_relation }} to {{ to_relation }}{% endcall -%}
    {% endmacro %}
    {% macro get_incremental_merge_sql(arg_dict) %}merge{% endmacro %}
    {% macro get_incremental_my_own_sql(arg_dict) %}own{% endmacro %}";

struct Setup {
    run: Arc<RunShared>,
    protocol: Arc<Mutex<Vec<String>>>,
    // Keeps the threads that the bridge waits for.
    _runtime: tokio::runtime::Runtime,
    _fixture: Fixture,
}

fn setup(rows: InputRows) -> Setup {
    setup_with(fixture("", "", "", STEPS), rows)
}

fn setup_with(fixture: Fixture, rows: InputRows) -> Setup {
    let protocol = Arc::new(Mutex::new(Vec::new()));
    let capabilities = Capabilities {
        adapter_type: "tamis",
        parent_types: &[],
        merge: true,
        transactions: true,
        incremental_strategies: &[],
        max_identifier_length: None,
        one_statement_per_request: false,
        enforced_constraints: &["not_null"],
    };
    let engine = Arc::new(FakeWarehouse { capabilities, protocol: Arc::clone(&protocol) });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let bridge = Bridge::new(runtime.handle().clone());
    let selected = vec![UniqueId::new("model.root.it")];
    let run = RunShared::new(Arc::clone(&fixture.scopes), Arc::new(manifest()), engine, bridge, selected);
    Setup { run: Arc::new(run.with_rows(rows)), protocol, _runtime: runtime, _fixture: fixture }
}

impl Setup {
    fn context(&self, batch: Option<Batch>) -> NodeContext {
        let node = self.run.manifest.nodes.get("model.root.it").cloned().unwrap();
        let input = NodeInput {
            subject: Subject::Node(Arc::new(node)),
            thread: "Thread-1 (worker)".into(),
            batch,
            writer: None,
        };
        NodeContext::new(Arc::clone(&self.run), input)
    }

    fn render(&self, text: &str) -> Result<String, JinjaError> {
        self.context(None).render(&template(text)).map(|rendered| rendered.text)
    }

    fn protocol(&self) -> Vec<String> {
        self.protocol.lock().unwrap().clone()
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let rendered = setup(InputRows::default()).render(text);
    let rendered = rendered.map_or_else(|error| format!("error: {}", error.message), |text| text.trim().to_owned());
    assert_eq!(rendered, expected, "{text}");
}

#[test]
fn refs_and_sources_resolve_to_relations() {
    for (text, expected) in [
        ("{{ ref('orders') }} {{ ref('root', 'orders') }}", r#""db"."main"."orders" "db"."main"."orders""#),
        ("{{ ref('light') }}", "__dbt__cte__light"),
        ("{{ ref('orders').type }} {{ this }}", r#"None "db"."main"."it""#),
        ("{{ source('s', 'raw') }}", r#""db".s."raw""#),
        ("{{ source('s', 'file') }}", "'data/file.parquet'"),
        (
            "{{ ref('hidden') }}",
            "error: dbt was unable to infer all dependencies for the model \"it\".\nThis typically happens when ref() is \
             placed within a conditional block.\n\nTo fix this, add the following hint to the top of the model \
             \"it\":\n\n-- depends_on: {{ ref('hidden') }}",
        ),
        ("{{ ref('gone') }}", "error: Model 'model.root.it' depends on a node named 'gone' which was not found"),
        ("{{ execute }} {{ thread_id }} {{ selected_resources }}", "True Thread-1 (worker) ['model.root.it']"),
        (
            "{{ model.name }} {{ model['config'].materialized }} {{ graph.nodes['model.root.orders'].alias }}",
            "it incremental orders",
        ),
        ("{{ pre_hooks }} {{ post_hooks }}", "[{'sql': 'select 0'}] []"),
        ("{{ var('nothing') }}", "error: Required var 'nothing' not found in config"),
    ] {
        check(text, expected);
    }
}

#[test]
fn inputs_are_cut_by_empty_and_by_batch() {
    let empty = setup(InputRows { empty: true, sample: None });
    assert_eq!(
        empty.render("{{ ref('orders') }}").unwrap(),
        r#"(select * from "db"."main"."orders" where false limit 0)"#
    );
    assert_eq!(
        empty.render("{{ ref('orders').render() }} {{ this }}").unwrap(),
        r#""db"."main"."orders" "db"."main"."it""#
    );
    let batch = Batch {
        label: "2024-01-02".to_owned(),
        start: "2024-01-02T00:00:00Z".parse().unwrap(),
        end: "2024-01-03T00:00:00Z".parse().unwrap(),
    };
    let rendered = setup(InputRows::default())
        .context(Some(batch))
        .render(&template("{{ ref('orders') }}|{{ model.batch.id }}|{{ model.batch.event_time_start }}"));
    assert_eq!(
        rendered.unwrap().text,
        "(select * from \"db\".\"main\".\"orders\" where at >= '2024-01-02 00:00:00+00:00' and at < '2024-01-03 \
         00:00:00+00:00')|20240102|2024-01-02 00:00:00+00:00"
    );
}

#[test]
fn config_answers_with_the_resolved_config() {
    for (text, expected) in [
        ("{{ config.get('materialized') }} {{ config.get('nothing', 5) }}", "incremental 5"),
        // A field that is none is there: the default is not used.
        ("{{ config.get('unique_key', 'default') }}", "None"),
        ("{{ config.get('owner') }} {{ config.meta_get('owner') }} {{ config.meta_get('x', 1) }}", "None ann 1"),
        ("{{ config.persist_relation_docs() }} {{ config.persist_column_docs() }}", "True False"),
        (
            "{{ config.require('nothing') }}",
            "error: Model 'model.root.it' does not define a required config parameter 'nothing'.",
        ),
        ("{{ config(materialized='view') }}{{ config.get('materialized') }}", "incremental"),
    ] {
        check(text, expected);
    }
}

#[test]
fn results_are_kept_by_name_and_loaded_once() {
    for (text, expected) in [
        ("{{ load_result('x') }}", "None"),
        ("{% do store_result('x', 'OK') %}{{ load_result('x').response }}", "OK"),
        (
            "{% do store_result('x', 'OK') %}{% do load_result('x') %}{{ load_result('x') }}",
            "error: The 'statement' result named 'x' has already been loaded into a variable",
        ),
        ("{% do store_result('main', 'OK') %}{% do load_result('main') %}{{ load_result('main').response }}", "OK"),
        (
            "{% do store_raw_result('x', message='M', code='C', rows_affected=3) %}\
             {%- set r = load_result('x')['response'] %}{{ r }} {{ r.code }} {{ r.rows_affected }}",
            "M C 3",
        ),
        (
            "{% call statement('q', fetch_result=true) %}select 1{% endcall %}{% set r = load_result('q') %}\
             {{ r.response }} {{ r['data'] }}",
            "SELECT 2 [(1, '01', True, Decimal('1.50'), datetime.date(2024, 1, 2), Decimal('0.5')), \
             (None, 'b', False, Decimal('0.05'), datetime.date(1970, 1, 1), Decimal('2.0'))]",
        ),
    ] {
        check(text, expected);
    }
}

#[test]
fn a_table_is_walked_as_agates() {
    let query = "{% set t = adapter.execute('select 1', fetch=true)[1] %}";
    for (text, expected) in [
        ("{{ t.column_names }}", "('id', 'name', 'ok', 'amount', 'day', 'rate')"),
        ("{{ t.columns[0].values() }} {{ t.columns['name'].values() }}", "(1, None) ('01', 'b')"),
        ("{{ t.columns | map(attribute='name') | list }}", "['id', 'name', 'ok', 'amount', 'day', 'rate']"),
        (
            "{{ t.rows | length }} {{ t.rows[0][1] }} {{ t.rows[0]['amount'] }} {{ t.rows[0].day }}",
            "2 01 1.50 2024-01-02",
        ),
        ("{{ t.rows[0]['Name'] is defined }}", "False"),
        ("{% for row in t %}{{ row.id }},{% endfor %}", "1,None,"),
        ("{% for row in t.rows %}{{ row.values()[1] }},{% endfor %}", "01,b,"),
        ("{{ t.select(['name']).columns.keys() }} {{ t.exclude(['name']).column_names | length }}", "('name',) 5"),
        ("{{ t.columns['id'].values_without_nulls() }} {{ t.limit(1).rows | length }}", "(1,) 1"),
        ("{{ t.order_by('rate', reverse=true).rows[0].name }}", "b"),
        ("{{ t.rename({'id': 'key'}).column_names[0] }}", "key"),
        ("{{ t.rows[0].dict()['ok'] }} {{ t.rows[0].get('no', 7) }}", "True 7"),
        (
            "{{ adapter.convert_type(t, 0) }} {{ adapter.convert_type(t, 3) }} {{ adapter.convert_type(t, 4) }}",
            "bigint double date",
        ),
    ] {
        check(&format!("{query}{text}"), expected);
    }
}

#[test]
fn a_schema_is_listed_once_and_then_kept_by_what_the_run_does() {
    let setup = setup(InputRows::default());
    let text = "
        {%- set old = adapter.get_relation('db', 'main', 'orders') -%}
        {{ old }} {{ old.type }} {{ adapter.get_relation('db', 'MAIN', 'nothing') }}
        {%- do adapter.rename_relation(old, old.incorporate(path={'identifier': 'older'})) %}
        {{- ' ' ~ adapter.get_relation('db', 'main', 'orders') }}
        {{- ' ' ~ adapter.get_relation('db', 'main', 'older').type }}
        {%- do adapter.drop_relation(adapter.get_relation('db', 'main', 'older')) %}
        {{- ' ' ~ adapter.get_relation('db', 'main', 'older') }}";
    assert_eq!(setup.render(text).unwrap().trim(), r#""db"."main"."orders" table None None table None"#);
    assert_eq!(
        setup.protocol(),
        [
            "session model.root.it",
            "list db.main",
            r#"rename "db"."main"."orders" to "db"."main"."older""#,
            r#"drop table "db"."main"."older""#,
        ]
    );
}

#[test]
fn a_relation_of_another_case_is_not_guessed() {
    let error = setup(InputRows::default()).render("{{ adapter.get_relation('db', 'main', 'mixed') }}").unwrap_err();
    assert!(error.message.contains("approximate match"), "{}", error.message);
}

#[test]
fn the_adapter_answers_about_columns_and_strategies() {
    for (text, expected) in [
        ("{{ adapter.get_columns_in_relation(this) }}", "[<Column id (bigint)>, <Column amount (decimal(10,2))>]"),
        ("{{ adapter.get_missing_columns(this, this) }}", "[]"),
        ("{{ adapter.check_schema_exists('db', 'MAIN') }}", "True"),
        ("{{ adapter.get_incremental_strategy_macro(context, 'merge')({}) }}", "merge"),
        ("{{ adapter.get_incremental_strategy_macro(context, 'my+own')({}) }}", "own"),
        (
            "{{ adapter.get_incremental_strategy_macro(context, 'insert_overwrite') }}",
            "error: The incremental strategy 'insert_overwrite' is not valid for this adapter",
        ),
        (
            "{{ adapter.get_incremental_strategy_macro(context, 'odd') }}",
            "error: dbt could not find an incremental strategy macro with the name \"get_incremental_odd_sql\" in root",
        ),
        (
            "{{ adapter.drop_relation(this) }}",
            "error: Tried to drop relation \"db\".\"main\".\"it\", but its type is null.",
        ),
    ] {
        check(text, expected);
    }
}

#[test]
fn table_options_go_to_the_next_create_table_and_rows_are_loaded_as_they_are() {
    let setup = setup(InputRows::default());
    let context = setup.context(None);
    context.set_seed(rows().schema(), vec![rows()]);
    let text = "
        {%- do adapter.tamis_table_options({'partition_by': ['day'], 'target_file_size': '1mb'}) -%}
        {%- do adapter.execute('create view a') -%}{%- do adapter.execute('create table b') -%}
        {%- do adapter.execute('create table c') -%}
        {{ adapter.tamis_load(this, load_agate_table(), 'append') }}";
    assert_eq!(context.render(&template(text)).unwrap().text.trim(), "INSERT 2");
    let protocol = setup.protocol();
    assert_eq!(
        protocol.get(1..).unwrap(),
        ["create view a", "create table b [\"day\"]", "create table c", r#"load "db"."main"."it" 2 replace=false"#]
    );
    assert_eq!(context.take_stats().statements.len(), 4);
}

#[test]
fn an_error_of_the_engine_points_into_the_model() {
    let setup = setup(InputRows::default());
    let context = setup.context(None);
    let model = template("select id,\n  wrong\nfrom {{ ref('orders') }}");
    let rendered = context.render(&model).unwrap();
    context.set_compiled(rendered.text, rendered.map);
    let statement = template("{% call statement('main') %}create table {{ this }} as (\n    {{ sql }}\n){% endcall %}");
    let error = context.render(&statement).unwrap_err();
    let diagnostic = error.to_diagnostic();
    assert_eq!((diagnostic.code.0, diagnostic.message.as_str()), ("database-error", "no field named wrong"));
    let span = diagnostic.labels.first().unwrap().span;
    assert_eq!(model.text.get(span.start as usize..).unwrap().get(..5), Some("wrong"));
}

#[test]
fn what_is_not_in_the_model_is_shown_as_a_statement() {
    let setup = setup(InputRows::default());
    let sql: Arc<str> = "select wrong".into();
    let error = setup.context(None).execute(&sql, None).unwrap_err().to_diagnostic();
    assert_eq!(error.notes, ["the statement, line 1, column 8:\nselect wrong"]);
}

#[test]
fn macros_can_be_overridden_by_constants() {
    let setup = setup(InputRows::default());
    let context = setup.context(None);
    context.override_macro("is_incremental", true.into());
    context.override_macro("dbt.get_incremental_merge_sql", "other".into());
    context.set_compiled("select 1", SpanMap::default());
    let text = "{{ is_incremental() }} {{ dbt.get_incremental_merge_sql({}) }} {{ sql }} {{ model.compiled_code }}";
    assert_eq!(context.render(&template(text)).unwrap().text, "True other select 1 select 1");
}
