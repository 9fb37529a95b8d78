//! How cameras and plugins fare, for those who ask from outside.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::watchdog::Watched;
use crate::base::Timestamp;
use crate::seat::Facts;
use crate::serve::{CameraHealth, PluginHealth};
use crate::wasm::standing::{Asker, Standing};

/// Whether a camera delivers, and since when.
#[derive(Clone, Debug, Default)]
pub(super) struct Connection {
    pub(super) connected: bool,
    pub(super) since: Option<Timestamp>,
    pub(super) detail: Option<String>,
    /// What it delivers now is to be recorded.
    pub(super) wanted: bool,
    /// It goes to a file.
    pub(super) recording_file: bool,
    /// And from there to the disk, as the watchdog sees it.
    pub(super) recording: bool,
    /// It delivers what is to be recorded, and nothing of it reaches the disk.
    pub(super) stalled: bool,
}

/// One camera, as told by its tasks.
#[derive(Clone)]
pub(super) struct Camera {
    pub(super) name: String,
    pub(super) mode: &'static str,
    /// Written by the recorder's task and the watchdog, read by requests; never held across an await.
    pub(super) connection: Arc<Mutex<Connection>>,
    pub(super) fail_open: watch::Receiver<Option<Instant>>,
}

impl Camera {
    /// One that could not be started, and why.
    pub(super) fn not_started(name: &str, mode: &'static str, why: &str) -> Self {
        let detail = Some(format!("not started, and tried again: {why}"));
        let connection = Arc::new(Mutex::new(Connection { detail, ..Connection::default() }));
        Self { name: name.into(), mode, connection, fail_open: watch::channel(None).1 }
    }

    /// As the watchdog wants it.
    pub(super) fn watched(&self, patience: Duration) -> Watched {
        Watched::new(&self.name, self.connection.clone(), patience)
    }

    pub(super) fn health(&self) -> CameraHealth {
        let connection = self.connection.lock().expect("no panic under this lock").clone();
        let stalled = || "nothing that it delivers reaches the disk".to_owned();
        CameraHealth {
            name: self.name.clone(),
            recording: connection.recording,
            stalled: connection.stalled,
            mode: self.mode,
            connected: connection.connected,
            fail_open: self.fail_open.borrow().is_some(),
            since: connection.since,
            detail: connection.detail.or_else(|| connection.stalled.then(stalled)),
        }
    }
}

/// One instance of a plugin, as told by its task.
#[derive(Clone)]
pub(super) struct Plugin {
    pub(super) name: String,
    pub(super) camera: Option<String>,
    pub(super) standing: Asker,
    /// Who is in charge.
    pub(super) facts: watch::Receiver<Facts>,
    /// It is a candidate for the place of this one.
    pub(super) candidate_for: Option<String>,
}

impl Plugin {
    pub(super) fn health(&self) -> PluginHealth {
        let standing = self.standing.borrow();
        let detail = match &*standing {
            Standing::Running => self
                .facts
                .borrow()
                .reload_failed
                .as_ref()
                .map(|why| format!("runs on after a reload that failed: {why}")),
            Standing::Waiting => Some("waits for its camera".into()),
            Standing::Starting => Some("starting".into()),
            Standing::Down { reason } | Standing::Quarantined { reason } => Some(reason.clone()),
        };
        PluginHealth {
            name: self.name.clone(),
            camera: self.camera.clone(),
            healthy: standing.is_healthy(),
            detail,
        }
    }
}
