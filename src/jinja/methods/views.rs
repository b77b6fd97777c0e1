//! What `dict.items()`, `keys()` and `values()` return: live views.

use std::sync::{Arc, Mutex};

use super::super::{Dict, Object, Value, value::lock};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ViewKind {
    Items,
    Keys,
    Values,
}

#[derive(Debug)]
pub(super) struct View {
    pub kind: ViewKind,
    pub dict: Arc<Mutex<Dict>>,
}

impl Object for View {
    fn type_name(&self) -> &'static str {
        match self.kind {
            ViewKind::Items => "dict_items",
            ViewKind::Keys => "dict_keys",
            ViewKind::Values => "dict_values",
        }
    }

    fn iter(&self) -> Option<Vec<Value>> {
        let dict = lock(&self.dict);
        Some(match self.kind {
            ViewKind::Items => dict.iter().map(|(key, value)| Value::tuple([key.clone(), value.clone()])).collect(),
            ViewKind::Keys => dict.keys().cloned().collect(),
            ViewKind::Values => dict.values().cloned().collect(),
        })
    }

    fn len(&self) -> Option<usize> {
        Some(lock(&self.dict).len())
    }

    fn binary(
        &self,
        operator: &str,
        other: &Value,
        reflected: bool,
    ) -> Option<Result<Value, super::super::JinjaError>> {
        if operator != "-" || self.kind == ViewKind::Values {
            return None;
        }
        let (mine, theirs) = (self.iter()?, other.items()?);
        let (left, right) = if reflected { (theirs, mine) } else { (mine, theirs) };
        let kept: indexmap::IndexMap<Value, ()> =
            left.into_iter().filter(|item| !right.contains(item)).map(|item| (item, ())).collect();
        Some(Ok(Value::Set(Arc::new(kept.into()))))
    }

    fn is_hashable(&self) -> bool {
        false
    }

    fn repr_parts(&self) -> Option<(String, Value, String)> {
        Some((format!("{}(", self.type_name()), Value::list(self.iter()?), ")".to_owned()))
    }

    fn to_repr(&self) -> String {
        format!("{}({})", self.type_name(), Value::list(self.iter().unwrap_or_default()).to_repr())
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
