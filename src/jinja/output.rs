//! What a template prints, and for every byte of it the template text that printed it.

use std::sync::Arc;

use crate::diagnostic::Span;

use super::{JinjaError, Value};

/// Text, and for every piece of it the template text that produced it.
#[derive(Debug, Clone, Default)]
pub struct Rendered {
    pub text: String,
    pub map: SpanMap,
}

/// A run of output bytes with one origin; it ends where the next piece starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Offset of its first byte in the output.
    pub start: usize,
    pub span: Span,
    /// Whether it is template text copied byte by byte; else `span` is the expression that printed it.
    pub exact: bool,
    /// The macro whose text or expression it is: `package.name`.
    pub macro_name: Option<Arc<str>>,
}

/// Output offsets → spans of templates, with the macro that printed it.
#[derive(Debug, Clone, Default)]
pub struct SpanMap {
    /// Ascending by `start`.
    pub pieces: Vec<Piece>,
}

impl SpanMap {
    /// The template span that produced the output byte at `offset`. Where literal template text was copied, the span
    /// is exact to the byte; for an expression it is the expression.
    pub fn lookup(&self, offset: usize) -> Option<Span> {
        let piece = self.piece(offset)?;
        if !piece.exact {
            return Some(piece.span);
        }
        let delta = u32::try_from(offset - piece.start).unwrap_or(u32::MAX);
        let start = piece.span.start.saturating_add(delta).min(piece.span.end);
        Some(Span { start, end: start.saturating_add(1).min(piece.span.end), ..piece.span })
    }

    /// The piece that holds the output byte at `offset`.
    pub fn piece(&self, offset: usize) -> Option<&Piece> {
        let after = self.pieces.partition_point(|piece| piece.start <= offset);
        self.pieces.get(after.checked_sub(1)?)
    }

    /// Adds the pieces of a text that was appended at `offset`.
    pub fn append(&mut self, offset: usize, other: &SpanMap) {
        self.pieces.extend(other.pieces.iter().map(|piece| Piece { start: piece.start + offset, ..piece.clone() }));
    }

    /// The map of the text that starts at `offset`, for callers that cut a prefix off (as trimming does).
    #[must_use]
    pub fn skip(&self, offset: usize) -> SpanMap {
        let mut pieces: Vec<Piece> = Vec::new();
        for piece in &self.pieces {
            if piece.start > offset {
                pieces.push(Piece { start: piece.start - offset, ..piece.clone() });
                continue;
            }
            let cut = u32::try_from(offset - piece.start).unwrap_or(u32::MAX);
            let mut piece = Piece { start: 0, ..piece.clone() };
            if piece.exact {
                piece.span.start = piece.span.start.saturating_add(cut).min(piece.span.end);
            }
            pieces.clear();
            pieces.push(piece);
        }
        SpanMap { pieces }
    }
}

/// A buffer that a template prints into.
#[derive(Debug, Default)]
pub(super) struct Out {
    pub rendered: Rendered,
    /// How many pieces were printed, by Jinja's counting.
    pub count: usize,
    /// The first piece, when it is a value that was computed.
    pub single: Option<Value>,
}

impl Out {
    /// Literal template text.
    pub fn text(&mut self, text: &str, span: Span, macro_name: Option<&Arc<str>>) {
        let exact = (span.end - span.start) as usize == text.len();
        self.push(text, span, exact, macro_name);
        self.count += 1;
    }

    pub fn push(&mut self, text: &str, span: Span, exact: bool, macro_name: Option<&Arc<str>>) {
        if text.is_empty() {
            return;
        }
        let piece = Piece { start: self.rendered.text.len(), span, exact, macro_name: macro_name.cloned() };
        self.rendered.map.pieces.push(piece);
        self.rendered.text.push_str(text);
    }

    /// A text that knows its own origins.
    pub fn splice(&mut self, text: &str, map: &SpanMap) {
        self.rendered.map.append(self.rendered.text.len(), map);
        self.rendered.text.push_str(text);
    }

    /// Notes a computed value, for native rendering.
    pub fn note(&mut self, value: &Value, constant: bool) {
        self.count += 1;
        self.single = (self.count == 1 && !constant).then(|| value.clone());
    }

    /// The value by dbt's native rules.
    pub fn into_native(self) -> Result<Value, JinjaError> {
        match self.single {
            Some(value) if self.count == 1 => Ok(value),
            _ => Ok(self.rendered.text.into()),
        }
    }
}
