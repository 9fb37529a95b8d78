//! What comes into force while the host runs: another configuration, or a plugin that is loaded anew.
//!
//! Takes a configuration, or the name of a plugin; reads and compiles beside everything else, and
//! offers what it made to the plugins' seats, which see to the rest. One comes after the other, so
//! that what was loaded is still what is wanted when it comes into force. What can't be loaded leaves
//! all as it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::camera_events::instant;
use super::difference::{Difference, needs_restart};
use super::guests::Guests;
use super::house::House;
use super::seats::{Answered, Seats};
use super::{plugins, status};
use crate::base::{Error, Result};
use crate::config::{self, Config};
use crate::events::{Attribute, Value};
use crate::seat::{self, By, Offer, Outcome};
use crate::serve::{ReloadAnswer, Reloaded, ReloadedPlugin, ReloadedSeat, Wished};
use crate::wasm::{self, Engine};

/// Brings plugins and configurations into force, one at a time.
pub(super) struct Swaps {
    engine: Engine,
    house: Arc<Mutex<House>>,
    seats: Arc<Seats>,
    /// Held by whoever brings something into force, from the look at what is until the seats have
    /// answered. The house is locked for moments only, so that its end waits for nobody.
    turn: Mutex<()>,
    /// The host is ending: nobody comes any more.
    shutdown: CancellationToken,
}

impl Swaps {
    pub(super) fn new(
        engine: Engine,
        house: Arc<Mutex<House>>,
        seats: Arc<Seats>,
        shutdown: CancellationToken,
    ) -> Self {
        Self { engine, house, seats, turn: Mutex::default(), shutdown }
    }

    /// What all seats share.
    pub(super) fn shared(&self) -> &seat::Shared {
        self.seats.shared()
    }

    /// The plugins of the configuration in force.
    pub(super) async fn plugins(&self) -> Vec<config::Plugin> {
        self.house.lock().await.config().plugins.clone()
    }

    /// Of the component of a plugin as it was loaded last.
    pub(super) async fn digest(&self, plugin: &str) -> Option<String> {
        self.house.lock().await.digest(plugin)
    }

    /// Loads a plugin anew, and says what its seats made of it.
    pub(super) async fn reload(&self, name: &str, by: By) -> Wished<ReloadedPlugin> {
        match self.unless_ending(self.try_reload(name, by)).await {
            Ok(wished) => wished,
            Err(error) if self.shutdown.is_cancelled() => Wished::Failed(error.chain()),
            Err(error) => {
                let why = error.chain();
                seat::tell_reload_failed(self.shared(), name, &why).await;
                Wished::Refused(why)
            }
        }
    }

    async fn try_reload(&self, name: &str, by: By) -> Result<Wished<ReloadedPlugin>> {
        let _turn = self.turn.lock().await;
        let plugins = self.plugins().await;
        let Some(plugin) = plugins.iter().find(|plugin| plugin.name == name).cloned() else {
            let known: Vec<_> = plugins.iter().map(|plugin| plugin.name.as_str()).collect();
            let known = known.join(", ");
            return Ok(Wished::Unknown(format!("there is no plugin `{name}`; known: {known}")));
        };
        let engine = self.engine.clone();
        let load = move || plugins::load_one(&engine, &plugin);
        let offer = wasm::in_background(load).await??;
        self.house.lock().await.know(offer.clone());
        let answers = self.seats.offer(&offer, by).await;
        Ok(Wished::Done(ReloadedPlugin {
            plugin: name.into(),
            version: offer.plugin.manifest().version.clone(),
            digest: offer.plugin.digest().into(),
            seats: answers.into_iter().map(shown).collect(),
        }))
    }

    /// Takes a configuration in force, all of it or nothing. What was begun in the house is done to its
    /// end.
    ///
    /// # Errors
    /// The host is ending.
    pub(super) async fn configure(&self, config: Config) -> Result<ReloadAnswer> {
        let _turn = self.turn().await?;
        let (old, known) = {
            let house = self.house.lock().await;
            (house.config().clone(), plugins::known(house.plugins()))
        };
        let restart = needs_restart(&old, &config);
        if !restart.is_empty() {
            let what = restart.join(", ");
            return Ok(ReloadAnswer::Refused(vec![format!(
                "restart needed for: {what}; nothing was changed"
            )]));
        }
        let engine = self.engine.clone();
        let load = move || (plugins::reload(&engine, &config, &known), config, known);
        let ((loaded, rebuilt), config, known) =
            self.unless_ending(wasm::in_background(load)).await?;
        let mistakes = plugins::new_mistakes((&old, &known), (&config, &loaded));
        if !mistakes.is_empty() {
            return Ok(ReloadAnswer::Refused(mistakes));
        }
        let difference = Difference::of(&old, &config, &rebuilt);
        if difference.is_empty() {
            let failed = self.standing().await.into_iter().map(runs_on).collect();
            return Ok(ReloadAnswer::Done(Reloaded { failed, ..Reloaded::default() }));
        }
        let offer = |name: &String| loaded.get(name)?.as_ref().ok().cloned();
        let offers: Vec<Offer> = difference.swaps.iter().filter_map(offer).collect();
        if difference.memory {
            self.engine.limit_memory(config.plugin_memory_bytes);
        }
        let guests = Guests::new(&config, loaded);
        let mut done = {
            let mut house = self.house.lock().await;
            if self.shutdown.is_cancelled() {
                return Err(ending());
            }
            house.apply(config, guests, difference).await
        };
        self.note(&done).await;
        let refused = self.unless_ending(async { Ok(self.swap(&offers).await) }).await?;
        let mut standing = self.standing().await;
        standing.extend(refused);
        done.failed.extend(standing.into_iter().map(runs_on));
        Ok(ReloadAnswer::Done(done))
    }

    /// Plugins that are not what they should be since a reload that failed, now or before.
    async fn standing(&self) -> BTreeMap<Place, String> {
        let here = self.house.lock().await.view().borrow().clone();
        let standing = |plugin: &status::Plugin| {
            let why = plugin.facts.borrow().reload_failed.clone()?;
            Some(((plugin.name.clone(), plugin.camera.clone().unwrap_or_default()), why))
        };
        here.plugin_status.iter().filter_map(standing).collect()
    }

    /// Starts cameras that could not be started, where that is due; gives when the next one is.
    pub(super) async fn start_again(&self) -> Option<Instant> {
        let _turn = self.turn().await.ok()?;
        let mut house = self.house.lock().await;
        if self.shutdown.is_cancelled() {
            return None;
        }
        house.start_again().await;
        house.next_start()
    }

    /// When the next camera is to be started again.
    pub(super) async fn next_start(&self) -> Option<Instant> {
        self.house.lock().await.next_start()
    }

    /// Offers plugins that are others now to where they sit; gives why they were refused.
    async fn swap(&self, offers: &[Offer]) -> Vec<(Place, String)> {
        let asked = offers.iter().map(async |offer| {
            let answers = self.seats.offer(offer, By::Person).await;
            let refused = answers.into_iter().filter_map(|Answered { camera, outcome }| {
                let Outcome::Refused(why) = outcome else { return None };
                Some(((offer.plugin.name().to_owned(), camera), why))
            });
            refused.collect::<Vec<_>>()
        });
        futures::future::join_all(asked).await.concat()
    }

    /// Notes in the index what has changed.
    async fn note(&self, done: &Reloaded) {
        let now = self.shared().clock.wall();
        let text =
            |key: &str, value: String| Attribute { key: key.into(), value: Value::Text(value) };
        let attributes = vec![
            text("cameras", done.cameras.to_string()),
            text("plugins", done.plugins.to_string()),
        ];
        let id = format!("host/config.reloaded/{}", now.micros());
        let event = instant(id, "config.reloaded", now, attributes);
        if let Err(error) = self.shared().bus.note("", Some(event), None).await {
            tracing::warn!("{}", error.chain());
        }
    }

    async fn turn(&self) -> Result<MutexGuard<'_, ()>> {
        self.unless_ending(async { Ok(self.turn.lock().await) }).await
    }

    /// Nobody waits for what takes long once the host is ending.
    async fn unless_ending<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => Err(ending()),
            done = work => done,
        }
    }
}

fn ending() -> Error {
    Error::stop("the host is ending")
}

/// Where a plugin sits: its name, and its camera, which is empty for event sources.
type Place = (String, String);

fn runs_on(((plugin, camera), why): (Place, String)) -> String {
    let place = if camera.is_empty() { camera } else { format!(" of camera {camera}") };
    format!("plugin {plugin}{place}: the one before runs on: {why}")
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
