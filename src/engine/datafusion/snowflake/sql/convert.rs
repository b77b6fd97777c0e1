//! Casts as Snowflake makes them: text to numbers (rounded), to booleans, dates and timestamps in many forms; values to text;
//! and to and from variants.

use std::sync::Arc;

use datafusion::{
    arrow::{
        array::{
            Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, LargeStringArray,
            PrimitiveArray, StringArray,
        },
        compute::{CastOptions, cast, cast_with_options},
        datatypes::{
            DataType, Date32Type, Decimal128Type, Field, FieldRef, Float64Type, Int64Type, TimeUnit,
            TimestampMicrosecondType,
        },
        util::display::{ArrayFormatter, FormatOptions},
    },
    common::{Result, ScalarValue, exec_err, plan_err},
    logical_expr::{
        ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    },
};

use super::{
    formats,
    json::{Json, quoted},
    row::VARIANT,
};

/// What becomes of a value that is none of the target's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Failure {
    Error,
    Null,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Conversion {
    target: DataType,
    failure: Failure,
    signature: Signature,
}

/// The function that casts to `target`.
pub(super) fn conversion(target: DataType, failure: Failure) -> ScalarUDF {
    ScalarUDF::new_from_impl(Conversion { target, failure, signature: Signature::any(1, Volatility::Immutable) })
}

/// Whether a cast between the two types is made here, not by the engine.
pub(super) fn is_ours(source: &DataType, target: &DataType) -> bool {
    if source.is_null() || source == target {
        return false;
    }
    if *source == VARIANT || *target == VARIANT {
        return true;
    }
    if is_text(source) {
        return target.is_numeric()
            || matches!(target, DataType::Boolean | DataType::Date32 | DataType::Timestamp(TimeUnit::Microsecond, _));
    }
    if source.is_numeric() && matches!(target, DataType::Timestamp(TimeUnit::Microsecond, _)) {
        return true;
    }
    is_text(target)
        && (source.is_floating() || matches!(source, DataType::Timestamp(..) | DataType::Binary | DataType::BinaryView))
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::Utf8View)
}

impl ScalarUDFImpl for Conversion {
    fn name(&self) -> &str {
        match self.failure {
            Failure::Error => "sf_cast",
            Failure::Null => "sf_try_cast",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(self.target.clone())
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(self.name(), self.target.clone(), true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.as_slice() {
            [ColumnarValue::Scalar(value)] => {
                let array = convert(&value.to_array_of_size(1)?, &self.target, self.failure)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?))
            }
            [ColumnarValue::Array(array)] => Ok(ColumnarValue::Array(convert(array, &self.target, self.failure)?)),
            _ => plan_err!("a cast has one argument"),
        }
    }
}

/// The array in another type.
pub(super) fn convert(array: &ArrayRef, target: &DataType, failure: Failure) -> Result<ArrayRef> {
    let source = array.data_type();
    if source == target {
        return Ok(Arc::clone(array));
    }
    if *target == VARIANT {
        return Ok(Arc::new(to_variants(array)?));
    }
    if *source == VARIANT {
        let texts: ArrayRef = Arc::new(variant_texts(array.as_string::<i64>()));
        return match target {
            DataType::Utf8 => Ok(texts),
            target if is_text(target) => Ok(cast(&texts, target)?),
            target if is_ours(&DataType::Utf8, target) => convert(&texts, target, failure),
            target => exec_err!("a variant cannot be cast to {target}"),
        };
    }
    if is_text(source) {
        let texts = cast(array, &DataType::Utf8)?;
        let texts = texts.as_string::<i32>();
        return from_text(texts, target, failure);
    }
    if is_text(target) {
        return Ok(cast(&(Arc::new(to_texts(array)?) as ArrayRef), target)?);
    }
    if let DataType::Timestamp(..) = target
        && source.is_numeric()
    {
        let seconds = cast(array, &DataType::Float64)?;
        #[expect(clippy::cast_possible_truncation, reason = "beyond it no timestamp lies")]
        let times: PrimitiveArray<TimestampMicrosecondType> =
            seconds.as_primitive::<Float64Type>().unary(|seconds| (seconds * 1e6).round() as i64);
        return Ok(Arc::new(times.with_data_type(target.clone())));
    }
    let options = CastOptions { safe: failure == Failure::Null, format_options: FormatOptions::default() };
    Ok(cast_with_options(array, target, &options)?)
}

/// The text of each variant: strings without their quotes, null for JSON's null.
fn variant_texts(variants: &LargeStringArray) -> StringArray {
    variants
        .iter()
        .map(|variant| {
            let variant = variant?;
            let plain = variant.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
            match plain {
                Some(text) if !text.contains('\\') => Some(text.to_owned()),
                Some(_) => Json::parse(variant).and_then(Json::into_text),
                None if variant == "null" => None,
                None => Some(variant.to_owned()),
            }
        })
        .collect()
}

fn from_text(texts: &StringArray, target: &DataType, failure: Failure) -> Result<ArrayRef> {
    match target {
        DataType::Decimal128(precision, scale) => {
            let read = |text: &str| decimal(text, *scale).filter(|value| fits(*value, *precision));
            let values: Decimal128Array = each(texts, failure, "Numeric value", read)?;
            Ok(Arc::new(values.with_precision_and_scale(*precision, *scale)?))
        }
        DataType::Float64 => Ok(Arc::new(floats(texts, failure)?)),
        target if target.is_integer() => {
            let read = |text: &str| decimal(text, 0).and_then(|value| i64::try_from(value).ok());
            let numbers: Int64Array = each(texts, failure, "Numeric value", read)?;
            Ok(cast(&numbers, target)?)
        }
        target if target.is_numeric() => Ok(cast(&floats(texts, failure)?, target)?),
        DataType::Boolean => {
            let values: BooleanArray = each(texts, failure, "Boolean value", boolean)?;
            Ok(Arc::new(values))
        }
        DataType::Date32 => {
            let read = |text: &str| {
                let (local, _) = formats::detect(text)?;
                i32::try_from(local.div_euclid(86_400_000_000)).ok()
            };
            let dates: PrimitiveArray<Date32Type> = each(texts, failure, "Date", read)?;
            Ok(Arc::new(dates))
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let read = |text: &str| {
                let (local, offset) = formats::detect(text)?;
                Some(if zone.is_some() { local - i64::from(offset.unwrap_or(0)) * 1_000_000 } else { local })
            };
            let times: PrimitiveArray<TimestampMicrosecondType> = each(texts, failure, "Timestamp", read)?;
            Ok(Arc::new(times.with_data_type(target.clone())))
        }
        target => exec_err!("text cannot be cast to {target}"),
    }
}

fn floats(texts: &StringArray, failure: Failure) -> Result<Float64Array> {
    each(texts, failure, "Numeric value", |text| text.trim().parse::<f64>().ok())
}

/// Reads each text; one that is none is an error or NULL.
fn each<T, A: FromIterator<Option<T>>>(
    texts: &StringArray,
    failure: Failure,
    what: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<A> {
    texts
        .iter()
        .map(|text| match text {
            None => Ok(None),
            Some(text) => match read(text) {
                None if failure == Failure::Error => exec_err!("{what} '{text}' is not recognized"),
                value => Ok(value),
            },
        })
        .collect()
}

pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "on" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn fits(value: i128, precision: u8) -> bool {
    10_i128.checked_pow(u32::from(precision)).is_none_or(|limit| value.abs() < limit)
}

/// A number with `scale` digits behind the point, as a whole number of its last digit; halves go away from zero.
pub(super) fn decimal(text: &str, scale: i8) -> Option<i128> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (digits, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    // How many of all digits stand before the last one that counts.
    let kept = i32::try_from(whole.len()).ok()?.checked_add(exponent)?.checked_add(i32::from(scale))?;
    let mut value: i128 = 0;
    let mut position = 0;
    let mut rounded_up = false;
    for digit in whole.bytes().chain(fraction.bytes()) {
        if !digit.is_ascii_digit() {
            return None;
        }
        let digit = digit - b'0';
        if position < kept {
            value = value.checked_mul(10)?.checked_add(i128::from(digit))?;
        } else if position == kept {
            rounded_up = digit >= 5;
        }
        position += 1;
    }
    while position < kept {
        value = value.checked_mul(10)?;
        position += 1;
    }
    value += i128::from(rounded_up && kept >= 0);
    Some(if negative { -value } else { value })
}

/// Each value as a cast to text writes it.
fn to_texts(array: &ArrayRef) -> Result<StringArray> {
    Ok(match array.data_type() {
        DataType::Float64 => {
            array.as_primitive::<Float64Type>().iter().map(|number| number.map(formats::float_text)).collect()
        }
        DataType::Float32 => to_texts(&cast(array, &DataType::Float64)?)?,
        DataType::Timestamp(_, zone) => {
            let zoned = zone.is_some();
            let micros = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))?;
            let micros = micros.as_primitive::<TimestampMicrosecondType>();
            micros.iter().map(|micros| formats::timestamp_text(micros?, zoned)).collect()
        }
        DataType::Binary | DataType::BinaryView | DataType::LargeBinary => {
            let bytes = cast(array, &DataType::Binary)?;
            let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
            bytes.as_binary::<i32>().iter().map(|bytes| bytes.map(hex)).collect()
        }
        _ => cast(array, &DataType::Utf8)?.as_string::<i32>().clone(),
    })
}

/// Each value as a variant.
fn to_variants(array: &ArrayRef) -> Result<LargeStringArray> {
    Ok(match array.data_type() {
        DataType::LargeUtf8 => array.as_string::<i64>().clone(),
        DataType::Utf8
        | DataType::Utf8View
        | DataType::Date32
        | DataType::Date64
        | DataType::Timestamp(..)
        | DataType::Binary
        | DataType::BinaryView
        | DataType::LargeBinary
        | DataType::Time64(_) => to_texts(array)?.iter().map(|text| text.map(quoted)).collect(),
        DataType::Decimal128(_, scale) => array
            .as_primitive::<Decimal128Type>()
            .iter()
            .map(|value| value.map(|value| short_decimal(value, *scale)))
            .collect(),
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            (0..lists.len())
                .map(|row| {
                    if lists.is_null(row) {
                        return Ok(None);
                    }
                    let elements = to_variants(&lists.value(row))?;
                    let texts: Vec<&str> = elements.iter().map(|element| element.unwrap_or("null")).collect();
                    Ok(Some(format!("[{}]", texts.join(","))))
                })
                .collect::<Result<_>>()?
        }
        DataType::Struct(fields) => {
            let structs = array.as_struct();
            let columns: Vec<LargeStringArray> = structs.columns().iter().map(to_variants).collect::<Result<_>>()?;
            (0..structs.len())
                .map(|row| {
                    structs.is_valid(row).then(|| {
                        let member = |(field, values): (&FieldRef, &LargeStringArray)| {
                            values.is_valid(row).then(|| format!("{}:{}", quoted(field.name()), values.value(row)))
                        };
                        let members: Vec<String> = fields.iter().zip(&columns).filter_map(member).collect();
                        format!("{{{}}}", members.join(","))
                    })
                })
                .collect()
        }
        data_type if data_type.is_integer() => {
            let numbers = cast(array, &DataType::Int64)?;
            numbers.as_primitive::<Int64Type>().iter().map(|number| number.map(|number| number.to_string())).collect()
        }
        DataType::Null => LargeStringArray::new_null(array.len()),
        data_type if data_type.is_floating() || *data_type == DataType::Boolean => {
            to_texts(array)?.iter().map(|text| text.map(str::to_owned)).collect()
        }
        _ => {
            let formatter = ArrayFormatter::try_new(array, &FormatOptions::default())?;
            (0..array.len()).map(|row| array.is_valid(row).then(|| quoted(&formatter.value(row).to_string()))).collect()
        }
    })
}

/// A decimal without the zeros at its end.
pub(super) fn short_decimal(value: i128, scale: i8) -> String {
    let text = decimal_text(value, scale);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

pub(super) fn decimal_text(value: i128, scale: i8) -> String {
    let scale = usize::try_from(scale).unwrap_or(0);
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at_checked(digits.len() - scale).unwrap_or((&digits, ""));
    let sign = if value < 0 { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}
