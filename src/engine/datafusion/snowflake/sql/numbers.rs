//! Arithmetic of NUMBER: division and multiplication with Snowflake's digits behind the point, and functions of numbers.

use std::sync::Arc;

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array},
        compute::cast,
        datatypes::{DataType, Field, FieldRef, Float64Type, i256},
    },
    common::{Result, ScalarValue, exec_err, plan_err},
    logical_expr::{
        ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    },
};

use super::row::{VARIANT, Value, seeing_nulls, strict};

const FLOAT: DataType = DataType::Float64;
const INT: DataType = DataType::Int64;
/// The deepest level of CONNECT BY.
const MOST_LEVELS: i64 = 1_000;
/// Digits of a NUMBER.
const MOST_DIGITS: u8 = 38;

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        arithmetic(Operation::Divide),
        arithmetic(Operation::Multiply),
        strict("sf_factorial", "i", INT, "factorial(number)", |row| {
            let product = (1..=row.int(0)).try_fold(1_i64, i64::checked_mul);
            match product {
                Some(product) if row.int(0) >= 0 => Ok(product.into()),
                _ => exec_err!("the factorial of {} is out of range", row.int(0)),
            }
        }),
        // The level below one of CONNECT BY. Rows that lead back to themselves would never end.
        strict("sf_deeper", "i", INT, "level", |row| match row.int(0) {
            level if level < MOST_LEVELS => Ok((level + 1).into()),
            _ => exec_err!("CONNECT BY does not end: rows lead back to themselves, or are {MOST_LEVELS} levels deep"),
        }),
        strict("sf_haversine", "ffff", FLOAT, "haversine(lat1, lon1, lat2, lon2)", |row| {
            let (lat1, lon1) = (row.float(0).to_radians(), row.float(1).to_radians());
            let (lat2, lon2) = (row.float(2).to_radians(), row.float(3).to_radians());
            let half =
                ((lat2 - lat1) / 2.0).sin().powi(2) + lat1.cos() * lat2.cos() * ((lon2 - lon1) / 2.0).sin().powi(2);
            Ok((2.0 * 6371.0 * half.sqrt().asin()).into())
        }),
        strict("sf_width_bucket", "fffi", INT, "width_bucket(value, low, high, buckets)", |row| {
            let (value, low, high, buckets) = (row.float(0), row.float(1), row.float(2), row.int(3));
            if buckets <= 0 || high <= low {
                return exec_err!("`width_bucket` needs a positive number of buckets between two different bounds");
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "bounded by the buckets")]
            let bucket = match value {
                value if value < low => 0,
                value if value >= high => buckets + 1,
                value => ((value - low) / (high - low) * buckets as f64).floor() as i64 + 1,
            };
            Ok(bucket.into())
        }),
        strict("sf_bitand", "ii", INT, "bitand(a, b)", |row| Ok((row.int(0) & row.int(1)).into())),
        strict("sf_bitor", "ii", INT, "bitor(a, b)", |row| Ok((row.int(0) | row.int(1)).into())),
        strict("sf_bitxor", "ii", INT, "bitxor(a, b)", |row| Ok((row.int(0) ^ row.int(1)).into())),
        strict("sf_bitnot", "i", INT, "bitnot(a)", |row| Ok((!row.int(0)).into())),
        strict("sf_bitshiftleft", "ii", INT, "bitshiftleft(a, n)", |row| {
            Ok(u32::try_from(row.int(1)).ok().and_then(|by| row.int(0).checked_shl(by)).unwrap_or(0).into())
        }),
        strict("sf_bitshiftright", "ii", INT, "bitshiftright(a, n)", |row| {
            Ok(u32::try_from(row.int(1)).ok().and_then(|by| row.int(0).checked_shr(by)).unwrap_or(0).into())
        }),
        strict("sf_getbit", "ii", INT, "getbit(a, position)", |row| {
            Ok(u32::try_from(row.int(1))
                .ok()
                .and_then(|by| row.int(0).checked_shr(by))
                .map_or(0, |bits| bits & 1)
                .into())
        }),
        strict("sf_booland", "bb", DataType::Boolean, "booland(a, b)", |row| Ok((row.bool(0) && row.bool(1)).into())),
        strict("sf_boolor", "bb", DataType::Boolean, "boolor(a, b)", |row| Ok((row.bool(0) || row.bool(1)).into())),
        strict("sf_boolxor", "bb", DataType::Boolean, "boolxor(a, b)", |row| Ok((row.bool(0) != row.bool(1)).into())),
        strict("sf_boolnot", "b", DataType::Boolean, "boolnot(a)", |row| Ok((!row.bool(0)).into())),
        // Any value at all has one, NULL too.
        seeing_nulls("sf_hash", "v*", INT, "hash(value, …)", |row| {
            let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
            for index in 0..row.len() {
                let bytes: &[u8] = if row.is_null(index) { &[0] } else { row.text(index).as_bytes() };
                for byte in bytes.iter().chain(&[0x1f]) {
                    hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
                }
            }
            // FNV mixes the low bits of the last bytes badly.
            hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
            Ok(Value::Int((hash ^ (hash >> 33)).cast_signed()))
        }),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operation {
    Divide,
    Multiply,
}

/// `/` and `*` of two NUMBERs.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Arithmetic {
    operation: Operation,
    signature: Signature,
}

fn arithmetic(operation: Operation) -> ScalarUDF {
    ScalarUDF::new_from_impl(Arithmetic { operation, signature: Signature::user_defined(Volatility::Immutable) })
}

/// Digits behind the point of a type.
fn scale_of(data_type: &DataType) -> Option<i8> {
    match data_type {
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => Some(*scale),
        data_type if data_type.is_integer() || *data_type == DataType::Null => Some(0),
        _ => None,
    }
}

/// Whether Snowflake's product has fewer digits behind the point than the engine's.
pub(super) fn product_is_shorter(left: &DataType, right: &DataType) -> bool {
    match (left, right) {
        (DataType::Decimal128(_, left), DataType::Decimal128(_, right)) => left + right > (*left.max(right)).max(12),
        _ => false,
    }
}

impl Arithmetic {
    /// The digits behind the point of the result.
    fn scale(&self, left: i8, right: i8) -> i8 {
        match self.operation {
            Operation::Divide => left.max((left + 6).min(12)),
            Operation::Multiply => left.saturating_add(right).min(left.max(right).max(12)),
        }
    }

    fn one(&self, left: i128, right: i128, scales: (i8, i8), scale: i8) -> Option<i128> {
        let (left, right) = (i256::from_i128(left), i256::from_i128(right));
        let power = |digits: i8| u32::try_from(digits).ok().and_then(|digits| i256::from_i128(10).checked_pow(digits));
        let (dividend, divisor) = match self.operation {
            Operation::Divide => (left.checked_mul(power(scale - scales.0 + scales.1)?)?, right),
            Operation::Multiply => (left.checked_mul(right)?, power(scales.0 + scales.1 - scale)?),
        };
        let quotient = dividend.checked_div(divisor)?;
        let rest = dividend.checked_rem(divisor)?;
        let twice = rest.checked_abs()?.checked_mul(i256::from_i128(2))?;
        let away = if twice >= divisor.checked_abs()? {
            if (dividend < i256::ZERO) == (divisor < i256::ZERO) { i256::ONE } else { i256::MINUS_ONE }
        } else {
            i256::ZERO
        };
        quotient.checked_add(away)?.to_i128().filter(|value| value.abs() < 10_i128.pow(u32::from(MOST_DIGITS)))
    }
}

impl ScalarUDFImpl for Arithmetic {
    fn name(&self) -> &str {
        match self.operation {
            Operation::Divide => "sf_divide",
            Operation::Multiply => "sf_multiply",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let [left, right] = arg_types else { return plan_err!("a division has two arguments") };
        let number = |data_type: &DataType| match data_type {
            DataType::Decimal128(..) => Some(data_type.clone()),
            data_type => scale_of(data_type).map(|scale| DataType::Decimal128(MOST_DIGITS, scale)),
        };
        Ok(match (number(left), number(right)) {
            (Some(left), Some(right)) => vec![left, right],
            _ => vec![FLOAT, FLOAT],
        })
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        match arg_types {
            [DataType::Decimal128(_, left), DataType::Decimal128(_, right)] => {
                Ok(DataType::Decimal128(MOST_DIGITS, self.scale(*left, *right)))
            }
            _ => Ok(FLOAT),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        Ok(Arc::new(Field::new(self.name(), self.return_type(&types)?, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let arrays = args.args.iter().map(|arg| arg.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let [left, right] = arrays.as_slice() else { return plan_err!("a division has two arguments") };
        let result: ArrayRef = match (left.data_type(), right.data_type()) {
            (DataType::Decimal128(_, left_scale), DataType::Decimal128(_, right_scale)) => {
                let scales = (*left_scale, *right_scale);
                Arc::new(self.decimals(left.as_primitive(), right.as_primitive(), scales)?)
            }
            _ => Arc::new(self.floats(left, right)?),
        };
        if constant {
            Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?))
        } else {
            Ok(ColumnarValue::Array(result))
        }
    }
}

impl Arithmetic {
    fn decimals(&self, left: &Decimal128Array, right: &Decimal128Array, scales: (i8, i8)) -> Result<Decimal128Array> {
        let scale = self.scale(scales.0, scales.1);
        let values: Decimal128Array = (0..left.len())
            .map(|row| {
                if left.is_null(row) || right.is_null(row) {
                    return Ok(None);
                }
                if self.operation == Operation::Divide && right.value(row) == 0 {
                    return exec_err!("division by zero");
                }
                match self.one(left.value(row), right.value(row), scales, scale) {
                    Some(value) => Ok(Some(value)),
                    None => exec_err!("the result of `{}` has more than 38 digits", self.name()),
                }
            })
            .collect::<Result<_>>()?;
        Ok(values.with_data_type(DataType::Decimal128(MOST_DIGITS, scale)))
    }

    fn floats(&self, left: &ArrayRef, right: &ArrayRef) -> Result<Float64Array> {
        let (left, right) = (cast(left, &FLOAT)?, cast(right, &FLOAT)?);
        let (left, right) = (left.as_primitive::<Float64Type>(), right.as_primitive::<Float64Type>());
        (0..left.len())
            .map(|row| {
                if left.is_null(row) || right.is_null(row) {
                    return Ok(None);
                }
                match self.operation {
                    Operation::Divide if right.value(row) == 0.0 => exec_err!("division by zero"),
                    Operation::Divide => Ok(Some(left.value(row) / right.value(row))),
                    Operation::Multiply => Ok(Some(left.value(row) * right.value(row))),
                }
            })
            .collect()
    }
}

/// `greatest` and `least`: NULL where any argument is.
#[derive(Debug, PartialEq, Eq, Hash)]
struct NullIfAnyIs {
    name: &'static str,
    inner: Arc<ScalarUDF>,
}

pub(super) fn null_if_any_is(name: &'static str, inner: Arc<ScalarUDF>) -> ScalarUDF {
    ScalarUDF::new_from_impl(NullIfAnyIs { name, inner })
}

impl ScalarUDFImpl for NullIfAnyIs {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        // A date beside text is a date.
        let others: Vec<DataType> = arg_types
            .iter()
            .filter(|data_type| !matches!(data_type, DataType::Utf8 | DataType::Utf8View))
            .cloned()
            .collect();
        match others.as_slice() {
            [first, ..] if others.len() < arg_types.len() && *first != VARIANT => {
                let common = self.inner.coerce_types(&others)?;
                let common = common.first().cloned().unwrap_or_else(|| first.clone());
                Ok(vec![common; arg_types.len()])
            }
            _ => self.inner.coerce_types(arg_types),
        }
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arg_types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let field = self.inner.return_field_from_args(args)?;
        Ok(Arc::new(field.as_ref().clone().with_name(self.name).with_nullable(true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let inputs = args.args.clone();
        let result = self.inner.invoke_with_args(args)?;
        let any_null = |array: &dyn Array| array.logical_null_count() > 0;
        let mut nulls: Option<datafusion::arrow::buffer::NullBuffer> = None;
        let mut all_null = false;
        for input in &inputs {
            match input {
                ColumnarValue::Scalar(value) => all_null |= value.is_null(),
                ColumnarValue::Array(array) if any_null(array) => {
                    nulls =
                        datafusion::arrow::buffer::NullBuffer::union(nulls.as_ref(), array.logical_nulls().as_ref());
                }
                ColumnarValue::Array(_) => {}
            }
        }
        if all_null {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from(&result.data_type())?));
        }
        let Some(nulls) = nulls else { return Ok(result) };
        let array = result.to_array(rows)?;
        let is_null = datafusion::arrow::array::BooleanArray::new(!nulls.inner(), None);
        Ok(ColumnarValue::Array(datafusion::arrow::compute::nullif(&array, &is_null)?))
    }
}

/// How a number loses digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Cut {
    Up,
    Down,
    ToZero,
}

/// `ceil`, `floor` and `trunc`, of decimals with the digits that are asked for.
#[derive(Debug, PartialEq, Eq, Hash)]
struct CutDigits {
    cut: Cut,
    signature: Signature,
}

pub(super) fn cuts() -> Vec<ScalarUDF> {
    [Cut::Up, Cut::Down, Cut::ToZero]
        .into_iter()
        .map(|cut| {
            ScalarUDF::new_from_impl(CutDigits { cut, signature: Signature::user_defined(Volatility::Immutable) })
        })
        .collect()
}

fn digits_of(value: Option<&ScalarValue>) -> i64 {
    match value {
        Some(ScalarValue::Int64(Some(digits))) => *digits,
        _ => 0,
    }
}

impl CutDigits {
    fn float(&self, value: f64, digits: i64) -> f64 {
        let factor = 10_f64.powi(i32::try_from(digits).unwrap_or(0));
        let scaled = value * factor;
        // 135.135 * 1000 is a little less than 135135.
        let near = scaled.round();
        let scaled = if (scaled - near).abs() < 1e-9 * scaled.abs().max(1.0) { near } else { scaled };
        match self.cut {
            Cut::Up => scaled.ceil() / factor,
            Cut::Down => scaled.floor() / factor,
            Cut::ToZero => scaled.trunc() / factor,
        }
    }

    /// The value with `to` digits behind the point instead of `from`; fewer than none are zeros before it.
    fn decimal(&self, value: i128, from: i64, digits: i64) -> Option<i128> {
        let lost = u32::try_from(from.checked_sub(digits)?).ok()?;
        let factor = 10_i128.checked_pow(lost)?;
        let kept = match self.cut {
            Cut::ToZero => value / factor,
            Cut::Down => value.div_euclid(factor),
            Cut::Up => value.div_euclid(factor) + i128::from(value.rem_euclid(factor) != 0),
        };
        if digits < 0 { kept.checked_mul(10_i128.checked_pow(u32::try_from(-digits).ok()?)?) } else { Some(kept) }
    }
}

impl ScalarUDFImpl for CutDigits {
    fn name(&self) -> &str {
        match self.cut {
            Cut::Up => "sf_ceil",
            Cut::Down => "sf_floor",
            Cut::ToZero => "sf_trunc",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let value = match arg_types.first() {
            Some(decimal @ DataType::Decimal128(..)) => decimal.clone(),
            Some(data_type) if data_type.is_integer() || data_type.is_null() => DataType::Decimal128(MOST_DIGITS, 0),
            Some(_) => FLOAT,
            None => return plan_err!("write `{}(number, digits)`", self.name().trim_start_matches("sf_")),
        };
        match arg_types.len() {
            1 => Ok(vec![value]),
            2 => Ok(vec![value, INT]),
            _ => plan_err!("write `{}(number, digits)`", self.name().trim_start_matches("sf_")),
        }
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        Ok(match arg_types {
            [DataType::Decimal128(precision, _), ..] => DataType::Decimal128(*precision, 0),
            _ => FLOAT,
        })
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let digits = digits_of(args.scalar_arguments.get(1).copied().flatten());
        let data_type = match args.arg_fields.first().map(|field| field.data_type()) {
            Some(DataType::Decimal128(precision, scale)) => {
                let scale = i8::try_from(digits.clamp(0, i64::from(*scale))).unwrap_or(0);
                // Going up may need one digit more.
                DataType::Decimal128((precision + 1).min(MOST_DIGITS), scale)
            }
            _ => FLOAT,
        };
        Ok(Arc::new(Field::new(self.name(), data_type, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let digits = match args.args.get(1) {
            None => 0,
            Some(ColumnarValue::Scalar(value)) => digits_of(Some(value)),
            Some(ColumnarValue::Array(_)) => return exec_err!("the digits of `{}` must be a constant", self.name()),
        };
        let Some(value) = args.args.first() else { return plan_err!("`{}` has an argument", self.name()) };
        let array = value.to_array(if constant { 1 } else { args.number_rows })?;
        let result: ArrayRef = match (array.data_type(), args.return_type()) {
            (DataType::Decimal128(_, from), DataType::Decimal128(precision, to)) => {
                let (from, kept) = (i64::from(*from), digits.min(i64::from(*to)));
                let decimals = array.as_primitive::<datafusion::arrow::datatypes::Decimal128Type>();
                let cut: Decimal128Array = decimals
                    .iter()
                    .map(|value| match value.map(|value| self.decimal(value, from, kept)) {
                        None => Ok(None),
                        Some(Some(value)) => Ok(Some(value)),
                        Some(None) => exec_err!("the result of `{}` has more than 38 digits", self.name()),
                    })
                    .collect::<Result<_>>()?;
                Arc::new(cut.with_data_type(DataType::Decimal128(*precision, *to)))
            }
            _ => {
                let floats = cast(&array, &FLOAT)?;
                Arc::new(
                    floats.as_primitive::<Float64Type>().unary::<_, Float64Type>(|value| self.float(value, digits)),
                )
            }
        };
        if constant {
            Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?))
        } else {
            Ok(ColumnarValue::Array(result))
        }
    }
}
