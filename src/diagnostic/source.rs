//! The source map: every text a user wrote, by id, so that a [`Span`] of three integers can be shown as `file:line:col`.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    sync::{Arc, RwLock},
};

/// A text in the [`SourceMap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub u32);

/// A range of bytes `start..end` in the text of `source`, newlines normalised to `\n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    pub source: SourceId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn new(source: SourceId, start: usize, end: usize) -> Self {
        Self { source, start: clamp(start), end: clamp(end.max(start)) }
    }

    /// The smallest span that covers both; `self` when they are of different texts.
    #[must_use]
    pub fn to(self, other: Span) -> Span {
        if self.source != other.source {
            return self;
        }
        Span { source: self.source, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

fn clamp(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

/// Where a piece of template text comes from, so that offsets inside it become spans of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The text is a literal part of the file, starting at `offset`.
    At { source: SourceId, offset: u32 },
    /// The text was written inside this span, but with escapes, folding or indentation between.
    Within(Span),
}

impl Origin {
    pub fn span(self, start: usize, end: usize) -> Span {
        match self {
            Origin::At { source, offset } => Span::new(source, offset as usize + start, offset as usize + end),
            Origin::Within(span) => span,
        }
    }
}

/// One text: its path as shown to the user (relative to the project root where it is inside), and its content.
#[derive(Debug)]
pub struct SourceFile {
    pub path: PathBuf,
    pub text: Arc<str>,
    line_starts: Vec<u32>,
    written: Option<Written>,
}

/// A text as it was before its line ends were normalised.
#[derive(Debug)]
struct Written {
    text: Box<str>,
    /// Where in the normalised text a line feed stands for two characters.
    pairs: Vec<u32>,
}

/// The text with line feeds as the only line ends.
pub fn line_feeds(text: &str) -> Cow<'_, str> {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n").into() } else { text.into() }
}

impl SourceFile {
    /// The 1-based line and 1-based column (in characters) of a byte offset.
    pub fn line_col(&self, offset: u32) -> (usize, usize) {
        let offset = offset.min(clamp(self.text.len()));
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0) as usize;
        let column = self.text.get(start..offset as usize).map_or(0, |before| before.chars().count());
        (line, column + 1)
    }

    /// Whether the file has other line ends than `text`.
    pub fn has_own_line_ends(&self) -> bool {
        self.written.is_some()
    }

    /// The text of a span with the file's own line ends.
    pub fn written(&self, span: Span) -> &str {
        let Some(written) = &self.written else { return self.slice(span) };
        let place = |offset: u32| offset as usize + written.pairs.partition_point(|pair| *pair < offset);
        written.text.get(place(span.start)..place(span.end)).unwrap_or("")
    }

    /// The text between two byte offsets, or an empty string when they are not on character borders.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or("")
    }
}

/// All texts of an invocation. Append-only; cheap to share.
#[derive(Debug, Default, Clone)]
pub struct SourceMap {
    files: Arc<RwLock<Vec<Arc<SourceFile>>>>,
}

impl SourceMap {
    /// Adds a text; CRLF and lone CR become LF first, as dbt reads files.
    pub fn add(&self, path: impl Into<PathBuf>, text: &str) -> SourceId {
        let written = text.contains('\r').then(|| {
            let pairs = text.match_indices("\r\n").enumerate().map(|(count, (at, _))| clamp(at - count)).collect();
            Written { text: text.into(), pairs }
        });
        let text: Arc<str> = line_feeds(text).into();
        let line_starts = std::iter::once(0)
            .chain(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| clamp(at + 1)))
            .collect();
        let file = Arc::new(SourceFile { path: path.into(), text, line_starts, written });
        let mut files = self.files.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        files.push(file);
        SourceId(clamp(files.len() - 1))
    }

    /// The text behind an id. An id of another map gives an empty text.
    pub fn get(&self, id: SourceId) -> Arc<SourceFile> {
        let files = self.files.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        files.get(id.0 as usize).cloned().unwrap_or_else(|| {
            Arc::new(SourceFile { path: "<unknown>".into(), text: "".into(), line_starts: vec![0], written: None })
        })
    }

    /// `path:line:col` of the start of a span.
    pub fn location(&self, span: Span) -> String {
        let file = self.get(span.source);
        let (line, column) = file.line_col(span.start);
        format!("{}:{line}:{column}", display_path(&file.path))
    }
}

/// A path with forward slashes, as dbt prints them on every system.
pub fn display_path(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_in_characters() {
        let map = SourceMap::default();
        let id = map.add("a.sql", "né\r\nx = 1\r");
        for (offset, expected) in [(0, "a.sql:1:1"), (3, "a.sql:1:3"), (4, "a.sql:2:1"), (8, "a.sql:2:5")] {
            assert_eq!(map.location(Span::new(id, offset, offset)), expected);
        }
        let file = map.get(id);
        for (start, end, expected) in [(0, 10, "né\r\nx = 1\r"), (3, 4, "\r\n"), (4, 10, "x = 1\r"), (1, 3, "é")] {
            assert_eq!(file.written(Span::new(id, start, end)), expected);
        }
    }
}
