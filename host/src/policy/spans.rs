//! What a policy asked for, in the host's terms.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::Span;
use crate::base::Timestamp;
use crate::events::Notice;
use crate::events::lifecycle::Lifecycle;
use crate::store::{Records, Unjudged};
use crate::wasm;

/// The oldest video that a span can reach: in the pre-roll ring (told by the recorder), or on disk.
#[derive(Clone, Debug)]
pub struct Reach(Arc<AtomicI64>);

impl Default for Reach {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MAX)))
    }
}

impl Reach {
    /// The recorder tells where its ring begins.
    pub fn set_ring_start(&self, start: Option<Timestamp>) {
        self.0.store(start.map_or(i64::MAX, Timestamp::micros), Ordering::Relaxed);
    }

    /// Nothing of the span can exist: all video begins after its end.
    pub async fn is_lost(&self, store: &dyn Records, camera: &str, span: &Span) -> bool {
        if span.end.micros() > self.0.load(Ordering::Relaxed) {
            return false;
        }
        // An index that can't be read is no reason to refuse.
        matches!(store.earliest(camera).await, Ok(Some(earliest)) if span.end <= earliest)
    }
}

/// A span as the host knows it, with the correlation of the event that led to it.
pub fn qualify(
    ask: wasm::SpanAsk,
    camera: &str,
    policy: &str,
    run: &Lifecycle,
    cause: Option<&Notice>,
) -> Span {
    Span {
        id: run.qualify(&ask.id),
        camera: camera.into(),
        policy: policy.into(),
        start: ask.start,
        end: ask.end,
        keep: ask.keep,
        label: ask.label,
        correlation: cause
            .filter(|notice| ask.because.contains(&notice.event.id))
            .and_then(|notice| notice.event.correlation.clone()),
        because: ask.because,
    }
}

/// What a policy is told of a segment when it is asked how long to keep it.
pub fn describe(segment: &Unjudged) -> wasm::ClosedSegment {
    let tally = |(kind, count): &(String, u32)| wasm::Tally { kind: kind.clone(), count: *count };
    wasm::ClosedSegment {
        start: segment.start,
        end: segment.end,
        bytes: segment.bytes,
        gap: segment.gap_before,
        events: segment.events.iter().map(tally).collect(),
        attributes: Vec::new(),
    }
}
