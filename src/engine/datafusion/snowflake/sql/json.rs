//! Semi-structured values: JSON read whole, written compactly with the keys of objects in order, numbers as they were
//! written.

use std::fmt;

/// Deeper documents are refused, so that hostile input cannot exhaust the stack.
const MAX_DEPTH: usize = 256;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// As written.
    Number(String),
    Text(String),
    Array(Vec<Json>),
    /// In the order of the keys.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a document; `None` when it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0)?;
        reader.space();
        (reader.at == text.len()).then_some(value)
    }

    /// An object of these members; of equal keys the last counts.
    pub(super) fn object(members: Vec<(String, Json)>) -> Self {
        let mut sorted: Vec<(String, Json)> = Vec::with_capacity(members.len());
        for (key, value) in members {
            match sorted.iter_mut().find(|(known, _)| *known == key) {
                Some(known) => known.1 = value,
                None => sorted.push((key, value)),
            }
        }
        sorted.sort_by(|left, right| left.0.cmp(&right.0));
        Self::Object(sorted)
    }

    pub(super) fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Self::Object(members) => members.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    pub(super) fn get_ignoring_case(&self, key: &str) -> Option<&Json> {
        match self {
            Self::Object(members) => {
                members.iter().find(|(name, _)| name.to_lowercase() == key.to_lowercase()).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    pub(super) fn element(&self, index: i64) -> Option<&Json> {
        match self {
            Self::Array(elements) => elements.get(usize::try_from(index).ok()?),
            _ => None,
        }
    }

    /// What `typeof` calls it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "NULL_VALUE",
            Self::Bool(_) => "BOOLEAN",
            Self::Number(text) if text.contains(['e', 'E']) => "DOUBLE",
            Self::Number(text) if text.contains('.') => "DECIMAL",
            Self::Number(_) => "INTEGER",
            Self::Text(_) => "VARCHAR",
            Self::Array(_) => "ARRAY",
            Self::Object(_) => "OBJECT",
        }
    }

    /// The value as text: a string without its quotes; `None` for null.
    pub(super) fn into_text(self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Text(text) => Some(text),
            other => Some(other.to_string()),
        }
    }

    /// How two values are ordered: numbers by value, anything else by text.
    pub(super) fn compare(&self, other: &Self) -> std::cmp::Ordering {
        if let (Self::Number(left), Self::Number(right)) = (self, other)
            && let (Ok(left), Ok(right)) = (left.parse::<f64>(), right.parse::<f64>())
        {
            return left.total_cmp(&right);
        }
        match (self, other) {
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            _ => self.to_string().cmp(&other.to_string()),
        }
    }

    /// Whether the two are the same value: `1` is `1.0`.
    pub(super) fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(_), Self::Number(_)) => self.compare(other).is_eq(),
            _ => self == other,
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(text) => f.write_str(text),
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::Array(elements) => {
                f.write_str("[")?;
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        f.write_str(",")?;
                    }
                    write!(f, "{element}")?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (index, (key, value)) in members.iter().enumerate() {
                    if index > 0 {
                        f.write_str(",")?;
                    }
                    write!(f, "{}:{value}", quoted(key))?;
                }
                f.write_str("}")
            }
        }
    }
}

/// Text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let is = self.peek() == Some(byte);
        self.at += usize::from(is);
        is
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.space();
        match self.peek()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => self.string().map(Json::Text),
            b't' => self.word("true", Json::Bool(true)),
            b'f' => self.word("false", Json::Bool(false)),
            b'n' => self.word("null", Json::Null),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Option<Json> {
        self.text.get(self.at..)?.starts_with(word).then(|| {
            self.at += word.len();
            value
        })
    }

    fn object(&mut self, depth: usize) -> Option<Json> {
        self.at += 1;
        let mut members = Vec::new();
        if self.take(b'}') {
            return Some(Json::Object(members));
        }
        loop {
            self.space();
            let key = self.string()?;
            if !self.take(b':') {
                return None;
            }
            members.push((key, self.value(depth + 1)?));
            if self.take(b'}') {
                return Some(Json::object(members));
            }
            if !self.take(b',') {
                return None;
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<Json> {
        self.at += 1;
        let mut elements = Vec::new();
        if self.take(b']') {
            return Some(Json::Array(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            if self.take(b']') {
                return Some(Json::Array(elements));
            }
            if !self.take(b',') {
                return None;
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        if self.peek()? != b'"' {
            return None;
        }
        let mut out = String::new();
        let mut chars = self.text.get(self.at + 1..)?.char_indices();
        while let Some((offset, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += offset + 2;
                    return Some(out);
                }
                '\\' => match chars.next()?.1 {
                    'n' => out.push('\n'),
                    't' => out.push('\t'),
                    'r' => out.push('\r'),
                    'b' => out.push('\u{8}'),
                    'f' => out.push('\u{c}'),
                    'u' => {
                        let unit = hex(&mut chars)?;
                        let mut value = unit;
                        if (0xD800..0xDC00).contains(&unit) {
                            let mut ahead = chars.clone();
                            if ahead.next().is_some_and(|(_, c)| c == '\\')
                                && ahead.next().is_some_and(|(_, c)| c == 'u')
                                && let Some(low) = hex(&mut ahead)
                                && (0xDC00..0xE000).contains(&low)
                            {
                                value = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
                                chars = ahead;
                            }
                        }
                        out.push(char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                    other @ ('"' | '\\' | '/') => out.push(other),
                    _ => return None,
                },
                c if u32::from(c) < 0x20 => return None,
                c => out.push(c),
            }
        }
        None
    }

    fn number(&mut self) -> Option<Json> {
        let rest = self.text.get(self.at..)?;
        let end = rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        let text = rest.get(..end)?;
        text.parse::<f64>().ok().filter(|_| text.starts_with(|c: char| c == '-' || c.is_ascii_digit()))?;
        self.at += end;
        Some(Json::Number(text.to_owned()))
    }
}

fn hex(chars: &mut std::str::CharIndices<'_>) -> Option<u32> {
    (0..4).try_fold(0, |value, _| Some(value * 16 + chars.next()?.1.to_digit(16)?))
}
