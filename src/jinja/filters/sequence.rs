//! Filters on sequences.

use std::{cmp::Ordering, sync::Arc};

use indexmap::IndexMap;

use super::{
    super::{
        Args, Interp, Iter, JinjaError, Object, Value, attributes, checks, iterate, methods,
        operators::{self, hashable},
        tree::Arithmetic,
    },
    Outcome, apply as filter, bind, fold_case, integer, lookup, truthy,
};

pub(super) fn apply(interp: &mut Interp<'_>, name: &str, value: Value, args: Args) -> Outcome {
    match name {
        "list" => {
            bind(args, name, [], 0)?;
            Ok(Value::list(iterate::collect(interp, &value)?))
        }
        "first" => {
            let first = iterate::items(&value)?.next(interp)?;
            Ok(first.unwrap_or_else(|| Value::Undefined("No first item, sequence was empty.".into())))
        }
        "last" => {
            let mut items = iterate::collect(interp, &value)?;
            Ok(items.pop().unwrap_or_else(|| Value::Undefined("No last item, sequence was empty.".into())))
        }
        "random" => {
            let items = iterate::collect(interp, &value)?;
            let number = uuid::Uuid::new_v4().as_u128();
            let index = usize::try_from(number % u128::try_from(items.len().max(1)).unwrap_or(1)).unwrap_or(0);
            let picked = items.get(index).cloned();
            Ok(picked.unwrap_or_else(|| Value::Undefined("No random item, sequence was empty.".into())))
        }
        "reverse" => {
            if let Value::Str(text) = &value {
                return Ok(text.chars().rev().collect::<String>().into());
            }
            let items = iterate::collect(interp, &value)?;
            Ok(Iter::value("list_reverseiterator", items.into_iter().rev()))
        }
        "attr" => {
            let [name] = bind(args, name, ["name"], 1)?;
            let name = iterate::text(&name.unwrap_or(Value::None))?;
            match &value {
                // Only attributes: an item of the same name does not count.
                Value::Dict(_) if !methods::has(&value, &name) => {
                    Ok(Value::Undefined(format!("'dict object' has no attribute '{name}'").into()))
                }
                other => attributes::attribute(other, &name, interp.globals.is_lenient()),
            }
        }
        "items" => match value.pairs() {
            Some(pairs) => {
                let pairs: Vec<Value> = pairs.into_iter().map(|(key, value)| Value::tuple([key, value])).collect();
                Ok(Iter::value("generator", pairs))
            }
            None if value.is_undefined() => Ok(Iter::value("generator", Vec::new())),
            None => Err(JinjaError::type_error("Can only get item pairs from a mapping.")),
        },
        "batch" => {
            let [count, fill] = bind(args, name, ["linecount", "fill_with"], 1)?;
            batch(iterate::collect(interp, &value)?, integer(count.as_ref(), 1)?, fill)
        }
        "slice" => {
            let [count, fill] = bind(args, name, ["slices", "fill_with"], 1)?;
            slices(&iterate::collect(interp, &value)?, integer(count.as_ref(), 1)?, fill)
        }
        "sum" => sum(interp, &value, args),
        "max" | "min" => extreme(interp, name, &value, args),
        "sort" => sort(interp, &value, args),
        "dictsort" => dictsort(&value, args),
        "unique" => unique(interp, &value, args),
        "groupby" => groupby(interp, &value, args),
        "map" => map(interp, &value, args),
        _ => select(interp, name, &value, args),
    }
}

fn batch(items: Vec<Value>, count: i64, fill: Option<Value>) -> Outcome {
    let Some(count) = usize::try_from(count).ok().filter(|count| *count > 0) else {
        return Err(JinjaError::value_error("batch size must be positive"));
    };
    let mut batches: Vec<Vec<Value>> = items.chunks(count).map(<[Value]>::to_vec).collect();
    if let (Some(fill), Some(last)) = (fill.filter(|fill| !fill.is_none()), batches.last_mut()) {
        operators::check_size(count)?;
        last.resize(count, fill);
    }
    Ok(Iter::value("generator", batches.into_iter().map(Value::list)))
}

fn slices(items: &[Value], count: i64, fill: Option<Value>) -> Outcome {
    let Some(count) = usize::try_from(count).ok().filter(|count| *count > 0) else {
        return Err(JinjaError::value_error("integer division or modulo by zero"));
    };
    operators::check_size(count)?;
    let (size, extra) = (items.len() / count, items.len() % count);
    let fill = fill.filter(|fill| !fill.is_none());
    let mut rest = items;
    let mut parts = Vec::new();
    for index in 0..count {
        let length = size + usize::from(index < extra);
        let (part, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        let mut part = part.to_vec();
        if index >= extra {
            part.extend(fill.clone());
        }
        parts.push(Value::list(part));
    }
    Ok(Iter::value("generator", parts))
}

fn sum(interp: &mut Interp<'_>, value: &Value, args: Args) -> Outcome {
    let [attribute, start] = bind(args, "sum", ["attribute", "start"], 0)?;
    let mut total = start.unwrap_or(Value::Int(0));
    for item in iterate::collect(interp, value)? {
        let item = match attribute.as_ref().filter(|attribute| !attribute.is_none()) {
            Some(path) => lookup(&item, path, None, interp.globals.is_lenient())?,
            None => item,
        };
        total = operators::arithmetic(Arithmetic::Add, &total, &item)?;
    }
    Ok(total)
}

fn extreme(interp: &mut Interp<'_>, name: &str, value: &Value, args: Args) -> Outcome {
    let [case_sensitive, attribute] = bind(args, name, ["case_sensitive", "attribute"], 0)?;
    let case_sensitive = truthy(case_sensitive.as_ref());
    let wanted = if name == "max" { Ordering::Greater } else { Ordering::Less };
    let mut best: Option<(Value, Value)> = None;
    for item in iterate::collect(interp, value)? {
        let key = key(interp, &item, attribute.as_ref(), case_sensitive)?;
        let better = match &best {
            None => true,
            Some((known, _)) => operators::compare(&key, known)? == wanted,
        };
        if better {
            best = Some((key, item));
        }
    }
    let empty = || Value::Undefined("No aggregated item, sequence was empty.".into());
    Ok(best.map_or_else(empty, |(_, item)| item))
}

fn key(interp: &Interp<'_>, item: &Value, attribute: Option<&Value>, case_sensitive: bool) -> Outcome {
    let value = match attribute.filter(|attribute| !attribute.is_none()) {
        Some(path) => lookup(item, path, None, interp.globals.is_lenient())?,
        None => item.clone(),
    };
    Ok(fold_case(value, case_sensitive))
}

fn sort(interp: &mut Interp<'_>, value: &Value, args: Args) -> Outcome {
    let [reverse, case_sensitive, attribute] = bind(args, "sort", ["reverse", "case_sensitive", "attribute"], 0)?;
    let case_sensitive = truthy(case_sensitive.as_ref());
    let mut keyed = Vec::new();
    for item in iterate::collect(interp, value)? {
        let key = match &attribute {
            // Several attributes are compared one after the other.
            Some(Value::Str(paths)) if paths.contains(',') => {
                let keys = paths
                    .split(',')
                    .map(|path| key(interp, &item, Some(&path.into()), case_sensitive))
                    .collect::<Result<Vec<_>, _>>()?;
                Value::list(keys)
            }
            attribute => key(interp, &item, attribute.as_ref(), case_sensitive)?,
        };
        keyed.push((key, item));
    }
    methods::sort_keyed(&mut keyed, truthy(reverse.as_ref()))?;
    Ok(Value::list(keyed.into_iter().map(|(_, item)| item)))
}

fn dictsort(value: &Value, args: Args) -> Outcome {
    let [case_sensitive, by, reverse] = bind(args, "dictsort", ["case_sensitive", "by", "reverse"], 0)?;
    let by = by.map_or_else(|| "key".to_owned(), |by| by.to_str());
    if by != "key" && by != "value" {
        return Err(JinjaError::value_error("You can only sort by either \"key\" or \"value\""));
    }
    let Some(pairs) = value.pairs() else {
        return Err(JinjaError::type_error(format!("'{}' object has no attribute 'items'", value.type_name())));
    };
    let case_sensitive = truthy(case_sensitive.as_ref());
    let mut keyed: Vec<(Value, Value)> = pairs
        .into_iter()
        .map(|(key, value)| {
            let sorted = if by == "key" { key.clone() } else { value.clone() };
            (fold_case(sorted, case_sensitive), Value::tuple([key, value]))
        })
        .collect();
    methods::sort_keyed(&mut keyed, truthy(reverse.as_ref()))?;
    Ok(Value::list(keyed.into_iter().map(|(_, pair)| pair)))
}

fn unique(interp: &mut Interp<'_>, value: &Value, args: Args) -> Outcome {
    let [case_sensitive, attribute] = bind(args, "unique", ["case_sensitive", "attribute"], 0)?;
    let case_sensitive = truthy(case_sensitive.as_ref());
    let mut seen: IndexMap<Value, Value> = IndexMap::new();
    for item in iterate::collect(interp, value)? {
        let key = key(interp, &item, attribute.as_ref(), case_sensitive)?;
        hashable(&key)?;
        seen.entry(key).or_insert(item);
    }
    Ok(Iter::value("generator", seen.into_values().collect::<Vec<_>>()))
}

/// A group: a pair that also has names.
#[derive(Debug)]
struct Group {
    grouper: Value,
    list: Value,
}

impl Object for Group {
    fn type_name(&self) -> &'static str {
        "tuple"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        match name {
            "grouper" => Some(self.grouper.clone()),
            "list" => Some(self.list.clone()),
            _ => None,
        }
    }

    fn get_item(&self, key: &Value) -> Option<Value> {
        match key.as_i64()? {
            0 | -2 => Some(self.grouper.clone()),
            1 | -1 => Some(self.list.clone()),
            _ => None,
        }
    }

    fn iter(&self) -> Option<Vec<Value>> {
        Some(vec![self.grouper.clone(), self.list.clone()])
    }

    fn is_hashable(&self) -> bool {
        false
    }

    fn to_repr(&self) -> String {
        format!("({}, {})", self.grouper.to_repr(), self.list.to_repr())
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

fn groupby(interp: &mut Interp<'_>, value: &Value, args: Args) -> Outcome {
    let [attribute, default, case_sensitive] = bind(args, "groupby", ["attribute", "default", "case_sensitive"], 1)?;
    let path = attribute.unwrap_or(Value::None);
    let default = default.filter(|default| !default.is_none());
    let case_sensitive = truthy(case_sensitive.as_ref());
    let mut keyed = Vec::new();
    for item in iterate::collect(interp, value)? {
        let found = lookup(&item, &path, default.as_ref(), interp.globals.is_lenient())?;
        keyed.push((fold_case(found.clone(), case_sensitive), (found, item)));
    }
    methods::sort_keyed(&mut keyed, false)?;
    let mut groups: Vec<(Value, Value, Vec<Value>)> = Vec::new();
    for (key, (name, item)) in keyed {
        match groups.last_mut().filter(|(known, ..)| *known == key) {
            Some((_, _, items)) => items.push(item),
            None => groups.push((key, name, vec![item])),
        }
    }
    let groups =
        groups.into_iter().map(|(_, grouper, items)| Value::object(Group { grouper, list: Value::list(items) }));
    Ok(Value::list(groups))
}

/// The items that `map`, `select` and their like walk over: of `none`, `false` or 0 there are none, as in Jinja2.
fn items_unless_falsy(interp: &mut Interp<'_>, value: &Value) -> Result<Vec<Value>, JinjaError> {
    if value.is_truthy() { iterate::collect(interp, value) } else { Ok(Vec::new()) }
}

fn map(interp: &mut Interp<'_>, value: &Value, mut args: Args) -> Outcome {
    let mut mapped = Vec::new();
    if args.positional.is_empty() {
        let Some(path) = args.keyword.shift_remove("attribute") else {
            return Err(JinjaError::type_error("map requires a filter argument"));
        };
        let default = args.keyword.shift_remove("default");
        if let Some((key, _)) = args.keyword.first() {
            return Err(JinjaError::type_error(format!("Unexpected keyword argument '{key}'")));
        }
        for item in items_unless_falsy(interp, value)? {
            mapped.push(lookup(&item, &path, default.as_ref(), interp.globals.is_lenient())?);
        }
    } else {
        let name = iterate::text(&args.positional.remove(0))?;
        for item in items_unless_falsy(interp, value)? {
            interp.count_iteration()?;
            mapped.push(filter(interp, &name, item, args.clone())?);
        }
    }
    Ok(Iter::value("generator", mapped))
}

fn select(interp: &mut Interp<'_>, name: &str, value: &Value, args: Args) -> Outcome {
    let mut positional = args.positional.into_iter();
    let path = if name.ends_with("attr") {
        let Some(path) = positional.next() else {
            return Err(JinjaError::type_error("Missing parameter for attribute name"));
        };
        Some(path)
    } else {
        None
    };
    let test: Option<Arc<str>> = positional.next().map(|test| iterate::text(&test)).transpose()?;
    let rest: Vec<Value> = positional.collect();
    let wanted = name.starts_with("select");
    let mut kept = Vec::new();
    for item in items_unless_falsy(interp, value)? {
        interp.count_iteration()?;
        let subject = match &path {
            Some(path) => lookup(&item, path, None, interp.globals.is_lenient())?,
            None => item.clone(),
        };
        let found = match &test {
            Some(test) => checks::check(interp, test, &subject, rest.clone())?,
            None => subject.is_truthy(),
        };
        if found == wanted {
            kept.push(item);
        }
    }
    Ok(Iter::value("generator", kept))
}
