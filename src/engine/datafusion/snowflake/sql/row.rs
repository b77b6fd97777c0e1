//! One shape for the scalar functions of this layer: a row of arguments in, one value out. The arguments' types are a short
//! text, to which every argument is converted as Snowflake converts it.

use std::{cell::RefCell, collections::HashMap, hash, sync::Arc};

use datafusion::{
    arrow::{
        array::{
            Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, Date32Builder, Float64Array, Float64Builder,
            Int64Array, Int64Builder, LargeStringArray, LargeStringBuilder, PrimitiveArray, StringArray, StringBuilder,
            TimestampMicrosecondBuilder,
        },
        compute::cast,
        datatypes::{
            DataType, Date32Type, Field, FieldRef, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType,
        },
    },
    common::{Result, ScalarValue, exec_err, plan_err},
    logical_expr::{
        ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    },
};
use regex::Regex;

/// A timestamp without zone.
pub(super) const NTZ: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// The type of a variant: JSON as text, in the one string type that nothing else here has.
pub(super) const VARIANT: DataType = DataType::LargeUtf8;

/// A timestamp with zone.
pub(super) fn ltz() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// What a function returns for one row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Text(String),
    /// The JSON text of a variant.
    Json(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// Days since 1970.
    Date(i32),
    /// Microseconds since 1970.
    Micros(i64),
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Value::Int(value)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Value::Text(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Value::Text(value.to_owned())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Value::Float(value)
    }
}

/// Whether NULL arguments reach the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nulls {
    /// Any NULL argument gives NULL.
    Strict,
    /// The body looks at them.
    Seen,
}

pub(super) type Body = fn(&Row<'_>) -> Result<Value>;

/// A function of rows. Arguments: `t` text, `i` whole number, `f` number, `b` boolean, `v` variant, `d` date, `s` timestamp;
/// what follows a `?` may be missing, and what precedes a `*` may be repeated.
#[derive(Debug)]
pub(super) struct RowFunction {
    name: &'static str,
    arguments: &'static str,
    returns: DataType,
    nulls: Nulls,
    usage: &'static str,
    body: Body,
    signature: Signature,
}

/// A function whose NULL arguments give NULL.
pub(super) fn strict(
    name: &'static str,
    arguments: &'static str,
    returns: DataType,
    usage: &'static str,
    body: Body,
) -> ScalarUDF {
    ScalarUDF::new_from_impl(RowFunction {
        name,
        arguments,
        returns,
        nulls: Nulls::Strict,
        usage,
        body,
        signature: Signature::user_defined(Volatility::Immutable),
    })
}

/// A function that looks at NULL arguments itself.
pub(super) fn seeing_nulls(
    name: &'static str,
    arguments: &'static str,
    returns: DataType,
    usage: &'static str,
    body: Body,
) -> ScalarUDF {
    ScalarUDF::new_from_impl(RowFunction {
        name,
        arguments,
        returns,
        nulls: Nulls::Seen,
        usage,
        body,
        signature: Signature::user_defined(Volatility::Immutable),
    })
}

impl PartialEq for RowFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for RowFunction {}

impl hash::Hash for RowFunction {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

fn type_of(letter: char) -> DataType {
    match letter {
        'i' => DataType::Int64,
        'f' => DataType::Float64,
        'b' => DataType::Boolean,
        'v' => VARIANT,
        'd' => DataType::Date32,
        's' => NTZ,
        _ => DataType::Utf8,
    }
}

/// The types of `count` arguments; `None` when there may not be as many.
fn types_of(pattern: &str, count: usize) -> Option<Vec<DataType>> {
    let (needed, optional) = pattern.split_once('?').unwrap_or((pattern, ""));
    let repeated = pattern.ends_with('*');
    let letters: Vec<char> = pattern.chars().filter(|letter| !matches!(letter, '?' | '*')).collect();
    let least = needed.chars().filter(|letter| *letter != '*').count() - usize::from(repeated && optional.is_empty());
    if count < least || (count > letters.len() && !repeated) {
        return None;
    }
    let last = letters.last().copied().unwrap_or('t');
    Some((0..count).map(|index| type_of(letters.get(index).copied().unwrap_or(last))).collect())
}

impl ScalarUDFImpl for RowFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(self.name, self.returns.clone(), true)))
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        match types_of(self.arguments, arg_types.len()) {
            Some(types) => Ok(types),
            None => plan_err!("wrong number of arguments, write `{}`", self.usage),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_))) && !args.args.is_empty();
        let rows = if constant { 1 } else { args.number_rows };
        let columns = args.args.iter().map(Argument::read).collect::<Result<Vec<_>>>()?;
        let patterns = RefCell::default();
        let mut out = Output::new(&self.returns, rows);
        for row in 0..rows {
            let row = Row { columns: &columns, row, patterns: &patterns };
            if self.nulls == Nulls::Strict && (0..columns.len()).any(|index| row.is_null(index)) {
                out.push(Value::Null)?;
            } else {
                out.push((self.body)(&row)?)?;
            }
        }
        let array = out.finish(&self.returns)?;
        if constant {
            Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?))
        } else {
            Ok(ColumnarValue::Array(array))
        }
    }
}

enum Values {
    Text(StringArray),
    Json(LargeStringArray),
    Int(Int64Array),
    Float(Float64Array),
    Bool(BooleanArray),
    Date(PrimitiveArray<Date32Type>),
    Micros(Int64Array),
}

struct Argument {
    values: Values,
    /// One value for all rows.
    constant: bool,
}

impl Argument {
    fn read(argument: &ColumnarValue) -> Result<Self> {
        let constant = matches!(argument, ColumnarValue::Scalar(_));
        let array = match argument {
            ColumnarValue::Scalar(scalar) => scalar.to_array_of_size(1)?,
            ColumnarValue::Array(array) => Arc::clone(array),
        };
        let values = match array.data_type() {
            DataType::LargeUtf8 => Values::Json(array.as_string::<i64>().clone()),
            DataType::Int64 => Values::Int(array.as_primitive::<Int64Type>().clone()),
            DataType::Float64 => Values::Float(array.as_primitive::<Float64Type>().clone()),
            DataType::Boolean => Values::Bool(array.as_boolean().clone()),
            DataType::Date32 => Values::Date(array.as_primitive::<Date32Type>().clone()),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                Values::Micros(array.as_primitive::<TimestampMicrosecondType>().reinterpret_cast::<Int64Type>())
            }
            _ => Values::Text(cast(&array, &DataType::Utf8)?.as_string::<i32>().clone()),
        };
        Ok(Self { values, constant })
    }

    fn array(&self) -> &dyn Array {
        match &self.values {
            Values::Text(array) => array,
            Values::Json(array) => array,
            Values::Int(array) | Values::Micros(array) => array,
            Values::Float(array) => array,
            Values::Bool(array) => array,
            Values::Date(array) => array,
        }
    }
}

/// The arguments of one call. What is NULL or missing reads as empty, 0, false: ask [`Row::is_null`] where it matters.
pub(super) struct Row<'a> {
    columns: &'a [Argument],
    row: usize,
    patterns: &'a RefCell<HashMap<String, Regex>>,
}

impl<'a> Row<'a> {
    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }

    fn at(&self, index: usize) -> Option<(&'a Values, usize)> {
        let argument = self.columns.get(index)?;
        let row = if argument.constant { 0 } else { self.row };
        argument.array().is_valid(row).then_some((&argument.values, row))
    }

    pub(super) fn is_null(&self, index: usize) -> bool {
        self.at(index).is_none()
    }

    pub(super) fn has(&self, index: usize) -> bool {
        !self.is_null(index)
    }

    /// Text, or the JSON text of a variant.
    pub(super) fn text(&self, index: usize) -> &'a str {
        match self.at(index) {
            Some((Values::Text(array), row)) => array.value(row),
            Some((Values::Json(array), row)) => array.value(row),
            _ => "",
        }
    }

    pub(super) fn int(&self, index: usize) -> i64 {
        match self.at(index) {
            Some((Values::Int(array) | Values::Micros(array), row)) => array.value(row),
            _ => 0,
        }
    }

    /// The number, or `default` when there is no such argument.
    pub(super) fn int_or(&self, index: usize, default: i64) -> i64 {
        if self.has(index) { self.int(index) } else { default }
    }

    pub(super) fn text_or(&self, index: usize, default: &'a str) -> &'a str {
        if self.has(index) { self.text(index) } else { default }
    }

    pub(super) fn float(&self, index: usize) -> f64 {
        match self.at(index) {
            Some((Values::Float(array), row)) => array.value(row),
            _ => 0.0,
        }
    }

    pub(super) fn bool(&self, index: usize) -> bool {
        match self.at(index) {
            Some((Values::Bool(array), row)) => array.value(row),
            _ => false,
        }
    }

    /// Days since 1970.
    pub(super) fn date(&self, index: usize) -> i32 {
        match self.at(index) {
            Some((Values::Date(array), row)) => array.value(row),
            _ => 0,
        }
    }

    /// Microseconds since 1970.
    pub(super) fn micros(&self, index: usize) -> i64 {
        self.int(index)
    }

    /// The regular expression, compiled once per batch.
    pub(super) fn pattern(&self, text: &str) -> Result<Regex> {
        if let Some(known) = self.patterns.borrow().get(text) {
            return Ok(known.clone());
        }
        match Regex::new(text) {
            Ok(regex) => {
                self.patterns.borrow_mut().insert(text.to_owned(), regex.clone());
                Ok(regex)
            }
            Err(error) => exec_err!("`{text}` is not a valid regular expression: {error}"),
        }
    }
}

enum Output {
    Text(StringBuilder),
    Json(LargeStringBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Bool(BooleanBuilder),
    Date(Date32Builder),
    Micros(TimestampMicrosecondBuilder),
}

impl Output {
    fn new(data_type: &DataType, rows: usize) -> Self {
        match data_type {
            DataType::LargeUtf8 => Self::Json(LargeStringBuilder::with_capacity(rows, rows * 16)),
            DataType::Int64 => Self::Int(Int64Builder::with_capacity(rows)),
            DataType::Float64 => Self::Float(Float64Builder::with_capacity(rows)),
            DataType::Boolean => Self::Bool(BooleanBuilder::with_capacity(rows)),
            DataType::Date32 => Self::Date(Date32Builder::with_capacity(rows)),
            DataType::Timestamp(..) => Self::Micros(TimestampMicrosecondBuilder::with_capacity(rows)),
            _ => Self::Text(StringBuilder::with_capacity(rows, rows * 16)),
        }
    }

    fn push(&mut self, value: Value) -> Result<()> {
        match (self, value) {
            (Self::Text(out), Value::Null) => out.append_null(),
            (Self::Json(out), Value::Null) => out.append_null(),
            (Self::Int(out), Value::Null) => out.append_null(),
            (Self::Float(out), Value::Null) => out.append_null(),
            (Self::Bool(out), Value::Null) => out.append_null(),
            (Self::Date(out), Value::Null) => out.append_null(),
            (Self::Micros(out), Value::Null) => out.append_null(),
            (Self::Text(out), Value::Text(text)) => out.append_value(text),
            (Self::Json(out), Value::Json(text)) => out.append_value(text),
            (Self::Int(out), Value::Int(number)) => out.append_value(number),
            (Self::Float(out), Value::Float(number)) => out.append_value(number),
            (Self::Bool(out), Value::Bool(is)) => out.append_value(is),
            (Self::Date(out), Value::Date(days)) => out.append_value(days),
            (Self::Micros(out), Value::Micros(micros)) => out.append_value(micros),
            (_, value) => return exec_err!("a function returned {value:?}, which is not of its type"),
        }
        Ok(())
    }

    fn finish(self, data_type: &DataType) -> Result<ArrayRef> {
        let array: ArrayRef = match self {
            Self::Text(mut out) => Arc::new(out.finish()),
            Self::Json(mut out) => Arc::new(out.finish()),
            Self::Int(mut out) => Arc::new(out.finish()),
            Self::Float(mut out) => Arc::new(out.finish()),
            Self::Bool(mut out) => Arc::new(out.finish()),
            Self::Date(mut out) => Arc::new(out.finish()),
            Self::Micros(mut out) => Arc::new(out.finish().with_data_type(data_type.clone())),
        };
        Ok(array)
    }
}
