//! One instance hands over to another, between two calls: what the one knows, the other knows then.
//! Blocking: one job on a lane, so that nothing comes between.

use std::sync::Arc;

use crate::base::Timestamp;
use crate::wasm::{Kind, Plugin, Snapshot};

use super::prove::replay;

/// What is needed to hand over.
pub(super) struct Passing<T: Kind> {
    /// Who takes over.
    pub(super) plugin: Plugin,
    /// The component of who hands over.
    pub(super) digest: String,
    /// The last good snapshot that the new one can load, if all inputs since are known.
    pub(super) last: Option<Arc<Snapshot>>,
    /// These inputs.
    pub(super) inputs: Vec<T::Input>,
    pub(super) now: Timestamp,
}

/// What came of it.
pub(super) struct Passed {
    pub(super) handed: Handed,
    /// What the old one saved.
    pub(super) saved: Option<Arc<Snapshot>>,
    /// The old one can still be called.
    pub(super) is_well: bool,
}

/// What the new one knows.
pub(super) enum Handed {
    /// All that the old one did.
    All,
    /// Nothing: it begins anew.
    Nothing,
    /// It did not take what it was handed: the old one stays.
    Refused(String),
}

impl<T: Kind> Passing<T> {
    /// From `old` to `new`, which has nothing behind it but its `init`.
    pub(super) fn pass(&self, old: &mut T, new: &mut T) -> Passed {
        let (saved, is_well) = match old.save(self.now) {
            Ok(saved) => (saved.map(Arc::new), true),
            Err(fault) => (None, !fault.wants_new_instance()),
        };
        let handed = match (&saved, &self.last) {
            (Some(saved), _) if !self.plugin.can_load(saved.schema, &self.digest) => Ok(false),
            (Some(saved), _) => new.load(saved, self.now).map(|()| true),
            (None, Some(last)) => {
                new.load(last, self.now).and_then(|()| replay(new, &self.inputs)).map(|()| true)
            }
            (None, None) => Ok(false),
        };
        let handed = match handed {
            Ok(true) => Handed::All,
            Ok(false) => Handed::Nothing,
            Err(fault) => Handed::Refused(fault.to_string()),
        };
        Passed { handed, saved, is_well }
    }
}
