//! Arguments of `wardline recordings export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `wardline recordings export`.
#[derive(Args, Debug)]
#[command(
    override_usage = "wardline recordings export [OPTIONS] CAMERA FROM TO OUT.mp4
       wardline recordings export [OPTIONS] --span ID OUT.mp4",
    after_help = "Examples:
  wardline recordings export gate 2026-11-20T18:00 2026-11-20T18:30 gate.mp4
  wardline recordings export gate 2h 90m gate.mp4 --source /var/lib/wardline --gaps cut
  wardline recordings export --span gate/visits/1/activation-3 visit.mp4
  wardline recordings export gate 10m 0s last.mp4 --json | jq '.files[].path'

Nothing is coded again: the file begins with the key frame before FROM, and says to players that
they begin at FROM. Where the camera changed its parameters, or the host's clock stepped, a further
file OUT-2.mp4 begins. What is exported is not deleted meanwhile; video that is still being written
is exported as far as it is on disk."
)]
pub struct Export {
    /// CAMERA FROM TO OUT.mp4, or with --span only OUT.mp4. Times: a date, a date with time, or
    /// how long ago (`2h`; `0s` is now)
    #[arg(required = true, num_args = 1..=4, value_name = "WHAT")]
    pub words: Vec<String>,
    /// An event recording, by its id in the list
    #[arg(long, value_name = "ID")]
    pub span: Option<String>,
    /// A configuration, or a store's directory
    #[arg(long, default_value = "wardline.toml", value_name = "CONFIG or STORE")]
    pub source: PathBuf,
    /// What stands for time without video
    #[arg(long, value_enum, default_value = "hold")]
    pub gaps: GapChoice,
    /// Begin no further file: other parameters and epochs follow in the same one
    #[arg(long)]
    pub one_file: bool,
    /// Write over files that are there
    #[arg(long)]
    pub force: bool,
    /// The time zone of what is read; the system's if not given
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
    /// Print one JSON document; times are UTC
    #[arg(long)]
    pub json: bool,
}

/// What stands for time without video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GapChoice {
    /// The last picture, until video goes on
    Hold,
    /// Nothing: what follows is shown at once
    Cut,
}
