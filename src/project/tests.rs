//! Whole projects in memory: what is read, and what is said about what is wrong.

use std::{path::PathBuf, sync::Arc};

use indexmap::IndexMap;

use super::*;
use crate::{
    diagnostic::{Diagnostic, SourceMap},
    jinja::Value,
    names::ResourceType,
};

const ADAPTERS: &[AdapterSpec] = &[AdapterSpec {
    name: "datafusion",
    parents: &[],
    keys: &["path", "memory_limit", "databases", "password"],
    required: &[&["path"]],
    aliases: &[("dbname", "database")],
    quoted: true,
    reads_files: true,
    comment_behind: false,
    dialects: &[],
    wide_types: false,
    default_database: Some("tamis"),
    default_schema: None,
    secret: &["password"],
}];

const EMBEDDED: &[EmbeddedPackage] = &[
    EmbeddedPackage { name: "dbt", files: &[("macros/a.sql", "{% macro a() %}1{% endmacro %}")] },
    EmbeddedPackage { name: "dbt_datafusion", files: &[("macros/deep/b.sql", "{% macro b() %}2{% endmacro %}")] },
    EmbeddedPackage { name: "dbt_other", files: &[("macros/c.sql", "{% macro c() %}3{% endmacro %}")] },
];

const PROJECT: &str = "name: shop\nprofile: shop\n";
const PROFILES: &str = "shop:\n  target: dev\n  outputs:\n    dev: {type: datafusion, path: w, schema: main, threads: 2}\n    ci: {type: datafusion, path: \"{{ env_var('NOT_THERE') }}\", schema: ci}\n";

struct Loaded {
    project: Option<Project>,
    diagnostics: Vec<Diagnostic>,
    sources: SourceMap,
}

impl Loaded {
    fn project(&self) -> &Project {
        self.project.as_ref().unwrap()
    }

    /// `error[code] place message (help)` for each.
    fn shown(&self) -> Vec<String> {
        self.diagnostics
            .iter()
            .map(|found| {
                let level = if found.is_error() { "error" } else { "warning" };
                let place =
                    found.labels.first().map_or_else(String::new, |label| self.sources.location(label.span) + " ");
                let help = found.help.as_ref().map_or_else(String::new, |help| format!(" ({help})"));
                format!("{level}[{}] {place}{}{help}", found.code, found.message)
            })
            .collect()
    }
}

fn options() -> LoadOptions<'static> {
    let env = |name: &str| match name {
        "PLACE" => Some("from_env".to_owned()),
        "N" => Some("4".to_owned()),
        "DBT_ENV_SECRET_KEY" => Some("hush".to_owned()),
        _ => None,
    };
    LoadOptions {
        current_dir: PathBuf::from("/p"),
        project_dir: None,
        profile_dirs: vec![PathBuf::from("profiles"), PathBuf::from("")],
        profile: None,
        target: None,
        threads: None,
        profile_need: Need::Required,
        with_files: true,
        vars: IndexMap::new(),
        env: Arc::new(env),
        flags: Value::None,
        globals: IndexMap::new(),
        dbt_version: "1.11.2",
        version_check: true,
        adapters: ADAPTERS,
        embedded: EMBEDDED,
        parallelism: 2,
    }
}

fn load_with(files: &[(&str, &str)], change: impl FnOnce(&mut LoadOptions<'static>)) -> Loaded {
    let mut fs = MemoryFileSystem::default();
    fs.insert("/p/dbt_project.yml", PROJECT);
    fs.insert("/p/profiles.yml", PROFILES);
    for (path, text) in files {
        if text.is_empty() {
            fs.remove(&PathBuf::from("/p").join(path));
        } else {
            fs.insert(PathBuf::from("/p").join(path), *text);
        }
    }
    let mut options = options();
    change(&mut options);
    let sources = SourceMap::default();
    let (project, diagnostics) = load(&options, &fs, &sources);
    Loaded { project, diagnostics, sources }
}

fn load_files(files: &[(&str, &str)]) -> Loaded {
    load_with(files, |_| {})
}

#[track_caller]
fn check(files: &[(&str, &str)], expected: &[&str]) {
    assert_eq!(load_files(files).shown(), expected);
}

fn paths(files: &[TextFile]) -> Vec<&str> {
    files.iter().map(|file| file.original_file_path.as_str()).collect()
}

#[test]
fn files_are_found_by_their_folders_and_kept_in_order() {
    let loaded = load_files(&[
        ("models/b.sql", "\n  select 1  \n"),
        ("models/staging/a.sql", "select 1"),
        ("models/a.sql", "select 1"),
        ("models/p.py", "def model(dbt, session): pass"),
        ("models/schema.yml", "models: [{name: a}]"),
        ("models/docs.md", "{% docs a %} text {% enddocs %} {{ broken"),
        ("models/ignored.sql", "{{ broken"),
        (".dbtignore", "ignored.sql\n"),
        ("tests/singular.sql", "select 1"),
        ("tests/generic/g.sql", "{% test g(model) %}{% endtest %}"),
        ("tests/fixtures/f.csv", "a\n1\n"),
        ("seeds/s.csv", "a,b\n1,2\n"),
        ("macros/m.sql", "{% macro m() %}{% endmacro %}"),
        ("snapshots/sn.sql", "{% snapshot sn %}select 1{% endsnapshot %}"),
        ("analyses/an.sql", "select 1"),
        ("other/x.sql", "{{ broken"),
    ]);
    assert_eq!(loaded.shown(), Vec::<String>::new());
    let project = loaded.project();
    assert_eq!(project.packages.keys().collect::<Vec<_>>(), ["shop", "dbt", "dbt_datafusion"]);
    let root = project.root_package().unwrap();
    let expected = ["models/a.sql", "models/b.sql", "models/staging/a.sql", "models/p.py"];
    assert_eq!(paths(&root.models), expected);
    assert_eq!(root.models[2].path, "staging/a.sql");
    assert_eq!(paths(&root.singular_tests), ["tests/singular.sql"]);
    assert_eq!(paths(&root.generic_tests), ["tests/generic/g.sql"]);
    assert_eq!(root.seeds[0].original_file_path, "seeds/s.csv");
    assert_eq!(root.fixtures[0].name, "f");
    assert_eq!(root.docs[0].template.as_ref().unwrap().blocks()[0].name.as_ref(), "a");
    let model = &root.models[1];
    assert_eq!(
        (&*model.text, loaded.sources.location(model.origin.span(0, 0))),
        ("select 1", "models/b.sql:2:3".into())
    );
    assert_eq!(model.checksum, "822ae07d4783158bc1912bb623e5107cc9002d519e1143a9c200ed6ee18b6d0f");
    let embedded = &project.packages["dbt_datafusion"].macros[0];
    assert_eq!(loaded.sources.location(embedded.origin.span(0, 0)), "<dbt_datafusion>/macros/deep/b.sql:1:1");
    assert_eq!(embedded.template.as_ref().unwrap().macros("dbt_datafusion")[0].name.as_ref(), "b");
}

#[test]
fn the_project_file_is_rendered_where_dbt_renders_it() {
    let text = "name: shop\nprofile: \"{{ 'sh' ~ 'op' }}\"\nmodel-paths: [\"{{ env_var('PLACE') }}\"]\nvars: {a: \"{{ 1 }}\"}\non-run-start: \"{{ ref('x') }}\"\nmodels:\n  shop:\n    +enabled: \"{{ target.name == 'dev' }}\"\n    +pre-hook: \"{{ this }}\"\n    +schema: \"{{ var('s') }}\"\n";
    let loaded = load_with(&[("dbt_project.yml", text)], |options| {
        options.vars.insert("s".into(), "from_var".into());
    });
    assert_eq!(loaded.shown(), Vec::<String>::new());
    let config = &loaded.project().root_package().unwrap().config;
    assert_eq!(config.paths.models, ["from_env"]);
    assert_eq!(config.vars.as_ref().unwrap().to_value().to_repr(), "{'a': '{{ 1 }}'}");
    assert_eq!(&*config.on_run_start[0].text, "{{ ref('x') }}");
    assert_eq!(
        config.trees[&ResourceType::Model].rendered.to_repr(),
        "{'shop': {'+enabled': True, '+pre-hook': '{{ this }}', '+schema': 'from_var'}}"
    );
}

#[test]
fn what_is_wrong_in_the_project_file_is_said_at_its_place() {
    for (text, expected) in [
        (
            "profile: shop\n",
            "error[project-name] dbt_project.yml:1:1 dbt_project.yml has no `name` (add `name: my_project`)",
        ),
        (
            "name: 1shop\nprofile: shop\n",
            "error[project-name] dbt_project.yml:1:7 the project name `1shop` is not a name (use letters, digits and underscores, starting with a letter or underscore)",
        ),
        (
            "name: this\nprofile: shop\n",
            "error[project-name] dbt_project.yml:1:7 Invalid project name: this is a reserved word",
        ),
        (
            "name: shop\nprofile: shop\nmodel-path: [x]\n",
            "warning[unknown-key] dbt_project.yml:3:1 unknown key `model-path` in dbt_project.yml (did you mean `model-paths`?)",
        ),
        (
            "name: shop\nprofile: shop\nmodels: [x]\n",
            "error[wrong-type] dbt_project.yml:3:9 `models` of dbt_project.yml must be a mapping, found a list",
        ),
        (
            "name: shop\nprofile: shop\nsource-paths: [x]\n",
            "warning[deprecated-key] dbt_project.yml:3:1 `source-paths` is now called `model-paths` (rename it to `model-paths`)",
        ),
        (
            "name: shop\nprofile: shop\nrequire-dbt-version: '>=2.0.0'\n",
            "error[dbt-version] This version of dbt is not supported with the 'shop' package: it requires >=2.0.0, found 1.11.2 (change `require-dbt-version`, or give `--no-version-check`)",
        ),
        (
            "name: shop\nprofile: shop\nseed-paths: \"{{ env_var('NOPE') }}\"\n",
            "error[raised] dbt_project.yml:3:17 Env var required but not provided: 'NOPE'",
        ),
        (
            "name: shop\nprofile: shop\nseed-paths: \"{{ env_var('DBT_ENV_SECRET_KEY') }}\"\n",
            "error[raised] dbt_project.yml:3:17 Secret env vars are allowed only in profiles.yml or packages.yml. Found 'DBT_ENV_SECRET_KEY' referenced elsewhere.",
        ),
        (
            "name: shop\nprofile: sho\n",
            "error[profile-not-found] dbt_project.yml:2:10 Could not find profile named 'sho' (did you mean `shop`?)",
        ),
        (
            "name: shop\n",
            "error[profile-missing] dbt_project.yml names no `profile`, and none is given (add `profile: name` to dbt_project.yml, or give `--profile name`)",
        ),
        ("- a\n", "error[wrong-type] dbt_project.yml:1:1 dbt_project.yml must be a mapping, found a list"),
    ] {
        assert_eq!(load_files(&[("dbt_project.yml", text)]).shown(), [expected], "{text}");
    }
    let none = load_with(&[], |options| options.current_dir = PathBuf::from("/elsewhere"));
    assert!(none.project.is_none());
    assert!(none.shown()[0].contains("No dbt_project.yml found at expected path /elsewhere/dbt_project.yml"));
}

#[test]
fn a_profile_is_chosen_and_only_its_output_is_rendered() {
    let loaded = load_files(&[("models/deep/a.sql", "x")]);
    let profile = loaded.project().profile.as_ref().unwrap();
    assert_eq!((profile.target_name.as_str(), profile.threads, profile.schema.as_str()), ("dev", 2, "main"));
    assert_eq!(profile.database.as_deref(), Some("tamis"));
    let below =
        load_with(&[("models/deep/a.sql", "x")], |options| options.current_dir = PathBuf::from("/p/models/deep"));
    assert_eq!(below.project().root, PathBuf::from("/p"));
    let secret = "shop:\n  outputs:\n    default: {type: datafusion, path: w, dbname: d, schema: \"{{ env_var('DBT_ENV_SECRET_KEY') | upper }}\", password: 'a{{b'}\n";
    let loaded = load_files(&[("profiles.yml", secret)]);
    assert_eq!(loaded.shown(), Vec::<String>::new());
    let project = loaded.project();
    let profile = project.profile.as_ref().unwrap();
    assert_eq!((profile.text("password"), profile.database.as_deref()), (Some("a{{b"), Some("d")));
    assert_eq!(project.secrets, ["hush", "a{{b"]);
    assert!(!profile.target().to_repr().contains("a{{b"));
}

#[test]
fn what_is_wrong_in_a_profile_is_said_at_its_place() {
    let with = |output: &str| format!("shop:\n  target: dev\n  outputs:\n    dev: {{{output}}}\n");
    for (output, expected) in [
        (
            "path: w, schema: s",
            "error[profile-type] profiles.yml:4:5 target `dev` of profile `shop` has no `type` (add `type:` with one of datafusion)",
        ),
        (
            "type: datafusio, path: w, schema: s",
            "error[profile-type] profiles.yml:4:11 target `dev` of profile `shop` has the type `datafusio`, which is not supported (did you mean `datafusion`?)",
        ),
        (
            "type: datafusion, schema: s",
            "error[profile-key-missing] profiles.yml:4:5 target `dev` of profile `shop` has no `path`",
        ),
        (
            "type: datafusion, path: w",
            "error[profile-key-missing] profiles.yml:4:5 target `dev` of profile `shop` has no `schema` (add `schema: name`)",
        ),
        (
            "type: datafusion, path: w, schema: s, memry_limit: 1GB",
            "warning[unknown-key] profiles.yml:4:49 unknown setting `memry_limit` in target `dev` of profile `shop`, which has no meaning for `datafusion` (did you mean `memory_limit`?)",
        ),
        (
            "type: datafusion, path: w, schema: s, threads: \"{{ env_var('N') }}\"",
            "error[profile-threads] profiles.yml:4:49 `threads` of target `dev` of profile `shop` must be a whole number above 0, found '4' (a text stays a text: add `| int` to the expression)",
        ),
        (
            "type: datafusion, path: \"{{ env_var('NOPE') }}\", schema: s",
            "error[raised] profiles.yml:4:39 Env var required but not provided: 'NOPE'",
        ),
    ] {
        assert_eq!(load_files(&[("profiles.yml", &with(output))]).shown()[0], expected, "{output}");
    }
    let wrong_target = load_with(&[], |options| options.target = Some("prod".into()));
    assert_eq!(
        wrong_target.shown(),
        ["error[target-not-found] profiles.yml:1:1 The profile 'shop' does not have a target named 'prod'."]
    );
    assert_eq!(wrong_target.diagnostics[0].notes, ["The valid target names for this profile are: dev, ci"]);
    let nowhere = load_files(&[("profiles.yml", "")]);
    assert_eq!(
        nowhere.diagnostics[0].notes,
        ["dbt looked for a profiles.yml file in profiles", "dbt looked for a profiles.yml file in /p/"]
    );
    assert!(nowhere.project.is_some());
}

#[test]
fn local_packages_work_without_being_installed() {
    let package = "name: helper\nprofile: x\n";
    let loaded = load_files(&[
        ("packages.yml", "packages:\n  - local: ../helper\n"),
        ("../helper/dbt_project.yml", package),
        ("../helper/models/h.sql", "select 1"),
    ]);
    assert_eq!(loaded.shown(), Vec::<String>::new());
    assert_eq!(paths(&loaded.project().packages["helper"].models), ["models/h.sql"]);
    let installed = [
        ("packages.yml", "packages:\n  - package: org/helper\n    version: 1.0.0\n"),
        ("dbt_packages/helper/dbt_project.yml", package),
    ];
    assert_eq!(load_files(&installed).shown(), Vec::<String>::new());
    let missing = load_files(&installed[..1]);
    assert!(
        missing.shown()[0].starts_with("error[packages-not-installed] packages.yml:2:5 dbt found 1 package(s)"),
        "{:?}",
        missing.shown()
    );
    let twice = load_files(&[("dbt_packages/a/dbt_project.yml", package), ("dbt_packages/b/dbt_project.yml", package)]);
    assert!(twice.shown()[0].starts_with("error[package-twice] "), "{:?}", twice.shown());
    check(
        &[("packages.yml", "packages:\n  - local: nowhere\n")],
        &["error[package-not-found] packages.yml:2:5 the local package `nowhere` was not found"],
    );
}

#[test]
fn a_broken_file_does_not_hide_the_others() {
    let loaded = load_files(&[
        ("models/a.yml", "models:\n\t- name: a\n"),
        ("models/b.yml", "models:\n  - name: b\n    columns: x\n  - nam: c\n  - name: d\n    colums: []\n"),
        ("models/a.sql", "select {{ 1"),
        ("models/b.sql", "select 1"),
        ("models/c.yml", "model: []\n"),
    ]);
    let shown = loaded.shown();
    assert_eq!(shown.len(), 6, "{shown:#?}");
    assert!(shown[0].starts_with("error[jinja-syntax] models/a.sql:1:"), "{}", shown[0]);
    assert!(shown[1].starts_with("error[yaml-syntax] models/a.yml:2:1 "), "{}", shown[1]);
    assert_eq!(shown[2], "error[wrong-type] models/b.yml:3:14 `columns` of model `b` must be a list, found a text");
    assert_eq!(
        shown[3],
        "error[missing-key] models/b.yml:4:5 The schema file at models/b.yml is invalid because a list element for 'models' does not have a name attribute."
    );
    assert_eq!(
        shown[4],
        "warning[unknown-key] models/b.yml:6:5 unknown key `colums` in model `d` (did you mean `columns`?)"
    );
    assert_eq!(
        shown[5],
        "warning[unknown-key] models/c.yml:1:1 unknown key `model` in a properties file (did you mean `models`?)"
    );
    let root = loaded.project().root_package().unwrap();
    assert_eq!(root.properties[1].properties.models.len(), 2);
    assert!(root.models[0].template.is_none() && root.models[1].template.is_some());
}

#[test]
fn every_form_of_a_test_is_taken_apart() {
    let loaded = load_files(&[(
        "models/s.yml",
        "models:
  - name: a
    columns:
      - name: id
        data_tests:
          - unique
          - accepted_values: {values: [1], severity: warn}
          - pk.between:
              name: mine
              arguments: {low: 1}
              config: {where: x}
          - {name: own, test_name: not_null, column_name: id}
          - unique: {model: b}
          - 7
    tests: [{a: {}, b: {}}]
",
    )]);
    let tests = &loaded.project().root_package().unwrap().properties[0].properties.models[0].columns[0].tests;
    let shown: Vec<String> = tests
        .iter()
        .map(|test| {
            format!(
                "{:?} {} name={:?} args={}{} config={}{}",
                test.namespace(),
                test.test_name(),
                test.name.as_ref().map(|name| name.text.as_str()),
                test.inline_arguments.to_value().to_repr(),
                test.arguments.as_ref().map_or_else(String::new, |map| map.to_value().to_repr()),
                test.inline_config.to_value().to_repr(),
                test.config.as_ref().map_or_else(String::new, |map| map.to_value().to_repr()),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "None unique name=None args={} config={}",
            "None accepted_values name=None args={'values': [1]} config={'severity': 'warn'}",
            "Some(\"pk\") between name=Some(\"mine\") args={}{'low': 1} config={}{'where': 'x'}",
            "None not_null name=Some(\"own\") args={'column_name': 'id'} config={}",
            "None unique name=None args={'model': 'b'} config={}",
        ]
    );
    let codes: Vec<&str> = loaded.diagnostics.iter().map(|found| found.code.0).collect();
    assert_eq!(codes, ["test-argument", "test-form", "test-form"], "{:#?}", loaded.shown());
}

#[test]
fn results_do_not_depend_on_timing() {
    let models: Vec<(String, String)> =
        (0..200).map(|at| (format!("models/m{at:03}.sql"), format!("select {at} {{{{ x"))).collect();
    let files: Vec<(&str, &str)> = models.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let first = load_files(&files).shown();
    assert_eq!(first.len(), 200);
    for _ in 0..5 {
        assert_eq!(load_files(&files).shown(), first);
    }
}
