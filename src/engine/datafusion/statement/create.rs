//! CREATE SCHEMA, CREATE TABLE, CREATE TABLE AS, temporary tables, and loading record batches.

use std::sync::Arc;

use arrow::{
    array::RecordBatch,
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use datafusion::{
    catalog::TableProvider,
    datasource::{MemTable, provider_as_source},
    execution::SendableRecordBatchStream,
    logical_expr::{LogicalPlan, LogicalPlanBuilder},
    physical_plan::{ExecutionPlan, execute_stream, stream::RecordBatchStreamAdapter},
    scalar::ScalarValue,
    sql::sqlparser::ast::{
        ColumnDef, ColumnOption, CreateTable, Expr, SchemaName, Statement, TableObject, UnaryOperator, Value,
    },
};

use futures::StreamExt;

use super::{
    super::snowflake::sql::{marked, restored},
    super::{
        commit::{Change, Depends, Staging, drop_table},
        core::{Name, SessionCore, fold},
        layout::{self, Place, check_name, storage},
        parse::{Parsed, sql_error},
        query::{self, add_metrics, with_less_memory},
        table::{Table, new_actions},
        transaction::Target,
        types,
        write::{WriteSpec, Written, write_plan, write_stream},
    },
    nothing,
};
use crate::{
    engine::{EngineError, Load, LoadMode, Metrics, Outcome, TableOptions},
    names::RelationKind,
};

pub(super) fn create_schema(session: &SessionCore, statement: &Statement) -> Result<Outcome, EngineError> {
    let Statement::CreateSchema { schema_name, if_not_exists, .. } = statement else {
        return Err(sql_error("CREATE SCHEMA was expected"));
    };
    let name = match schema_name {
        SchemaName::Simple(name) | SchemaName::NamedAuthorization(name, _) => name,
        SchemaName::UnnamedAuthorization(_) => return Err(sql_error("a schema needs a name")),
    };
    let (root, schema) = schema_parts(session, name)?;
    check_name(&schema)?;
    if layout::find_schema(&root, &schema)?.is_some() {
        return match if_not_exists {
            true => Ok(nothing("CREATE SCHEMA")),
            false => Err(sql_error(format!("schema `{schema}` already exists"))),
        };
    }
    let folder = root.path.join(layout::encode(&schema));
    std::fs::create_dir_all(&folder)
        .map_err(|error| storage(format!("cannot create schema `{schema}`"), &folder, &error))?;
    Ok(nothing("CREATE SCHEMA"))
}

/// `schema` or `database.schema`.
pub(super) fn schema_parts(
    session: &SessionCore,
    name: &datafusion::sql::sqlparser::ast::ObjectName,
) -> Result<(Arc<layout::Root>, String), EngineError> {
    let parts: Vec<String> = name.0.iter().filter_map(|part| part.as_ident()).map(fold).collect();
    let (database, schema) = match parts.as_slice() {
        [schema] => (session.lake.config.database.clone(), schema.clone()),
        [database, schema] => (database.clone(), schema.clone()),
        _ => return Err(sql_error(format!("`{name}` is not the name of a schema"))),
    };
    Ok((Arc::clone(session.root(&database)?), schema))
}

pub(super) async fn create_table(
    session: &Arc<SessionCore>,
    parsed: Parsed,
    options: &TableOptions,
) -> Result<Outcome, EngineError> {
    let Statement::CreateTable(create) = &parsed.statement else {
        return Err(sql_error("CREATE TABLE was expected"));
    };
    let create = create.clone();
    if create.like.is_some() || (create.clone.is_some() && create.temporary) {
        return Err(EngineError::Unsupported {
            feature: "create table … like, create temporary table … clone".to_owned(),
            help: Some("write `create table … as select * from …`".to_owned()),
        });
    }
    let name = session.resolve(&create.name)?;
    check_name(&name.table)?;
    if create.temporary {
        return create_temporary(session, parsed, &create, &name).await;
    }
    let (place, kind) = session.find(&name)?;
    if kind.is_some() && create.if_not_exists {
        return Ok(nothing("CREATE TABLE"));
    }
    if let Some(kind) = kind
        && !create.or_replace
    {
        return Err(sql_error(format!("{kind} {name} already exists")));
    }
    require_schema(session, &name)?;
    let how = NewTable { place, replaces: kind, options: options.clone(), declared: declared(&create)? };
    if let Some(source) = &create.clone {
        return super::clone::clone_table(session, how, source).await;
    }
    match create.query.is_some() {
        false => create_empty(session, &create, how).await,
        true => {
            let (plan, _) = plan_query(session, parsed).await?;
            create_from_plan(session, plan, how).await
        }
    }
}

/// Whether `insert` gives the table that `create` makes its rows.
pub(in super::super) fn fills(insert: &Statement, create: &Statement) -> bool {
    let (Statement::Insert(insert), Statement::CreateTable(create)) = (insert, create) else { return false };
    let plain = create.query.is_none() && create.like.is_none() && create.clone.is_none() && !create.temporary;
    plain && matches!(&insert.table, TableObject::TableName(name) if *name == create.name)
}

/// CREATE TABLE with columns and the INSERT after it as one commit, which replaces what is there. The query still reads
/// the table as it was.
pub(in super::super) async fn create_filled(
    session: &Arc<SessionCore>,
    create: Parsed,
    insert: Parsed,
    options: &TableOptions,
) -> Result<Outcome, EngineError> {
    let Statement::CreateTable(create) = &create.statement else {
        return Err(sql_error("CREATE TABLE was expected"));
    };
    let name = session.resolve(&create.name)?;
    check_name(&name.table)?;
    let (place, replaces) = session.find(&name)?;
    require_schema(session, &name)?;
    let Some(schema) = declared(create)? else {
        return Err(sql_error(format!("table {name} needs columns")));
    };
    let plan = super::insert::plan_for(session, insert, &schema).await?;
    let how = NewTable { place, replaces, options: options.clone(), declared: Some(schema) };
    create_from_plan(session, plan, how).await
}

/// A table that is about to be made.
pub(super) struct NewTable {
    pub place: Place,
    /// What is there now and goes.
    replaces: Option<RelationKind>,
    pub options: TableOptions,
    declared: Option<SchemaRef>,
}

pub(super) fn require_schema(session: &SessionCore, name: &Name) -> Result<(), EngineError> {
    if layout::find_schema(session.root(&name.database)?, &name.schema)?.is_none() {
        return Err(session.missing(name)?);
    }
    Ok(())
}

/// The columns that CREATE TABLE lists, `None` when it lists none.
fn declared(create: &CreateTable) -> Result<Option<SchemaRef>, EngineError> {
    if create.columns.is_empty() {
        return Ok(None);
    }
    let fields = create
        .columns
        .iter()
        .map(|column| {
            let data_type = types::from_sql(&column.data_type).ok_or_else(|| {
                sql_error(format!("column `{}` has type {}, which a table cannot store", column.name, column.data_type))
            })?;
            let not_null = column.options.iter().any(|option| matches!(option.option, ColumnOption::NotNull));
            let comment = column.options.iter().find_map(|option| match &option.option {
                ColumnOption::Comment(text) => Some((types::COMMENT.to_owned(), text.clone())),
                _ => None,
            });
            let default = default_value(column, &data_type)?.map(|text| (types::DEFAULT.to_owned(), text));
            let metadata = comment.into_iter().chain(default).chain(types::variant_mark(&data_type)).collect();
            Ok(Field::new(fold(&column.name), data_type, !not_null).with_metadata(metadata))
        })
        .collect::<Result<Vec<_>, EngineError>>()?;
    let stored = types::storable(&Schema::new(fields.clone()))?;
    let fields: Vec<Field> = stored
        .fields()
        .iter()
        .zip(fields)
        .map(|(stored, written)| stored.as_ref().clone().with_nullable(written.is_nullable()))
        .collect();
    Ok(Some(Arc::new(Schema::new(fields))))
}

/// The value of DEFAULT, as text; `None` where there is none or it is NULL.
///
/// # Errors
/// What is not a constant, or not one of the type.
pub(super) fn default_value(column: &ColumnDef, data_type: &DataType) -> Result<Option<String>, EngineError> {
    let written = column.options.iter().find_map(|option| match &option.option {
        ColumnOption::Default(value) => Some(value),
        _ => None,
    });
    let Some(written) = written else { return Ok(None) };
    let Some(text) = constant(written) else {
        return Err(EngineError::Unsupported {
            feature: format!("the default `{written}`, which is not a constant"),
            help: Some("write the value where rows are inserted".to_owned()),
        });
    };
    let Some(text) = text else { return Ok(None) };
    ScalarValue::Utf8(Some(text.clone())).cast_to(data_type).map_err(|_| {
        sql_error(format!("the default {written} of column `{}` is no {}", column.name, column.data_type))
    })?;
    Ok(Some(text))
}

/// The text of a constant; `Some(None)` for NULL, `None` for anything else.
fn constant(expr: &Expr) -> Option<Option<String>> {
    match expr {
        Expr::Nested(inner) => constant(inner),
        Expr::TypedString(typed) => Some(Some(typed.value.value.clone().into_string()?)),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match constant(expr)? {
            Some(number) if number.starts_with(|c: char| c.is_ascii_digit()) => Some(Some(format!("-{number}"))),
            _ => None,
        },
        Expr::Value(value) => match &value.value {
            Value::Null => Some(None),
            Value::Placeholder(_) => None,
            Value::Number(number, _) => Some(Some(number.clone())),
            Value::Boolean(value) => Some(Some(value.to_string())),
            other => other.clone().into_string().map(Some),
        },
        _ => None,
    }
}

/// Plans the query inside of CREATE … AS.
pub(super) async fn plan_query(
    session: &Arc<SessionCore>,
    parsed: Parsed,
) -> Result<(LogicalPlan, Parsed), EngineError> {
    query::plan_with(session, parsed, |statement| match statement {
        Statement::CreateTable(CreateTable { query: Some(query), .. }) => Ok(Statement::Query(query.clone())),
        Statement::CreateView(view) => Ok(Statement::Query(view.query.clone())),
        _ => Err(sql_error("a query was expected after AS")),
    })
    .await
}

async fn create_empty(session: &Arc<SessionCore>, create: &CreateTable, how: NewTable) -> Result<Outcome, EngineError> {
    let Some(schema) = how.declared.clone() else {
        return Err(sql_error(format!("table {} needs columns or a query", create.name)));
    };
    let target = session.stage(&how.place)?;
    finish_create(session, &how, schema, target, Written::default()).await?;
    Ok(nothing("CREATE TABLE"))
}

async fn create_from_plan(
    session: &Arc<SessionCore>,
    plan: LogicalPlan,
    how: NewTable,
) -> Result<Outcome, EngineError> {
    let target = session.stage(&how.place)?;
    let (written, schema, metrics) = with_less_memory(session, |state| {
        let (plan, how, folder) = (plan.clone(), &how, target.folder.clone());
        async move {
            let physical = state.create_physical_plan(&plan).await?;
            let mut schema = types::storable(&marked(&physical.schema(), &state))?;
            if let Some(declared) = &how.declared {
                schema = declared_order(declared, &schema)?;
            }
            let spec = WriteSpec {
                partition_by: stored_columns(&schema, &how.options.partition_by)?,
                cluster_by: stored_columns(&schema, &how.options.cluster_by)?,
                target_file_size: how.options.target_file_size,
                schema: Arc::clone(&schema),
                counted: false,
            };
            let written = write_plan(Arc::clone(&physical), state.task_ctx(), &folder, &spec).await?;
            let mut metrics = Metrics::default();
            add_metrics(physical.as_ref(), &mut metrics);
            Ok((written, schema, metrics))
        }
    })
    .await?;
    let (rows, bytes) = (written.rows, written.bytes);
    finish_create(session, &how, schema, target, written).await?;
    Ok(Outcome {
        rows_affected: Some(rows),
        metrics: Metrics { rows_written: rows, bytes_written: bytes, ..metrics },
        ..nothing("CREATE TABLE AS")
    })
}

/// The declared columns, which must be as many as the query has.
fn declared_order(declared: &SchemaRef, query: &SchemaRef) -> Result<SchemaRef, EngineError> {
    if declared.fields().len() == query.fields().len() {
        return Ok(Arc::clone(declared));
    }
    Err(sql_error(format!(
        "the table lists {} columns, the query returns {}",
        declared.fields().len(),
        query.fields().len()
    )))
}

/// The stored spelling of columns named in table settings.
fn stored_columns(schema: &SchemaRef, names: &[String]) -> Result<Vec<String>, EngineError> {
    names
        .iter()
        .map(|name| {
            let found = schema.fields().iter().find(|field| field.name().eq_ignore_ascii_case(name));
            found.map(|field| field.name().clone()).ok_or_else(|| {
                let near = crate::diagnostic::nearest(name, schema.fields().iter().map(|field| field.name().as_str()));
                EngineError::Sql {
                    message: format!("the table is to be laid out by column `{name}`, which it does not have"),
                    position: None,
                    help: near.map(|near| format!("did you mean `{near}`?")),
                }
            })
        })
        .collect()
}

/// Publishes a new or replaced table; a view of the same name goes in the same step.
pub(super) async fn finish_create(
    session: &Arc<SessionCore>,
    how: &NewTable,
    schema: SchemaRef,
    target: Target,
    written: Written,
) -> Result<(), EngineError> {
    let partition_by = stored_columns(&schema, &how.options.partition_by)?;
    let mut properties = how.options.properties.clone();
    if let Some(size) = how.options.target_file_size {
        properties.push(("delta.targetFileSize".to_owned(), size.to_string()));
    }
    let (protocol, mut metadata) = new_actions(&schema, &partition_by, &properties, None).await?;
    let mut base = None;
    let mut removes = Vec::new();
    if how.replaces == Some(RelationKind::Table) {
        let table = session.table(&how.place).await?;
        base = Some(table.version());
        removes = table.removes().await?;
        // The same table with other content: it keeps its id and its history.
        let old = table.metadata()?;
        if let (Some(new), Some(id)) = (metadata.as_object_mut(), old.get("id")) {
            new.insert("id".to_owned(), id.clone());
        }
    }
    let change = Change {
        adds: written.adds,
        removes,
        metadata: Some(metadata),
        protocol: Some(protocol),
        depends: if how.replaces.is_some() { Depends::Overwrite } else { Depends::OnBase },
        operation: "CREATE OR REPLACE TABLE AS SELECT",
    };
    session.apply(&how.place, base, target, change).await
}

async fn create_temporary(
    session: &Arc<SessionCore>,
    parsed: Parsed,
    create: &CreateTable,
    name: &Name,
) -> Result<Outcome, EngineError> {
    if session.temporary(name).is_some() && !create.or_replace {
        return match create.if_not_exists {
            true => Ok(nothing("CREATE TABLE")),
            false => Err(sql_error(format!("temporary table `{}` already exists", name.table))),
        };
    }
    let declared = declared(create)?;
    if create.query.is_none() {
        let Some(schema) = declared else { return Err(sql_error("a temporary table needs columns or a query")) };
        let table = MemTable::try_new(schema, vec![Vec::new()])?;
        session.set_temporary(name, Some(Arc::new(table)));
        return Ok(nothing("CREATE TABLE"));
    }
    let (plan, _) = plan_query(session, parsed).await?;
    let (table, rows, metrics) = materialize(session, plan, declared).await?;
    session.set_temporary(name, Some(table));
    Ok(Outcome { rows_affected: Some(rows), metrics, ..nothing("CREATE TABLE AS") })
}

/// Runs a query into a table of this session: in memory, or in the run's own folder when it is large.
pub(super) async fn materialize(
    session: &Arc<SessionCore>,
    plan: LogicalPlan,
    declared: Option<SchemaRef>,
) -> Result<(Arc<dyn TableProvider>, u64, Metrics), EngineError> {
    with_less_memory(session, |state| {
        let (plan, declared) = (plan.clone(), declared.clone());
        async move {
            let physical = state.create_physical_plan(&plan).await?;
            let mut schema = types::storable(&marked(&physical.schema(), &state))?;
            if let Some(declared) = &declared {
                schema = declared_order(declared, &schema)?;
            }
            let mut stream = execute_stream(Arc::clone(&physical), state.task_ctx())?;
            let most = usize::try_from(session.lake.memory / 16).unwrap_or(usize::MAX);
            let (mut batches, mut bytes, mut rows) = (Vec::new(), 0, 0);
            while bytes <= most
                && let Some(batch) = stream.next().await
            {
                let batch = types::cast_batch(&batch?, &schema)?;
                bytes += batch.get_array_memory_size();
                rows += batch.num_rows() as u64;
                batches.push(batch);
            }
            let table: Arc<dyn TableProvider> = if bytes <= most {
                let rows = Arc::new(MemTable::try_new(Arc::clone(&schema), vec![batches])?);
                restored(rows, &schema, &session.state())?
            } else {
                let (table, all) = to_disk(session, schema, batches, stream).await?;
                rows = all;
                table.provider(&session.state()).await?
            };
            let mut metrics = Metrics::default();
            add_metrics(physical.as_ref() as &dyn ExecutionPlan, &mut metrics);
            Ok((table, rows, metrics))
        }
    })
    .await
}

/// The batches that were read already and the rest of the stream, as a table in the run's own folder.
async fn to_disk(
    session: &Arc<SessionCore>,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    rest: SendableRecordBatchStream,
) -> Result<(Arc<Table>, u64), EngineError> {
    let staging = Staging::create(&session.lake.run.path)?;
    let spec = WriteSpec {
        schema: Arc::clone(&schema),
        partition_by: Vec::new(),
        cluster_by: Vec::new(),
        target_file_size: None,
        counted: false,
    };
    let all = futures::stream::iter(batches.into_iter().map(Ok)).chain(rest);
    let all = Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&schema), all));
    let written = write_stream(all, staging.path(), &spec).await?;
    let (protocol, metadata) = new_actions(&schema, &[], &[], None).await?;
    let change = Change {
        adds: written.adds,
        removes: Vec::new(),
        metadata: Some(metadata),
        protocol: Some(protocol),
        depends: Depends::OnBase,
        operation: "CREATE TABLE AS SELECT",
    };
    Ok((session.store_privately(staging, change).await?, written.rows))
}

/// Adds rows to a temporary table.
pub(super) async fn extend_temporary(
    session: &Arc<SessionCore>,
    name: &Name,
    table: &Arc<dyn TableProvider>,
    added: &Arc<dyn TableProvider>,
) -> Result<(), EngineError> {
    let schema = table.schema();
    let mut batches = Vec::new();
    for provider in [table, added] {
        let frame = session.ctx.read_table(Arc::clone(provider))?;
        for batch in frame.collect().await? {
            batches.push(types::cast_batch(&batch, &schema)?);
        }
    }
    session.set_temporary(name, Some(Arc::new(MemTable::try_new(schema, vec![batches])?)));
    Ok(())
}

/// Creates or replaces a table from record batches, or appends them to it.
pub(in super::super) async fn load(
    session: &Arc<SessionCore>,
    name: &Name,
    load: Load,
) -> Result<Outcome, EngineError> {
    check_name(&name.table)?;
    require_schema(session, name)?;
    let batches = MemTable::try_new(Arc::clone(&load.schema), vec![load.batches])?;
    let plan = LogicalPlanBuilder::scan("batches", provider_as_source(Arc::new(batches)), None)?.build()?;
    match load.mode {
        LoadMode::CreateOrReplace => {
            let (place, kind) = session.find(name)?;
            let how = NewTable { place, replaces: kind, options: TableOptions::default(), declared: None };
            create_from_plan(session, plan, how).await
        }
        LoadMode::Append => super::insert::append(session, name, plan, None).await,
    }
}

/// The text of a literal, for settings and comments.
pub(super) fn literal(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => Some(text.clone()),
            other => Some(other.to_string()),
        },
        other => Some(other.to_string()),
    }
}

/// Removes the folder of a table that a view took the place of, or that is dropped.
pub(super) async fn remove_table(session: &SessionCore, place: &Place) -> Result<(), EngineError> {
    if session.discard(place).await? {
        return Ok(());
    }
    let place = place.clone();
    tokio::task::spawn_blocking(move || drop_table(&place))
        .await
        .map_err(|error| EngineError::Internal { message: error.to_string() })?
}
