//! What export asks of a store: one span, and where its files lie.

use std::path::PathBuf;

use super::index::{failed, read, spans};
use super::query::Reader;
use crate::base::{Result, Timestamp};
use crate::policy::Span;

impl Reader {
    /// The span of that id, if there is one.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn find_span(&self, id: &str) -> Result<Option<Span>> {
        let found = spans::find(&self.connection, id).map_err(failed("find a span"))?;
        Ok(found.map(|stored| stored.span))
    }

    /// The spans of a camera that ended in `[since, before]` and whose video is complete: nothing
    /// that is still being written can belong to them. Those without video are among them.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn ended_spans(
        &self,
        camera: &str,
        since: Timestamp,
        before: Timestamp,
    ) -> Result<Vec<Span>> {
        let c = &self.connection;
        let list = || {
            let Some(id) = spans::camera_id(c, camera)? else { return Ok(Vec::new()) };
            let growing = read::open(c, id)?.into_iter().map(|segment| segment.start).min();
            let mut found = spans::touching(c, id, since, before)?;
            found.retain(|stored| {
                let Span { start, end, .. } = stored.span;
                start < end && end <= before && growing.is_none_or(|growing| growing >= end)
            });
            Ok(found.into_iter().map(|stored| stored.span).collect())
        };
        list().map_err(failed("list ended spans"))
    }

    /// The directories that belong to the store.
    pub fn roots(&self) -> Vec<PathBuf> {
        vec![self.root.clone()]
    }
}
