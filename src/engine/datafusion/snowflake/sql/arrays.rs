//! Functions of arrays, which are semi-structured values here as in Snowflake.

use datafusion::{arrow::datatypes::DataType, common::Result, logical_expr::ScalarUDF};

use super::{
    json::Json,
    row::{Row, VARIANT, Value, seeing_nulls, strict},
    variant::{parsed, written},
};

/// More elements than this are refused.
const MOST_ELEMENTS: i64 = 10_000_000;

pub(super) fn functions() -> Vec<ScalarUDF> {
    let mut all = vec![
        seeing_nulls("sf_array_construct", "?v*", VARIANT, "array_construct(value, …)", |row| {
            let elements = (0..row.len()).map(|index| element(row, index)).collect::<Result<_>>()?;
            Ok(written(&Json::Array(elements)))
        }),
        seeing_nulls("sf_array_construct_compact", "?v*", VARIANT, "array_construct_compact(value, …)", |row| {
            let elements = (0..row.len())
                .filter(|index| row.has(*index))
                .map(|index| parsed(row, index))
                .collect::<Result<_>>()?;
            Ok(written(&Json::Array(elements)))
        }),
        seeing_nulls("sf_array_append", "vv", VARIANT, "array_append(array, value)", |row| {
            changed(row, |row, elements| {
                elements.push(element(row, 1)?);
                Ok(())
            })
        }),
        seeing_nulls("sf_array_prepend", "vv", VARIANT, "array_prepend(array, value)", |row| {
            changed(row, |row, elements| {
                elements.insert(0, element(row, 1)?);
                Ok(())
            })
        }),
        seeing_nulls("sf_array_insert", "viv", VARIANT, "array_insert(array, index, value)", |row| {
            changed(row, |row, elements| {
                let index = position(row.int(1), elements.len());
                while elements.len() < index {
                    elements.push(Json::Null);
                }
                elements.insert(index, element(row, 2)?);
                Ok(())
            })
        }),
        strict("sf_array_cat", "vv", VARIANT, "array_cat(array, array)", |row| {
            changed(row, |row, elements| {
                if let Json::Array(more) = parsed(row, 1)? {
                    elements.extend(more);
                }
                Ok(())
            })
        }),
        strict("sf_array_compact", "v", VARIANT, "array_compact(array)", |row| {
            changed(row, |_, elements| {
                elements.retain(|element| *element != Json::Null);
                Ok(())
            })
        }),
    ];
    all.extend(orders());
    all.extend(answers());
    all.extend(pairs());
    all
}

/// Functions that leave elements out or put them in another order.
fn orders() -> Vec<ScalarUDF> {
    vec![
        strict("sf_array_distinct", "v", VARIANT, "array_distinct(array)", |row| {
            changed(row, |_, elements| {
                let mut seen: Vec<Json> = Vec::new();
                elements.retain(|element| {
                    let new = !seen.iter().any(|known| known.equals(element));
                    if new {
                        seen.push(element.clone());
                    }
                    new
                });
                Ok(())
            })
        }),
        strict("sf_array_reverse", "v", VARIANT, "array_reverse(array)", |row| {
            changed(row, |_, elements| {
                elements.reverse();
                Ok(())
            })
        }),
        strict("sf_array_sort", "v?bb", VARIANT, "array_sort(array)", |row| {
            changed(row, |row, elements| {
                let ascending = row.is_null(1) || row.bool(1);
                let nulls_first = if row.has(2) { row.bool(2) } else { !ascending };
                let (nulls, mut values): (Vec<Json>, Vec<Json>) =
                    std::mem::take(elements).into_iter().partition(|element| *element == Json::Null);
                values.sort_by(|left, right| if ascending { left.compare(right) } else { right.compare(left) });
                let (first, last) = if nulls_first { (nulls, values) } else { (values, nulls) };
                elements.extend(first.into_iter().chain(last));
                Ok(())
            })
        }),
        strict("sf_array_remove", "vv", VARIANT, "array_remove(array, value)", |row| {
            changed(row, |row, elements| {
                let unwanted = parsed(row, 1)?;
                elements.retain(|element| !element.equals(&unwanted));
                Ok(())
            })
        }),
        strict("sf_array_remove_at", "vi", VARIANT, "array_remove_at(array, index)", |row| {
            changed(row, |row, elements| {
                let index = position(row.int(1), elements.len());
                if index < elements.len() {
                    elements.remove(index);
                }
                Ok(())
            })
        }),
        strict("sf_array_flatten", "v", VARIANT, "array_flatten(array)", |row| {
            changed(row, |_, elements| {
                *elements = std::mem::take(elements)
                    .into_iter()
                    .flat_map(|element| match element {
                        Json::Array(inner) => inner,
                        other => vec![other],
                    })
                    .collect();
                Ok(())
            })
        }),
        strict("sf_array_slice", "vii", VARIANT, "array_slice(array, from, to)", |row| {
            changed(row, |row, elements| {
                let to = position(row.int(2), elements.len()).min(elements.len());
                let from = position(row.int(1), elements.len()).min(to);
                *elements = elements.get(from..to).unwrap_or_default().to_vec();
                Ok(())
            })
        }),
    ]
}

/// Functions that tell something of an array.
fn answers() -> Vec<ScalarUDF> {
    vec![
        strict("sf_array_size", "v", DataType::Int64, "array_size(array)", |row| match parsed(row, 0)? {
            Json::Array(elements) => Ok(i64::try_from(elements.len()).ok().into()),
            _ => Ok(Value::Null),
        }),
        strict("sf_array_contains", "vv", DataType::Boolean, "array_contains(value::variant, array)", |row| {
            let (wanted, array) = (parsed(row, 0)?, parsed(row, 1)?);
            Ok(match array {
                Json::Array(elements) => elements.iter().any(|element| element.equals(&wanted)).into(),
                _ => Value::Null,
            })
        }),
        strict("sf_array_position", "vv", DataType::Int64, "array_position(value::variant, array)", |row| {
            let (wanted, array) = (parsed(row, 0)?, parsed(row, 1)?);
            Ok(match array {
                Json::Array(elements) => {
                    let found = elements.iter().position(|element| element.equals(&wanted));
                    found.and_then(|index| i64::try_from(index).ok()).into()
                }
                _ => Value::Null,
            })
        }),
        strict("sf_array_to_string", "vt", DataType::Utf8, "array_to_string(array, ',')", |row| {
            let Json::Array(elements) = parsed(row, 0)? else { return Ok(Value::Null) };
            let texts: Vec<String> =
                elements.into_iter().map(|element| element.into_text().unwrap_or_default()).collect();
            Ok(texts.join(row.text(1)).into())
        }),
        strict("sf_array_min", "v", VARIANT, "array_min(array)", |row| {
            Ok(values(row)?.into_iter().min_by(Json::compare).map_or(Value::Null, |json| written(&json)))
        }),
        strict("sf_array_max", "v", VARIANT, "array_max(array)", |row| {
            Ok(values(row)?.into_iter().max_by(Json::compare).map_or(Value::Null, |json| written(&json)))
        }),
        strict("sf_array_generate_range", "ii?i", VARIANT, "array_generate_range(from, to, step)", |row| {
            let (from, to, step) = (row.int(0), row.int(1), row.int_or(2, 1));
            if step == 0 || (to.saturating_sub(from) / step) > MOST_ELEMENTS {
                return datafusion::common::exec_err!("`array_generate_range` would not end, or be too long");
            }
            let mut elements = Vec::new();
            let mut next = from;
            while (step > 0 && next < to) || (step < 0 && next > to) {
                elements.push(Json::Number(next.to_string()));
                next = next.saturating_add(step);
            }
            Ok(written(&Json::Array(elements)))
        }),
    ]
}

/// Functions of two arrays.
fn pairs() -> Vec<ScalarUDF> {
    vec![
        strict("sf_array_except", "vv", VARIANT, "array_except(array, array)", |row| {
            changed(row, |row, elements| {
                let mut others = other(row)?;
                elements.retain(|element| match others.iter().position(|other| other.equals(element)) {
                    Some(index) => {
                        others.remove(index);
                        false
                    }
                    None => true,
                });
                Ok(())
            })
        }),
        strict("sf_array_intersection", "vv", VARIANT, "array_intersection(array, array)", |row| {
            changed(row, |row, elements| {
                let mut others = other(row)?;
                elements.retain(|element| match others.iter().position(|other| other.equals(element)) {
                    Some(index) => {
                        others.remove(index);
                        true
                    }
                    None => false,
                });
                Ok(())
            })
        }),
        strict("sf_arrays_overlap", "vv", DataType::Boolean, "arrays_overlap(array, array)", |row| {
            let others = other(row)?;
            Ok(values(row)?.iter().any(|element| others.iter().any(|other| other.equals(element))).into())
        }),
    ]
}

/// An element made of an argument: NULL is null.
fn element(row: &Row<'_>, index: usize) -> Result<Json> {
    if row.is_null(index) { Ok(Json::Null) } else { parsed(row, index) }
}

/// The elements of the first argument that are not null.
fn values(row: &Row<'_>) -> Result<Vec<Json>> {
    Ok(match parsed(row, 0)? {
        Json::Array(elements) => elements.into_iter().filter(|element| *element != Json::Null).collect(),
        _ => Vec::new(),
    })
}

fn other(row: &Row<'_>) -> Result<Vec<Json>> {
    Ok(match parsed(row, 1)? {
        Json::Array(elements) => elements,
        _ => Vec::new(),
    })
}

/// The first argument's array after `change`; NULL where it is none.
fn changed(row: &Row<'_>, change: fn(&Row<'_>, &mut Vec<Json>) -> Result<()>) -> Result<Value> {
    if row.is_null(0) {
        return Ok(Value::Null);
    }
    let Json::Array(mut elements) = parsed(row, 0)? else { return Ok(Value::Null) };
    change(row, &mut elements)?;
    Ok(written(&Json::Array(elements)))
}

/// An index, from the end where negative.
fn position(index: i64, length: usize) -> usize {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let index = if index < 0 { (length + index).max(0) } else { index.min(MOST_ELEMENTS) };
    usize::try_from(index).unwrap_or(0)
}
