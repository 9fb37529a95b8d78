//! The audit trail, from what HTTP says of itself to events `audit.*` in the index. No policy hears
//! them.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::camera_events::instant;
use crate::base::Timestamp;
use crate::base::clock::Clock;
use crate::events::{Attribute, Bus, Value};
use crate::serve::audit::{Audited, Heard};

/// Who writes it.
pub(super) struct Writer {
    pub(super) bus: Bus,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) heard: Heard,
}

impl Writer {
    /// Writes until `shutdown`, and then what was said before it.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        let mut last = Timestamp::ZERO;
        loop {
            let told = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                told = self.heard.next() => told,
            };
            let Some(told) = told else { return };
            self.write(told, &mut last).await;
        }
        for told in self.heard.rest() {
            self.write(told, &mut last).await;
        }
    }

    async fn write(&self, told: Audited, last: &mut Timestamp) {
        // Ids are unique, and two may be told in one microsecond.
        *last = self.clock.wall().max(last.offset(1));
        let text =
            |(key, value): (&str, String)| Attribute { key: key.into(), value: Value::Text(value) };
        let attributes = told.what.into_iter().map(text).collect();
        let id = format!("host/{}/{}", told.kind, last.micros());
        let event = instant(id, told.kind, *last, attributes);
        let camera = told.camera.unwrap_or_default();
        if let Err(error) = self.bus.note(&camera, Some(event), None).await {
            tracing::warn!(kind = told.kind, "audit trail: {}", error.chain());
        }
    }
}
