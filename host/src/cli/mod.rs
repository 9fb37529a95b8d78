//! Arguments of the command line: types and their help only.

mod export;
mod people;
mod plugin;
mod plugin_reload;
mod plugin_test;
mod recordings;
mod running_host;
mod signing;
mod status;
mod replay;
mod shadow;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::config::parse_duration;
pub use export::{Export, GapChoice};
pub use people::{
    AddToken, AddUser, Granted, ListPeople, Passwd, RemovePerson, RoleChoice, Token, User,
};
pub use plugin::{BenchPlugin, Build, CheckPlugin, Dev, Inspect, Kind, Lang, New, Plugin};
pub use plugin_reload::ReloadPlugin;
pub use plugin_test::PluginTest;
pub use recordings::{
    CheckRecordings, ConfirmTimeArguments, DeleteArguments, Events, Init, List, PinArguments,
    PlanArguments, Rebuild, Recordings, Shown, UnpinArguments, What, Whose,
};
pub use replay::Replay;
pub use running_host::RunningHost;
pub use shadow::{Promote, Shadow};
pub use signing::{Keygen, Sign, Verify};
pub use status::Status;

/// A recorder for IP cameras whose judgement is pluggable.
#[derive(Debug, Parser)]
#[command(
    name = "wardline",
    version,
    about,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "Examples:
  wardline demo                      see it record a simulated camera
  wardline check wardline.toml       find every mistake in a configuration
  wardline run wardline.toml         record
  wardline recordings list wardline.toml --since 2h

Logs go to standard error: for people on a terminal, as JSON otherwise.
RUST_LOG chooses what is logged, for example RUST_LOG=wardline=debug.
Exit codes: 0 done, 1 failed, 2 wrong arguments."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Record, as a configuration says, until SIGINT or SIGTERM
    Run(Run),
    /// Check a configuration and its plugins without recording
    Check(Check),
    /// Be an RTSP camera that plays files or synthetic scenes
    Simulate(Simulate),
    /// Record a simulated camera for half a minute and show what was written
    Demo(Demo),
    /// See what was recorded, pin or delete it
    #[command(subcommand)]
    Recordings(Recordings),
    /// Judge again what was recorded: what would another policy have kept?
    Replay(Replay),
    /// Record now: tell a running host that something happened
    Trigger(Trigger),
    /// Tell a running host to read its configuration anew
    Reload(Reload),
    /// Say which people may come in, and what they may
    #[command(subcommand)]
    User(User),
    /// Say which programs may come in, and what they may
    #[command(subcommand)]
    Token(Token),
    /// Write plugins, and look at them
    #[command(subcommand)]
    Plugin(Plugin),
}

/// `wardline run`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  WARDLINE_TOKEN=... wardline run /etc/wardline.toml

SIGINT (Ctrl-C) and SIGTERM end it within 3 s, with every file closed. When the file changes, and at
SIGHUP, it is read anew: what is not touched by the change goes on.")]
pub struct Run {
    /// The configuration, a TOML file
    pub config: PathBuf,
}

/// `wardline check`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline check wardline.toml
  wardline check wardline.toml --probe
  wardline check wardline.toml --json | jq '.mistakes[].line'

All mistakes are reported at once, each with its line. Plugins are inspected, not run.")]
pub struct Check {
    /// The configuration, a TOML file
    pub config: PathBuf,
    /// Also connect to every camera and say what it sends
    #[arg(long)]
    pub probe: bool,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `wardline simulate`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline simulate gate=clip.mp4
  wardline simulate gate=clip.mp4 yard=scene --loop
  wardline simulate 'yard=scene:seconds=120&visits=60-70' --user admin:secret
  wardline simulate 'yard=scene:seconds=120&visits=60-70,90-95' --truth
  wardline simulate yard=scene --loop --log sent.jsonl

A scene is drawn and coded at start; what is to be seen in it, and when, is known exactly.
Its options: seconds, visits, flashes, noise, fps, gop, size, seed, compress.
Each NAME is served as rtsp://ADDRESS/NAME, from its start for every client.")]
pub struct Simulate {
    /// NAME=FILE.mp4, NAME=scene or 'NAME=scene:OPTION=VALUE&...'
    #[arg(required = true, value_name = "NAME=SOURCE")]
    pub paths: Vec<String>,
    /// Where to listen; beyond loopback anybody can watch
    #[arg(long, default_value = "127.0.0.1:8554", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// Begin again at the end
    #[arg(long = "loop")]
    pub repeat: bool,
    /// Ask for this user and password
    #[arg(long, value_name = "USER:PASSWORD")]
    pub user: Option<String>,
    /// Print what is to be seen in each scene, and when, as JSON; serve nothing
    #[arg(long)]
    pub truth: bool,
    /// Note each video unit that is sent in this file: a line of JSON with its time and hashes
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
}

/// `wardline demo`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline demo
  wardline demo clip.mp4 --for 60s --dir /tmp/wardline-demo

Simulates a camera, records everything (CVR) and, by motion, what is worth keeping (EVR),
then reads back every file that was written. On a terminal it then goes on until Ctrl-C, and shows
all of it on its page. Needs no network, camera or configuration.")]
pub struct Demo {
    /// An .mp4 file to play as the camera, instead of a synthetic scene with a visit
    pub clip: Option<PathBuf>,
    /// Where to record; a temporary directory that is removed if not given
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// How long to record
    #[arg(long = "for", default_value = "30s", value_parser = parse_duration, value_name = "DURATION")]
    pub length: Duration,
    /// Serve the page until Ctrl-C, though this is no terminal
    #[arg(long, overrides_with = "no_stay")]
    pub stay: bool,
    /// End when everything is read back, though this is a terminal
    #[arg(long)]
    pub no_stay: bool,
}

/// `wardline trigger`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline trigger gate
  wardline trigger gate --config wardline.toml --before 30s --for 2m --label \"parcel\"
  WARDLINE_TOKEN=... wardline trigger gate --host http://10.0.0.2:8086")]
pub struct Trigger {
    /// The camera's name
    pub camera: String,
    /// Which host
    #[command(flatten)]
    pub host: RunningHost,
    /// From so long before now
    #[arg(long, value_parser = parse_duration, value_name = "DURATION")]
    pub before: Option<Duration>,
    /// Until so long after now
    #[arg(long = "for", value_parser = parse_duration, value_name = "DURATION")]
    pub length: Option<Duration>,
    /// Why, for people
    #[arg(long)]
    pub label: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `wardline reload`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline reload
  wardline reload --config /etc/wardline.toml
  WARDLINE_TOKEN=... wardline reload --host http://10.0.0.2:8086

Cameras and plugins come, go and change; those that do not are not touched. A file with mistakes
leaves everything as it was, and they are shown. `[http]` and where is recorded need a restart.")]
pub struct Reload {
    /// Which host
    #[command(flatten)]
    pub host: RunningHost,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_example_in_the_help_is_accepted() {
        let mut texts = Vec::new();
        collect(&Cli::command(), &mut texts);
        let mut examples = 0;
        for line in texts.iter().flat_map(|text| text.lines()) {
            let Some((_, rest)) = line.split_once("wardline ").filter(|_| line.starts_with("  "))
            else {
                continue;
            };
            let command = rest.split(" | ").next().unwrap().split("   ").next().unwrap();
            let words = std::iter::once("wardline").chain(command.split_whitespace());
            Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}"));
            examples += 1;
        }
        assert!(examples > 15, "{examples}");
    }

    fn collect(command: &clap::Command, texts: &mut Vec<String>) {
        texts.extend(command.get_after_help().map(|text| text.to_string()));
        command.get_subcommands().for_each(|command| collect(command, texts));
    }

    #[test]
    fn wrong_arguments_end_with_2() {
        for words in
            [&["wardline", "run"][..], &["wardline", "demo", "--for", "soon"], &["wardline", "rnu"]]
        {
            assert_eq!(Cli::try_parse_from(words).unwrap_err().exit_code(), 2, "{words:?}");
        }
    }
}
