//! Finds one value in a JSON text in a single pass and without building a tree; the whole text is checked, so that
//! a malformed document gives nothing rather than a guess.

use super::path::Step;

/// Deeper documents are taken for malformed, so that hostile input cannot exhaust the stack.
const MAX_DEPTH: usize = 256;

/// The text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine::datafusion) struct Malformed;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine::datafusion) enum Kind {
    Object,
    Array,
    String,
    Number,
    Boolean,
    Null,
}

/// A value's text and kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine::datafusion) struct Found<'a> {
    pub text: &'a str,
    pub kind: Kind,
}

/// The value at `path`, or `None` when there is none.
pub(in crate::engine::datafusion) fn find<'a>(text: &'a str, path: &[Step]) -> Result<Option<Found<'a>>, Malformed> {
    let mut scanner = Scanner { text, bytes: text.as_bytes(), at: 0 };
    let found = scanner.find(path, 0)?;
    scanner.space();
    if scanner.at == scanner.bytes.len() { Ok(found) } else { Err(Malformed) }
}

/// The elements of an array; `None` when the value is none.
pub(super) fn elements<'a>(found: Found<'a>) -> Result<Option<Vec<Found<'a>>>, Malformed> {
    if found.kind != Kind::Array {
        return Ok(None);
    }
    let mut scanner = Scanner { text: found.text, bytes: found.text.as_bytes(), at: 1 };
    let mut all = Vec::new();
    if scanner.next_is(b']') {
        return Ok(Some(all));
    }
    loop {
        all.extend(scanner.find(&[], 0)?);
        if !scanner.comma_or(b']')? {
            return Ok(Some(all));
        }
    }
}

/// The keys of an object in order; `None` when the value is none.
pub(super) fn keys(found: Found<'_>) -> Result<Option<Vec<String>>, Malformed> {
    if found.kind != Kind::Object {
        return Ok(None);
    }
    let mut scanner = Scanner { text: found.text, bytes: found.text.as_bytes(), at: 1 };
    let mut all = Vec::new();
    if scanner.next_is(b'}') {
        return Ok(Some(all));
    }
    loop {
        let (start, end) = scanner.key()?;
        all.push(unescape(scanner.slice(start, end)?));
        scanner.skip(0)?;
        if !scanner.comma_or(b'}')? {
            return Ok(Some(all));
        }
    }
}

/// The characters of a string literal's inside.
pub(super) fn unescape(inside: &str) -> String {
    if !inside.contains('\\') {
        return inside.to_owned();
    }
    let mut out = String::with_capacity(inside.len());
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('u') => out.push(code_point(&mut chars)),
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

/// After `\u`: four digits, and a second escape for a surrogate pair. What is no character becomes U+FFFD.
fn code_point(chars: &mut std::str::Chars<'_>) -> char {
    let unit = hex(chars);
    let mut value = unit;
    if (0xD800..0xDC00).contains(&unit) {
        let mut ahead = chars.clone();
        if ahead.next() == Some('\\') && ahead.next() == Some('u') {
            let low = hex(&mut ahead);
            if (0xDC00..0xE000).contains(&low) {
                value = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
                *chars = ahead;
            }
        }
    }
    char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn hex(chars: &mut std::str::Chars<'_>) -> u32 {
    (0..4).fold(0, |value, _| value * 16 + chars.next().and_then(|c| c.to_digit(16)).unwrap_or(0))
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    fn slice(&self, start: usize, end: usize) -> Result<&'a str, Malformed> {
        self.text.get(start..end).ok_or(Malformed)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Steps over `byte` when it comes next, after white space.
    fn next_is(&mut self, byte: u8) -> bool {
        self.space();
        let is = self.peek() == Some(byte);
        self.at += usize::from(is);
        is
    }

    /// After an element: whether another one follows.
    fn comma_or(&mut self, close: u8) -> Result<bool, Malformed> {
        if self.next_is(b',') {
            Ok(true)
        } else if self.next_is(close) {
            Ok(false)
        } else {
            Err(Malformed)
        }
    }

    /// A key and its colon; where the inside of the key is.
    fn key(&mut self) -> Result<(usize, usize), Malformed> {
        self.space();
        let start = self.at + 1;
        self.string()?;
        let end = self.at - 1;
        if self.next_is(b':') { Ok((start, end)) } else { Err(Malformed) }
    }

    /// Steps over one value and returns what `path` leads to in it.
    fn find(&mut self, path: &[Step], depth: usize) -> Result<Option<Found<'a>>, Malformed> {
        self.space();
        let Some((step, rest)) = path.split_first() else {
            let start = self.at;
            let kind = self.skip(depth)?;
            return Ok(Some(Found { text: self.slice(start, self.at)?, kind }));
        };
        match (self.peek(), step) {
            (Some(b'{'), Step::Key(key) | Step::Either(key, _)) => self.find_member(key, rest, depth),
            (Some(b'['), Step::Index(index) | Step::Either(_, index)) => self.find_element(*index, rest, depth),
            _ => self.skip(depth).map(|_| None),
        }
    }

    fn find_member(&mut self, wanted: &str, rest: &[Step], depth: usize) -> Result<Option<Found<'a>>, Malformed> {
        self.at += 1;
        let depth = deeper(depth)?;
        let mut found = None;
        let mut seen = false;
        if self.next_is(b'}') {
            return Ok(None);
        }
        loop {
            let (start, end) = self.key()?;
            let key = self.slice(start, end)?;
            if !seen && (key == wanted || (key.contains('\\') && unescape(key) == wanted)) {
                seen = true;
                found = self.find(rest, depth)?;
            } else {
                self.skip(depth)?;
            }
            if !self.comma_or(b'}')? {
                return Ok(found);
            }
        }
    }

    fn find_element(&mut self, index: i64, rest: &[Step], depth: usize) -> Result<Option<Found<'a>>, Malformed> {
        let start = self.at;
        let index = if index < 0 {
            let mut counter = Scanner { text: self.text, bytes: self.bytes, at: start };
            counter.count(depth)? + index
        } else {
            index
        };
        self.at += 1;
        let depth = deeper(depth)?;
        let mut found = None;
        if self.next_is(b']') {
            return Ok(None);
        }
        let mut position = 0;
        loop {
            if position == index {
                found = self.find(rest, depth)?;
            } else {
                self.skip(depth)?;
            }
            position += 1;
            if !self.comma_or(b']')? {
                return Ok(found);
            }
        }
    }

    /// The number of elements of the array here.
    fn count(&mut self, depth: usize) -> Result<i64, Malformed> {
        self.at += 1;
        let depth = deeper(depth)?;
        if self.next_is(b']') {
            return Ok(0);
        }
        let mut count = 0;
        loop {
            self.skip(depth)?;
            count += 1;
            if !self.comma_or(b']')? {
                return Ok(count);
            }
        }
    }

    /// Steps over one value.
    fn skip(&mut self, depth: usize) -> Result<Kind, Malformed> {
        self.space();
        match self.peek() {
            Some(b'"') => self.string().map(|()| Kind::String),
            Some(b'{') => self.object(depth).map(|()| Kind::Object),
            Some(b'[') => self.count(depth).map(|_| Kind::Array),
            Some(b't') => self.word(b"true").map(|()| Kind::Boolean),
            Some(b'f') => self.word(b"false").map(|()| Kind::Boolean),
            Some(b'n') => self.word(b"null").map(|()| Kind::Null),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| Kind::Number),
            _ => Err(Malformed),
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), Malformed> {
        self.at += 1;
        let depth = deeper(depth)?;
        if self.next_is(b'}') {
            return Ok(());
        }
        loop {
            self.key()?;
            self.skip(depth)?;
            if !self.comma_or(b'}')? {
                return Ok(());
            }
        }
    }

    fn string(&mut self) -> Result<(), Malformed> {
        if self.peek() != Some(b'"') {
            return Err(Malformed);
        }
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(byte) if byte >= 0x20 => self.at += 1,
                _ => return Err(Malformed),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u')
                if self
                    .bytes
                    .get(self.at + 2..self.at + 6)
                    .is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) =>
            {
                self.at += 6;
            }
            _ => return Err(Malformed),
        }
        Ok(())
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Malformed> {
        if self.bytes.get(self.at..self.at + word.len()) == Some(word) {
            self.at += word.len();
            Ok(())
        } else {
            Err(Malformed)
        }
    }

    fn number(&mut self) -> Result<(), Malformed> {
        self.at += usize::from(self.peek() == Some(b'-'));
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(Malformed),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { Err(Malformed) } else { Ok(()) }
    }
}

fn deeper(depth: usize) -> Result<usize, Malformed> {
    if depth >= MAX_DEPTH { Err(Malformed) } else { Ok(depth + 1) }
}
