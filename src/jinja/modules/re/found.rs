//! What a pattern found: Python's `re.Match`.

use std::sync::Arc;

use fancy_regex::Captures;

use super::{
    super::super::{Args, Interp, JinjaError, Object, Value, iterate, repr},
    Outcome,
    pattern::Pattern,
    replace::{Replacement, expand},
};

#[derive(Debug)]
pub(super) struct Found {
    pattern: Pattern,
    text: Arc<str>,
    /// Byte ranges by group.
    groups: Vec<Option<(usize, usize)>>,
    names: Vec<(String, usize)>,
}

impl Found {
    pub fn new(pattern: &Pattern, text: &Arc<str>, found: &Captures<'_>) -> Self {
        let groups = (0..found.len()).map(|index| found.get(index).map(|group| (group.start(), group.end()))).collect();
        Self { pattern: pattern.clone(), text: text.clone(), groups, names: pattern.names() }
    }

    fn part(&self, index: usize) -> Option<&str> {
        let (start, end) = (*self.groups.get(index)?)?;
        self.text.get(start..end)
    }

    fn index(&self, key: &Value) -> Result<usize, JinjaError> {
        let index = match key {
            Value::Str(name) => self.names.iter().find(|(known, _)| **known == **name).map(|(_, index)| *index),
            other => other.as_i64().and_then(|index| usize::try_from(index).ok()),
        };
        index.filter(|index| *index < self.groups.len()).ok_or_else(|| JinjaError::value_error("no such group"))
    }

    fn value(&self, index: usize, default: &Value) -> Value {
        self.part(index).map_or_else(|| default.clone(), Value::from)
    }

    /// A byte offset as a number of characters.
    fn chars(&self, offset: usize) -> Value {
        let count = self.text.get(..offset).map_or(0, |before| before.chars().count());
        Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
    }

    fn method(&self, name: &str, args: Args) -> Outcome {
        match name {
            "group" => match args.positional.as_slice() {
                [] => Ok(self.value(0, &Value::None)),
                [key] => Ok(self.value(self.index(key)?, &Value::None)),
                keys => {
                    let groups = keys.iter().map(|key| Ok(self.value(self.index(key)?, &Value::None)));
                    Ok(Value::tuple(groups.collect::<Result<Vec<_>, JinjaError>>()?))
                }
            },
            "groups" | "groupdict" => {
                let default = args.bind(name, &["default"])?.into_iter().next().flatten().unwrap_or(Value::None);
                if name == "groups" {
                    return Ok(Value::tuple((1..self.groups.len()).map(|index| self.value(index, &default))));
                }
                Ok(Value::dict(self.names.iter().map(|(name, index)| (name.as_str(), self.value(*index, &default)))))
            }
            "expand" => {
                let template = args.bind(name, &["template"])?.into_iter().next().flatten().unwrap_or(Value::None);
                let parts = Replacement::parse(&iterate::text(&template)?, &self.pattern)?;
                let mut out = String::new();
                expand(&parts, |index| self.part(index), &mut out);
                Ok(out.into())
            }
            _ => {
                let key = args.bind(name, &["group"])?.into_iter().next().flatten().unwrap_or(Value::Int(0));
                let range = self.groups.get(self.index(&key)?).copied().flatten();
                let start = range.map_or(Value::Int(-1), |(start, _)| self.chars(start));
                let end = range.map_or(Value::Int(-1), |(_, end)| self.chars(end));
                Ok(match name {
                    "start" => start,
                    "end" => end,
                    _ => Value::tuple([start, end]),
                })
            }
        }
    }
}

impl Object for Found {
    fn type_name(&self) -> &'static str {
        "re.Match"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        let last = || {
            self.groups.iter().enumerate().skip(1).filter(|(_, group)| group.is_some()).map(|found| found.0).next_back()
        };
        Some(match name {
            "string" => Value::Str(self.text.clone()),
            "re" => Value::object(self.pattern.clone()),
            "pos" => Value::Int(0),
            "endpos" => self.chars(self.text.len()),
            "lastindex" => last().and_then(|index| i64::try_from(index).ok()).map(Value::Int).into(),
            "lastgroup" => {
                let name = last().and_then(|last| self.names.iter().find(|(_, index)| *index == last));
                name.map(|(name, _)| Value::from(name.as_str())).into()
            }
            _ => return None,
        })
    }

    fn get_item(&self, key: &Value) -> Option<Value> {
        self.index(key).ok().map(|index| self.value(index, &Value::None))
    }

    fn call_method(&self, _interp: &mut Interp<'_>, name: &str, args: Args) -> Option<Outcome> {
        matches!(name, "group" | "groups" | "groupdict" | "expand" | "start" | "end" | "span")
            .then(|| self.method(name, args))
    }

    fn is_truthy(&self) -> bool {
        true
    }

    fn to_repr(&self) -> String {
        let span = self.method("span", Args::default()).map_or_else(|_| String::new(), |span| span.to_repr());
        format!("<re.Match object; span={span}, match={}>", repr::quoted(self.part(0).unwrap_or("")))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
