//! A seat: the instance in charge, what it would take to make another, and what follows a fault.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::budget::Budget;
use super::facts::Facts;
use super::guilty::{self, Guilty};
use super::hand::CATCH_UP;
use super::journal::{Journal, Told};
use super::order::{Offer, Order};
use super::post::{Acted, After, Given, Post, Reply, Seated, Shared, ask, has_events};
use super::probation::{Fall, Probation};
use super::prove::{Recipe, Unbuilt};
use super::swap::{Signal, Trial};
use super::vault::{Kept, Key};
use super::voice::Voice;
use crate::base::{Error, Timestamp};
use crate::wasm::ladder::Next;
use crate::wasm::standing::Standing;
use crate::wasm::supervise::{End, Guest, Said, Supervisor, Trouble};
use crate::wasm::{
    CallStats, Cause, Fault, Grants, InstanceConfig, Kind, Lane, Setup, Snapshot, Video, World,
};

/// Time between snapshots.
pub(super) const SAVE: Duration = Duration::from_secs(30);

/// A fault so soon after it went on from a snapshot, and the next instance starts clean.
const POISONED: Duration = Duration::from_secs(2);

/// Inputs that an offer is tried with.
const RECENT: usize = 4;

/// Who is in charge of one plugin's work on one camera.
pub struct Seat<T: Kind> {
    pub(super) key: Key,
    pub(super) instance: InstanceConfig,
    pub(super) lane: Lane,
    pub(super) shared: Shared,
    pub(super) supervisor: Supervisor,
    pub(super) voice: Voice,
    pub(super) facts: watch::Sender<Facts>,
    pub(super) orders: mpsc::Receiver<Order>,
    /// Nobody will give any more.
    pub(super) orders_ended: bool,
    pub(super) offer: Option<Offer>,
    pub(super) video: Option<Video>,
    pub(super) sitter: Option<Guest<T>>,
    pub(super) wishes: Option<T::Wishes>,
    pub(super) run: Timestamp,
    /// The last good snapshot.
    pub(super) kept: Option<Kept>,
    /// The inputs since, or since the one before handed over.
    pub(super) journal: Journal<T>,
    pub(super) recent: VecDeque<T::Input>,
    pub(super) save_at: Option<Instant>,
    /// When the instance went on from a snapshot.
    restored: Option<Instant>,
    pub(super) guilty: Guilty,
    pub(super) budget: Budget,
    /// Offers that were rolled back, and why.
    pub(super) bad: BTreeMap<String, String>,
    pub(super) probation: Option<Probation<T>>,
    pub(super) trial: Option<Trial<T>>,
}

impl<T: Kind> Seat<T> {
    /// Nobody sits yet. Reads what was kept before this host, at most 1 MiB.
    pub fn new(post: Post) -> Self {
        let Post { camera, name, offer, instance, lane, standing, facts, orders, shared } = post;
        let voice = Voice {
            camera: camera.clone(),
            plugin: name.clone(),
            bus: shared.bus.clone(),
            clock: shared.clock.clone(),
            said: 0,
        };
        let supervisor = Supervisor::new(&camera, &name, standing);
        let key = Key { camera, plugin: name };
        let kept = shared.vault.take(&key);
        // What a source or an analyzer had open has been ended, and its ids must not come again.
        let goes_on = T::WORLD == World::Policy;
        let whole = goes_on && kept.as_ref().is_some_and(|kept| kept.is_last);
        Self {
            key,
            instance,
            lane,
            shared,
            supervisor,
            voice,
            facts,
            orders,
            orders_ended: false,
            offer,
            video: None,
            sitter: None,
            wishes: None,
            run: Timestamp::ZERO,
            kept,
            journal: Journal::new(whole),
            recent: VecDeque::new(),
            save_at: None,
            restored: None,
            guilty: Guilty::default(),
            budget: Budget::default(),
            bad: BTreeMap::new(),
            probation: None,
            trial: None,
        }
    }

    /// What to do first.
    pub fn first(&self) -> After {
        if self.offer.is_some() { After::Rebuild } else { After::Quarantined }
    }

    /// The plugin's name in the configuration.
    pub fn name(&self) -> &str {
        &self.key.plugin
    }

    /// Of the component, the parameters and the grants in charge.
    pub fn digest(&self) -> Option<String> {
        self.offer.as_ref().map(Offer::digest)
    }

    /// Who is in charge hears what others say.
    pub fn listens(&self) -> bool {
        self.offer.as_ref().is_some_and(|offer| offer.plugin.listens())
    }

    /// What is in force for who is in charge.
    pub fn grants(&self) -> Grants {
        self.offer.as_ref().map(|offer| offer.plugin.grants().clone()).unwrap_or_default()
    }

    /// Time stands still while it works: nobody need hurry, nothing is left out.
    pub fn is_unhurried(&self) -> bool {
        self.lane.is_unhurried()
    }

    /// The topic of what is posted to its own path.
    pub fn hook(&self) -> String {
        self.instance.hook()
    }

    /// Wall time.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.wall()
    }

    /// Who is in charge may still be found unfit.
    pub fn is_on_probation(&self) -> bool {
        self.probation.is_some()
    }

    /// Says how it fares.
    pub fn tell(&self, standing: Standing) {
        self.supervisor.tell(standing);
    }

    /// Makes an instance that goes on, if it can, where the last one was: from its snapshot and the
    /// inputs since, but for those that brought it down. `video`: for analyzers.
    pub async fn sit(&mut self, video: Option<Video>) -> Result<Seated<T::Wishes>, Trouble> {
        self.video = video;
        let offer = self.offer.clone().ok_or_else(|| Error::bug("a plugin without component"))?;
        let kept = self.usable(&offer);
        let goes_on = kept.is_some() && self.journal.is_whole();
        let inputs = if goes_on { self.journal.inputs() } else { Vec::new() };
        let mut recipe =
            self.recipe(&offer, kept.as_ref().map(|kept| kept.snapshot.clone()), inputs);
        recipe.shelf = self.shelf().filter(|_| goes_on);
        let built = self.shared.aside.run(move || recipe.build()).await?;
        let built = match built {
            Ok(built) => built,
            Err(unbuilt) => {
                if kept.is_some() && matches!(unbuilt, Unbuilt::Lost(_)) {
                    self.forget("it could not go on from it");
                }
                return Err(Fault::from(unbuilt).into());
            }
        };
        self.restored = None;
        let mut continues = false;
        match (&kept, &built.refused) {
            (Some(_), Some(fault)) => self.forget(&fault.to_string()),
            (Some(kept), None) => {
                self.restored = Some(Instant::now());
                if built.is_behind {
                    let Key { camera, plugin } = &self.key;
                    tracing::warn!(
                        camera,
                        plugin,
                        "it takes too long to tell it all that happened since it was saved: it goes \
                         on from there as another run"
                    );
                    self.journal = Journal::new(false);
                } else if goes_on {
                    self.run = kept.run;
                    continues = true;
                }
            }
            (None, _) => {}
        }
        if !continues {
            self.begin_run();
        }
        self.sitter = Some(Guest::new(&self.lane, built.instance));
        self.wishes = Some(built.wishes.clone());
        let is_saved = offer.plugin.has_state();
        self.save_at = is_saved.then(|| Instant::now() + SAVE);
        self.supervisor.tell(Standing::Running);
        self.tell_facts(None);
        Ok(Seated { wishes: built.wishes, run: self.run, continues })
    }

    /// One input to the one in charge. On a fault, one that handed over lately comes back.
    pub async fn give(&mut self, input: T::Input) -> Result<Given<T>, Trouble> {
        if let Some(fault) = self.refuse_guilty(&input) {
            let (said, stats) = (Said::Declined(fault), CallStats::default());
            let replies = vec![Reply { input, said, stats, asked: Vec::new(), again: None }];
            return Ok(Given::plain(replies));
        }
        let excess = self.excess();
        let sitter = self.sitter.as_mut().ok_or_else(|| Error::bug("nobody is in charge"))?;
        let reply = match excess {
            None => ask(sitter, input.clone(), None).await,
            Some(trouble) => Err(trouble),
        };
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(input.clone());
        match reply {
            Ok(mut reply) => {
                let told = Told { input, asked: std::mem::take(&mut reply.asked) };
                self.journal.push(told, has_events(&reply));
                if self.is_too_slow(&reply.stats) {
                    return Ok(self.roll_back(Fall::slow(), Some(reply), None).await);
                }
                Ok(Given::plain(vec![reply]))
            }
            Err(trouble) => {
                self.blame(&input, &trouble);
                if self.probation.is_some() {
                    return Ok(self.roll_back(Fall::from(&trouble), None, Some(input)).await);
                }
                Err(trouble)
            }
        }
    }

    /// Says what happened, and waits until another instance may be made. At the end of the host,
    /// saves.
    pub async fn after(&mut self, end: End, shutdown: &CancellationToken) -> After {
        let trouble = match end {
            End::Shutdown => {
                self.save_last().await;
                self.end_probation();
                return After::Shutdown;
            }
            End::Trouble(trouble) => trouble,
        };
        self.sitter = None;
        self.end_probation();
        self.save_at = None;
        let restored = self.restored.take().filter(|_| !trouble.is_hosts());
        if restored.is_some_and(|at| at.elapsed() < POISONED) {
            self.forget("it fell within 2 s of going on from it");
        }
        let again = match self.supervisor.fell(&trouble) {
            Next::Quarantine => return After::Quarantined,
            Next::Rebuild(wait) => Instant::now() + wait,
        };
        loop {
            let signal = tokio::select! {
                biased;
                () = shutdown.cancelled() => return After::Shutdown,
                signal = self.signal() => signal,
                () = tokio::time::sleep_until(again) => return After::Rebuild,
            };
            if self.is_filled_by(signal).await {
                return After::Rebuild;
            }
        }
    }

    /// Whether a signal to a seat on which nobody sits brings somebody: make an instance then.
    pub async fn is_filled_by(&mut self, signal: Signal<T>) -> bool {
        matches!(self.act(signal).await, Ok(Acted::Revived))
    }

    /// Waits for what is to be done beside inputs. Can be dropped and called again.
    pub async fn signal(&mut self) -> Signal<T> {
        Signal::next(self).await
    }

    pub(super) fn recipe(
        &self,
        offer: &Offer,
        snapshot: Option<Arc<Snapshot>>,
        inputs: Vec<Told<T>>,
    ) -> Recipe<T> {
        Recipe {
            plugin: offer.plugin.clone(),
            config: self.instance.clone(),
            setup: Setup {
                video: self.video.clone(),
                params: offer.params.clone(),
                ..Setup::default()
            },
            snapshot,
            inputs,
            bound: CATCH_UP,
            shelf: None,
            now: self.shared.clock.wall(),
        }
    }

    /// A run of its own, with a name that no other has.
    pub(super) fn begin_run(&mut self) {
        let next = self.run + Duration::from_millis(1);
        self.run = self.shared.clock.wall().max(next);
    }

    fn blame(&mut self, input: &T::Input, trouble: &Trouble) {
        let (Some(offer), Some(print)) = (&self.offer, T::fingerprint(input)) else { return };
        if matches!(trouble, Trouble::Fault(fault) if fault.blames_input()) {
            self.guilty.note(offer.plugin.digest(), print, Instant::now());
        }
    }

    /// What brought this component down lately is not given to it again.
    fn refuse_guilty(&self, input: &T::Input) -> Option<Fault> {
        let offer = self.offer.as_ref()?;
        let print = T::fingerprint(input)?;
        let is_guilty = self.guilty.knows(offer.plugin.digest(), print, Instant::now());
        is_guilty.then(|| Fault {
            plugin: self.key.plugin.clone(),
            version: offer.plugin.manifest().version.clone(),
            camera: self.instance.camera.clone(),
            call: "on-message",
            cause: Cause::Rejected(format!(
                "it brought this component down less than {} s ago",
                guilty::MEMORY.as_secs()
            )),
        })
    }
}
