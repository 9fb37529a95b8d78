//! What a seat is told: who should sit on it, and on whose word.

use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};

use crate::wasm::Plugin;

/// Orders that wait for a seat: the newest counts, so few are enough.
const ORDERS: usize = 4;

/// A plugin that could be in charge.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Checked and compiled.
    pub plugin: Plugin,
    /// What an instance gets: JSON, completed and checked. Not for logs.
    pub params: String,
}

impl Offer {
    /// Of component, parameters and grants together, in hexadecimal digits: another one may judge
    /// otherwise.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new().chain_update(self.plugin.digest()).chain_update(&self.params);
        for grant in self.plugin.grants().list() {
            // The parameters are one JSON value: what stands behind it is no part of it.
            hash = hash.chain_update("\n").chain_update(grant);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// No more than its parameters differ from those of `other`: what an instance is linked with and
    /// may do is settled when it is made.
    pub(super) fn differs_by_parameters(&self, other: &Self) -> bool {
        self.plugin.digest() == other.plugin.digest()
            && self.plugin.grants() == other.plugin.grants()
    }

    /// For people.
    pub(super) fn describe(&self) -> String {
        let digest = self.plugin.digest();
        format!("{} ({})", self.plugin.manifest().version, &digest[..digest.len().min(12)])
    }
}

/// On whose word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A person's: it lifts a quarantine, and what is held against a component.
    Person,
    /// A file has changed.
    Watch,
}

/// Who should be in charge.
#[derive(Debug)]
pub struct Order {
    /// The plugin.
    pub offer: Offer,
    /// On whose word.
    pub by: By,
    /// What came of it.
    pub answer: oneshot::Sender<Outcome>,
}

/// What came of an [`Order`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in charge; for half a minute the one before stands by.
    Seated,
    /// The instance in charge took the new parameters.
    Reconfigured,
    /// It was in charge already.
    Unchanged,
    /// Nobody was in charge, and an instance is being made.
    Revived,
    /// The one in charge before still is, and why.
    Refused(String),
}

/// The queue to a seat.
pub fn orders() -> (mpsc::Sender<Order>, mpsc::Receiver<Order>) {
    mpsc::channel(ORDERS)
}
