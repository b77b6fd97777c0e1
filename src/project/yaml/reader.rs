//! Text → [`Yaml`]: events of the YAML scanner put together, with aliases, merges, duplicate keys and limits.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span as Mark, Tag};

use crate::diagnostic::{Diagnostic, Origin, SourceId, Span};

use super::{
    Data, Entry, Map, Yaml,
    deeper::Deeper,
    scalar::{ScalarError, resolve},
};

/// Deeper nesting is refused.
const MAX_DEPTH: usize = 100;
/// More values than this, aliases expanded, are refused.
const MAX_VALUES: usize = 2_000_000;

/// Reads one document. `offset` is where `text` starts in the source.
///
/// A syntax error ends the reading: then there is no value. An empty text is null.
pub fn read(text: &str, source: SourceId, offset: usize) -> (Option<Yaml>, Vec<Diagnostic>) {
    if let Some(rest) = text.strip_prefix('\u{feff}') {
        return read(rest, source, offset + text.len() - rest.len());
    }
    let bytes = (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at).collect());
    let mut reader = Reader::new(text, source, offset, bytes);
    let mut done = reader.run(text);
    if let Err(Failure::Scan(first)) = &done
        && let Some(mut deeper) = Deeper::new(text, first)
    {
        while let Err(Failure::Scan(error)) = &done
            && deeper.indent(error)
        {
            reader = Reader::new(text, source, offset, Some(deeper.places.clone()));
            done = reader.run(&deeper.text);
        }
    }
    match done.map_err(|failure| reader.diagnostic(failure)) {
        Ok(()) => {
            let end = text.trim_end().len();
            let empty = reader.scalar_at(Data::Null, Span::new(source, offset + end, offset + end));
            let root = reader.root.take().unwrap_or(empty);
            (Some(root), reader.diagnostics)
        }
        Err(error) => {
            reader.diagnostics.push(*error);
            (None, reader.diagnostics)
        }
    }
}

type Fail = Box<Diagnostic>;

/// Why a text cannot be read: by what the scanner says, or by ours.
enum Failure {
    Scan(ScanError),
    Refused(Fail),
}

impl From<Fail> for Failure {
    fn from(refused: Fail) -> Self {
        Failure::Refused(refused)
    }
}

struct Reader<'t> {
    text: &'t str,
    source: SourceId,
    offset: usize,
    /// Byte offset of each character that the scanner reads; `None` when they are the same.
    bytes: Option<Vec<usize>>,
    stack: Vec<Frame>,
    anchors: HashMap<usize, (Yaml, usize)>,
    /// How many values there are so far, aliases expanded.
    values: usize,
    diagnostics: Vec<Diagnostic>,
    root: Option<Yaml>,
}

/// An unfinished list or mapping.
struct Frame {
    start: usize,
    end: usize,
    anchor: usize,
    /// `values` when it began.
    before: usize,
    body: Body,
}

enum Body {
    List(Vec<Yaml>),
    Map { map: Map, index: KeyIndex, key: Option<Yaml>, merges: Vec<Map> },
}

/// Finds equal keys; hashes only where a mapping is large.
#[derive(Default)]
struct KeyIndex(HashMap<String, usize>);

impl<'t> Reader<'t> {
    fn new(text: &'t str, source: SourceId, offset: usize, bytes: Option<Vec<usize>>) -> Self {
        Reader {
            text,
            source,
            offset,
            bytes,
            stack: Vec::new(),
            anchors: HashMap::new(),
            values: 0,
            diagnostics: Vec::new(),
            root: None,
        }
    }

    fn diagnostic(&self, failure: Failure) -> Fail {
        match failure {
            Failure::Scan(error) => self.syntax_error(&error),
            Failure::Refused(diagnostic) => diagnostic,
        }
    }

    /// Reads `text`: the reader's own, or the same with more indentation.
    fn run(&mut self, text: &str) -> Result<(), Failure> {
        let mut documents = 0;
        for event in Parser::new_from_str(text) {
            let (event, mark) = event.map_err(Failure::Scan)?;
            match event {
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        let start = self.byte(mark.start.index());
                        return Err(self
                            .fail(start, start + 3, "a second YAML document starts here, expected one")
                            .into());
                    }
                }
                Event::Scalar(text, style, anchor, tag) => {
                    let value = self.scalar(&text, style, tag.as_deref(), mark);
                    self.finish(value, anchor, 1)?;
                }
                Event::SequenceStart(anchor, tag) => {
                    self.open(mark, anchor, Body::List(Vec::new()), tag)?;
                }
                Event::MappingStart(anchor, tag) => {
                    let body =
                        Body::Map { map: Map::default(), index: KeyIndex::default(), key: None, merges: Vec::new() };
                    self.open(mark, anchor, body, tag)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.close(mark)?,
                Event::Alias(anchor) => self.alias(anchor, mark)?,
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            }
        }
        Ok(())
    }

    fn byte(&self, index: usize) -> usize {
        match &self.bytes {
            None => index.min(self.text.len()),
            Some(bytes) => bytes.get(index).copied().unwrap_or(self.text.len()),
        }
    }

    fn range(&self, mark: Mark) -> (usize, usize) {
        let start = self.byte(mark.start.index());
        let end = self.byte(mark.end.index()).max(start);
        let trimmed = self.text.get(start..end).map_or(end, |slice| start + slice.trim_end().len());
        (start, trimmed)
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.source, self.offset + start, self.offset + end)
    }

    fn fail(&self, start: usize, end: usize, message: impl Into<String>) -> Fail {
        Box::new(Diagnostic::error("yaml-syntax", message).at(self.span(start, end), ""))
    }

    fn place(&self, at: usize) -> Option<Origin> {
        Some(Origin::At { source: self.source, offset: u32::try_from(self.offset + at).ok()? })
    }

    fn scalar_at(&self, data: Data, span: Span) -> Yaml {
        Yaml { data, span, origin: Origin::Within(span), plain: true }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, mark: Mark) -> Yaml {
        let (start, end) = self.range(mark);
        let span = self.span(start, end);
        let plain = style == ScalarStyle::Plain;
        // An empty value is reported as `~` by the parser, with an empty range.
        let text = if plain && end == start { "" } else { text };
        // The scanner ends the last line of a block even where the file does not.
        let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let is_last = block && !self.text.ends_with('\n') && end >= self.text.trim_end().len();
        let text = if is_last { text.strip_suffix('\n').unwrap_or(text) } else { text };
        let inside = |skip: usize| -> Option<Origin> {
            let slice = self.text.get(start + skip..end.checked_sub(skip)?)?;
            (slice == text).then(|| self.place(start + skip)).flatten()
        };
        let origin = match style {
            ScalarStyle::Plain => inside(0),
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => inside(1),
            // Of a block, only a single line is there as it is.
            ScalarStyle::Literal | ScalarStyle::Folded => {
                self.text.get(start..end).filter(|slice| *slice == text.trim_end()).and_then(|_| self.place(start))
            }
        };
        let origin = origin.unwrap_or(Origin::Within(span));
        let data = match tag.map(|tag| (tag.is_yaml_core_schema(), tag.suffix.as_str())) {
            None if plain => resolve(text),
            None | Some((true, "str")) => Ok(Data::Str(text.into())),
            Some((false, "" | "!")) if plain && !text.is_empty() => resolve(text),
            Some((false, "" | "!")) => Ok(Data::Str(text.into())),
            Some((true, "float")) => resolve(text).map(|data| match data {
                Data::Int(value) => text.parse().map_or(Data::Int(value), Data::Float),
                other => other,
            }),
            Some((true, "int" | "bool" | "null" | "timestamp")) => resolve(text),
            Some(_) => {
                let name = tag.map(ToString::to_string).unwrap_or_default();
                let error = Diagnostic::error("yaml-tag", format!("the YAML tag `{name}` is not supported"));
                self.diagnostics.push(error.at(span, ""));
                Ok(Data::Str(text.into()))
            }
        };
        let data = data.unwrap_or_else(|error| {
            // `=` and `<<` have a meaning as keys only; the caller sees them as text.
            if !matches!(error, ScalarError::Reserved(_)) {
                let diagnostic = Diagnostic::error("yaml-value", error.to_string()).at(span, "").help(error.help());
                self.diagnostics.push(diagnostic);
            }
            Data::Str(text.into())
        });
        Yaml { data, span, origin, plain }
    }

    fn open(&mut self, mark: Mark, anchor: usize, body: Body, tag: Option<Cow<'_, Tag>>) -> Result<(), Fail> {
        let (start, end) = self.range(mark);
        if self.stack.len() >= MAX_DEPTH {
            return Err(self.fail(start, end, format!("YAML is nested deeper than {MAX_DEPTH} levels")));
        }
        if let Some(tag) = tag {
            let known = tag.is_yaml_core_schema() && matches!(tag.suffix.as_str(), "map" | "seq");
            if !known {
                let error = Diagnostic::error("yaml-tag", format!("the YAML tag `{tag}` is not supported"));
                self.diagnostics.push(error.at(self.span(start, end), ""));
            }
        }
        self.stack.push(Frame { start, end, anchor, before: self.values, body });
        Ok(())
    }

    fn close(&mut self, mark: Mark) -> Result<(), Fail> {
        let Some(frame) = self.stack.pop() else {
            return Ok(());
        };
        let flow = matches!(self.text.as_bytes().get(frame.start), Some(b'{' | b'['));
        let end = if flow { self.range(mark).1.max(frame.end) } else { frame.end };
        let data = match frame.body {
            Body::List(items) => Data::List(items),
            Body::Map { map, merges, .. } => Data::Map(merge(map, merges)),
        };
        let value = self.scalar_at(data, self.span(frame.start, end));
        let weight = self.values.saturating_sub(frame.before) + 1;
        self.finish(Yaml { plain: false, ..value }, frame.anchor, weight)
    }

    fn alias(&mut self, anchor: usize, mark: Mark) -> Result<(), Fail> {
        let (start, end) = self.range(mark);
        let Some((value, weight)) = self.anchors.get(&anchor).cloned() else {
            return Err(self.fail(start, end, "this alias stands inside the value that it refers to"));
        };
        self.values = self.values.saturating_add(weight.saturating_sub(1));
        if self.values > MAX_VALUES {
            return Err(self.fail(start, end, format!("aliases expand to more than {MAX_VALUES} values")));
        }
        self.finish(value, 0, 1)
    }

    /// Hands a finished value to what it is part of. `weight` is how many values it holds.
    fn finish(&mut self, value: Yaml, anchor: usize, weight: usize) -> Result<(), Fail> {
        self.values += 1;
        if anchor != 0 {
            self.anchors.insert(anchor, (value.clone(), weight));
        }
        let is_key = matches!(self.stack.last(), Some(Frame { body: Body::Map { key: None, .. }, .. }));
        if let Some(text) = value.as_str().filter(|text| value.plain && !is_key && matches!(*text, "=" | "<<")) {
            let error = ScalarError::Reserved(text.to_owned());
            let diagnostic = Diagnostic::error("yaml-value", error.to_string()).at(value.span, "").help(error.help());
            self.diagnostics.push(diagnostic);
        }
        let offset = self.offset;
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(value);
            return Ok(());
        };
        if value.span.source == self.source {
            frame.end = frame.end.max((value.span.end as usize).saturating_sub(offset));
        }
        match &mut frame.body {
            Body::List(items) => items.push(value),
            Body::Map { key: key @ None, .. } => {
                if matches!(value.data, Data::List(_) | Data::Map(_)) {
                    return Err(self.unhashable(&value));
                }
                *key = Some(value);
            }
            Body::Map { map, index, key, .. } => {
                let Some(key) = key.take() else { return Ok(()) };
                if key.plain && key.as_str() == Some("<<") {
                    return self.merge_value(value);
                }
                if let Some(duplicate) = insert(map, index, Entry { key, value }) {
                    self.diagnostics.push(duplicate);
                }
            }
        }
        Ok(())
    }

    /// `<<: *a` or `<<: [*a, *b]`; the first of a list wins.
    fn merge_value(&mut self, value: Yaml) -> Result<(), Fail> {
        let span = value.span;
        let found: Option<Vec<Map>> = match value.data {
            Data::Map(map) => Some(vec![map]),
            Data::List(items) => items
                .into_iter()
                .map(|item| match item.data {
                    Data::Map(map) => Some(map),
                    _ => None,
                })
                .collect(),
            _ => None,
        };
        let Some(found) = found else {
            let error =
                Diagnostic::error("yaml-syntax", "`<<` merges a mapping or a list of mappings, found something else");
            return Err(Box::new(error.at(span, "")));
        };
        if let Some(Frame { body: Body::Map { merges, .. }, .. }) = self.stack.last_mut() {
            merges.extend(found);
        }
        Ok(())
    }

    fn unhashable(&self, value: &Yaml) -> Fail {
        let error = Diagnostic::error("yaml-syntax", "a list or mapping cannot be the key of a mapping");
        let start = (value.span.start as usize).saturating_sub(self.offset);
        let before = self.text.get(..start).unwrap_or("");
        let jinja =
            before.trim_end().ends_with('{') || self.text.get(start..).is_some_and(|rest| rest.starts_with("{{"));
        let error = error.at(value.span, "");
        Box::new(if jinja { error.help("put the Jinja expression in quotes: \"{{ … }}\"") } else { error })
    }

    fn syntax_error(&self, error: &ScanError) -> Fail {
        let mut at = self.byte(error.marker().index());
        if error.info().contains("tab") {
            let line = self.text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
            at = self.text.get(line..).and_then(|rest| rest.find('\t')).map_or(at, |tab| line + tab);
        }
        let line_start = self.text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
        let line = self.text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or("");
        let diagnostic = *self.fail(at, at + usize::from(at < self.text.len()), message(error.info()));
        let indent: &str = line.get(..line.len() - line.trim_start().len()).unwrap_or("");
        Box::new(if indent.contains('\t') || self.text.get(at..).is_some_and(|rest| rest.starts_with('\t')) {
            diagnostic.help("YAML is indented with spaces, not with tabs")
        } else if line.contains(": {{") || line.contains(": {%") || line.contains("- {{") {
            diagnostic.help("put a value that starts with Jinja in quotes: \"{{ … }}\"")
        } else if line.matches(": ").count() > 1 {
            diagnostic.help("put a text that holds `: ` in quotes")
        } else {
            diagnostic
        })
    }
}

/// The scanner's words without its preamble.
fn message(info: &str) -> String {
    let info = info.trim();
    let known = match info {
        "mapping values are not allowed in this context" => "a mapping cannot start here",
        "while parsing node, found unknown anchor" => "this alias refers to no anchor",
        _ => info,
    };
    format!("this is not valid YAML: {known}")
}

/// Own keys win over merged ones; merged keys come first in order.
fn merge(own: Map, merges: Vec<Map>) -> Map {
    if merges.is_empty() {
        return own;
    }
    let mut result = Map::default();
    let mut index = KeyIndex::default();
    // The first mapping that has a key wins among the merged ones.
    for entry in merges.into_iter().flat_map(|map| map.entries) {
        if find(&result, &mut index, &entry.key.data).is_none() {
            let _ = insert(&mut result, &mut index, entry);
        }
    }
    for entry in own.entries {
        let _ = insert(&mut result, &mut index, entry);
    }
    result
}

/// Puts a pair into a mapping. The last of equal keys wins and stays at the place of the first; the warning says so.
fn insert(map: &mut Map, index: &mut KeyIndex, mut entry: Entry) -> Option<Diagnostic> {
    let found = find(map, index, &entry.key.data);
    let Some(old) = found.and_then(|at| map.entries.get_mut(at)) else {
        if !index.0.is_empty() {
            index.0.insert(key_text(&entry.key.data), map.entries.len());
        }
        map.entries.push(entry);
        return None;
    };
    let name = display_key(&entry.key.data);
    let warning =
        Diagnostic::warning("yaml-duplicate-key", format!("the key `{name}` is written twice, the last one counts"))
            .event("DuplicateYAMLKeysDeprecation")
            .at(entry.key.span, "this one counts")
            .at(old.key.span, "ignored");
    // As in a Python dict, the key itself stays the first of two that are equal.
    entry.key.data = old.key.data.clone();
    *old = entry;
    Some(warning)
}

fn find(map: &Map, index: &mut KeyIndex, key: &Data) -> Option<usize> {
    if map.entries.len() < 16 {
        return map.entries.iter().position(|other| same_key(&other.key.data, key));
    }
    if index.0.is_empty() {
        index.0.extend(map.entries.iter().enumerate().map(|(at, entry)| (key_text(&entry.key.data), at)));
    }
    index.0.get(&key_text(key)).copied()
}

fn same_key(one: &Data, other: &Data) -> bool {
    match (one, other) {
        (Data::Str(one), Data::Str(other)) => one == other,
        (Data::Str(_), _) | (_, Data::Str(_)) => false,
        _ => key_text(one) == key_text(other),
    }
}

/// A text that is the same for keys that Python holds equal: `1`, `1.0` and `true`.
fn key_text(data: &Data) -> String {
    match data {
        Data::Str(text) => format!("s{text}"),
        Data::Bool(value) => format!("n{}", i32::from(*value)),
        Data::Int(value) => format!("n{value}"),
        Data::Float(value) => format!("n{value}"),
        other => format!("o{other:?}"),
    }
}

fn display_key(data: &Data) -> Arc<str> {
    match data {
        Data::Str(text) => text.clone(),
        Data::Bool(value) => value.to_string().into(),
        Data::Int(value) => value.to_string().into(),
        Data::Float(value) => value.to_string().into(),
        Data::Date(date) => date.to_string().into(),
        Data::DateTime(time, zone) => super::datetime_text(*time, *zone).into(),
        Data::Null => "null".into(),
        Data::List(_) | Data::Map(_) => "…".into(),
    }
}
