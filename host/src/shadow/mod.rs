//! Candidates: a policy or an analyzer beside the one in charge, on live video. What it asks for and
//! says is recorded, and neither obeyed nor heard; where the two differ is recorded, too.
//!
//! `records` stands between a candidate's stage and the store, `hear` hands it what the others hear
//! without ever keeping them waiting, `compare` tells the two apart, and `watch` writes that down.
//! The stages themselves are those that judge.

pub mod compare;
pub mod records;
pub mod hear;
pub mod watch;

/// The kind of the event that records a span of a candidate.
pub const SPAN: &str = "shadow.span";

/// The kind of the event that records where a candidate and the one in charge differ.
pub const DIFFERS: &str = "shadow.differs";

/// A candidate on one camera, and whose place it would take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The camera.
    pub camera: String,
    /// The one in charge.
    pub in_charge: String,
    /// The candidate.
    pub candidate: String,
}
