//! What candidates share: a bus on which nobody hears them, and records in which nobody obeys them.

use std::sync::Arc;

use super::Shared;
use crate::base::clock::Clock;
use crate::base::metrics::Metrics;
use crate::base::tasks::Tasks;
use crate::events::Bus;
use crate::shadow::records::Shadowed;
use crate::shadow::{Pair, watch};
use crate::store::{Records, Store};

/// Where candidates speak.
pub(super) struct Shade {
    pub(super) bus: Bus,
    pub(super) records: Arc<dyn Records>,
}

impl Shade {
    /// Over this store.
    pub(super) fn new(store: &Arc<Store>, clock: &Arc<dyn Clock>, metrics: &Metrics) -> Self {
        let records = Arc::new(Shadowed::new(store.clone(), clock.clone()));
        // Candidates say no events of the host's.
        let (bus, _) = Bus::new(records.clone(), clock.clone(), metrics.clone());
        Self { bus, records }
    }

    /// Writes down where the two differ, for as long as the candidate is there.
    pub(super) fn compare(&self, pair: Pair, shared: &Shared, tasks: &Tasks) {
        let name = format!("{} beside {} of {}", pair.candidate, pair.in_charge, pair.camera);
        let token = tasks.shutdown().clone();
        tasks.spawn(name, watch::watch(pair, shared.store.clone(), shared.clock.clone(), token));
    }
}
