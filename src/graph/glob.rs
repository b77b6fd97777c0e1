//! Shell globs as Python's `fnmatch` reads them: `*`, `?`, `[seq]`, `[!seq]`; `*` also matches dots and slashes.

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Star,
    Any,
    One(char),
    Set { negated: bool, ranges: Vec<(char, char)> },
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Glob(Vec<Token>);

impl Glob {
    pub fn new(pattern: &str) -> Self {
        let chars: Vec<char> = pattern.chars().collect();
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some(&char) = chars.get(at) {
            at += 1;
            match char {
                '*' if tokens.last() == Some(&Token::Star) => {}
                '*' => tokens.push(Token::Star),
                '?' => tokens.push(Token::Any),
                '[' => match set_end(&chars, at) {
                    Some(end) => {
                        tokens.push(set(chars.get(at..end).unwrap_or_default()));
                        at = end + 1;
                    }
                    None => tokens.push(Token::One('[')),
                },
                other => tokens.push(Token::One(other)),
            }
        }
        Self(tokens)
    }

    /// Whether the whole of `text` matches. Linear in the product of both lengths at worst.
    pub fn matches(&self, text: &str) -> bool {
        let tokens = &self.0;
        let mut rest = text.chars();
        let mut at = 0;
        // The last star seen: the token after it, and the text from which it may swallow one character more.
        let mut star: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            if tokens.get(at) == Some(&Token::Star) {
                at += 1;
                star = Some((at, rest.clone()));
                continue;
            }
            let before = rest.clone();
            match (tokens.get(at), rest.next()) {
                (None, None) => return true,
                (Some(token), Some(char)) if token.accepts(char) => at += 1,
                (_, None) if before.as_str().is_empty() => return false,
                _ => {
                    let Some((after, from)) = &mut star else { return false };
                    if from.next().is_none() {
                        return false;
                    }
                    at = *after;
                    rest = from.clone();
                }
            }
        }
    }
}

/// Whether a selector part has a character that makes it a pattern.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', ']'])
}

impl Token {
    fn accepts(&self, char: char) -> bool {
        match self {
            Self::Star => false,
            Self::Any => true,
            Self::One(wanted) => *wanted == char,
            Self::Set { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&char)) != *negated
            }
        }
    }
}

/// The index of the `]` that closes a set opened before `start`; a `]` right after `[` or `[!` is a member.
fn set_end(chars: &[char], start: usize) -> Option<usize> {
    let mut at = start;
    if chars.get(at) == Some(&'!') {
        at += 1;
    }
    if chars.get(at) == Some(&']') {
        at += 1;
    }
    (at..chars.len()).find(|at| chars.get(*at) == Some(&']'))
}

fn set(body: &[char]) -> Token {
    let (negated, body) = match body {
        ['!', rest @ ..] => (true, rest),
        all => (false, all),
    };
    let mut ranges = Vec::new();
    let mut rest = body;
    loop {
        match rest {
            [low, '-', high, tail @ ..] => {
                if low <= high {
                    ranges.push((*low, *high));
                }
                rest = tail;
            }
            [one, tail @ ..] => {
                ranges.push((*one, *one));
                rest = tail;
            }
            [] => return Token::Set { negated, ranges },
        }
    }
}

/// Matches a project-relative path against a path pattern as `pathlib.Path.glob` does: part by part, `**` for any
/// number of folders.
pub struct PathGlob(Vec<PathPart>);

enum PathPart {
    Folders,
    One(Glob),
}

impl PathGlob {
    /// `None` when the pattern is empty, absolute or climbs out of the project.
    pub fn new(pattern: &str) -> Option<Self> {
        if pattern.starts_with('/') {
            return None;
        }
        let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        if parts.is_empty() || parts.contains(&"..") {
            return None;
        }
        let part = |part: &&str| if *part == "**" { PathPart::Folders } else { PathPart::One(Glob::new(part)) };
        Some(Self(parts.iter().map(part).collect()))
    }

    /// Whether a file can match: a last `**` stands for folders only.
    pub fn takes_files(&self) -> bool {
        !matches!(self.0.last(), Some(PathPart::Folders))
    }

    pub fn matches(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        // reached[i]: the first i parts of the path are matched by the pattern so far.
        let mut reached: Vec<bool> = (0..=parts.len()).map(|at| at == 0).collect();
        for pattern in &self.0 {
            let mut next = vec![false; parts.len() + 1];
            match pattern {
                PathPart::Folders => {
                    let mut any = false;
                    for (slot, was) in next.iter_mut().zip(&reached) {
                        any |= *was;
                        *slot = any;
                    }
                }
                PathPart::One(glob) => {
                    for ((slot, was), part) in next.iter_mut().skip(1).zip(&reached).zip(&parts) {
                        *slot = *was && glob.matches(part);
                    }
                }
            }
            reached = next;
        }
        reached.last().copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_fnmatch_does() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "a.b/c", true),
            ("a*c", "abbc", true),
            ("a*c", "abb", false),
            ("*ab", "aaab", true),
            ("*a*b*", "xxaxxbxx", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[ab]x", "bx", true),
            ("[!ab]x", "bx", false),
            ("[!ab]x", "cx", true),
            ("[a-c]", "b", true),
            ("[c-a]", "b", false),
            ("[]]", "]", true),
            ("[!]]", "x", true),
            ("[a", "[a", true),
            ("[^a]", "^", true),
            ("", "", true),
            ("", "a", false),
            ("é*", "éa", true),
            ("A", "a", false),
        ] {
            assert_eq!(Glob::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn path_globs_match_part_by_part() {
        for (pattern, path, expected) in [
            ("models/*.sql", "models/a.sql", true),
            ("models/*.sql", "models/x/a.sql", false),
            ("models/**/*.sql", "models/x/y/a.sql", true),
            ("models/**/*.sql", "models/a.sql", true),
            ("./models//x/", "models/x", true),
            ("models/**", "models", true),
            ("*", "models", true),
        ] {
            assert_eq!(PathGlob::new(pattern).is_some_and(|glob| glob.matches(path)), expected, "{pattern} {path}");
        }
        assert!(PathGlob::new("/models").is_none() && PathGlob::new("").is_none() && PathGlob::new("../x").is_none());
    }
}
