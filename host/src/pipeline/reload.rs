//! Plugins are loaded anew while the host runs: on a person's word, or when their files change.
//!
//! Takes names of plugins; reads and compiles beside everything else, and offers what it made to
//! the plugin's seats, which see to the rest. What can't be read or loaded leaves all as it is.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::plugins::{self, Plugins};
use super::seats::{Answered, Seats};
use crate::base::Result;
use crate::config::{Component, Config, Params};
use crate::seat::{self, By, Outcome};
use crate::serve::{Reloaded, ReloadedSeat, Wished};
use crate::wasm::{Engine, Plugin};

/// How often files are looked at.
const LOOK: Duration = Duration::from_millis(500);

/// A file that was the same for so long is whole.
const SETTLED: Duration = Duration::from_millis(200);

/// A plugin of the configuration.
struct Known {
    component: Component,
    params: Params,
    /// Of the component that its seats were offered last.
    digest: Option<String>,
}

/// Loads plugins anew.
pub(super) struct Reloads {
    engine: Engine,
    seats: Arc<Seats>,
    /// By name. An async lock: one reload of one host at a time.
    known: tokio::sync::Mutex<BTreeMap<String, Known>>,
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

impl Reloads {
    pub(super) fn new(
        config: &Config,
        engine: &Engine,
        plugins: &Plugins,
        seats: Arc<Seats>,
    ) -> Self {
        let known = config.plugins.iter().map(|plugin| {
            let offer = plugins.get(&plugin.name).and_then(|offer| offer.as_ref().ok());
            let digest = offer.map(|offer| offer.plugin.digest().to_owned());
            let (component, params) = (plugin.component.clone(), plugin.params.clone());
            (plugin.name.clone(), Known { component, params, digest })
        });
        let known = tokio::sync::Mutex::new(known.collect());
        Self { engine: engine.clone(), seats, known }
    }

    /// Loads a plugin anew, and says what its seats made of it.
    pub(super) async fn reload(&self, name: &str, by: By) -> Wished<Reloaded> {
        let mut known = self.known.lock().await;
        let names = || known.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let Some(entry) = known.get(name) else {
            return Wished::Unknown(format!("there is no plugin `{name}`; known: {}", names()));
        };
        let (component, params) = (entry.component.clone(), entry.params.clone());
        match self.load(name, &component, &params, by).await {
            Ok((digest, reloaded)) => {
                if let Some(entry) = known.get_mut(name) {
                    entry.digest = Some(digest);
                }
                Wished::Done(reloaded)
            }
            Err(error) => {
                let why = error.chain();
                seat::tell_reload_failed(self.seats.shared(), name, &why).await;
                Wished::Refused(why)
            }
        }
    }

    /// Does what a configuration says of the plugins that are known. What has not changed is
    /// offered again, too: a person asked for it.
    pub(super) async fn configure(&self, config: &Config) {
        let mut names = Vec::new();
        {
            let mut known = self.known.lock().await;
            for plugin in &config.plugins {
                let Some(entry) = known.get_mut(&plugin.name) else { continue };
                entry.params = plugin.params.clone();
                entry.component = plugin.component.clone();
                names.push(plugin.name.clone());
            }
        }
        for name in &names {
            self.reload(name, By::Person).await;
        }
    }

    async fn load(
        &self,
        name: &str,
        component: &Component,
        params: &Params,
        by: By,
    ) -> Result<(String, Reloaded)> {
        let bytes = self.read(name, component).await?;
        let loaded = Plugin::load_in_background(self.engine.clone(), name.into(), bytes).await?;
        let offer = plugins::offer(loaded, params)?;
        let answers = self.seats.offer(&offer, by).await;
        let reloaded = Reloaded {
            plugin: name.into(),
            version: offer.plugin.manifest().version.clone(),
            digest: offer.plugin.digest().into(),
            seats: answers.into_iter().map(shown).collect(),
        };
        Ok((offer.plugin.digest().into(), reloaded))
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
                let known = self.known.lock().await;
                let file = |(name, known): (&String, &Known)| match &known.component {
                    Component::File(path) => Some((name.clone(), path.clone())),
                    Component::Bundled(_) => None,
                };
                known.iter().filter_map(file).collect()
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
        let before = digest(&self.read(name, &component).await?);
        if self.known.lock().await.get(name).is_some_and(|it| it.digest.as_ref() == Some(&before)) {
            return Ok(Settled::Known);
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(Settled::Not),
            () = tokio::time::sleep(SETTLED) => {}
        }
        let after = digest(&self.read(name, &component).await?);
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

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
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
