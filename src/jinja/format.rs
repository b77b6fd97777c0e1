//! `'…' % values` and `'…'.format(…)`, with Python's mini-language.

use std::sync::Arc;

use rust_decimal::prelude::ToPrimitive;

use super::{
    Args, Interp, JinjaError, Value, attributes,
    operators::{check_size, float},
    repr,
};

/// A format specification: `[[fill]align][sign][#][0][width][,][.precision][type]`.
#[derive(Debug, Clone)]
pub(super) struct Spec {
    fill: char,
    align: Option<char>,
    sign: char,
    alternate: bool,
    width: usize,
    grouping: Option<char>,
    precision: Option<usize>,
    kind: char,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            fill: ' ',
            align: None,
            sign: '-',
            alternate: false,
            width: 0,
            grouping: None,
            precision: None,
            kind: '\0',
        }
    }
}

type Chars<'s> = std::iter::Peekable<std::str::Chars<'s>>;

fn number(chars: &mut Chars<'_>) -> Result<Option<usize>, JinjaError> {
    let mut value: Option<usize> = None;
    while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
        chars.next();
        value = Some(value.unwrap_or(0).saturating_mul(10).saturating_add(digit as usize));
    }
    check_size(value.unwrap_or(0))?;
    Ok(value)
}

impl Spec {
    fn parse(text: &str) -> Result<Self, JinjaError> {
        let mut spec = Self::default();
        let mut chars = text.chars().peekable();
        let mut ahead = text.chars();
        let (first, second) = (ahead.next(), ahead.next());
        let is_align = |c: char| matches!(c, '<' | '>' | '^' | '=');
        if let (Some(fill), Some(align)) = (first, second.filter(|c| is_align(*c))) {
            (spec.fill, spec.align) = (fill, Some(align));
            chars.next();
            chars.next();
        } else if let Some(align) = first.filter(|c| is_align(*c)) {
            spec.align = Some(align);
            chars.next();
        }
        if let Some(sign) = chars.next_if(|c| matches!(c, '+' | '-' | ' ')) {
            spec.sign = sign;
        }
        spec.alternate = chars.next_if_eq(&'#').is_some();
        if chars.next_if_eq(&'0').is_some() && spec.align.is_none() {
            (spec.fill, spec.align) = ('0', Some('='));
        }
        spec.width = number(&mut chars)?.unwrap_or(0);
        spec.grouping = chars.next_if(|c| matches!(c, ',' | '_'));
        if chars.next_if_eq(&'.').is_some() {
            let precision = number(&mut chars)?;
            spec.precision =
                Some(precision.ok_or_else(|| JinjaError::value_error("Format specifier missing precision"))?);
        }
        spec.kind = chars.next().unwrap_or('\0');
        if chars.next().is_some() {
            return Err(JinjaError::value_error("Invalid format specifier"));
        }
        Ok(spec)
    }

    fn pad(&self, sign: &str, body: &str, default: char) -> String {
        let length = sign.chars().count() + body.chars().count();
        let missing = self.width.saturating_sub(length);
        let run = |count: usize| self.fill.to_string().repeat(count);
        match self.align.unwrap_or(default) {
            '<' => format!("{sign}{body}{}", run(missing)),
            '^' => format!("{}{sign}{body}{}", run(missing / 2), run(missing - missing / 2)),
            '=' => format!("{sign}{}{body}", run(missing)),
            _ => format!("{}{sign}{body}", run(missing)),
        }
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.sign) {
            (true, _) => "-",
            (false, '+') => "+",
            (false, ' ') => " ",
            _ => "",
        }
    }

    fn group(&self, digits: &str, size: usize) -> String {
        let Some(separator) = self.grouping else { return digits.to_owned() };
        let (whole, rest) = digits.split_at(digits.find(['.', 'e']).unwrap_or(digits.len()));
        let mut out = String::new();
        for (index, c) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index) % size == 0 {
                out.push(separator);
            }
            out.push(c);
        }
        out + rest
    }
}

/// `format(value, spec)`.
pub(super) fn format_value(value: &Value, spec: &str) -> Result<String, JinjaError> {
    if spec.is_empty() {
        return Ok(value.to_str());
    }
    if let Value::Object(object) = value
        && let Some(text) = object.format(spec)
    {
        return text;
    }
    let parsed = Spec::parse(spec)?;
    let unknown = || {
        let message = format!("Unknown format code '{}' for object of type '{}'", parsed.kind, value.type_name());
        Err(JinjaError::value_error(message))
    };
    match value {
        Value::Str(text) => {
            if !matches!(parsed.kind, '\0' | 's') {
                return unknown();
            }
            let text: String = text.chars().take(parsed.precision.unwrap_or(usize::MAX)).collect();
            Ok(parsed.pad("", &text, '<'))
        }
        Value::Int(_) | Value::Bool(_) => {
            let int = value.as_i64().unwrap_or(0);
            match parsed.kind {
                '\0' | 'd' | 'n' | 'b' | 'o' | 'x' | 'X' | 'c' => Ok(format_int(int, &parsed)),
                'e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%' => format_float(float(value).unwrap_or(0.0), &parsed),
                _ => unknown(),
            }
        }
        Value::Float(number) => match parsed.kind {
            '\0' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%' | 'n' => format_float(*number, &parsed),
            _ => unknown(),
        },
        Value::Decimal(number) => match parsed.kind {
            'f' | 'F' | '%' | '\0' => {
                let scaled = if parsed.kind == '%' { *number * rust_decimal::Decimal::ONE_HUNDRED } else { *number };
                let places = parsed.precision.map_or(scaled.scale(), |places| u32::try_from(places).unwrap_or(28));
                let mut rounded = scaled.round_dp(places);
                rounded.rescale(places);
                let digits = rounded.abs().to_string() + if parsed.kind == '%' { "%" } else { "" };
                Ok(parsed.pad(parsed.sign(rounded.is_sign_negative()), &parsed.group(&digits, 3), '>'))
            }
            _ => format_float(number.to_f64().unwrap_or(0.0), &parsed),
        },
        Value::None | Value::Undefined(_) | Value::List(_) | Value::Tuple(_) | Value::Dict(_) | Value::Set(_) => {
            let message = format!("unsupported format string passed to {}.__format__", value.type_name());
            Err(JinjaError::type_error(message))
        }
        other => Ok(parsed.pad("", &other.to_str(), '<')),
    }
}

fn format_int(value: i64, spec: &Spec) -> String {
    let magnitude = value.unsigned_abs();
    let (prefix, digits, size) = match spec.kind {
        'b' => ("0b", format!("{magnitude:b}"), 4),
        'o' => ("0o", format!("{magnitude:o}"), 4),
        'x' => ("0x", format!("{magnitude:x}"), 4),
        'X' => ("0X", format!("{magnitude:X}"), 4),
        'c' => {
            let c = u32::try_from(value).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
            return spec.pad("", &c.to_string(), '<');
        }
        _ => ("", magnitude.to_string(), 3),
    };
    let mut sign = spec.sign(value < 0).to_owned();
    if spec.alternate {
        sign.push_str(prefix);
    }
    let mut digits = spec.group(&digits, size);
    // Zeros in front are grouped too.
    if spec.grouping.is_some() && spec.fill == '0' && spec.align == Some('=') {
        while sign.len() + digits.len() < spec.width {
            let plain: String = format!("0{}", digits.replace([',', '_'], ""));
            digits = spec.group(&plain, size);
        }
    }
    spec.pad(&sign, &digits, '>')
}

fn format_float(value: f64, spec: &Spec) -> Result<String, JinjaError> {
    let negative = value.is_sign_negative() && !value.is_nan();
    let magnitude = value.abs();
    let upper = spec.kind.is_ascii_uppercase();
    let digits = if magnitude.is_nan() || magnitude.is_infinite() {
        let text = if magnitude.is_nan() { "nan" } else { "inf" };
        if spec.kind == '%' { format!("{text}%") } else { text.to_owned() }
    } else {
        match spec.kind.to_ascii_lowercase() {
            'f' => format!("{magnitude:.*}", limit(spec.precision.unwrap_or(6))?),
            '%' => format!("{:.*}%", limit(spec.precision.unwrap_or(6))?, magnitude * 100.0),
            'e' => exponent(&format!("{magnitude:.*e}", limit(spec.precision.unwrap_or(6))?)),
            'g' | 'n' => general(magnitude, limit(spec.precision.unwrap_or(6))?, spec.alternate),
            _ => match spec.precision {
                None => repr::float(magnitude),
                Some(precision) => {
                    let text = general(magnitude, limit(precision)?, false);
                    // Without a type a float keeps one decimal.
                    if text.contains(['.', 'e']) { text } else { format!("{text}.0") }
                }
            },
        }
    };
    let digits = if upper { digits.to_uppercase() } else { digits };
    Ok(spec.pad(spec.sign(negative), &spec.group(&digits, 3), '>'))
}

fn limit(precision: usize) -> Result<usize, JinjaError> {
    if precision > 10_000 {
        return Err(JinjaError::value_error("precision too big"));
    }
    Ok(precision)
}

/// Rust's exponent in Python's form: a sign and two digits at least.
fn exponent(text: &str) -> String {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

fn general(value: f64, precision: usize, alternate: bool) -> String {
    let precision = precision.max(1);
    let scientific = format!("{value:.*e}", precision - 1);
    let power: i32 = scientific.split_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0);
    let trim = |text: &str| {
        if alternate || !text.contains('.') {
            return text.to_owned();
        }
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    if power < -4 || power >= i32::try_from(precision).unwrap_or(i32::MAX) {
        let (mantissa, power) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        return exponent(&format!("{}e{power}", trim(mantissa)));
    }
    let places = usize::try_from(i64::try_from(precision).unwrap_or(1) - 1 - i64::from(power)).unwrap_or(0);
    trim(&format!("{value:.places$}"))
}

/// `text % values`.
pub(super) fn percent(text: &str, values: &Value) -> Result<String, JinjaError> {
    let mut positional = match values {
        Value::Tuple(items) => items.to_vec(),
        other => vec![other.clone()],
    }
    .into_iter();
    let mut used_names = false;
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut named = None;
        if chars.next_if_eq(&'(').is_some() {
            let mut name = String::new();
            let mut depth = 1;
            for c in chars.by_ref() {
                depth += i32::from(c == '(') - i32::from(c == ')');
                if depth == 0 {
                    break;
                }
                name.push(c);
            }
            if !matches!(values, Value::Dict(_) | Value::Object(_)) {
                return Err(JinjaError::type_error("format requires a mapping"));
            }
            used_names = true;
            named = Some(values.get(&name).ok_or_else(|| JinjaError::value_error(repr::quoted(&name)))?);
        }
        let mut next = || {
            named
                .clone()
                .or_else(|| positional.next())
                .ok_or_else(|| JinjaError::type_error("not enough arguments for format string"))
        };
        let mut spec = Spec { align: Some('>'), ..Spec::default() };
        let mut zero = false;
        let mut left = false;
        while let Some(flag) = chars.next_if(|c| matches!(c, '-' | '+' | ' ' | '#' | '0')) {
            match flag {
                '-' => left = true,
                '0' => zero = true,
                '#' => spec.alternate = true,
                ' ' if spec.sign == '+' => {}
                sign => spec.sign = sign,
            }
        }
        if chars.next_if_eq(&'*').is_some() {
            let width = next()?.as_i64().unwrap_or(0);
            left |= width < 0;
            spec.width = usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX);
            check_size(spec.width)?;
        } else {
            spec.width = number(&mut chars)?.unwrap_or(0);
        }
        if chars.next_if_eq(&'.').is_some() {
            spec.precision = Some(if chars.next_if_eq(&'*').is_some() {
                usize::try_from(next()?.as_i64().unwrap_or(0)).unwrap_or(0)
            } else {
                number(&mut chars)?.unwrap_or(0)
            });
        }
        while chars.next_if(|c| matches!(c, 'h' | 'l' | 'L')).is_some() {}
        let Some(kind) = chars.next() else {
            return Err(JinjaError::value_error("incomplete format"));
        };
        if kind == '%' {
            out.push('%');
            continue;
        }
        if left {
            spec.align = Some('<');
        } else if zero && !matches!(kind, 's' | 'r' | 'a' | 'c') {
            (spec.fill, spec.align) = ('0', Some('='));
        }
        spec.kind = kind;
        out.push_str(&converted(&next()?, &spec)?);
        check_size(out.len())?;
    }
    let all_used = used_names || positional.next().is_none();
    // Python looks for items that a mapping would have; a list passes for one.
    if !all_used && !matches!(values, Value::Dict(_) | Value::List(_) | Value::Object(_)) {
        return Err(JinjaError::type_error("not all arguments converted during string formatting"));
    }
    Ok(out)
}

/// One `%` conversion.
fn converted(value: &Value, spec: &Spec) -> Result<String, JinjaError> {
    let real = || {
        JinjaError::type_error(format!("%{} format: a real number is required, not {}", spec.kind, value.type_name()))
    };
    let cut = |text: String| text.chars().take(spec.precision.unwrap_or(usize::MAX)).collect::<String>();
    match spec.kind {
        's' => Ok(spec.pad("", &cut(value.to_str()), '>')),
        'r' | 'a' => Ok(spec.pad("", &cut(value.to_repr()), '>')),
        'c' => {
            let text = match value {
                Value::Str(text) if text.chars().count() == 1 => text.to_string(),
                other => other
                    .as_i64()
                    .and_then(|code| u32::try_from(code).ok())
                    .and_then(char::from_u32)
                    .map(String::from)
                    .ok_or_else(|| JinjaError::type_error("%c requires int or char"))?,
            };
            Ok(spec.pad("", &text, '>'))
        }
        'd' | 'i' | 'u' => {
            #[expect(clippy::cast_possible_truncation, reason = "a float beyond 64 bits saturates")]
            let int = match value {
                Value::Float(number) => number.trunc() as i64,
                Value::Decimal(number) => number.to_i64().ok_or_else(real)?,
                other => other.as_i64().ok_or_else(real)?,
            };
            Ok(with_digits(int, &Spec { kind: 'd', ..spec.clone() }))
        }
        'x' | 'X' | 'o' => {
            let int = value.as_i64().ok_or_else(|| {
                JinjaError::type_error(format!(
                    "%{} format: an integer is required, not {}",
                    spec.kind,
                    value.type_name()
                ))
            })?;
            Ok(with_digits(int, spec))
        }
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
            let number = float(value)
                .ok_or_else(|| JinjaError::type_error(format!("must be real number, not {}", value.type_name())))?;
            format_float(number, spec)
        }
        other => Err(JinjaError::value_error(format!("unsupported format character '{other}'"))),
    }
}

/// An integer with at least as many digits as the precision says.
fn with_digits(value: i64, spec: &Spec) -> String {
    let Some(precision) = spec.precision else { return format_int(value, spec) };
    let inner = Spec { width: precision, fill: '0', align: Some('='), sign: '-', ..spec.clone() };
    let digits = format_int(i64::try_from(value.unsigned_abs()).unwrap_or(i64::MAX), &inner);
    spec.pad(spec.sign(value < 0), &digits, '>')
}

/// `text.format(*args, **kwargs)`.
pub(super) fn str_format(interp: &mut Interp<'_>, text: &str, args: &Args) -> Result<String, JinjaError> {
    let mut auto = 0;
    formatted(interp, text, args, &mut auto, 0)
}

fn formatted(
    interp: &mut Interp<'_>,
    text: &str,
    args: &Args,
    auto: &mut usize,
    depth: usize,
) -> Result<String, JinjaError> {
    if depth > 2 {
        return Err(JinjaError::value_error("Max string recursion exceeded"));
    }
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' if chars.next_if_eq(&'{').is_some() => out.push('{'),
            '}' if chars.next_if_eq(&'}').is_some() => out.push('}'),
            '}' => return Err(JinjaError::value_error("Single '}' encountered in format string")),
            '{' => {
                let mut field = String::new();
                let mut open = 1;
                for c in chars.by_ref() {
                    open += i32::from(c == '{') - i32::from(c == '}');
                    if open == 0 {
                        break;
                    }
                    field.push(c);
                }
                if open != 0 {
                    return Err(JinjaError::value_error("Single '{' encountered in format string"));
                }
                out.push_str(&replacement(interp, &field, args, auto, depth)?);
                check_size(out.len())?;
            }
            other => out.push(other),
        }
    }
    Ok(out)
}

fn replacement(
    interp: &mut Interp<'_>,
    field: &str,
    args: &Args,
    auto: &mut usize,
    depth: usize,
) -> Result<String, JinjaError> {
    // A colon or an exclamation mark inside brackets belongs to the name.
    let mut brackets = 0;
    let cut = field
        .char_indices()
        .find(|(_, c)| {
            brackets += i32::from(*c == '[') - i32::from(*c == ']');
            brackets == 0 && matches!(c, ':' | '!')
        })
        .map_or(field.len(), |(at, _)| at);
    let (name, rest) = field.split_at(cut);
    let (conversion, spec) = match rest.strip_prefix('!') {
        Some(rest) => match rest.split_once(':') {
            Some((conversion, spec)) => (Some(conversion), spec),
            None => (Some(rest), ""),
        },
        None => (None, rest.strip_prefix(':').unwrap_or("")),
    };
    let mut value = field_value(name, args, auto, interp.globals.is_lenient())?;
    match conversion {
        None => {}
        Some("s") => value = value.to_str().into(),
        Some("r" | "a") => value = value.to_repr().into(),
        Some(other) => {
            return Err(JinjaError::value_error(format!("Unknown conversion specifier {other}")));
        }
    }
    let spec = if spec.contains('{') { formatted(interp, spec, args, auto, depth + 1)? } else { spec.to_owned() };
    format_value(&value, &spec)
}

fn field_value(name: &str, args: &Args, auto: &mut usize, lenient: bool) -> Result<Value, JinjaError> {
    let (first, mut rest) = name.split_at(name.find(['.', '[']).unwrap_or(name.len()));
    let mut value = if first.is_empty() || first.bytes().all(|byte| byte.is_ascii_digit()) {
        let index = if first.is_empty() {
            *auto += 1;
            *auto - 1
        } else {
            first.parse().unwrap_or(usize::MAX)
        };
        args.positional.get(index).cloned().ok_or_else(|| {
            JinjaError::value_error(format!("Replacement index {index} out of range for positional args tuple"))
        })?
    } else {
        args.keyword.get(first).cloned().ok_or_else(|| JinjaError::value_error(repr::quoted(first)))?
    };
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let (name, more) = after.split_at(after.find(['.', '[']).unwrap_or(after.len()));
            value = attributes::attribute(&value, &Arc::from(name), lenient)?;
            rest = more;
        } else if let Some((key, more)) = rest.strip_prefix('[').and_then(|after| after.split_once(']')) {
            let key = key.parse::<i64>().map_or_else(|_| Value::from(key), Value::Int);
            value = attributes::item(&value, &key, lenient)?;
            rest = more;
        } else {
            return Err(JinjaError::value_error("Only '.' or '[' may follow ']' in format field specifier"));
        }
    }
    Ok(value)
}
