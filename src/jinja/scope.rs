//! Names that a template sets: a chain of scopes, innermost first.

use std::sync::{Arc, Mutex};

use super::{Value, value::lock};

/// One scope. Scopes are few and small, so that a list is the fastest map.
#[derive(Debug, Default)]
pub(super) struct Scope {
    names: Mutex<Vec<(Arc<str>, Value)>>,
    parent: Option<Arc<Scope>>,
}

impl Scope {
    pub fn root() -> Arc<Self> {
        Arc::new(Self::default())
    }

    pub fn inside(parent: &Arc<Scope>) -> Arc<Self> {
        Arc::new(Self { names: Mutex::default(), parent: Some(parent.clone()) })
    }

    /// Forgets its own names.
    pub fn clear(&mut self) {
        self.names.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
    }

    pub fn get(&self, name: &str) -> Option<Value> {
        let mut scope = Some(self);
        while let Some(current) = scope {
            let names = lock(&current.names);
            if let Some((_, value)) = names.iter().find(|(other, _)| **other == *name) {
                return Some(value.clone());
            }
            drop(names);
            scope = current.parent.as_deref();
        }
        None
    }

    pub fn set(&self, name: &Arc<str>, value: Value) {
        let mut names = lock(&self.names);
        match names.iter_mut().find(|(other, _)| **other == **name) {
            Some((_, slot)) => *slot = value,
            None => names.push((name.clone(), value)),
        }
    }
}
