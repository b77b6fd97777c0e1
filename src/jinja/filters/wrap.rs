//! `wordwrap`: Python's `textwrap`, line by line.

use super::{
    super::{Args, methods},
    Outcome, bind, integer, truthy,
};

pub(super) fn wordwrap(text: &str, args: Args) -> Outcome {
    let [width, long, separator, hyphens] =
        bind(args, "wordwrap", ["width", "break_long_words", "wrapstring", "break_on_hyphens"], 0)?;
    let width = usize::try_from(integer(width.as_ref(), 79)?).unwrap_or(1).max(1);
    let long = long.is_none() || truthy(long.as_ref());
    let hyphens = hyphens.is_none() || truthy(hyphens.as_ref());
    let separator = separator.filter(|separator| !separator.is_none());
    let separator = separator.map_or_else(|| "\n".to_owned(), |separator| separator.to_str());
    let wrapped: Vec<String> =
        methods::lines(text, false).into_iter().map(|line| wrap(line, width, long, hyphens).join(&separator)).collect();
    Ok(wrapped.join(&separator).into())
}

/// Words and the white space between them.
fn chunks(line: &str, hyphens: bool) -> Vec<String> {
    let mut chunks: Vec<String> = Vec::new();
    let mut space = None;
    let mut previous: Option<char> = None;
    for c in line.chars() {
        let is_space = c.is_whitespace();
        let breaks = hyphens
            && previous == Some('-')
            && c.is_alphabetic()
            && chunks.last().is_some_and(|chunk| {
                let mut before = chunk.chars().rev().skip(1);
                before.next().is_some_and(char::is_alphabetic)
            });
        if space != Some(is_space) || breaks {
            chunks.push(String::new());
        }
        if let Some(last) = chunks.last_mut() {
            last.push(c);
        }
        space = Some(is_space);
        previous = Some(c);
    }
    chunks
}

fn wrap(line: &str, width: usize, long: bool, hyphens: bool) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut rest: std::collections::VecDeque<String> = chunks(line, hyphens).into();
    while !rest.is_empty() {
        let mut current = String::new();
        let mut length = 0;
        if !lines.is_empty() && rest.front().is_some_and(|chunk| chunk.trim().is_empty()) {
            rest.pop_front();
        }
        while let Some(chunk) = rest.front() {
            let count = chunk.chars().count();
            if length + count > width {
                break;
            }
            length += count;
            current.push_str(chunk);
            rest.pop_front();
        }
        if let Some(chunk) = rest.front().filter(|chunk| chunk.chars().count() > width).cloned() {
            if long {
                let space = (width - length).max(usize::from(length == 0));
                current.extend(chunk.chars().take(space));
                let after: String = chunk.chars().skip(space).collect();
                if let Some(front) = rest.front_mut() {
                    *front = after;
                }
            } else if current.is_empty() {
                current = chunk;
                rest.pop_front();
            }
        }
        let trimmed = current.trim_end();
        if !trimmed.is_empty() || (lines.is_empty() && rest.is_empty()) {
            lines.push(trimmed.to_owned());
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}
