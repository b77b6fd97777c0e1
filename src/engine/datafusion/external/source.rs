//! From a reference to a table: list, tell formats, read schemas, form groups of files that are read alike.

use std::{collections::BTreeMap, sync::Arc};

use datafusion::{
    arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef},
    catalog::TableProvider,
    common::{DFSchema, ScalarValue, parsers::CompressionTypeVariant},
    datasource::{
        file_format::FileFormat,
        listing::{ListingTableUrl, PartitionedFile},
    },
    execution::SessionState,
    logical_expr::ExprSchemable,
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
    table::{ExternalTable, Group},
};
use crate::engine::{
    EngineError, RelationFacts,
    datafusion::{commit::latest_version, functions, session::facts::last_change},
};

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
    let url = ListingTableUrl::parse(&folder).map_err(|error| failed(error.strip_backtrace()))?;
    let table = deltalake::open_table(url.get_url().clone()).await.map_err(|error| failed(error.to_string()))?;
    table.update_datafusion_session(&ctx.state()).map_err(|error| failed(error.to_string()))?;
    table.table_provider().await.map_err(|error| failed(error.to_string()))
}

/// A reader, and the files that it reads with their positions in the listing.
type Reader<'a> = (Arc<dyn FileFormat>, Vec<(usize, &'a File)>);

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

    let mut readers: BTreeMap<String, Reader<'_>> = BTreeMap::new();
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
    let layout = Layout { format, fields, found, partitions, options: reference.options.clone() };
    let mut groups = Vec::new();
    for (reader, files) in readers.into_values() {
        groups.extend(layout.groups(&reader, &files));
    }
    let fields = layout.fields;
    let schema = Arc::new(Schema::new(fields.iter().chain(&partition_fields).cloned().collect::<Vec<_>>()));
    Ok(Arc::new(ExternalTable { store: listed.store_url, schema, partitions: partition_fields, groups }))
}

/// When a Delta table on the local disk last changed.
pub(super) fn delta_facts(reference: &Reference, options: &ExternalOptions) -> Option<RelationFacts> {
    let resolved = listing::resolve(reference.paths.first()?, options);
    let folder = std::path::Path::new(&resolved.full);
    let version = latest_version(folder).filter(|_| !resolved.is_url)?;
    Some(RelationFacts { rows: None, bytes: 0, files: 0, last_changed: last_change(folder, version), comment: None })
}

pub(super) fn is_delta(reference: &Reference, options: &ExternalOptions) -> bool {
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
        file.meta.size > 0 && formats::kind_of(&file.shown).compression == CompressionTypeVariant::UNCOMPRESSED
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
    state: &SessionState,
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

fn parse_type(state: &SessionState, sql_type: &str) -> Result<DataType, EngineError> {
    let wrong = || EngineError::Sql { message: format!("`{sql_type}` is not a type"), position: None, help: None };
    let mut parsed = Parser::new(&GenericDialect {})
        .try_with_sql(sql_type)
        .and_then(|mut parser| parser.parse_data_type())
        .map_err(|_| wrong())?;
    functions::rewrite_type(&mut parsed);
    let expr =
        state.create_logical_expr(&format!("cast(null as {parsed})"), &DFSchema::empty()).map_err(|_| wrong())?;
    expr.get_type(&DFSchema::empty()).map_err(|_| wrong())
}

/// What is known of all files.
struct Layout {
    format: Format,
    fields: Vec<FieldRef>,
    found: Schemas,
    partitions: Partitions,
    options: Options,
}

impl Layout {
    /// The groups of files that one reader reads.
    fn groups(&self, reader: &Arc<dyn FileFormat>, files: &[(usize, &File)]) -> Vec<Group> {
        let whole: SchemaRef = Arc::new(Schema::new(self.fields.clone()));
        let null_text = self.options.null_text.clone().filter(|_| self.format == Format::Csv);
        let mut groups: Vec<Group> = Vec::new();
        for (index, file) in files {
            // The columns of a CSV file are known by position, those of other formats by name.
            let mut schema = match self.found.iter().find(|(found, _)| found == index) {
                Some((_, own)) if self.format == Format::Csv => in_file_order(own, &whole),
                _ => Arc::clone(&whole),
            };
            if null_text.is_some() {
                schema = as_text(&schema);
            }
            let mut partitioned = PartitionedFile::new_from_meta(file.meta.clone());
            partitioned.partition_values = self.partitions.values.get(*index).cloned().unwrap_or_default();
            if self.options.filename {
                partitioned.partition_values.push(ScalarValue::from(file.shown.as_str()));
            }
            match groups.iter_mut().find(|group| group.schema == schema) {
                Some(group) => group.files.push(partitioned),
                None => groups.push(Group {
                    format: Arc::clone(reader),
                    schema,
                    null_text: null_text.clone(),
                    files: vec![partitioned],
                }),
            }
        }
        groups
    }
}

fn as_text(schema: &SchemaRef) -> SchemaRef {
    let text = |field: &FieldRef| Arc::new(Field::new(field.name(), DataType::Utf8, true));
    Arc::new(Schema::new(schema.fields().iter().map(text).collect::<Vec<_>>()))
}

/// A file's columns with the types of the whole table.
fn in_file_order(own: &SchemaRef, whole: &SchemaRef) -> SchemaRef {
    let typed = |field: &FieldRef| match whole.field_with_name(field.name()) {
        Ok(typed) => Arc::new(typed.clone()),
        Err(_) => Arc::new(Field::new(field.name(), DataType::Utf8, true)),
    };
    Arc::new(Schema::new(own.fields().iter().map(typed).collect::<Vec<_>>()))
}
