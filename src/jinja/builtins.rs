//! Names that every template has: `range`, `dict`, `namespace`, `cycler`, `joiner`, `lipsum`, `return`.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use super::{
    Args, Dict, ErrorKind, Interp, JinjaError, Object, Value, function, iterate,
    operators::hashable,
    value::{StrKey, lock},
};

type Outcome = Result<Value, JinjaError>;

/// Jinja's sandbox refuses longer ranges.
const MAX_RANGE: i64 = 100_000;

pub(super) const NAMES: &[&str] = &["range", "dict", "namespace", "cycler", "joiner", "lipsum", "return"];

pub(super) fn get(name: &str) -> Option<Value> {
    Some(match name {
        "range" => function("range", range),
        "dict" => function("dict", dict),
        "namespace" => function("namespace", namespace),
        "cycler" => function("cycler", |_, args| Cycler::make(args)),
        "joiner" => function("joiner", |_, args| Joiner::make(args)),
        "lipsum" => function("lipsum", |_, _| Ok(LIPSUM.into())),
        "return" => function("return", |_, args| {
            let mut bound = args.bind("return", &["data"])?;
            let mut error = JinjaError::new(ErrorKind::Return, "return");
            error.value = Some(bound.pop().flatten().unwrap_or(Value::None));
            Err(error)
        }),
        _ => return None,
    })
}

const LIPSUM: &str = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut \
                      labore et dolore magna aliqua.";

/// Python's range.
#[derive(Debug)]
pub(super) struct Range {
    start: i64,
    stop: i64,
    step: i64,
}

impl Range {
    fn length(&self) -> i64 {
        let (low, high) = if self.step > 0 { (self.start, self.stop) } else { (self.stop, self.start) };
        if low >= high {
            return 0;
        }
        let distance = i128::from(high) - i128::from(low) - 1;
        i64::try_from(distance / i128::from(self.step).abs() + 1).unwrap_or(i64::MAX)
    }

    fn at(&self, index: i64) -> Option<i64> {
        let length = self.length();
        let index = if index < 0 { index + length } else { index };
        (0..length).contains(&index).then(|| self.start + index * self.step)
    }
}

fn range(_: &mut Interp<'_>, args: Args) -> Outcome {
    let mut numbers = Vec::new();
    if !args.keyword.is_empty() {
        return Err(JinjaError::type_error("range() takes no keyword arguments"));
    }
    for value in &args.positional {
        match value {
            Value::Undefined(message) => return Err(super::operators::undefined(message)),
            other => numbers.push(other.as_i64().ok_or_else(|| {
                JinjaError::type_error(format!("'{}' object cannot be interpreted as an integer", other.type_name()))
            })?),
        }
    }
    let (start, stop, step) = match *numbers.as_slice() {
        [stop] => (0, stop, 1),
        [start, stop] => (start, stop, 1),
        [start, stop, step] => (start, stop, step),
        _ => {
            let message = format!("range expected 1 to 3 arguments, got {}", numbers.len());
            return Err(JinjaError::type_error(message));
        }
    };
    if step == 0 {
        return Err(JinjaError::value_error("range() arg 3 must not be zero"));
    }
    let range = Range { start, stop, step };
    if range.length() > MAX_RANGE {
        let message = format!("range too big: the sandbox blocks ranges larger than MAX_RANGE ({MAX_RANGE})");
        return Err(JinjaError::new(ErrorKind::Limit, message));
    }
    Ok(Value::object(range))
}

impl Object for Range {
    fn type_name(&self) -> &'static str {
        "range"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        match name {
            "start" => Some(Value::Int(self.start)),
            "stop" => Some(Value::Int(self.stop)),
            "step" => Some(Value::Int(self.step)),
            _ => None,
        }
    }

    fn get_item(&self, key: &Value) -> Option<Value> {
        self.at(key.as_i64()?).map(Value::Int)
    }

    fn iter(&self) -> Option<Vec<Value>> {
        Some((0..self.length()).filter_map(|index| self.at(index)).map(Value::Int).collect())
    }

    fn len(&self) -> Option<usize> {
        usize::try_from(self.length()).ok()
    }

    fn contains(&self, item: &Value) -> Option<bool> {
        Some(item.as_i64().is_some_and(|item| {
            let offset = i128::from(item) - i128::from(self.start);
            let step = i128::from(self.step);
            offset % step == 0 && (0..i128::from(self.length())).contains(&(offset / step))
        }))
    }

    fn to_repr(&self) -> String {
        if self.step == 1 {
            return format!("range({}, {})", self.start, self.stop);
        }
        format!("range({}, {}, {})", self.start, self.stop, self.step)
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// `dict(pairs or mapping, **names)`.
pub(super) fn dict(interp: &mut Interp<'_>, args: Args) -> Outcome {
    let mut items = Dict::new();
    if args.positional.len() > 1 {
        let message = format!("dict expected at most 1 argument, got {}", args.positional.len());
        return Err(JinjaError::type_error(message));
    }
    if let Some(source) = args.positional.first() {
        extend(interp, &mut items, source)?;
    }
    items.extend(args.keyword.into_iter().map(|(key, value)| (Value::Str(key), value)));
    Ok(Value::Dict(Arc::new(items.into())))
}

/// Adds the pairs of a mapping, or of a sequence of pairs.
pub(super) fn extend(interp: &mut Interp<'_>, items: &mut Dict, source: &Value) -> Result<(), JinjaError> {
    if let Some(pairs) = source.pairs() {
        items.extend(pairs);
        return Ok(());
    }
    for (index, pair) in iterate::collect(interp, source)?.into_iter().enumerate() {
        let pair = match iterate::items(&pair) {
            Ok(pair) => pair.rest(interp)?,
            Err(_) => {
                let message = format!("cannot convert dictionary update sequence element #{index} to a sequence");
                return Err(JinjaError::type_error(message));
            }
        };
        let length = pair.len();
        let Ok([key, value]) = <[Value; 2]>::try_from(pair) else {
            return Err(JinjaError::value_error(format!(
                "dictionary update sequence element #{index} has length {length}; 2 is required"
            )));
        };
        hashable(&key)?;
        items.insert(key, value);
    }
    Ok(())
}

/// Attributes that blocks can assign to.
#[derive(Debug)]
struct Namespace(Mutex<Dict>);

fn namespace(interp: &mut Interp<'_>, args: Args) -> Outcome {
    let mut items = Dict::new();
    for source in &args.positional {
        extend(interp, &mut items, source)?;
    }
    items.extend(args.keyword.into_iter().map(|(key, value)| (Value::Str(key), value)));
    Ok(Value::object(Namespace(items.into())))
}

impl Object for Namespace {
    fn type_name(&self) -> &'static str {
        "jinja2.utils.Namespace"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        lock(&self.0).get(&StrKey(name)).cloned()
    }

    fn get_item(&self, key: &Value) -> Option<Value> {
        key.is_hashable().then(|| lock(&self.0).get(key).cloned())?
    }

    fn set_attr(&self, name: &str, value: &Value) -> bool {
        lock(&self.0).insert(name.into(), value.clone());
        true
    }

    fn len(&self) -> Option<usize> {
        None
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<Self>().is_some_and(|other| std::ptr::eq(self, other))
    }

    fn hash_key(&self) -> String {
        format!("{:p}", std::ptr::from_ref(self))
    }

    fn repr_parts(&self) -> Option<(String, Value, String)> {
        let items = lock(&self.0).clone();
        Some(("<Namespace ".to_owned(), Value::Dict(Arc::new(items.into())), ">".to_owned()))
    }

    fn to_repr(&self) -> String {
        let items = lock(&self.0).clone();
        format!("<Namespace {}>", Value::Dict(Arc::new(items.into())).to_repr())
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

#[derive(Debug)]
struct Cycler {
    items: Vec<Value>,
    at: AtomicUsize,
}

impl Cycler {
    fn make(args: Args) -> Outcome {
        if args.positional.is_empty() {
            return Err(JinjaError::type_error("at least one item has to be provided"));
        }
        Ok(Value::object(Self { items: args.positional, at: AtomicUsize::new(0) }))
    }

    fn current(&self) -> Value {
        let at = self.at.load(Ordering::Relaxed) % self.items.len().max(1);
        self.items.get(at).cloned().unwrap_or(Value::None)
    }
}

impl Object for Cycler {
    fn type_name(&self) -> &'static str {
        "jinja2.utils.Cycler"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        (name == "current").then(|| self.current())
    }

    fn call_method(&self, _interp: &mut Interp<'_>, name: &str, _args: Args) -> Option<Outcome> {
        match name {
            "next" => {
                let value = self.current();
                self.at.fetch_add(1, Ordering::Relaxed);
                Some(Ok(value))
            }
            "reset" => {
                self.at.store(0, Ordering::Relaxed);
                Some(Ok(Value::None))
            }
            _ => None,
        }
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

#[derive(Debug)]
struct Joiner {
    separator: Value,
    calls: AtomicUsize,
}

impl Joiner {
    fn make(args: Args) -> Outcome {
        let separator = args.bind("joiner", &["sep"])?.pop().flatten().unwrap_or_else(|| ", ".into());
        Ok(Value::object(Self { separator, calls: AtomicUsize::new(0) }))
    }
}

impl Object for Joiner {
    fn type_name(&self) -> &'static str {
        "jinja2.utils.Joiner"
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, _interp: &mut Interp<'_>, _args: Args) -> Outcome {
        let first = self.calls.fetch_add(1, Ordering::Relaxed) == 0;
        Ok(if first { "".into() } else { self.separator.clone() })
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
