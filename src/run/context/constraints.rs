//! Constraints while running: what foreign keys point at, and which constraints the engine does not hold.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::{
    diagnostic::{Diagnostic, Span},
    event::Event,
    jinja::Value,
    manifest::{Call, ModelFields, Node, NodeKind, parse_call},
};

use super::{inputs::source_relation, node::NodeState};

impl NodeState {
    /// Puts relations in the place of `ref(…)` and `source(…)` in the foreign keys of a node's dict.
    pub(super) fn render_foreign_keys(&self, node: &mut Json) {
        let of_columns = node.get("columns").and_then(Json::as_object).cloned().unwrap_or_default();
        for name in of_columns.keys() {
            if let Some(list) = node.pointer_mut(&format!("/columns/{}/constraints", pointer(name))) {
                self.render_targets(list);
            }
        }
        if let Some(list) = node.get_mut("constraints") {
            self.render_targets(list);
        }
    }

    fn render_targets(&self, constraints: &mut Json) {
        for constraint in constraints.as_array_mut().into_iter().flatten() {
            let Some(to) = constraint.get_mut("to") else { continue };
            if let Some(relation) = to.as_str().and_then(|text| self.target_relation(text)) {
                *to = relation.into();
            }
        }
    }

    fn target_relation(&self, text: &str) -> Option<String> {
        let manifest = &self.run.manifest;
        let package = self.subject.package();
        match parse_call(text, None)? {
            Call::Ref(call) => {
                let super::Resolved::Node(id) = self.run.refs.node(manifest, &call, package) else { return None };
                let target = manifest.nodes.get(&id)?;
                Some(target.relation(self.run.scopes.shared.quoting).render())
            }
            Call::Source(names) => {
                let [source, table] = names.as_slice() else { return None };
                let super::Resolved::Node(id) = self.run.refs.source(manifest, source, table, package) else {
                    return None;
                };
                Some(source_relation(manifest.sources.get(&id)?, &self.run.scopes.shared).render())
            }
            Call::Metric(_) => None,
        }
    }

    /// Warns of the constraints of the node that a CREATE writes down and the engine does not hold, before `method`
    /// renders them.
    pub(super) fn warn_of_constraints(&self, method: &str) {
        let Some(node) = self.subject.node() else { return };
        let NodeKind::Model(ModelFields { constraints, .. }) = &node.kind else { return };
        match method {
            "render_raw_columns_constraints" => {
                for column in node.columns.values() {
                    self.warn_of(node, &column.constraints, column.span);
                }
            }
            "render_raw_model_constraints" => self.warn_of(node, constraints, None),
            _ => {}
        }
    }

    fn warn_of(&self, node: &Node, constraints: &[Value], span: Option<Span>) {
        let capabilities = self.run.engine.capabilities();
        for constraint in constraints {
            let kind = constraint.get("type").map(|kind| kind.to_str()).unwrap_or_default();
            let is_enforced = kind == "custom" || capabilities.enforced_constraints.contains(&kind.as_str());
            if is_enforced || constraint.get("warn_unenforced").is_some_and(|warn| !warn.is_truthy()) {
                continue;
            }
            let message = format!(
                "The constraint type {kind} is not enforced by {}. The constraint will be included in this model's DDL \
                 statement, but it will not guarantee anything about the underlying data. Set 'warn_unenforced: false' \
                 on this constraint to ignore this warning.",
                capabilities.adapter_type
            );
            let warning = Diagnostic::warning("constraint-not-enforced", message)
                .event("ConstraintNotEnforced")
                .node(node.unique_id.as_str());
            let warning = match span {
                Some(span) => warning.at(span, ""),
                None => warning,
            };
            self.run.scopes.shared.events.emit(Event::Diagnostic(Arc::new(warning)));
        }
    }
}

/// A key in a JSON pointer.
fn pointer(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
