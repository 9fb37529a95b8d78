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

/// Keys and their values.
pub(super) type Entries = BTreeMap<String, Arc<[u8]>>;

#[derive(Debug, Default)]
struct Content {
    entries: Entries,
    used_bytes: u64,
    changes: Changes,
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
    Some(Vec<(String, Option<Arc<[u8]>>)>),
    /// All of it.
    All(Entries),
}

impl Shelf {
    /// One that is written down, with what it had.
    pub(super) fn kept(entries: Entries) -> Self {
        let used_bytes = entries.iter().map(|(key, value)| cost(key, value)).sum();
        let changes = Changes::Keys(BTreeSet::new());
        Self(Arc::new(Mutex::new(Content { entries, used_bytes, changes })))
    }

    /// A copy in memory: what is put there is seen there only, and lost with it.
    #[must_use]
    pub fn overlay(&self) -> Self {
        let content = self.lock();
        Self(Arc::new(Mutex::new(Content {
            entries: content.entries.clone(),
            used_bytes: content.used_bytes,
            changes: Changes::Forgotten,
        })))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<Arc<[u8]>> {
        self.lock().entries.get(key).cloned()
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
        let mut content = self.lock();
        let old = content.entries.get(key).map_or(0, |old| cost(key, old));
        let new = cost(key, value);
        let used_bytes = content.used_bytes - old + new;
        if used_bytes > quota_bytes && new >= old {
            return Err(Refusal::Full);
        }
        content.used_bytes = used_bytes;
        content.entries.insert(key.to_owned(), value.into());
        content.changes.note(key);
        Ok(())
    }

    /// Removes a key and its value.
    pub fn remove(&self, key: &str) {
        let mut content = self.lock();
        if let Some(old) = content.entries.remove(key) {
            content.used_bytes -= cost(key, &old);
            content.changes.note(key);
        }
    }

    /// Keys that begin with `prefix`, sorted by bytes, at most [`KEYS_LISTED`].
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let content = self.lock();
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

fn cost(key: &str, value: &[u8]) -> u64 {
    key.len() as u64 + value.len() as u64 + ENTRY_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: u64 = 1000;

    #[test]
    fn what_is_put_is_there_until_removed() {
        let shelf = Shelf::default();
        assert_eq!(shelf.get("a"), None);
        for (key, value) in [("b/1", "x"), ("b/2", ""), ("a", "y"), ("é", "z"), ("b", "w")] {
            shelf.put(key, value.as_bytes(), QUOTA).unwrap();
        }
        shelf.put("a", b"new", QUOTA).unwrap();
        assert_eq!(shelf.get("a").as_deref(), Some(&b"new"[..]));
        assert_eq!(shelf.get("b/2").as_deref(), Some(&b""[..]));
        assert_eq!(shelf.keys("b"), ["b", "b/1", "b/2"]);
        assert_eq!(shelf.keys(""), ["a", "b", "b/1", "b/2", "é"]);
        assert_eq!(shelf.keys("c"), [""; 0]);
        shelf.remove("b");
        shelf.remove("b");
        assert_eq!(shelf.keys("b"), ["b/1", "b/2"]);
    }

    #[test]
    fn limits_refuse_and_change_nothing() {
        let shelf = Shelf::default();
        let long = "k".repeat(KEY_BYTES + 1);
        for (key, length, why) in [
            ("", 0, Refusal::InvalidKey),
            (&long, 0, Refusal::InvalidKey),
            ("a", VALUE_BYTES + 1, Refusal::TooLarge),
            ("a", 936, Refusal::Full),
        ] {
            assert_eq!(shelf.put(key, &vec![0; length], QUOTA), Err(why));
        }
        assert_eq!(shelf.keys(""), [""; 0]);
        shelf.put("a", &[0; 935], QUOTA).unwrap();
        assert_eq!(shelf.put("b", b"", QUOTA), Err(Refusal::Full));
        shelf.put("a", &[0; 900], 10).expect("less than before is taken, whatever the quota");
        assert_eq!(shelf.put("a", &[0; 900], 10), Err(Refusal::Full));
        shelf.remove("a");
        shelf.put("b", b"", QUOTA).expect("there is room again");
    }

    #[test]
    fn an_overlay_reads_through_and_forgets() {
        let shelf = Shelf::kept(Entries::new());
        shelf.put("a", b"1", QUOTA).unwrap();
        let overlay = shelf.overlay();
        overlay.put("a", b"2", QUOTA).unwrap();
        overlay.put("b", b"3", QUOTA).unwrap();
        assert_eq!(overlay.keys(""), ["a", "b"]);
        assert_eq!(shelf.get("a").as_deref(), Some(&b"1"[..]));
        assert_eq!(shelf.keys(""), ["a"]);
        assert!(overlay.take_unwritten().is_none() && shelf.take_unwritten().is_some());
    }

    #[test]
    fn lists_and_changes_are_bounded() {
        let shelf = Shelf::kept(Entries::new());
        for number in 0..2000 {
            shelf.put(&format!("{number:04}"), b"", u64::MAX).unwrap();
        }
        assert_eq!(shelf.keys("").len(), KEYS_LISTED);
        assert!(matches!(shelf.take_unwritten(), Some(Unwritten::All(all)) if all.len() == 2000));
        assert!(shelf.take_unwritten().is_none());
        shelf.remove("0007");
        let Some(Unwritten::Some(changes)) = shelf.take_unwritten() else { panic!() };
        assert_eq!(changes, [("0007".to_owned(), None)]);
    }
}
