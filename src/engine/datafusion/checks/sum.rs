//! `sum` of integers that fails instead of wrapping. Every other type is the planner's own `sum`.

use std::{collections::HashSet, fmt::Debug, hash::Hash, mem::size_of_val, sync::Arc};

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray},
        buffer::NullBuffer,
        datatypes::{DataType, FieldRef, Int64Type, UInt64Type},
        error::ArrowError,
    },
    common::{DataFusionError, Result, ScalarValue, exec_err},
    functions_aggregate::sum::sum_udaf,
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, SetMonotonicity,
        Signature, StatisticsArgs,
        function::{AccumulatorArgs, StateFieldsArgs},
        utils::AggregateOrderSensitivity,
    },
};

pub(super) fn checked_sum() -> AggregateUDF {
    AggregateUDF::new_from_impl(CheckedSum { inner: sum_udaf() })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct CheckedSum {
    inner: Arc<AggregateUDF>,
}

/// Calls a generic constructor with the integer type of the sum, or gives `$otherwise` for other types.
macro_rules! for_integers {
    ($data_type:expr, $integer:ident => $checked:expr, $otherwise:expr) => {
        match $data_type {
            DataType::Int64 => {
                type $integer = Int64Type;
                $checked
            }
            DataType::UInt64 => {
                type $integer = UInt64Type;
                $checked
            }
            _ => $otherwise,
        }
    };
}

impl AggregateUDFImpl for CheckedSum {
    fn name(&self) -> &str {
        "sum"
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arg_types)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        for_integers!(args.return_field.data_type(), Integer => {
            Ok(if args.is_distinct {
                Box::new(DistinctTotal::<Integer> { seen: HashSet::new() })
            } else {
                Box::new(Total::<Integer> { total: 0, count: 0, marker: std::marker::PhantomData })
            })
        }, self.inner.accumulator(args))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        for_integers!(args.return_field.data_type(), Integer => {
            Ok(Box::new(GroupTotals::<Integer> { totals: Vec::new(), seen: Vec::new() }))
        }, self.inner.create_groups_accumulator(args))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return self.inner.create_sliding_accumulator(args);
        }
        for_integers!(args.return_field.data_type(), Integer => {
            Ok(Box::new(Total::<Integer> { total: 0, count: 0, marker: std::marker::PhantomData }))
        }, self.inner.create_sliding_accumulator(args))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn value_from_stats(&self, args: &StatisticsArgs) -> Option<ScalarValue> {
        self.inner.value_from_stats(args)
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.inner.inner().set_monotonicity(data_type)
    }
}

/// A sum of 64-bit integers as one of them.
pub(in crate::engine::datafusion) fn integer_sum(total: i128) -> Result<i64> {
    i64::try_from(total).map_err(|_| out_of_range(&DataType::Int64))
}

fn out_of_range(data_type: &DataType) -> DataFusionError {
    let message = format!("sum({data_type})");
    DataFusionError::ArrowError(Box::new(ArrowError::ArithmeticOverflow(message)), None)
}

/// One total, and how many values are in it: a window takes values out again. 2^64 values fit into 128 bits.
#[derive(Debug)]
struct Total<T> {
    total: i128,
    count: u64,
    marker: std::marker::PhantomData<T>,
}

impl<T: ArrowPrimitiveType> Total<T>
where
    T::Native: Into<i128> + TryFrom<i128>,
{
    fn batch(values: &[ArrayRef]) -> Result<(i128, u64)> {
        let [values] = values else { return exec_err!("`sum` takes one argument") };
        let values = values.as_primitive::<T>();
        let count = u64::try_from(values.len() - values.null_count()).unwrap_or(u64::MAX);
        let total = if values.null_count() == 0 {
            values.values().iter().map(|value| (*value).into()).sum()
        } else {
            values.iter().flatten().map(Into::<i128>::into).sum()
        };
        Ok((total, count))
    }

    fn value(&self) -> Result<ScalarValue> {
        if self.count == 0 {
            return ScalarValue::try_from(T::DATA_TYPE);
        }
        match T::Native::try_from(self.total) {
            Ok(total) => ScalarValue::new_primitive::<T>(Some(total), &T::DATA_TYPE),
            Err(_) => Err(out_of_range(&T::DATA_TYPE)),
        }
    }
}

impl<T: ArrowPrimitiveType + Debug + Send + Sync> Accumulator for Total<T>
where
    T::Native: Into<i128> + TryFrom<i128>,
{
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (total, count) = Self::batch(values)?;
        self.total += total;
        self.count += count;
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (total, count) = Self::batch(values)?;
        self.total -= total;
        self.count -= count;
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.value()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.value()?])
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// `sum(distinct x)`.
#[derive(Debug)]
struct DistinctTotal<T: ArrowPrimitiveType> {
    seen: HashSet<T::Native>,
}

impl<T: ArrowPrimitiveType + Debug + Send + Sync> Accumulator for DistinctTotal<T>
where
    T::Native: Into<i128> + TryFrom<i128> + Eq + Hash,
{
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [values] = values else { return exec_err!("`sum` takes one argument") };
        self.seen.extend(values.as_primitive::<T>().iter().flatten());
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [lists] = states else { return exec_err!("`sum` has one state") };
        for list in lists.as_list::<i32>().iter().flatten() {
            self.update_batch(&[list])?;
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let total = self.seen.iter().map(|value| (*value).into()).sum();
        Total::<T> { total, count: u64::from(!self.seen.is_empty()), marker: std::marker::PhantomData }.value()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values = self
            .seen
            .iter()
            .map(|value| ScalarValue::new_primitive::<T>(Some(*value), &T::DATA_TYPE))
            .collect::<Result<Vec<_>>>()?;
        Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(&values, &T::DATA_TYPE))])
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.seen.capacity() * size_of::<T::Native>() * 2
    }
}

/// A total per group.
#[derive(Debug)]
struct GroupTotals<T: ArrowPrimitiveType> {
    totals: Vec<T::Native>,
    /// Whether the group has had a value; without one its sum is NULL.
    seen: Vec<bool>,
}

impl<T: ArrowPrimitiveType> GroupTotals<T> {
    fn add(&mut self, group: usize, value: T::Native) -> Result<()> {
        if let (Some(total), Some(seen)) = (self.totals.get_mut(group), self.seen.get_mut(group)) {
            *total = total.add_checked(value)?;
            *seen = true;
        }
        Ok(())
    }
}

impl<T: ArrowPrimitiveType + Debug + Send + Sync> GroupsAccumulator for GroupTotals<T> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        let [values] = values else { return exec_err!("`sum` takes one argument") };
        let values = values.as_primitive::<T>();
        self.totals.resize(total_num_groups, T::default_value());
        self.seen.resize(total_num_groups, false);
        if values.null_count() == 0 && opt_filter.is_none() {
            for (group, value) in group_indices.iter().zip(values.values()) {
                self.add(*group, *value)?;
            }
            return Ok(());
        }
        for (row, group) in group_indices.iter().enumerate() {
            let wanted = opt_filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
            if wanted && values.is_valid(row) {
                self.add(*group, values.value(row))?;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let totals = emit_to.take_needed(&mut self.totals);
        let seen = emit_to.take_needed(&mut self.seen);
        let nulls = if seen.iter().all(|seen| *seen) { None } else { Some(NullBuffer::from(seen)) };
        Ok(Arc::new(PrimitiveArray::<T>::new(totals.into(), nulls)))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit_to)?])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.update_batch(values, group_indices, None, total_num_groups)
    }

    /// A row's state is its value, or NULL where the filter leaves it out.
    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let [values] = values else { return exec_err!("`sum` takes one argument") };
        let Some(wanted) = opt_filter else { return Ok(vec![Arc::clone(values)]) };
        let unwanted: BooleanArray = wanted.iter().map(|wanted| Some(wanted != Some(true))).collect();
        Ok(vec![datafusion::arrow::compute::nullif(values, &unwanted)?])
    }

    fn size(&self) -> usize {
        self.totals.capacity() * size_of::<T::Native>() + self.seen.capacity()
    }
}
