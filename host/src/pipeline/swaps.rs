//! Plugins are loaded anew while the host runs: on a person's word, or when their files change.
//!
//! Takes names of plugins; reads and compiles beside everything else, and offers what it made to
//! the plugin's seats, which see to the rest. What can't be read or loaded leaves all as it is.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::house::House;
use super::plugins;
use super::seats::{Answered, Seats};
use crate::base::Result;
use crate::config::{self, Component};
use crate::seat::{self, By, Outcome};
use crate::serve::{ReloadedPlugin, ReloadedSeat, Wished};
use crate::wasm::{self, Engine, Plugin};

/// How often files are looked at.
const LOOK: Duration = Duration::from_millis(500);

/// A file that was the same for so long is whole.
const SETTLED: Duration = Duration::from_millis(200);

/// Loads plugins anew.
pub(super) struct Swaps {
    engine: Engine,
    house: Arc<Mutex<House>>,
    seats: Arc<Seats>,
}

/// What is seen of a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sight {
    changed: (i64, i64),
    inode: u64,
    bytes: u64,
}

/// What a file holds that has changed.
enum Settled {
    /// Another component.
    Other,
    /// The one in force.
    Known,
    /// It is being written.
    Not,
}

impl Swaps {
    pub(super) fn new(engine: Engine, house: Arc<Mutex<House>>, seats: Arc<Seats>) -> Self {
        Self { engine, house, seats }
    }

    /// Loads a plugin anew, and says what its seats made of it.
    pub(super) async fn reload(&self, name: &str, by: By) -> Wished<ReloadedPlugin> {
        let plugin = {
            let house = self.house.lock().await;
            let plugins = &house.config().plugins;
            let Some(plugin) = plugins.iter().find(|plugin| plugin.name == name) else {
                let known: Vec<_> = plugins.iter().map(|plugin| plugin.name.as_str()).collect();
                let known = known.join(", ");
                return Wished::Unknown(format!("there is no plugin `{name}`; known: {known}"));
            };
            plugin.clone()
        };
        match self.load(&plugin, by).await {
            Ok(reloaded) => Wished::Done(reloaded),
            Err(error) => {
                let why = error.chain();
                seat::tell_reload_failed(self.seats.shared(), name, &why).await;
                Wished::Refused(why)
            }
        }
    }

    async fn load(&self, plugin: &config::Plugin, by: By) -> Result<ReloadedPlugin> {
        let wanted = plugin.clone();
        let read = move || plugins::vouched(&wanted).map(std::borrow::Cow::into_owned);
        let bytes = self.seats.shared().aside.run(read).await??;
        let (engine, name, terms) =
            (self.engine.clone(), plugin.name.clone(), plugins::terms(plugin));
        let loaded = Plugin::load_in_background(terms, engine, name.clone(), bytes).await?;
        let offer = plugins::ready(plugin, loaded)?;
        self.house.lock().await.know(offer.clone());
        let answers = self.seats.offer(&offer, by).await;
        Ok(ReloadedPlugin {
            plugin: name,
            version: offer.plugin.manifest().version.clone(),
            digest: offer.plugin.digest().into(),
            seats: answers.into_iter().map(shown).collect(),
        })
    }

    async fn read(&self, name: &str, component: &Component) -> Result<Vec<u8>> {
        let (name, component) = (name.to_owned(), component.clone());
        let read = move || plugins::bytes(&name, &component).map(std::borrow::Cow::into_owned);
        self.seats.shared().aside.run(read).await?
    }

    /// Loads plugins anew when their files have changed, until shutdown.
    pub(super) async fn watch(self: Arc<Self>, shutdown: CancellationToken) {
        let mut seen: BTreeMap<String, Option<Sight>> = BTreeMap::new();
        loop {
            let files: Vec<_> = {
                let house = self.house.lock().await;
                let file = |plugin: &config::Plugin| match &plugin.component {
                    Component::File(path) => Some((plugin.name.clone(), path.clone())),
                    Component::Bundled(_) => None,
                };
                house.config().plugins.iter().filter_map(file).collect()
            };
            for (name, path) in files {
                let now = self.look(&path).await;
                // One that has no file just now is being replaced.
                if now.is_none() || seen.insert(name.clone(), now).is_none_or(|old| old == now) {
                    continue;
                }
                match self.settled(&name, &path, &shutdown).await {
                    Ok(Settled::Other) => drop(self.reload(&name, By::Watch).await),
                    Ok(Settled::Known) => {}
                    // To be looked at again.
                    Ok(Settled::Not) => drop(seen.insert(name, None)),
                    Err(error) => tracing::warn!(plugin = name, "{}", error.chain()),
                }
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn look(&self, path: &Path) -> Option<Sight> {
        let path = path.to_owned();
        self.seats.shared().aside.run(move || look(&path)).await.ok().flatten()
    }

    /// Whether the file holds another component than the one in force, and is not being written.
    async fn settled(
        &self,
        name: &str,
        path: &Path,
        shutdown: &CancellationToken,
    ) -> Result<Settled> {
        let component = Component::File(path.to_owned());
        let before = wasm::digest(&self.read(name, &component).await?);
        if self.house.lock().await.digest(name).as_ref() == Some(&before) {
            return Ok(Settled::Known);
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(Settled::Not),
            () = tokio::time::sleep(SETTLED) => {}
        }
        let after = wasm::digest(&self.read(name, &component).await?);
        Ok(if after == before { Settled::Other } else { Settled::Not })
    }
}

fn look(path: &Path) -> Option<Sight> {
    use std::os::unix::fs::MetadataExt;
    let about = std::fs::metadata(path).ok()?;
    Some(Sight {
        changed: (about.mtime(), about.mtime_nsec()),
        inode: about.ino(),
        bytes: about.len(),
    })
}

fn shown(answered: Answered) -> ReloadedSeat {
    let (outcome, reason) = match answered.outcome {
        Outcome::Seated => ("seated", None),
        Outcome::Reconfigured => ("reconfigured", None),
        Outcome::Unchanged => ("unchanged", None),
        Outcome::Revived => ("revived", None),
        Outcome::Refused(why) => ("refused", Some(why)),
    };
    let camera = (!answered.camera.is_empty()).then_some(answered.camera);
    ReloadedSeat { camera, outcome: outcome.into(), reason }
}
