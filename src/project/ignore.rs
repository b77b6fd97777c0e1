//! `.dbtignore`: patterns in the syntax of `.gitignore`, on paths relative to a package's root.
//!
//! Written here because it is small: git's rules for `*`, `?`, `[…]`, `**`, `!` and slashes, as one matcher over path
//! segments. A pattern that names a folder covers all that is inside.

/// The patterns of one file; the last that matches decides.
#[derive(Debug, Default, Clone)]
pub struct IgnoreRules {
    patterns: Vec<Pattern>,
}

#[derive(Debug, Clone)]
struct Pattern {
    negated: bool,
    folder_only: bool,
    segments: Vec<String>,
}

impl IgnoreRules {
    pub fn parse(text: &str) -> Self {
        Self { patterns: text.lines().filter_map(Pattern::parse).collect() }
    }

    /// Whether the file at this path (forward slashes) is ignored.
    pub fn is_ignored(&self, path: &str) -> bool {
        if self.patterns.is_empty() {
            return false;
        }
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        self.patterns.iter().rev().find(|pattern| pattern.covers(&segments)).is_some_and(|pattern| !pattern.negated)
    }
}

impl Pattern {
    fn parse(line: &str) -> Option<Self> {
        let line = line.trim_end_matches(['\r', '\n']);
        let kept = line.trim_end();
        // A blank that is escaped stays.
        let line = if kept.ends_with('\\') && kept.len() < line.len() { format!("{kept} ") } else { kept.to_owned() };
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (negated, line) = match line.strip_prefix('!') {
            Some(rest) => (true, rest.to_owned()),
            None => (false, line),
        };
        let folder_only = line.ends_with('/');
        let body = line.trim_end_matches('/');
        let anchored = body.contains('/');
        let mut segments: Vec<String> =
            body.trim_start_matches('/').split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect();
        if segments.is_empty() {
            return None;
        }
        if !anchored {
            segments.insert(0, "**".into());
        }
        Some(Self { negated, folder_only, segments })
    }

    /// Whether the pattern matches the path or one of the folders it is in.
    fn covers(&self, path: &[&str]) -> bool {
        (1..=path.len())
            .filter(|end| !self.folder_only || *end < path.len())
            .any(|end| path.get(..end).is_some_and(|part| match_segments(&self.segments, part)))
    }
}

fn match_segments(pattern: &[String], path: &[&str]) -> bool {
    match pattern.split_first() {
        None => path.is_empty(),
        Some((first, rest)) if first == "**" => {
            if rest.is_empty() {
                return !path.is_empty();
            }
            (0..=path.len()).any(|skip| path.get(skip..).is_some_and(|tail| match_segments(rest, tail)))
        }
        Some((first, rest)) => path.split_first().is_some_and(|(name, tail)| {
            let pattern: Vec<char> = first.chars().collect();
            let name: Vec<char> = name.chars().collect();
            match_name(&pattern, &name) && match_segments(rest, tail)
        }),
    }
}

/// `*`, `?`, `[a-z]`, `[!a]` and `\x` in one segment. Goes back to the last star only, so time is bounded by the product
/// of the lengths.
fn match_name(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        let step = match pattern.get(p) {
            Some('*') => {
                star = Some((p + 1, n));
                p += 1;
                continue;
            }
            Some('?') => Some(p + 1),
            Some('[') => match_class(pattern, p, name.get(n).copied()),
            Some('\\') => (pattern.get(p + 1) == name.get(n)).then_some(p + 2),
            Some(c) => (Some(c) == name.get(n)).then_some(p + 1),
            None => None,
        };
        match (step, star) {
            (Some(next), _) => {
                p = next;
                n += 1;
            }
            (None, Some((after, at))) => {
                p = after;
                n = at + 1;
                star = Some((after, at + 1));
            }
            (None, None) => return false,
        }
    }
    pattern.get(p..).is_none_or(|rest| rest.iter().all(|c| *c == '*'))
}

/// The position after the class when the character is in it.
fn match_class(pattern: &[char], open: usize, wanted: Option<char>) -> Option<usize> {
    let wanted = wanted?;
    let mut at = open + 1;
    let negated = matches!(pattern.get(at), Some('!' | '^'));
    if negated {
        at += 1;
    }
    let first = at;
    let mut found = false;
    loop {
        let c = *pattern.get(at)?;
        if c == ']' && at > first {
            break;
        }
        if let (Some('-'), Some(end)) = (pattern.get(at + 1), pattern.get(at + 2).filter(|end| **end != ']')) {
            found |= (c..=*end).contains(&wanted);
            at += 3;
        } else {
            found |= c == wanted;
            at += 1;
        }
    }
    (found != negated).then_some(at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_git() {
        for (patterns, path, ignored) in [
            ("*.tmp.sql", "models/a.tmp.sql", true),
            ("*.tmp.sql", "models/a.sql", false),
            ("models/a.sql", "models/a.sql", true),
            ("a.sql", "models/deep/a.sql", true),
            ("/a.sql", "models/a.sql", false),
            ("models/", "models/deep/a.sql", true),
            ("deep/", "models/deep/a.sql", true),
            ("a.sql/", "models/a.sql", false),
            ("models/*.sql", "models/deep/a.sql", false),
            ("models/**/a.sql", "models/x/y/a.sql", true),
            ("models/**", "models/x/a.sql", true),
            ("**/x", "models/x/a.sql", true),
            ("*.sql\n!keep.sql", "models/keep.sql", false),
            ("# comment\n\n", "models/a.sql", false),
            ("models/[ab].sql", "models/b.sql", true),
            ("models/[!ab].sql", "models/b.sql", false),
            ("models/?.sql", "models/b.sql", true),
            ("\\#a.sql", "models/#a.sql", true),
            ("a*b*c.sql", "models/axxbyyc.sql", true),
        ] {
            assert_eq!(IgnoreRules::parse(patterns).is_ignored(path), ignored, "{patterns:?} on {path}");
        }
    }
}
