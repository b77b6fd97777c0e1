//! Variants in tables: a Delta table keeps them as strings, and a mark on the column tells that they are none.

use std::{collections::HashMap, sync::Arc};

use datafusion::{
    arrow::datatypes::{DataType, Field, Schema, SchemaRef},
    catalog::{TableProvider, view::ViewTable},
    common::{Column, Result, metadata::FieldMetadata},
    datasource::provider_as_source,
    execution::SessionState,
    logical_expr::{Expr, LogicalPlanBuilder},
};

use super::row::VARIANT;
use crate::engine::datafusion::types::{VARIANT_MARK, is_marked};

/// The function that takes a stored string for the variant that it is.
pub(super) const READER: &str = "sf_stored_variant";

/// The schema of rows that are to be stored, with a mark on each variant; sessions of other dialects have none.
pub(in crate::engine::datafusion) fn marked(schema: &Schema, state: &SessionState) -> SchemaRef {
    if !state.scalar_functions().contains_key(READER) {
        return Arc::new(schema.clone());
    }
    let mark = |field: &Arc<Field>| {
        if *field.data_type() != VARIANT {
            return Arc::clone(field);
        }
        let mut metadata = field.metadata().clone();
        metadata.insert(VARIANT_MARK.0.to_owned(), VARIANT_MARK.1.to_owned());
        Arc::new(field.as_ref().clone().with_metadata(metadata))
    };
    Arc::new(Schema::new(schema.fields().iter().map(mark).collect::<Vec<_>>()))
}

/// The table, whose marked columns are variants again.
///
/// # Errors
/// When the table cannot be planned.
pub(in crate::engine::datafusion) fn restored(
    provider: Arc<dyn TableProvider>,
    schema: &Schema,
    state: &SessionState,
) -> Result<Arc<dyn TableProvider>> {
    const TABLE: &str = "stored";
    let is_variant = |name: &str| schema.field_with_name(name).is_ok_and(is_marked);
    let stored = provider.schema();
    let Some(reader) = state.scalar_functions().get(READER) else { return Ok(provider) };
    let text = |field: &Field| matches!(field.data_type(), DataType::Utf8 | DataType::Utf8View);
    if !stored.fields().iter().any(|field| is_variant(field.name()) && text(field)) {
        return Ok(provider);
    }
    let columns = stored.fields().iter().map(|field| {
        let column = Expr::Column(Column::new(Some(TABLE), field.name()));
        if is_variant(field.name()) && text(field) {
            let mark = HashMap::from([(VARIANT_MARK.0.to_owned(), VARIANT_MARK.1.to_owned())]);
            reader.call(vec![column]).alias_with_metadata(field.name(), Some(FieldMetadata::from(mark)))
        } else {
            column
        }
    });
    let plan = LogicalPlanBuilder::scan(TABLE, provider_as_source(provider), None)?.project(columns)?.build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}
