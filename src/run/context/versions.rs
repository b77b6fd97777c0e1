//! What a node was made of: the versions of its inputs, and what is stored with a table that was made of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    engine::Stored,
    jinja::{Args, JinjaError, Value},
    manifest::{
        context::{adapter::relation_argument, arguments::bind},
        sha256_hex,
    },
    names::{Relation, RelationKind, UniqueId},
};

use super::{errors::of_call, inputs::source_relation, node::NodeState};

impl NodeState {
    fn stored(&self, relation: &Relation) -> Result<Option<Stored>, JinjaError> {
        let session = self.session()?;
        self.run.bridge.wait(session.stored(relation)).map_err(|error| of_call(&error))
    }

    /// `tamis_table_property(relation, name)`; none where the table or the property is missing.
    pub(super) fn table_property(&self, args: Args) -> Result<Value, JinjaError> {
        let bound = bind(args, "tamis_table_property", &["relation", "name"])?;
        let (value, name) = (bound.required("relation")?, bound.required_text("name")?);
        let stored = self.stored(&relation_argument(&value, "tamis_table_property")?.relation)?;
        let properties = stored.map(|stored| stored.properties).unwrap_or_default();
        Ok(properties.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value).into())
    }

    /// `tamis_input_versions()`: relation → version of all that the node reads through `ref` and `source`, also behind
    /// views and ephemeral models; none when an input has no version, as files have none.
    pub(super) fn input_versions(&self) -> Result<Value, JinjaError> {
        let Some(node) = self.subject.node() else { return Ok(Value::None) };
        let mut versions: BTreeMap<String, String> = BTreeMap::new();
        let mut seen: BTreeSet<UniqueId> = BTreeSet::new();
        let mut open: Vec<UniqueId> = node.depends_on.nodes.iter().cloned().collect();
        while let Some(id) = open.pop() {
            if !seen.insert(id.clone()) {
                continue;
            }
            let parent = self.run.manifest.nodes.get(&id);
            let relation = match parent {
                Some(parent) if parent.is_ephemeral() => {
                    open.extend(parent.depends_on.nodes.iter().cloned());
                    continue;
                }
                Some(parent) => match self.deferred(parent)? {
                    Some(deferred) => deferred.relation,
                    None => parent.relation(self.run.scopes.shared.quoting),
                },
                None => match self
                    .run
                    .manifest
                    .sources
                    .get(&id)
                    .map(|source| source_relation(source, &self.run.scopes.shared))
                {
                    Some(source) if source.external.is_none() => source.relation,
                    _ => return Ok(Value::None),
                },
            };
            let Some(stored) = self.stored(&relation)? else { return Ok(Value::None) };
            let is_view = stored.kind == RelationKind::View;
            match parent {
                Some(parent) if is_view => open.extend(parent.depends_on.nodes.iter().cloned()),
                // What a view of others reads is not known.
                None if is_view => return Ok(Value::None),
                _ => {}
            }
            let version = if is_view { sha256_hex(&stored.version) } else { stored.version };
            versions.insert(relation.render(), version);
        }
        Ok(Value::dict(versions.into_iter().map(|(relation, version)| (relation, Value::from(version)))))
    }
}
