//! The window functions that are evaluated over many partitions at once.

use std::sync::Arc;

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, Int64Array, Int64Builder, RecordBatch, UInt64Array},
        buffer::NullBuffer,
        compute::{cast, concat, interleave, take},
        datatypes::DataType,
    },
    common::{Result, ScalarValue, cast::as_int64_array, internal_err},
    logical_expr::{Accumulator, EmitTo, WindowFrameBound, WindowFrameUnits},
    physical_expr::{
        PhysicalExpr,
        aggregate::AggregateFunctionExpr,
        expressions::Literal,
        window::{PlainAggregateWindowExpr, StandardWindowExpr, WindowExpr},
    },
    physical_plan::windows::WindowUDFExpr,
};

use super::sorted_window::Stretch;
use crate::engine::datafusion::checks;

/// A shift further than this is DataFusion's: its values are kept from one stretch to the next.
const FURTHEST: i64 = 10_000;

/// How far beyond a row a function has to see for that row's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sight {
    Row,
    /// To the last row that is equal in all keys.
    Peers,
    /// To the end of the partition.
    Partition,
}

/// A function of the query.
#[derive(Debug, Clone)]
pub(super) enum WindowFunction {
    RowNumber,
    Rank,
    DenseRank,
    /// `lag`, and `lead` with a negative `offset`.
    Shift {
        value: Arc<dyn PhysicalExpr>,
        offset: i64,
        default: ScalarValue,
    },
    /// An aggregate from the partition's first row to this one, or to its last peer.
    Running {
        aggregate: AggregateFunctionExpr,
        sight: Sight,
    },
    /// An aggregate of the whole partition.
    Total {
        aggregate: AggregateFunctionExpr,
    },
}

impl WindowFunction {
    /// None if only DataFusion can do it.
    pub fn new(expression: &Arc<dyn WindowExpr>) -> Option<Self> {
        let expression_any = expression.as_any();
        if let Some(standard) = expression_any.downcast_ref::<StandardWindowExpr>() {
            let function = standard.get_standard_func_expr().as_any().downcast_ref::<WindowUDFExpr>()?;
            return match function.fun().name() {
                "row_number" => Some(Self::RowNumber),
                "rank" => Some(Self::Rank),
                "dense_rank" => Some(Self::DenseRank),
                "lag" => Self::shift(function, expression.field().ok()?.data_type(), 1),
                "lead" => Self::shift(function, expression.field().ok()?.data_type(), -1),
                _ => None,
            };
        }
        Self::aggregate(expression_any.downcast_ref::<PlainAggregateWindowExpr>()?)
    }

    fn shift(function: &WindowUDFExpr, data_type: &DataType, direction: i64) -> Option<Self> {
        // Whether nulls are ignored is in no accessor, only in the derived `Debug`, where the flags stand last.
        if !format!("{function:?}").ends_with("is_reversed: false, ignore_nulls: false }") {
            return None;
        }
        let value = Arc::clone(function.args().first()?);
        let literal = |index: usize| match function.args().get(index) {
            None => Some(ScalarValue::Null),
            Some(argument) => argument.downcast_ref::<Literal>().map(|literal| literal.value().clone()),
        };
        let offset = match literal(1)? {
            offset if offset.is_null() => 1,
            offset => match offset.cast_to(&DataType::Int64).ok()? {
                ScalarValue::Int64(Some(offset)) => offset,
                _ => return None,
            },
        };
        let default = literal(2)?.cast_to(data_type).ok()?;
        (offset.abs() <= FURTHEST).then(|| Self::Shift { value, offset: offset * direction, default })
    }

    fn aggregate(window: &PlainAggregateWindowExpr) -> Option<Self> {
        // As above: the filter stands last.
        if !format!("{window:?}").ends_with("filter: None }") {
            return None;
        }
        let aggregate = window.get_aggregate_expr().clone();
        let frame = window.get_window_frame();
        let ordered = !window.order_by().is_empty();
        let peers = !matches!(frame.units, WindowFrameUnits::Rows);
        match frame.end_bound {
            _ if !frame.start_bound.is_unbounded() => None,
            _ if frame.end_bound.is_unbounded() => Self::total(aggregate),
            WindowFrameBound::CurrentRow if peers && !ordered => Self::total(aggregate),
            WindowFrameBound::CurrentRow if peers => Some(Self::Running { aggregate, sight: Sight::Peers }),
            WindowFrameBound::CurrentRow => Some(Self::Running { aggregate, sight: Sight::Row }),
            _ => None,
        }
    }

    fn total(aggregate: AggregateFunctionExpr) -> Option<Self> {
        let grouped = aggregate.groups_accumulator_supported() && aggregate.order_bys().is_empty();
        grouped.then_some(Self::Total { aggregate })
    }

    pub fn sight(&self) -> Sight {
        match self {
            Self::RowNumber | Self::Rank | Self::DenseRank => Sight::Row,
            Self::Shift { offset, .. } if *offset >= 0 => Sight::Row,
            Self::Running { sight, .. } => *sight,
            Self::Shift { .. } | Self::Total { .. } => Sight::Partition,
        }
    }

    /// For one sorted stream.
    pub fn start(&self) -> Box<dyn Function> {
        match self {
            Self::RowNumber => Box::new(RowNumber { last: 0 }),
            Self::Rank => Box::new(Rank { dense: false, rows: 0, rank: 0 }),
            Self::DenseRank => Box::new(Rank { dense: true, rows: 0, rank: 0 }),
            Self::Shift { value, offset, default } => {
                Box::new(Shift { value: Arc::clone(value), offset: *offset, default: default.clone(), earlier: None })
            }
            Self::Running { aggregate, sight } => {
                let (aggregate, by_peers) = (aggregate.clone(), *sight == Sight::Peers);
                match Tally::of(&aggregate) {
                    Some(tally) => Box::new(RunningTally { aggregate, by_peers, tally, total: 0, values: 0 }),
                    None => Box::new(Running { aggregate, by_peers, accumulator: None }),
                }
            }
            Self::Total { aggregate } => Box::new(Total { aggregate: aggregate.clone() }),
        }
    }
}

/// A function at work: sees the rows of a stream in order, a stretch at a time.
pub(super) trait Function: Send {
    /// A value for each row of the stretch.
    fn evaluate(&mut self, stretch: &Stretch) -> Result<ArrayRef>;
}

struct RowNumber {
    last: u64,
}

impl Function for RowNumber {
    fn evaluate(&mut self, stretch: &Stretch) -> Result<ArrayRef> {
        let mut numbers = Vec::with_capacity(stretch.batch.num_rows());
        for (index, rows) in stretch.partitions.iter().enumerate() {
            if index > 0 || !stretch.continues {
                self.last = 0;
            }
            let first = self.last + 1;
            self.last += rows.len() as u64;
            numbers.extend(first..=self.last);
        }
        Ok(Arc::new(UInt64Array::from(numbers)))
    }
}

struct Rank {
    dense: bool,
    /// Rows of the partition before the next group of peers.
    rows: u64,
    rank: u64,
}

impl Function for Rank {
    fn evaluate(&mut self, stretch: &Stretch) -> Result<ArrayRef> {
        let mut ranks = Vec::with_capacity(stretch.batch.num_rows());
        let mut partitions = stretch.partitions.iter().map(|rows| rows.start);
        let mut next_partition = partitions.next();
        for (index, peers) in stretch.peers.iter().enumerate() {
            let begins = next_partition == Some(peers.start);
            if begins {
                next_partition = partitions.next();
            }
            if begins && (index > 0 || !stretch.continues) {
                (self.rows, self.rank) = (0, 0);
            }
            if index > 0 || !stretch.peers_continue {
                self.rank = if self.dense { self.rank + 1 } else { self.rows + 1 };
            }
            self.rows += peers.len() as u64;
            ranks.extend(std::iter::repeat_n(self.rank, peers.len()));
        }
        Ok(Arc::new(UInt64Array::from(ranks)))
    }
}

struct Shift {
    value: Arc<dyn PhysicalExpr>,
    /// Rows back; negative: rows ahead, within whole partitions.
    offset: i64,
    default: ScalarValue,
    /// The last values of the partition that goes on, at most `offset`.
    earlier: Option<ArrayRef>,
}

impl Function for Shift {
    fn evaluate(&mut self, stretch: &Stretch) -> Result<ArrayRef> {
        let values = evaluated(&self.value, &stretch.batch)?;
        let earlier = self.earlier.take().filter(|_| stretch.continues);
        let kept = earlier.as_ref().map_or(0, |earlier| earlier.len());
        let values = match earlier {
            Some(earlier) => concat(&[earlier.as_ref(), values.as_ref()])?,
            None => values,
        };
        let defaults = cast(&self.default.to_array_of_size(1)?, values.data_type())?;
        let mut indices = Vec::with_capacity(stretch.batch.num_rows());
        let mut begin = 0;
        for rows in &stretch.partitions {
            let end = rows.end + kept;
            for row in rows.start + kept..end {
                let source = i64::try_from(row).ok().and_then(|row| usize::try_from(row - self.offset).ok());
                indices.push(match source {
                    Some(source) if source >= begin && source < end => (0, source),
                    _ => (1, 0),
                });
            }
            if self.offset > 0 && rows.end == stretch.batch.num_rows() {
                let rest = usize::try_from(self.offset).unwrap_or(0).min(end - begin);
                self.earlier = Some(values.slice(end - rest, rest));
            }
            begin = end;
        }
        Ok(interleave(&[values.as_ref(), defaults.as_ref()], &indices)?)
    }
}

struct Running {
    aggregate: AggregateFunctionExpr,
    by_peers: bool,
    accumulator: Option<Box<dyn Accumulator>>,
}

impl Function for Running {
    fn evaluate(&mut self, stretch: &Stretch) -> Result<ArrayRef> {
        let arguments = arguments(&self.aggregate, &stretch.batch)?;
        let mut results = Vec::with_capacity(stretch.batch.num_rows());
        let mut peers = stretch.peers.iter();
        for (index, rows) in stretch.partitions.iter().enumerate() {
            let goes_on = self.accumulator.take().filter(|_| index == 0 && stretch.continues);
            let mut accumulator = match goes_on {
                Some(accumulator) => accumulator,
                None => self.aggregate.create_accumulator()?,
            };
            let mut row = rows.start;
            while row < rows.end {
                let end = if self.by_peers { peers.next().map_or(rows.end, |peers| peers.end) } else { row + 1 };
                let slices: Vec<_> = arguments.iter().map(|argument| argument.slice(row, end - row)).collect();
                accumulator.update_batch(&slices)?;
                let value = accumulator.evaluate()?;
                results.extend(std::iter::repeat_n(value, end - row));
                row = end;
            }
            self.accumulator = Some(accumulator);
        }
        ScalarValue::iter_to_array(results)
    }
}

/// Running aggregates of one number that are worth code of their own: they mark sessions and groups in many models.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Tally {
    Count,
    /// Of 64-bit integers, checked as [`checks::integer_sum`] is.
    Sum,
}

impl Tally {
    fn of(aggregate: &AggregateFunctionExpr) -> Option<Self> {
        let arguments = aggregate.expressions();
        let ([_], false) = (arguments.as_slice(), aggregate.is_distinct()) else { return None };
        match aggregate.fun().name() {
            "count" => Some(Self::Count),
            "sum" if *aggregate.field().data_type() == DataType::Int64 => Some(Self::Sum),
            _ => None,
        }
    }
}

struct RunningTally {
    aggregate: AggregateFunctionExpr,
    by_peers: bool,
    tally: Tally,
    total: i128,
    /// Values that are not null.
    values: i64,
}

impl RunningTally {
    fn add(&mut self, nulls: Option<&NullBuffer>, numbers: Option<&Int64Array>, row: usize) {
        if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
            self.values += 1;
            self.total += numbers.map_or(0, |numbers| i128::from(numbers.value(row)));
        }
    }

    fn value(&self) -> Result<Option<i64>> {
        match self.tally {
            Tally::Count => Ok(Some(self.values)),
            Tally::Sum if self.values == 0 => Ok(None),
            Tally::Sum => checks::integer_sum(self.total).map(Some),
        }
    }
}

impl Function for RunningTally {
    fn evaluate(&mut self, stretch: &Stretch) -> Result<ArrayRef> {
        let arguments = arguments(&self.aggregate, &stretch.batch)?;
        let [argument] = arguments.as_slice() else { return internal_err!("one argument is expected") };
        let nulls = argument.logical_nulls();
        let numbers = if self.tally == Tally::Sum { Some(as_int64_array(argument)?) } else { None };
        let mut results = Int64Builder::with_capacity(stretch.batch.num_rows());
        let mut peers = stretch.peers.iter();
        for (index, rows) in stretch.partitions.iter().enumerate() {
            if index > 0 || !stretch.continues {
                (self.total, self.values) = (0, 0);
            }
            let mut row = rows.start;
            while row < rows.end {
                let end = if self.by_peers { peers.next().map_or(rows.end, |peers| peers.end) } else { row + 1 };
                for row in row..end {
                    self.add(nulls.as_ref(), numbers, row);
                }
                let value = self.value()?;
                for _ in row..end {
                    results.append_option(value);
                }
                row = end;
            }
        }
        Ok(Arc::new(results.finish()))
    }
}

struct Total {
    aggregate: AggregateFunctionExpr,
}

impl Function for Total {
    fn evaluate(&mut self, stretch: &Stretch) -> Result<ArrayRef> {
        let arguments = arguments(&self.aggregate, &stretch.batch)?;
        let mut partitions = Vec::with_capacity(stretch.batch.num_rows());
        for (partition, rows) in stretch.partitions.iter().enumerate() {
            partitions.extend(std::iter::repeat_n(partition, rows.len()));
        }
        let mut totals = self.aggregate.create_groups_accumulator()?;
        totals.update_batch(&arguments, &partitions, None, stretch.partitions.len())?;
        let totals = totals.evaluate(EmitTo::All)?;
        let partitions = UInt64Array::from_iter_values(partitions.into_iter().map(|partition| partition as u64));
        Ok(take(&totals, &partitions, None)?)
    }
}

fn arguments(aggregate: &AggregateFunctionExpr, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
    aggregate.expressions().iter().map(|argument| evaluated(argument, batch)).collect()
}

fn evaluated(expression: &Arc<dyn PhysicalExpr>, batch: &RecordBatch) -> Result<ArrayRef> {
    expression.evaluate(batch)?.into_array(batch.num_rows())
}
