//! Events as a page or a program looks at them, out of a store.

use std::ops::ControlFlow;

use super::index::history;
pub(crate) use super::index::history::{Heads, Order};
use super::index::{events, failed};
use super::query::Reader;
use super::{EventFilter, StoredEvent};
use crate::base::Result;

impl Reader {
    /// Instants and beginnings of a camera's events, in the wanted order.
    ///
    /// # Errors
    /// When the index can't be read.
    pub(crate) fn heads(&self, wanted: Heads<'_>) -> Result<Vec<StoredEvent>> {
        history::heads(&self.connection, wanted).map_err(failed("list events"))
    }

    /// Shows the later phases of an event, until its end or `visit` has seen enough.
    ///
    /// # Errors
    /// When the index can't be read.
    pub(crate) fn life(
        &self,
        head: &StoredEvent,
        visit: impl FnMut(StoredEvent) -> ControlFlow<()>,
    ) -> Result<()> {
        history::life(&self.connection, head, visit).map_err(failed("follow an event"))
    }

    /// The cameras of which there are events, by name.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn cameras_with_events(&self) -> Result<Vec<String>> {
        history::cameras(&self.connection).map_err(failed("list cameras with events"))
    }

    /// The sequence of the newest event; 0: there is none.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn newest_event(&self) -> Result<u64> {
        history::newest(&self.connection).map_err(failed("find the newest event"))
    }

    /// One event, as it was received.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn find_event(&self, sequence: u64) -> Result<Option<StoredEvent>> {
        history::one(&self.connection, sequence).map_err(failed("find an event"))
    }

    /// At most so many events that were received after another.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn events_after(&self, sequence: u64, most: usize) -> Result<Vec<StoredEvent>> {
        let filter =
            EventFilter { after: Some(sequence), most: Some(most), ..EventFilter::default() };
        events::read(&self.connection, &filter).map_err(failed("read on in the events"))
    }
}
