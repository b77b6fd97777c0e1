//! Functions of text.

use datafusion::{
    arrow::datatypes::DataType,
    common::{Result, exec_err},
    logical_expr::ScalarUDF,
};

use super::{
    json::{Json, quoted},
    row::{Row, VARIANT, Value, strict},
    variant::written,
};

const TEXT: DataType = DataType::Utf8;
const INT: DataType = DataType::Int64;
const BOOL: DataType = DataType::Boolean;
/// A longer text is refused.
const MOST_CHARACTERS: usize = 16 * 1024 * 1024;

pub(super) fn functions() -> Vec<ScalarUDF> {
    let mut all = vec![
        strict("sf_concat", "?t*", TEXT, "concat(text, …)", |row| {
            Ok((0..row.len()).map(|index| row.text(index)).collect::<String>().into())
        }),
        strict("sf_concat_ws", "tt*", TEXT, "concat_ws(separator, text, …)", |row| {
            let texts: Vec<&str> = (1..row.len()).map(|index| row.text(index)).collect();
            Ok(texts.join(row.text(0)).into())
        }),
        strict("sf_contains", "tt", BOOL, "contains(text, part)", |row| Ok(row.text(0).contains(row.text(1)).into())),
        strict("sf_startswith", "tt", BOOL, "startswith(text, part)", |row| {
            Ok(row.text(0).starts_with(row.text(1)).into())
        }),
        strict("sf_endswith", "tt", BOOL, "endswith(text, part)", |row| Ok(row.text(0).ends_with(row.text(1)).into())),
        strict("sf_left", "ti", TEXT, "left(text, length)", |row| {
            Ok(row.text(0).chars().take(count(row.int(1))).collect::<String>().into())
        }),
        strict("sf_right", "ti", TEXT, "right(text, length)", |row| {
            let length = row.text(0).chars().count();
            Ok(row.text(0).chars().skip(length.saturating_sub(count(row.int(1)))).collect::<String>().into())
        }),
        strict("sf_substr", "ti?i", TEXT, "substr(text, start, length)", |row| {
            let length = i64::try_from(row.text(0).chars().count()).unwrap_or(i64::MAX);
            let start = match row.int(1) {
                0 => 0,
                start if start > 0 => start - 1,
                start => length + start,
            };
            if start < 0 {
                return Ok("".into());
            }
            let taken = if row.len() > 2 { count(row.int(2)) } else { usize::MAX };
            Ok(row.text(0).chars().skip(count(start)).take(taken).collect::<String>().into())
        }),
        strict("sf_insert", "tiit", TEXT, "insert(text, position, length, part)", |row| {
            let chars: Vec<char> = row.text(0).chars().collect();
            let at = count(row.int(1) - 1).min(chars.len());
            let after = at.saturating_add(count(row.int(2))).min(chars.len());
            let head = chars.iter().take(at).copied();
            Ok(head.chain(row.text(3).chars()).chain(chars.iter().skip(after).copied()).collect::<String>().into())
        }),
        strict("sf_lpad", "ti?t", TEXT, "lpad(text, length, pad)", |row| pad(row, Side::Left)),
        strict("sf_rpad", "ti?t", TEXT, "rpad(text, length, pad)", |row| pad(row, Side::Right)),
        strict("sf_trim", "t?t", TEXT, "trim(text, characters)", |row| Ok(trimmed(row, true, true).into())),
        strict("sf_ltrim", "t?t", TEXT, "ltrim(text, characters)", |row| Ok(trimmed(row, true, false).into())),
        strict("sf_rtrim", "t?t", TEXT, "rtrim(text, characters)", |row| Ok(trimmed(row, false, true).into())),
    ];
    all.extend(changes());
    all.extend(pieces());
    all.extend(encodings());
    all
}

/// Functions that change a text or tell something of it.
fn changes() -> Vec<ScalarUDF> {
    vec![
        strict("sf_replace", "tt?t", TEXT, "replace(text, part, by)", |row| {
            Ok(if row.text(1).is_empty() {
                row.text(0).into()
            } else {
                row.text(0).replace(row.text(1), row.text(2)).into()
            })
        }),
        strict("sf_repeat", "ti", TEXT, "repeat(text, times)", |row| {
            if row.text(0).len().saturating_mul(count(row.int(1))) > MOST_CHARACTERS {
                return exec_err!("`repeat` would make a text of more than 16 MB");
            }
            Ok(row.text(0).repeat(count(row.int(1))).into())
        }),
        strict("sf_reverse", "t", TEXT, "reverse(text)", |row| {
            Ok(row.text(0).chars().rev().collect::<String>().into())
        }),
        strict("sf_space", "i", TEXT, "space(count)", |row| {
            Ok(" ".repeat(count(row.int(0)).min(MOST_CHARACTERS)).into())
        }),
        strict("sf_translate", "ttt", TEXT, "translate(text, from, to)", |row| {
            let (from, to): (Vec<char>, Vec<char>) = (row.text(1).chars().collect(), row.text(2).chars().collect());
            let changed = row.text(0).chars().filter_map(|c| match from.iter().position(|known| *known == c) {
                Some(index) => to.get(index).copied(),
                None => Some(c),
            });
            Ok(changed.collect::<String>().into())
        }),
        strict("sf_charindex", "tt?i", INT, "charindex(part, text, start)", |row| {
            let skipped = count(row.int_or(2, 1) - 1);
            let rest: String = row.text(1).chars().skip(skipped).collect();
            Ok(match rest.find(row.text(0)) {
                Some(at) => {
                    let before = rest.get(..at).unwrap_or_default().chars().count();
                    i64::try_from(before + skipped + 1).unwrap_or(i64::MAX).into()
                }
                None => 0_i64.into(),
            })
        }),
        strict("sf_length", "t", INT, "length(text)", |row| {
            Ok(i64::try_from(row.text(0).chars().count()).unwrap_or(i64::MAX).into())
        }),
        strict("sf_ascii", "t", INT, "ascii(text)", |row| {
            Ok(row.text(0).chars().next().map_or(0, |c| i64::from(u32::from(c))).into())
        }),
        strict("sf_chr", "i", TEXT, "chr(code)", |row| match u32::try_from(row.int(0)).ok().and_then(char::from_u32) {
            Some(c) => Ok(c.to_string().into()),
            None => exec_err!("{} is the code of no character", row.int(0)),
        }),
        strict("sf_initcap", "t?t", TEXT, "initcap(text, delimiters)", |row| {
            const DELIMITERS: &str = " \t\n\r\u{c}\u{b}!?@\"^#$&~_,.:;+-*%/|\\[](){}<>";
            let delimiters = row.text_or(1, DELIMITERS);
            let mut begins = true;
            let mut out = String::with_capacity(row.text(0).len());
            for c in row.text(0).chars() {
                if begins {
                    out.extend(c.to_uppercase())
                } else {
                    out.extend(c.to_lowercase())
                }
                begins = delimiters.contains(c);
            }
            Ok(out.into())
        }),
    ]
}

/// Functions that take a text apart or compare two.
fn pieces() -> Vec<ScalarUDF> {
    vec![
        strict("sf_split", "tt", VARIANT, "split(text, separator)", |row| {
            let pieces = split(row.text(0), row.text(1));
            Ok(written(&Json::Array(pieces.into_iter().map(|piece| Json::Text(piece.to_owned())).collect())))
        }),
        strict("sf_split_part", "tti", TEXT, "split_part(text, separator, number)", |row| {
            let pieces = split(row.text(0), row.text(1));
            let index = match row.int(2) {
                0 | 1 => Some(0),
                number if number > 0 => usize::try_from(number - 1).ok(),
                number => usize::try_from(-number).ok().and_then(|number| pieces.len().checked_sub(number)),
            };
            Ok(index.and_then(|index| pieces.get(index)).copied().unwrap_or("").into())
        }),
        strict("sf_strtok", "t?ti", TEXT, "strtok(text, delimiters, number)", |row| {
            let number = row.int_or(2, 1);
            let found = usize::try_from(number - 1).ok().and_then(|index| tokens(row).nth(index));
            Ok(found.map(str::to_owned).into())
        }),
        strict("sf_strtok_to_array", "t?t", VARIANT, "strtok_to_array(text, delimiters)", |row| {
            Ok(written(&Json::Array(tokens(row).map(|token| Json::Text(token.to_owned())).collect())))
        }),
        strict("sf_editdistance", "tt?i", INT, "editdistance(text, text)", |row| {
            let distance = i64::try_from(strsim::levenshtein(row.text(0), row.text(1))).unwrap_or(i64::MAX);
            Ok(distance.min(row.int_or(2, i64::MAX)).into())
        }),
        strict("sf_jarowinkler_similarity", "tt", INT, "jarowinkler_similarity(text, text)", |row| {
            let similarity = strsim::jaro_winkler(&row.text(0).to_lowercase(), &row.text(1).to_lowercase());
            #[expect(clippy::cast_possible_truncation, reason = "between 0 and 100")]
            let percent = (similarity * 100.0).round() as i64;
            Ok(percent.into())
        }),
        strict("sf_soundex", "t", TEXT, "soundex(text)", |row| Ok(soundex(row.text(0)).into())),
        strict("sf_parse_url", "t?i", VARIANT, "parse_url(url)", |row| {
            parse_url(row.text(0)).map_or_else(
                || {
                    if row.int(1) == 1 {
                        Ok(Value::Json(format!("{{\"error\":{}}}", quoted("not a URL"))))
                    } else {
                        exec_err!("`{}` is not a URL", row.text(0))
                    }
                },
                |json| Ok(written(&json)),
            )
        }),
    ]
}

fn encodings() -> Vec<ScalarUDF> {
    vec![
        strict("sf_hex_encode", "t?i", TEXT, "hex_encode(text)", |row| {
            let upper = row.int_or(1, 1) == 1;
            Ok(hex(row.text(0).as_bytes(), upper).into())
        }),
        strict("sf_hex_decode_string", "t", TEXT, "hex_decode_string(hex)", |row| {
            match from_hex(row.text(0)).and_then(|bytes| String::from_utf8(bytes).ok()) {
                Some(text) => Ok(text.into()),
                None => exec_err!("`{}` is no text in hexadecimal", row.text(0)),
            }
        }),
        strict("sf_try_hex_decode_string", "t", TEXT, "try_hex_decode_string(hex)", |row| {
            Ok(from_hex(row.text(0)).and_then(|bytes| String::from_utf8(bytes).ok()).into())
        }),
        strict("sf_base64_encode", "t", TEXT, "base64_encode(text)", |row| Ok(base64(row.text(0).as_bytes()).into())),
        strict("sf_base64_decode_string", "t", TEXT, "base64_decode_string(text)", |row| {
            match from_base64(row.text(0)).and_then(|bytes| String::from_utf8(bytes).ok()) {
                Some(text) => Ok(text.into()),
                None => exec_err!("`{}` is no text in base 64", row.text(0)),
            }
        }),
        strict("sf_try_base64_decode_string", "t", TEXT, "try_base64_decode_string(text)", |row| {
            Ok(from_base64(row.text(0)).and_then(|bytes| String::from_utf8(bytes).ok()).into())
        }),
        strict("sf_sha1", "t", TEXT, "sha1(text)", |row| {
            use sha1::Digest;
            Ok(hex(&sha1::Sha1::digest(row.text(0).as_bytes()), false).into())
        }),
        strict("sf_md5_number_lower64", "t", INT, "md5_number_lower64(text)", |row| {
            use md5::Digest;
            let digest = md5::Md5::digest(row.text(0).as_bytes());
            let lower = digest.iter().skip(8).fold(0_u64, |value, byte| (value << 8) | u64::from(*byte));
            Ok(Value::Int(lower.cast_signed()))
        }),
    ]
}

/// A number of characters; what is below zero is none.
fn count(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

fn pad(row: &Row<'_>, side: Side) -> Result<Value> {
    let (wanted, padding) = (count(row.int(1)), row.text_or(2, " "));
    if wanted > MOST_CHARACTERS {
        return exec_err!("a text of {wanted} characters is too long");
    }
    let length = row.text(0).chars().count();
    if length >= wanted || padding.is_empty() {
        return Ok(row.text(0).chars().take(wanted).collect::<String>().into());
    }
    let added = padding.chars().cycle().take(wanted - length);
    Ok(match side {
        Side::Left => added.chain(row.text(0).chars()).collect::<String>(),
        Side::Right => row.text(0).chars().chain(added).collect(),
    }
    .into())
}

fn trimmed<'a>(row: &Row<'a>, start: bool, end: bool) -> &'a str {
    let characters = row.text_or(1, " ");
    let unwanted = |c: char| characters.contains(c);
    let text = row.text(0);
    let text = if start { text.trim_start_matches(unwanted) } else { text };
    if end { text.trim_end_matches(unwanted) } else { text }
}

/// The pieces between separators; an empty separator separates nothing.
fn split<'a>(text: &'a str, separator: &str) -> Vec<&'a str> {
    if separator.is_empty() { vec![text] } else { text.split(separator).collect() }
}

fn tokens<'a>(row: &Row<'a>) -> impl Iterator<Item = &'a str> {
    let delimiters = row.text_or(1, " ");
    row.text(0).split(move |c| delimiters.contains(c)).filter(|token| !token.is_empty())
}

fn soundex(text: &str) -> String {
    let code = |c: char| match c.to_ascii_uppercase() {
        'B' | 'F' | 'P' | 'V' => Some('1'),
        'C' | 'G' | 'J' | 'K' | 'Q' | 'S' | 'X' | 'Z' => Some('2'),
        'D' | 'T' => Some('3'),
        'L' => Some('4'),
        'M' | 'N' => Some('5'),
        'R' => Some('6'),
        _ => None,
    };
    let mut letters = text.chars().filter(char::is_ascii_alphabetic);
    let Some(first) = letters.next() else { return String::new() };
    let mut out = String::from(first.to_ascii_uppercase());
    let mut last = code(first);
    for letter in letters {
        let next = code(letter);
        if next.is_some() && next != last {
            out.extend(next);
        }
        // H and W do not separate equal codes.
        if !matches!(letter.to_ascii_uppercase(), 'H' | 'W') {
            last = next;
        }
        if out.len() == 4 {
            break;
        }
    }
    format!("{out:0<4}")
}

fn hex(bytes: &[u8], upper: bool) -> String {
    bytes.iter().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text.chars().map(|c| c.to_digit(16)).collect::<Option<_>>()?;
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits.chunks(2).map(|pair| u8::try_from(pair.iter().fold(0, |value, digit| value * 16 + digit)).ok()).collect()
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = (0..3).fold(0_u32, |group, index| (group << 8) | u32::from(chunk.get(index).copied().unwrap_or(0)));
        for position in 0..4 {
            let index = (group >> (18 - 6 * position)) & 63;
            let letter = BASE64.get(index as usize).map(|byte| char::from(*byte));
            out.push(if position as usize <= chunk.len() { letter.unwrap_or('=') } else { '=' });
        }
    }
    out
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut group, mut bits) = (0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let value = BASE64.iter().position(|known| *known == byte)?;
        group = (group << 6) | u32::try_from(value).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from((group >> bits) & 255).ok()?);
        }
    }
    Some(out)
}

/// The parts of an address, as `parse_url` names them.
fn parse_url(url: &str) -> Option<Json> {
    let (scheme, rest) = url.split_once(':')?;
    if scheme.is_empty() || !scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)) {
        return None;
    }
    let text = |text: Option<&str>| text.map_or(Json::Null, |text| Json::Text(text.to_owned()));
    let (rest, fragment) = match rest.split_once('#') {
        Some((rest, fragment)) => (rest, Some(fragment)),
        None => (rest, None),
    };
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (rest, None),
    };
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => match rest.split_once('/') {
            Some((authority, path)) => (Some(authority), Some(path)),
            None => (Some(rest), None),
        },
        None => (None, Some(rest)),
    };
    let host_and_port = authority.map(|authority| authority.rsplit_once('@').map_or(authority, |(_, host)| host));
    let (host, port) = match host_and_port.and_then(|host| host.rsplit_once(':')) {
        Some((host, port)) => (Some(host), Some(port)),
        None => (host_and_port, None),
    };
    let parameters = query.map_or(Json::Null, |query| {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        Json::object(
            pairs
                .map(|pair| {
                    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (key.to_owned(), Json::Text(value.to_owned()))
                })
                .collect(),
        )
    });
    Some(Json::object(vec![
        ("scheme".to_owned(), text(Some(scheme))),
        ("host".to_owned(), text(host)),
        ("port".to_owned(), text(port)),
        ("path".to_owned(), text(path.filter(|path| !path.is_empty()))),
        ("query".to_owned(), text(query)),
        ("fragment".to_owned(), text(fragment)),
        ("parameters".to_owned(), parameters),
    ]))
}
