//! A text of several statements, taken apart at semicolons. Snowflake runs one statement per request.

/// The statements of a text, without their semicolons; parts with nothing but comments are left out.
pub fn statements(sql: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut start, mut at) = (0, 0);
    let mut says_something = false;
    while let Some(rest) = sql.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(';') {
            found.extend(sql.get(start..at).filter(|_| says_something));
            at += 1;
            (start, says_something) = (at, false);
            continue;
        }
        let skipped = skip(rest);
        if skipped.length > 0 {
            says_something |= !skipped.is_comment;
            at += skipped.length;
            continue;
        }
        let letter = rest.chars().next().unwrap_or(' ');
        says_something |= !letter.is_whitespace();
        at += letter.len_utf8();
    }
    found.extend(sql.get(start..).filter(|_| says_something));
    found.into_iter().map(str::trim).collect()
}

struct Skipped {
    length: usize,
    is_comment: bool,
}

/// The comment, text or quoted name that the SQL starts with.
fn skip(sql: &str) -> Skipped {
    let comment = |length| Skipped { length, is_comment: true };
    let text = |length| Skipped { length, is_comment: false };
    if sql.starts_with("--") || sql.starts_with("//") {
        return comment(sql.find('\n').unwrap_or(sql.len()));
    }
    if let Some(inner) = sql.strip_prefix("/*") {
        return comment(inner.find("*/").map_or(sql.len(), |end| end + 4));
    }
    if let Some(inner) = sql.strip_prefix("$$") {
        return text(inner.find("$$").map_or(sql.len(), |end| end + 4));
    }
    let Some(quote) = sql.chars().next().filter(|letter| matches!(letter, '\'' | '"')) else { return text(0) };
    let mut letters = sql.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' && quote == '\'' {
            letters.next();
        } else if letter == quote && letters.next_if(|(_, next)| *next == quote).is_none() {
            return text(at + 1);
        }
    }
    text(sql.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn semicolons_in_texts_names_and_comments_end_nothing() {
        for (sql, expected) in [
            ("select 1; select 2;", vec!["select 1", "select 2"]),
            (
                "select ';' as \"a;b\", 'it''s; \\'; ' -- ;\n; select 2",
                vec!["select ';' as \"a;b\", 'it''s; \\'; ' -- ;", "select 2"],
            ),
            ("create function f() as $$ a; b $$; // c;\n", vec!["create function f() as $$ a; b $$"]),
            ("/* a; b */ select 1 /* open ;", vec!["/* a; b */ select 1 /* open ;"]),
            ("; ;-- nothing\n;", vec![]),
            ("select 'open ; text", vec!["select 'open ; text"]),
        ] {
            assert_eq!(statements(sql), expected, "{sql}");
        }
    }
}
