//! Visits on disk: a restart of the host logs nobody out.
//!
//! Written when somebody logs out, before he is answered, so that he stays out; and from time to time,
//! with who has come in and who was here lately, and at the end.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::visits::Visits;
use crate::base::clock::Clock;
use crate::base::{Error, Result};
use crate::people::{Roll, keep_visits, kept_visits};

/// Who was here lately is written so often, if nothing else is to be: a crash makes a visit older by
/// no more.
pub(super) const AGAIN: Duration = Duration::from_secs(3600);

/// Where visits are kept, in the store's directory.
pub(super) struct Recall {
    root: PathBuf,
    clock: Arc<dyn Clock>,
    /// Held while they are written: what is written last is what there was last.
    writing: Mutex<()>,
}

impl Recall {
    pub(super) fn of(root: &Path, clock: Arc<dyn Clock>) -> Self {
        Self { root: root.to_owned(), clock, writing: Mutex::new(()) }
    }

    /// What was kept, of those who may still. Who can't be recalled logs in again.
    pub(super) async fn recall(&self, roll: Arc<Roll>) -> Visits {
        let (root, clock) = (self.root.clone(), self.clock.clone());
        let read = tokio::task::spawn_blocking(move || {
            // Without users nobody is logged in.
            let kept = if roll.is_empty() { Vec::new() } else { kept_visits(&root)? };
            Ok(Visits::recalled(kept, &roll, clock.moment()))
        });
        let read = read.await.unwrap_or_else(|error| Err(Error::bug("recall visits").with(error)));
        read.unwrap_or_else(|error| {
            tracing::warn!(error = error.chain(), "who was logged in has to log in again");
            Visits::default()
        })
    }

    /// Keeps the visits there are; may wait for the disk.
    pub(super) fn keep(&self, visits: &Visits) {
        if visits.is_empty() && !visits.have_changed() {
            return;
        }
        if let Err(error) = self.write(visits) {
            tracing::warn!(error = error.chain(), "a restart may not know who is logged in");
        }
    }

    fn write(&self, visits: &Visits) -> Result<()> {
        let _writing = self.writing.lock().expect("no panic under this lock");
        visits.set_changed(false);
        let kept = visits.to_keep(self.clock.moment())?;
        keep_visits(&self.root, &kept).inspect_err(|_| visits.set_changed(true))
    }
}
