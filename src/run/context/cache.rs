//! What relations there are: one listing per schema and run, then kept up to date by what the run itself does.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::names::{Policy, Relation, RelationKey};

/// A relation in the cache.
#[derive(Debug, Clone)]
pub struct Cached {
    pub relation: Relation,
    /// Made by this run, so that its case is known to be ours.
    pub created: bool,
}

type Listing = HashMap<String, Cached>;

/// `None` until the schema was listed.
type Slot = Arc<Mutex<Option<Listing>>>;

/// Relations by schema, without case. Shared by all threads of a run.
#[derive(Debug, Default)]
pub struct RelationCache {
    /// Each schema has a lock of its own, so that it is listed once even when two nodes ask at the same time.
    schemas: Mutex<HashMap<(String, String), Slot>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RelationCache {
    fn slot(&self, key: &RelationKey) -> Slot {
        let mut schemas = lock(&self.schemas);
        Arc::clone(schemas.entry((key.database.clone(), key.schema.clone())).or_default())
    }

    /// The relations of the schema of `place`; `list` is called when the schema was not listed before.
    ///
    /// # Errors
    /// What `list` gives; the schema then counts as not listed.
    pub fn listed<E>(
        &self,
        place: &Relation,
        list: impl FnOnce() -> Result<Vec<Relation>, E>,
    ) -> Result<Vec<Cached>, E> {
        let slot = self.slot(&place.key());
        let mut listing = lock(&slot);
        if let Some(listing) = &*listing {
            return Ok(listing.values().cloned().collect());
        }
        let found = list()?.into_iter().map(|relation| Cached { relation, created: false });
        let found: Listing = found.map(|cached| (cached.relation.key().identifier, cached)).collect();
        let relations = found.values().cloned().collect();
        *listing = Some(found);
        Ok(relations)
    }

    /// Whether the schema of `place` was listed.
    pub fn is_listed(&self, place: &Relation) -> bool {
        lock(&self.slot(&place.key())).is_some()
    }

    /// Sets the relations of a schema, as found when the run began.
    pub fn fill(&self, place: &Relation, relations: Vec<Relation>) {
        let cached = relations.into_iter().map(|relation| Cached { relation, created: false });
        let found = cached.map(|cached| (cached.relation.key().identifier, cached)).collect();
        *lock(&self.slot(&place.key())) = Some(found);
    }

    /// A relation was made. Schemas that were not listed yet will be found to have it.
    pub fn add(&self, relation: &Relation) {
        let key = relation.key();
        let slot = self.slot(&key);
        if let Some(listing) = &mut *lock(&slot) {
            listing.insert(key.identifier, Cached { relation: stored(relation), created: true });
        }
    }

    /// A relation was dropped.
    pub fn drop(&self, relation: &Relation) {
        let key = relation.key();
        let slot = self.slot(&key);
        if let Some(listing) = &mut *lock(&slot) {
            listing.remove(&key.identifier);
        }
    }

    /// A relation got a new name; it keeps its kind.
    pub fn rename(&self, from: &Relation, to: &Relation) {
        let old = {
            let key = from.key();
            let slot = self.slot(&key);
            lock(&slot).as_mut().and_then(|listing| listing.remove(&key.identifier))
        };
        let kind = old.and_then(|old| old.relation.kind).or(from.kind).or(to.kind);
        self.add(&to.clone().with_kind(kind));
    }

    /// A schema was dropped.
    pub fn drop_schema(&self, place: &Relation) {
        *lock(&self.slot(&place.key())) = Some(Listing::new());
    }
}

/// A relation as it is kept: complete, whatever was left out of its name when it was made.
fn stored(relation: &Relation) -> Relation {
    Relation { include: Policy::ALL, ..relation.clone() }
}
