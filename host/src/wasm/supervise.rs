//! What every stage does between two lives of an instance: say how it fares, wait, or give up.

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Fault;
use super::ladder::{Ladder, Next};
use super::standing::{Standing, Teller};

/// Why one life of an instance ended.
pub enum End {
    /// The host, or the instance's camera, is going.
    Shutdown,
    /// The plugin failed.
    Fault(Fault),
}

/// What comes after a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Build another instance now.
    Rebuild,
    /// Never again, until something changes.
    Quarantined,
    /// Nothing: the host is going.
    Shutdown,
}

/// Follows the lives of one plugin on one camera.
pub struct Supervisor {
    camera: String,
    plugin: String,
    ladder: Ladder,
    standing: Teller,
}

impl Supervisor {
    /// For `plugin` on `camera` (empty for event sources).
    pub fn new(camera: &str, plugin: &str, standing: Teller) -> Self {
        // Jitter differs between plugins and cameras, and is the same at every start.
        let seed = u64::from(crc32c::crc32c(camera.as_bytes())) << 32
            | u64::from(crc32c::crc32c(plugin.as_bytes()));
        let ladder = Ladder::new(seed);
        Self { camera: camera.into(), plugin: plugin.into(), ladder, standing }
    }

    /// Says how it fares.
    pub fn tell(&self, standing: Standing) {
        self.standing.send_if_modified(|old| {
            let changed = *old != standing;
            *old = standing;
            changed
        });
    }

    /// Says what happened, and waits until another instance may be built.
    pub async fn after(&mut self, end: End, shutdown: &CancellationToken) -> After {
        let fault = match end {
            End::Shutdown => return After::Shutdown,
            End::Fault(fault) => fault,
        };
        let permanent = fault.is_permanent();
        let next = if permanent { Next::Quarantine } else { self.ladder.fault(Instant::now()) };
        let reason = fault.to_string();
        match next {
            Next::Quarantine => {
                tracing::error!(
                    camera = self.camera,
                    plugin = self.plugin,
                    "{reason}: not tried again until its component or parameters change"
                );
                self.tell(Standing::Quarantined { reason });
                After::Quarantined
            }
            Next::Rebuild(wait) => {
                tracing::warn!(camera = self.camera, plugin = self.plugin, "{reason}");
                self.tell(Standing::Down { reason });
                tokio::select! {
                    biased;
                    () = shutdown.cancelled() => After::Shutdown,
                    () = tokio::time::sleep(wait) => After::Rebuild,
                }
            }
        }
    }
}
