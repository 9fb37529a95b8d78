//! Who lives in a host: cameras, each in a scope of its own, and sources. They come, go and are made
//! anew one by one; the others notice nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::crew::{Crew, Ears};
use super::difference::Difference;
use super::guests::Guests;
use super::loaded::Loaded;
use super::residents::{Residents, View};
use super::scope::{STAGE_END, Scope, end_all};
use super::sources;
use super::{Shared, camera, clips, plugins, status};
use crate::base::metrics;
use crate::base::retry::Backoff;
use crate::base::tasks::Tasks;
use crate::base::{Error, Result};
use crate::config::Config;
use crate::seat::Offer;
use crate::serve::Reloaded;
use crate::wasm::standing::Asker;

/// How long a camera that goes may take to bring to the disk what it has.
const LEAVE: Duration = Duration::from_millis(1500);

/// After so long a camera that could not be started is started again, then after twice that and so on.
const AGAIN: Duration = Duration::from_secs(2);

/// At least so often.
const AGAIN_MAX: Duration = Duration::from_secs(60);

/// All who live here.
pub(super) struct House {
    shared: Shared,
    /// What is in force.
    config: Config,
    guests: Guests,
    cameras: BTreeMap<String, Home>,
    /// Those of the configuration that could not be started.
    missing: BTreeMap<String, Missing>,
    sources: BTreeMap<String, sources::Started>,
    /// Candidates, by the source whose place they may take.
    tried: BTreeMap<String, sources::Started>,
    clips: Tasks,
    view: watch::Sender<Arc<Residents>>,
    in_force: watch::Sender<Arc<Config>>,
}

/// A camera's.
struct Home {
    scope: Scope,
    started: camera::Started,
}

/// A camera that could not be started, and is to be.
struct Missing {
    status: status::Camera,
    backoff: Backoff,
    again: Instant,
}

impl House {
    /// Starts all that the configuration names.
    ///
    /// # Errors
    /// Where a camera can't be started.
    pub(super) async fn open(shared: Shared, config: Config, guests: Guests) -> Result<Self> {
        let in_force = watch::channel(Arc::new(config.clone())).0;
        let mut house = Self {
            shared,
            config,
            guests,
            cameras: BTreeMap::new(),
            missing: BTreeMap::new(),
            sources: BTreeMap::new(),
            tried: BTreeMap::new(),
            clips: Tasks::new(),
            view: watch::channel(Arc::default()).0,
            in_force,
        };
        let cameras: Vec<_> =
            house.config.cameras.iter().map(|camera| camera.name.clone()).collect();
        let sources: Vec<_> =
            house.config.plugins.iter().map(|plugin| plugin.name.clone()).collect();
        let ears = house.listen(&cameras);
        house.start_sources(&sources, &mut BTreeMap::new());
        for (name, ears) in cameras.iter().zip(ears) {
            house.start_camera(name, ears).await?;
        }
        house.start_clips();
        house.tell();
        Ok(house)
    }

    /// What is in force.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// The plugins that are loaded.
    pub(super) fn plugins(&self) -> &plugins::Plugins {
        &self.guests.plugins
    }

    /// A plugin was loaded anew. Who sits down from now on, the seats decide; a source may get its first.
    pub(super) fn know(&mut self, offer: Offer) {
        let name = offer.plugin.name().to_owned();
        self.guests.plugins.insert(name.clone(), Ok(offer));
        if !self.sources.contains_key(&name) {
            self.start_sources(&[name], &mut BTreeMap::new());
        }
        self.tell();
    }

    /// Of the component of a plugin as it was loaded last.
    pub(super) fn digest(&self, plugin: &str) -> Option<String> {
        let offer = self.guests.plugins.get(plugin)?.as_ref().ok()?;
        Some(offer.plugin.digest().to_owned())
    }

    /// Who is there, from now on.
    pub(super) fn view(&self) -> View {
        self.view.subscribe()
    }

    /// What is in force, from now on.
    pub(super) fn in_force(&self) -> watch::Receiver<Arc<Config>> {
        self.in_force.subscribe()
    }

    /// Takes a configuration in force that was checked. Who is not touched by it goes on.
    pub(super) async fn apply(
        &mut self,
        config: Config,
        guests: Guests,
        difference: Difference,
    ) -> Reloaded {
        let Difference { cameras, restarts, plugins, anew, clips, swaps: _, memory: _ } =
            difference;
        let going: Vec<String> = [&cameras.removed[..], &restarts].concat();
        self.end_cameras(&going).await;
        cameras.removed.iter().for_each(|name| self.forget(name));
        let mut standings = BTreeMap::new();
        let tried: Vec<String> =
            self.sources.keys().filter(|name| guests.is_candidate(name)).cloned().collect();
        for name in plugins.removed.iter().chain(&anew).chain(&tried) {
            let Some(source) = self.sources.remove(name) else { continue };
            warn_late(source.tasks.end(STAGE_END).await);
            standings.insert(name.clone(), source.standing);
        }
        (self.config, self.guests) = (config, guests);
        plugins.removed.iter().for_each(|name| self.shared.seats.forget(name));
        self.end_tried(&anew).await;
        let coming: Vec<String> = [&cameras.added[..], &restarts].concat();
        let ears = self.listen(&coming);
        let names = self.config.plugins.iter().map(|plugin| plugin.name.clone());
        let missing: Vec<String> = names.filter(|name| !self.sources.contains_key(name)).collect();
        self.start_sources(&missing, &mut standings);
        let mut failed = self.seat_anew(&anew).await;
        self.missing.retain(|name, _| self.config.camera(name).is_some());
        failed.extend(self.start_cameras(&coming, ears).await);
        self.tell_judges();
        if clips {
            warn_late(self.clips.end(STAGE_END).await);
            self.clips = Tasks::new();
            self.start_clips();
        }
        self.tell();
        Reloaded { cameras, plugins, failed }
    }

    /// The crews of cameras that go on become what the configuration says now; gives why one did not.
    async fn seat_anew(&mut self, anew: &BTreeSet<String>) -> Vec<String> {
        let Self { shared, config, guests, cameras, .. } = self;
        let mut failed = Vec::new();
        for (name, home) in cameras {
            let Some(camera) = config.camera(name) else { continue };
            match home.started.change(camera, shared, guests, anew).await {
                Ok(late) => warn_late(late),
                Err(error) => failed.push(error.chain()),
            }
        }
        failed
    }

    /// Starts cameras; gives why some could not be. They are still wanted, and started again later.
    async fn start_cameras(&mut self, names: &[String], ears: Vec<Ears>) -> Vec<String> {
        let mut failed = Vec::new();
        for (name, ears) in names.iter().zip(ears) {
            let Err(error) = self.start_camera(name, ears).await else {
                self.missing.remove(name);
                continue;
            };
            self.leave_buses(name);
            let (why, seed) = (error.chain(), u64::from(crc32c::crc32c(name.as_bytes())));
            let backoff = self.missing.remove(name).map(|missing| missing.backoff);
            let mut backoff = backoff.unwrap_or_else(|| Backoff::new(AGAIN, AGAIN_MAX, seed));
            let wait = backoff.wait();
            tracing::error!(
                camera = name,
                "not started, tried again in {} s: {why}",
                wait.as_secs()
            );
            let mode = self.config.camera(name).map_or("", |camera| camera.mode.as_str());
            let status = status::Camera::not_started(name, mode, &why);
            let again = Instant::now() + wait;
            self.missing.insert(name.clone(), Missing { status, backoff, again });
            failed.push(why);
        }
        failed
    }

    /// Starts those that could not be started, where their time has come.
    pub(super) async fn start_again(&mut self) {
        let now = Instant::now();
        let due = self.missing.iter().filter(|(_, missing)| missing.again <= now);
        let due: Vec<String> = due.map(|(name, _)| name.clone()).collect();
        let ears = self.listen(&due);
        self.start_cameras(&due, ears).await;
        self.tell_judges();
        self.tell();
    }

    /// When the next camera is to be started again.
    pub(super) fn next_start(&self) -> Option<Instant> {
        self.missing.values().map(|missing| missing.again).min()
    }

    /// Ends all, upstream first, each step within what `left` gives. Gives who did not end.
    pub(super) async fn end(&self, left: impl Fn(Duration) -> Duration) -> Vec<String> {
        let scopes: Vec<&Scope> = self.cameras.values().map(|home| &home.scope).collect();
        let of = |group: fn(&Scope) -> &Tasks| scopes.iter().map(move |scope| group(scope));
        let crews = || self.cameras.values().map(|home| &home.started.crew);
        let mut late = end_all(of(|scope| &scope.ingest), left(STAGE_END)).await;
        // Decoders end with the packets; what analyzers and policies still say is heard.
        let watchers = of(|scope| &scope.analyze).chain(crews().flat_map(Crew::watchers));
        late.extend(end_all(watchers, left(STAGE_END)).await);
        let sources = self.sources.values().chain(self.tried.values()).map(|source| &source.tasks);
        let judges = of(|scope| &scope.judge).chain(crews().flat_map(Crew::judging));
        let judges = judges.chain(sources).chain([&self.clips]);
        late.extend(end_all(judges, left(STAGE_END)).await);
        late.extend(end_all(of(|scope| &scope.record), left(STAGE_END)).await);
        late
    }

    /// The queues of these cameras' policies, before anybody says anything to them.
    fn listen(&self, cameras: &[String]) -> Vec<Ears> {
        let bus = &self.shared.bus;
        let ears = |name: &String| {
            bus.add_camera(name);
            self.shared.shadow.bus.add_camera(name);
            let Some(camera) = self.config.camera(name) else { return Ears::new() };
            let listen = |place: &String| bus.listen(name, place, &camera.hears);
            let own = camera.policies.iter().map(|policy| (policy.clone(), listen(policy)));
            let tried = camera.policies.iter().filter_map(|policy| {
                Some((self.guests.candidate(policy)?.clone(), listen(policy)))
            });
            own.chain(tried).collect()
        };
        cameras.iter().map(ears).collect()
    }

    async fn start_camera(&mut self, name: &str, ears: Ears) -> Result<()> {
        let Some(camera) = self.config.camera(name) else {
            return Err(Error::bug(format!("camera {name} is not in the configuration")));
        };
        let scope = Scope::default();
        let required = self.serving(name);
        let started = camera::start(camera, &self.shared, &self.guests, &scope, ears, required);
        match started.await {
            Ok(started) => {
                self.cameras.insert(name.into(), Home { scope, started });
                Ok(())
            }
            Err(error) => {
                self.shared.live.remove(name);
                warn_late(scope.end(&Crew::default()).await);
                // Until it is started its time is a gap.
                if let Err(error) = self.shared.store.leave(name, LEAVE).await {
                    tracing::error!(camera = name, "{}", error.chain());
                }
                Err(error)
            }
        }
    }

    fn start_sources(&mut self, names: &[String], last: &mut BTreeMap<String, sources::Standing>) {
        let mut started_now = Vec::new();
        for name in names.iter().filter(|name| !self.guests.is_candidate(name)) {
            let Some(plugin) = self.config.plugin(name) else { continue };
            let standing = last.remove(name);
            let started = sources::start(plugin, &self.shared, &self.guests.plugins, standing);
            self.sources.extend(started.map(|started| (name.clone(), started)));
        }
        for name in self.sources.keys().filter(|name| !self.tried.contains_key(*name)) {
            let place = self.config.plugin(name).zip(self.guests.candidate(name));
            let Some((plugin, candidate)) = place else { continue };
            let plugins = &self.guests.plugins;
            let started = sources::start_candidate(plugin, candidate, &self.shared, plugins);
            started_now.push((name.clone(), started));
        }
        self.tried.extend(started_now);
    }

    /// Ends candidates for sources that are none any more, or are to be made anew.
    async fn end_tried(&mut self, anew: &BTreeSet<String>) {
        let gone = self.tried.extract_if(.., |place, tried| {
            let is_same = self.guests.candidate(place) == Some(&tried.name);
            !is_same || anew.contains(place) || !self.sources.contains_key(place)
        });
        let gone: Vec<_> = gone.map(|(_, tried)| tried.tasks).collect();
        warn_late(end_all(&gone, STAGE_END).await);
    }

    fn start_clips(&self) {
        clips::start(&self.config, &self.shared.clock, &self.clips);
    }

    /// Ends cameras side by side; what they recorded is on the disk then.
    async fn end_cameras(&mut self, names: &[String]) {
        let gone = names.iter().filter_map(|name| Some((name, self.cameras.remove(name)?)));
        let (store, live) = (&self.shared.store, &self.shared.live);
        let ends = gone.map(|(name, home)| async move {
            live.remove(name);
            warn_late(home.scope.end(&home.started.crew).await);
            if let Err(error) = store.leave(name, LEAVE).await {
                tracing::error!(camera = name, "{}", error.chain());
            }
        });
        futures::future::join_all(ends).await;
    }

    /// Events can no longer be about this camera.
    fn leave_buses(&self, camera: &str) {
        self.shared.bus.remove_camera(camera);
        self.shared.shadow.bus.remove_camera(camera);
    }

    /// Nothing is about this camera any more but its recordings.
    fn forget(&self, camera: &str) {
        self.leave_buses(camera);
        let (metrics, label) = (&self.shared.metrics, metrics::Camera { camera: camera.into() });
        for gauge in [&metrics.connected, &metrics.recording, &metrics.stalled, &metrics.fail_open]
        {
            gauge.remove(&label);
        }
        metrics.preroll_seconds.remove(&label);
        metrics.viewers.remove(&label);
    }

    /// How the sources fare that serve a camera.
    fn serving(&self, camera: &str) -> Vec<Asker> {
        let serves = |source: &&sources::Started| source.cameras.iter().any(|one| one == camera);
        self.sources.values().filter(serves).map(|source| source.standing.1.clone()).collect()
    }

    /// Plugins came or went: the cameras' judges are others.
    fn tell_judges(&self) {
        for (name, home) in &self.cameras {
            let Some(camera) = self.config.camera(name) else { continue };
            home.started.require(camera, self.serving(name));
        }
    }

    fn tell(&self) {
        let mut here = Residents {
            loaded: Loaded::new(&self.config, &self.guests.plugins, self.shared.metrics.clone()),
            ..Residents::default()
        };
        for plugin in &self.config.plugins {
            let Some(source) = self.sources.get(&plugin.name) else { continue };
            here.sources.insert(plugin.name.clone(), source.queue.clone());
            here.plugin_status.push(source.status());
            let Some(tried) = self.tried.get(&plugin.name) else { continue };
            here.tried_sources.insert(plugin.name.clone(), tried.queue.clone());
            here.tried_status.push(tried.status());
        }
        for camera in &self.config.cameras {
            here.camera_status.extend(self.missing.get(&camera.name).map(|it| it.status.clone()));
            let Some(home) = self.cameras.get(&camera.name) else { continue };
            here.cameras.insert(camera.name.clone(), home.started.door.clone());
            here.camera_status.push(home.started.status.clone());
            here.plugin_status.extend(home.started.crew.status(camera));
            here.tried_status.extend(home.started.crew.tried());
        }
        self.view.send_replace(Arc::new(here));
        self.in_force.send_replace(Arc::new(self.config.clone()));
    }
}

fn warn_late(late: Vec<String>) {
    if !late.is_empty() {
        tracing::warn!(left = late.join(", "), "did not end in time");
    }
}
