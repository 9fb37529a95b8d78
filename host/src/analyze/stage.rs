//! One analyzer on one camera: pictures and events of others in, events out, whoever is in charge.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::gate::Until;
use super::hearing::Hearing;
use super::mailbox;
use super::pictures::{Frame, Subscription, Turn, Wishes};
use super::waits::{next_units, pass_over, something, take};
use crate::base::Timestamp;
use crate::base::clock::sleep_until;
use crate::base::limits;
use crate::events::lifecycle::Lifecycle;
use crate::events::{Bus, Event, Notice, Publish};
use crate::fetch::{self, Answer, Answers};
use crate::ingest::VideoParameters;
use crate::seat::{Acted, After, Given, Reply, Seat, Seated, Signal};
use crate::wasm::analyzer::Input;
use crate::wasm::standing::Standing;
use crate::wasm::supervise::{End, Said, Trouble};
use crate::wasm::{self, Analyzer, CallStats, PictureRequest};

/// So many overruns in a row halve the analyzer's rate.
const OVERRUNS_MAX: u32 = 3;

/// Where time stands still while an analyzer looks (see [`Seat::is_unhurried`]) it gets every picture:
/// so many wait at most. One unit may release all that were held back to be put in order.
const UNHURRIED: usize = limits::REORDER_DEPTH + 2;

/// After so long without one the rate doubles again.
const OVERRUN_MEMORY: Duration = Duration::from_secs(60);

/// What one analyzer on one camera needs.
pub struct Stage {
    /// The camera.
    pub camera: String,
    /// The analyzer's name in the configuration.
    pub name: String,
    /// Who is in charge.
    pub seat: Seat<Analyzer>,
    /// What it wants to see goes here.
    pub wishes: Wishes,
    /// What the stream is, once known.
    pub video: watch::Receiver<Option<Arc<VideoParameters>>>,
    /// Access units of the recorded stream, in batches; passed over while nobody asks for them.
    pub units: Option<mpsc::Receiver<Vec<wasm::Unit>>>,
    /// What it hears of those it comes after; `None`: it comes after nobody.
    pub hearing: Option<Hearing>,
    /// Its place among the camera's analyzers.
    pub turn: Turn,
    /// Answers to what it asks.
    pub answers: Answers,
    /// Where its events go.
    pub bus: Bus,
    /// It is only tried: see [`Subscription::tried`].
    pub tried: bool,
}

/// One life of an instance.
struct Life {
    events: Lifecycle,
    units: bool,
    /// Pictures, and whether it may look closer at them.
    wished: Option<(PictureRequest, bool)>,
    pictures: Option<mailbox::Receiver<Frame>>,
    thinning: Arc<AtomicU32>,
    breaks: Option<u64>,
    overruns: u32,
    last_overrun: Instant,
}

impl Stage {
    /// Serves the camera until shutdown.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let (mut next, mut unfit) = (self.seat.first(), false);
        loop {
            if next == After::Quarantined {
                next = self.idle(&shutdown, unfit).await;
            }
            if next == After::Shutdown {
                return;
            }
            let end = self.run_once(&shutdown).await;
            unfit = end.is_for_the_stream();
            next = self.seat.after(end, &shutdown).await;
        }
    }

    /// Nobody is in charge, until something changes: the stream, too, for who was `unfit` for it.
    async fn idle(&mut self, shutdown: &CancellationToken, unfit: bool) -> After {
        loop {
            let signal = tokio::select! {
                biased;
                () = shutdown.cancelled() => return After::Shutdown,
                signal = self.seat.signal() => signal,
                changed = self.video.changed(), if unfit => match changed {
                    Ok(()) => return After::Rebuild,
                    Err(_) => return After::Shutdown,
                },
                () = pass_over(self.units.as_mut()) => continue,
            };
            if self.seat.is_filled_by(signal).await {
                return After::Rebuild;
            }
        }
    }

    async fn run_once(&mut self, shutdown: &CancellationToken) -> End {
        if self.video.borrow().is_none() {
            self.seat.tell(Standing::Waiting);
        }
        let video = loop {
            let signal = tokio::select! {
                biased;
                () = shutdown.cancelled() => return End::Shutdown,
                known = self.video.wait_for(Option::is_some) => match known.ok().and_then(|it| it.clone()) {
                    Some(video) => break video,
                    None => return End::Shutdown,
                },
                signal = self.seat.signal() => signal,
            };
            // Whoever it is, there is somebody to sit when the camera is there.
            self.seat.is_filled_by(signal).await;
        };
        let mut life = match self.begin(&video).await {
            Ok(life) => life,
            Err(trouble) => return End::Trouble(trouble),
        };
        let end = self.serve(&mut life, shutdown).await;
        self.end_all(&mut life).await;
        self.turn.progress.end();
        end
    }

    async fn serve(&mut self, life: &mut Life, shutdown: &CancellationToken) -> End {
        loop {
            // Ahead of the select: an analyzer that always has work must not put this off.
            for event in life.events.expire(Instant::now()) {
                self.publish(event).await;
            }
            let renewal = life.events.deadline();
            // Units come in few batches, pictures without end: units first.
            let step = tokio::select! {
                biased;
                () = shutdown.cancelled() => return End::Shutdown,
                signal = self.seat.signal() => self.on_signal(life, signal).await,
                units = next_units(self.units.as_mut()) => match units {
                    None => return End::Shutdown,
                    Some(units) if life.units => self.observe(life, units).await,
                    Some(_) => Ok(()),
                },
                answer = fetch::next(&mut self.answers) => self.on_answer(life, answer).await,
                frame = take(life.pictures.as_ref()) => match frame {
                    None => return End::Shutdown,
                    Some((frame, skipped)) => self.look(life, frame, skipped).await,
                },
                () = something(self.hearing.as_mut()) => self.hear(life, None).await,
                () = sleep_until(renewal) => Ok(()),
            };
            if let Err(trouble) = step {
                return End::Trouble(trouble);
            }
        }
    }

    async fn begin(&mut self, video: &VideoParameters) -> Result<Life, Trouble> {
        let video = wasm::Video {
            codec: video.rfc6381.clone(),
            width: video.width,
            height: video.height,
            fps: 0.0,
        };
        let seated = self.seat.sit(Some(video)).await?;
        let mut life = Life {
            events: Lifecycle::new(Some(&self.camera), &self.name, seated.run),
            units: false,
            wished: None,
            pictures: None,
            thinning: Arc::new(AtomicU32::new(1)),
            breaks: None,
            overruns: 0,
            last_overrun: Instant::now(),
        };
        self.wish(&mut life, seated.wishes);
        Ok(life)
    }

    /// What it wants to see from now on. Who wants the same as the one before misses nothing.
    fn wish(&self, life: &mut Life, wishes: wasm::Wishes) {
        life.units = wishes.units;
        let looks_closer = self.seat.grants().crop;
        let wished = wishes.pictures.map(|request| (request, looks_closer));
        if life.wished == wished {
            return;
        }
        (life.wished, life.thinning) = (wished, Arc::new(AtomicU32::new(1)));
        life.pictures = wishes.pictures.map(|request| {
            let depth = if self.seat.is_unhurried() { UNHURRIED } else { 1 };
            let (mailbox, receiver) = mailbox::with_depth(depth);
            let thinning = life.thinning.clone();
            let until = self.hearing.as_ref().map_or_else(Until::always, Hearing::until);
            let turn = self.turn.clone();
            turn.progress.begin();
            let tried = self.tried;
            let subscription =
                Subscription { request, looks_closer, thinning, mailbox, until, turn, tried };
            self.wishes.send_modify(|wishes| {
                wishes.retain(|old| !old.mailbox.is_closed());
                wishes.push(Arc::new(subscription));
            });
            receiver
        });
    }

    async fn on_signal(
        &mut self,
        life: &mut Life,
        signal: Signal<Analyzer>,
    ) -> Result<(), Trouble> {
        match self.seat.act(signal).await? {
            Acted::Nothing | Acted::Revived | Acted::Reconfigured => Ok(()),
            Acted::Seated(seated) => {
                self.seated(life, seated).await;
                Ok(())
            }
            Acted::Given(given) => self.took(life, given).await,
        }
    }

    /// Somebody else is in charge.
    async fn seated(&mut self, life: &mut Life, seated: Seated<wasm::Wishes>) {
        if !seated.continues {
            self.end_all(life).await;
            life.events = Lifecycle::new(Some(&self.camera), &self.name, seated.run);
            // It has seen nothing yet: a break is told with its first picture.
            life.breaks = None;
        }
        life.overruns = 0;
        self.wish(life, seated.wishes);
    }

    /// Looks at a picture, once it has heard what others say of it and what came before.
    async fn look(&mut self, life: &mut Life, frame: Frame, skipped: u32) -> Result<(), Trouble> {
        let time = frame.time;
        self.hear(life, Some(time)).await?;
        self.analyze(life, frame, skipped).await?;
        self.turn.progress.finish(time);
        Ok(())
    }

    async fn observe(&mut self, life: &mut Life, units: Vec<wasm::Unit>) -> Result<(), Trouble> {
        self.hear(life, units.iter().map(|unit| unit.time).max()).await?;
        self.give(life, Input::Units(units.into())).await
    }

    /// Tells it what was said up to a time; all of it without one.
    async fn hear(&mut self, life: &mut Life, until: Option<Timestamp>) -> Result<(), Trouble> {
        let Some(hearing) = &mut self.hearing else { return Ok(()) };
        let notices: Vec<Notice> = match until {
            Some(time) => hearing.before(time).await,
            None => hearing.all(),
        };
        life.events.heard(notices.iter().map(|notice| &notice.event));
        let latest = notices.iter().map(|notice| notice.event.time).max();
        match latest.filter(|_| self.seat.listens()) {
            Some(now) => self.give(life, Input::Events(notices.into(), now)).await,
            None => Ok(()),
        }
    }

    async fn analyze(
        &mut self,
        life: &mut Life,
        frame: Frame,
        skipped: u32,
    ) -> Result<(), Trouble> {
        let gap = life.breaks.replace(frame.breaks) != Some(frame.breaks);
        if gap {
            self.end_all(life).await;
        }
        let picture = wasm::Picture {
            sequence: frame.sequence,
            time: frame.time,
            width: frame.width,
            height: frame.height,
            skipped,
            key: frame.key,
            gap,
        };
        self.give(life, Input::Picture(picture, frame.pixels, frame.whole)).await
    }

    async fn give(&mut self, life: &mut Life, input: Input) -> Result<(), Trouble> {
        let given = self.seat.give(input).await?;
        self.took(life, given).await
    }

    async fn on_answer(&mut self, life: &mut Life, answer: Answer) -> Result<(), Trouble> {
        let message = wasm::Message::answer(answer, self.seat.now());
        self.give(life, Input::Message(Arc::new(message))).await
    }

    /// Does what was said, in order.
    async fn took(&mut self, life: &mut Life, given: Given<Analyzer>) -> Result<(), Trouble> {
        if let Some(reply) = given.last_words {
            self.said(life, reply).await;
        }
        if let Some(seated) = given.seated {
            self.seated(life, seated).await;
        }
        for reply in given.replies {
            self.said(life, reply).await;
        }
        given.trouble.map_or(Ok(()), Err)
    }

    async fn said(&mut self, life: &mut Life, reply: Reply<Analyzer>) {
        let events = match reply.said {
            Said::Answer(events) => events,
            Said::Declined(fault) => {
                tracing::debug!(camera = self.camera, plugin = self.name, "{fault}");
                return;
            }
        };
        self.thin(life, reply.stats);
        for event in self.seat.affordable(events) {
            if let Some(event) = life.events.accept(event, Instant::now()) {
                self.publish(event).await;
            }
        }
    }

    async fn end_all(&self, life: &mut Life) {
        for event in life.events.end_all() {
            self.publish(event).await;
        }
    }

    /// Fewer pictures for an analyzer that can't keep up, more again when it can.
    fn thin(&self, life: &mut Life, stats: CallStats) {
        if self.seat.is_unhurried() {
            return;
        }
        let now = Instant::now();
        let divisor = life.thinning.load(Ordering::Relaxed);
        if stats.overrun {
            life.overruns += 1;
            life.last_overrun = now;
            if life.overruns >= OVERRUNS_MAX {
                life.overruns = 0;
                life.thinning.store((divisor * 2).min(1 << 10), Ordering::Relaxed);
                tracing::warn!(
                    camera = self.camera,
                    plugin = self.name,
                    "too slow: its rate is halved"
                );
            }
        } else {
            life.overruns = 0;
            if divisor > 1 && now - life.last_overrun >= OVERRUN_MEMORY {
                life.last_overrun = now;
                life.thinning.store(divisor / 2, Ordering::Relaxed);
            }
        }
    }

    async fn publish(&self, event: Event) {
        let by = Publish { origin: &self.name, camera: &self.camera };
        if let Err(error) = self.bus.publish(by, event).await {
            tracing::warn!(camera = self.camera, plugin = self.name, "{}", error.chain());
        }
    }
}
