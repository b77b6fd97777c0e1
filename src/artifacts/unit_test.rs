//! Unit tests on the wire.

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    json::Json,
    node::{DependsOnWire, Values, identity_entries},
};
use crate::manifest::{Node, Overrides, UnitInput, UnitRows, UnitTestFields};

pub(super) struct UnitTestWire<'a>(pub &'a Node, pub &'a UnitTestFields);

struct InputWire<'a>(&'a UnitInput);

struct RowsWire<'a>(&'a UnitRows);

#[derive(Serialize)]
struct OverridesWire<'a> {
    macros: Values<'a>,
    vars: Values<'a>,
    env_vars: Values<'a>,
}

impl<'a> From<&'a Overrides> for OverridesWire<'a> {
    fn from(given: &'a Overrides) -> Self {
        Self { macros: Values(&given.macros), vars: Values(&given.vars), env_vars: Values(&given.env_vars) }
    }
}

impl Serialize for InputWire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("input", &self.0.input)?;
        rows_entries(&self.0.rows, &mut map)?;
        map.end()
    }
}

impl Serialize for RowsWire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        rows_entries(self.0, &mut map)?;
        map.end()
    }
}

fn rows_entries<M: SerializeMap>(rows: &UnitRows, map: &mut M) -> Result<(), M::Error> {
    map.serialize_entry("rows", &Json::new(&rows.to_value()))?;
    map.serialize_entry("format", rows.format.as_str())?;
    map.serialize_entry("fixture", &rows.fixture)
}

impl Serialize for UnitTestWire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(node, fields) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("model", &fields.model)?;
        map.serialize_entry("given", &fields.given.iter().map(InputWire).collect::<Vec<_>>())?;
        map.serialize_entry("expect", &RowsWire(&fields.expect))?;
        identity_entries(node, &mut map)?;
        map.serialize_entry("overrides", &fields.overrides.as_ref().map(OverridesWire::from))?;
        map.serialize_entry("depends_on", &DependsOnWire(&node.depends_on))?;
        map.serialize_entry("config", &Values(&node.config.0))?;
        map.serialize_entry("checksum", &node.checksum.checksum)?;
        map.serialize_entry("schema", &node.config.is_enabled().then_some(&node.schema))?;
        map.serialize_entry("created_at", &node.created_at)?;
        map.serialize_entry("versions", &fields.versions.as_ref().map(Json::new))?;
        map.serialize_entry("version", &fields.version.as_ref().map(Json::new))?;
        map.end()
    }
}
