//! Jinja values → YAML text in block style, as PyYAML's `safe_dump` writes the values that YAML itself has.

use std::fmt::Write as _;

use crate::jinja::{Value, as_date, as_datetime};

use super::{Data, datetime_text, scalar::resolve};

/// A value that YAML has no form for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot represent {0} in YAML")]
pub struct DumpError(String);

/// PyYAML's line width.
const WIDTH: usize = 80;
const MAX_DEPTH: usize = 100;

/// The block-style document of a value, with a final newline.
///
/// # Errors
/// For undefined values, functions and other objects without a YAML form.
pub fn dump(value: &Value, sort_keys: bool) -> Result<String, DumpError> {
    let mut out = String::new();
    let mut dumper = Dumper { out: &mut out, sort_keys };
    match value {
        Value::List(_) | Value::Tuple(_) | Value::Dict(_) | Value::Set(_) => {
            dumper.block(value, 0, false)?;
        }
        scalar => {
            let text = dumper.scalar(scalar, 0, false)?;
            let open_ended = !text.starts_with(['\'', '"', '|', '>']);
            dumper.out.push_str(&text);
            dumper.out.push_str(if open_ended { "\n...\n" } else { "\n" });
        }
    }
    Ok(out)
}

struct Dumper<'a> {
    out: &'a mut String,
    sort_keys: bool,
}

impl Dumper<'_> {
    /// A list or dict whose first line starts at the current position when `inline`.
    fn block(&mut self, value: &Value, indent: usize, inline: bool) -> Result<(), DumpError> {
        if indent > MAX_DEPTH * 2 {
            return Err(DumpError("a value nested that deep".into()));
        }
        let mut first = inline;
        if let Value::Dict(_) | Value::Set(_) = value {
            let mut pairs = match value {
                Value::Dict(_) => value.pairs().unwrap_or_default(),
                _ => value.items().unwrap_or_default().into_iter().map(|item| (item, Value::None)).collect(),
            };
            if self.sort_keys {
                pairs.sort_by_key(|(key, _)| key.to_str());
            }
            let set = matches!(value, Value::Set(_));
            if pairs.is_empty() {
                self.out.push_str(if set { "!!set {}\n" } else { "{}\n" });
                return Ok(());
            }
            if set {
                self.out.push_str("!!set\n");
            }
            for (key, value) in pairs {
                self.start(indent, &mut first);
                // PyYAML writes long, empty and many-lined keys in the explicit form.
                let simple = key.as_str().is_none_or(|key| !key.is_empty() && key.len() < 128 && !key.contains('\n'));
                if !simple {
                    self.out.push_str("? ");
                }
                let key = self.scalar(&key, indent, simple)?;
                self.out.push_str(&key);
                if !simple {
                    self.out.push('\n');
                    self.out.extend(std::iter::repeat_n(' ', indent));
                }
                self.out.push(':');
                // A list under a key is not indented further.
                self.value(&value, indent, matches!(value, Value::List(_) | Value::Tuple(_)))?;
            }
        } else {
            let items = value.items().unwrap_or_default();
            if items.is_empty() {
                self.out.push_str("[]\n");
                return Ok(());
            }
            for item in items {
                self.start(indent, &mut first);
                self.out.push('-');
                if is_filled(&item) {
                    self.out.push(' ');
                    self.block(&item, indent + 2, true)?;
                } else {
                    self.value(&item, indent, false)?;
                }
            }
        }
        Ok(())
    }

    fn start(&mut self, indent: usize, first: &mut bool) {
        if !std::mem::take(first) {
            self.out.extend(std::iter::repeat_n(' ', indent));
        }
    }

    /// What follows `key:` or `-`.
    fn value(&mut self, value: &Value, indent: usize, same_indent: bool) -> Result<(), DumpError> {
        if is_filled(value) {
            self.out.push('\n');
            return self.block(value, if same_indent { indent } else { indent + 2 }, false);
        }
        self.out.push(' ');
        if matches!(value, Value::List(_) | Value::Tuple(_) | Value::Dict(_) | Value::Set(_)) {
            return self.block(value, indent, true);
        }
        let text = self.scalar(value, indent, false)?;
        self.out.push_str(&text);
        self.out.push('\n');
        Ok(())
    }

    fn scalar(&mut self, value: &Value, indent: usize, key: bool) -> Result<String, DumpError> {
        Ok(match value {
            Value::None => "null".into(),
            Value::Bool(true) => "true".into(),
            Value::Bool(false) => "false".into(),
            Value::Int(value) => value.to_string(),
            Value::Float(value) => float(*value),
            Value::Str(text) => {
                let line = self.out.rsplit('\n').next().map_or(0, |line| line.chars().count());
                string(text, indent + 2, line, key)
            }
            other => match (as_datetime(other), as_date(other)) {
                (Some((time, zone)), _) => datetime_text(time, zone),
                (None, Some(date)) => date.to_string(),
                (None, None) => return Err(DumpError(other.to_repr())),
            },
        })
    }
}

fn is_filled(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Tuple(_) | Value::Dict(_))
        && value.items().is_some_and(|items| !items.is_empty())
        || matches!(value, Value::Set(_))
}

fn float(value: f64) -> String {
    if value.is_nan() {
        ".nan".into()
    } else if value.is_infinite() {
        if value > 0.0 { ".inf".into() } else { "-.inf".into() }
    } else {
        let text = Value::Float(value).to_str();
        // PyYAML reads an exponent back only with a point before it.
        if !text.contains('.') && text.contains('e') { text.replacen('e', ".0e", 1) } else { text }
    }
}

/// A string in the plainest style that reads back as itself.
fn string(text: &str, indent: usize, column: usize, key: bool) -> String {
    let special = text.chars().any(|c| {
        !(c == '\n' || (' '..='~').contains(&c) || c == '\u{85}' || (c >= '\u{a0}' && c != '\u{feff}')) || !c.is_ascii()
    });
    let multiline = text.contains('\n');
    // Blanks around a break would be folded away.
    let space_break = text.contains(" \n") || text.contains("\n ");
    if special || space_break || (key && multiline) {
        return double_quoted(text, indent, column, key);
    }
    if !multiline && is_plain(text) && matches!(resolve(text), Ok(Data::Str(_))) && !looks_numeric(text) {
        return fold(text, indent, column, key);
    }
    single_quoted(text, indent, column, key)
}

/// An integer too large for 64 bits resolves to text here, but not in PyYAML.
fn looks_numeric(text: &str) -> bool {
    let digits = text.trim_start_matches(['+', '-']);
    !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
        && !digits.starts_with(['_', '0'])
}

fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    if text.starts_with("---") || text.starts_with("...") || text.starts_with(' ') || text.ends_with(' ') {
        return false;
    }
    if "#,[]{}&*!|>'\"%@`".contains(first) {
        return false;
    }
    let second_blank = text.chars().nth(1).is_none_or(|c| c == ' ');
    if matches!(first, '?' | ':' | '-') && second_blank {
        return false;
    }
    !text.contains(": ") && !text.ends_with(':') && !text.contains(" #") && !text.contains('\t')
}

/// Breaks a line at single blanks once it is wider than PyYAML's width.
fn fold(text: &str, indent: usize, mut column: usize, key: bool) -> String {
    if key || !text.contains(' ') {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut first = true;
    let mut previous_empty = false;
    for word in text.split(' ') {
        if !first {
            let single = !previous_empty && !word.is_empty();
            if single && column > WIDTH {
                out.push('\n');
                out.extend(std::iter::repeat_n(' ', indent));
                column = indent;
            } else {
                out.push(' ');
                column += 1;
            }
        }
        out.push_str(word);
        column += word.chars().count();
        previous_empty = word.is_empty();
        first = false;
    }
    out
}

fn single_quoted(text: &str, indent: usize, column: usize, key: bool) -> String {
    let mut out = String::from("'");
    let mut lines = text.split('\n');
    if let Some(line) = lines.next() {
        out.push_str(&fold(&line.replace('\'', "''"), indent, column + 1, key));
    }
    let mut pending = 0;
    for line in lines {
        pending += 1;
        if line.is_empty() {
            continue;
        }
        out.extend(std::iter::repeat_n('\n', pending + 1));
        out.extend(std::iter::repeat_n(' ', indent));
        out.push_str(&line.replace('\'', "''"));
        pending = 0;
    }
    if pending > 0 {
        out.extend(std::iter::repeat_n('\n', pending + 1));
        out.extend(std::iter::repeat_n(' ', indent));
    }
    out.push('\'');
    out
}

fn double_quoted(text: &str, indent: usize, column: usize, key: bool) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::from("\"");
    let mut column = column + 1;
    // Characters from here on are not written yet.
    let mut start = 0;
    for end in 0..=chars.len() {
        let c = chars.get(end).copied();
        if c.is_none_or(|c| !(' '..='~').contains(&c) || matches!(c, '"' | '\\')) {
            column += flush(&chars, &mut start, end, &mut out);
            if let Some(c) = c {
                let before = out.len();
                escape(c, &mut out);
                column += out.len() - before;
                start = end + 1;
            }
        }
        let may_break = !key && end > 0 && end + 1 < chars.len() && (c == Some(' ') || start >= end);
        if may_break && column + end.saturating_sub(start) > WIDTH {
            flush(&chars, &mut start, end, &mut out);
            out.push_str("\\\n");
            out.extend(std::iter::repeat_n(' ', indent));
            column = indent;
            if chars.get(start) == Some(&' ') {
                out.push('\\');
                column += 1;
            }
        }
    }
    out.push('"');
    out
}

/// Writes the characters from `start` to `end` and says how many they were.
fn flush(chars: &[char], start: &mut usize, end: usize, out: &mut String) -> usize {
    let pending = chars.get(*start..end).unwrap_or_default();
    out.extend(pending);
    *start = (*start).max(end);
    pending.len()
}

fn escape(c: char, out: &mut String) {
    let short = match c {
        '"' => '"',
        '\\' => '\\',
        '\n' => 'n',
        '\t' => 't',
        '\r' => 'r',
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\u{1b}' => 'e',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            let code = c as u32;
            let _ = match code {
                0..=0xff => write!(out, "\\x{code:02X}"),
                0x100..=0xffff => write!(out, "\\u{code:04X}"),
                _ => write!(out, "\\U{code:08X}"),
            };
            return;
        }
    };
    out.push('\\');
    out.push(short);
}
