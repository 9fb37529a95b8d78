//! Arguments of `wardline plugin keygen`, `sign` and `verify`.

use std::path::PathBuf;

use clap::Args;

/// `wardline plugin keygen`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  wardline plugin keygen anna

Writes anna.key, which only you can read and which is never shown, and anna.pub, whose text
goes under `trusted-keys` in `[trust]` of those who trust you. Overwrites nothing.")]
pub struct Keygen {
    /// What the two files are called
    pub name: PathBuf,
}

/// `wardline plugin sign`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  wardline plugin sign --key anna.key plates.wasm

Writes plates.wasm.sig, a text to be kept beside the component. What a host would refuse for
another reason is not signed.")]
pub struct Sign {
    /// The secret key, from `wardline plugin keygen`
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// The component
    pub plugin: PathBuf,
}

/// `wardline plugin verify`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wardline plugin verify --trusted anna.pub plates.wasm
  wardline plugin verify --trusted ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo= plates.wasm --json")]
pub struct Verify {
    /// A public key: its text, or the file that has it. Any of several is enough
    #[arg(long, required = true, value_name = "KEY")]
    pub trusted: Vec<String>,
    /// The component; its signature lies beside it
    pub plugin: PathBuf,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}
