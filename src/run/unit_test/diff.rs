//! Expected against actual rows, as a table that shows what differs.

use std::cmp::Ordering;

use crate::{
    jinja::Value,
    manifest::context::{Table, table::Row},
};

/// The column that says whose row it is.
const WHOSE: &str = "actual_or_expected";
/// Rows that are shown at most; the rest is counted.
const MAX_ROWS: usize = 100;
const NULL: &str = "NULL";

/// One line of the table.
#[derive(Debug, Clone, PartialEq)]
enum Line<'a> {
    Same(&'a [Value]),
    Changed { expected: &'a [Value], actual: &'a [Value] },
    Missing(&'a [Value]),
    Unexpected(&'a [Value]),
}

/// Compares the rows of a table as multisets: `None` when they agree, else the text that shows what does not.
///
/// # Errors
/// The table is not one of a unit test.
pub(super) fn compare(table: &Table) -> Result<Option<String>, String> {
    let whose = table.position(WHOSE).ok_or_else(|| format!("the statement of a unit test has no column {WHOSE}"))?;
    let split = |wanted: &str| -> Vec<Vec<Value>> {
        let rows = table.rows().iter().filter(|row| row.get(whose).is_some_and(|text| text.as_str() == Some(wanted)));
        let mut rows: Vec<Vec<Value>> = rows.map(|row| without(row, whose)).collect();
        // A query's rows come in any order; what is shown should not.
        rows.sort_by(|a, b| in_order(a, b));
        rows
    };
    let names: Vec<String> =
        table.names().iter().enumerate().filter(|(at, _)| *at != whose).map(|(_, name)| name.to_string()).collect();
    let (expected, actual) = (split("expected"), split("actual"));
    let lines = align(&expected, &actual);
    if lines.iter().all(|line| matches!(line, Line::Same(_))) {
        return Ok(None);
    }
    Ok(Some(format!("\n\nactual differs from expected:\n\n{}\n", render(&names, &lines))))
}

fn without(row: &Row, at: usize) -> Vec<Value> {
    row.iter().enumerate().filter(|(index, _)| *index != at).map(|(_, value)| value.clone()).collect()
}

/// Numbers by value, all else by text, nulls last.
fn in_order(a: &[Value], b: &[Value]) -> Ordering {
    let cells = a.iter().zip(b).map(|(a, b)| {
        let (first, second) = (shown(a), shown(b));
        let by_value = || match (first.parse::<f64>(), second.parse::<f64>()) {
            (Ok(first), Ok(second)) => first.total_cmp(&second),
            _ => first.cmp(&second),
        };
        a.is_none().cmp(&b.is_none()).then_with(by_value)
    });
    cells.fold(Ordering::Equal, Ordering::then)
}

/// Pairs equal rows, then the most similar ones, in the order of the expected rows; the rest of the actual rows comes last.
fn align<'a>(expected: &'a [Vec<Value>], actual: &'a [Vec<Value>]) -> Vec<Line<'a>> {
    let texts =
        |rows: &[Vec<Value>]| -> Vec<Vec<String>> { rows.iter().map(|row| row.iter().map(shown).collect()).collect() };
    let (expected_texts, actual_texts) = (texts(expected), texts(actual));
    let mut free: Vec<bool> = vec![true; actual.len()];
    let mut partner: Vec<Option<usize>> = vec![None; expected.len()];
    let mut by_text: std::collections::HashMap<&[String], Vec<usize>> = std::collections::HashMap::new();
    for (at, row) in actual_texts.iter().enumerate().rev() {
        by_text.entry(row).or_default().push(at);
    }
    for (at, row) in expected_texts.iter().enumerate() {
        if let Some(found) = by_text.get_mut(row.as_slice()).and_then(Vec::pop)
            && let (Some(slot), Some(free)) = (partner.get_mut(at), free.get_mut(found))
        {
            *slot = Some(found);
            *free = false;
        }
    }
    let is_equal = partner.clone();
    for (at, row) in expected_texts.iter().enumerate() {
        if partner.get(at).is_some_and(Option::is_some) {
            continue;
        }
        let alike = |other: &[String]| row.iter().zip(other).filter(|(a, b)| a == b && a.as_str() != NULL).count();
        let candidates = actual_texts.iter().enumerate().filter(|(other, _)| free.get(*other) == Some(&true));
        let best = candidates.map(|(other, cells)| (alike(cells), std::cmp::Reverse(other))).max();
        if let Some((_, std::cmp::Reverse(other))) = best.filter(|(score, _)| *score > 0)
            && let (Some(slot), Some(free)) = (partner.get_mut(at), free.get_mut(other))
        {
            *slot = Some(other);
            *free = false;
        }
    }
    let mut lines: Vec<Line<'a>> = Vec::new();
    for (at, row) in expected.iter().enumerate() {
        let other = partner.get(at).copied().flatten().and_then(|found| actual.get(found));
        lines.push(match other {
            Some(actual) if is_equal.get(at).is_some_and(Option::is_some) => Line::Same(actual),
            Some(actual) => Line::Changed { expected: row, actual },
            None => Line::Missing(row),
        });
    }
    let rest = actual.iter().zip(&free).filter(|(_, free)| **free).map(|(row, _)| Line::Unexpected(row));
    lines.extend(rest);
    lines
}

/// dbt's shape: a column of marks, names, a line per row; `→` marks changed rows, whose cells read `expected→actual`.
fn render(names: &[String], lines: &[Line<'_>]) -> String {
    let mut table: Vec<Vec<String>> = vec![std::iter::once("@@".to_owned()).chain(names.iter().cloned()).collect()];
    let differing = lines.iter().filter(|line| !matches!(line, Line::Same(_))).count();
    let few = lines.len() <= MAX_ROWS;
    let mut hidden = 0;
    for line in lines {
        let is_same = matches!(line, Line::Same(_));
        if (is_same && !few) || table.len() > MAX_ROWS {
            hidden += 1;
            continue;
        }
        let (mark, cells): (&str, Vec<String>) = match line {
            Line::Same(row) => ("", row.iter().map(shown).collect()),
            Line::Missing(row) => ("---", row.iter().map(shown).collect()),
            Line::Unexpected(row) => ("+++", row.iter().map(shown).collect()),
            Line::Changed { expected, actual } => {
                let cell = |(expected, actual): (&Value, &Value)| {
                    let (expected, actual) = (shown(expected), shown(actual));
                    if expected == actual { expected } else { format!("{expected}→{actual}") }
                };
                ("→", expected.iter().zip(actual.iter()).map(cell).collect())
            }
        };
        table.push(std::iter::once(mark.to_owned()).chain(cells).collect());
    }
    let width = |column: usize| {
        table.iter().filter_map(|row| row.get(column)).map(|cell| unicode_width(cell)).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..=names.len()).map(width).collect();
    let mut text = String::new();
    for row in &table {
        let last = row.len().saturating_sub(1);
        for (at, cell) in row.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            text.push_str(cell);
            let padding = widths.get(at).copied().unwrap_or_default().saturating_sub(unicode_width(cell));
            if at != last {
                text.extend(std::iter::repeat_n(' ', padding));
            }
        }
        text.push('\n');
    }
    if hidden > 0 {
        text.push_str(&format!("... {hidden} more rows; {differing} rows differ\n"));
    }
    text
}

fn unicode_width(text: &str) -> usize {
    text.chars().count()
}

/// A cell as text; in quotes where the text alone would mislead.
fn shown(value: &Value) -> String {
    match value {
        Value::None => NULL.to_owned(),
        Value::Str(text) if text.is_empty() || text.trim() != &**text || text.eq_ignore_ascii_case(NULL) => {
            format!("'{text}'")
        }
        Value::Str(text) => text.replace('\n', "\\n"),
        other => other.to_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<Value>> {
        let cell = |text: &&str| if *text == "-" { Value::None } else { Value::from(*text) };
        rows.iter().map(|row| row.iter().map(cell).collect()).collect()
    }

    #[track_caller]
    fn check(expected: &[&[&str]], actual: &[&[&str]], table: &str) {
        let (expected, actual) = (rows(expected), rows(actual));
        let names = ["id".to_owned(), "name".to_owned()];
        assert_eq!(render(&names, &align(&expected, &actual)), table);
    }

    #[test]
    fn rows_are_paired_by_what_they_have_in_common() {
        check(
            &[&["1", "ann"], &["2", "bob"], &["3", "-"]],
            &[&["2", "rob"], &["1", "ann"], &["4", "eve"]],
            "@@ ,id,name\n   ,1 ,ann\n→  ,2 ,bob→rob\n---,3 ,NULL\n+++,4 ,eve\n",
        );
    }

    #[test]
    fn rows_that_occur_twice_must_be_expected_twice() {
        check(&[&["1", "a"]], &[&["1", "a"], &["1", "a"]], "@@ ,id,name\n   ,1 ,a\n+++,1 ,a\n");
        check(&[&["1", "a"], &["1", "a"]], &[&["1", "a"]], "@@ ,id,name\n   ,1 ,a\n---,1 ,a\n");
    }

    #[test]
    fn a_text_that_could_be_taken_for_something_else_is_quoted() {
        check(&[&["1", "null"]], &[&["1", "-"]], "@@,id,name\n→ ,1 ,'null'→NULL\n");
        check(&[&["1", "a "]], &[&["1", "a"]], "@@,id,name\n→ ,1 ,'a '→a\n");
    }

    #[test]
    fn of_many_rows_only_the_differences_are_shown() {
        let many: Vec<Vec<Value>> = (0..200_i64).map(|id| vec![Value::Int(id), Value::None]).collect();
        let mut other = many.clone();
        other.remove(7);
        let text = render(&["id".to_owned(), "name".to_owned()], &align(&many, &other));
        assert_eq!(text, "@@ ,id,name\n---,7 ,NULL\n... 199 more rows; 1 rows differ\n");
    }
}
