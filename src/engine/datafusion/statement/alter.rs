//! ALTER TABLE (and ALTER VIEW … RENAME): names, columns, types, properties. What only changes the schema is one metadata
//! commit; dropping, renaming or retyping a column writes the table anew, in one commit too.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::{
    datasource::provider_as_source,
    logical_expr::{Expr, LogicalPlanBuilder, cast, ident},
    sql::sqlparser::ast::{
        AlterColumnOperation, AlterTable, AlterTableOperation, ColumnDef, ColumnOption, Ident, ObjectName,
        RenameTableNameKind, SqlOption, Statement,
    },
};
use serde_json::{Value, json};

use super::{
    super::{
        commit::{Change, Depends},
        core::{Name, SessionCore, fold},
        layout::{Place, check_name, storage},
        lock::TableLock,
        parse::{Parsed, sql_error},
        query::with_less_memory,
        table::{Table, new_actions},
        types,
        write::{Written, write_plan},
    },
    insert::{missing_column, require_writable, table_spec},
    nothing,
};
use crate::{
    engine::{EngineError, Outcome},
    names::RelationKind,
};

pub(super) async fn alter_table(session: &Arc<SessionCore>, parsed: Parsed) -> Result<Outcome, EngineError> {
    let Statement::AlterTable(alter) = parsed.statement else { return Err(sql_error("ALTER TABLE was expected")) };
    let AlterTable { name, if_exists, operations, .. } = alter;
    let name = session.resolve(&name)?;
    let (place, kind) = session.find(&name)?;
    let Some(kind) = kind else {
        return if if_exists { Ok(nothing("ALTER TABLE")) } else { Err(session.missing(&name)?) };
    };
    for operation in operations {
        if let AlterTableOperation::RenameTable { table_name } = &operation {
            rename(session, &name, &place, kind, table_name).await?;
            continue;
        }
        if kind != RelationKind::Table {
            return Err(sql_error(format!("{name} is a {kind}; its columns cannot be altered")));
        }
        let table = session.table(&place).await?;
        require_writable(&table)?;
        alter_columns(session, &table, operation).await?;
    }
    Ok(nothing("ALTER TABLE"))
}

async fn rename(
    session: &Arc<SessionCore>,
    name: &Name,
    place: &Place,
    kind: RelationKind,
    to: &RenameTableNameKind,
) -> Result<(), EngineError> {
    let (RenameTableNameKind::As(to) | RenameTableNameKind::To(to)) = to;
    let new = match to.0.as_slice() {
        [part] => match part.as_ident() {
            Some(ident) => Name { table: fold(ident), ..name.clone() },
            None => return Err(sql_error(format!("`{to}` is not a name"))),
        },
        _ => session.resolve(to)?,
    };
    check_name(&new.table)?;
    super::create::require_schema(session, &new)?;
    let (there, taken) = session.find(&new)?;
    let same = there.table_dir() == place.table_dir();
    if let Some(taken) = taken.filter(|_| !same) {
        return Err(sql_error(format!("{taken} {new} already exists")));
    }
    // A new case for the same name keeps what was asked for.
    let there = if same { place.sibling(&new.table) } else { there };
    if there.root.path != place.root.path {
        return Err(sql_error(format!("{name} cannot be renamed into another database")));
    }
    if session.move_pending(place, &there) {
        return Ok(());
    }
    let _lock = TableLock::acquire(place)?;
    let (from, into) = match kind {
        RelationKind::View => (place.view_file(), there.view_file()),
        _ => (place.table_dir(), there.table_dir()),
    };
    let fail = |error: std::io::Error| storage(format!("cannot rename {name}"), &from, &error);
    if kind != RelationKind::View && into.exists() && !same {
        std::fs::remove_dir_all(&into).map_err(fail)?;
    }
    super::super::commit::remove_file(&there.dropped_file()).map_err(fail)?;
    std::fs::rename(&from, &into).map_err(fail)
}

async fn alter_columns(
    session: &Arc<SessionCore>,
    table: &Arc<Table>,
    operation: AlterTableOperation,
) -> Result<(), EngineError> {
    let schema = table.schema();
    match operation {
        AlterTableOperation::AddColumn { if_not_exists, column_def, .. } => {
            let exists = schema.fields().iter().any(|field| field.name().eq_ignore_ascii_case(&fold(&column_def.name)));
            if exists {
                let message = format!("column `{}` already exists", fold(&column_def.name));
                return if if_not_exists { Ok(()) } else { Err(sql_error(message)) };
            }
            let new = new_field(&column_def)?;
            let is_filled = new.metadata().contains_key(types::DEFAULT);
            if !is_filled && new.is_nullable() {
                let fields = fields_of(&schema).map(|(_, field)| field).chain([new]);
                return set_schema(session, table, &Schema::new(fields.collect::<Vec<_>>())).await;
            }
            // The rows that are there get the default.
            write_anew(session, table, fields_of(&schema).chain([(schema.fields().len(), new)]).collect()).await
        }
        AlterTableOperation::DropColumn { column_names, if_exists, .. } => {
            let mut dropped = Vec::new();
            for column in &column_names {
                match position(column, &schema) {
                    Ok(index) => dropped.push(index),
                    Err(_) if if_exists => {}
                    Err(error) => return Err(error),
                }
            }
            let kept: Vec<(usize, Field)> = fields_of(&schema).filter(|(at, _)| !dropped.contains(at)).collect();
            if kept.is_empty() {
                return Err(sql_error("a table needs at least one column"));
            }
            if kept.len() == schema.fields().len() { Ok(()) } else { write_anew(session, table, kept).await }
        }
        AlterTableOperation::RenameColumn { old_column_name, new_column_name } => {
            let index = position(&old_column_name, &schema)?;
            let new = fold(&new_column_name);
            if fields_of(&schema).any(|(at, field)| at != index && field.name().eq_ignore_ascii_case(&new)) {
                return Err(sql_error(format!("column `{new}` already exists")));
            }
            let fields = fields_of(&schema)
                .map(|(at, field)| if at == index { (at, field.with_name(new.clone())) } else { (at, field) });
            write_anew(session, table, fields.collect()).await
        }
        AlterTableOperation::AlterColumn { column_name, op } => {
            let index = position(&column_name, &schema)?;
            alter_column(session, table, index, op).await
        }
        AlterTableOperation::SetTblProperties { table_properties } => {
            let mut metadata = table.metadata()?;
            for option in table_properties {
                let SqlOption::KeyValue { key, value } = option else { continue };
                let value = super::create::literal(&value).unwrap_or_default();
                metadata["configuration"][key.value.trim_matches('\'')] = Value::String(value);
            }
            set_metadata(session, table, metadata, None).await
        }
        other => Err(EngineError::Unsupported { feature: format!("alter table … {other}"), help: None }),
    }
}

async fn alter_column(
    session: &Arc<SessionCore>,
    table: &Arc<Table>,
    index: usize,
    operation: AlterColumnOperation,
) -> Result<(), EngineError> {
    let schema = table.schema();
    let with = |change: &dyn Fn(Field) -> Field| -> Vec<(usize, Field)> {
        fields_of(&schema).map(|(at, field)| if at == index { (at, change(field)) } else { (at, field) }).collect()
    };
    let plain =
        |fields: Vec<(usize, Field)>| Schema::new(fields.into_iter().map(|(_, field)| field).collect::<Vec<_>>());
    match operation {
        AlterColumnOperation::SetDataType { data_type, using: None, .. } => {
            let new = types::from_sql(&data_type)
                .ok_or_else(|| sql_error(format!("a table cannot store the type {data_type}")))?;
            if schema.field(index).data_type() == &new {
                return Ok(());
            }
            write_anew(session, table, with(&|field| field.with_data_type(new.clone()))).await
        }
        AlterColumnOperation::DropNotNull => {
            set_schema(session, table, &plain(with(&|field| field.with_nullable(true)))).await
        }
        AlterColumnOperation::SetNotNull => {
            // Writing anew checks every value.
            write_anew(session, table, with(&|field| field.with_nullable(false))).await
        }
        other => Err(EngineError::Unsupported { feature: format!("alter column … {other}"), help: None }),
    }
}

fn fields_of(schema: &SchemaRef) -> impl Iterator<Item = (usize, Field)> + '_ {
    schema.fields().iter().map(|field| field.as_ref().clone()).enumerate()
}

fn position(column: &Ident, schema: &SchemaRef) -> Result<usize, EngineError> {
    let index = schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(&fold(column)));
    index.ok_or_else(|| missing_column(column, schema))
}

fn new_field(column: &ColumnDef) -> Result<Field, EngineError> {
    let data_type = types::from_sql(&column.data_type)
        .ok_or_else(|| sql_error(format!("a table cannot store the type {}", column.data_type)))?;
    let not_null = column.options.iter().any(|option| matches!(option.option, ColumnOption::NotNull));
    let default = super::create::default_value(column, &data_type)?.map(|text| (types::DEFAULT.to_owned(), text));
    let metadata = default.into_iter().chain(types::variant_mark(&data_type)).collect();
    Ok(Field::new(fold(&column.name), data_type, !not_null).with_metadata(metadata))
}

/// Commits a schema that the files there are can be read with.
pub(super) async fn set_schema(session: &Arc<SessionCore>, table: &Table, schema: &Schema) -> Result<(), EngineError> {
    let (metadata, protocol) = metadata_for(table, schema, &table.partition_columns()).await?;
    set_metadata(session, table, metadata, protocol).await
}

pub(super) async fn set_metadata(
    session: &Arc<SessionCore>,
    table: &Table,
    metadata: Value,
    protocol: Option<Value>,
) -> Result<(), EngineError> {
    let change = Change {
        adds: Vec::new(),
        removes: Vec::new(),
        metadata: Some(metadata),
        protocol,
        depends: Depends::OnBase,
        operation: "ALTER TABLE",
    };
    let stage = session.stage(&table.place)?;
    session.apply(&table.place, Some(table.version()), stage, change).await
}

/// The table's metadata with another schema, and the protocol where it must grow.
async fn metadata_for(
    table: &Table,
    schema: &Schema,
    partition_by: &[String],
) -> Result<(Value, Option<Value>), EngineError> {
    let (new_protocol, new) = new_actions(schema, partition_by, &[], None).await?;
    let mut metadata = table.metadata()?;
    metadata["schemaString"] = new["schemaString"].clone();
    metadata["partitionColumns"] = new["partitionColumns"].clone();
    let old = serde_json::to_value(table.snapshot.protocol())
        .map_err(|error| EngineError::Internal { message: error.to_string() })?;
    Ok((metadata, grown(&old, &new_protocol)))
}

/// The old protocol with what the new one asks for; `None` when it has all of it.
fn grown(old: &Value, new: &Value) -> Option<Value> {
    let version = |value: &Value, key: &str| value[key].as_i64().unwrap_or(0);
    let features = |value: &Value, key: &str| -> Vec<Value> { value[key].as_array().cloned().unwrap_or_default() };
    let mut result = old.clone();
    for key in ["minReaderVersion", "minWriterVersion"] {
        result[key] = json!(version(old, key).max(version(new, key)));
    }
    for key in ["readerFeatures", "writerFeatures"] {
        let mut all = features(old, key);
        for feature in features(new, key) {
            if !all.contains(&feature) {
                all.push(feature);
            }
        }
        if !all.is_empty() {
            result[key] = Value::Array(all);
        }
    }
    (result != *old).then_some(result)
}

/// Writes all rows into new files under other columns: `(index of the old column, new field)`. A column with an index that
/// there is not gets its default.
async fn write_anew(
    session: &Arc<SessionCore>,
    table: &Arc<Table>,
    fields: Vec<(usize, Field)>,
) -> Result<(), EngineError> {
    let old = table.schema();
    let provider = table.provider(&session.state()).await?;
    let scan = LogicalPlanBuilder::scan("target", provider_as_source(provider), None)?;
    let expressions: Vec<Expr> = fields
        .iter()
        .map(|(index, field)| match old.fields().get(*index) {
            Some(before) => cast(ident(before.name()), field.data_type().clone()).alias(field.name()),
            None => types::default_of(field).alias(field.name()),
        })
        .collect();
    let plan = scan.project(expressions)?.build()?;
    let partition_by: Vec<String> = table
        .partition_columns()
        .iter()
        .filter_map(|name| {
            fields.iter().find(|(index, _)| old.fields().get(*index).is_some_and(|old| old.name() == name))
        })
        .map(|(_, field)| field.name().clone())
        .collect();
    let schema = Arc::new(Schema::new(fields.into_iter().map(|(_, field)| field).collect::<Vec<_>>()));
    let mut spec = table_spec(table, false);
    spec.schema = Arc::clone(&schema);
    spec.partition_by.clone_from(&partition_by);
    let stage = session.stage(&table.place)?;
    let written: Written = with_less_memory(session, |state| {
        let (plan, folder, spec) = (plan.clone(), stage.folder.clone(), spec.clone());
        async move {
            let physical = state.create_physical_plan(&plan).await?;
            write_plan(physical, state.task_ctx(), &folder, &spec).await
        }
    })
    .await?;
    let (metadata, protocol) = metadata_for(table, &schema, &partition_by).await?;
    let change = Change {
        adds: written.adds,
        removes: table.removes().await?,
        metadata: Some(metadata),
        protocol,
        depends: Depends::OnBase,
        operation: "ALTER TABLE",
    };
    session.apply(&table.place, Some(table.version()), stage, change).await
}

/// A name without its last part, and that part.
pub(super) fn split_last(name: &ObjectName) -> Option<(ObjectName, Ident)> {
    let (last, rest) = name.0.split_last()?;
    Some((ObjectName(rest.to_vec()), last.as_ident()?.clone()))
}
