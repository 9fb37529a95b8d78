//! Who is there now: what requests and the watchdog see of cameras, plugins and sources.
//!
//! Made anew after each change, and never changed: who reads keeps what he began with.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::loaded::Loaded;
use super::{door, status};
use crate::events::source::Delivery;

/// All of them.
#[derive(Default)]
pub(super) struct Residents {
    /// By source: the way of messages.
    pub(super) sources: BTreeMap<String, mpsc::Sender<Delivery>>,
    /// By name: what can be asked of a camera.
    pub(super) cameras: BTreeMap<String, door::Camera>,
    /// In the order of the configuration.
    pub(super) camera_status: Vec<status::Camera>,
    /// Sources, then the plugins of each camera, in the order of the configuration.
    pub(super) plugin_status: Vec<status::Plugin>,
    /// Those who are only tried: nobody depends on how they fare.
    pub(super) tried_status: Vec<status::Plugin>,
    /// By source: the way of messages to the candidate for its place.
    pub(super) tried_sources: BTreeMap<String, mpsc::Sender<Delivery>>,
    /// What was loaded of all plugins of the configuration.
    pub(super) loaded: Loaded,
}

/// The side that sees.
pub(super) type View = watch::Receiver<Arc<Residents>>;
