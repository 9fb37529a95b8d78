//! How one plugin fares on one camera, for those who depend on it and those who ask.

use serde::Serialize;
use tokio::sync::watch;

/// How a plugin fares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Standing {
    /// Being built for the first time.
    Starting,
    /// Well, and without work: its camera delivers nothing.
    Waiting,
    /// Well.
    Running,
    /// Faulted; another instance is on its way.
    Down {
        /// What happened, and what to do.
        reason: String,
    },
    /// Faulted too often, or can't work here: stays down until something changes.
    Quarantined {
        /// What happened, and what to do.
        reason: String,
    },
}

impl Standing {
    /// What happened, and what to do, where it is down.
    pub fn trouble(&self) -> Option<&str> {
        match self {
            Self::Down { reason } | Self::Quarantined { reason } => Some(reason),
            Self::Starting | Self::Waiting | Self::Running => None,
        }
    }

    /// Others may rely on it.
    pub fn is_healthy(&self) -> bool {
        matches!(self, Self::Waiting | Self::Running)
    }
}

/// The side that knows.
pub type Teller = watch::Sender<Standing>;

/// The side that asks.
pub type Asker = watch::Receiver<Standing>;

/// Begins with [`Standing::Starting`].
pub fn standing() -> (Teller, Asker) {
    watch::channel(Standing::Starting)
}
