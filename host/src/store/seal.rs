//! How a span replaces the one with its id: freely until it is sealed, and then only to be longer.
//!
//! Pure. The index and a replay's ledger judge by it.

use std::time::Duration;

use super::holds;
use crate::base::limits::SPAN_SEAL;
use crate::base::{Error, Result, Timestamp};
use crate::policy::Span;

/// What becomes of `known` when `span` comes at `now`, on a camera with `camera_keep`.
///
/// # Errors
/// Refuses what would not make a sealed span longer.
pub(crate) fn replace(
    mut span: Span,
    known: &Span,
    camera_keep: Option<Duration>,
    now: Timestamp,
) -> Result<Span> {
    if now <= known.end + SPAN_SEAL {
        return Ok(span);
    }
    extend(&mut span, known, camera_keep);
    if (span.start, span.end, span.keep) == (known.start, known.end, known.keep) {
        return Err(Error::refuse(format!(
            "span {} was sealed {} s after its end at {}: it can only be made longer",
            span.id,
            SPAN_SEAL.as_secs(),
            known.end
        )));
    }
    Ok(span)
}

/// Makes `span` at least as long as `known`, and kept at least as long.
pub(crate) fn extend(span: &mut Span, known: &Span, camera_keep: Option<Duration>) {
    span.start = span.start.min(known.start);
    span.end = span.end.max(known.end);
    let until = |keep| holds::Span { start: span.start, end: span.end, keep }.until(camera_keep);
    if until(span.keep) <= until(known.keep) {
        span.keep = known.keep;
    }
}
