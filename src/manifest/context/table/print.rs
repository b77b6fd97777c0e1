//! Tables as text, in agate's layout: `| id | name |` with a rule under the header.

use crate::jinja::Value;

use super::{ColumnKind, Table};

const ELLIPSIS: &str = "...";
/// Cells are cut at so many characters.
const MAX_WIDTH: usize = 20;
/// Digits behind the point.
const MAX_PRECISION: usize = 3;

/// Rows and columns beyond the maxima are shown as an ellipsis.
pub(super) fn table(table: &Table, max_rows: Option<usize>, max_columns: Option<usize>) -> String {
    let columns = table.names().len().min(max_columns.unwrap_or(usize::MAX));
    let more_columns = columns < table.names().len();
    let shown = table.rows().len().min(max_rows.unwrap_or(usize::MAX));
    let mut header: Vec<String> = table.names().iter().take(columns).map(|name| cut(name)).collect();
    let precisions: Vec<usize> = (0..columns).map(|at| precision(table, at, shown)).collect();
    let mut rows: Vec<Vec<String>> = Vec::new();
    for row in table.rows().iter().take(shown) {
        let cell = |(at, value): (usize, &Value)| cell(value, table.kinds().get(at), precisions.get(at));
        let mut cells: Vec<String> = row.iter().take(columns).enumerate().map(cell).collect();
        cells.extend(more_columns.then(|| ELLIPSIS.to_owned()));
        rows.push(cells);
    }
    header.extend(more_columns.then(|| ELLIPSIS.to_owned()));
    let right: Vec<bool> =
        (0..header.len()).map(|at| matches!(table.kinds().get(at), Some(ColumnKind::Number)) && at < columns).collect();
    let mut text = lines(&header, &rows, &right);
    if shown < table.rows().len() {
        // Not part of the widths.
        let width = |name: &String| name.chars().count().max(2);
        let widths = header.iter().enumerate().map(|(at, name)| {
            let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count());
            cells.chain([width(name)]).max().unwrap_or(0)
        });
        let cells: Vec<String> = widths.map(|width| format!("{ELLIPSIS:<width$}")).collect();
        text.push_str(&format!("\n| {} |", cells.join(" | ")));
    }
    text
}

/// The names and types of the columns.
pub(super) fn structure(table: &Table) -> String {
    let rows: Vec<Vec<String>> = table
        .names()
        .iter()
        .zip(table.kinds())
        .map(|(name, kind)| vec![name.to_string(), kind.as_str().to_owned()])
        .collect();
    let mut text = lines(&["column".to_owned(), "data_type".to_owned()], &rows, &[false, false]);
    text.push('\n');
    text
}

fn lines(header: &[String], rows: &[Vec<String>], right: &[bool]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|name| name.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &[String]| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .zip(right)
            .map(|((cell, width), right)| if *right { format!("{cell:>width$}") } else { format!("{cell:<width$}") })
            .collect();
        format!("| {} |", padded.join(" | "))
    };
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let mut lines = vec![line(header), format!("| {} |", rule.join(" | "))];
    lines.extend(rows.iter().map(|row| line(row)));
    lines.join("\n")
}

fn cut(text: &str) -> String {
    if text.chars().count() <= MAX_WIDTH {
        return text.to_owned();
    }
    let kept: String = text.chars().take(MAX_WIDTH - ELLIPSIS.len()).collect();
    kept + ELLIPSIS
}

fn cell(value: &Value, kind: Option<&ColumnKind>, precision: Option<&usize>) -> String {
    if value.is_none() {
        return String::new();
    }
    match (kind, precision) {
        (Some(ColumnKind::Number), Some(precision)) => grouped(&value.to_str(), *precision),
        _ => cut(&value.to_str()),
    }
}

/// The most digits behind the point among the shown values of a column.
fn precision(table: &Table, at: usize, shown: usize) -> usize {
    let digits = |value: &Value| {
        let text = value.to_str();
        text.split_once('.').map_or(0, |(_, digits)| digits.trim_end_matches('0').len())
    };
    let values = table.rows().iter().take(shown).filter_map(|row| row.get(at));
    values.map(digits).max().unwrap_or(0).min(MAX_PRECISION)
}

/// A number with so many digits behind the point and commas between thousands.
fn grouped(number: &str, precision: usize) -> String {
    let Ok(value) = number.parse::<f64>() else { return number.to_owned() };
    if !value.is_finite() {
        return number.to_owned();
    }
    let fixed = format!("{:.precision$}", value.abs());
    let (whole, fraction) = fixed.split_once('.').map_or((fixed.as_str(), None), |(a, b)| (a, Some(b)));
    let digits: Vec<char> = whole.chars().collect();
    let mut text = String::new();
    for (at, digit) in digits.iter().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(*digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}
