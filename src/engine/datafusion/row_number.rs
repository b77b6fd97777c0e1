//! `tamis_row_number()`: a number that no two rows of a statement share. Internal; MERGE counts matched rows by it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use arrow::{
    array::{ArrayRef, Int64Array},
    datatypes::DataType,
};
use datafusion::{
    error::Result,
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility},
};

#[derive(Debug)]
struct RowNumber {
    signature: Signature,
    next: Arc<AtomicI64>,
}

impl PartialEq for RowNumber {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.next, &other.next)
    }
}

impl Eq for RowNumber {}

impl std::hash::Hash for RowNumber {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.signature.hash(state);
    }
}

impl ScalarUDFImpl for RowNumber {
    fn name(&self) -> &str {
        "tamis_row_number"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = i64::try_from(args.number_rows).unwrap_or(i64::MAX);
        let first = self.next.fetch_add(rows, Ordering::Relaxed);
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(first..first.saturating_add(rows)));
        Ok(ColumnarValue::Array(numbers))
    }
}

pub(super) fn row_number() -> ScalarUDF {
    ScalarUDF::from(RowNumber {
        signature: Signature::exact(Vec::new(), Volatility::Volatile),
        next: Arc::new(AtomicI64::new(0)),
    })
}
