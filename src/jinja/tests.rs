//! Tests of the template language.

use std::sync::Arc;

use super::*;
use crate::diagnostic::{Origin, SourceId, Span};

struct Names(Dict);

impl Globals for Names {
    fn get(&self, name: &str) -> Option<Value> {
        self.0.get(&StrKey(name)).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.0.keys().map(Value::to_str).collect()
    }
}

fn origin() -> Origin {
    Origin::At { source: SourceId(0), offset: 0 }
}

fn parse(text: &str) -> Template {
    Template::parse(text, origin()).unwrap_or_else(|errors| panic!("{text}: {errors:?}"))
}

fn render(text: &str, names: Dict) -> Result<String, JinjaError> {
    let names = Names(names);
    Interp::new(&names).render(&parse(text)).map(|rendered| rendered.text)
}

#[test]
fn the_common_language_renders() {
    for (template, expected) in [
        ("a {{ 1 + 1 }} b\n", "a 2 b"),
        ("{% set x = [1, 'a', none, true, 1.0] %}{{ x }}", "[1, 'a', None, True, 1.0]"),
        ("{% for x in 'a','b' %}{{ loop.index }}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}", "1a, 2b"),
        ("{% macro m(a, b=2) %}{{ a }}-{{ b }}{{ varargs }}{% endmacro %}{{ m(1) }} {{ m(1, b=3) }}", "1-2() 1-3()"),
        ("{% macro m() %}[{{ caller('x') }}]{% endmacro %}{% call(y) m() %}{{ y }}!{% endcall %}", "[x!]"),
        ("{% set ns = namespace(n=0) %}{% for i in range(4) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}", "6"),
        ("{% set l = [] %}{% do l.append(1) if true %}{{ l }}", "[1]"),
        ("{{ 1, 2 }} {{ 'a' ~ 1 }} {{ 7 // 2 }} {{ 7 / 2 }} {{ 1 < 2 < 3 }}", "(1, 2) a1 3 3.5 True"),
        ("{% set x %}a{{ 1 }}{% endset %}{{ x | upper }}", "A1"),
        ("{{ missing }}|{{ {}.a }}|{{ missing is defined }}", "||False"),
        ("{{ {'a': 1}.items() | list }} {{ 'a-b'.split('-') }} {{ [1,2,3][1:] }}", "[('a', 1)] ['a', 'b'] [2, 3]"),
    ] {
        assert_eq!(
            render(template, Dict::new()).map_err(|error| error.to_string()),
            Ok(expected.to_owned()),
            "{template}"
        );
    }
}

#[test]
fn output_knows_the_template_text_that_printed_it() {
    let text = "select {{ x }} from {{ m() }} where 1";
    let library = parse("{% macro m() %}tab{{ 1 + 1 }}le{% endmacro %}");
    let definition = library.macros("pkg").remove(0);
    let names = Names([("x".into(), "col".into()), ("m".into(), Value::Macro(definition))].into_iter().collect());
    let rendered = Interp::new(&names).render(&parse(text)).unwrap();
    assert_eq!(rendered.text, "select col from tab2le where 1");
    let span = |start: usize, end: usize| Some(Span::new(SourceId(0), start, end));
    for (offset, expected) in
        [(0, span(0, 1)), (8, span(10, 11)), (16, span(15, 16)), (19, span(21, 26)), (23, span(30, 31))]
    {
        assert_eq!(rendered.map.lookup(offset), expected, "{offset}");
    }
    assert_eq!(rendered.map.piece(16).and_then(|piece| piece.macro_name.clone()), Some(Arc::from("pkg.m")));
}

/// Where tamis differs from Jinja2 on purpose, with the reason.
const DIFFERENCES: &[(&str, &str)] =
    &[("{% raw %}", "Jinja2 loses the rest of the file without a word; an error is better")];

fn without_addresses(text: &str) -> String {
    regex::Regex::new("0x[0-9a-f]{6,}").unwrap().replace_all(text, "0x").into_owned()
}

fn recorded() -> serde_json::Value {
    serde_json::from_str(include_str!("../../tests/cases/jinja/recorded.json")).unwrap()
}

fn recorded_names(recorded: &serde_json::Value) -> Names {
    let Value::Dict(names) = Value::from_json(&recorded["names"]) else { panic!("names are a mapping") };
    let names = names.lock().unwrap().clone();
    Names(names)
}

fn outcome(template: &str, names: &Names) -> Result<String, String> {
    let parsed = Template::parse(template, origin()).map_err(|errors| format!("syntax: {}", errors[0].message))?;
    Interp::new(names).render(&parsed).map(|rendered| rendered.text).map_err(|error| error.to_string())
}

#[test]
fn templates_give_what_jinja2_recorded() {
    let recorded = recorded();
    let mut wrong = Vec::new();
    let mut kept = Vec::new();
    for case in recorded["text"].as_array().unwrap() {
        let template = case["template"].as_str().unwrap();
        let names = recorded_names(&recorded);
        let found = outcome(template, &names);
        let expected = case["text"].as_str();
        let same = match (&found, expected) {
            (Ok(found), Some(expected)) => without_addresses(found) == without_addresses(expected),
            (Err(message), None) => case["error"] != "UndefinedError" || message == case["message"].as_str().unwrap(),
            _ => false,
        };
        let known = DIFFERENCES.iter().any(|(other, _)| *other == template);
        if known {
            kept.push(template);
            assert!(!same, "{template:?} is listed as a difference, but is none");
        } else if !same {
            wrong.push(format!("{template:?}\n    jinja2: {case}\n    found:  {found:?}"));
        }
    }
    assert_eq!(kept.len(), DIFFERENCES.len(), "a listed difference is not among the recorded templates");
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn native_values_are_what_dbts_rule_gives() {
    let recorded = recorded();
    let mut wrong = Vec::new();
    for case in recorded["native"].as_array().unwrap() {
        let template = case["template"].as_str().unwrap();
        let names = recorded_names(&recorded);
        let found = Interp::new(&names).render_native(&parse(template)).map(|value| value.to_repr());
        if found.as_deref().ok() != case["repr"].as_str() {
            wrong.push(format!("{template:?}\n    jinja2: {}\n    found:  {found:?}", case["repr"]));
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn modules_give_what_python_recorded() {
    let names = Names([("modules".into(), modules())].into_iter().collect());
    let mut wrong = Vec::new();
    for case in recorded()["modules"].as_array().unwrap() {
        let template = case["template"].as_str().unwrap();
        let found = outcome(template, &names);
        let same = match (&found, case["text"].as_str()) {
            (Ok(found), Some(expected)) => without_addresses(found) == without_addresses(expected),
            (Err(_), None) => true,
            _ => false,
        };
        if !same {
            let short = template.rsplit("%}").next().unwrap();
            wrong.push(format!("{short}\n    python: {} {}\n    found:  {found:?}", case["text"], case["message"]));
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}

fn library(text: &str) -> Names {
    let macros = parse(text).macros("pkg");
    Names(
        macros.into_iter().map(|definition| (Value::Str(definition.name.clone()), Value::Macro(definition))).collect(),
    )
}

fn failure(text: &str, names: &Names) -> JinjaError {
    Interp::new(names).render(&parse(text)).expect_err(text)
}

#[test]
fn a_hostile_template_is_an_error_and_not_a_crash() {
    for (open, close) in [
        ("not ", ""),
        ("-", ""),
        ("(", ")"),
        ("[", "]"),
        ("{'a': ", "}"),
        ("f(", ")"),
        ("a if ", " else b"),
        ("a|f(", ")"),
        ("x is y ", ""),
        ("a.", ""),
        ("1 if 1 else ", ""),
    ] {
        let text = format!("{{{{ {}x{} }}}}", open.repeat(50_000), close.repeat(50_000));
        drop(Template::parse(&text, origin()).map(|template| Interp::new(&library("")).render(&template)));
    }
    for part in
        ["{% if x %}", "{% for x in y %}", "{% set x %}", "{% filter upper %}", "{% macro m() %}", "{% call f() %}"]
    {
        assert!(Template::parse(&part.repeat(50_000), origin()).is_err(), "{part}");
    }
    for (start, part, end) in [
        ("{% if x %}", "{% elif x %}", "{% endif %}"),
        ("{{ 1", " + 1", " }}"),
        ("{{ 1", " ~ 1", " }}"),
        ("{{ 1", " < 2", " }}"),
        ("{{ 1", " and 2", " }}"),
        ("{{ 2", " ** 1", " }}"),
    ] {
        let text = format!("{start}{}{end}", part.repeat(50_000));
        drop(Interp::new(&library("")).render(&parse(&text)).map(|rendered| rendered.text));
    }
}

#[test]
fn endless_templates_run_into_limits() {
    let names = library(
        "{% macro a() %}{{ a() }}{% endmacro %}{% macro b(n) %}{% for i in [1] %}{% if true %}{{ [b(n)] }}{% endif %}{% endfor %}{% endmacro %}\
         {% macro c() %}{% call c() %}{{ caller() }}{% endcall %}{% endmacro %}",
    );
    for text in [
        "{{ a() }}",
        "{{ b(1) }}",
        "{{ c() }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for a in range(10000000000) %}{% endfor %}",
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{% for a in range(1000) %}{{ range(10000) | sum }}{% endfor %}",
        "{{ 'a' * 10000000000 }}",
        "{{ [1] * 10000000000 }}",
        "{{ '%10000000000d' % 1 }}",
        "{{ '{:10000000000}'.format(1) }}",
        "{{ 'a'.center(10000000000) }}",
        "{% set ns = namespace(x='aaaaaaaaaa') %}{% for i in range(100) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% set ns = namespace(x='a' * 100000) %}{% for i in range(100000) %}{{ ns.x }}{% endfor %}",
        "{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}",
        "{% set ns = namespace(x={}) %}{% for i in range(100000) %}{% set ns.x = {'a': ns.x} %}{% endfor %}",
    ] {
        let mut interp = Interp::new(&names);
        interp.limits.iterations = 1_000_000;
        let error = interp.render(&parse(text)).expect_err(text);
        assert_eq!(error.kind, ErrorKind::Limit, "{text}: {error}");
    }
    let error = failure("{{ a() }}", &names);
    assert_eq!(error.stack.first().map(|frame| frame.name.as_str()), Some("pkg.a"));
}

#[test]
fn a_value_inside_itself_prints_and_compares() {
    for (text, expected) in [
        ("{% set l = [] %}{% do l.append(l) %}{{ l }}{{ l == l }}", "[[...]]True"),
        ("{% set d = {} %}{% do d.update({'a': d.items()}) %}{{ d }}", "{'a': dict_items([('a', dict_items(...))])}"),
        ("{% set ns = namespace() %}{% set ns.x = ns %}{{ [ns] }}", "[<Namespace {'x': <Namespace ...>}>]"),
        ("{% set a = [] %}{% set b = [] %}{% do a.append(b) %}{% do b.append(a) %}{{ a == b }}", "False"),
    ] {
        assert_eq!(outcome(text, &library("")), Ok(expected.to_owned()), "{text}");
    }
}

#[test]
fn an_error_says_where_it_is_and_which_macros_led_there() {
    let macros = "{% macro outer(x) %}{{ inner(x) }}{% endmacro %}{% macro inner(x) %}{{ x.a.b }}{% endmacro %}";
    let names = library(macros);
    let error = failure("select {{ outer({}) }}", &names);
    assert_eq!(error.kind, ErrorKind::Undefined);
    assert_eq!(error.message, "'dict object' has no attribute 'a'");
    let at = macros.find("x.a.b").unwrap();
    assert_eq!(error.span, Some(Span::new(SourceId(0), at, at + 5)));
    let frames: Vec<_> =
        error.stack.iter().map(|frame| (frame.name.as_str(), frame.call.map(|call| call.start))).collect();
    assert_eq!(frames, [("pkg.inner", Some(23)), ("pkg.outer", Some(10))]);
    for (text, expected) in [
        ("{{ nope }}", None),
        ("{{ nope() }}", Some((3, 9, "'nope' is undefined"))),
        ("a {{ 1 + nope }}", Some((5, 13, "'nope' is undefined"))),
        ("{{ 1 | nope }}", Some((7, 11, "No filter named 'nope'"))),
        ("{{ 1 | uper }}", Some((7, 11, "No filter named 'uper' (did you mean 'upper'?)"))),
        ("{% for a, b in [1] %}{% endfor %}", Some((15, 18, "'int' object is not iterable"))),
        ("{{ return(1) }}", Some((3, 12, "`return` was called outside of a macro"))),
    ] {
        let found = Interp::new(&names).render(&parse(text)).err();
        let found = found.as_ref().map(|error| {
            let span = error.span.unwrap();
            (span.start, span.end, error.message.as_str())
        });
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn a_file_shows_several_syntax_errors_with_their_places() {
    let text = "{{ a b }} {% if %}x{% endif %} {{ 'ok' }} {% nope %} {{ ? }} {{ (1] }}\n{% for x in y %}";
    let errors = Template::parse(text, origin()).unwrap_err();
    let found: Vec<_> = errors
        .iter()
        .map(|error| {
            let span = error.labels[0].span;
            (&text[span.start as usize..span.end as usize], error.message.as_str())
        })
        .collect();
    assert_eq!(
        found,
        [
            ("b", "expected end of print statement, found 'b'"),
            ("%}", "expected an expression, found end of statement block"),
            ("nope", "unknown tag 'nope'"),
            ("?", "unexpected character '?'"),
            ("]", "unexpected ']', expected ')'"),
            ("{%", "`for` is not closed: missing `{% endfor %}`"),
        ]
    );
}

#[test]
fn macros_tests_materializations_and_blocks_are_found_with_their_texts() {
    let text = "{% macro a(x, y: dict[str, int] = {}) %}{{ b(x) }}{{ pkg.c() }}{{ adapter.dispatch('d', 'dbt')(x) }}{% endmacro %}\n\
                {% test positive(model, column_name) %}select{% endtest %}\
                {% materialization view, adapter='duckdb', supported_languages=['sql', 'python'] %}{% endmaterialization %}\
                {%- materialization table, default -%}{{ return(1) }}{%- endmaterialization -%}\
                {% snapshot s %}select {{ ref('x') }}{% endsnapshot %}{% docs d %} {{ raw }} {% if %} {% enddocs %}tail";
    let template = parse(text);
    let macros = template.macros("pkg");
    let names: Vec<&str> = macros.iter().map(|definition| &*definition.name).collect();
    assert_eq!(names, ["a", "test_positive", "materialization_view_duckdb", "materialization_table_default"]);
    assert_eq!(
        macros[0].calls,
        [
            StaticCall::Name("b".into()),
            StaticCall::Qualified("pkg".into(), "c".into()),
            StaticCall::Dispatch { name: "d".into(), namespace: Some("dbt".into()) }
        ]
    );
    assert!(macros[0].text.starts_with("{% macro a(") && macros[0].text.ends_with("{% endmacro %}"));
    assert_eq!(macros[0].params.iter().map(|param| param.has_default).collect::<Vec<_>>(), [false, true]);
    let MacroKind::Materialization { adapter, languages } = &macros[2].kind else { panic!() };
    assert_eq!((&**adapter, languages.len()), ("duckdb", 2));
    let blocks = template.blocks();
    let found: Vec<_> = blocks.iter().map(|block| (block.kind, &*block.name, &*block.text)).collect();
    assert_eq!(
        found,
        [(BlockKind::Snapshot, "s", "select {{ ref('x') }}"), (BlockKind::Docs, "d", " {{ raw }} {% if %} ")]
    );
    for block in &blocks {
        let span = block.origin.span(0, block.text.len());
        assert_eq!(&text[span.start as usize..span.end as usize], &*block.text);
    }
    assert_eq!(render(text, Dict::new()).unwrap(), "\ntail");
    let docs = Template::docs("# {{ broken {% docs x %}y{% enddocs %} {% nope", origin()).unwrap();
    assert_eq!(docs.iter().map(|block| &*block.text).collect::<Vec<_>>(), ["y"]);
}

#[test]
fn return_gives_a_value_and_drops_what_was_printed() {
    let names = library(
        "{% macro a() %}text{{ return([1, 2]) }}{% endmacro %}{% macro b() %}{% for x in a() %}{% if x == 2 %}{{ return(x) }}{% endif %}{% endfor %}{% endmacro %}\
         {% macro c() %}{{ caller() }}never{% endmacro %}{% macro d() %}{% do return(none) %}{% endmacro %}",
    );
    for (text, expected) in [
        ("{{ a() }}", "[1, 2]"),
        ("{{ b() + 1 }}", "3"),
        ("{% call c() %}{{ return('r') }}{% endcall %}", "r"),
        ("{{ d() is none }}", "True"),
        ("{% macro m() %}{{ return(5) }}{% endmacro %}{{ m() * 2 }}", "10"),
    ] {
        assert_eq!(outcome(text, &names), Ok(expected.to_owned()), "{text}");
    }
}

#[test]
fn texts_keep_their_origins_through_trim_and_concatenation() {
    let text = "{% set x %}  ab{% endset %}{{ x | trim ~ ';' }}{{ x.strip() }}";
    let rendered = Interp::new(&library("")).render(&parse(text)).unwrap();
    assert_eq!(rendered.text, "ab;ab");
    let starts: Vec<_> = (0..5).map(|offset| rendered.map.lookup(offset).unwrap().start).collect();
    assert_eq!(starts, [13, 14, 41, 13, 14]);
}

#[test]
fn an_unknown_macro_names_the_near_one_and_a_library_may_have_stray_tags() {
    let error = failure("{{ generate_schema_nme() }}", &library("{% macro generate_schema_name() %}{% endmacro %}"));
    assert_eq!(error.to_diagnostic().help.as_deref(), Some("did you mean `generate_schema_name`?"));
    let text = "{% macro a() %}{% endmacro %}{% endmacro %}{% macro b() %}{% endmacro %}";
    assert!(Template::parse(text, origin()).is_err());
    let (template, warnings) = Template::parse_library(text, origin()).unwrap();
    assert_eq!((template.macros("p").len(), warnings.len()), (2, 1));
    assert_eq!(warnings[0].event, Some("UnexpectedJinjaBlockDeprecation"));
    let text = "{% https://example.test/a?b='c' %}{% macro a() %}{% endmacro %}{% unknown %}";
    let (template, warnings) = Template::parse_library(text, origin()).unwrap();
    assert_eq!((template.macros("p").len(), warnings.len()), (1, 2));
    assert!(Template::parse_library("{% macro a() %}{% unknown %}{% endmacro %}", origin()).is_err());
}

#[test]
fn macros_may_call_each_other_as_deep_as_projects_do() {
    let text = "{% macro f(n) %}{% if n %}{% for i in [1] %}{{ f(n - 1) | trim }}{% endfor %}{% endif %}x{% endmacro %}{{ f(40) | length }}";
    assert_eq!(outcome(text, &library("")), Ok("41".to_owned()));
}

#[derive(Debug)]
struct Lenient;

impl Globals for Lenient {
    fn get(&self, _name: &str) -> Option<Value> {
        None
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn is_lenient(&self) -> bool {
        true
    }
}

#[test]
fn parse_mode_absorbs_what_is_undefined() {
    for (text, expected) in [
        ("[{{ a.b.c }}{{ a() }}{{ a['x'](1).y }}{{ a.b(1) }}]", "[]"),
        ("{% for x in a.b %}x{% endfor %}{% if a.b() %}y{% endif %}", ""),
    ] {
        let rendered = Interp::new(&Lenient).render(&parse(text)).unwrap();
        assert_eq!(rendered.text, expected);
    }
}

#[test]
fn native_markers_convert_and_text_rendering_ignores_them() {
    let names = Names(
        [("t".into(), "True".into()), ("n".into(), "12".into()), ("x".into(), "yes".into())].into_iter().collect(),
    );
    for (text, expected) in [
        ("{{ t | as_bool }}", Some(Value::Bool(true))),
        ("{{ n | as_number }}", Some(Value::Int(12))),
        ("{{ n | as_native }}", Some(Value::Int(12))),
        ("{{ x | as_native }}", Some("yes".into())),
        ("{{ x | as_bool }}", None),
        ("{{ t | as_number }}", None),
        ("{{ 5 | as_text }}", Some("5".into())),
    ] {
        assert_eq!(Interp::new(&names).render_native(&parse(text)).ok(), expected, "{text}");
        assert!(Interp::new(&names).render(&parse(text)).is_ok());
    }
}

mod fuzz {
    use proptest::prelude::*;

    use super::*;

    /// Pieces that templates are made of, right and wrong.
    const PIECES: &[&str] = &[
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "-",
        "+",
        " ",
        "\n",
        "if",
        "else",
        "elif",
        "endif",
        "for",
        "in",
        "endfor",
        "set",
        "endset",
        "macro",
        "endmacro",
        "call",
        "endcall",
        "do",
        "filter",
        "endfilter",
        "with",
        "endwith",
        "raw",
        "endraw",
        "docs",
        "enddocs",
        "test",
        "endtest",
        "snapshot",
        "materialization",
        "is",
        "not",
        "and",
        "or",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ".",
        ":",
        "|",
        "~",
        "=",
        "==",
        "<",
        "*",
        "**",
        "/",
        "//",
        "%",
        "'a'",
        "\"é\"",
        "'",
        "1",
        "0",
        "2.5",
        "9223372036854775807",
        "x",
        "m",
        "m()",
        "loop",
        "caller()",
        "range(9)",
        "upper",
        "join",
        "sort",
        "map",
        "list",
        "defined",
        "none",
        "true",
        "{% if x %}",
        "{% endif %}",
        "{{ x }}",
        "{% for x in range(3) %}",
        "{% endfor %}",
        "{% macro m(a, b=1) %}",
        "{% endmacro %}",
        "é",
        "\u{1F600}",
        "\\",
        "namespace(a=[])",
        "{'a': 1}",
        "[1, 'b']",
        "'%s' % x",
        ".format(x)",
        "recursive",
        "break",
        "continue",
        "return(x)",
    ];

    fn survives(text: &str) {
        let Ok(template) = Template::parse(text, origin()) else { return };
        let names = Names([("x".into(), Value::list([Value::Int(1), "b".into()]))].into_iter().collect());
        let limits = Limits { depth: 10, output: 10_000, iterations: 1_000, ..Limits::default() };
        let mut interp = Interp::new(&names);
        interp.limits = limits;
        if let Ok(rendered) = interp.render(&template) {
            for piece in &rendered.map.pieces {
                assert!(piece.start < rendered.text.len());
                assert!(piece.span.end as usize <= text.len());
            }
        }
        let mut interp = Interp::new(&Lenient);
        interp.limits = limits;
        drop(interp.render_native(&template));
        template.macros("p");
        template.blocks();
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_order_of_pieces_is_read_without_a_panic(
            pieces in prop::collection::vec(prop::sample::select(PIECES), 0..25),
            spaced in any::<bool>(),
        ) {
            survives(&pieces.join(if spaced { " " } else { "" }));
        }

        #[test]
        fn any_expression_of_pieces_is_evaluated_without_a_panic(
            pieces in prop::collection::vec(prop::sample::select(PIECES), 0..8),
        ) {
            survives(&format!("{{% set m = namespace() %}}{{{{ x {} }}}}", pieces.join(" ")));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,60}|(\\{\\{|\\{%|[a-z0-9'.()\\[\\] |=%}]){0,40}") {
            survives(&text);
        }

        #[test]
        fn format_strings_are_applied_without_a_panic(text in "[%{}a-z0-9.,:<>^+ #!\\[\\]*-]{0,12}") {
            let quoted = super::super::repr::quoted(&text);
            for arguments in ["x", "(1, 2.5, 'a')", "5", "-1.5", "'é'"] {
                survives(&format!("{{{{ {quoted} % {arguments} }}}}"));
                survives(&format!("{{{{ {quoted}.format(1, 2.5, a='é', b=x) }}}}"));
            }
        }
    }
}

#[test]
fn the_text_of_a_macro_has_the_white_space_that_its_tags_trim() {
    let text = "{# one #}\n\n{%- macro a() -%}a{%- endmacro -%}\n\n{%- macro b() %}b{% endmacro %}\n{% macro c() -%}c{%- endmacro %}\n";
    let macros = parse(text).macros("p");
    let texts: Vec<&str> = macros.iter().map(|found| &*found.text).collect();
    assert_eq!(
        texts,
        [
            "\n\n{%- macro a() -%}a{%- endmacro -%}\n\n",
            "{%- macro b() %}b{% endmacro %}",
            "{% macro c() -%}c{%- endmacro %}"
        ]
    );
}
