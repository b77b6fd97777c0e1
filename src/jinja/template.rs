//! A parsed template: the owned tree, the macros and blocks it defines, and what it calls.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Origin, Span};

use super::{
    lex,
    parse::{self, Tree},
    tree::MacroBody,
};

/// A parsed text. Cheap to clone, free of the text it came from.
#[derive(Debug, Clone)]
pub struct Template {
    pub origin: Origin,
    pub text: Arc<str>,
    pub(super) tree: Arc<Tree>,
}

/// Which block defined a macro.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MacroKind {
    Macro,
    Test,
    /// `{% materialization name, adapter='x' %}`; `adapter` is `default` when not given.
    Materialization {
        adapter: Arc<str>,
        languages: Vec<Arc<str>>,
    },
}

/// A macro with its tree.
#[derive(Debug)]
pub struct MacroDef {
    /// As in dbt's macro names: `test_x` for a test, `materialization_x_default` for a materialization.
    pub name: Arc<str>,
    pub kind: MacroKind,
    pub params: Vec<Param>,
    /// From `{%` of the start tag to `%}` of the end tag.
    pub span: Span,
    /// The exact text of `span`, for `macro_sql` in the manifest.
    pub text: Arc<str>,
    /// Names and literal dispatches that the body calls, for `depends_on.macros`.
    pub calls: Vec<StaticCall>,
    /// `package` for messages and for dispatch; set by whoever loads macros.
    pub package: Arc<str>,
    pub(super) body: Arc<MacroBody>,
    /// `package.name`, for messages.
    pub(super) full_name: Arc<str>,
}

impl MacroDef {
    /// The same macro with the text that its file has, line ends included.
    pub fn written_as(&self, text: &str) -> MacroDef {
        MacroDef {
            name: Arc::clone(&self.name),
            kind: self.kind.clone(),
            params: self.params.clone(),
            span: self.span,
            text: text.into(),
            calls: self.calls.clone(),
            package: Arc::clone(&self.package),
            body: Arc::clone(&self.body),
            full_name: Arc::clone(&self.full_name),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Param {
    pub name: Arc<str>,
    pub has_default: bool,
}

/// A call whose callee is known from the text: `name(…)`, `package.name(…)`, `adapter.dispatch('name', 'ns')(…)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StaticCall {
    Name(Arc<str>),
    Qualified(Arc<str>, Arc<str>),
    Dispatch { name: Arc<str>, namespace: Option<Arc<str>> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    Snapshot,
    Docs,
}

/// `{% snapshot name %}…{% endsnapshot %}` or `{% docs name %}…{% enddocs %}`.
#[derive(Debug, Clone)]
pub struct Block {
    pub kind: BlockKind,
    pub name: Arc<str>,
    pub span: Span,
    /// The raw text between the tags, and where it is.
    pub text: Arc<str>,
    pub origin: Origin,
}

impl Template {
    /// Parses a text. All syntax errors of the text are returned.
    pub fn parse(text: &str, origin: Origin) -> Result<Template, Vec<Diagnostic>> {
        let tree = Arc::new(parse::parse(text, origin, None)?);
        Ok(Template { origin, text: text.into(), tree })
    }

    /// Parses a file of macros, where dbt lets end tags without a block pass: they are returned as warnings.
    pub fn parse_library(text: &str, origin: Origin) -> Result<(Template, Vec<Diagnostic>), Vec<Diagnostic>> {
        let mut warnings = Vec::new();
        let tree = Arc::new(parse::parse(text, origin, Some(&mut warnings))?);
        Ok((Template { origin, text: text.into(), tree }, warnings))
    }

    /// The `docs` blocks of a text whose other parts are not read at all (a Markdown file).
    pub fn docs(text: &str, origin: Origin) -> Result<Vec<Block>, Vec<Diagnostic>> {
        let mut blocks = Vec::new();
        let mut errors = Vec::new();
        let mut at = 0;
        while let Some(start) = lex::find_docs(text, at) {
            // Exactly the block, so that what surrounds it is not looked at.
            let end = lex::find_end_tag(text, start, "enddocs")
                .and_then(|end| text.get(end..)?.find("%}").map(|close| end + close + 2))
                .unwrap_or(text.len());
            let part = match origin {
                Origin::At { source, offset } => {
                    Origin::At { source, offset: offset.saturating_add(u32::try_from(start).unwrap_or(u32::MAX)) }
                }
                within @ Origin::Within(_) => within,
            };
            match parse::parse(text.get(start..end).unwrap_or(""), part, None) {
                Ok(tree) => blocks.extend(tree.blocks),
                Err(found) => errors.extend(found),
            }
            at = end;
        }
        if errors.is_empty() { Ok(blocks) } else { Err(errors) }
    }

    /// Whether the text holds no Jinja at all.
    pub fn is_plain(&self) -> bool {
        self.tree.is_plain
    }

    /// The macros, tests and materializations defined at the top level, in order, as of package `package`.
    pub fn macros(&self, package: &str) -> Vec<Arc<MacroDef>> {
        let package: Arc<str> = package.into();
        let define = |parsed: &parse::ParsedMacro| {
            Arc::new(MacroDef {
                name: parsed.name.clone(),
                kind: parsed.kind.clone(),
                params: parsed.params.clone(),
                span: parsed.body.span,
                text: parsed.text.clone(),
                calls: parsed.calls.clone(),
                package: package.clone(),
                body: parsed.body.clone(),
                full_name: format!("{package}.{}", parsed.name).into(),
            })
        };
        self.tree.macros.iter().map(define).collect()
    }

    /// The snapshot and docs blocks at the top level, in order.
    pub fn blocks(&self) -> Vec<Block> {
        self.tree.blocks.clone()
    }

    /// The names of the arguments of all calls of `config`, whether they are reached or not.
    pub fn config_keys(&self) -> impl Iterator<Item = &str> {
        self.tree.config_keys.iter().map(|key| &**key)
    }

    /// The calls of the whole text, in order of first appearance.
    pub fn calls(&self) -> Vec<StaticCall> {
        self.tree.calls.clone()
    }
}
