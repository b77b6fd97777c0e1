//! Why a template could not be rendered: kind, message, the innermost span, and the macros on the way.

use crate::diagnostic::{Diagnostic, Frame, Span};

use super::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    Syntax,
    /// An undefined name, attribute or item was used.
    Undefined,
    /// A value of the wrong type, a wrong argument, a failing conversion.
    Type,
    /// Python's KeyError, IndexError, ValueError, ZeroDivisionError, OverflowError.
    Value,
    /// Recursion depth, output size, loop iterations.
    Limit,
    /// Raised on purpose: `exceptions.raise_compiler_error` and its like.
    Raised,
    /// The warehouse refused a statement that a macro ran.
    Database,
    /// Control flow of `return(value)`; never leaves the interpreter.
    Return,
    Internal,
}

#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct JinjaError {
    pub kind: ErrorKind,
    pub message: String,
    pub span: Option<Span>,
    /// Innermost first.
    pub stack: Vec<Frame>,
    /// The value of [`ErrorKind::Return`].
    pub value: Option<Value>,
    /// A finished diagnostic that a native object wants to be shown instead (its span is kept if it has one).
    pub diagnostic: Option<Box<Diagnostic>>,
}

impl JinjaError {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), span: None, stack: Vec::new(), value: None, diagnostic: None }
    }

    pub fn type_error(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Type, message)
    }

    /// Python's ValueError, KeyError, IndexError, OverflowError.
    pub fn value_error(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Value, message)
    }

    pub fn raised(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Raised, message)
    }

    /// As a diagnostic of code `jinja-…` by kind, at its span, with the macro stack.
    pub fn to_diagnostic(&self) -> Diagnostic {
        let code = match self.kind {
            ErrorKind::Syntax => "jinja-syntax",
            ErrorKind::Undefined => "jinja-undefined",
            ErrorKind::Type => "jinja-type",
            ErrorKind::Value => "jinja-value",
            ErrorKind::Limit => "jinja-limit",
            ErrorKind::Raised => "raised",
            ErrorKind::Database => "database-error",
            ErrorKind::Return | ErrorKind::Internal => "internal",
        };
        let mut diagnostic = match &self.diagnostic {
            Some(inner) => (**inner).clone(),
            None => Diagnostic::error(code, self.message.clone()),
        };
        if diagnostic.labels.is_empty()
            && let Some(span) = self.span
        {
            diagnostic = diagnostic.at(span, "");
        }
        if diagnostic.stack.is_empty() {
            diagnostic.stack.clone_from(&self.stack);
        }
        diagnostic
    }
}
