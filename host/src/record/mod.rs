//! Packet + Span -> Segment: pre-roll, cutting, fragments, MP4.

pub mod segment;

pub use segment::{Fragment, Full, GapMark, SegmentEnd, SegmentStart, Sink};
