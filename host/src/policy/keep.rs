//! What becomes of a span that a policy asked for, and of what it says: stored, then told.

use super::Span;
use super::stage::Stage;
use crate::base::{Kind, limits};
use crate::events::{Event, Publish};

/// So many spans wait for the index at most; the oldest gives way.
const UNSAVED_MAX: usize = 256;

impl Stage {
    /// Stores a span, then tells the recorder.
    pub(super) async fn keep(&mut self, span: Span) {
        if self.reach.is_lost(&*self.store, &self.camera, &span).await {
            tracing::warn!(
                camera = self.camera,
                plugin = self.name,
                span = span.id,
                "span lies before the oldest video: refused"
            );
            return;
        }
        match self.store.span(span.clone()).await {
            Err(error) if error.kind() == Kind::Refuse => {
                tracing::warn!(camera = self.camera, plugin = self.name, "{}", error.chain());
                return;
            }
            // What can't be stored now is recorded all the same.
            Err(error) => {
                tracing::error!(camera = self.camera, plugin = self.name, "{}", error.chain());
                self.unsaved.retain(|old| old.id != span.id);
                if self.unsaved.len() >= UNSAVED_MAX {
                    self.unsaved.pop_front();
                }
                self.unsaved.push_back(span.clone());
            }
            Ok(()) => self.unsaved.retain(|old| old.id != span.id),
        }
        // A recorder that is gone has ended with its camera: the stored span holds.
        let _gone = self.spans.send(span).await;
    }

    /// Offers the index again what it did not take, in order, as far as it does now.
    pub(super) async fn save_again(&mut self) {
        while let Some(span) = self.unsaved.front() {
            match self.store.span(span.clone()).await {
                Err(error) if error.kind() != Kind::Refuse => return,
                Err(error) => {
                    tracing::warn!(camera = self.camera, plugin = self.name, "{}", error.chain());
                }
                Ok(()) => {}
            }
            self.unsaved.pop_front();
        }
    }

    pub(super) async fn say(&self, event: Event) {
        let by = Publish { origin: &self.name, camera: &self.camera };
        if let Err(error) = self.bus.publish_among(by, event, limits::HOOK_WAIT).await {
            tracing::warn!(camera = self.camera, plugin = self.name, "{}", error.chain());
        }
    }

    pub(super) fn warn(&self, result: crate::base::Result<()>) {
        if let Err(error) = result {
            tracing::warn!(camera = self.camera, plugin = self.name, "{}", error.chain());
        }
    }
}
