//! The door between HTTP and the rest of the host: what requests ask, and what is answered.
//!
//! Knows no HTTP. `pipeline` implements [`Host`]; tests do too.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::base::Timestamp;
use crate::config::Config;
use crate::store::plan::Limits;
use crate::store::{Deletion, Extent, Guarded, Named, Pin};

/// What can be asked of a running host.
pub trait Host: Send + Sync + 'static {
    /// Gives a message to an event source and waits for what it says. Waits at most
    /// [`HOOK_WAIT`](crate::base::limits::HOOK_WAIT) for room in its queue.
    fn hook(&self, source: &str, request: HookRequest) -> impl Future<Output = HookAnswer> + Send;

    /// Records now.
    fn trigger(
        &self,
        camera: &str,
        request: TriggerRequest,
    ) -> impl Future<Output = TriggerAnswer> + Send;

    /// Keeps a stretch of video until it is unpinned.
    fn pin(&self, what: Named, label: Option<String>) -> impl Future<Output = Wished<Pin>> + Send;

    /// Removes a pin, or those within a range.
    fn unpin(&self, what: Named) -> impl Future<Output = Wished<Vec<Pin>>> + Send;

    /// Deletes a span, or the files of a range.
    fn delete(&self, what: Named, extent: Extent) -> impl Future<Output = Wished<Deletion>> + Send;

    /// Says that the host's clock is right.
    fn confirm_time(&self) -> impl Future<Output = Wished<Confirmed>> + Send;

    /// Reads the configuration anew.
    fn reload(&self) -> impl Future<Output = ReloadAnswer> + Send;

    /// Loads a plugin anew, for all its cameras; answers when each has it or has refused it.
    fn reload_plugin(&self, plugin: &str) -> impl Future<Output = Wished<ReloadedPlugin>> + Send;

    /// How everything is. Must not wait.
    fn health(&self) -> Health;

    /// What runs as plugins, and how it fares. Must not wait.
    fn plugins(&self) -> Vec<PluginStatus>;

    /// The configuration in force. Must not wait.
    fn config(&self) -> Arc<Config>;

    /// The limits that it sets to the store. Must not wait.
    fn limits(&self) -> Limits;

    /// The sequence of the event that was stored last since the host began, from now on; 0 before
    /// there is one.
    fn newest_event(&self) -> watch::Receiver<u64>;
}

/// A message for an event source.
#[derive(Clone, Debug, PartialEq)]
pub struct HookRequest {
    /// The `content-type` header; empty where there is none.
    pub content_type: String,
    /// Other headers, names in lower case, without credentials and cookies.
    pub headers: Vec<(String, String)>,
    /// The query, decoded.
    pub query: Vec<(String, String)>,
    /// At most [`HOOK_BODY_BYTES`](crate::base::limits::HOOK_BODY_BYTES).
    pub body: Bytes,
}

/// What became of a message. Reasons are shown as they are, so they name source or plugin.
#[derive(Clone, Debug, PartialEq)]
pub enum HookAnswer {
    /// Its events are stored; their qualified ids.
    Taken(Vec<String>),
    /// There is no such source, but these.
    Unknown(Vec<String>),
    /// The source refuses this message, and says why.
    Rejected(String),
    /// The source's queue stayed full.
    Full,
    /// The source is down, or failed on this message; try again.
    Failed(String),
}

/// What is to be recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TriggerRequest {
    /// From so long before now; `None`: as the host thinks fit.
    pub before: Option<Duration>,
    /// Until so long after now; `None`: as the host thinks fit.
    pub length: Option<Duration>,
    /// For people.
    pub label: Option<String>,
}

/// What became of a trigger. Reasons are shown as they are, so they name the camera.
#[derive(Clone, Debug, PartialEq)]
pub enum TriggerAnswer {
    /// It is recorded.
    Taken(Triggered),
    /// There is no such camera, but these.
    Unknown(Vec<String>),
    /// The camera can't: its mode is `off`, for example.
    Refused(String),
    /// Not now; try again.
    Failed(String),
}

/// A recording that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Triggered {
    /// The event's qualified id.
    pub event: String,
    /// Asked start.
    pub start: Timestamp,
    /// Asked end.
    pub end: Timestamp,
}

/// What became of a person's wish. Reasons are shown as they are, so they name what was meant.
#[derive(Clone, Debug, PartialEq)]
pub enum Wished<T> {
    /// It is done.
    Done(T),
    /// There is nothing of that name.
    Unknown(String),
    /// It can't be done.
    Refused(String),
    /// Not now; try again.
    Failed(String),
}

/// What came of confirming the time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Confirmed {
    /// What was guarded until then; `None`: nothing was.
    pub guarded: Option<Guarded>,
}

/// What became of a configuration that was read anew.
#[derive(Clone, Debug, PartialEq)]
pub enum ReloadAnswer {
    /// It is in force.
    Done(Reloaded),
    /// It is as before: this is wrong with the new one, a line each.
    Refused(Vec<String>),
    /// Not now; try again.
    Failed(String),
}

/// What has changed with a configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Reloaded {
    /// Cameras that came, went, or were made anew.
    pub cameras: Changes,
    /// Plugins that came, went, or are others now.
    pub plugins: Changes,
    /// Why cameras could not be started; tried again with the next configuration.
    pub failed: Vec<String>,
}

/// Names that came and went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Changes {
    /// New ones.
    pub added: Vec<String>,
    /// Those that are gone.
    pub removed: Vec<String>,
    /// Those that are others now.
    pub changed: Vec<String>,
}

impl fmt::Display for Changes {
    /// `+yard -porch ~gate`; `-` where nothing has changed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signed = [("+", &self.added), ("-", &self.removed), ("~", &self.changed)];
        let words = signed
            .into_iter()
            .flat_map(|(sign, names)| names.iter().map(move |name| format!("{sign}{name}")));
        let words: Vec<String> = words.collect();
        if words.is_empty() { f.write_str("-") } else { f.write_str(&words.join(" ")) }
    }
}

/// A plugin that was loaded anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReloadedPlugin {
    /// Its configured name.
    pub plugin: String,
    /// Its version now, from its manifest.
    pub version: String,
    /// SHA-256 of the component, in hexadecimal digits.
    pub digest: String,
    /// What became of it on each camera.
    pub seats: Vec<ReloadedSeat>,
}

/// What became of a plugin that was loaded anew, on one camera.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReloadedSeat {
    /// The camera; none for event sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<String>,
    /// `seated`, `reconfigured`, `unchanged`, `revived` or `refused`.
    pub outcome: String,
    /// Why it was refused: the one before runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How everything is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Health {
    /// All of the configuration.
    pub cameras: Vec<CameraHealth>,
    /// All instances.
    pub plugins: Vec<PluginHealth>,
    /// The store.
    pub store: StoreHealth,
}

/// How a camera is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CameraHealth {
    /// Its name.
    pub name: String,
    /// Its mode, as in the configuration.
    pub mode: &'static str,
    /// Whether it delivers.
    pub connected: bool,
    /// Whether everything is recorded because a plugin is down.
    pub fail_open: bool,
    /// Whether its video reaches the disk now. In mode `events` this is the state of its gate.
    pub recording: bool,
    /// Whether it delivers what is to be recorded, and nothing of it has reached the disk for 10 s.
    pub stalled: bool,
    /// Since when `connected` is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// For people: why it does not deliver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How an instance of a plugin is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PluginHealth {
    /// Its configured name.
    pub name: String,
    /// The camera that it serves; none for event sources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub camera: Option<String>,
    /// Whether it serves.
    pub healthy: bool,
    /// For people: why it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// One plugin on one camera: what it is, since when, how it fares, and why it does not run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PluginStatus {
    /// Its configured name.
    pub name: String,
    /// The camera that it serves; none for event sources, and for what no camera names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<String>,
    /// `starting`, `waiting`, `running`, `down`, `quarantined` or `unused`.
    pub state: String,
    /// For people: why it does not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when the one in charge is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// What was loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<PluginComponent>,
    /// Calls since the host began, of all its instances.
    pub calls: u64,
    /// Processor time of a call in microseconds: the mean.
    pub mean_micros: f64,
    /// Half of the calls took no longer.
    pub p50_micros: f64,
    /// 99 of 100 calls took no longer.
    pub p99_micros: f64,
    /// Calls over half their deadline.
    pub overruns: u64,
    /// Traps, missed deadlines and nonsense.
    pub faults: u64,
    /// The most memory that an instance has had, in bytes.
    pub memory_peak_bytes: u64,
}

/// What a plugin's component is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PluginComponent {
    /// As its manifest says.
    pub id: String,
    /// As its manifest says.
    pub version: String,
    /// `analyzer`, `source` or `policy`.
    pub world: String,
    /// `sha256:` and hexadecimal digits.
    pub digest: String,
    /// What is in force of what it asks for.
    pub grants: Vec<String>,
}

/// How the store is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct StoreHealth {
    /// Whether what comes is written.
    pub healthy: bool,
    /// Free on the filesystem with the index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
    /// For people: what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The directories that hold recordings; first the one with the index.
    pub places: Vec<PlaceHealth>,
}

/// How a directory that holds recordings is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PlaceHealth {
    /// Its name in the configuration; `main` for `[store]`.
    pub name: String,
    /// Where it is.
    #[schema(value_type = String)]
    pub path: PathBuf,
    /// Whether it takes and gives what it should.
    pub healthy: bool,
    /// Free on its filesystem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
    /// Size of the recordings that lie there.
    pub bytes: u64,
    /// For people: what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Health {
    /// Nothing is wrong anywhere.
    pub fn is_well(&self) -> bool {
        self.store.healthy
            && self
                .cameras
                .iter()
                .all(|camera| camera.connected && !camera.fail_open && !camera.stalled)
            && self.plugins.iter().all(|plugin| plugin.healthy)
    }
}
