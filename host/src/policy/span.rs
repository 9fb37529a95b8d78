//! A stretch of a camera's video that something asked to keep.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::Timestamp;

/// `[start, end)` of one camera's video, to be kept, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// `<camera>/<policy>/<run>/<id>`: the same id replaces an earlier span until that is sealed.
    pub id: String,
    /// The camera.
    pub camera: String,
    /// Who asked: a policy's configured name, or `host` (record now, fail-open).
    pub policy: String,
    /// Asked start.
    pub start: Timestamp,
    /// Asked end. Equal to `start`: withdrawn before it began.
    pub end: Timestamp,
    /// How long to keep it, from its end. `None`: as the camera's configuration says.
    pub keep: Option<Duration>,
    /// For people.
    pub label: String,
    /// Qualified ids of the events that led to it.
    pub because: Vec<String>,
    /// Of the first of those events that had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
}

impl Span {
    /// Room that it takes, about, in bytes.
    pub fn weight(&self) -> usize {
        512 + self.label.len() + self.because.iter().map(String::len).sum::<usize>()
    }
}
