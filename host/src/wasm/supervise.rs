//! What every stage does with an instance: call it on its lane, and between two of its lives say
//! how it fares, and whether to wait or to give up.

use std::fmt;

use tokio::time::Instant;

use super::ladder::{Ladder, Next};
use super::standing::{Standing, Teller};
use super::{Cause, Fault, Lane};
use crate::base::Error;

/// So many `transient` answers in a row are a fault.
const TRANSIENT_MAX: u32 = 10;

/// Why an instance is of no further use.
#[derive(Debug)]
pub enum Trouble {
    /// The plugin's fault.
    Fault(Fault),
    /// Ours: the lane lost it.
    Lost(Error),
}

impl Trouble {
    /// No fault of the plugin's, nor of its input.
    pub fn is_hosts(&self) -> bool {
        match self {
            Self::Fault(fault) => fault.is_hosts(),
            Self::Lost(_) => true,
        }
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Lost(error)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(f),
            Self::Lost(error) => f.write_str(&error.chain()),
        }
    }
}

/// What a call came to.
#[derive(Debug)]
pub enum Said<R> {
    /// An answer.
    Answer(R),
    /// The plugin is well and has none: it refused this input, or can't say now.
    Declined(Fault),
}

/// An instance, called on its lane: it travels there and back.
pub struct Guest<T> {
    lane: Lane,
    /// `None` while a call runs, and after the lane lost it.
    instance: Option<T>,
    transients: u32,
}

impl<T: Send + 'static> Guest<T> {
    /// This instance, to be called on `lane`.
    pub fn new(lane: &Lane, instance: T) -> Self {
        Self { lane: lane.clone(), instance: Some(instance), transients: 0 }
    }

    /// The instance itself, unless the lane lost it.
    pub fn into_instance(self) -> Option<T> {
        self.instance
    }

    /// One call. `Err`: the instance is of no further use.
    pub async fn call<R: Send + 'static>(
        &mut self,
        job: impl FnOnce(&mut T) -> Result<R, Fault> + Send + 'static,
    ) -> Result<Said<R>, Trouble> {
        let instance = self
            .instance
            .take()
            .ok_or_else(|| Error::bug("an instance was called during a call"))?;
        let (instance, result) = self.lane.with(instance, job).await?;
        self.instance = Some(instance);
        match result {
            Ok(answer) => {
                self.transients = 0;
                Ok(Said::Answer(answer))
            }
            Err(fault) if fault.wants_new_instance() || fault.is_final() => Err(fault.into()),
            Err(fault) => {
                let transient = matches!(fault.cause, Cause::Transient(_));
                self.transients = if transient { self.transients + 1 } else { 0 };
                if self.transients >= TRANSIENT_MAX {
                    return Err(fault.into());
                }
                Ok(Said::Declined(fault))
            }
        }
    }
}

/// Why one life of an instance ended.
pub enum End {
    /// The host, or the instance's camera, is going.
    Shutdown,
    /// Another instance is wanted.
    Trouble(Trouble),
}

impl End {
    /// It said that it can do nothing with its camera's stream: with another one it may.
    pub fn is_for_the_stream(&self) -> bool {
        let Self::Trouble(Trouble::Fault(fault)) = self else { return false };
        matches!(fault.cause, Cause::Unsupported(_))
    }
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
        let ladder = Ladder::new(seed(camera, plugin));
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

    /// Says what happened, and what comes next.
    pub fn fell(&mut self, trouble: &Trouble) -> Next {
        let now = Instant::now();
        let next = match trouble {
            Trouble::Fault(fault) if fault.is_final() => Next::Quarantine,
            trouble if trouble.is_hosts() => self.ladder.hindrance(now),
            _ => self.ladder.fault(now),
        };
        let reason = trouble.to_string();
        match next {
            Next::Quarantine => {
                tracing::error!(
                    camera = self.camera,
                    plugin = self.plugin,
                    "{reason}: not tried again until its component or parameters change, or a \
                     person reloads it"
                );
                self.tell(Standing::Quarantined { reason });
            }
            Next::Rebuild(_) => {
                tracing::warn!(camera = self.camera, plugin = self.plugin, "{reason}");
                self.tell(Standing::Down { reason });
            }
        }
        next
    }

    /// Another plugin, or a person's word: what was is forgotten.
    pub fn forgive(&mut self) {
        self.ladder = Ladder::new(seed(&self.camera, &self.plugin));
    }
}

/// Jitter differs between plugins and cameras, and is the same at every start.
fn seed(camera: &str, plugin: &str) -> u64 {
    u64::from(crc32c::crc32c(camera.as_bytes())) << 32
        | u64::from(crc32c::crc32c(plugin.as_bytes()))
}

impl Drop for Supervisor {
    /// A task that panics (a bug of ours) leaves nobody behind who judges: those who depend on it
    /// must hear so. Any other end has been told, or is the host's.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tell(Standing::Down { reason: format!("the task of {} panicked", self.plugin) });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::super::standing::standing;
    use super::*;

    fn fault(cause: Cause) -> Trouble {
        let (plugin, version) = ("test".into(), "0.1.0".into());
        Fault { plugin, version, camera: None, call: "on-message", cause }.into()
    }

    #[test]
    fn nobody_is_quarantined_for_what_the_host_lacks() {
        let (teller, asker) = standing();
        let mut supervisor = Supervisor::new("gate", "test", teller);
        for _ in 0..10 {
            for trouble in [
                fault(Cause::HostOutOfMemory { limit_bytes: 1 << 30 }),
                fault(Cause::Host("its store can't be read".into())),
                Error::bug("a job panicked").into(),
            ] {
                assert!(matches!(supervisor.fell(&trouble), Next::Rebuild(_)), "{trouble}");
                assert!(matches!(&*asker.borrow(), Standing::Down { .. }));
            }
        }
        for _ in 0..4 {
            let its_own = fault(Cause::OutOfMemory { limit_bytes: 1 << 20 });
            assert!(matches!(supervisor.fell(&its_own), Next::Rebuild(_)));
        }
        assert_eq!(supervisor.fell(&fault(Cause::Failed("no".into()))), Next::Quarantine);
    }

    #[test]
    fn a_panic_is_told_and_an_orderly_end_is_not() {
        for panics in [false, true] {
            let (teller, asker) = standing();
            let supervisor = Supervisor::new("gate", "test", teller);
            supervisor.tell(Standing::Running);
            let task = AssertUnwindSafe(move || {
                let _supervisor = supervisor;
                assert!(!panics, "on purpose");
            });
            assert_eq!(catch_unwind(task).is_err(), panics);
            assert_eq!(asker.borrow().is_healthy(), !panics);
        }
    }
}
