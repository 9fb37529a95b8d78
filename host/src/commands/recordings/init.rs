//! `wardline recordings init`: begins a new store on purpose, where another one was or none.

use serde_json::json;

use super::super::{output, state};
use crate::base::Result;
use crate::cli::Init;
use crate::config;
use crate::store::{self, StoreConfig, fs};

pub(super) fn init(arguments: &Init) -> Result<()> {
    let source = &arguments.source;
    let mut wanted = if source.is_file() {
        let config = config::load(source)?.store;
        let allow_filesystem = config.allow_filesystem;
        StoreConfig { allow_filesystem, ..StoreConfig::new(config.path) }
    } else {
        StoreConfig::new(source)
    };
    wanted.notes = state::directory();
    let id = store::init(&wanted, &fs::Disk)?;
    let shown = wanted.path.display().to_string();
    if arguments.json {
        return output::json(&json!({ "store": id, "path": shown }));
    }
    output::line(format!("made store {id} at {shown}"))
}
