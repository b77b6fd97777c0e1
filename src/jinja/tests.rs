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
