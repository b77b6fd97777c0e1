//! A table over listed files. Partition filters drop files before anything is opened; no statistics are collected.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use datafusion::{
    arrow::{
        array::{AsArray, RecordBatch, RecordBatchOptions},
        compute::prep_null_mask_filter,
        datatypes::{DataType, Field, FieldRef, Schema, SchemaRef},
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
    logical_expr::{Expr, TableProviderFilterPushDown, Volatility, utils::conjunction},
    physical_expr::{
        PhysicalExpr,
        expressions::{Column, Literal, cast},
    },
    physical_plan::{ExecutionPlan, empty::EmptyExec, projection::ProjectionExec, union::UnionExec},
    prelude::SessionContext,
    sql::sqlparser::{dialect::GenericDialect, parser::Parser},
};

use super::{
    ExternalOptions,
    formats::{self, Format},
    listing::{self, File},
    partitions::{self, Partitions},
    reference::{Options, Reference},
    schemas::{self, Schemas},
};
use crate::engine::{EngineError, datafusion::functions};

/// Files that one reader reads in one go: of one compression and, for CSV, with the same columns in the same order.
#[derive(Debug)]
struct Group {
    format: Arc<dyn FileFormat>,
    schema: SchemaRef,
    files: Vec<PartitionedFile>,
}

#[derive(Debug)]
struct ExternalTable {
    store: ObjectStoreUrl,
    schema: SchemaRef,
    partitions: Vec<FieldRef>,
    groups: Vec<Group>,
}

/// A Delta table outside the warehouse, at its latest version.
pub(super) async fn delta(
    ctx: &SessionContext,
    reference: &Reference,
    options: &ExternalOptions,
) -> Result<Arc<dyn TableProvider>, EngineError> {
    let [path] = reference.paths.as_slice() else {
        return Err(EngineError::Sql { message: "delta_scan takes one path".to_owned(), position: None, help: None });
    };
    let resolved = listing::resolve(path, options);
    let failed = |message: String| EngineError::Storage {
        context: format!("cannot read the Delta table `{path}`"),
        message,
        path: None,
    };
    if !resolved.is_url && !std::path::Path::new(&resolved.full).join("_delta_log").is_dir() {
        return Err(failed(format!("no Delta table at `{}`", resolved.full)));
    }
    let folder = format!("{}/", resolved.full.trim_end_matches('/'));
    let url = datafusion::datasource::listing::ListingTableUrl::parse(&folder)
        .map_err(|error| failed(error.strip_backtrace()))?;
    let table = deltalake::open_table(url.get_url().clone()).await.map_err(|error| failed(error.to_string()))?;
    table.update_datafusion_session(&ctx.state()).map_err(|error| failed(error.to_string()))?;
    table.table_provider().await.map_err(|error| failed(error.to_string()))
}

/// A table over files.
pub(super) async fn files(
    ctx: &SessionContext,
    reference: &Reference,
    options: &ExternalOptions,
) -> Result<Arc<dyn TableProvider>, EngineError> {
    if reference.format.is_none() && is_delta(reference, options) {
        return delta(ctx, reference, options).await;
    }
    let listed = listing::list(ctx, &reference.paths, options).await?;
    let format = format_of(reference, &listed.files)?;
    let partitions = partitions::detect(&listed.files, &reference.options)?;
    let state = ctx.state();

    let mut readers: BTreeMap<String, (Arc<dyn FileFormat>, Vec<(usize, &File)>)> = BTreeMap::new();
    let json_array = format == Format::Json && is_json_array(&listed, &reference.options).await;
    for (index, file) in listed.files.iter().enumerate() {
        let kind = formats::kind_of(&file.shown);
        let key = format!("{:?}", formats::compression(&reference.options, kind)?);
        if !readers.contains_key(&key) {
            readers.insert(key.clone(), (formats::reader(format, &reference.options, kind, json_array)?, Vec::new()));
        }
        if let Some((_, files)) = readers.get_mut(&key) {
            files.push((index, file));
        }
    }
    let all = reference.options.union_by_name == Some(true) || format == Format::Csv;
    let mut found: Schemas = Vec::new();
    for (reader, files) in readers.values() {
        found.extend(schemas::infer(&state, &listed.store, reader, files, all).await?);
    }
    found.sort_by_key(|(index, _)| *index);
    let mut fields = schemas::union(&found, &listed.files, format)?;
    override_types(&state, &mut fields, &mut found, &reference.options, &partitions, format)?;

    let filename = reference.options.filename.then(|| Field::new("filename", DataType::Utf8, true).into());
    let partition_fields: Vec<FieldRef> = partitions.fields.iter().cloned().chain(filename).collect();
    fields.retain(|field| !partition_fields.iter().any(|partition| partition.name() == field.name()));
    let mut groups = Vec::new();
    for (reader, files) in readers.into_values() {
        groups.extend(group(format, &reader, &files, &fields, &found, &partitions, reference.options.filename));
    }
    let schema = Arc::new(Schema::new(fields.iter().chain(&partition_fields).cloned().collect::<Vec<_>>()));
    Ok(Arc::new(ExternalTable { store: listed.store_url, schema, partitions: partition_fields, groups }))
}

fn is_delta(reference: &Reference, options: &ExternalOptions) -> bool {
    match reference.paths.as_slice() {
        [path] => {
            let resolved = listing::resolve(path, options);
            !resolved.is_url && std::path::Path::new(&resolved.full).join("_delta_log").is_dir()
        }
        _ => false,
    }
}

/// The format that the function or the files' names say.
fn format_of(reference: &Reference, files: &[File]) -> Result<Format, EngineError> {
    if let Some(format) = reference.format {
        return Ok(format);
    }
    let mut format = None;
    for file in files {
        let own = formats::required(&file.shown)?;
        match format {
            None => format = Some((own, file)),
            Some((known, _)) if known == own => {}
            Some((_, first)) => {
                return Err(EngineError::Data {
                    message: format!("`{}` and `{}` are of different formats", first.shown, file.shown),
                });
            }
        }
    }
    match format {
        Some((format, _)) => Ok(format),
        None => Err(EngineError::Internal { message: "a source without files".to_owned() }),
    }
}

/// Whether JSON files are arrays: the option, or the first byte of the first uncompressed file.
async fn is_json_array(listed: &listing::Listed, options: &Options) -> bool {
    if let Some(array) = options.json_array {
        return array;
    }
    let plain = listed.files.iter().find(|file| {
        file.meta.size > 0
            && formats::kind_of(&file.shown).compression
                == datafusion::common::parsers::CompressionTypeVariant::UNCOMPRESSED
    });
    let Some(file) = plain else { return false };
    let head = datafusion::object_store::ObjectStoreExt::get_range(
        &listed.store,
        &file.meta.location,
        0..file.meta.size.min(64),
    )
    .await;
    head.is_ok_and(|head| head.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'['))
}

/// Types that the call says: of all columns, of some, or text for all.
fn override_types(
    state: &datafusion::execution::SessionState,
    fields: &mut Vec<FieldRef>,
    found: &mut Schemas,
    options: &Options,
    partitions: &Partitions,
    format: Format,
) -> Result<(), EngineError> {
    if options.all_varchar {
        for field in fields.iter_mut() {
            *field = Arc::new(Field::new(field.name(), DataType::Utf8, true));
        }
    }
    let mut named = Vec::with_capacity(options.types.len());
    for (name, sql_type) in &options.types {
        named.push(Arc::new(Field::new(name, parse_type(state, sql_type)?, true)));
    }
    if options.types_are_all {
        named.retain(|field| !partitions.fields.iter().any(|partition| partition.name() == field.name()));
        if format == Format::Csv {
            // The columns of a CSV file are known by position.
            for (_, schema) in found.iter_mut() {
                *schema = Arc::new(Schema::new(named.clone()));
            }
        }
        *fields = named;
        return Ok(());
    }
    for typed in named {
        match fields.iter_mut().find(|field| field.name() == typed.name()) {
            Some(field) => *field = typed,
            None => {
                return Err(EngineError::Sql {
                    message: format!("the files have no column `{}`", typed.name()),
                    position: None,
                    help: None,
                });
            }
        }
    }
    Ok(())
}

fn parse_type(state: &datafusion::execution::SessionState, sql_type: &str) -> Result<DataType, EngineError> {
    let wrong = || EngineError::Sql { message: format!("`{sql_type}` is not a type"), position: None, help: None };
    let mut parsed = Parser::new(&GenericDialect {})
        .try_with_sql(sql_type)
        .and_then(|mut parser| parser.parse_data_type())
        .map_err(|_| wrong())?;
    functions::rewrite_type(&mut parsed);
    let expr =
        state.create_logical_expr(&format!("cast(null as {parsed})"), &DFSchema::empty()).map_err(|_| wrong())?;
    datafusion::logical_expr::ExprSchemable::get_type(&expr, &DFSchema::empty()).map_err(|_| wrong())
}

/// The groups of files that one reader reads.
fn group(
    format: Format,
    reader: &Arc<dyn FileFormat>,
    files: &[(usize, &File)],
    fields: &[FieldRef],
    found: &Schemas,
    partitions: &Partitions,
    filename: bool,
) -> Vec<Group> {
    let whole: SchemaRef = Arc::new(Schema::new(fields.to_vec()));
    let mut groups: Vec<Group> = Vec::new();
    for (index, file) in files {
        // The columns of a CSV file are known by position, those of other formats by name.
        let schema = match found.iter().find(|(found, _)| found == index) {
            Some((_, own)) if format == Format::Csv => in_file_order(own, &whole),
            _ => Arc::clone(&whole),
        };
        let mut partitioned = PartitionedFile::new_from_meta(file.meta.clone());
        partitioned.partition_values = partitions.values.get(*index).cloned().unwrap_or_default();
        if filename {
            partitioned.partition_values.push(ScalarValue::from(file.shown.as_str()));
        }
        match groups.iter_mut().find(|group| group.schema == schema) {
            Some(group) => group.files.push(partitioned),
            None => groups.push(Group { format: Arc::clone(reader), schema, files: vec![partitioned] }),
        }
    }
    groups
}

/// A file's columns with the types of the whole table.
fn in_file_order(own: &SchemaRef, whole: &SchemaRef) -> SchemaRef {
    let typed = |field: &FieldRef| match whole.field_with_name(field.name()) {
        Ok(typed) => Arc::new(typed.clone()),
        Err(_) => Arc::new(Field::new(field.name(), DataType::Utf8, true)),
    };
    Arc::new(Schema::new(own.fields().iter().map(typed).collect::<Vec<_>>()))
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
        let passes = prep_null_mask_filter(passes.as_boolean());
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
        if positions.iter().all(Option::is_some) { Ok(plan) } else { self.with_missing(plan, wanted, &positions) }
    }

    /// Columns that this group's files have not are NULL.
    fn with_missing(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        wanted: &[usize],
        positions: &[Option<usize>],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut next = 0;
        let mut columns: Vec<(Arc<dyn PhysicalExpr>, String)> = Vec::with_capacity(wanted.len());
        for (index, position) in wanted.iter().zip(positions) {
            let field = self.schema.field(*index);
            let expr: Arc<dyn PhysicalExpr> = match position {
                Some(_) => {
                    let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(field.name(), next));
                    next += 1;
                    cast(column, plan.schema().as_ref(), field.data_type().clone())?
                }
                None => Arc::new(Literal::new(ScalarValue::try_from(field.data_type())?)),
            };
            columns.push((expr, field.name().clone()));
        }
        Ok(Arc::new(ProjectionExec::try_new(columns, plan)?))
    }
}
