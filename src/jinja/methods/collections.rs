//! Methods of list, tuple, dict and set.

use std::{
    cmp::Ordering,
    sync::{Arc, Mutex},
};

use indexmap::IndexMap;

use super::{
    super::{
        Args, Dict, Interp, JinjaError, Value, builtins, iterate,
        operators::{self, hashable},
        value::{check_depth, lock},
    },
    Outcome, bind, integer,
    views::{View, ViewKind},
};

pub(super) const LIST: &[&str] =
    &["append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse", "sort"];

/// The position in a list of `length` that an index means; past the ends it is clamped.
fn position(index: i64, length: usize) -> usize {
    let index = if index < 0 { index.saturating_add(i64::try_from(length).unwrap_or(i64::MAX)).max(0) } else { index };
    usize::try_from(index).unwrap_or(usize::MAX).min(length)
}

fn exact(index: i64, length: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add(i64::try_from(length).ok()?)? } else { index };
    usize::try_from(index).ok().filter(|index| *index < length)
}

fn int(value: usize) -> Value {
    Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

fn unknown(kind: &str, name: &str) -> JinjaError {
    JinjaError::new(super::super::ErrorKind::Undefined, format!("'{kind} object' has no attribute '{name}'"))
}

pub(super) fn list(interp: &mut Interp<'_>, items: &Arc<Mutex<Vec<Value>>>, name: &str, args: Args) -> Outcome {
    match name {
        "append" => {
            let [item] = bind(args, "append", ["object"], 1)?;
            item.iter().try_for_each(check_depth)?;
            let mut items = lock(items);
            items.extend(item);
            operators::check_size(items.len())?;
        }
        "clear" => lock(items).clear(),
        "copy" => return Ok(Value::list(lock(items).clone())),
        "count" => {
            let [wanted] = bind(args, "count", ["value"], 1)?;
            let items = lock(items).clone();
            return Ok(int(items.iter().filter(|item| Some(*item) == wanted.as_ref()).count()));
        }
        "extend" => {
            let [more] = bind(args, "extend", ["iterable"], 1)?;
            let more = iterate::collect(interp, &more.unwrap_or(Value::None))?;
            let mut items = lock(items);
            items.extend(more);
            operators::check_size(items.len())?;
        }
        "index" => {
            let items = lock(items).clone();
            return index(&items, args, "list");
        }
        "insert" => {
            let [at, item] = bind(args, "insert", ["index", "object"], 2)?;
            let at = integer(&at.unwrap_or(Value::None))?;
            item.iter().try_for_each(check_depth)?;
            let mut items = lock(items);
            let at = position(at, items.len());
            items.insert(at, item.unwrap_or(Value::None));
        }
        "pop" => {
            let [at] = bind(args, "pop", ["index"], 0)?;
            let at = at.as_ref().map_or(Ok(-1), integer)?;
            let mut items = lock(items);
            if items.is_empty() {
                return Err(JinjaError::value_error("pop from empty list"));
            }
            let Some(at) = exact(at, items.len()) else {
                return Err(JinjaError::value_error("pop index out of range"));
            };
            return Ok(items.remove(at));
        }
        "remove" => {
            let [wanted] = bind(args, "remove", ["value"], 1)?;
            let found = lock(items).clone().iter().position(|item| Some(item) == wanted.as_ref());
            match found {
                Some(at) => drop(lock(items).remove(at)),
                None => return Err(JinjaError::value_error("list.remove(x): x not in list")),
            }
        }
        "reverse" => lock(items).reverse(),
        "sort" => {
            let [key, reverse] = bind(args, "sort", ["key", "reverse"], 0)?;
            let mut sorted = lock(items).clone();
            sort(interp, &mut sorted, key.as_ref(), reverse.is_some_and(|value| value.is_truthy()))?;
            *lock(items) = sorted;
        }
        _ => return Err(unknown("list", name)),
    }
    Ok(Value::None)
}

/// Sorts by Python's order; `key` is called for each item.
pub(in super::super) fn sort(
    interp: &mut Interp<'_>,
    items: &mut Vec<Value>,
    key: Option<&Value>,
    reverse: bool,
) -> Result<(), JinjaError> {
    let mut keyed = Vec::with_capacity(items.len());
    for item in items.drain(..) {
        let by = match key {
            Some(key) if !key.is_none() => interp.call(key, Args::new(vec![item.clone()]))?,
            _ => item.clone(),
        };
        keyed.push((by, item));
    }
    sort_keyed(&mut keyed, reverse)?;
    items.extend(keyed.into_iter().map(|(_, item)| item));
    Ok(())
}

/// Stable, also in reverse.
pub(in super::super) fn sort_keyed<T>(keyed: &mut [(Value, T)], reverse: bool) -> Result<(), JinjaError> {
    let mut failure = None;
    keyed.sort_by(|(left, _), (right, _)| {
        let ordering = operators::compare(left, right).unwrap_or_else(|error| {
            failure.get_or_insert(error);
            Ordering::Equal
        });
        if reverse { ordering.reverse() } else { ordering }
    });
    failure.map_or(Ok(()), Err)
}

fn index(items: &[Value], args: Args, kind: &str) -> Outcome {
    let [wanted, start, stop] = bind(args, "index", ["value", "start", "stop"], 1)?;
    let wanted = wanted.unwrap_or(Value::None);
    let start = position(start.as_ref().map_or(Ok(0), integer)?, items.len());
    let stop = position(stop.as_ref().map_or(Ok(i64::MAX), integer)?, items.len());
    let found = items.iter().enumerate().take(stop).skip(start).find(|(_, item)| **item == wanted);
    match found {
        Some((at, _)) => Ok(int(at)),
        None if kind == "tuple" => Err(JinjaError::value_error("tuple.index(x): x not in tuple")),
        None => Err(JinjaError::value_error(format!("{} is not in list", wanted.to_repr()))),
    }
}

pub(super) fn tuple(items: &Arc<[Value]>, name: &str, args: Args) -> Outcome {
    match name {
        "count" => {
            let [wanted] = bind(args, "count", ["value"], 1)?;
            Ok(int(items.iter().filter(|item| Some(*item) == wanted.as_ref()).count()))
        }
        "index" => index(items, args, "tuple"),
        _ => Err(unknown("tuple", name)),
    }
}

pub(super) const DICT: &[&str] =
    &["clear", "copy", "fromkeys", "get", "items", "keys", "pop", "popitem", "setdefault", "update", "values"];

pub(super) fn dict(interp: &mut Interp<'_>, items: &Arc<Mutex<Dict>>, name: &str, args: Args) -> Outcome {
    let view = |kind| Ok(Value::object(View { kind, dict: items.clone() }));
    match name {
        "get" => {
            let [key, default] = bind(args, "get", ["key", "default"], 1)?;
            let key = key.unwrap_or(Value::None);
            hashable(&key)?;
            let found = lock(items).get(&key).cloned();
            return Ok(found.or(default).unwrap_or(Value::None));
        }
        "items" => return view(ViewKind::Items),
        "keys" => return view(ViewKind::Keys),
        "values" => return view(ViewKind::Values),
        "clear" => lock(items).clear(),
        "copy" => return Ok(Value::Dict(Arc::new(lock(items).clone().into()))),
        "fromkeys" => {
            let [keys, value] = bind(args, "fromkeys", ["iterable", "value"], 1)?;
            let value = value.unwrap_or(Value::None);
            let mut made = Dict::new();
            for key in iterate::collect(interp, &keys.unwrap_or(Value::None))? {
                hashable(&key)?;
                made.insert(key, value.clone());
            }
            return Ok(Value::Dict(Arc::new(made.into())));
        }
        "pop" => {
            let [key, default] = bind(args, "pop", ["key", "default"], 1)?;
            let key = key.unwrap_or(Value::None);
            hashable(&key)?;
            let found = lock(items).shift_remove(&key);
            return found.or(default).ok_or_else(|| JinjaError::value_error(key.to_repr()));
        }
        "popitem" => {
            let found = lock(items).pop();
            return match found {
                Some((key, value)) => Ok(Value::tuple([key, value])),
                None => Err(JinjaError::value_error("popitem(): dictionary is empty")),
            };
        }
        "setdefault" => {
            let [key, default] = bind(args, "setdefault", ["key", "default"], 1)?;
            let key = key.unwrap_or(Value::None);
            hashable(&key)?;
            default.iter().try_for_each(check_depth)?;
            let mut items = lock(items);
            return Ok(items.entry(key).or_insert_with(|| default.unwrap_or(Value::None)).clone());
        }
        "update" => {
            let mut more = Dict::new();
            for source in &args.positional {
                builtins::extend(interp, &mut more, source)?;
            }
            more.extend(args.keyword.into_iter().map(|(key, value)| (Value::Str(key), value)));
            more.values().try_for_each(check_depth)?;
            lock(items).extend(more);
        }
        _ => return Err(unknown("dict", name)),
    }
    Ok(Value::None)
}

pub(super) const SET: &[&str] = &[
    "add",
    "clear",
    "copy",
    "difference",
    "difference_update",
    "discard",
    "intersection",
    "intersection_update",
    "isdisjoint",
    "issubset",
    "issuperset",
    "pop",
    "remove",
    "symmetric_difference",
    "union",
    "update",
];

type Members = IndexMap<Value, ()>;

fn members(interp: &mut Interp<'_>, value: &Value) -> Result<Members, JinjaError> {
    let mut set = Members::new();
    for item in iterate::collect(interp, value)? {
        hashable(&item)?;
        set.insert(item, ());
    }
    Ok(set)
}

pub(super) fn set(interp: &mut Interp<'_>, items: &Arc<Mutex<Members>>, name: &str, args: Args) -> Outcome {
    let mut others = Vec::new();
    if !matches!(name, "add" | "discard" | "remove") {
        for value in &args.positional {
            others.push(members(interp, value)?);
        }
    }
    let mut mine = lock(items).clone();
    let first = others.first();
    match name {
        "add" | "discard" | "remove" => {
            let [item] = bind(args, name, ["object"], 1)?;
            let item = item.unwrap_or(Value::None);
            hashable(&item)?;
            if name == "add" {
                mine.insert(item, ());
            } else if mine.shift_remove(&item).is_none() && name == "remove" {
                return Err(JinjaError::value_error(item.to_repr()));
            }
        }
        "clear" => mine.clear(),
        "copy" => return Ok(Value::Set(Arc::new(mine.into()))),
        "pop" => match mine.shift_remove_index(0) {
            Some((item, ())) => {
                *lock(items) = mine;
                return Ok(item);
            }
            None => return Err(JinjaError::value_error("pop from an empty set")),
        },
        "isdisjoint" => {
            return Ok(Value::Bool(first.is_none_or(|other| !mine.keys().any(|key| other.contains_key(key)))));
        }
        "issubset" => {
            return Ok(Value::Bool(first.is_some_and(|other| mine.keys().all(|key| other.contains_key(key)))));
        }
        "issuperset" => {
            return Ok(Value::Bool(first.is_some_and(|other| other.keys().all(|key| mine.contains_key(key)))));
        }
        _ => {
            for other in others {
                match name {
                    "difference" | "difference_update" => mine.retain(|key, ()| !other.contains_key(key)),
                    "intersection" | "intersection_update" => mine.retain(|key, ()| other.contains_key(key)),
                    "union" | "update" => mine.extend(other),
                    "symmetric_difference" => {
                        let added: Vec<Value> = other.keys().filter(|key| !mine.contains_key(*key)).cloned().collect();
                        mine.retain(|key, ()| !other.contains_key(key));
                        mine.extend(added.into_iter().map(|key| (key, ())));
                    }
                    _ => return Err(unknown("set", name)),
                }
            }
            if !name.ends_with("update") {
                return Ok(Value::Set(Arc::new(mine.into())));
            }
        }
    }
    *lock(items) = mine;
    Ok(Value::None)
}
