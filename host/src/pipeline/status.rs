//! How cameras and plugins fare, for those who ask from outside.

use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::time::Instant;

use crate::base::Timestamp;
use crate::serve::{CameraHealth, PluginHealth};
use crate::wasm::standing::{Asker, Standing};

/// Whether a camera delivers, and since when.
#[derive(Clone, Debug, Default)]
pub(super) struct Connection {
    pub(super) connected: bool,
    pub(super) since: Option<Timestamp>,
    pub(super) detail: Option<String>,
}

/// One camera, as told by its tasks.
#[derive(Clone)]
pub(super) struct Camera {
    pub(super) name: String,
    pub(super) mode: &'static str,
    /// Written by the recorder's task, read by requests; never held across an await.
    pub(super) connection: Arc<Mutex<Connection>>,
    pub(super) fail_open: watch::Receiver<Option<Instant>>,
}

impl Camera {
    pub(super) fn health(&self) -> CameraHealth {
        let connection = self.connection.lock().expect("no panic under this lock").clone();
        CameraHealth {
            name: self.name.clone(),
            mode: self.mode,
            connected: connection.connected,
            fail_open: self.fail_open.borrow().is_some(),
            since: connection.since,
            detail: connection.detail,
        }
    }
}

/// One instance of a plugin, as told by its task.
#[derive(Clone)]
pub(super) struct Plugin {
    pub(super) name: String,
    pub(super) camera: Option<String>,
    pub(super) standing: Asker,
}

impl Plugin {
    pub(super) fn health(&self) -> PluginHealth {
        let standing = self.standing.borrow();
        let detail = match &*standing {
            Standing::Running => None,
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
