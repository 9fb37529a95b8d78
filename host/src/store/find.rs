//! What export asks of a store: one span, and where its files lie.

use std::path::PathBuf;

use super::index::{failed, spans};
use super::query::Reader;
use crate::base::Result;
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

    /// The directories that belong to the store.
    pub fn roots(&self) -> Vec<PathBuf> {
        let here = |_| vec![self.root.clone()];
        self.stores()
            .map_or_else(here, |stores| stores.into_iter().map(|store| store.path).collect())
    }
}
