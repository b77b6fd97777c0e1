//! A parsed template: the owned tree, the macros and blocks it defines, and what it calls.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Origin, Span};

/// A parsed text. Cheap to clone, free of the text it came from.
#[derive(Debug, Clone)]
pub struct Template {
    pub origin: Origin,
    pub text: Arc<str>,
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
        let _ = (text, origin);
        todo!()
    }

    /// Whether the text holds no Jinja at all.
    pub fn is_plain(&self) -> bool {
        todo!()
    }

    /// The macros, tests and materializations defined at the top level, in order, as of package `package`.
    pub fn macros(&self, package: &str) -> Vec<Arc<MacroDef>> {
        let _ = package;
        todo!()
    }

    /// The snapshot and docs blocks at the top level, in order.
    pub fn blocks(&self) -> Vec<Block> {
        todo!()
    }

    /// The calls of the whole text, in order of first appearance.
    pub fn calls(&self) -> Vec<StaticCall> {
        todo!()
    }
}
