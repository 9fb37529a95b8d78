//! TOML text -> [`Config`]: everything resolved and checked, or all mistakes at once.
//!
//! Takes the one file that an operator writes; gives plain values in which templates, environment
//! variables and defaults are already applied. Loads no plugin and opens no camera: what a
//! component is and whether a camera answers is found out by those who use these values.

mod units;
mod secret;
mod suggest;
mod mistakes;
mod table;
mod camera;
mod clips;
mod chains;
mod http;
mod stores;
mod trust;
mod read;
mod rules;
mod show;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use crate::base::kinds::KindsOf;
use crate::trust::Trust;
use crate::wasm::Capability;

pub use chains::{Chain, Pictures};
pub use clips::{Clips, Pattern};
pub use http::{Http, TlsFiles};
pub use mistakes::{Mistake, Mistakes};
pub use secret::Secret;
pub use show::HIDDEN;
pub use stores::{Directory, MAIN_STORE, Moving};
pub use units::{parse_duration, parse_size, show_duration, show_size};

/// How long video is kept where nobody says: also the hold of fail-open recordings.
pub const KEEP_DEFAULT: Duration = Duration::from_secs(7 * 86_400);

/// One host's whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where recordings go, and the index.
    pub store: Store,
    /// Further directories for recordings, in the order of the file.
    pub stores: Vec<Directory>,
    /// The HTTP side.
    pub http: Http,
    /// In the order of the file.
    pub plugins: Vec<Plugin>,
    /// In the order of the file.
    pub cameras: Vec<Camera>,
    /// Files of event recordings; `None`: they are not made.
    pub clips: Option<Clips>,
    /// `plugin-memory` of `[limits]`: what all instances of plugins may have together; `None`: the
    /// default.
    pub plugin_memory_bytes: Option<u64>,
    /// What is allowed but probably not meant; `file:line: text`.
    pub warnings: Vec<String>,
}

/// `[store]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Store {
    /// The directory, made at the first start.
    pub path: PathBuf,
    /// Time between syncs to the disk: what a power cut may cost.
    pub sync: Duration,
    /// Bytes of the filesystem that stay free; `None` is max(5 %, 1 GiB), at most 50 GiB.
    pub free_floor_bytes: Option<u64>,
    /// The most bytes of recordings in it; `None`: no limit.
    pub size_max: Option<u64>,
    /// Where old recordings go.
    pub moving: Option<Moving>,
    /// How long events stay in the index.
    pub event_keep: Duration,
    /// Bytes a second that the slow check reads, of all directories; 0: it does not run.
    pub check_rate: u64,
    /// A kind of filesystem that is refused otherwise is taken, and one that is warned about is
    /// not mentioned.
    pub allow_filesystem: bool,
}

/// `[plugins.NAME]`: one component with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Plugin {
    /// Its name here, in events and in `/hooks/<name>`.
    pub name: String,
    /// Where it comes from.
    pub component: Component,
    /// For the plugin's eyes only.
    pub params: Params,
    /// For event sources: the cameras that its events mean when they name none.
    pub cameras: Vec<String>,
    /// Whom it comes after.
    pub chain: Chain,
    /// What it may do beyond what its role is there for.
    pub grant: Vec<Capability>,
    /// Who must vouch for its component, where that is a file.
    pub trust: Trust,
    /// A candidate for its place: another plugin of the same kind, that runs beside this one, and is
    /// neither heard nor obeyed.
    pub shadow: Option<String>,
}

impl Plugin {
    /// As if the file named no more than the component.
    pub fn new(name: impl Into<String>, component: Component) -> Self {
        Self {
            name: name.into(),
            component,
            params: Params::default(),
            cameras: Vec::new(),
            chain: Chain::default(),
            grant: Vec::new(),
            trust: Trust::default(),
            shadow: None,
        }
    }
}

/// Where a component comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Component {
    /// Built into this program, by name.
    Bundled(String),
    /// A file; absolute, or relative to the working directory.
    File(PathBuf),
}

/// A plugin's parameters. Values may hold secrets, so `Debug` shows only the keys.
#[derive(Clone, Default)]
pub struct Params {
    values: serde_json::Map<String, serde_json::Value>,
    from_environment: BTreeSet<String>,
}

impl PartialEq for Params {
    /// By what the plugin gets.
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

impl Params {
    /// From JSON.
    pub fn new(values: serde_json::Map<String, serde_json::Value>) -> Self {
        Self { values, from_environment: BTreeSet::new() }
    }

    /// JSON pointers to values that came from the environment, and are taken for secrets.
    pub fn from_environment(&self) -> &BTreeSet<String> {
        &self.from_environment
    }

    /// All of them. Not for logs.
    pub fn values(&self) -> &serde_json::Map<String, serde_json::Value> {
        &self.values
    }

    /// The JSON object that the plugin receives. Not for logs.
    pub fn json(&self) -> String {
        serde_json::to_string(&self.values).expect("JSON values have string keys")
    }
}

impl std::fmt::Debug for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// `[cameras.NAME]`, its template applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Camera {
    /// Lower case; safe as one part of a path.
    pub name: String,
    /// The stream that is recorded.
    pub source: Source,
    /// A second, smaller stream for analysis; `None`: the recorded one is analysed.
    pub analysis: Option<Source>,
    /// What is recorded.
    pub mode: Mode,
    /// The name of the store that it is recorded to; `main` is `[store]`.
    pub store: String,
    /// How long continuous video, and spans whose policy says nothing, are kept.
    pub keep: Duration,
    /// The longest that its policies can ask for; `None`: no limit. Not shorter than `keep`.
    pub keep_max: Option<Duration>,
    /// The most bytes of its recordings, wherever they lie; `None`: no limit.
    pub size_max: Option<u64>,
    /// The wished length of a file.
    pub segment: Duration,
    /// Pre-roll ring: its length in time.
    pub preroll: Duration,
    /// Pre-roll ring: its length in bytes.
    pub preroll_bytes: u64,
    /// Its event recordings become clips, where `[clips]` wants any.
    pub clips: bool,
    /// Silence after which the session is given up.
    pub stall: Duration,
    /// IANA name, checked; for policies and for what people read.
    pub timezone: Option<String>,
    /// Names of plugins, in the order of the file.
    pub analyzers: Vec<String>,
    /// Names of plugins, in the order of the file.
    pub policies: Vec<String>,
    /// What its policies hear of other cameras.
    pub hears: Vec<KindsOf>,
}

/// What of a camera is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everything.
    Continuous,
    /// Only spans.
    Events,
    /// Everything, and spans hold what they cover for longer.
    Both,
    /// Nothing: live and analysis only.
    Off,
}

impl Mode {
    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Continuous => "continuous",
            Self::Events => "events",
            Self::Both => "both",
            Self::Off => "off",
        }
    }
}

/// Where a stream comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// An RTSP server.
    Rtsp {
        /// Without credentials.
        url: Url,
        /// For Basic and Digest.
        login: Option<Login>,
        /// How RTP comes.
        transport: Transport,
        /// Whose clock says what time it is.
        time: Time,
    },
    /// An MP4 file, played as a camera.
    File {
        /// Absolute, or relative to the working directory.
        path: PathBuf,
        /// How fast.
        pace: Pace,
        /// Begins again at its end.
        repeat: bool,
    },
}

/// A user name and its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub username: String,
    /// The password; may be empty.
    pub password: Secret,
}

/// How RTP packets come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Interleaved in the RTSP connection.
    Tcp,
    /// In datagrams of their own.
    Udp,
}

/// Whose clock gives a camera's video its UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// This host's, when the video arrives.
    Host,
    /// The camera's, by its RTCP sender reports.
    Camera,
}

/// How fast a file is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As a camera would.
    Live,
    /// As fast as the recorder takes it.
    Fast,
}

impl Config {
    /// The plugin of that name.
    pub fn plugin(&self, name: &str) -> Option<&Plugin> {
        self.plugins.iter().find(|plugin| plugin.name == name)
    }

    /// The camera of that name.
    pub fn camera(&self, name: &str) -> Option<&Camera> {
        self.cameras.iter().find(|camera| camera.name == name)
    }
}

/// What a configuration may refer to outside its own text. Tests bring their own.
pub trait Surroundings {
    /// The value of an environment variable.
    fn variable(&self, name: &str) -> Option<String>;
    /// The text of a file that holds a secret.
    fn secret_file(&self, path: &Path) -> std::io::Result<String>;
    /// Whether there is a file.
    fn is_file(&self, path: &Path) -> bool;
}

/// The process's environment and the machine's files.
pub struct Machine;

impl Surroundings for Machine {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn secret_file(&self, path: &Path) -> std::io::Result<String> {
        std::fs::read_to_string(path)
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }
}

/// Reads and checks a file.
///
/// # Errors
/// All that is wrong with it, each with its line; or that it can't be read.
pub fn load(path: &Path) -> Result<Config, Mistakes> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&text, path, &Machine),
        Err(error) => Err(Mistakes::unreadable(path, &error)),
    }
}

/// Checks a text. `path` is its file, for messages and because paths inside are relative to it.
///
/// # Errors
/// All that is wrong with it, each with its line.
pub fn parse(text: &str, path: &Path, surroundings: &dyn Surroundings) -> Result<Config, Mistakes> {
    read::config(text, path, surroundings)
}

/// Surroundings for tests: no environment, no secrets, and every other file is there.
#[cfg(test)]
pub(crate) struct Anything;

#[cfg(test)]
impl Surroundings for Anything {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn secret_file(&self, _: &Path) -> std::io::Result<String> {
        Err(std::io::ErrorKind::NotFound.into())
    }

    fn is_file(&self, _: &Path) -> bool {
        true
    }
}
