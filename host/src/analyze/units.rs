//! The edge record -> analyze: access units of the recorded stream, in batches, for analyzers that
//! watch the coded stream. Nobody waits for a slow one: it is told of a gap instead.

use std::time::Duration;

use tokio::sync::mpsc;

use crate::ingest::{Access, VideoUnit};
use crate::wasm;

/// The longest batch.
const UNITS_AGE: Duration = Duration::from_secs(1);

/// The most units in a batch.
const BATCH_MAX: usize = 256;

/// Collects what analyzers that watch the coded stream are told.
pub struct UnitTee {
    listeners: Vec<mpsc::Sender<Vec<wasm::Unit>>>,
    batch: Vec<wasm::Unit>,
    gap: bool,
}

impl UnitTee {
    /// For those that listen; one that is gone is forgotten.
    pub fn new(listeners: Vec<mpsc::Sender<Vec<wasm::Unit>>>) -> Self {
        Self { listeners, batch: Vec::new(), gap: true }
    }

    /// What comes next does not continue what came before.
    pub fn gap(&mut self) {
        self.gap = true;
    }

    /// Takes the next unit; hands out the batch before it when that is full.
    pub fn video(&mut self, unit: &VideoUnit) {
        if self.listeners.is_empty() {
            return;
        }
        let is_full =
            self.batch.first().is_some_and(|first| unit.time.since(first.time) >= UNITS_AGE);
        if is_full || self.batch.len() >= BATCH_MAX {
            let batch = std::mem::take(&mut self.batch);
            // Nobody waits for a slow analyzer: it is told of a gap instead.
            let mut dropped = false;
            self.listeners.retain(|listener| match listener.try_send(batch.clone()) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    dropped = true;
                    true
                }
                Err(mpsc::error::TrySendError::Closed(_)) => false,
            });
            self.gap |= dropped;
        }
        self.batch.push(wasm::Unit {
            time: unit.time,
            size: u32::try_from(unit.data.len()).unwrap_or(u32::MAX),
            key: unit.access.is_key(),
            disposable: unit.access == Access::Disposable,
            gap: std::mem::take(&mut self.gap) || unit.damaged,
        });
    }
}
