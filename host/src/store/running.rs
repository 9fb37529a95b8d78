//! Spans that were under way when the host ended: after a start, recording goes on with them.

use super::index::{failed, spans};
use super::{Store, index};
use crate::base::{Result, Timestamp};
use crate::policy::Span;

impl Store {
    /// Spans of a camera that have not ended yet, by start.
    ///
    /// # Errors
    /// When the index can't be read.
    pub async fn running_spans(&self, camera: &str) -> Result<Vec<Span>> {
        let (camera, now) = (camera.to_owned(), self.clock.wall());
        let find = move |c: &index::Connection| match spans::camera_id(c, &camera)? {
            Some(id) => spans::touching(c, id, now, Timestamp::MAX),
            None => Ok(Vec::new()),
        };
        let found = self.indexer.ask(move |c| find(c).map_err(failed("list spans"))).await?;
        Ok(found.into_iter().map(|stored| stored.span).collect())
    }
}
