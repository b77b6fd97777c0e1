//! Lines of a flow value or a text in quotes that are indented less than what they belong to. YAML's rules forbid them, the
//! reader that dbt uses lets them pass: they are indented until the scanner is content, which changes no value.

use saphyr_parser::ScanError;

/// A file with more wrong places than this, or a larger one, is not mended: it is read anew for each place.
const MAX_PLACES: usize = 200;
const MAX_BYTES: usize = 1024 * 1024;

/// A text with spaces added.
pub(super) struct Deeper {
    pub text: String,
    /// For each character, its byte offset in the text as it was.
    pub places: Vec<usize>,
    /// Added at each place: more than anything in the text is indented.
    spaces: usize,
    mended: usize,
}

impl Deeper {
    /// `None` when the error is of another kind.
    pub fn new(text: &str, error: &ScanError) -> Option<Self> {
        kind(error).filter(|_| text.len() <= MAX_BYTES)?;
        let indent = |line: &str| line.len() - line.trim_start_matches([' ', '-']).len();
        Some(Self {
            text: text.to_owned(),
            places: text.char_indices().map(|(at, _)| at).collect(),
            spaces: text.lines().map(indent).max().unwrap_or(0) + 1,
            mended: 0,
        })
    }

    /// Indents what the error is about; whether it is worth another try.
    pub fn indent(&mut self, error: &ScanError) -> bool {
        let Some(kind) = kind(error) else { return false };
        self.mended += 1;
        if self.mended > MAX_PLACES {
            return false;
        }
        let at = error.marker().index();
        match kind {
            Kind::Token => self.insert(&[at]),
            Kind::Quoted => {
                let lines = self.lines_of_quoted(at);
                !lines.is_empty() && self.insert(&lines)
            }
        }
    }

    /// Adds the spaces before some characters; not where the text would grow too large.
    fn insert(&mut self, at: &[usize]) -> bool {
        let added = at.len().saturating_mul(self.spaces);
        if self.text.len().saturating_add(added) > 4 * MAX_BYTES {
            return false;
        }
        let mut text = String::with_capacity(self.text.len() + at.len() * self.spaces);
        let mut places = Vec::with_capacity(self.places.len() + at.len() * self.spaces);
        let mut next = at.iter().copied().peekable();
        for (index, (letter, place)) in self.text.chars().zip(&self.places).enumerate() {
            if next.next_if_eq(&index).is_some() {
                text.extend(std::iter::repeat_n(' ', self.spaces));
                places.extend(std::iter::repeat_n(*place, self.spaces));
            }
            text.push(letter);
            places.push(*place);
        }
        (self.text, self.places) = (text, places);
        true
    }

    /// Where the lines of a text in quotes begin that starts at `start`, but for the first.
    fn lines_of_quoted(&self, start: usize) -> Vec<usize> {
        let mut letters = self.text.chars().enumerate().skip(start).peekable();
        let Some((_, quote @ ('\'' | '"'))) = letters.next() else { return Vec::new() };
        let mut lines = Vec::new();
        let mut escaped = false;
        while let Some((index, letter)) = letters.next() {
            if letter == '\n' {
                lines.push(index + 1);
            } else if letter == quote && !escaped {
                let doubled = quote == '\'' && letters.next_if(|(_, next)| *next == quote).is_some();
                if !doubled {
                    break;
                }
            }
            escaped = quote == '"' && letter == '\\' && !escaped;
        }
        lines
    }
}

enum Kind {
    /// A token of a flow value.
    Token,
    /// A line of a text in quotes; the error is at its start.
    Quoted,
}

fn kind(error: &ScanError) -> Option<Kind> {
    match error.info() {
        "invalid indentation" | "invalid indentation in flow construct" => Some(Kind::Token),
        "invalid indentation in quoted scalar" => Some(Kind::Quoted),
        _ => None,
    }
}
