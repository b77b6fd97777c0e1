//! Contexts as templates see them: whose macro a name means, variables by package, relations and columns, parse mode.

use super::{
    fixture::{Fixture, check_render, fixture, parse_context, template},
    *,
};
use crate::{event::Event, jinja::StaticCall, names::UniqueId};

#[track_caller]
fn render(fixture: &Fixture, package: &str, text: &str) -> String {
    match parse_context(fixture, package).render(&template(text)) {
        Ok(rendered) => rendered.text,
        Err(error) => format!("error: {}", error.message),
    }
}

fn with_macros() -> Fixture {
    fixture(
        "{% macro both() %}root{% endmacro %}{% macro built() %}root built{% endmacro %}
         {% macro default__order() %}root order{% endmacro %}
         {% macro log(text) %}logged {{ builtins.log(text) }}{{ text }}{% endmacro %}",
        "{% macro both() %}pkg{% endmacro %}{% macro only() %}pkg only{% endmacro %}
         {% macro default__order() %}pkg order{% endmacro %}
         {% macro default__mine() %}pkg mine{% endmacro %}
         {% macro indirect() %}{{ both() }}{% endmacro %}",
        "{% macro tamis__sql() %}adapter sql{% endmacro %}{% macro over() %}adapter over{% endmacro %}",
        "{% macro default__sql() %}default sql{% endmacro %}{% macro parent__typed() %}parent typed{% endmacro %}
         {% macro default__typed() %}default typed{% endmacro %}{% macro built() %}dbt built{% endmacro %}
         {% macro sql() %}{{ adapter.dispatch('sql', 'dbt')() }}{% endmacro %}
         {% macro over() %}dbt over{% endmacro %}
         {% macro generate_schema_name(custom_schema_name=none, node=none) %}
           {{ target.schema }}_{{ custom_schema_name | trim }}
         {% endmacro %}
         {% macro give() %}{{ return([1]) }}{% endmacro %}",
    )
}

#[test]
fn a_bare_name_is_the_packages_own_macro_then_the_roots_then_a_built_in_one() {
    let fixture = with_macros();
    for (package, text, expected) in [
        ("root", "{{ both() }}", "root"),
        ("pkg", "{{ both() }}", "pkg"),
        ("pkg", "{{ built() }}", "root built"),
        ("root", "{{ pkg.both() }}", "pkg"),
        ("root", "{{ pkg.only() }}", "pkg only"),
        ("root", "{{ only() }}", ""),
        ("root", "{{ dbt.built() }}", "dbt built"),
        ("root", "{{ over() }} {{ dbt.over() }}", "adapter over adapter over"),
        // Names in a macro are those of the node that is rendered.
        ("root", "{{ pkg.indirect() }}", "root"),
        ("root", "{{ context['both']() }} {{ context['pkg']['only']() }}", "root pkg only"),
        ("root", "{{ 'both' in context }} {{ 'nothing' in context }} {{ context.get('nothing', 1) }}", "True False 1"),
        ("root", "{{ log('x') }}", "logged x"),
        ("root", "{{ give() | length }}", "1"),
    ] {
        assert_eq!(render(&fixture, package, text), expected, "{package}: {text}");
    }
}

#[test]
fn dispatch_searches_packages_and_types_in_order() {
    let fixture = with_macros();
    for (text, expected) in [
        ("{{ adapter.dispatch('sql', 'dbt')() }}", "adapter sql"),
        ("{{ sql() }}", "adapter sql"),
        ("{{ adapter.dispatch('typed')() }}", "parent typed"),
        // The root comes first for an installed package, the configured order for a configured namespace.
        ("{{ adapter.dispatch('order', 'pkg')() }}", "root order"),
        ("{{ adapter.dispatch('order', 'ordered')() }}", "pkg order"),
        ("{{ adapter.dispatch('mine', macro_namespace='pkg')() }}", "pkg mine"),
        (
            "{{ adapter.dispatch('none', 'pkg')() }}",
            "error: In dispatch: No macro named 'none' found within namespace: 'pkg'\n    Searched for: \
             'root.tamis__none', 'root.parent__none', 'root.default__none', 'pkg.tamis__none', 'pkg.parent__none', \
             'pkg.default__none'",
        ),
        (
            "{{ adapter.dispatch('pkg.mine') }}",
            "error: In adapter.dispatch, got a macro name of \"pkg.mine\", but \".\" is not a valid macro name component. \
             Did you mean `adapter.dispatch(\"mine\", macro_namespace=\"pkg\")`?",
        ),
    ] {
        assert_eq!(render(&fixture, "root", text), expected, "{text}");
    }
}

#[test]
fn calls_in_a_text_are_resolved_without_rendering() {
    let fixture = with_macros();
    let macros = &fixture.scopes.shared.macros;
    let dispatch = |name: &str, space: &str| StaticCall::Dispatch { name: name.into(), namespace: Some(space.into()) };
    for (package, call, expected) in [
        ("pkg", StaticCall::Name("both".into()), Some("macro.pkg.both")),
        ("root", StaticCall::Name("both".into()), Some("macro.root.both")),
        ("root", StaticCall::Qualified("dbt".into(), "over".into()), Some("macro.dbt_tamis.over")),
        ("root", dispatch("order", "ordered"), Some("macro.pkg.default__order")),
        ("root", StaticCall::Name("ref".into()), None),
    ] {
        assert_eq!(macros.resolve(package, &call), expected.map(UniqueId::new), "{call:?}");
    }
}

#[test]
fn a_materialization_of_the_adapter_comes_before_the_default_and_packages_do_not_replace_built_in_ones() {
    let of = |body: &str| format!("{{% materialization {body} %}}{{% endmaterialization %}}");
    let fixture = fixture(
        &of("mine, default"),
        &(of("table, default") + &of("extra, default")),
        &of("view, adapter='tamis'"),
        &(of("table, default") + &of("view, default")),
    );
    let macros = &fixture.scopes.shared.macros;
    for (name, packages_may_override, expected) in [
        ("view", false, Some("macro.dbt_tamis.materialization_view_tamis")),
        ("table", false, Some("macro.dbt.materialization_table_default")),
        ("table", true, Some("macro.pkg.materialization_table_default")),
        ("extra", false, Some("macro.pkg.materialization_extra_default")),
        ("mine", false, Some("macro.root.materialization_mine_default")),
        ("nothing", false, None),
    ] {
        let found = macros.materialization(name, packages_may_override).map(|found| macro_id(found));
        assert_eq!(found, expected.map(UniqueId::new), "{name}");
    }
}

#[test]
fn variables_are_scoped_by_package_and_the_command_line_wins() {
    let fixture = fixture("", "", "", "");
    for (package, text, expected) in [
        ("root", "{{ var('plain') }}", "root"),
        ("root", "{{ var('over') }}", "2"),
        ("root", "{{ var('own') }}", "None"),
        ("root", "{{ var('own', 'given') }}", "given"),
        ("root", "{{ var.has_var('own') }} {{ var.has_var('cli') }}", "False True"),
        ("pkg", "{{ var('plain') }}", "root"),
        ("pkg", "{{ var('own') }}", "pkg"),
        ("pkg", "{{ var('scoped') }}", "by root"),
        ("root", "{{ var('sum') }}", "2"),
    ] {
        assert_eq!(render(&fixture, package, text), expected, "{package}: {text}");
    }
}

#[test]
fn a_missing_variable_in_yaml_is_an_error() {
    let fixture = fixture("", "", "", "");
    let context = properties_context(fixture.scopes.get("root"));
    let error = Interp::new(&context).render_native(&template("{{ var('plan') }}")).unwrap_err();
    assert_eq!(error.message, "Required var 'plan' not found in config (did you mean 'plain'?)");
    let value = Interp::new(&context).render_native(&template("{{ var('over') + 1 }}")).unwrap();
    assert_eq!(value, Value::Int(3));
}

#[test]
fn the_base_set_is_pythons() {
    for (text, expected) in [
        ("{{ tojson({'a': [1, none, 1.0], 'b': 'é'}) }}", r#"{"a": [1, null, 1.0], "b": "\u00e9"}"#),
        ("{{ tojson({'b': 1, 'a': 2}, sort_keys=true) }}", r#"{"a": 2, "b": 1}"#),
        ("{{ fromjson('{\"a\": [1, 2.5]}') }}", "{'a': [1, 2.5]}"),
        ("{{ fromjson('{', 'default') }}", "default"),
        ("{{ fromyaml('a: [yes, 012]') }}", "{'a': [True, 10]}"),
        ("{{ toyaml({'a': [1, 'x']}) }}", "a:\n- 1\n- x\n"),
        ("{{ set([1, 2, 2]) | length }} {{ set(1, 'no') }}", "2 no"),
        ("{{ set_strict(1) }}", "error: 'int' object is not iterable"),
        ("{{ zip([1, 2], ['a', 'b']) | list }}", "[(1, 'a'), (2, 'b')]"),
        ("{{ zip(1, default='no') }}", "no"),
        ("{{ local_md5('a') }}", "0cc175b9c0f1b6a831c399e269772661"),
        ("{{ diff_of_two_dicts({'A': ['x', 'Y']}, {'a': ['y']}) }}", "{'A': ['x']}"),
        ("{{ env_var('HOME_TOWN') }} {{ env_var('NO', 5) }}", "Ulm 5"),
        ("{{ env_var('NO') }}", "error: Env var required but not provided: 'NO'"),
        (
            "{{ env_var('DBT_ENV_SECRET_A', 'x') }}",
            "error: Secret env vars are allowed only in profiles.yml or packages.yml. Found 'DBT_ENV_SECRET_A' referenced \
             elsewhere.",
        ),
        ("{{ target.name }} {{ project_name }} {{ invocation_id }}", "dev root 1-2-3"),
        ("{{ flags.WHICH }} {{ flags.full_refresh }} {{ flags.NONE is defined }}", "run False False"),
        ("{{ exceptions.raise_compiler_error('no') }}", "error: no"),
        ("{{ execute }}", "False"),
    ] {
        check_render(text, expected);
    }
}

#[test]
fn relations_render_by_their_policies() {
    for (text, expected) in [
        ("{{ this }}", r#""db"."main"."it""#),
        ("{{ this.include(database=false) }}", r#""main"."it""#),
        ("{{ this.quote(schema=false).include(database=false) }}", r#"main."it""#),
        ("{{ this.incorporate(path={'identifier': 'x'}, type='view') }}", r#""db"."main"."x""#),
        ("{{ this.incorporate(type='view').type }} {{ this.type }}", "view None"),
        ("{{ this.replace_path(schema='s') }}", r#""db"."s"."it""#),
        ("{{ this.without_identifier() }}", r#""db"."main""#),
        ("{{ this.information_schema('tables') }}", r#""db".INFORMATION_SCHEMA.tables"#),
        (
            "{{ this.database }}.{{ this.schema }}.{{ this.identifier }}.{{ this.table }}.{{ this.name }}",
            "db.main.it.it.it",
        ),
        ("{{ [this] }}", "[<TamisRelation \"db\".\"main\".\"it\">]"),
        ("{{ this.get('metadata', {}).get('type', '').endswith('Relation') }} {{ this is mapping }}", "True True"),
        ("{{ this == this.incorporate(path={}) }} {{ this == this.quote(schema=false) }}", "True False"),
        (
            "{{ this.matches(database='db', schema='main', identifier='it') }} {{ this.matches(identifier='no') }}",
            "True False",
        ),
        ("{{ api.Relation.create(schema='s', identifier='t', type='table').is_table }}", "True"),
        ("{{ api.Relation.create(database='d', schema='s', identifier='t') }}", r#""d"."s"."t""#),
        ("{{ api.Relation.View }} {{ adapter.Relation.Table }} {{ this.CTE }}", "view table cte"),
        ("{{ api.Relation.create(identifier='t', type='no') }}", "error: 'no' is not a valid RelationType"),
        (
            "{{ api.Relation.create(schema='s', identifier='t', limit=0) }}",
            r#"(select * from "s"."t" where false limit 0)"#,
        ),
        ("{{ api.Relation.create(schema='s', identifier='t', limit=0).render() }}", r#""s"."t""#),
    ] {
        check_render(text, expected);
    }
}

#[test]
fn relations_tell_what_snowflakes_macros_ask() {
    for (text, expected) in [
        (
            "{{ api.Relation.create(database='a', schema='b', identifier='c').quote(identifier=false).as_case_sensitive() }}",
            "\"a\".\"b\".\"C\"",
        ),
        ("{{ api.Relation.create(identifier='c').get_ddl_prefix_for_create({'transient': false}, false) }}", ""),
        (
            "{{ api.Relation.create(identifier='c').get_ddl_prefix_for_create({'table_format': 'iceberg'}, false) }}",
            "iceberg",
        ),
        ("{{ api.Relation.create(identifier='c', type='dynamic_table').is_dynamic_table }}", "True"),
    ] {
        check_render(text, expected);
    }
    let column = ColumnObject::of_engine("ID", "number(38,0)", true);
    assert_eq!(
        (column.dtype.as_str(), column.data_type().as_str(), column.is_integer()),
        ("NUMBER", "NUMBER(38,0)", false)
    );
    let text = ColumnObject::of_engine("NAME", "text", true);
    assert_eq!((text.is_string(), text.data_type().as_str()), (true, "character varying(16777216)"));
}

#[test]
fn columns_know_their_types() {
    for (text, expected) in [
        ("{{ api.Column('a', 'varchar', 20).data_type }}", "character varying(20)"),
        ("{{ api.Column('a', 'text').data_type }}", "character varying(256)"),
        ("{{ api.Column('a', 'decimal', none, 10, 2).data_type }}", "decimal(10,2)"),
        ("{{ api.Column.from_description('a', 'numeric(10,2)').numeric_scale }}", "2"),
        (
            "{{ api.Column.translate_type('string') }} {{ api.Column.numeric_type('numeric', 28, 6) }}",
            "TEXT numeric(28,6)",
        ),
        ("{{ api.Column.create('a', 'STRING').is_string() }}", "True"),
        ("{{ api.Column('a', 'bigint').is_number() }} {{ api.Column('a', 'double').is_float() }}", "True True"),
        ("{{ api.Column('a b', 'int').quoted }}", "\"a b\""),
        ("{{ [api.Column('a', 'int')] }}", "[<Column a (int)>]"),
        ("{{ api.Column('a', 'text').can_expand_to(api.Column('b', 'varchar', 300)) }}", "True"),
    ] {
        check_render(text, expected);
    }
}

#[test]
fn parse_mode_gives_empty_answers() {
    for (text, expected) in [
        ("{{ ref('a') }} {{ source('s', 't') }}", r#""db"."main"."it" "db"."main"."it""#),
        ("{{ config(a=1) }}|{{ config.get('a', 5) }}|{{ config.require('b') }}", "||"),
        ("{{ adapter.get_relation('d', 's', 'i') }} {{ adapter.get_columns_in_relation(this) }}", "None []"),
        ("{{ adapter.execute('select 1')[1].rows | length }} {{ load_result('x') }}", "0 None"),
        ("{{ adapter.type() }} {{ adapter.quote('a') }} {{ adapter.quote_seed_column('a', false) }}", "tamis \"a\" a"),
        ("{{ adapter.nothing() }}", ""),
        ("{{ nothing.at.all() }}|{{ graph.nodes }}", "|{}"),
        ("{{ adapter.behavior.some_flag.no_warn }}", "False"),
        ("{{ builtins.ref('a') }}", r#""db"."main"."it""#),
    ] {
        check_render(text, expected);
    }
}

#[test]
fn parse_mode_records_what_the_template_does() {
    let fixture = with_macros();
    let context = parse_context(&fixture, "root");
    let text = "{{ config(materialized='table', pre_hook='x') }}{{ config({'tags': ['a']}) }}
        {{ ref('a') }}{{ ref('p', 'b', v=2) }}{% if execute %}{{ ref('c') }}{% endif %}
        {# {{ ref('d') }} #}{{ source('s', 't') }}{{ sql() }}{{ adapter.dispatch('mine', 'pkg')() }}";
    context.render(&template(text)).unwrap();
    let recorded = context.take_recorded();
    let configs: Vec<String> = recorded
        .configs
        .iter()
        .map(|call| Value::dict(call.values.iter().map(|(key, value)| (key.as_str(), value.clone()))).to_str())
        .collect();
    assert_eq!(configs, ["{'materialized': 'table', 'pre-hook': 'x'}", "{'tags': ['a']}"]);
    let refs: Vec<String> = recorded
        .refs
        .iter()
        .map(|call| format!("{:?} {} {:?}", call.package, call.name, call.version.as_ref().map(Value::to_str)))
        .collect();
    assert_eq!(refs, ["None a None", "Some(\"p\") b Some(\"2\")"]);
    assert!(recorded.refs.iter().all(|call| call.span.is_some()));
    assert_eq!(recorded.sources.len(), 1);
    let macros: Vec<&str> = recorded.macros.iter().map(UniqueId::as_str).collect();
    // Not what `sql` calls: that is in its own dependencies.
    assert_eq!(macros, ["macro.dbt.sql", "macro.pkg.default__mine"]);
}

#[test]
fn both_spellings_of_a_hook_in_one_call_are_an_error() {
    check_render(
        "{{ config({'pre_hook': 'a', 'pre-hook': 'b'}) }}",
        "error: Invalid config, has conflicting keys \"pre_hook\" and \"pre-hook\"",
    );
}

#[test]
fn naming_macros_give_stripped_text() {
    let fixture = with_macros();
    let scope = fixture.scopes.get("pkg");
    let name = call_name_macro(&scope, &fixture.scopes, "generate_schema_name", " mart ".into(), Value::None);
    assert_eq!(name.unwrap(), "main_mart");
}

#[test]
fn warnings_and_logs_are_events() {
    let fixture = fixture("", "", "", "");
    let text = "{{ exceptions.warn('careful') }}{{ log('quiet') }}{{ log('loud', info=true) }}{{ print('out') }}";
    assert_eq!(render(&fixture, "root", text), "");
    let events = fixture.events.0.lock().unwrap();
    let seen: Vec<String> = events
        .iter()
        .map(|event| match event {
            Event::Diagnostic(diagnostic) => format!("{:?} {}", diagnostic.event, diagnostic.message),
            Event::Log { message, level, .. } => format!("{level:?} {message}"),
            Event::Print { message } => format!("print {message}"),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(seen, ["Some(\"JinjaLogWarning\") careful", "Debug quiet", "Info loud", "print out"]);
}

#[test]
fn descriptions_see_docs_and_no_macros() {
    let fixture = with_macros();
    let find: FindDoc = std::sync::Arc::new(|_, name, _| (name == "known").then(|| "Known.".to_owned()));
    let context = docs_context(fixture.scopes.get("root"), find);
    let render = |text: &str| Interp::new(&context).render(&template(text)).map(|rendered| rendered.text);
    assert_eq!(render("{{ doc('known') }} {{ target.name }}").unwrap(), "Known. dev");
    assert!(render("{{ doc('unknown') }}").unwrap_err().message.contains("'unknown' was not found"));
    assert!(render("{{ both() }}").is_err());
}

#[test]
fn constraints_render_as_ddl() {
    for (text, expected) in [
        (
            "{{ adapter.render_raw_columns_constraints({'a': {'name': 'a', 'data_type': 'int', 'constraints': \
             [{'type': 'not_null'}, {'type': 'check', 'expression': 'a > 0'}]}}) }}",
            "['a int not null check (a > 0)']",
        ),
        (
            "{{ adapter.render_raw_model_constraints([{'type': 'primary_key', 'columns': ['a', 'b']}, \
             {'type': 'foreign_key', 'columns': ['a'], 'to': 'x', 'to_columns': ['id'], 'name': 'fk'}]) }}",
            "['primary key (a, b)', 'constraint fk foreign key (a) references x (id)']",
        ),
    ] {
        check_render(text, expected);
    }
}
