//! Arguments of `wardline plugin test`.

use std::path::PathBuf;

use clap::Args;

/// `wardline plugin test`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline plugin test .
  wardline plugin test . --filter night --bless
  wardline plugin test plugins/tiers --component dist/tiers.wasm

Runs the [[test]] sections of the plugin's manifest through the very stages that run it live, on
simulated time. What comes is compared with what the section expects, or with a golden file beside
the manifest, which --bless writes. Exit codes: 0 all passed, 1 some failed.")]
pub struct PluginTest {
    /// The plugin's folder, or its component: clips and golden files lie beside it
    #[arg(value_name = "DIR|PLUGIN.wasm")]
    pub plugin: PathBuf,
    /// Another component than the one that is built from the folder
    #[arg(long, value_name = "FILE")]
    pub component: Option<PathBuf>,
    /// Take what comes as what is expected from now on
    #[arg(long)]
    pub bless: bool,
    /// Only tests whose name has this in it
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
}
