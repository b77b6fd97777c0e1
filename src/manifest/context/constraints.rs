//! Constraints of contracts as SQL: `adapter.render_raw_columns_constraints` and its like for models.

use crate::jinja::{JinjaError, Value};

use super::{
    arguments::{is_nothing, lookup, string_pairs, text},
    base::iterate,
};

/// `["id integer not null", …]` for a dict or a list of columns.
pub(crate) fn columns(raw: &Value) -> Result<Value, JinjaError> {
    let columns: Vec<Value> = match string_pairs(raw) {
        Some(pairs) => pairs.into_iter().map(|(_, column)| column).collect(),
        None => iterate(raw)?,
    };
    let mut lines = Vec::new();
    for column in columns {
        let part = |name: &str| lookup(&column, name).filter(|value| !is_nothing(value));
        let name = part("name").unwrap_or(Value::None).to_str();
        let name = if part("quote").is_some_and(|quote| quote.is_truthy()) { format!("\"{name}\"") } else { name };
        let mut line = vec![name, part("data_type").unwrap_or(Value::None).to_str()];
        for constraint in iterate(&part("constraints").unwrap_or_else(|| Value::list([])))? {
            line.extend(column_constraint(&constraint));
        }
        lines.push(Value::from(line.join(" ")));
    }
    Ok(Value::list(lines))
}

/// `["primary key (id)", …]` for a list of constraints.
pub(crate) fn model(raw: &Value) -> Result<Value, JinjaError> {
    Ok(Value::list(iterate(raw)?.iter().filter_map(model_constraint).map(Value::from)))
}

fn field(constraint: &Value, name: &str) -> Option<String> {
    lookup(constraint, name).as_ref().and_then(text)
}

fn column_constraint(constraint: &Value) -> Option<String> {
    let expression = field(constraint, "expression").unwrap_or_default();
    let rendered = match field(constraint, "type")?.as_str() {
        "check" if !expression.is_empty() => format!("check ({expression})"),
        "not_null" => format!("not null {expression}"),
        "unique" => format!("unique {expression}"),
        "primary_key" => format!("primary key {expression}"),
        "foreign_key" => match (field(constraint, "to"), names(constraint, "to_columns")) {
            (Some(to), columns) if !columns.is_empty() => format!("references {to} ({})", columns.join(", ")),
            _ if !expression.is_empty() => format!("references {expression}"),
            _ => return None,
        },
        "custom" if !expression.is_empty() => expression,
        _ => return None,
    };
    Some(rendered.trim().to_owned())
}

fn model_constraint(constraint: &Value) -> Option<String> {
    let prefix = field(constraint, "name").map(|name| format!("constraint {name} ")).unwrap_or_default();
    let expression = field(constraint, "expression").unwrap_or_default();
    let columns = names(constraint, "columns").join(", ");
    let space = |text: &str| if text.is_empty() { String::new() } else { format!(" {text}") };
    let rendered = match field(constraint, "type")?.as_str() {
        "check" if !expression.is_empty() => format!("{prefix}check ({expression})"),
        "unique" => format!("{prefix}unique{} ({columns})", space(&expression)),
        "primary_key" => format!("{prefix}primary key{} ({columns})", space(&expression)),
        "foreign_key" => match (field(constraint, "to"), names(constraint, "to_columns")) {
            (Some(to), targets) if !targets.is_empty() => {
                format!("{prefix}foreign key ({columns}) references {to} ({})", targets.join(", "))
            }
            _ if !expression.is_empty() => format!("{prefix}foreign key ({columns}) references {expression}"),
            _ => return None,
        },
        "custom" if !expression.is_empty() => format!("{prefix}{expression}"),
        _ => return None,
    };
    Some(rendered)
}

fn names(constraint: &Value, key: &str) -> Vec<String> {
    let list = lookup(constraint, key).unwrap_or(Value::None);
    list.items().unwrap_or_default().iter().map(Value::to_str).collect()
}
