//! `sf_changes`: how often a value changed so far, for `conditional_change_event`.

use std::mem::size_of_val;

use datafusion::{
    arrow::{
        array::{Array, ArrayRef},
        datatypes::{DataType, FieldRef},
    },
    common::{Result, ScalarValue, exec_err},
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
    },
};

#[derive(Debug, PartialEq, Eq, Hash)]
struct Changes {
    signature: Signature,
}

pub(super) fn changes() -> AggregateUDF {
    AggregateUDF::new_from_impl(Changes { signature: Signature::any(1, Volatility::Immutable) })
}

impl AggregateUDFImpl for Changes {
    fn name(&self) -> &str {
        "sf_changes"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Counted { last: None, count: 0 }))
    }

    fn state_fields(&self, _args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        exec_err!("`conditional_change_event` needs `over (… order by …)`")
    }
}

#[derive(Debug)]
struct Counted {
    last: Option<ScalarValue>,
    count: i64,
}

impl Accumulator for Counted {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [values] = values else { return exec_err!("`conditional_change_event` has one argument") };
        for row in 0..values.len() {
            let value = ScalarValue::try_from_array(values, row)?;
            // A NULL is no change, and does not hide one.
            if value.is_null() {
                continue;
            }
            if self.last.as_ref().is_some_and(|last| *last != value) {
                self.count += 1;
            }
            self.last = Some(value);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Int64(Some(self.count)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.last.as_ref().map_or(0, ScalarValue::size)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        exec_err!("`conditional_change_event` needs `over (… order by …)`")
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        exec_err!("`conditional_change_event` needs `over (… order by …)`")
    }
}
