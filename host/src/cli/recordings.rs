//! Arguments of `wardline recordings`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Export;

/// `wardline recordings`.
#[derive(Debug, Subcommand)]
pub enum Recordings {
    /// List continuous video (CVR) and event recordings (EVR); also beside a running host
    List(List),
    /// Begin a new store where another one was, or none
    Init(Init),
    /// Write a range of a camera, or an event recording, into a file for any player
    Export(Export),
    /// Keep a stretch of video until it is unpinned
    Pin(PinArguments),
    /// Let go of what was pinned
    Unpin(UnpinArguments),
    /// Delete recordings, whatever keeps them but pins
    Delete(DeleteArguments),
    /// Show what would be deleted next, when and why, and how many days fit
    Plan(PlanArguments),
    /// Say that the clock is right after it has jumped: what is old goes by it again
    ConfirmTime(ConfirmTimeArguments),
    /// List events: what happened, and what became of recordings and store
    Events(Events),
    /// See whether index, files and journal of a store agree; also beside a running host
    Check(CheckRecordings),
    /// Make the index anew, from files and journal
    Rebuild(Rebuild),
}

/// `wardline recordings check`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline recordings check wardline.toml
  wardline recordings check /var/lib/wardline --deep
  wardline recordings check wardline.toml --deep --repair     without a running host
  wardline recordings check --json | jq '.findings[] | select(.kind == \"no-file\")'

Fast, it compares rows, files, sizes and sums; --deep reads every file. A repair deletes no video:
what can't be used goes to lost.d beside it.
Exit codes: 0 all agrees, or was repaired; 1 something does not; 2 it could not be checked.")]
pub struct CheckRecordings {
    /// A configuration, or a store's directory
    #[arg(default_value = "wardline.toml", value_name = "CONFIG or DIRECTORY")]
    pub source: PathBuf,
    /// Read every box and checksum of every file, and the journal
    #[arg(long)]
    pub deep: bool,
    /// Put right what can be
    #[arg(long)]
    pub repair: bool,
    /// Print one JSON document; times are UTC
    #[arg(long)]
    pub json: bool,
}

/// `wardline recordings rebuild`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline recordings rebuild wardline.toml
  wardline recordings rebuild /var/lib/wardline

Without a running host. Reads every file. The old index is kept as index.sqlite.before-<utc>; from
it come events and settings of cameras, as far as it can be read.")]
pub struct Rebuild {
    /// A configuration, or a store's directory
    #[arg(default_value = "wardline.toml", value_name = "CONFIG or DIRECTORY")]
    pub source: PathBuf,
    /// Print one JSON document; times are UTC
    #[arg(long)]
    pub json: bool,
}

/// Whose recordings are changed: those of a running host, or of a store without one.
#[derive(Args, Debug)]
pub struct Whose {
    /// A configuration, or a store's directory; where its host runs, that is asked
    #[arg(long, default_value = "wardline.toml", value_name = "CONFIG or STORE")]
    pub source: PathBuf,
    /// The running host's address; its token is taken from WARDLINE_TOKEN
    #[arg(long, value_name = "URL", conflicts_with = "source")]
    pub host: Option<String>,
    /// Print one JSON document; times are UTC
    #[arg(long)]
    pub json: bool,
}

/// What is meant: a range of a camera, or a span.
#[derive(Args, Debug)]
pub struct What {
    /// The camera
    #[arg(required_unless_present = "span", requires = "to")]
    pub camera: Option<String>,
    /// From this time on: a date, a date with time, or how long ago (`2h`)
    #[arg(value_name = "FROM")]
    pub from: Option<String>,
    /// Before this time: as FROM (`0s` is now)
    #[arg(value_name = "TO")]
    pub to: Option<String>,
    /// An event recording, by its id in the list
    #[arg(long, value_name = "ID", conflicts_with = "camera")]
    pub span: Option<String>,
    /// The time zone of what is read; the system's if not given
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
}

/// `wardline recordings init`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline recordings init wardline.toml
  wardline recordings init /mnt/cameras/wardline

`wardline run` makes its store by itself, once: where it has seen one before and finds nothing, the
disk is probably not mounted, and it refuses to start. This says that a new one is meant.")]
pub struct Init {
    /// A configuration, or the directory itself; the one above it must be there
    #[arg(value_name = "CONFIG or STORE")]
    pub source: PathBuf,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `wardline recordings pin`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline recordings pin gate 2026-11-20T18:00 2026-11-20T18:30 --label burglary
  wardline recordings pin gate 10m 0s --source /var/lib/wardline
  wardline recordings pin --span gate/evr/1/activation-3 --host http://10.0.0.2:8086

Every file with video in the range is kept, by age and under pressure of space, until it is
unpinned. Pins stand in the list, with their ids.")]
pub struct PinArguments {
    /// What to pin
    #[command(flatten)]
    pub what: What,
    /// Why, for people
    #[arg(long)]
    pub label: Option<String>,
    /// Where
    #[command(flatten)]
    pub whose: Whose,
}

/// `wardline recordings unpin`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline recordings unpin 3fa85f64
  wardline recordings unpin gate 2026-11-20T18:00 2026-11-20T18:30

Of a range, the pins that lie within it. What nothing else keeps goes with the next sweep.")]
pub struct UnpinArguments {
    /// A pin's id, or a camera
    #[arg(value_name = "ID or CAMERA")]
    pub first: String,
    /// From this time on: a date, a date with time, or how long ago (`2h`)
    #[arg(value_name = "FROM", requires = "to")]
    pub from: Option<String>,
    /// Before this time: as FROM
    #[arg(value_name = "TO")]
    pub to: Option<String>,
    /// The time zone of what is read; the system's if not given
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
    /// Where
    #[command(flatten)]
    pub whose: Whose,
}

/// `wardline recordings delete`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline recordings delete gate 2026-11-20T18:00 2026-11-20T18:30
  wardline recordings delete --span gate/evr/1/activation-3 --yes

Of a range, whole files go, whatever keeps them but pins; what reaches beyond its edges stays, and
is told. Of a span, the span goes, and what nothing else keeps.")]
pub struct DeleteArguments {
    /// What to delete
    #[command(flatten)]
    pub what: What,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Where
    #[command(flatten)]
    pub whose: Whose,
}

/// `wardline recordings plan`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline recordings plan
  wardline recordings plan wardline.toml --json | jq '.cameras[] | {name, sustainable_days}'

Changes nothing, also beside a running host. Limits are those of the configuration; rates are of the
last day. What a sweep would delete now is told apart from what goes later.")]
pub struct PlanArguments {
    /// The configuration
    #[arg(default_value = "wardline.toml", value_name = "CONFIG")]
    pub config: PathBuf,
    /// Print one JSON document; times are UTC
    #[arg(long)]
    pub json: bool,
}

/// `wardline recordings confirm-time`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline recordings confirm-time
  wardline recordings confirm-time --host http://10.0.0.2:8086

After a jump of the clock by more than ten minutes, or a start after the host was down for so long,
nothing is deleted by age as if the clock had not jumped, until the host has run for 24 hours.")]
pub struct ConfirmTimeArguments {
    /// Where
    #[command(flatten)]
    pub whose: Whose,
}

/// Which of what is listed, and how it is shown.
#[derive(Args, Debug)]
pub struct Shown {
    /// Only this camera
    #[arg(long)]
    pub camera: Option<String>,
    /// From this time on: a date, a date with time, or how long ago (`2h`)
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Before this time: a date, a date with time, or how long ago (`30m`)
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// The time zone of what is read and shown; the system's if not given
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
    /// Print one JSON document; times are UTC
    #[arg(long)]
    pub json: bool,
}

/// `wardline recordings list`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline recordings list wardline.toml
  wardline recordings list /var/lib/wardline --camera gate --since 2h
  wardline recordings list wardline.toml --since 2026-11-20 --until 2026-11-21 --tz Europe/Berlin
  wardline recordings list wardline.toml --json | jq '.recordings[] | select(.kind == \"EVR\")'")]
pub struct List {
    /// A configuration, or a store's directory
    #[arg(default_value = "wardline.toml")]
    pub source: PathBuf,
    /// Which, and how they are shown
    #[command(flatten)]
    pub shown: Shown,
}

/// `wardline recordings events`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline recordings events
  wardline recordings events --source wardline.toml --camera gate --since 2h
  wardline recordings events --source /var/lib/wardline --kind 'recording.*'
  wardline recordings events --kind 'store.*' --since 1d --json | jq '.events[].event'

Also beside a running host. Events are in order of receipt; --since and --until are about when they
happened. Patterns know * (any text) and ? (any character).")]
pub struct Events {
    /// A configuration, or a store's directory
    #[arg(long, default_value = "wardline.toml", value_name = "CONFIG or DIRECTORY")]
    pub source: PathBuf,
    /// Which, and how they are shown
    #[command(flatten)]
    pub shown: Shown,
    /// Only of kinds that match this pattern
    #[arg(long, value_name = "PATTERN")]
    pub kind: Option<String>,
}
