//! What there is of each camera, in a few numbers: reads narrow rows only, however many files there are.

use serde::Serialize;
use utoipa::ToSchema;

use super::index::{failed, read, spans};
use super::query::Reader;
use crate::base::{Result, Timestamp};

/// A camera that has ever been recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoredCamera {
    /// Its name.
    pub name: String,
    /// Where its first file begins.
    pub first: Option<Timestamp>,
    /// Where its last complete file ends.
    pub last: Option<Timestamp>,
    /// Bytes of its files.
    pub bytes: u64,
    /// Of the newest of them.
    pub format: Option<StoredFormat>,
}

/// What the pictures of a file are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct StoredFormat {
    /// `h264` or `h265`.
    #[schema(example = "h264")]
    pub codec: String,
    /// In pixels, as shown.
    pub width: u32,
    /// In pixels, as shown.
    pub height: u32,
}

impl Reader {
    /// All cameras that have ever been recorded, by name.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn cameras(&self) -> Result<Vec<StoredCamera>> {
        read::overview(&self.connection).map_err(failed("list cameras"))
    }

    /// Whether a camera has ever been recorded.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn has_camera(&self, camera: &str) -> Result<bool> {
        let found = spans::camera_id(&self.connection, camera);
        Ok(found.map_err(failed("find a camera"))?.is_some())
    }
}
