//! Python's replacement templates: `\1`, `\g<name>`, escapes.

use super::{super::super::JinjaError, pattern::Pattern};

#[derive(Debug)]
pub(super) enum Replacement {
    Text(String),
    Group(usize),
}

impl Replacement {
    pub fn parse(template: &str, pattern: &Pattern) -> Result<Vec<Self>, JinjaError> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut chars = template.chars().peekable();
        let group = |name: &str| -> Result<usize, JinjaError> {
            let number = name
                .parse()
                .ok()
                .or_else(|| pattern.names().into_iter().find(|(known, _)| known == name).map(|(_, index)| index));
            match number {
                Some(index) if index <= pattern.groups() => Ok(index),
                Some(index) => Err(JinjaError::value_error(format!("invalid group reference {index}"))),
                None => Err(JinjaError::value_error(format!("unknown group name '{name}'"))),
            }
        };
        while let Some(c) = chars.next() {
            if c != '\\' {
                text.push(c);
                continue;
            }
            let index = match chars.next() {
                None => return Err(JinjaError::value_error("bad escape (end of pattern)")),
                Some('g') if chars.next_if_eq(&'<').is_some() => {
                    let name: String = chars.by_ref().take_while(|c| *c != '>').collect();
                    group(&name)?
                }
                Some(digit @ '1'..='9') => {
                    let mut name = String::from(digit);
                    name.extend(chars.next_if(char::is_ascii_digit));
                    group(&name)?
                }
                Some(escape) => {
                    match escape {
                        'n' => text.push('\n'),
                        't' => text.push('\t'),
                        'r' => text.push('\r'),
                        'a' => text.push('\x07'),
                        'b' => text.push('\x08'),
                        'f' => text.push('\x0c'),
                        'v' => text.push('\x0b'),
                        '0' => text.push('\0'),
                        '\\' => text.push('\\'),
                        c if c.is_ascii_alphabetic() => {
                            return Err(JinjaError::value_error(format!("bad escape \\{c}")));
                        }
                        c => {
                            text.push('\\');
                            text.push(c);
                        }
                    }
                    continue;
                }
            };
            parts.push(Self::Text(std::mem::take(&mut text)));
            parts.push(Self::Group(index));
        }
        parts.push(Self::Text(text));
        Ok(parts)
    }
}

/// Writes a template with the texts of the groups; a group that took no part is empty.
pub(super) fn expand<'t>(parts: &[Replacement], group: impl Fn(usize) -> Option<&'t str>, out: &mut String) {
    for part in parts {
        match part {
            Replacement::Text(text) => out.push_str(text),
            Replacement::Group(index) => out.push_str(group(*index).unwrap_or("")),
        }
    }
}
