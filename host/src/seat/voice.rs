//! What a seat tells people: one line in the log and one event of the host's for each change of who
//! is in charge. No policy hears it.

use std::sync::Arc;

use super::post::Shared;
use crate::base::clock::Clock;
use crate::events::{Attribute, Bus, Event, Phase, Value};

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Another one is in charge.
    Reloaded,
    /// It should have been, and is not.
    ReloadFailed,
    /// It was for a while, and the one before is again.
    RolledBack,
}

impl Change {
    fn kind(self) -> &'static str {
        match self {
            Self::Reloaded => "plugin.reloaded",
            Self::ReloadFailed => "plugin.reload-failed",
            Self::RolledBack => "plugin.rolled-back",
        }
    }
}

/// Tells that a plugin could not even be loaded anew.
pub async fn tell_reload_failed(shared: &Shared, plugin: &str, why: &str) {
    let (bus, clock) = (shared.bus.clone(), shared.clock.clone());
    let mut voice = Voice { camera: String::new(), plugin: plugin.into(), bus, clock, said: 0 };
    voice.tell(Change::ReloadFailed, "", "", why).await;
}

/// Speaks of one seat.
pub(super) struct Voice {
    /// Empty for event sources.
    pub(super) camera: String,
    pub(super) plugin: String,
    pub(super) bus: Bus,
    pub(super) clock: Arc<dyn Clock>,
    /// Tells events of one moment apart.
    pub(super) said: u64,
}

impl Voice {
    /// Tells a change: who was in charge, who should be, and more.
    pub(super) async fn tell(&mut self, change: Change, from: &str, to: &str, reason: &str) {
        let (camera, plugin) = (self.camera.as_str(), self.plugin.as_str());
        match change {
            Change::Reloaded => tracing::info!(camera, plugin, from, to, "reloaded{reason}"),
            Change::ReloadFailed => {
                tracing::warn!(camera, plugin, from, to, "not reloaded: {reason}");
            }
            Change::RolledBack => {
                tracing::error!(
                    camera,
                    plugin,
                    from,
                    to,
                    "rolled back to the one before: {reason}"
                );
            }
        }
        let now = self.clock.wall();
        self.said += 1;
        let text = |key: &str, text: &str| {
            // Attributes are bounded, and the log has it all.
            let end = text.floor_char_boundary(1024);
            Attribute { key: key.into(), value: Value::Text(text[..end].to_owned()) }
        };
        let mut attributes = vec![text("plugin", plugin), text("from", from), text("to", to)];
        let reason = reason.trim_start_matches([' ', ',', ':']);
        if !reason.is_empty() {
            attributes.push(text("reason", reason));
        }
        let event = Event {
            id: format!("{camera}/host/{}/{plugin}/{}-{}", change.kind(), now.micros(), self.said),
            kind: change.kind().into(),
            phase: Phase::Instant,
            time: now,
            confidence: 1.0,
            regions: Vec::new(),
            cameras: Vec::new(),
            correlation: None,
            attributes,
        };
        if let Err(error) = self.bus.note(camera, Some(event), None).await {
            tracing::warn!(camera, plugin, "{}: not stored: {}", change.kind(), error.chain());
        }
    }
}
