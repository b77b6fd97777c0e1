//! `sf_collect`: the aggregate behind `listagg` and `array_agg`, which orders its values by itself: several in one query may
//! have different orders.

use std::{collections::HashSet, mem::size_of_val, sync::Arc};

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, BinaryArray, StringArray},
        compute::{SortOptions, cast},
        datatypes::{DataType, Field, FieldRef},
        row::{RowConverter, SortField},
    },
    common::{Result, ScalarValue, exec_err, plan_err},
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
        utils::AggregateOrderSensitivity,
    },
    physical_expr::PhysicalExpr,
    physical_plan::expressions::Literal,
};

use super::row::VARIANT;

/// `sf_collect(options, separator, value, key, …)`. The options: `array` or `text`, `distinct`, and `asc`, `desc`, `first`,
/// `last` for each key.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Collect {
    signature: Signature,
}

pub(super) fn collect() -> AggregateUDF {
    AggregateUDF::new_from_impl(Collect { signature: Signature::user_defined(Volatility::Immutable) })
}

impl AggregateUDFImpl for Collect {
    fn name(&self) -> &str {
        "sf_collect"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Values of an array are variants, those of a text are text: the separator tells which.
    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        match arg_types {
            [_, separator, _, keys @ ..] => {
                let value = if *separator == DataType::Null { VARIANT } else { DataType::Utf8 };
                let key = |key: &DataType| match key {
                    DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => DataType::Utf8,
                    other => other.clone(),
                };
                let separator = if separator.is_null() { DataType::Null } else { DataType::Utf8 };
                Ok([DataType::Utf8, separator, value].into_iter().chain(keys.iter().map(key)).collect())
            }
            _ => plan_err!("`sf_collect` has three arguments at least"),
        }
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        Ok(if arg_types.get(1).is_some_and(DataType::is_null) { VARIANT } else { DataType::Utf8 })
    }

    fn is_nullable(&self) -> bool {
        false
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let options = constant(args.exprs.first())?.unwrap_or_default();
        let separator = constant(args.exprs.get(1))?;
        let words: Vec<&str> = options.split(' ').filter(|word| !word.is_empty()).collect();
        let mut fields = Vec::new();
        for (expr, order) in args.exprs.iter().skip(3).zip(words.iter().skip(1).collect::<Vec<_>>().chunks(2)) {
            let descending = order.first().is_some_and(|word| **word == "desc");
            let nulls_first = order.get(1).is_some_and(|word| **word == "first");
            fields.push(SortField::new_with_options(
                expr.data_type(args.schema)?,
                SortOptions { descending, nulls_first },
            ));
        }
        Ok(Box::new(Collected {
            is_array: separator.is_none(),
            separator: separator.unwrap_or_default(),
            distinct: words.first() == Some(&"distinct"),
            converter: if fields.is_empty() { None } else { Some(RowConverter::new(fields)?) },
            rows: Vec::new(),
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let list = |name: &str, data_type: DataType| -> FieldRef {
            Field::new_list(format!("{}[{name}]", args.name), Field::new_list_field(data_type, true), true).into()
        };
        Ok(vec![list("keys", DataType::Binary), list("values", DataType::Utf8)])
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

fn constant(expr: Option<&Arc<dyn PhysicalExpr>>) -> Result<Option<String>> {
    let Some(expr) = expr else { return Ok(None) };
    match expr.downcast_ref::<Literal>().map(Literal::value) {
        Some(ScalarValue::Utf8(text) | ScalarValue::LargeUtf8(text) | ScalarValue::Utf8View(text)) => Ok(text.clone()),
        Some(ScalarValue::Null) => Ok(None),
        _ => exec_err!("the separator of `listagg` must be a constant"),
    }
}

#[derive(Debug)]
struct Collected {
    is_array: bool,
    separator: String,
    distinct: bool,
    converter: Option<RowConverter>,
    /// The key, in bytes that are ordered as keys are, and the value.
    rows: Vec<(Vec<u8>, String)>,
}

impl Accumulator for Collected {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [_, _, texts, keys @ ..] = values else { return exec_err!("`sf_collect` has three arguments at least") };
        let texts = cast(texts, &DataType::Utf8)?;
        let texts = texts.as_string::<i32>();
        let keys = match &self.converter {
            Some(converter) => Some(converter.convert_columns(keys)?),
            None => None,
        };
        for row in 0..texts.len() {
            if texts.is_valid(row) {
                let key = keys.as_ref().map(|keys| keys.row(row).data().to_vec()).unwrap_or_default();
                self.rows.push((key, texts.value(row).to_owned()));
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.converter.is_some() {
            self.rows.sort_by(|left, right| left.0.cmp(&right.0));
        }
        let mut seen = HashSet::new();
        let mut values: Vec<&str> = Vec::with_capacity(self.rows.len());
        for (_, value) in &self.rows {
            if !self.distinct || seen.insert(value) {
                values.push(value);
            }
        }
        if self.is_array {
            return Ok(ScalarValue::LargeUtf8(Some(format!("[{}]", values.join(",")))));
        }
        Ok(ScalarValue::Utf8(Some(values.join(&self.separator))))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.rows.iter().map(|(key, value)| key.len() + value.len() + 48).sum::<usize>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let keys: Vec<ScalarValue> = self.rows.iter().map(|(key, _)| ScalarValue::Binary(Some(key.clone()))).collect();
        let values: Vec<ScalarValue> =
            self.rows.iter().map(|(_, value)| ScalarValue::Utf8(Some(value.clone()))).collect();
        Ok(vec![
            ScalarValue::List(ScalarValue::new_list_nullable(&keys, &DataType::Binary)),
            ScalarValue::List(ScalarValue::new_list_nullable(&values, &DataType::Utf8)),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [keys, values] = states else { return exec_err!("`sf_collect` has two states") };
        let (keys, values) = (keys.as_list::<i32>(), values.as_list::<i32>());
        for row in 0..values.len() {
            if values.is_null(row) {
                continue;
            }
            let (keys, values) = (keys.value(row), values.value(row));
            let (keys, values): (&BinaryArray, &StringArray) = (keys.as_binary::<i32>(), values.as_string::<i32>());
            for index in 0..values.len() {
                self.rows.push((keys.value(index).to_vec(), values.value(index).to_owned()));
            }
        }
        Ok(())
    }
}
