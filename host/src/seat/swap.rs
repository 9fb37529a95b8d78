//! Somebody else comes to sit: an offer is proven beside the one in charge, takes over between two
//! calls, and goes again if it falls within half a minute.

use std::sync::Mutex;

use futures::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::budget::Budget;
use super::hand::{CATCH_UP, Handed, Passed, catch_up, pass};
use super::journal::{Journal, Told};
use super::order::{By, Offer, Order, Outcome};
use super::post::{Acted, Seated};
use super::probation::{Fall, PROBATION, Probation};
use super::prove::Built;
use super::sit::{SAVE, Seat};
use super::voice::Change;
use crate::base::clock::sleep_until;
use crate::base::{Error, Result};
use crate::kv::Shelf;
use crate::wasm::supervise::{Guest, Said, Trouble};
use crate::wasm::{Cause, Kind};

/// An offer that is being proven.
pub(super) struct Trial<T: Kind> {
    offer: Offer,
    answer: oneshot::Sender<Outcome>,
    /// Only ever reached through `&mut`: the lock makes it fit to be shared.
    proof: Mutex<BoxFuture<'static, Proof<T>>>,
}

/// What came of it: an instance, or what is wrong with it; or the lane lost it.
type Proof<T> = Result<Result<Built<T>, String>>;

/// Both instances, after one has handed over to the other.
struct Handover<T> {
    /// `None`: it can't be called any more.
    old: Option<T>,
    new: T,
    passed: Passed,
}

/// Something is to be done.
pub struct Signal<T: Kind>(Inner<T>);

enum Inner<T: Kind> {
    Order(Order),
    Proven(Proof<T>),
    Trusted,
    Save,
}

impl<T: Kind> Signal<T> {
    pub(super) async fn next(seat: &mut Seat<T>) -> Self {
        let probation = seat.probation.as_ref().map(|probation| probation.until);
        let save = seat.save_at.filter(|_| probation.is_none());
        loop {
            let order = tokio::select! {
                biased;
                proof = proof(seat.trial.as_mut()) => return Self(Inner::Proven(proof)),
                order = seat.orders.recv(), if !seat.orders_ended => order,
                () = sleep_until(probation) => return Self(Inner::Trusted),
                () = sleep_until(save) => return Self(Inner::Save),
            };
            match order {
                Some(order) => return Self(Inner::Order(order)),
                None => seat.orders_ended = true,
            }
        }
    }
}

async fn proof<T: Kind>(trial: Option<&mut Trial<T>>) -> Proof<T> {
    match trial {
        Some(trial) => trial.proof.get_mut().expect("it is never locked").await,
        None => std::future::pending().await,
    }
}

impl<T: Kind> Seat<T> {
    /// Does what a signal asks for. An error: the instance is of no further use.
    pub async fn act(&mut self, signal: Signal<T>) -> Result<Acted<T>, Trouble> {
        match self.done(signal).await {
            Err(trouble) if self.probation.is_some() => {
                Ok(Acted::Given(self.roll_back(Fall::from(&trouble), None, None).await))
            }
            done => done,
        }
    }

    async fn done(&mut self, signal: Signal<T>) -> Result<Acted<T>, Trouble> {
        match signal.0 {
            Inner::Order(order) => self.consider(order).await,
            Inner::Proven(proof) => {
                let Some(trial) = self.trial.take() else { return Ok(Acted::Nothing) };
                let proof = proof.unwrap_or_else(|error| Err(error.chain()));
                match proof {
                    Err(why) => {
                        self.refuse(&trial.offer, trial.answer, why).await;
                        Ok(Acted::Nothing)
                    }
                    Ok(built) => self.install(trial.offer, trial.answer, built).await,
                }
            }
            Inner::Trusted => {
                self.trust().await?;
                Ok(Acted::Nothing)
            }
            Inner::Save => {
                self.save_now().await?;
                Ok(Acted::Nothing)
            }
        }
    }

    async fn save_now(&mut self) -> Result<(), Trouble> {
        self.save_at = Some(Instant::now() + SAVE);
        match self.save().await? {
            Some(snapshot) => self.keep(snapshot, false),
            // It would be asked again and again, and others wait meanwhile.
            None if self.journal.is_filling() => self.journal = Journal::new(false),
            None => {}
        }
        Ok(())
    }

    async fn consider(&mut self, order: Order) -> Result<Acted<T>, Trouble> {
        let Order { offer, by, answer } = order;
        if by == By::Person {
            self.guilty.forget();
        }
        if offer.plugin.world() != T::WORLD {
            let (is, wanted) = (offer.plugin.world().as_str(), T::WORLD.as_str());
            let why = format!("it is of world {is} now, not {wanted}: restart the host for that");
            self.refuse(&offer, answer, why).await;
            return Ok(Acted::Nothing);
        }
        let digest = offer.digest();
        let is_same = self.digest().as_deref() == Some(digest.as_str());
        if is_same && self.sitter.is_some() {
            self.trial = None;
            self.tell_unchanged();
            let _gone = answer.send(Outcome::Unchanged);
            return Ok(Acted::Nothing);
        }
        if is_same && by == By::Person {
            return Ok(self.revive(offer, answer));
        }
        match (self.bad.get(&digest).cloned(), by) {
            (Some(why), By::Watch) => {
                let why = format!("it was rolled back before: {why}");
                self.refuse(&offer, answer, why).await;
                return Ok(Acted::Nothing);
            }
            (Some(_), By::Person) => drop(self.bad.remove(&digest)),
            (None, _) => {}
        }
        let is_settled =
            self.offer.as_ref().is_some_and(|current| offer.differs_by_parameters(current));
        if self.sitter.is_some() && is_settled && offer.plugin.is_reconfigurable() {
            return self.reconfigure(offer, answer).await;
        }
        self.try_out(offer, answer).await
    }

    /// New parameters for the one in charge; a new instance if it wants to be one.
    async fn reconfigure(
        &mut self,
        offer: Offer,
        answer: oneshot::Sender<Outcome>,
    ) -> Result<Acted<T>, Trouble> {
        let Some(sitter) = self.sitter.as_mut() else { return Ok(Acted::Nothing) };
        let (params, now) = (offer.params.clone(), self.shared.clock.wall());
        // Bad parameters are final for an instance that is made, and nothing to one that is there.
        let said = sitter
            .call(move |it| match it.set_params(&params, now) {
                Err(fault) if !fault.poisons() => Ok(Err(fault)),
                other => other.map(Ok),
            })
            .await;
        match said {
            Ok(Said::Answer(Ok(()))) => {
                let from = self.offer.as_ref().map(Offer::describe).unwrap_or_default();
                let to = offer.describe();
                self.trial = None;
                self.offer = Some(offer);
                self.tell_facts(None);
                let _gone = answer.send(Outcome::Reconfigured);
                self.voice.tell(Change::Reloaded, &from, &to, ": new parameters").await;
                Ok(Acted::Reconfigured)
            }
            Ok(Said::Answer(Err(fault))) if matches!(fault.cause, Cause::Unsupported(_)) => {
                self.try_out(offer, answer).await
            }
            Ok(Said::Answer(Err(fault)) | Said::Declined(fault)) => {
                self.refuse(&offer, answer, fault.to_string()).await;
                Ok(Acted::Nothing)
            }
            Err(trouble) => {
                self.refuse(&offer, answer, trouble.to_string()).await;
                Err(trouble)
            }
        }
    }

    /// Proves an offer beside the one in charge. The newest counts.
    async fn try_out(
        &mut self,
        offer: Offer,
        answer: oneshot::Sender<Outcome>,
    ) -> Result<Acted<T>, Trouble> {
        if let Some(older) = self.trial.take() {
            let why = "a newer one came while it was tried".to_owned();
            let _gone = older.answer.send(Outcome::Refused(why));
        }
        let snapshot = match self.save().await {
            Ok(Some(snapshot)) => {
                let digest = self.offer.as_ref().map(|offer| offer.plugin.digest().to_owned());
                let can = offer.plugin.can_load(snapshot.schema, &digest.unwrap_or_default());
                can.then_some(snapshot)
            }
            Ok(None) => self.usable(&offer).map(|kept| kept.snapshot),
            Err(trouble) => {
                let why = format!("the one in charge failed: {trouble}");
                self.refuse(&offer, answer, why).await;
                return Err(trouble);
            }
        };
        let told = |input: &T::Input| Told { input: input.clone(), asked: Vec::new() };
        let recipe = self.recipe(&offer, snapshot, self.recent.iter().map(told).collect());
        let lane = self.shared.aside.clone();
        let proof: BoxFuture<'static, Proof<T>> = Box::pin(async move {
            lane.run(move || recipe.prove().map_err(|fault| fault.to_string())).await
        });
        self.trial = Some(Trial { offer, answer, proof: Mutex::new(proof) });
        Ok(Acted::Nothing)
    }

    async fn refuse(&mut self, offer: &Offer, answer: oneshot::Sender<Outcome>, why: String) {
        let from = self.offer.as_ref().map(Offer::describe).unwrap_or_default();
        self.tell_reload_failed(why.clone());
        self.voice.tell(Change::ReloadFailed, &from, &offer.describe(), &why).await;
        let _gone = answer.send(Outcome::Refused(why));
    }

    fn revive(&mut self, offer: Offer, answer: oneshot::Sender<Outcome>) -> Acted<T> {
        self.supervisor.forgive();
        self.budget = Budget::default();
        self.facts.send_modify(|facts| facts.offer = Some(offer.clone()));
        self.offer = Some(offer);
        let _gone = answer.send(Outcome::Revived);
        Acted::Revived
    }

    /// What was proven takes over, between two calls.
    async fn install(
        &mut self,
        offer: Offer,
        answer: oneshot::Sender<Outcome>,
        built: Built<T>,
    ) -> Result<Acted<T>, Trouble> {
        let (Some(from), Some(wishes), true) =
            (self.offer.clone(), self.wishes.clone(), self.sitter.is_some())
        else {
            return Ok(self.revive(offer, answer));
        };
        // A grant that was taken away does not come back with an instance that had it.
        let takes_away = !offer.plugin.grants().cover(from.plugin.grants());
        if takes_away && self.probation.is_some() {
            self.trust().await?;
        }
        let begun = Instant::now();
        let to = (&offer, built.draft.clone());
        let Handover { old, new, passed } = self.hand_over(&from, to, built.instance).await?;
        let pause = begun.elapsed();
        let continues = match passed.handed {
            Handed::Refused(why) => {
                self.sitter = old.map(|old| Guest::new(&self.lane, old));
                self.refuse(&offer, answer, why.clone()).await;
                let gone =
                    || Error::refuse(format!("it fell while handing over, and {why}")).into();
                return if self.sitter.is_some() { Ok(Acted::Nothing) } else { Err(gone()) };
            }
            Handed::All => true,
            Handed::Nothing => false,
        };
        if self.probation.is_none() {
            // From here on the journal is for the one before. A snapshot without all inputs up to
            // here would be of no use to it.
            match passed.saved {
                Some(snapshot) => self.keep(snapshot, false),
                None => (self.kept, self.journal) = (None, Journal::new(true)),
            }
        }
        if let Some(draft) = &built.draft {
            draft.land(self.probation.is_some());
        }
        self.probation = self.stand_by(&from, old.filter(|_| !takes_away), wishes, built.draft);
        if !continues {
            self.begin_run();
        }
        self.sitter = Some(Guest::new(&self.lane, new));
        self.wishes = Some(built.wishes.clone());
        self.supervisor.forgive();
        self.budget = Budget::default();
        let (from, to) = (from.describe(), offer.describe());
        self.offer = Some(offer);
        self.save_at = self.probation.is_none().then(Instant::now);
        self.tell_facts(None);
        self.tell_pause(pause);
        let _gone = answer.send(Outcome::Seated);
        let pause = format!(", after a pause of {} us", pause.as_micros());
        self.voice.tell(Change::Reloaded, &from, &to, &pause).await;
        Ok(Acted::Seated(Seated { wishes: built.wishes, run: self.run, continues }))
    }

    /// Who comes back if the new one is not fit. `shelf` is where that one keeps what it keeps.
    fn stand_by(
        &mut self,
        from: &Offer,
        old: Option<T>,
        wishes: T::Wishes,
        shelf: Option<Shelf>,
    ) -> Option<Probation<T>> {
        let until = Instant::now() + PROBATION;
        if let Some(earlier) = self.probation.take() {
            // Who stood by already stands by for this one, too.
            let shelf = earlier.shelf.or(shelf);
            return Some(Probation { until, overruns: 0, shelf, ..earlier });
        }
        let Some(old) = old else {
            shelf.inspect(Shelf::settle);
            return None;
        };
        Some(Probation {
            offer: from.clone(),
            guest: Guest::new(&self.lane, old),
            wishes,
            run: self.run,
            kept: self.kept.clone(),
            until,
            overruns: 0,
            shelf,
        })
    }

    async fn hand_over(
        &mut self,
        from: &Offer,
        (to, draft): (&Offer, Option<Shelf>),
        mut new: T,
    ) -> Result<Handover<T>, Trouble> {
        let lost = || Error::bug("an instance was to hand over during a call");
        let mut old = self.sitter.take().and_then(Guest::into_instance).ok_or_else(lost)?;
        let now = self.shared.clock.wall();
        let (plugin, digest) = (to.plugin.clone(), from.plugin.digest().to_owned());
        let job = move || {
            let passed = pass(&mut old, &mut new, &plugin, &digest, now);
            Handover { old: passed.is_well.then_some(old), new, passed }
        };
        let handover = self.lane.run(job).await?;
        // During a probation the journal goes further back than the last snapshot may.
        let is_whole = self.journal.is_whole() && self.probation.is_none();
        let last = self.usable(to).filter(|_| is_whole && handover.passed.saved.is_none());
        let Some(last) = last else { return Ok(handover) };
        let (inputs, Handover { old, mut new, mut passed }) = (self.journal.inputs(), handover);
        // Many calls, of which only this camera need wait for the end.
        let job = move || {
            // What came of these inputs is there already: it is to come of them once.
            draft.inspect(Shelf::rewind_draft);
            passed.handed = catch_up(&mut new, (&last.snapshot, &inputs), now, CATCH_UP);
            Handover { old, new, passed }
        };
        Ok(self.shared.aside.run(job).await?)
    }
}
