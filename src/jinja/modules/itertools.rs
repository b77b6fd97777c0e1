//! `itertools`. Iterators are single-pass, and some have no end.

use std::sync::{Arc, Mutex};

use super::super::{
    Args, Interp, Iter, JinjaError, Value, function, iterate,
    operators::{self, check_size},
    tree::Arithmetic,
    value::lock,
};

type Outcome = Result<Value, JinjaError>;

pub(super) fn module() -> Value {
    Value::dict([
        ("count", function("count", count)),
        ("cycle", function("cycle", cycle)),
        ("repeat", function("repeat", repeat)),
        ("accumulate", function("accumulate", accumulate)),
        ("chain", function("chain", chain)),
        ("compress", function("compress", compress)),
        ("islice", function("islice", islice)),
        ("starmap", function("starmap", starmap)),
        ("tee", function("tee", tee)),
        ("zip_longest", function("zip_longest", zip_longest)),
        ("product", function("product", product)),
        ("permutations", function("permutations", permutations)),
        ("combinations", function("combinations", combinations)),
        ("combinations_with_replacement", function("combinations_with_replacement", with_replacement)),
        ("dropwhile", function("dropwhile", |interp, args| while_(interp, args, false))),
        ("takewhile", function("takewhile", |interp, args| while_(interp, args, true))),
        ("filterfalse", function("filterfalse", filterfalse)),
        ("groupby", function("groupby", groupby)),
        ("pairwise", function("pairwise", pairwise)),
    ])
}

/// The arguments, the first `required` of which must be there.
fn bind<const N: usize>(
    args: Args,
    function: &str,
    names: [&str; N],
    required: usize,
) -> Result<[Option<Value>; N], JinjaError> {
    let bound = args.bind(function, &names)?;
    if bound.iter().take(required).any(Option::is_none) {
        return Err(JinjaError::type_error(format!("{function}() takes at least {required} argument(s)")));
    }
    <[Option<Value>; N]>::try_from(bound).map_err(|_| JinjaError::type_error("wrong number of arguments"))
}

fn list(interp: &mut Interp<'_>, value: Option<Value>) -> Result<Vec<Value>, JinjaError> {
    iterate::collect(interp, &value.unwrap_or(Value::None))
}

fn count(_: &mut Interp<'_>, args: Args) -> Outcome {
    let [start, step] = bind(args, "count", ["start", "step"], 0)?;
    let step = step.unwrap_or(Value::Int(1));
    let mut next = start.unwrap_or(Value::Int(0));
    Ok(Iter::lazy("itertools.count", move |_| {
        let value = next.clone();
        next = operators::arithmetic(Arithmetic::Add, &next, &step)?;
        Ok(Some(value))
    }))
}

fn cycle(interp: &mut Interp<'_>, args: Args) -> Outcome {
    let [items] = bind(args, "cycle", ["iterable"], 1)?;
    let items = list(interp, items)?;
    Ok(Iter::value("itertools.cycle", items.into_iter().cycle()))
}

fn repeat(_: &mut Interp<'_>, args: Args) -> Outcome {
    let [item, times] = bind(args, "repeat", ["object", "times"], 1)?;
    let item = item.unwrap_or(Value::None);
    match times.and_then(|times| times.as_i64()) {
        Some(times) => {
            let times = usize::try_from(times).unwrap_or(0);
            Ok(Iter::value("itertools.repeat", std::iter::repeat_n(item, times)))
        }
        None => Ok(Iter::value("itertools.repeat", std::iter::repeat(item))),
    }
}

fn accumulate(interp: &mut Interp<'_>, args: Args) -> Outcome {
    let [items, function, initial] = bind(args, "accumulate", ["iterable", "func", "initial"], 1)?;
    let mut total = initial.filter(|initial| !initial.is_none());
    let mut results: Vec<Value> = total.iter().cloned().collect();
    for item in list(interp, items)? {
        let next = match (total, &function) {
            (None, _) => item,
            (Some(total), Some(function)) if !function.is_none() => {
                interp.call(function, Args::new(vec![total, item]))?
            }
            (Some(total), _) => operators::arithmetic(Arithmetic::Add, &total, &item)?,
        };
        results.push(next.clone());
        total = Some(next);
    }
    Ok(Iter::value("itertools.accumulate", results))
}

fn chain(_: &mut Interp<'_>, args: Args) -> Outcome {
    let mut sources = args.positional.into_iter();
    let mut current: Option<iterate::Items> = None;
    Ok(Iter::lazy("itertools.chain", move |interp| {
        loop {
            if let Some(items) = &mut current
                && let Some(item) = items.next(interp)?
            {
                return Ok(Some(item));
            }
            match sources.next() {
                Some(source) => current = Some(iterate::items(&source)?),
                None => return Ok(None),
            }
        }
    }))
}

fn compress(interp: &mut Interp<'_>, args: Args) -> Outcome {
    let [items, selectors] = bind(args, "compress", ["data", "selectors"], 2)?;
    let selectors = list(interp, selectors)?;
    let items = list(interp, items)?.into_iter().zip(selectors);
    Ok(Iter::value("itertools.compress", items.filter(|(_, keep)| keep.is_truthy()).map(|(item, _)| item)))
}

fn islice(_: &mut Interp<'_>, args: Args) -> Outcome {
    let bounds: Vec<Option<i64>> = args.positional.iter().skip(1).map(Value::as_i64).collect();
    let (start, stop, step) = match *bounds.as_slice() {
        [stop] => (None, stop, None),
        [start, stop] => (start, stop, None),
        [start, stop, step] => (start, stop, step),
        _ => return Err(JinjaError::type_error("islice expected 2 to 4 arguments")),
    };
    let number = |value: Option<i64>, default: usize| match value {
        None => Ok(default),
        Some(value) => usize::try_from(value).map_err(|_| {
            JinjaError::value_error("Indices for islice() must be None or an integer: 0 <= x <= sys.maxsize.")
        }),
    };
    let (start, stop, step) = (number(start, 0)?, number(stop, usize::MAX)?, number(step, 1)?.max(1));
    let mut items = iterate::items(args.positional.first().unwrap_or(&Value::None))?;
    let (mut at, mut wanted) = (0_usize, start);
    Ok(Iter::lazy("itertools.islice", move |interp| {
        while wanted < stop {
            let Some(item) = items.next(interp)? else { return Ok(None) };
            at += 1;
            if at - 1 == wanted {
                wanted = wanted.saturating_add(step);
                return Ok(Some(item));
            }
        }
        Ok(None)
    }))
}

fn starmap(interp: &mut Interp<'_>, args: Args) -> Outcome {
    let [function, items] = bind(args, "starmap", ["function", "iterable"], 2)?;
    let function = function.unwrap_or(Value::None);
    let mut results = Vec::new();
    for item in list(interp, items)? {
        let args = Args::new(iterate::collect(interp, &item)?);
        results.push(interp.call(&function, args)?);
    }
    Ok(Iter::value("itertools.starmap", results))
}

fn tee(interp: &mut Interp<'_>, args: Args) -> Outcome {
    let [items, count] = bind(args, "tee", ["iterable", "n"], 1)?;
    let count = usize::try_from(count.and_then(|count| count.as_i64()).unwrap_or(2)).unwrap_or(0);
    check_size(count)?;
    // The copies share what was read of the source; endless sources stay endless.
    let source = Arc::new(Mutex::new((iterate::items(&items.unwrap_or(Value::None))?, Vec::<Value>::new())));
    let _ = interp;
    let copies = (0..count).map(|_| {
        let source = source.clone();
        let mut at = 0;
        Iter::lazy("itertools._tee", move |interp| {
            let mut source = lock(&source);
            if at == source.1.len() {
                let Some(item) = source.0.next(interp)? else { return Ok(None) };
                source.1.push(item);
            }
            at += 1;
            Ok(source.1.get(at - 1).cloned())
        })
    });
    Ok(Value::tuple(copies))
}

fn zip_longest(interp: &mut Interp<'_>, mut args: Args) -> Outcome {
    let fill = args.keyword.shift_remove("fillvalue").unwrap_or(Value::None);
    let columns = columns(interp, &args.positional)?;
    let length = columns.iter().map(Vec::len).max().unwrap_or(0);
    let rows = (0..length).map(move |row| {
        Value::tuple(columns.iter().map(|column| column.get(row).cloned().unwrap_or_else(|| fill.clone())))
    });
    Ok(Iter::value("itertools.zip_longest", rows))
}

fn columns(interp: &mut Interp<'_>, sources: &[Value]) -> Result<Vec<Vec<Value>>, JinjaError> {
    sources.iter().map(|source| iterate::collect(interp, source)).collect()
}

fn product(interp: &mut Interp<'_>, mut args: Args) -> Outcome {
    let repeat = args.keyword.shift_remove("repeat").and_then(|repeat| repeat.as_i64()).unwrap_or(1);
    let repeat = usize::try_from(repeat).unwrap_or(0);
    let pools = columns(interp, &args.positional)?;
    check_size(pools.len().saturating_mul(repeat))?;
    let pools: Vec<Vec<Value>> = std::iter::repeat_n(pools, repeat).flatten().collect();
    let lengths: Vec<usize> = pools.iter().map(Vec::len).collect();
    let mut indexes = vec![0; pools.len()];
    let mut done = lengths.contains(&0);
    Ok(Iter::value(
        "itertools.product",
        std::iter::from_fn(move || {
            if done {
                return None;
            }
            let row = Value::tuple(pools.iter().zip(&indexes).filter_map(|(pool, index)| pool.get(*index).cloned()));
            done = true;
            for (index, length) in indexes.iter_mut().zip(&lengths).rev() {
                *index += 1;
                if *index < *length {
                    done = false;
                    break;
                }
                *index = 0;
            }
            Some(row)
        }),
    ))
}

/// Index tuples of `size` out of `length`, in Python's order, those that `keep` lets pass.
fn picks(
    length: usize,
    size: usize,
    keep: impl Fn(&[usize]) -> bool + Send + 'static,
) -> impl Iterator<Item = Vec<usize>> + Send {
    let mut indexes = vec![0_usize; size];
    let mut at_end = length == 0 && size > 0;
    std::iter::from_fn(move || {
        while !at_end {
            let found = keep(&indexes).then(|| indexes.clone());
            at_end = true;
            for index in indexes.iter_mut().rev() {
                *index += 1;
                if *index < length {
                    at_end = false;
                    break;
                }
                *index = 0;
            }
            if found.is_some() {
                return found;
            }
        }
        None
    })
}

/// Ways that may be tried one by one.
const MAX_WAYS: f64 = 1e7;

fn picked(
    interp: &mut Interp<'_>,
    args: Args,
    kind: &'static str,
    keep: impl Fn(&[usize]) -> bool + Send + 'static,
) -> Outcome {
    let [items, size] = bind(args, kind, ["iterable", "r"], 1)?;
    let items = list(interp, items)?;
    let size = match size.filter(|size| !size.is_none()) {
        Some(size) => usize::try_from(size.as_i64().unwrap_or(-1))
            .map_err(|_| JinjaError::value_error("r must be non-negative"))?,
        None => items.len(),
    };
    #[expect(clippy::cast_precision_loss, reason = "only a bound")]
    if (items.len() as f64).powf(size as f64) > MAX_WAYS {
        return Err(JinjaError::new(super::super::ErrorKind::Limit, format!("{kind}: too many items to choose from")));
    }
    let rows = picks(items.len(), size, keep)
        .map(move |indexes| Value::tuple(indexes.iter().filter_map(|index| items.get(*index).cloned())));
    Ok(Iter::value(kind, rows))
}

fn permutations(interp: &mut Interp<'_>, args: Args) -> Outcome {
    picked(interp, args, "itertools.permutations", |indexes| {
        indexes.iter().enumerate().all(|(at, index)| !indexes.iter().skip(at + 1).any(|other| other == index))
    })
}

fn combinations(interp: &mut Interp<'_>, args: Args) -> Outcome {
    picked(interp, args, "itertools.combinations", |indexes| indexes.windows(2).all(|pair| pair[0] < pair[1]))
}

fn with_replacement(interp: &mut Interp<'_>, args: Args) -> Outcome {
    picked(interp, args, "itertools.combinations_with_replacement", |indexes| {
        indexes.windows(2).all(|pair| pair[0] <= pair[1])
    })
}

fn while_(interp: &mut Interp<'_>, args: Args, take: bool) -> Outcome {
    let [test, items] = bind(args, "takewhile", ["predicate", "iterable"], 2)?;
    let test = test.unwrap_or(Value::None);
    let items = list(interp, items)?;
    let mut first = items.len();
    for (index, item) in items.iter().enumerate() {
        if !interp.call(&test, Args::new(vec![item.clone()]))?.is_truthy() {
            first = index;
            break;
        }
    }
    let kind = if take { "itertools.takewhile" } else { "itertools.dropwhile" };
    let kept: Vec<Value> =
        if take { items.into_iter().take(first).collect() } else { items.into_iter().skip(first).collect() };
    Ok(Iter::value(kind, kept))
}

fn filterfalse(interp: &mut Interp<'_>, args: Args) -> Outcome {
    let [test, items] = bind(args, "filterfalse", ["function", "iterable"], 2)?;
    let test = test.unwrap_or(Value::None);
    let mut kept = Vec::new();
    for item in list(interp, items)? {
        let passes = if test.is_none() {
            item.is_truthy()
        } else {
            interp.call(&test, Args::new(vec![item.clone()]))?.is_truthy()
        };
        if !passes {
            kept.push(item);
        }
    }
    Ok(Iter::value("itertools.filterfalse", kept))
}

fn groupby(interp: &mut Interp<'_>, args: Args) -> Outcome {
    let [items, key] = bind(args, "groupby", ["iterable", "key"], 1)?;
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    for item in list(interp, items)? {
        let by = match key.as_ref().filter(|key| !key.is_none()) {
            Some(key) => interp.call(key, Args::new(vec![item.clone()]))?,
            None => item.clone(),
        };
        match groups.last_mut().filter(|(known, _)| *known == by) {
            Some((_, items)) => items.push(item),
            None => groups.push((by, vec![item])),
        }
    }
    let groups = groups.into_iter().map(|(key, items)| Value::tuple([key, Iter::value("itertools._grouper", items)]));
    Ok(Iter::value("itertools.groupby", groups))
}

fn pairwise(interp: &mut Interp<'_>, args: Args) -> Outcome {
    let [items] = bind(args, "pairwise", ["iterable"], 1)?;
    let items = list(interp, items)?;
    let pairs: Vec<Value> = items.windows(2).map(|pair| Value::tuple(pair.iter().cloned())).collect();
    Ok(Iter::value("itertools.pairwise", pairs))
}
