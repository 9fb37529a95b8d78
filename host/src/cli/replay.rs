//! Arguments of `wardline replay`.

use std::path::PathBuf;

use clap::Args;

/// `wardline replay`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline replay wardline.toml --camera gate --from 24h
  wardline replay wardline.toml --camera gate --from 7d --policy ./mine.wasm --diff
  wardline replay wardline.toml --camera gate --from 24h --policy door --params '{\"before\":\"30s\"}' --diff
  wardline replay wardline.toml --camera gate --from 2026-11-20 --to 2026-11-21 --analyzer motion --json
  wardline replay wardline.toml --camera gate clip.mp4

Recorded events are judged again as they came, and with --analyzer the video is looked at again.
Reads beside a running host and writes nothing. A plugin is named as in the configuration, as a
.wasm file, or as NAME=FILE: a new component under the name and with the parameters of an old one.
A plugin that faults or misses a deadline fails the replay.")]
pub struct Replay {
    /// The configuration, a TOML file
    pub config: PathBuf,
    /// MP4 files to look at, one after the other, instead of what was recorded
    #[arg(value_name = "FILE.mp4")]
    pub files: Vec<PathBuf>,
    /// The camera's name
    #[arg(long, value_name = "NAME")]
    pub camera: String,
    /// From then: how long ago (`24h`), a date or a time; of files, when the first begins
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Until then; now if not given
    #[arg(long, value_name = "TIME", conflicts_with = "files")]
    pub to: Option<String>,
    /// Who decides, instead of the camera's policies
    #[arg(long, value_name = "PLUGIN")]
    pub policy: Vec<String>,
    /// Who looks at the video again
    #[arg(long, value_name = "PLUGIN")]
    pub analyzer: Vec<String>,
    /// Parameters of the one plugin that is named, a JSON object, instead of the configured ones
    #[arg(long, value_name = "JSON")]
    pub params: Option<String>,
    /// Compare with what was really kept
    #[arg(long, conflicts_with = "files")]
    pub diff: bool,
    /// The time zone of the times given and shown; this machine's if not given
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}
