//! A table over listed files. Partition filters drop files before anything is opened; no statistics are collected.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::{
    arrow::{
        array::{AsArray, RecordBatch, RecordBatchOptions},
        datatypes::{FieldRef, Schema, SchemaRef},
    },
    catalog::{Session, TableProvider},
    common::{
        DFSchema, Result, ScalarValue, Statistics,
        stats::Precision,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    datasource::{
        TableType,
        file_format::FileFormat,
        listing::PartitionedFile,
        physical_plan::{FileGroup, FileScanConfigBuilder},
        table_schema::TableSchema,
    },
    execution::object_store::ObjectStoreUrl,
    functions::core::nullif,
    logical_expr::{Expr, TableProviderFilterPushDown, Volatility, utils::conjunction},
    physical_expr::{
        PhysicalExpr, ScalarFunctionExpr,
        expressions::{Column, Literal, cast},
    },
    physical_plan::{ExecutionPlan, empty::EmptyExec, projection::ProjectionExec, union::UnionExec},
};

/// Files that one reader reads in one go: of one compression and, for CSV, with the same columns in the same order.
#[derive(Debug)]
pub(super) struct Group {
    pub format: Arc<dyn FileFormat>,
    pub schema: SchemaRef,
    /// The text that stands for NULL in these files; then `schema` reads every column as text.
    pub null_text: Option<String>,
    pub files: Vec<PartitionedFile>,
}

#[derive(Debug)]
pub(super) struct ExternalTable {
    pub store: ObjectStoreUrl,
    pub schema: SchemaRef,
    pub partitions: Vec<FieldRef>,
    pub groups: Vec<Group>,
}

#[async_trait]
impl TableProvider for ExternalTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters
            .iter()
            .map(|filter| {
                if self.is_of_partitions(filter) {
                    TableProviderFilterPushDown::Exact
                } else {
                    TableProviderFilterPushDown::Inexact
                }
            })
            .collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted: Vec<usize> = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let output = Arc::new(self.schema.project(&wanted)?);
        let filters: Vec<Expr> = filters.iter().filter(|filter| self.is_of_partitions(filter)).cloned().collect();
        let mut plans = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let files = self.prune(state, &group.files, &filters)?;
            if !files.is_empty() {
                plans.push(self.scan_group(state, group, files, &wanted, limit).await?);
            }
        }
        match plans.len() {
            0 => Ok(Arc::new(EmptyExec::new(output))),
            1 => Ok(plans.swap_remove(0)),
            _ => UnionExec::try_new(plans),
        }
    }
}

impl ExternalTable {
    fn is_of_partitions(&self, filter: &Expr) -> bool {
        if self.partitions.is_empty() || filter.is_volatile() {
            return false;
        }
        let mut only_partitions = true;
        let walked = filter.apply(|expr| {
            let fits = match expr {
                Expr::Column(column) => self.partitions.iter().any(|field| *field.name() == column.name),
                Expr::ScalarSubquery(_)
                | Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::OuterReferenceColumn(..)
                | Expr::Placeholder(_) => false,
                Expr::ScalarFunction(function) => function.func.signature().volatility == Volatility::Immutable,
                _ => true,
            };
            only_partitions &= fits;
            Ok(if fits { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
        });
        walked.is_ok() && only_partitions
    }

    /// The files whose partition values pass the filters.
    fn prune(&self, state: &dyn Session, files: &[PartitionedFile], filters: &[Expr]) -> Result<Vec<PartitionedFile>> {
        let Some(filter) = conjunction(filters.to_vec()) else { return Ok(files.to_vec()) };
        let schema = Arc::new(Schema::new(self.partitions.clone()));
        let mut columns = Vec::with_capacity(self.partitions.len());
        for index in 0..self.partitions.len() {
            let values = files.iter().filter_map(|file| file.partition_values.get(index).cloned());
            columns.push(ScalarValue::iter_to_array(values)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(files.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)?;
        // Filters name the table; here there is only one.
        let filter = datafusion::logical_expr::expr_rewriter::unnormalize_col(filter);
        let predicate = state.create_physical_expr(filter, &DFSchema::try_from(schema)?)?;
        let passes = predicate.evaluate(&batch)?.into_array(files.len())?;
        let passes = passes.as_boolean();
        Ok(files
            .iter()
            .zip(passes.iter())
            .filter(|(_, passes)| *passes == Some(true))
            .map(|(file, _)| file.clone())
            .collect())
    }

    async fn scan_group(
        &self,
        state: &dyn Session,
        group: &Group,
        files: Vec<PartitionedFile>,
        wanted: &[usize],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let columns = self.schema.fields().len() - self.partitions.len();
        let position = |index: &usize| {
            if *index >= columns {
                return Some(group.schema.fields().len() + index - columns);
            }
            self.schema.fields().get(*index).and_then(|field| group.schema.index_of(field.name()).ok())
        };
        let positions: Vec<Option<usize>> = wanted.iter().map(position).collect();
        let schema =
            TableSchema::builder(Arc::clone(&group.schema)).with_table_partition_cols(self.partitions.clone()).build();
        let statistics = Statistics {
            total_byte_size: Precision::Inexact(
                files
                    .iter()
                    .map(|file| usize::try_from(file.object_meta.size).unwrap_or(usize::MAX))
                    .fold(0, usize::saturating_add),
            ),
            ..Statistics::new_unknown(schema.table_schema())
        };
        let config = FileScanConfigBuilder::new(self.store.clone(), group.format.file_source(schema))
            .with_file_groups(FileGroup::new(files).split_files(state.config().target_partitions()))
            .with_statistics(statistics)
            .with_projection_indices(Some(positions.iter().flatten().copied().collect()))?
            .with_limit(limit)
            .build();
        let plan = group.format.create_physical_plan(state, config).await?;
        if positions.iter().all(Option::is_some) && group.null_text.is_none() {
            return Ok(plan);
        }
        self.finish(state, plan, group, wanted, &positions)
    }

    /// Columns that this group's files have not are NULL; where a text stands for NULL, columns get their types here.
    fn finish(
        &self,
        state: &dyn Session,
        plan: Arc<dyn ExecutionPlan>,
        group: &Group,
        wanted: &[usize],
        positions: &[Option<usize>],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = plan.schema();
        let mut next = 0;
        let mut columns: Vec<(Arc<dyn PhysicalExpr>, String)> = Vec::with_capacity(wanted.len());
        for (index, position) in wanted.iter().zip(positions) {
            let field = self.schema.field(*index);
            let Some(position) = position else {
                let null = Literal::new(ScalarValue::try_from(field.data_type())?);
                columns.push((Arc::new(null), field.name().clone()));
                continue;
            };
            let mut expr: Arc<dyn PhysicalExpr> = Arc::new(Column::new(field.name(), next));
            next += 1;
            if let Some(text) = &group.null_text
                && *position < group.schema.fields().len()
            {
                let arguments =
                    vec![expr, Arc::new(Literal::new(ScalarValue::from(text.as_str()))) as Arc<dyn PhysicalExpr>];
                let options = Arc::new(state.config_options().clone());
                expr = Arc::new(ScalarFunctionExpr::try_new(nullif(), arguments, input.as_ref(), options)?);
            }
            columns.push((cast(expr, input.as_ref(), field.data_type().clone())?, field.name().clone()));
        }
        Ok(Arc::new(ProjectionExec::try_new(columns, plan)?))
    }
}
