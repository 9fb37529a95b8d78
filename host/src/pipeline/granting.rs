//! What the granted imports of an instance work on: its store of keys and values, its requests.

use std::path::Path;

use crate::base::Timestamp;
use crate::base::tasks::Tasks;
use crate::fetch::{Answers, Client};
use crate::kv::{Keeper, Place};
use crate::store::layout;
use crate::wasm::Services;

/// Gives instances what their plugins may be granted.
pub(super) struct Granting {
    keeper: Keeper,
    client: Client,
}

impl Granting {
    /// Stores of plugins lie in the store at `root`; one of `tasks` writes down what is put there.
    pub(super) fn start(root: &Path, now: Timestamp, tasks: &Tasks) -> Self {
        let keeper = Keeper::new(layout::plugins(root).join("kv"));
        tasks.spawn("stores of plugins", keeper.clone().run(tasks.shutdown().clone()));
        Self { keeper, client: Client::new(now) }
    }

    /// For the plugin `plugin` on `camera`, whichever version comes to serve it, and where answers to
    /// its requests come.
    pub(super) fn services(&self, plugin: &str, camera: Option<&str>) -> (Services, Answers) {
        let (line, answers) = self.client.line();
        let kv = Place::Disk {
            keeper: self.keeper.clone(),
            plugin: plugin.into(),
            camera: camera.map(str::to_owned),
        };
        (Services { kv, http: Some(line) }, answers)
    }
}
