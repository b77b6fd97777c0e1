//! Date formats: `%Y-%m-%d` as DuckDB and C have it, `YYYY-MM-DD` as Postgres and Snowflake have it.

/// Elements of a Postgres or Snowflake pattern, longest first, and their `%` form.
const ELEMENTS: &[(&str, &str)] = &[
    ("MONTH", "%B"),
    ("HH24", "%H"),
    ("HH12", "%I"),
    ("YYYY", "%Y"),
    ("IYYY", "%G"),
    ("A.M.", "%p"),
    ("P.M.", "%p"),
    ("MMMM", "%B"),
    ("TZHTZM", "%z"),
    ("TZH:TZM", "%:z"),
    ("DAY", "%A"),
    ("DDD", "%j"),
    ("MON", "%b"),
    ("FF9", "%9f"),
    ("FF6", "%6f"),
    ("FF3", "%3f"),
    ("HH", "%I"),
    ("MI", "%M"),
    ("SS", "%S"),
    ("MS", "%3f"),
    ("US", "%6f"),
    ("FF", "%6f"),
    ("MM", "%m"),
    ("DD", "%d"),
    ("DY", "%a"),
    ("YY", "%y"),
    ("IW", "%V"),
    ("AM", "%p"),
    ("PM", "%p"),
    ("ID", "%u"),
    ("TZ", "%Z"),
    ("OF", "%:z"),
    ("Q", "%q"),
    ("J", "%j"),
];

/// What the format is for: chrono writes and reads fractions of a second differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Print,
    Parse,
}

/// A format in chrono's notation.
pub(super) fn to_chrono(format: &str, purpose: Purpose) -> String {
    let mut format = if format.contains('%') { c_format(format) } else { pattern_format(format) };
    if purpose == Purpose::Parse {
        for fraction in ["%f", "%3f", "%6f", "%9f"] {
            format = format.replace(&format!(".{fraction}"), "%.f");
        }
    }
    format
}

/// DuckDB's `%f` has six digits, chrono's nine; `%g` is a millisecond.
fn c_format(format: &str) -> String {
    let mut out = String::with_capacity(format.len());
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        out.push(c);
        if c == '%' {
            match chars.next() {
                Some('f') => out.push_str("6f"),
                Some('g') => out.push_str("3f"),
                Some('n') => out.push_str("9f"),
                Some(other) => out.push(other),
                None => {}
            }
        }
    }
    out
}

fn pattern_format(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() * 2);
    let mut rest = pattern;
    let mut unpadded = false;
    'next: while let Some(first) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix('"')
            && let Some((text, after)) = quoted.split_once('"')
        {
            out.push_str(text);
            rest = after;
            continue;
        }
        if let Some(after) = strip(rest, "FM") {
            unpadded = true;
            rest = after;
            continue;
        }
        for (element, chrono) in ELEMENTS {
            if let Some(after) = strip(rest, element) {
                match chrono.strip_prefix('%') {
                    Some(letter) if unpadded && letter.len() == 1 => {
                        out.push_str("%-");
                        out.push_str(letter);
                    }
                    _ => out.push_str(chrono),
                }
                unpadded = false;
                rest = after;
                continue 'next;
            }
        }
        out.push(first);
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
    }
    out
}

/// The text after `prefix`, whatever its case.
fn strip<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    if head.eq_ignore_ascii_case(prefix) { text.get(prefix.len()..) } else { None }
}
