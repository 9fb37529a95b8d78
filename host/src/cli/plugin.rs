//! `wardline plugin`: arguments of its commands.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{Keygen, PluginTest, Promote, ReloadPlugin, Shadow, Sign, Status, Verify};

/// `wardline plugin`.
#[derive(Debug, Subcommand)]
pub enum Plugin {
    /// Begin a plugin: a folder that builds, with a test
    New(New),
    /// Make a plugin's component from its sources
    Build(Build),
    /// Work on a plugin: it runs on a simulated camera, built anew whenever a file changes
    Dev(Dev),
    /// Try a plugin with hostile input, as a host would run it
    Check(CheckPlugin),
    /// Measure what a plugin's calls cost
    Bench(BenchPlugin),
    /// Say what a plugin is and wants, without running it
    Inspect(Inspect),
    /// Say what runs in a running host, how it fares, and why something does not
    Status(Status),
    /// Have a running host load a plugin anew
    Reload(ReloadPlugin),
    /// Make a pair of keys, to sign plugins with
    Keygen(Keygen),
    /// Vouch for a plugin
    Sign(Sign),
    /// Say who vouches for a plugin, if that can be trusted
    Verify(Verify),
    /// Run the tests of its manifest
    Test(PluginTest),
    /// Show where a candidate and the plugin in charge differ
    Shadow(Shadow),
    /// Let a candidate and the plugin in charge change places
    Promote(Promote),
}

/// `wardline plugin new`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline plugin new night-watch --lang rust --kind policy
  wardline plugin new door-bell --lang python --kind source --dir plugins/door-bell")]
pub struct New {
    /// The plugin's id: lower-case letters, digits and single hyphens
    pub name: String,
    /// What it is to be written in
    #[arg(long)]
    pub lang: Lang,
    /// What it is to be
    #[arg(long)]
    pub kind: Kind,
    /// The folder, which must not be there yet; the plugin's name if not given
    #[arg(long)]
    pub dir: Option<PathBuf>,
}

/// A language that plugins can be begun in.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "lower")]
pub enum Lang {
    /// Small and quick; nothing but the compiler is needed
    Rust,
    /// Small and quick; needs clang
    C,
    /// Interpreted by QuickJS; needs Node.js to build
    Js,
    /// Interpreted by CPython; needs Python to build
    Python,
}

/// A kind of plugin.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Kind {
    /// Looks at pictures and says what happens
    Analyzer,
    /// Turns messages from outside into events
    Source,
    /// Decides what is kept
    Policy,
}

/// `wardline plugin build`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline plugin build
  wardline plugin build plugins/night-watch

The component is put into dist/ in the plugin's folder, with plugin.toml inside. Where a compiler is
missing, this says what to install.")]
pub struct Build {
    /// The plugin's folder
    #[arg(default_value = ".")]
    pub dir: PathBuf,
}

/// `wardline plugin inspect`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline plugin inspect analyzer-motion
  wardline plugin inspect ./mine.wasm --json")]
pub struct Inspect {
    /// A .wasm file, or the name of a bundled plugin
    pub plugin: String,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `wardline plugin check`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline plugin check
  wardline plugin check dist/night-watch.wasm --params '{\"level\":80}'
  wardline plugin check analyzer-motion

Contract, imports and manifest, then calls within the limits of a host: pictures of every size and
content, messages from people who mean ill, floods of events, time that jumps. A folder is built first.")]
pub struct CheckPlugin {
    /// A .wasm file, a plugin's folder, or the name of a bundled plugin
    #[arg(default_value = ".")]
    pub plugin: String,
    /// Parameters, as a JSON object; defaults if not given
    #[arg(long, value_name = "JSON")]
    pub params: Option<String>,
}

/// `wardline plugin bench`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline plugin bench
  wardline plugin bench dist/door-bell.wasm --body open
  wardline plugin bench analyzer-motion --json

Processor time of a call, instructions by fuel, peak memory, and the share of copying pictures. Only
figures of the same machine can be compared. A folder is built first.")]
pub struct BenchPlugin {
    /// A .wasm file, a plugin's folder, or the name of a bundled plugin
    #[arg(default_value = ".")]
    pub plugin: String,
    /// Parameters, as a JSON object; defaults if not given
    #[arg(long, value_name = "JSON")]
    pub params: Option<String>,
    /// The message that a source is to hear; if not given, the first of its own tests
    #[arg(long, value_name = "TEXT")]
    pub body: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `wardline plugin dev`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline plugin dev
  wardline plugin dev --clip street.mp4
  wardline plugin dev plugins/night-watch --scene seconds=30&visits=10-20 --params '{\"after\":5}'

Shows every event of the plugin, of the bundled motion detection beside a policy, and of the host:
what is recorded, and why. What the plugin logs goes to standard error.")]
pub struct Dev {
    /// The plugin's folder
    #[arg(default_value = ".")]
    pub dir: PathBuf,
    /// An .mp4 file to play as the camera, over and over
    #[arg(long, conflicts_with = "scene")]
    pub clip: Option<PathBuf>,
    /// Options of the scene that is the camera otherwise, as `wardline simulate` takes them
    #[arg(long, value_name = "OPTIONS")]
    pub scene: Option<String>,
    /// Parameters, as a JSON object; defaults if not given
    #[arg(long, value_name = "JSON")]
    pub params: Option<String>,
}
