//! One policy on one camera: events in, spans and holds out, whoever is in charge.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::asking::Asking;
use super::floors::Floors;
use super::life::{Life, WAKE_INTERVAL};
use super::terms::Terms;
use super::{Span, spans};
use crate::base::clock::Clock;
use crate::events::lifecycle::Lifecycle;
use crate::events::{Bus, Heard, Notice};
use crate::seat::{Acted, After, Given, Reply, Seat, Seated, Signal};
use crate::store::{Answer, Judge, Records};
use crate::wasm;
use crate::wasm::policy::{Input, Output};
use crate::wasm::supervise::{End, Said, Trouble};

/// A span that the index did not take is offered again so often.
const SAVE_AGAIN: Duration = Duration::from_secs(1);

/// Longest sleep before the wall clock is looked at again: it may have stepped.
const WAKE_CHECK: Duration = Duration::from_secs(10);

/// What one policy on one camera needs.
pub struct Stage {
    /// The camera.
    pub camera: String,
    /// The policy's name in the configuration.
    pub name: String,
    /// Who is in charge.
    pub seat: Seat<wasm::Policy>,
    /// What it hears.
    pub heard: mpsc::Receiver<Heard>,
    /// Where its events go.
    pub bus: Bus,
    /// Where its spans are kept.
    pub store: Arc<dyn Records>,
    /// Who it is to the store.
    pub judge: Judge,
    /// Of the component and the parameters that this judge is known by.
    pub digest: String,
    /// Where its spans go next: the camera's recorder.
    pub spans: mpsc::Sender<Span>,
    /// The oldest video that a span can still reach.
    pub reach: spans::Reach,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// Spans that are recorded, but that the index did not take yet: nothing holds them on disk.
    /// Starts empty.
    pub unsaved: VecDeque<Span>,
    /// What others asked for who are in charge no more. Starts empty.
    pub floors: Floors,
    /// What the operator says of how long it is kept.
    pub terms: Terms,
    /// What an instance left open that is to be made anew. Starts empty.
    pub open: Option<Lifecycle>,
}

impl Stage {
    /// Serves the camera until shutdown.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut next = self.seat.first();
        loop {
            if next == After::Quarantined {
                self.end_open().await;
                next = self.idle(&shutdown).await;
            }
            if next == After::Shutdown {
                return;
            }
            let end = self.run_once(&shutdown).await;
            if !matches!(end, End::Shutdown) {
                self.warn(self.store.judge_answers(self.judge, false).await);
            }
            next = self.seat.after(end, &shutdown).await;
        }
    }

    /// Nobody is in charge, until something changes.
    async fn idle(&mut self, shutdown: &CancellationToken) -> After {
        loop {
            let signal = tokio::select! {
                biased;
                () = shutdown.cancelled() => return After::Shutdown,
                signal = self.seat.signal() => signal,
                () = pass_over(&mut self.heard) => continue,
            };
            if self.seat.is_filled_by(signal).await {
                return After::Rebuild;
            }
        }
    }

    async fn run_once(&mut self, shutdown: &CancellationToken) -> End {
        let mut life = match self.begin().await {
            Ok(life) => life,
            Err(trouble) => return End::Trouble(trouble),
        };
        let end = match self.on_wake(&mut life).await {
            Ok(()) => self.serve(&mut life, shutdown).await,
            Err(trouble) => End::Trouble(trouble),
        };
        self.open = Some(life.events);
        if matches!(end, End::Shutdown) {
            self.end_open().await;
        }
        self.save_again().await;
        end
    }

    async fn serve(&mut self, life: &mut Life, shutdown: &CancellationToken) -> End {
        loop {
            // Ahead of the select: a flood of events must not put these off.
            for event in life.events.expire(Instant::now()) {
                self.say(event).await;
            }
            self.save_again().await;
            let pause = self.pause(life);
            let step = if life.is_due(self.clock.as_ref(), self.heard.len()) {
                self.on_wake(life).await
            } else {
                tokio::select! {
                    biased;
                    () = shutdown.cancelled() => return self.last_words(life).await,
                    signal = self.seat.signal() => self.on_signal(life, signal).await,
                    heard = self.heard.recv() => match heard {
                        None => return End::Shutdown,
                        Some(heard) => self.hear(life, heard).await,
                    },
                    () = sleep_for(pause) => self.ask(life).await,
                }
            };
            if let Err(trouble) = step {
                return End::Trouble(trouble);
            }
        }
    }

    /// Judges what was said before the end.
    async fn last_words(&mut self, life: &mut Life) -> End {
        for _ in 0..self.heard.len() {
            let Ok(heard) = self.heard.try_recv() else { break };
            if let Err(trouble) = self.hear(life, heard).await {
                tracing::warn!(camera = self.camera, plugin = self.name, "{trouble}");
                break;
            }
        }
        End::Shutdown
    }

    async fn hear(&mut self, life: &mut Life, heard: Heard) -> Result<(), Trouble> {
        life.ahead = life.ahead.map(|ahead| ahead.saturating_sub(1));
        match heard {
            Heard::Notice(notice) => self.on_event(life, *notice).await,
            Heard::Closed => {
                life.asking.wake();
                Ok(())
            }
        }
    }

    /// The time until something is to be done that no event brings.
    fn pause(&self, life: &Life) -> Option<Duration> {
        let wake = life.wake.map(|wake| {
            let left = wake.since(self.clock.wall());
            left.max(WAKE_INTERVAL.saturating_sub(life.woken.elapsed())).min(WAKE_CHECK)
        });
        let save = (!self.unsaved.is_empty()).then_some(SAVE_AGAIN);
        let renewal = life.events.deadline().map(|at| at.duration_since(Instant::now()));
        wake.into_iter().chain(save).chain(renewal).chain(life.asking.pause()).min()
    }

    async fn begin(&mut self) -> Result<Life, Trouble> {
        let seated = self.seat.sit(None).await?;
        self.rejudge().await;
        self.warn(self.store.judge_answers(self.judge, true).await);
        Ok(Life {
            events: self.lifecycle(&seated).await,
            wake: None,
            seen: self.clock.wall(),
            woken: Instant::now(),
            ahead: None,
            asking: Asking::new(self.judge),
        })
    }

    /// Who judges is another one where component or parameters are.
    async fn rejudge(&mut self) {
        let Some(digest) = self.seat.digest().filter(|digest| *digest != self.digest) else {
            return;
        };
        match self.store.replace_judge(self.judge, digest.clone()).await {
            Ok(judge) => (self.judge, self.digest) = (judge, digest),
            Err(error) => self.warn(Err(error)),
        }
    }

    async fn on_signal(
        &mut self,
        life: &mut Life,
        signal: Signal<wasm::Policy>,
    ) -> Result<(), Trouble> {
        match self.seat.act(signal).await? {
            Acted::Nothing | Acted::Revived => Ok(()),
            Acted::Reconfigured => {
                self.rejudge().await;
                life.asking = Asking::new(self.judge);
                self.on_wake(life).await
            }
            Acted::Seated(seated) => {
                self.floors.begin();
                self.seated(life, &seated).await;
                self.on_wake(life).await
            }
            Acted::Given(given) => self.took(life, given).await.map(drop),
        }
    }

    /// Who knows what is open goes on with it; else it ends, in a run of its own.
    async fn lifecycle(&mut self, seated: &Seated<()>) -> Lifecycle {
        match self.open.take_if(|_| seated.continues) {
            Some(open) => open,
            None => {
                self.end_open().await;
                Lifecycle::new(Some(&self.camera), &self.name, seated.run)
            }
        }
    }

    async fn end_open(&mut self) {
        for event in self.open.take().into_iter().flat_map(|mut open| open.end_all()) {
            self.say(event).await;
        }
    }

    /// Somebody else is in charge.
    async fn seated(&mut self, life: &mut Life, seated: &Seated<()>) {
        if !seated.continues {
            for event in life.events.end_all() {
                self.say(event).await;
            }
            life.events = Lifecycle::new(Some(&self.camera), &self.name, seated.run);
        }
        self.rejudge().await;
        life.asking = Asking::new(self.judge);
    }

    async fn on_event(&mut self, life: &mut Life, notice: Notice) -> Result<(), Trouble> {
        life.events.heard([&notice.event]);
        let input = Input::Event(Arc::new(notice), self.clock.wall());
        let given = self.seat.give(input).await?;
        self.took(life, given).await.map(drop)
    }

    async fn on_wake(&mut self, life: &mut Life) -> Result<(), Trouble> {
        (life.wake, life.ahead, life.woken) = (None, None, Instant::now());
        let given = self.seat.give(Input::Wake(self.clock.wall())).await?;
        self.took(life, given).await.map(drop)
    }

    /// Asks how long to keep the next segment, if it is time for one.
    async fn ask(&mut self, life: &mut Life) -> Result<(), Trouble> {
        let segment = match life.asking.next(&*self.store).await {
            Ok(Some(segment)) => segment,
            Ok(None) => return Ok(()),
            Err(error) => {
                self.warn(Err(error));
                return Ok(());
            }
        };
        let asked = Input::Segment(Arc::new(spans::describe(&segment)), self.clock.wall());
        let given = match self.seat.give(asked).await {
            Ok(given) => given,
            // Asked again, it would cost the next instance too: it is kept as configured.
            Err(trouble) if !trouble.is_hosts() => {
                let said = vec![Answer { sequence: segment.sequence, keep: None }];
                self.warn(self.store.answer(self.judge, said).await);
                return Err(trouble);
            }
            Err(trouble) => {
                self.warn(life.asking.answered(&*self.store, &segment, None).await);
                return Err(trouble);
            }
        };
        // Whoever comes back is asked about everything again.
        let is_same = given.seated.is_none();
        let keep = match self.took(life, given).await? {
            Some(Said::Answer(keep)) => Some(self.terms.grant(keep)),
            Some(Said::Declined(fault)) if matches!(fault.cause, wasm::Cause::Transient(_)) => None,
            Some(Said::Declined(_)) => Some(None),
            None => None,
        };
        if is_same {
            self.warn(life.asking.answered(&*self.store, &segment, keep).await);
        }
        Ok(())
    }

    /// Does what was said, in order; gives what was said of a segment.
    async fn took(
        &mut self,
        life: &mut Life,
        given: Given<wasm::Policy>,
    ) -> Result<Option<Said<Option<Duration>>>, Trouble> {
        let mut keep = None;
        if let Some(reply) = given.last_words {
            keep = self.apply(life, reply).await;
        }
        if let Some(seated) = given.seated {
            self.floors.fix(self.terms.keep);
            self.seated(life, &seated).await;
        }
        for reply in given.replies {
            keep = self.apply(life, reply).await;
        }
        given.trouble.map_or(Ok(keep), Err)
    }

    async fn apply(
        &mut self,
        life: &mut Life,
        reply: Reply<wasm::Policy>,
    ) -> Option<Said<Option<Duration>>> {
        let answer = match reply.said {
            Said::Answer(Output::Answer(answer)) => answer,
            Said::Answer(Output::Keep(keep)) => return Some(Said::Answer(keep)),
            Said::Declined(fault) => {
                tracing::debug!(camera = self.camera, plugin = self.name, "{fault}");
                return matches!(reply.input, Input::Segment(..)).then_some(Said::Declined(fault));
            }
        };
        // One that asks for the same wake again and again still gets it.
        let postponed = answer.wake.zip(life.wake).is_none_or(|(new, old)| new > old);
        life.ahead = life.ahead.filter(|_| !postponed);
        life.wake = answer.wake;
        let cause = match &reply.input {
            Input::Event(notice, _) => Some(&**notice),
            Input::Wake(_) | Input::Segment(..) => None,
        };
        for ask in answer.spans {
            let mut span = spans::qualify(ask, &self.camera, &self.name, &life.events, cause);
            span.keep = self.terms.grant(span.keep);
            self.seat.charge(&span);
            let (on_probation, now) = (self.seat.is_on_probation(), self.clock.wall());
            let span = self.floors.raise(span, on_probation, self.terms.keep, now);
            self.keep(span).await;
        }
        // Others have heard of this already, from one that is in charge no more.
        if reply.again == Some(true) {
            return None;
        }
        for event in self.seat.affordable(answer.events) {
            if let Some(event) = life.events.accept(event, Instant::now()) {
                self.say(event).await;
            }
        }
        None
    }
}

async fn sleep_for(length: Option<Duration>) {
    match length {
        Some(length) => tokio::time::sleep(length).await,
        None => std::future::pending().await,
    }
}

/// Takes what nobody will judge, so that those who say events do not wait for ever.
async fn pass_over(heard: &mut mpsc::Receiver<Heard>) {
    if heard.recv().await.is_none() {
        std::future::pending::<()>().await;
    }
}
