//! What a seat keeps of who is in charge: a snapshot to go on from, and what came since.

use std::sync::Arc;

use super::journal::Journal;
use super::order::Offer;
use super::sit::Seat;
use super::vault::{Kept, Key};
use crate::kv::Shelf;
use crate::wasm::supervise::{Said, Trouble};
use crate::wasm::{Kind, Snapshot};

impl<T: Kind> Seat<T> {
    /// Snapshot of the one in charge; `None`: it has none. An error means that it is of no further
    /// use.
    pub(super) async fn save(&mut self) -> Result<Option<Arc<Snapshot>>, Trouble> {
        let has_state = self.offer.as_ref().is_some_and(|offer| offer.plugin.has_state());
        let Some(sitter) = self.sitter.as_mut().filter(|_| has_state) else { return Ok(None) };
        let now = self.shared.clock.wall();
        match sitter.call(move |it| it.save(now)).await? {
            Said::Answer(snapshot) => Ok(snapshot.map(Arc::new)),
            Said::Declined(fault) => {
                let Key { camera, plugin } = &self.key;
                tracing::warn!(camera, plugin, "{fault}: the last good snapshot is kept");
                Ok(None)
            }
        }
    }

    /// Takes a snapshot as the one to go on from. `is_last`: the host is going.
    pub(super) fn keep(&mut self, snapshot: Arc<Snapshot>, is_last: bool) {
        let digest = self.offer.as_ref().map(|offer| offer.plugin.digest().to_owned());
        let digest = digest.unwrap_or_default();
        let kept = Kept { snapshot, digest, run: self.run, is_last };
        self.shared.vault.keep(&self.key, kept.clone());
        self.kept = Some(kept);
        self.journal = Journal::new(true);
        // While one stands by, the mark is for that one.
        if let Some(shelf) = self.shelf().filter(|_| self.probation.is_none()) {
            shelf.mark();
        }
    }

    /// What the one in charge keeps by key and value, if it was granted that.
    pub(super) fn shelf(&self) -> Option<Shelf> {
        let _granted = self.offer.as_ref()?.plugin.grants().kv_bytes?;
        self.instance.services.kv.shelf().ok()
    }

    pub(super) async fn save_last(&mut self) {
        match self.save().await {
            Ok(Some(snapshot)) => self.keep(snapshot, true),
            Ok(None) => {}
            Err(trouble) => {
                let Key { camera, plugin } = &self.key;
                tracing::warn!(camera, plugin, "{trouble}");
            }
        }
    }

    /// The next instance starts clean.
    pub(super) fn forget(&mut self, why: &str) {
        let Key { camera, plugin } = &self.key;
        tracing::warn!(camera, plugin, "its snapshot is given up, it starts clean: {why}");
        self.shared.vault.forget(&self.key);
        self.kept = None;
        self.journal = Journal::new(false);
    }

    /// What an offer can go on from.
    pub(super) fn usable(&self, offer: &Offer) -> Option<Kept> {
        let kept = self.kept.as_ref()?;
        offer.plugin.can_load(kept.snapshot.schema, &kept.digest).then(|| kept.clone())
    }
}
