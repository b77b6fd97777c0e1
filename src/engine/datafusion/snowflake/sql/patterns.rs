//! Regular expressions: whole-text matching, occurrences, parameters and back references as Snowflake has them.

use datafusion::{
    arrow::datatypes::DataType,
    common::{Result, exec_err},
    logical_expr::ScalarUDF,
};
use regex::Regex;

use super::{
    json::Json,
    row::{Row, VARIANT, Value, strict},
    variant::written,
};

const TEXT: DataType = DataType::Utf8;
const INT: DataType = DataType::Int64;

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        // The whole text must match.
        strict("sf_regexp_like", "tt?t", DataType::Boolean, "regexp_like(text, pattern, parameters)", |row| {
            let regex = row.pattern(&format!("{}^(?:{})$", flags(row.text(2)), row.text(1)))?;
            Ok(regex.is_match(row.text(0)).into())
        }),
        strict(
            "sf_regexp_substr",
            "tt?iiti",
            TEXT,
            "regexp_substr(text, pattern, position, occurrence, parameters, group)",
            |row| Ok(occurrence(row)?.map(str::to_owned).into()),
        ),
        strict("sf_regexp_substr_all", "tt?iiti", VARIANT, "regexp_substr_all(text, pattern)", |row| {
            let (regex, group) = regex_and_group(row, 4, 5)?;
            let skipped = usize::try_from(row.int_or(3, 1) - 1).unwrap_or(0);
            let found = regex.captures_iter(rest(row, 2)).skip(skipped).filter_map(|captures| captures.get(group));
            Ok(written(&Json::Array(found.map(|found| Json::Text(found.as_str().to_owned())).collect())))
        }),
        strict("sf_regexp_count", "tt?it", INT, "regexp_count(text, pattern, position, parameters)", |row| {
            let regex = row.pattern(&format!("{}{}", flags(row.text(3)), row.text(1)))?;
            Ok(i64::try_from(regex.find_iter(rest(row, 2)).count()).unwrap_or(i64::MAX).into())
        }),
        strict(
            "sf_regexp_instr",
            "tt?iiiti",
            INT,
            "regexp_instr(text, pattern, position, occurrence, option, parameters, group)",
            |row| {
                let (regex, group) = regex_and_group(row, 5, 6)?;
                let wanted = usize::try_from(row.int_or(3, 1) - 1).unwrap_or(0);
                let text = rest(row, 2);
                let found = regex.captures_iter(text).nth(wanted).and_then(|captures| captures.get(group));
                Ok(match found {
                    Some(found) => {
                        let at = if row.int(4) == 1 { found.end() } else { found.start() };
                        let before = text.get(..at).unwrap_or_default().chars().count();
                        let skipped = row.int_or(2, 1) - 1;
                        (i64::try_from(before).unwrap_or(i64::MAX) + skipped + 1).into()
                    }
                    None => 0_i64.into(),
                })
            },
        ),
        strict(
            "sf_regexp_replace",
            "tt?tiit",
            TEXT,
            "regexp_replace(text, pattern, replacement, position, occurrence, parameters)",
            replace,
        ),
    ]
}

/// The parameters of a call as the flags of a pattern.
fn flags(parameters: &str) -> &'static str {
    let mut ignores_case = false;
    let (mut lines, mut dots) = (false, false);
    for parameter in parameters.chars() {
        match parameter {
            'i' => ignores_case = true,
            'c' => ignores_case = false,
            'm' => lines = true,
            's' => dots = true,
            _ => {}
        }
    }
    match (ignores_case, lines, dots) {
        (false, false, false) => "",
        (true, false, false) => "(?i)",
        (false, true, false) => "(?m)",
        (false, false, true) => "(?s)",
        (true, true, false) => "(?im)",
        (true, false, true) => "(?is)",
        (false, true, true) => "(?ms)",
        (true, true, true) => "(?ims)",
    }
}

/// The text from the position on that argument `index` says.
fn rest<'a>(row: &Row<'a>, index: usize) -> &'a str {
    let skipped = usize::try_from(row.int_or(index, 1) - 1).unwrap_or(0);
    let text = row.text(0);
    match text.char_indices().nth(skipped) {
        Some((at, _)) => text.get(at..).unwrap_or(""),
        None => "",
    }
}

/// The pattern, and the group that is asked for: the first where the parameters have `e` and no number is said.
fn regex_and_group(row: &Row<'_>, parameters: usize, group: usize) -> Result<(Regex, usize)> {
    let given = row.text(parameters);
    let regex = row.pattern(&format!("{}{}", flags(given), row.text(1)))?;
    let group = match (row.len() > group, given.contains('e')) {
        (true, _) => usize::try_from(row.int(group)).unwrap_or(0),
        (false, true) => 1,
        (false, false) => 0,
    };
    if group >= regex.captures_len() && group > 1 {
        return exec_err!("`{}` has no group {group}", row.text(1));
    }
    let group = if group >= regex.captures_len() { 0 } else { group };
    Ok((regex, group))
}

fn occurrence<'a>(row: &Row<'a>) -> Result<Option<&'a str>> {
    let (regex, group) = regex_and_group(row, 4, 5)?;
    let wanted = usize::try_from(row.int_or(3, 1) - 1).unwrap_or(0);
    let captures = regex.captures_iter(rest(row, 2)).nth(wanted);
    Ok(captures.and_then(|captures| captures.get(group)).map(|found| found.as_str()))
}

fn replace(row: &Row<'_>) -> Result<Value> {
    let regex = row.pattern(&format!("{}{}", flags(row.text(5)), row.text(1)))?;
    let by = references(row.text(2));
    let text = rest(row, 3);
    let head = row.text(0).strip_suffix(text).unwrap_or("");
    let occurrence = usize::try_from(row.int_or(4, 0)).unwrap_or(0);
    let replaced = if occurrence == 0 {
        regex.replace_all(text, by.as_str()).into_owned()
    } else {
        match regex.captures_iter(text).nth(occurrence - 1) {
            Some(captures) => {
                let mut out = String::new();
                let whole = captures.get(0).map_or(0..0, |whole| whole.range());
                out.push_str(text.get(..whole.start).unwrap_or(""));
                captures.expand(&by, &mut out);
                out.push_str(text.get(whole.end..).unwrap_or(""));
                out
            }
            None => text.to_owned(),
        }
    };
    Ok(format!("{head}{replaced}").into())
}

/// `\1` → `${1}`; a dollar means itself.
fn references(by: &str) -> String {
    let mut out = String::with_capacity(by.len() + 4);
    let mut chars = by.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek().copied()) {
            ('\\', Some(digit)) if digit.is_ascii_digit() => {
                out.push_str(&format!("${{{digit}}}"));
                chars.next();
            }
            ('\\', Some('\\')) => {
                out.push('\\');
                chars.next();
            }
            ('$', _) => out.push_str("$$"),
            (c, _) => out.push(c),
        }
    }
    out
}
