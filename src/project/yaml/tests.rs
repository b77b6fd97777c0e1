//! The reader and the dump against what PyYAML was recorded to do.

use serde_json::{Value as Json, json};

use super::*;
use crate::diagnostic::SourceMap;

fn plain(yaml: &Yaml) -> Json {
    match &yaml.data {
        Data::Null => json!({"null": true}),
        Data::Bool(value) => json!({"bool": value}),
        Data::Int(value) => json!({"int": value.to_string()}),
        Data::Float(value) => json!({"float": python_float(*value)}),
        Data::Date(date) => json!({"date": date.to_string()}),
        Data::DateTime(time, zone) => {
            let text = datetime_text(*time, *zone).replacen(' ', "T", 1);
            json!({"datetime": text})
        }
        Data::Str(text) => json!({"str": &**text}),
        Data::List(items) => json!({"list": items.iter().map(plain).collect::<Vec<_>>()}),
        Data::Map(map) => {
            json!({"map": map.iter().map(|entry| json!([plain(&entry.key), plain(&entry.value)])).collect::<Vec<_>>()})
        }
    }
}

fn python_float(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf".into() } else { "-inf".into() };
    }
    format!("{value:?}")
}

/// Floats are compared as numbers: how they print is not this module's.
fn same(ours: &Json, theirs: &Json) -> bool {
    if let (Some(ours), Some(theirs)) =
        (ours.get("float").and_then(Json::as_str), theirs.get("float").and_then(Json::as_str))
    {
        return ours == theirs || ours.parse::<f64>().ok() == theirs.parse::<f64>().ok();
    }
    // An integer beyond 64 bits is kept as its digits.
    if let (Some(ours), Some(theirs)) = (ours.get("str"), theirs.get("int")) {
        return ours == theirs;
    }
    for kind in ["list", "map"] {
        if let (Some(Json::Array(ours)), Some(Json::Array(theirs))) = (ours.get(kind), theirs.get(kind)) {
            return ours.len() == theirs.len()
                && ours.iter().zip(theirs).all(|(ours, theirs)| match (ours, theirs) {
                    (Json::Array(ours), Json::Array(theirs)) => {
                        ours.iter().zip(theirs).all(|(ours, theirs)| same(ours, theirs))
                    }
                    (ours, theirs) => same(ours, theirs),
                });
        }
    }
    ours == theirs
}

/// Where this reader is more lenient than PyYAML (as YAML 1.2 is), or PyYAML has a type that nobody uses in a project.
fn is_known_difference(text: &str) -> bool {
    matches!(
        text,
        // A tab before the first key, an anchor defined twice.
        "\ta: 1" | "a: &x 1\nb: &x 2\nc: *x"
        // A lone question mark; Python's set, bytes and pairs.
        | "?" | "a: !!set {b, c}" | "a: !!binary aGk=" | "a: !!omap [b: 1]"
    )
}

fn check(file: &str) {
    let rows: Vec<(String, Json)> = serde_json::from_str(file).unwrap();
    let mut wrong = Vec::new();
    for (text, expected) in rows {
        let ours = match parse_value(&text) {
            Ok(value) => plain(&value),
            Err(error) => json!({"error": error.message}),
        };
        let both_fail = ours.get("error").is_some() && expected.get("error").is_some();
        if !both_fail && !same(&ours, &expected) && !is_known_difference(&text) {
            wrong.push(format!("{text:?}\n   ours     {ours}\n   expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn scalars_are_what_pyyaml_makes_of_them() {
    check(include_str!("../../../tests/cases/yaml/scalars.json"));
}

#[test]
fn documents_are_what_pyyaml_makes_of_them() {
    check(include_str!("../../../tests/cases/yaml/documents.json"));
}

#[test]
fn hostile_documents_are_refused_quickly() {
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        laughs.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    let cases = [
        ("aliases that expand without end", laughs),
        ("open lists", "[".repeat(100_000)),
        ("open mappings", "{a: ".repeat(100_000)),
        ("nested block lists", "- ".repeat(20_000)),
        ("nested keys", (0..2000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect()),
        ("an alias of itself", "a: &x [*x]".to_owned()),
        (
            "a quoted text of many lines below one that is indented far",
            format!("{}# far\na:\n  b: \"x\n{}\"\n", " ".repeat(100_000), "x\n".repeat(100_000)),
        ),
    ];
    for (name, text) in cases {
        let started = std::time::Instant::now();
        let error = parse_value(&text).err().unwrap_or_else(|| panic!("{name} must be refused"));
        assert!(started.elapsed().as_secs() < 5, "{name} took {:?}", started.elapsed());
        assert!(!error.message.is_empty());
    }
}

#[test]
fn many_keys_and_long_lines_are_read_in_linear_time() {
    let keys: String = (0..50_000).map(|key| format!("{key}: {key}\n")).collect();
    let line = format!("a: \"{}\"\nb: {}", "x ".repeat(500_000), "y ".repeat(500_000));
    for text in [keys, line] {
        let started = std::time::Instant::now();
        parse_value(&text).unwrap();
        assert!(started.elapsed().as_secs() < 5, "took {:?}", started.elapsed());
    }
}

#[test]
fn every_value_knows_its_place() {
    let sources = SourceMap::default();
    let text = "é: [1, 'two']\nb:\n  c: {{d: x y}}\n".replace("{{", "{").replace("}}", "}")
        + "e: |\n  long\n  text\nf: 'it''s'\n";
    let id = sources.add("a.yml", &text);
    let (root, diagnostics) = read(&text, id, 0);
    assert!(diagnostics.is_empty());
    let file = sources.get(id);
    let root = root.unwrap();
    let map = root.as_map().unwrap();
    let shown = |yaml: &Yaml| file.slice(yaml.span).to_owned();
    let list = map.get("é").unwrap();
    assert_eq!(shown(list), "[1, 'two']");
    assert_eq!(shown(&list.as_list().unwrap()[1]), "'two'");
    let at = |yaml: &Yaml| sources.location(yaml.origin.span(0, 0));
    assert_eq!(at(&list.as_list().unwrap()[1]), "a.yml:1:9");
    let inner = map.get("b").unwrap().as_map().unwrap().get("c").unwrap();
    assert_eq!(shown(inner), "{d: x y}");
    assert_eq!(shown(map.get("b").unwrap()), "c: {d: x y}");
    assert_eq!(shown(map.get("e").unwrap()), "long\n  text");
    assert!(matches!(map.get("f").unwrap().origin, Origin::Within(_)));
    assert_eq!(shown(&map.entry("f").unwrap().key), "f");
}

#[test]
fn broken_yaml_says_where_and_what_to_do() {
    let sources = SourceMap::default();
    for (text, place, help) in [
        ("a: 1\n\tb: 2\n", "a.yml:2:1", "YAML is indented with spaces, not with tabs"),
        ("a:\n  b: {{ x }}\n", "a.yml:2:7", "put the Jinja expression in quotes: \"{{ … }}\""),
        ("\u{feff}a: it is: so\n", "a.yml:1:10", "put a text that holds `: ` in quotes"),
        ("a: 2024-02-31\n", "a.yml:1:4", "write it in quotes to make it a text: \"2024-02-31\""),
    ] {
        let id = sources.add("a.yml", text);
        let (_, diagnostics) = read(text, id, 0);
        let error =
            diagnostics.iter().find(|found| found.is_error()).unwrap_or_else(|| panic!("no error for {text:?}"));
        assert_eq!(sources.location(error.labels[0].span), place, "{text:?}: {}", error.message);
        assert_eq!(error.help.as_deref(), Some(help), "{text:?}: {}", error.message);
    }
}

#[test]
fn duplicate_keys_warn_and_the_last_counts() {
    let text = "a: 1\nb: 2\na: 3\n";
    let (root, diagnostics) = read(text, SourceId(0), 0);
    assert_eq!(root.unwrap().as_map().unwrap().get("a").unwrap().as_int(), Some(3));
    assert_eq!(diagnostics[0].event, Some("DuplicateYAMLKeysDeprecation"));
    assert_eq!((diagnostics[0].labels[0].span.start, diagnostics[0].labels[1].span.start), (10, 0));
}

fn jinja_value(plain: &Json) -> Value {
    let (kind, value) = plain.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "null" => Value::None,
        "bool" => value.as_bool().unwrap().into(),
        "int" => value.as_str().unwrap().parse::<i64>().unwrap().into(),
        "float" => value.as_str().unwrap().parse::<f64>().unwrap().into(),
        "str" => value.as_str().unwrap().into(),
        "list" => Value::list(value.as_array().unwrap().iter().map(jinja_value)),
        "map" => {
            Value::dict(value.as_array().unwrap().iter().map(|pair| (jinja_value(&pair[0]), jinja_value(&pair[1]))))
        }
        other => panic!("{other}"),
    }
}

#[test]
fn values_are_dumped_as_pyyaml_dumps_them() {
    let rows: Vec<(Json, bool, String)> =
        serde_json::from_str(include_str!("../../../tests/cases/yaml/dumps.json")).unwrap();
    let mut wrong = Vec::new();
    for (value, sort_keys, expected) in rows {
        let ours = dump(&jinja_value(&value), sort_keys).unwrap();
        if ours != expected {
            wrong.push(format!("{value}\n   ours     {ours:?}\n   expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn dates_are_dates_for_templates_and_come_back_from_a_dump() {
    for (text, printed) in [
        ("2024-01-02", "2024-01-02"),
        ("2024-01-02 03:04:05", "2024-01-02 03:04:05"),
        ("2024-01-02T03:04:05.5Z", "2024-01-02 03:04:05.500000+00:00"),
        ("2024-01-02 03:04:05+02:00", "2024-01-02 03:04:05+02:00"),
    ] {
        let value = parse_value(text).unwrap().to_value();
        assert_eq!(value.to_str(), printed);
        let dumped = dump(&Value::list([value]), false).unwrap();
        assert!(dumped.contains(printed), "{dumped}");
    }
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::None),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ -~\n\té日😀]{0,40}".prop_map(Value::from),
            "[a-z0-9:.+_-]{1,12}".prop_map(Value::from),
            "([a-z ]{0,9}[,:#'\"-]? ){5,30}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::list),
                prop::collection::vec(("[a-z 1:'-]{0,9}", inner), 0..4).prop_map(Value::dict),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_dumped_reads_back(value in any_value()) {
            let text = dump(&value, false).unwrap();
            let back = parse_value(&text).map_err(|error| TestCaseError::fail(format!("{}\n{text}", error.message)))?;
            prop_assert_eq!(back.to_value().to_repr(), value.to_repr(), "{}", text);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "([a-z0-9 \n\t:'\"{}\\[\\],&*!|>%@#?~=<é-]|- |: |<<: |\n  ){0,80}") {
            let _ = parse_value(&text);
        }
    }
}
