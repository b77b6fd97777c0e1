//! Globs over paths: `*` and `?` within a segment, `**` over segments, `[abc]`, `[!a-z]`, `{a,b}`.

/// Whether a path has to be matched rather than opened.
pub(super) fn is_glob(path: &str) -> bool {
    path.contains(['*', '?', '[', '{'])
}

/// The leading segments without any wildcard: where a listing starts. Ends without a slash.
pub(super) fn fixed_prefix(pattern: &str) -> &str {
    let wild = pattern.find(['*', '?', '[', '{']).unwrap_or(pattern.len());
    let head = pattern.get(..wild).unwrap_or_default();
    head.rfind('/').and_then(|slash| head.get(..slash)).unwrap_or_default()
}

/// The patterns that a pattern with braces stands for.
pub(super) fn expand_braces(pattern: &str) -> Vec<String> {
    let Some((head, rest)) = pattern.split_once('{') else { return vec![pattern.to_owned()] };
    let Some((inside, tail)) = rest.split_once('}') else { return vec![pattern.to_owned()] };
    inside.split(',').flat_map(|choice| expand_braces(&format!("{head}{choice}{tail}"))).collect()
}

/// Whether a whole path matches a pattern without braces.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    segments(&pattern, &path)
}

fn segments(pattern: &[&str], path: &[&str]) -> bool {
    match pattern.split_first() {
        None => path.is_empty(),
        Some((&"**", rest)) => {
            (0..=path.len()).any(|skipped| path.get(skipped..).is_some_and(|path| segments(rest, path)))
        }
        Some((first, rest)) => match path.split_first() {
            Some((segment, path)) => {
                let hidden = segment.starts_with('.') && !first.starts_with('.');
                !hidden
                    && one(&first.chars().collect::<Vec<_>>(), &segment.chars().collect::<Vec<_>>())
                    && segments(rest, path)
            }
            None => false,
        },
    }
}

fn one(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|skipped| text.get(skipped..).is_some_and(|text| one(rest, text))),
        Some(('?', rest)) => text.split_first().is_some_and(|(_, text)| one(rest, text)),
        Some(('[', rest)) => match (class(rest), text.split_first()) {
            (Some((class, rest)), Some((c, text))) => class.contains(*c) && one(rest, text),
            _ => false,
        },
        Some((wanted, rest)) => text.split_first().is_some_and(|(c, text)| c == wanted && one(rest, text)),
    }
}

struct Class<'a> {
    negated: bool,
    members: &'a [char],
}

/// The class after `[`, and what follows its `]`.
fn class(pattern: &[char]) -> Option<(Class<'_>, &[char])> {
    let negated = matches!(pattern.first(), Some('!' | '^'));
    let pattern = pattern.get(usize::from(negated)..)?;
    // A `]` that comes first is a member.
    let end = pattern.iter().skip(1).position(|c| *c == ']')? + 1;
    Some((Class { negated, members: pattern.get(..end)? }, pattern.get(end + 1..)?))
}

impl Class<'_> {
    fn contains(&self, c: char) -> bool {
        let mut members = self.members;
        let mut found = false;
        while let Some((first, rest)) = members.split_first() {
            members = rest;
            if let [dash, last, rest @ ..] = rest
                && *dash == '-'
            {
                found |= (*first..=*last).contains(&c);
                members = rest;
            } else {
                found |= *first == c;
            }
        }
        found != self.negated
    }
}
