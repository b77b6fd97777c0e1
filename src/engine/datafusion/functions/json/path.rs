//! Paths into a JSON document, as DuckDB writes them: `$.a.b[0]`, `$."a b"[#-1]`, `/a/b/0`, or one key `a`.

/// One step down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine::datafusion) enum Step {
    Key(String),
    /// From the end when negative.
    Index(i64),
    /// Of a JSON pointer: a key of an object or an index of an array.
    Either(String, i64),
}

/// The steps of a path, or `None` when it is not one.
pub(super) fn parse(path: &str) -> Option<Vec<Step>> {
    if let Some(rest) = path.strip_prefix('$') {
        return dollar(rest);
    }
    if let Some(pointer) = path.strip_prefix('/') {
        return Some(
            pointer
                .split('/')
                .map(|token| {
                    let key = token.replace("~1", "/").replace("~0", "~");
                    match token.parse() {
                        Ok(index) => Step::Either(key, index),
                        Err(_) => Step::Key(key),
                    }
                })
                .collect(),
        );
    }
    Some(vec![Step::Key(path.to_owned())])
}

fn dollar(mut rest: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let step;
        (step, rest) =
            if let Some(after) = rest.strip_prefix('.') { member(after)? } else { element(rest.strip_prefix('[')?)? };
        steps.push(step);
    }
    Some(steps)
}

/// After a dot: a bare or a quoted key.
fn member(rest: &str) -> Option<(Step, &str)> {
    if let Some(quoted) = rest.strip_prefix('"') {
        let (key, after) = quoted.split_once('"')?;
        return Some((Step::Key(key.to_owned()), after));
    }
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    let (key, after) = rest.split_at_checked(end)?;
    (!key.is_empty() && key != "*").then(|| (Step::Key(key.to_owned()), after))
}

/// After a bracket: an index, `#-n` from the end, or a quoted key.
fn element(rest: &str) -> Option<(Step, &str)> {
    for quote in ['\'', '"'] {
        if let Some(quoted) = rest.strip_prefix(quote) {
            let (key, after) = quoted.split_once(quote)?;
            return Some((Step::Key(key.to_owned()), after.strip_prefix(']')?));
        }
    }
    let (index, after) = rest.split_once(']')?;
    let index: i64 = match index.trim().strip_prefix('#') {
        Some(from_end) => from_end.trim().parse().ok().filter(|index| *index < 0)?,
        None => index.trim().parse().ok()?,
    };
    Some((Step::Index(index), after))
}
