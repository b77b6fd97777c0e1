//! Names at the border of the dialect. Snowflake keeps unquoted names in upper case, the lakehouse in lower case: a name
//! without lower-case letters and one without upper-case letters change places. So `foo` and `"FOO"` are `foo` on disk, as in
//! the ordinary dialect, and `FOO` in results; `"foo"` is `FOO` on disk; names of both cases stay.

use std::sync::Arc;

use arrow::{
    array::RecordBatchOptions,
    datatypes::{Field, Schema, SchemaRef},
    record_batch::RecordBatch,
};

use crate::{
    engine::{Column, EngineError, Outcome},
    names::Relation,
};

/// A name on the other side of the border.
pub fn swapped(name: &str) -> String {
    let (lower, upper) = (name.chars().any(char::is_lowercase), name.chars().any(char::is_uppercase));
    match (lower, upper) {
        (true, false) => name.to_uppercase(),
        (false, true) => name.to_lowercase(),
        _ => name.to_owned(),
    }
}

/// A relation that a caller names, as the lakehouse knows it.
pub fn stored(relation: &Relation) -> Relation {
    let part = |part: &Option<String>, quoted: bool| {
        part.as_deref().map(|part| if quoted { swapped(part) } else { part.to_lowercase() })
    };
    Relation {
        database: part(&relation.database, relation.quote.database),
        schema: part(&relation.schema, relation.quote.schema),
        identifier: part(&relation.identifier, relation.quote.identifier),
        ..relation.clone()
    }
}

/// A stored relation as Snowflake names it.
pub fn shown(relation: Relation) -> Relation {
    let part = |part: Option<String>| part.map(|part| swapped(&part));
    Relation {
        database: part(relation.database),
        schema: part(relation.schema),
        identifier: part(relation.identifier),
        ..relation
    }
}

/// A column as Snowflake names it and its type.
pub fn shown_column(column: Column) -> Column {
    Column { name: swapped(&column.name), data_type: data_type(&column.data_type), ..column }
}

/// Snowflake's name of a type of the lakehouse.
pub fn data_type(name: &str) -> String {
    let (base, parameters) = name.split_once('(').map_or((name, None), |(base, rest)| (base, Some(rest)));
    match base.trim().to_lowercase().as_str() {
        "tinyint" | "smallint" | "integer" | "int" | "bigint" => "NUMBER(38,0)".into(),
        "decimal" | "numeric" => parameters.map_or_else(|| "NUMBER(38,0)".into(), |rest| format!("NUMBER({rest}")),
        "float" | "real" | "double" => "FLOAT".into(),
        "varchar" | "text" | "string" => "VARCHAR(16777216)".into(),
        "binary" | "blob" | "varbinary" => "BINARY(8388608)".into(),
        "timestamp" => "TIMESTAMP_NTZ(9)".into(),
        "timestamptz" | "timestamp with time zone" => "TIMESTAMP_TZ(9)".into(),
        _ => name.to_uppercase(),
    }
}

/// The type as `information_schema` names it: without parameters, texts as TEXT.
pub fn bare_data_type(name: &str) -> String {
    let full = data_type(name);
    let bare = full.split('(').next().unwrap_or_default();
    if bare == "VARCHAR" { "TEXT".to_owned() } else { bare.to_owned() }
}

/// An outcome with the names and the tag of Snowflake.
pub fn shown_outcome(outcome: Outcome) -> Result<Outcome, EngineError> {
    let fields = outcome.schema.fields().iter().map(|field| {
        let name = swapped(field.name());
        Field::clone(field).with_name(name)
    });
    let schema: SchemaRef =
        Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), outcome.schema.metadata().clone()));
    let batches = outcome
        .batches
        .iter()
        .map(|batch| {
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(Arc::clone(&schema), batch.columns().to_vec(), &options)
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| EngineError::Internal { message: error.to_string() })?;
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let rows = if outcome.tag == "SELECT" { u64::try_from(rows).ok() } else { outcome.rows_affected.or(Some(1)) };
    Ok(Outcome { tag: "SUCCESS".to_owned(), rows_affected: rows, schema, batches, metrics: outcome.metrics })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_case_change_places() {
        for (name, expected) in
            [("foo_1", "FOO_1"), ("FOO", "foo"), ("Foo", "Foo"), ("_1", "_1"), ("ünï", "ÜNÏ"), ("", "")]
        {
            assert_eq!(swapped(name), expected);
            assert_eq!(swapped(&swapped(name)), name);
        }
    }

    #[test]
    fn types_have_snowflakes_names() {
        for (name, expected) in [
            ("bigint", "NUMBER(38,0)"),
            ("decimal(10,2)", "NUMBER(10,2)"),
            ("varchar", "VARCHAR(16777216)"),
            ("timestamp", "TIMESTAMP_NTZ(9)"),
            ("double", "FLOAT"),
            ("date", "DATE"),
        ] {
            assert_eq!(data_type(name), expected);
        }
    }
}
