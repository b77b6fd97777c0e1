//! `ref`, `source`, `metric` and `function` while running.

use crate::{
    diagnostic::{Diagnostic, Span},
    jinja::{Args, Interp, JinjaError, Value},
    manifest::{
        Node, RefArgs,
        context::{
            RelationObject,
            parse::{named_args, ref_args, source_args},
        },
    },
    names::{RelationKind, ResourceType, UniqueId},
};

use super::{
    inputs::{UnitInputs, event_time, event_time_column, source_relation},
    node::{NodeState, Subject},
    refs::Resolved,
};

impl NodeState {
    /// What the subject is called in messages: `Model 'model.a.b'`.
    fn who(&self) -> String {
        match &self.subject {
            Subject::Node(node) => format!("{} '{}'", capitalized(node.resource_type.as_str()), node.unique_id),
            Subject::Source(source) => format!("Source '{}'", source.unique_id),
            Subject::Macro { package, name } => format!("Macro 'macro.{package}.{name}'"),
        }
    }

    pub(super) fn reference(&self, interp: &Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        let call = ref_args(args, interp.span())?;
        let target = self.target(&call)?;
        if let Some(inputs) = self.unit_inputs.get() {
            return self.unit_input(inputs, &target.unique_id, "node", &call.name, call.span);
        }
        self.check_dependency(&call, target)?;
        if target.is_ephemeral() {
            let mut object = RelationObject::ephemeral(&target.alias);
            object.limit = self.run.rows.empty.then_some(0);
            return Ok(object.into_value());
        }
        let mut object = match self.deferred(target)? {
            Some(object) => object,
            None => RelationObject::from(target.relation(self.run.scopes.shared.quoting)),
        };
        if !matches!(self.subject, Subject::Macro { .. }) {
            self.limit(&mut object, event_time_column(target.config.text("event_time"), &target.columns));
        }
        Ok(object.into_value())
    }

    /// The rows that a unit test gives for a node or source.
    fn unit_input(
        &self,
        inputs: &UnitInputs,
        target: &UniqueId,
        kind: &str,
        name: &str,
        span: Option<Span>,
    ) -> Result<Value, JinjaError> {
        if let Some(name) = inputs.nodes.get(target) {
            return Ok(RelationObject::ephemeral(name).into_value());
        }
        let message = format!("{} depends on a {kind} named '{name}' which was not found", self.who());
        let call = match (kind, name.split_once('.')) {
            ("source", Some((source, table))) => format!("source('{source}', '{table}')"),
            _ => format!("ref('{name}')"),
        };
        let mut error = JinjaError::raised(message.clone());
        let diagnostic = Diagnostic::error("unit-test-input", message)
            .help(format!("add `- input: {call}` with its rows to `given` of the unit test"));
        error.diagnostic = Some(Box::new(match span {
            Some(span) => diagnostic.at(span, "the unit test gives no rows for this"),
            None => diagnostic,
        }));
        Err(error)
    }

    fn limit(&self, object: &mut RelationObject, column: Option<String>) {
        let rows = &self.run.rows;
        object.limit = rows.empty.then_some(0);
        let reader = self.subject.node().map(|node| &**node);
        object.event_time = event_time(reader, self.batch.as_ref(), rows, column);
    }

    fn target(&self, call: &RefArgs) -> Result<&Node, JinjaError> {
        let manifest = &self.run.manifest;
        let resolved = self.run.refs.node(manifest, call, self.subject.package());
        let id = self.found(resolved, "node", &call.name, call.package.as_deref(), call.version.as_ref())?;
        match manifest.nodes.get(&id) {
            Some(node) => Ok(node),
            None => Err(JinjaError::raised(format!("{} refers to '{id}', which is gone", self.who()))),
        }
    }

    fn found(
        &self,
        resolved: Resolved,
        kind: &str,
        name: &str,
        package: Option<&str>,
        version: Option<&Value>,
    ) -> Result<UniqueId, JinjaError> {
        let package = package.map(|package| format!(" in package or project '{package}'")).unwrap_or_default();
        let version = version.map(|version| format!(" with version '{}'", version.to_str())).unwrap_or_default();
        match resolved {
            Resolved::Node(id) => Ok(id),
            Resolved::Disabled => Err(JinjaError::raised(format!(
                "{} depends on a {kind} named '{name}'{version}{package} which is disabled",
                self.who()
            ))),
            Resolved::Missing => Err(JinjaError::raised(format!(
                "{} depends on a {kind} named '{name}'{version}{package} which was not found",
                self.who()
            ))),
            Resolved::Ambiguous(ids) => {
                let ids: Vec<&str> = ids.iter().map(UniqueId::as_str).collect();
                Err(JinjaError::raised(format!(
                    "When referencing '{name}', dbt found nodes in multiple packages: {}\nTo fix this, use two-argument \
                     'ref', with the package name first",
                    ids.join(", ")
                )))
            }
        }
    }

    /// A node may only use what parsing saw, an inline query everything; an operation may use all but ephemeral models.
    fn check_dependency(&self, call: &RefArgs, target: &Node) -> Result<(), JinjaError> {
        match &self.subject {
            Subject::Node(node) if node.resource_type != ResourceType::SqlOperation => {
                let known = node.depends_on.nodes.contains(&target.unique_id) || node.unique_id == target.unique_id;
                if known { Ok(()) } else { Err(undeclared(node, call)) }
            }
            Subject::Node(_) => Ok(()),
            _ if target.is_ephemeral() => Err(JinjaError::raised(format!(
                "Operations can not ref() ephemeral nodes, but {} is ephemeral",
                target.name
            ))),
            _ => Ok(()),
        }
    }

    /// The relation of the other environment, where it is to be used.
    pub(super) fn deferred(&self, target: &Node) -> Result<Option<RelationObject>, JinjaError> {
        let Some(defer) = &self.run.defer else { return Ok(None) };
        let Some(relation) = defer.relations.get(&target.unique_id) else { return Ok(None) };
        let selected = self.run.is_selected(&target.unique_id);
        let own = target.relation(self.run.scopes.shared.quoting);
        if (defer.favor_state && !selected) || self.find_relation(&own)?.is_none() {
            return Ok(Some(relation.clone().into()));
        }
        Ok(None)
    }

    pub(super) fn source(&self, interp: &Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        let (source, table) = source_args(args)?;
        let manifest = &self.run.manifest;
        let resolved = self.run.refs.source(manifest, &source, &table, self.subject.package());
        let id = self.found(resolved, "source", &format!("{source}.{table}"), None, None)?;
        let Some(target) = manifest.sources.get(&id) else {
            return Err(JinjaError::raised(format!("{} refers to '{id}', which is gone", self.who())));
        };
        if let Some(inputs) = self.unit_inputs.get() {
            return self.unit_input(inputs, &id, "source", &format!("{source}.{table}"), interp.span());
        }
        let mut object = source_relation(target, &self.run.scopes.shared);
        if !matches!(self.subject, Subject::Macro { .. } | Subject::Source(_)) {
            self.limit(&mut object, event_time_column(target.config.text("event_time"), &target.columns));
        }
        Ok(object.into_value())
    }

    pub(super) fn function(&self, args: Args) -> Result<Value, JinjaError> {
        let call = named_args("function", args, None)?;
        let manifest = &self.run.manifest;
        let resolved = self.run.refs.function(manifest, call.package.as_deref(), &call.name, self.subject.package());
        let id = self.found(resolved, "function", &call.name, call.package.as_deref(), None)?;
        let Some(target) = manifest.nodes.get(&id) else {
            return Err(JinjaError::raised(format!("{} refers to '{id}', which is gone", self.who())));
        };
        let relation = target.relation(self.run.scopes.shared.quoting).with_kind(Some(RelationKind::Function));
        Ok(RelationObject::from(relation).into_value())
    }
}

/// `metric(…)`: there is no semantic layer.
pub(super) fn metric(args: Args) -> Result<Value, JinjaError> {
    let call = named_args("metric", args, None)?;
    Err(JinjaError::raised(format!("metric('{}') is not supported: there is no semantic layer", call.name)))
}

fn undeclared(node: &Node, call: &RefArgs) -> JinjaError {
    let mut args: Vec<String> = Vec::new();
    args.extend(call.package.as_ref().map(|package| format!("'{package}'")));
    args.push(format!("'{}'", call.name));
    args.extend(call.version.as_ref().map(|version| format!("v={}", version.to_repr())));
    let hint = format!("-- depends_on: {{{{ ref({}) }}}}", args.join(", "));
    let name = &node.name;
    let message = format!(
        "dbt was unable to infer all dependencies for the model \"{name}\".\nThis typically happens when ref() is placed \
         within a conditional block.\n\nTo fix this, add the following hint to the top of the model \"{name}\":\n\n{hint}"
    );
    let mut error = JinjaError::raised(message.clone());
    let diagnostic = Diagnostic::error("undeclared-dependency", message);
    error.diagnostic = Some(Box::new(match call.span {
        Some(span) => diagnostic.at(span, "not seen while parsing"),
        None => diagnostic,
    }));
    error
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
