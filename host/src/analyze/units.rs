//! The edge record -> analyze: access units of the recorded stream, in batches, for analyzers that
//! watch the coded stream. Nobody waits for a slow one: it is told of a gap instead.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::ingest::{Access, VideoUnit};
use crate::wasm;

/// The longest batch.
const UNITS_AGE: Duration = Duration::from_secs(1);

/// The most units in a batch.
const BATCH_MAX: usize = 256;

/// Where access units of one camera can be had: analyzers come while it records, and go. Cheap to
/// clone; all clones are the same.
#[derive(Clone, Default)]
pub struct UnitTaps(Arc<Mutex<Vec<Tap>>>);

struct Tap {
    listener: mpsc::Sender<Vec<wasm::Unit>>,
    /// It has missed something, or nothing came before.
    gap: bool,
}

impl UnitTaps {
    /// For one that listens; to leave, it drops its queue.
    pub fn add(&self, listener: mpsc::Sender<Vec<wasm::Unit>>) {
        self.taps().push(Tap { listener, gap: true });
    }

    /// How many listen, as far as is known.
    pub fn count(&self) -> usize {
        self.taps().len()
    }

    fn taps(&self) -> MutexGuard<'_, Vec<Tap>> {
        // Never held across an await.
        self.0.lock().expect("no panic under this lock")
    }
}

/// Collects what analyzers that watch the coded stream are told.
pub struct UnitTee {
    taps: UnitTaps,
    batch: Vec<wasm::Unit>,
    gap: bool,
}

impl UnitTee {
    /// For those that listen; one that is gone is forgotten.
    pub fn new(taps: UnitTaps) -> Self {
        Self { taps, batch: Vec::new(), gap: true }
    }

    /// What comes next does not continue what came before.
    pub fn gap(&mut self) {
        self.gap = true;
    }

    /// Takes the next unit; hands out the batch before it when that is full.
    pub fn video(&mut self, unit: &VideoUnit) {
        if self.taps.taps().is_empty() {
            // Who comes now begins with its first batch.
            self.batch.clear();
            return;
        }
        let is_full =
            self.batch.first().is_some_and(|first| unit.time.since(first.time) >= UNITS_AGE);
        if is_full || self.batch.len() >= BATCH_MAX {
            let batch = std::mem::take(&mut self.batch);
            self.taps.taps().retain_mut(|tap| tap.give(&batch));
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

impl Tap {
    /// Nobody waits for a slow analyzer: it alone is told of a gap instead. Whether it still listens.
    fn give(&mut self, batch: &[wasm::Unit]) -> bool {
        let mut batch = batch.to_vec();
        if let Some(first) = batch.first_mut() {
            first.gap |= self.gap;
        }
        let given = self.listener.try_send(batch);
        self.gap = matches!(given, Err(mpsc::error::TrySendError::Full(_)));
        !matches!(given, Err(mpsc::error::TrySendError::Closed(_)))
    }
}
