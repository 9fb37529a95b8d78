//! One store of keys and values, in memory, and what of it is not on disk yet.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard};

/// Bytes of a key.
pub const KEY_BYTES: usize = 256;

/// Bytes of a value.
pub const VALUE_BYTES: usize = 64 << 10;

/// Keys in one list.
pub const KEYS_LISTED: usize = 1000;

/// What an entry costs beside its bytes: so that a million empty values are no way around a quota.
const ENTRY_BYTES: u64 = 64;

/// Changed keys that are remembered one by one; beyond, all of the shelf is written anew.
const CHANGES_MAX: usize = 1024;

/// Why something was not put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The quota is used up.
    Full,
    /// The value is larger than [`VALUE_BYTES`].
    TooLarge,
    /// Empty, or longer than [`KEY_BYTES`].
    InvalidKey,
}

/// One store of keys and values. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Shelf(Arc<Mutex<Content>>);

/// A key, and its new value or none.
pub(super) type Change = (String, Option<Arc<[u8]>>);

/// Keys and their values.
pub(super) type Entries = BTreeMap<String, Arc<[u8]>>;

#[derive(Debug, Default)]
struct Content {
    entries: Entries,
    used_bytes: u64,
    changes: Changes,
    /// What there was when a draft landed: the values are shared, so that this costs no more than the
    /// keys, and what was replaced since.
    before: Option<Entries>,
    draft: Option<Draft>,
}

/// Of a shelf that is not the true one.
#[derive(Debug)]
enum Draft {
    /// Not yet.
    Apart {
        of: Shelf,
        /// What that had when the draft was made.
        had: Entries,
    },
    /// This one is meant now.
    Landed(Shelf),
}

/// What is not on disk yet.
#[derive(Debug, Default, PartialEq)]
enum Changes {
    /// Nobody writes this shelf down.
    #[default]
    Forgotten,
    /// Of these keys.
    Keys(BTreeSet<String>),
    /// Of more than that.
    All,
}

/// What is to be written of a shelf.
pub(super) enum Unwritten {
    /// These keys, with their values or none.
    Some(Vec<Change>),
    /// All of it.
    All(Entries),
}

impl Shelf {
    /// One that is written down, with what it had.
    pub(super) fn kept(entries: Entries) -> Self {
        let used_bytes = entries.iter().map(|(key, value)| cost(key, value)).sum();
        let changes = Changes::Keys(BTreeSet::new());
        let content = Content { entries, used_bytes, changes, ..Content::default() };
        Self(Arc::new(Mutex::new(content)))
    }

    /// A copy in memory: what is put there is seen there only, and lost with it.
    #[must_use]
    pub fn overlay(&self) -> Self {
        let content = self.lock();
        Self(Arc::new(Mutex::new(Content {
            entries: content.entries.clone(),
            used_bytes: content.used_bytes,
            changes: Changes::Forgotten,
            ..Content::default()
        })))
    }

    /// A copy for somebody who is to take over: what is put there is seen there only, until it
    /// [lands](Self::land).
    #[must_use]
    pub fn draft(&self) -> Self {
        let of = self.target();
        let copy = of.overlay();
        {
            let mut content = copy.lock();
            let had = content.entries.clone();
            content.draft = Some(Draft::Apart { of, had });
        }
        copy
    }

    /// What was changed in this draft is changed in the true shelf, and all that follows. What was
    /// changed there meanwhile stays, but for the same keys. From now on it is known what the true one
    /// had, so that it can be had [again](Self::undo); `goes_on`: what it had when that began. Nothing,
    /// for what is no draft.
    pub fn land(&self, goes_on: bool) {
        let (of, changes) = {
            let mut content = self.lock();
            let draft = content.draft.take();
            let Some(Draft::Apart { of, had }) = draft else {
                content.draft = draft;
                return;
            };
            content.draft = Some(Draft::Landed(of.clone()));
            (of, changes(&had, &std::mem::take(&mut content.entries)))
        };
        let mut content = of.lock();
        let before = content.before.take().filter(|_| goes_on);
        content.before = Some(before.unwrap_or_else(|| content.entries.clone()));
        content.apply(changes);
    }

    /// What was changed stays, and what was before is known no more.
    pub fn settle(&self) {
        self.target().lock().before = None;
    }

    /// The true shelf has what it had before, if that is known.
    pub fn undo(&self) {
        let target = self.target();
        let mut content = target.lock();
        if let Some(before) = content.before.take() {
            content.go_back(&before);
        }
    }

    /// What it has now can be had [again](Self::rewind). The values are shared: it costs the keys.
    pub fn mark(&self) {
        self.target().lock().mark();
    }

    /// The true shelf has what it had when it was marked, and stays marked so. One that was not is now.
    pub fn rewind(&self) {
        let target = self.target();
        let mut content = target.lock();
        match content.before.clone() {
            Some(before) => content.go_back(&before),
            None => content.mark(),
        }
    }

    /// A draft has what the true shelf had when that was marked, and what was put into the draft.
    pub fn rewind_draft(&self) {
        let (own, before) = {
            let content = self.lock();
            let Some(Draft::Apart { of, had }) = &content.draft else { return };
            (changes(had, &content.entries), of.lock().before.clone())
        };
        let Some(before) = before else { return };
        let mut content = self.lock();
        content.go_back(&before);
        content.apply(own);
    }

    /// Where it is put and looked up.
    fn target(&self) -> Self {
        match &self.lock().draft {
            Some(Draft::Landed(of)) => of.clone(),
            _ => self.clone(),
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<Arc<[u8]>> {
        self.target().lock().entries.get(key).cloned()
    }

    /// Replaces the value of a key, within so many bytes for all of the shelf. On a shelf that has
    /// more already (the quota was lowered) only what makes it smaller is put.
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn put(&self, key: &str, value: &[u8], quota_bytes: u64) -> Result<(), Refusal> {
        if key.is_empty() || key.len() > KEY_BYTES {
            return Err(Refusal::InvalidKey);
        }
        if value.len() > VALUE_BYTES {
            return Err(Refusal::TooLarge);
        }
        let target = self.target();
        let mut content = target.lock();
        let old = content.entries.get(key).map_or(0, |old| cost(key, old));
        let new = cost(key, value);
        if content.used_bytes - old + new > quota_bytes && new >= old {
            return Err(Refusal::Full);
        }
        content.set(key, Some(value.into()));
        Ok(())
    }

    /// Removes a key and its value.
    pub fn remove(&self, key: &str) {
        self.target().lock().set(key, None);
    }

    /// Keys that begin with `prefix`, sorted by bytes, at most [`KEYS_LISTED`].
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let target = self.target();
        let content = target.lock();
        let range = (Bound::Included(prefix), Bound::Unbounded);
        let keys = content.entries.range::<str, _>(range).map(|(key, _)| key);
        keys.take_while(|key| key.starts_with(prefix)).take(KEYS_LISTED).cloned().collect()
    }

    /// Takes what is to be written; `None`: nothing has changed.
    pub(super) fn take_unwritten(&self) -> Option<Unwritten> {
        let mut content = self.lock();
        match std::mem::replace(&mut content.changes, Changes::Keys(BTreeSet::new())) {
            Changes::Keys(keys) if keys.is_empty() => None,
            Changes::Keys(keys) => {
                let value = |key: String| {
                    let value = content.entries.get(&key).cloned();
                    (key, value)
                };
                Some(Unwritten::Some(keys.into_iter().map(value).collect()))
            }
            Changes::All => Some(Unwritten::All(content.entries.clone())),
            Changes::Forgotten => {
                content.changes = Changes::Forgotten;
                None
            }
        }
    }

    /// What was taken could not be written: next time all of it is.
    pub(super) fn still_unwritten(&self) {
        self.lock().changes = Changes::All;
    }

    /// What all of it takes, at the least on disk.
    pub(super) fn used_bytes(&self) -> u64 {
        self.lock().used_bytes
    }

    /// All of it.
    pub(super) fn entries(&self) -> Entries {
        self.lock().entries.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().expect("no panic under this lock")
    }
}

impl Content {
    fn mark(&mut self) {
        self.before = Some(self.entries.clone());
    }

    fn go_back(&mut self, before: &Entries) {
        self.apply(changes(&self.entries, before));
    }

    fn apply(&mut self, changes: Vec<Change>) {
        for (key, value) in changes {
            self.set(&key, value);
        }
    }

    /// The one way in which a key is changed.
    fn set(&mut self, key: &str, value: Option<Arc<[u8]>>) {
        let new = value.as_ref().map_or(0, |value| cost(key, value));
        let old = match value {
            Some(value) => self.entries.insert(key.to_owned(), value),
            None => self.entries.remove(key),
        };
        if old.is_none() && new == 0 {
            return;
        }
        self.used_bytes = self.used_bytes + new - old.map_or(0, |old| cost(key, &old));
        self.changes.note(key);
    }
}

impl Changes {
    fn note(&mut self, key: &str) {
        if let Self::Keys(keys) = self {
            keys.insert(key.to_owned());
            if keys.len() > CHANGES_MAX {
                *self = Self::All;
            }
        }
    }
}

/// What makes `new` of `old`.
fn changes(old: &Entries, new: &Entries) -> Vec<Change> {
    let gone = old.keys().filter(|key| !new.contains_key(*key)).map(|key| (key.clone(), None));
    // What was put once more is another one, even where it says the same.
    let is_old = |(key, value): &(&String, &Arc<[u8]>)| {
        old.get(*key).is_some_and(|old| Arc::ptr_eq(old, value))
    };
    let put = new.iter().filter(|entry| !is_old(entry));
    gone.chain(put.map(|(key, value)| (key.clone(), Some(value.clone())))).collect()
}

fn cost(key: &str, value: &[u8]) -> u64 {
    key.len() as u64 + value.len() as u64 + ENTRY_BYTES
}

#[cfg(test)]
mod tests;
