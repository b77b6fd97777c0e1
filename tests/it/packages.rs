//! Packages as projects use them: installed by hand or by `deps`, their macros dispatched.

use super::binary::Folder;

const TOOLS: &str = "name: tools\nversion: 1.0.0\n";

#[test]
fn a_package_that_was_put_into_dbt_packages_serves_wherever_it_came_from() {
    for packages in
        ["- local: ../gone", "- package: acme/tools\n    version: 1.0.0", "- git: https://example.test/x.git"]
    {
        let folder = Folder::new(&[
            ("packages.yml", &format!("packages:\n  {packages}\n")),
            ("dbt_packages/tools/dbt_project.yml", TOOLS),
            ("dbt_packages/tools/macros/one.sql", "{% macro one() %}1{% endmacro %}"),
            ("models/m.sql", "select {{ tools.one() }} as id"),
        ]);
        folder.expect(0, &["run"]);
        assert_eq!(folder.rows("select * from {{ ref('m') }}"), [r#"{"id":1}"#], "{packages}");
    }
}

#[test]
fn a_dispatched_macro_is_the_engines_own_then_duckdbs_then_the_default() {
    let folder = Folder::new(&[
        ("dbt_packages/tools/dbt_project.yml", TOOLS),
        (
            "dbt_packages/tools/macros/all.sql",
            "{% macro pick(name) %}{{ return(adapter.dispatch(name, 'tools')()) }}{% endmacro %}
             {% macro default__a() %}'default'{% endmacro %}{% macro duckdb__a() %}'duckdb'{% endmacro %}
             {% macro datafusion__a() %}'datafusion'{% endmacro %}
             {% macro default__b() %}'default'{% endmacro %}{% macro duckdb__b() %}'duckdb'{% endmacro %}
             {% macro default__c() %}'default'{% endmacro %}{% macro postgres__c() %}'postgres'{% endmacro %}",
        ),
        ("models/m.sql", "select {{ tools.pick('a') }} as a, {{ tools.pick('b') }} as b, {{ tools.pick('c') }} as c"),
    ]);
    folder.expect(0, &["run"]);
    assert_eq!(folder.rows("select * from {{ ref('m') }}"), [r#"{"a":"datafusion","b":"duckdb","c":"default"}"#]);
}

#[test]
fn a_seed_reads_times_without_seconds_into_a_timestamp_column() {
    let folder = Folder::new(&[
        ("dbt_project.yml", "name: shop\nprofile: shop\nseeds: {+column_types: {at: timestamp}}\n"),
        ("seeds/s.csv", "at\n2021-01-01 00:05\n2021-01-01T10:00:01\n"),
    ]);
    folder.expect(0, &["seed"]);
    assert_eq!(
        folder.rows("select count(*) as n, extract(minute from min(at)) as m from {{ ref('s') }}"),
        [r#"{"n":2,"m":5}"#]
    );
}

#[test]
fn a_union_of_columns_that_cannot_be_null_is_compared_with_a_table() {
    let folder = Folder::new(&[(
        "models/m.sql",
        "with t as (select * from (values (1), (2)) as v(k)),
         one as (select coalesce(a.k = b.k, false) as same from t a full outer join t b on a.k = b.k)
         select same from one union all select same from one",
    )]);
    folder.expect(0, &["run"]);
    let rows = folder.rows("select same from {{ ref('m') }} where not same is null except select false");
    assert_eq!(rows, [r#"{"same":true}"#]);
}

#[test]
fn results_in_on_run_end_are_objects_that_become_dicts() {
    let folder = Folder::new(&[
        ("dbt_project.yml", "name: shop\nprofile: shop\non-run-end: [\"{{ report(results) }}\"]\n"),
        (
            "macros/report.sql",
            "{% macro report(results) %}{% for result in results %}
             {% do log(result.node.to_dict().name ~ ' ' ~ result.node.name ~ ' ' ~ result.to_dict().node.alias ~ ' '
                ~ (result.timing | map(attribute='name') | join('+')) ~ ' ' ~ result.timing[0].to_dict().name ~ ' '
                ~ result.node.get('missing', 'none') ~ ' ' ~ (result.to_dict() | tojson | length > 100), info=true) %}
             {% endfor %}{% endmacro %}",
        ),
        ("models/m.sql", "select 1 as id"),
    ]);
    let ran = folder.expect(0, &["run"]);
    assert!(ran.stdout.contains("m m m compile+execute compile none True"), "{}", ran.stdout);
}

#[test]
fn what_overrides_no_source_is_told() {
    let folder = Folder::new(&[
        ("dbt_packages/tools/dbt_project.yml", TOOLS),
        ("dbt_packages/tools/models/s.yml", "sources: [{name: shop, tables: [{name: orders}]}]"),
        (
            "models/s.yml",
            "sources:\n  - {name: shop, overrides: tools, tables: [{name: items}]}\n  - {name: nothing, overrides: tools}\n",
        ),
    ]);
    folder.expect(0, &["parse"]).shows(&[
        "source `shop` of package `tools` has no table `items` to override",
        "source `nothing` overrides one of package `tools`, which has none of that name",
    ]);
    folder.write("models/t.yml", "sources: [{name: shop, overrides: tools}]");
    folder.expect(2, &["parse"]).shows(&["source `shop` of `tools` is overridden twice"]);
}
