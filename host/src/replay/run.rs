//! Runs a plan: inputs in, one after the other, on simulated time, until nothing is left to happen.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::clock::{Stepped, TICK};
use super::feed::{Feed, Input};
use super::film::Projector;
use super::ledger::{Ledger, Pages};
use super::wiring::{self, Stages};
use super::{Outcome, Plan};
use crate::base::clock::Clock;
use crate::base::metrics::{self, Metrics};
use crate::base::{Error, Result, Timestamp};
use crate::events::source::{Delivery, Reply};
use crate::ingest::{Gap, GapReason, Item};
use crate::store::ClosedSegment;

/// Bound of each step at the end; nothing waits for the outside here.
const END: Duration = Duration::from_secs(60);

/// Replays `plan`. Runs on a thread of its own, whose runtime has simulated time.
///
/// # Errors
/// `Refuse` when a plugin faults, with what it said and when, in simulated time, or when a film
/// can't be read; `Stop` when `cancel` is.
pub async fn run(plan: Plan, cancel: CancellationToken) -> Result<Outcome> {
    let (sender, answer) = oneshot::channel();
    std::thread::Builder::new()
        .name("replay".into())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build();
            let outcome = runtime
                .map_err(|error| Error::stop("start the runtime of a replay").with(error))
                .and_then(|runtime| runtime.block_on(drive(plan, &cancel)));
            // Nobody waits any more: fine.
            let _gone = sender.send(outcome);
        })
        .map_err(|error| Error::stop("start the thread of a replay").with(error))?;
    answer.await.unwrap_or_else(|_| Err(Error::bug("a replay panicked: please report it")))
}

async fn drive(plan: Plan, cancel: &CancellationToken) -> Result<Outcome> {
    let stepped = Arc::new(Stepped::starting_at(plan.start));
    let clock: Arc<dyn Clock> = stepped.clone();
    let next = plan.notices.last().map_or(1, |last| last.sequence + 1);
    let ledger = Arc::new(Ledger::new(clock.clone(), plan.keep, next));
    let projector = Projector::new(plan.films.clone(), plan.start, plan.end);
    let video = projector.parameters()?;
    let metrics = Metrics::default();
    let stages = wiring::start(&plan, &ledger, &clock, video, &metrics);
    let feed = Feed::new(
        plan.notices.clone(),
        plan.messages.clone(),
        plan.segments.clone(),
        projector,
        plan.cut,
    );
    let mut play = Play {
        plan: &plan,
        clock: stepped,
        ledger: ledger.clone(),
        stages,
        last: None,
        outcome: Outcome::default(),
        answers: Vec::new(),
    };
    play.through(feed, cancel).await?;
    let outcome = play.end().await?;
    let pages = ledger.take();
    let label = metrics::Camera { camera: plan.camera.clone() };
    let pictures = metrics.pictures.get_or_create(&label).get();
    Ok(Outcome { pictures, ..gather(outcome, pages, plan.policies.len()) })
}

/// A replay under way.
struct Play<'a> {
    plan: &'a Plan,
    clock: Arc<Stepped>,
    ledger: Arc<Ledger>,
    stages: Stages,
    /// When the last input was due.
    last: Option<Instant>,
    outcome: Outcome,
    /// Of the source, to messages.
    answers: Vec<oneshot::Receiver<Reply>>,
}

impl Play<'_> {
    async fn through(&mut self, mut feed: Feed, cancel: &CancellationToken) -> Result<()> {
        while let Some((at, input)) = feed.next()? {
            if cancel.is_cancelled() {
                return Err(Error::stop("the replay was ended before it was done"));
            }
            self.wait(self.clock.due(at, self.last)).await?;
            self.clock.show(at);
            self.take(input).await?;
        }
        // What the decoder held back is looked at, too.
        self.wait(self.clock.due(self.plan.start, self.last)).await?;
        let (reason, detail) = (GapReason::Ended, "the end of what was recorded".to_owned());
        self.stages.packets.send(Item::Gap(Gap { reason, detail }));
        let end = self.plan.end + self.plan.run_on;
        self.wait(self.clock.due(end, self.last)).await
    }

    /// Until `due`, unless a plugin faults before.
    async fn wait(&mut self, due: Instant) -> Result<()> {
        self.last = Some(due);
        tokio::select! {
            biased;
            Some(fault) = self.stages.faults.first.recv() => Err(self.fault(&fault)),
            () = tokio::time::sleep_until(due) => Ok(()),
        }
    }

    fn fault(&self, fault: &str) -> Error {
        Error::refuse(format!("at {} of the replay: {fault}", self.clock.wall()))
    }

    async fn take(&mut self, input: Input) -> Result<()> {
        match input {
            Input::Notice(notice) => {
                self.outcome.repeated += 1;
                self.ledger.repeated(&notice);
                self.stages.bus.repeat(&notice).await?;
            }
            Input::Video(item) => {
                match &item {
                    Item::Video(unit) => self.stages.units.video(unit),
                    Item::Gap(_) => self.stages.units.gap(),
                    Item::Audio(_) => {}
                }
                self.stages.packets.send(item);
            }
            Input::Closed(segment) => {
                let closed = ClosedSegment {
                    camera: self.plan.camera.clone(),
                    sequence: segment.sequence,
                    epoch: 0,
                    start: segment.start,
                    end: segment.end,
                    bytes: segment.bytes,
                    gap_before: segment.gap_before,
                    continuous: segment.asked,
                    fail_open: false,
                };
                self.ledger.closed(segment);
                self.stages.bus.closed(&closed);
            }
            Input::Message(message) => {
                let Some(queue) = &self.stages.messages else { return Ok(()) };
                let (answer, reply) = oneshot::channel();
                self.answers.push(reply);
                let delivery = Delivery {
                    content_type: message.content_type,
                    attributes: message.attributes,
                    body: message.body.into(),
                    answer: Some(answer),
                };
                // A source that is gone has faulted, which is told by itself.
                let _gone = queue.send(delivery).await;
            }
        }
        Ok(())
    }

    /// Ends the stages, those that look first: what they still say is judged.
    async fn end(mut self) -> Result<Outcome> {
        // Without packets the decoder ends by itself.
        drop(self.stages.packets);
        self.stages.look.end(END).await;
        tokio::time::sleep(TICK).await;
        self.stages.judge.end(END).await;
        self.stages.faults.end().await;
        if let Ok(fault) = self.stages.faults.first.try_recv() {
            let now: Timestamp = self.clock.wall();
            return Err(Error::refuse(format!("at {now} of the replay: {fault}")));
        }
        for (number, mut reply) in self.answers.into_iter().enumerate() {
            if let Ok(Reply::Rejected(why) | Reply::Unavailable(why)) = reply.try_recv() {
                self.outcome.refused.push((number, why));
            }
        }
        Ok(self.outcome)
    }
}

/// What the ledger holds, as others want it.
fn gather(outcome: Outcome, pages: Pages, policies: usize) -> Outcome {
    let mut spans: Vec<_> =
        pages.spans.into_values().filter(|span| span.end > span.start).collect();
    spans.sort_by(|a, b| (a.start, &a.id).cmp(&(b.start, &b.id)));
    let judges = 0..i64::try_from(policies).unwrap_or(0);
    let answers = |sequence: u64| {
        let said = judges.clone().filter_map(|judge| pages.answers.get(&(judge, sequence)));
        said.copied().collect::<Vec<Option<Duration>>>()
    };
    let asked = pages.segments.iter().filter(|segment| segment.asked);
    let answers = asked.map(|segment| (segment.sequence, answers(segment.sequence))).collect();
    Outcome { events: pages.said, spans, segments: pages.segments, answers, ..outcome }
}
