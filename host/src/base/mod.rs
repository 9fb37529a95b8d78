//! What every stage stands on: time, errors, tasks, figures and limits.
//!
//! Knows no video, no WebAssembly and no disk.

pub mod error;
pub mod time;
pub mod clock;
pub mod tasks;
pub mod retry;
pub mod masked;
pub mod limits;
pub mod latency;
pub mod metrics;
pub mod kinds;

pub use error::{Error, Kind, Result};
pub use time::Timestamp;
