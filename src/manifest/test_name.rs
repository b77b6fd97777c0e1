//! The name and the id of a generic test: made of its arguments, so that a test keeps its identity as long as it asks
//! the same thing of the same column.

use indexmap::IndexMap;
use md5::{Digest, Md5};

use crate::jinja::Value;

/// From this length on (in characters), file and alias carry a hash instead of the arguments.
const MAX_LENGTH: usize = 64;
const KEPT: usize = 30;

/// The two names of a generic test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestName {
    /// Of the node and in its unique id.
    pub full: String,
    /// Of the compiled file and of the relation with stored failures: below 64 characters.
    pub short: String,
}

/// The name of test `test` (with namespace and `source_` prefix already in front) on `target`, called with `args`.
pub fn synthesize(test: &str, target: &str, args: &IndexMap<String, Value>) -> TestName {
    let mut names: Vec<&String> = args.keys().filter(|name| *name != "model").collect();
    names.sort();
    let mut parts = Vec::new();
    for name in names {
        match args.get(name) {
            Some(value @ Value::Dict(_)) => {
                parts.extend(value.pairs().unwrap_or_default().iter().map(|(_, item)| item.to_str()));
            }
            Some(value @ (Value::List(_) | Value::Tuple(_))) => {
                parts.extend(value.items().unwrap_or_default().iter().map(Value::to_str));
            }
            Some(value) => parts.push(value.to_str()),
            None => {}
        }
    }
    let parts: Vec<String> = parts.iter().map(|part| squeeze(part)).collect();
    let identifier = format!("{test}_{target}");
    let full = format!("{identifier}_{}", parts.join("__"));
    let short = if full.chars().count() >= MAX_LENGTH {
        let kept: String = identifier.chars().take(KEPT).collect();
        format!("{kept}_{}", md5_hex(&full))
    } else {
        full.clone()
    };
    TestName { full, short }
}

/// The ten hexadecimal digits that end a generic test's unique id.
pub fn id_hash(full_name: &str, test: &str, namespace: Option<&str>, kwargs: &IndexMap<String, Value>) -> String {
    let mut names: Vec<&String> = kwargs.keys().collect();
    names.sort();
    let kwargs: Vec<String> = names
        .into_iter()
        .filter_map(|name| kwargs.get(name).map(|value| format!("{}: {}", repr(name), normalized_repr(value))))
        .collect();
    let metadata = format!(
        "{{'kwargs': {{{}}}, 'name': {}, 'namespace': {}}}",
        kwargs.join(", "),
        repr(test),
        repr(namespace.unwrap_or("None"))
    );
    let hash = md5_hex(&format!("{full_name}{metadata}"));
    hash.chars().skip(hash.len().saturating_sub(10)).collect()
}

/// The MD5 of a text as 32 hexadecimal digits.
pub fn md5_hex(text: &str) -> String {
    Md5::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Python's repr with the keys of every dict sorted and every scalar turned into a string first.
fn normalized_repr(value: &Value) -> String {
    match value {
        Value::Dict(_) => {
            let mut pairs = value.pairs().unwrap_or_default();
            pairs.sort_by_key(|(key, _)| key.to_str());
            let pairs: Vec<String> =
                pairs.iter().map(|(key, item)| format!("{}: {}", key.to_repr(), normalized_repr(item))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::List(_) => {
            let items: Vec<String> = value.items().unwrap_or_default().iter().map(normalized_repr).collect();
            format!("[{}]", items.join(", "))
        }
        other => repr(&other.to_str()),
    }
}

fn repr(text: &str) -> String {
    Value::from(text).to_repr()
}

/// Replaces every run of characters other than ASCII letters, digits and `_` by one `_`.
fn squeeze(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_run = false;
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            out.push(c);
            in_run = false;
        } else if !in_run {
            out.push('_');
            in_run = true;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(pairs: &[(&str, Value)]) -> IndexMap<String, Value> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    fn model(reference: &str) -> Value {
        Value::from(format!("{{{{ get_where_subquery({reference}) }}}}"))
    }

    #[test]
    fn a_test_is_named_after_its_arguments_in_alphabetical_order() {
        let id = Value::from("id");
        for (test, target, arguments, expected) in [
            ("not_null", "a", args(&[("column_name", id.clone())]), "not_null_a_id"),
            ("foo", "m", args(&[("model", model("ref('m')"))]), "foo_m_"),
            (
                "accepted_values",
                "m1",
                args(&[
                    ("values", Value::list([Value::Int(2)])),
                    ("quote", Value::Bool(false)),
                    ("column_name", id.clone()),
                ]),
                "accepted_values_m1_id__False__2",
            ),
            (
                "relationships",
                "a",
                args(&[("to", "ref('b')".into()), ("field", id.clone()), ("column_name", id.clone())]),
                "relationships_a_id__id__ref_b_",
            ),
            ("source_not_null", "src_t1", args(&[("column_name", id.clone())]), "source_not_null_src_t1_id"),
        ] {
            let name = synthesize(test, target, &arguments);
            assert_eq!((name.full.as_str(), name.short.as_str()), (expected, expected));
        }
    }

    #[test]
    fn a_long_name_is_cut_and_hashed_for_files_but_not_for_the_node() {
        let values = Value::list((0..20).map(|n| Value::from(format!("value {n}"))));
        let name =
            synthesize("accepted_values", "orders", &args(&[("column_name", "status".into()), ("values", values)]));
        assert!(name.full.starts_with("accepted_values_orders_status__value_0__value_1__"), "{}", name.full);
        assert_eq!(name.short, format!("accepted_values_orders_{}", md5_hex(&name.full)));
        let name = synthesize("a_test_with_a_long_name", "and_a_target", &args(&[("x", "y".repeat(40).into())]));
        assert_eq!(name.short, format!("a_test_with_a_long_name_and_a__{}", md5_hex(&name.full)));
        let values =
            ["alpha bet xxxxxxxxxxxxxxxxxxxxxxxx", "gamma yyyyyyyyyyyyyyyyyyyyyyyy", "delta's"].map(Value::from);
        let values = Value::list(values.into_iter().chain([Value::Float(1.5), Value::Bool(true), Value::None]));
        let name = synthesize("accepted_values", "a", &args(&[("column_name", "\"id\"".into()), ("values", values)]));
        assert_eq!(name.short, "accepted_values_a_d9dd99750878a98dc07801f191f7d766");
    }

    #[test]
    fn ids_are_those_of_recorded_manifests() {
        let a = model("ref('a')");
        for (name, test, kwargs, expected) in [
            ("not_null_a_id", "not_null", args(&[("column_name", "id".into()), ("model", a.clone())]), "c1cebc1440"),
            (
                "accepted_values_a_id__1__2",
                "accepted_values",
                args(&[
                    ("column_name", "id".into()),
                    ("values", Value::list([Value::Int(1), Value::Int(2)])),
                    ("model", a),
                ]),
                "39f922d4f8",
            ),
            (
                "relationships_orders_id__id__ref_stg_orders_",
                "relationships",
                args(&[
                    ("column_name", "id".into()),
                    ("to", "ref('stg_orders')".into()),
                    ("field", "id".into()),
                    ("model", model("ref('orders')")),
                ]),
                "d0933588ce",
            ),
            (
                "accepted_values_orders_id__1__2__x_y",
                "accepted_values",
                args(&[
                    ("values", Value::list([Value::Int(1), Value::Int(2), "x'y".into()])),
                    ("column_name", "id".into()),
                    ("model", model("ref('orders')")),
                ]),
                "2e902f4e0c",
            ),
            (
                "not_null_dim_v1_id",
                "not_null",
                args(&[("column_name", "id".into()), ("model", model("ref('dim', version='1')"))]),
                "d33fec4e6d",
            ),
        ] {
            assert_eq!(id_hash(name, test, None, &kwargs), expected, "{name}");
        }
    }
}
