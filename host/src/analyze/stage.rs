//! One analyzer on one camera: pictures and events of others in, events out, rebuilt when it faults.

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
use crate::base::Timestamp;
use crate::base::clock::{Clock, sleep_until};
use crate::base::limits;
use crate::events::lifecycle::Lifecycle;
use crate::events::{Bus, Event, Notice, Publish};
use crate::fetch::{self, Answer, Answers};
use crate::ingest::VideoParameters;
use crate::wasm::standing::Standing;
use crate::wasm::supervise::{After, End, Guest, Said, Supervisor, Trouble};
use crate::wasm::{self, Analyzer, CallStats, Lane, Plugin};

/// So many overruns in a row halve the analyzer's rate.
const OVERRUNS_MAX: u32 = 3;

/// Where time stands still while an analyzer looks (see [`Lane::is_unhurried`]) it gets every picture:
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
    /// Its component and manifest.
    pub plugin: Plugin,
    /// What an instance is made with.
    pub instance: wasm::InstanceConfig,
    /// What `init` gets, but for the video, which is not known yet.
    pub setup: wasm::Setup,
    /// Where its calls run.
    pub lane: Lane,
    /// What it wants to see goes here.
    pub wishes: Wishes,
    /// What the stream is, once known.
    pub video: watch::Receiver<Option<Arc<VideoParameters>>>,
    /// Access units of the recorded stream, in batches; only if it asks for them.
    pub units: Option<mpsc::Receiver<Vec<wasm::Unit>>>,
    /// What it hears of those it comes after; `None`: it comes after nobody.
    pub hearing: Option<Hearing>,
    /// Its place among the camera's analyzers.
    pub turn: Turn,
    /// Answers to what it asks.
    pub answers: Answers,
    /// Where its events go.
    pub bus: Bus,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
}

/// One life of an instance.
struct Life {
    analyzer: Guest<Analyzer>,
    events: Lifecycle,
    pictures: Option<mailbox::Receiver<Frame>>,
    thinning: Arc<AtomicU32>,
    breaks: Option<u64>,
    overruns: u32,
    last_overrun: Instant,
}

impl Stage {
    /// Serves the camera until shutdown.
    pub async fn run(mut self, mut supervisor: Supervisor, shutdown: CancellationToken) {
        loop {
            let end = self.run_once(&supervisor, &shutdown).await;
            match supervisor.after(end, &shutdown).await {
                After::Rebuild => {}
                After::Quarantined | After::Shutdown => return,
            }
        }
    }

    async fn run_once(&mut self, supervisor: &Supervisor, shutdown: &CancellationToken) -> End {
        if self.video.borrow().is_none() {
            supervisor.tell(Standing::Waiting);
        }
        let known = tokio::select! {
            biased;
            () = shutdown.cancelled() => return End::Shutdown,
            known = self.video.wait_for(Option::is_some) => known.ok().and_then(|video| video.clone()),
        };
        let Some(video) = known else { return End::Shutdown };
        let mut life = match self.begin(&video).await {
            Ok(life) => life,
            Err(trouble) => return End::Trouble(trouble),
        };
        supervisor.tell(Standing::Running);
        let end = self.serve(&mut life, shutdown).await;
        for event in life.events.end_all() {
            self.publish(event).await;
        }
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
                units = next(self.units.as_mut()) => match units {
                    None => return End::Shutdown,
                    Some(units) => self.observe(life, units).await,
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
        let now = self.clock.wall();
        let (plugin, instance) = (self.plugin.clone(), self.instance.clone());
        let mut setup = self.setup.clone();
        setup.video = Some(wasm::Video {
            codec: video.rfc6381.clone(),
            width: video.width,
            height: video.height,
            fps: 0.0,
        });
        let make = move || Analyzer::new(&plugin, instance, &setup, now);
        let (analyzer, wishes) = Guest::make(&self.lane, make).await?;
        if !wishes.units {
            self.units = None;
        }
        let thinning = Arc::new(AtomicU32::new(1));
        let pictures = wishes.pictures.map(|request| {
            let depth = if self.lane.is_unhurried() { UNHURRIED } else { 1 };
            let (sender, receiver) = mailbox::with_depth(depth);
            let until = self.hearing.as_ref().map_or_else(Until::always, Hearing::until);
            let (thinning, turn) = (thinning.clone(), self.turn.clone());
            turn.progress.begin();
            let looks_closer = self.plugin.grants().crop;
            let subscription =
                Subscription { request, looks_closer, thinning, mailbox: sender, until, turn };
            self.wishes.send_modify(|wishes| {
                wishes.retain(|old| !old.mailbox.is_closed());
                wishes.push(Arc::new(subscription));
            });
            receiver
        });
        Ok(Life {
            analyzer,
            events: Lifecycle::new(Some(&self.camera), &self.name, now),
            pictures,
            thinning,
            breaks: None,
            overruns: 0,
            last_overrun: Instant::now(),
        })
    }

    /// Looks at a picture, once it has heard what others say of it and what came before.
    async fn look(&mut self, life: &mut Life, frame: Frame, skipped: u32) -> Result<(), Trouble> {
        let time = frame.time;
        self.hear(life, Some(time)).await?;
        self.analyze(life, frame, skipped).await?;
        self.turn.progress.finish(time);
        Ok(())
    }

    /// Tells it what was said up to a time; all of it without one.
    async fn hear(&mut self, life: &mut Life, until: Option<Timestamp>) -> Result<(), Trouble> {
        let Some(hearing) = &mut self.hearing else { return Ok(()) };
        let notices = match until {
            Some(time) => hearing.before(time).await,
            None => hearing.all(),
        };
        self.listen(life, notices).await
    }

    async fn listen(&self, life: &mut Life, notices: Vec<Notice>) -> Result<(), Trouble> {
        life.events.heard(notices.iter().map(|notice| &notice.event));
        if notices.is_empty() || !self.plugin.listens() {
            return Ok(());
        }
        let said = life
            .analyzer
            .call(move |analyzer| {
                let events = analyzer.on_events(&notices)?;
                Ok((events, analyzer.last_call()))
            })
            .await?;
        self.said(life, said).await;
        Ok(())
    }

    async fn analyze(&self, life: &mut Life, frame: Frame, skipped: u32) -> Result<(), Trouble> {
        let gap = life.breaks.replace(frame.breaks) != Some(frame.breaks);
        if gap {
            for event in life.events.end_all() {
                self.publish(event).await;
            }
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
        let said = life
            .analyzer
            .call(move |analyzer| {
                let events = analyzer.analyze_whole(picture, &frame.pixels, frame.whole)?;
                Ok((events, analyzer.last_call()))
            })
            .await?;
        self.said(life, said).await;
        Ok(())
    }

    async fn observe(&mut self, life: &mut Life, units: Vec<wasm::Unit>) -> Result<(), Trouble> {
        let last = units.iter().map(|unit| unit.time).max();
        self.hear(life, last).await?;
        let said = life
            .analyzer
            .call(move |analyzer| {
                let events = analyzer.observe(&units)?;
                Ok((events, analyzer.last_call()))
            })
            .await?;
        self.said(life, said).await;
        Ok(())
    }

    async fn on_answer(&self, life: &mut Life, answer: Answer) -> Result<(), Trouble> {
        let message = wasm::Message::answer(answer, self.clock.wall());
        let said = life
            .analyzer
            .call(move |analyzer| {
                let events = analyzer.on_message(&message)?;
                Ok((events, analyzer.last_call()))
            })
            .await?;
        self.said(life, said).await;
        Ok(())
    }

    async fn said(&self, life: &mut Life, said: Said<(Vec<Event>, CallStats)>) {
        let (events, stats) = match said {
            Said::Answer(said) => said,
            Said::Declined(fault) => {
                tracing::debug!(camera = self.camera, plugin = self.name, "{fault}");
                return;
            }
        };
        self.thin(life, stats);
        let now = Instant::now();
        for event in events {
            if let Some(event) = life.events.accept(event, now) {
                self.publish(event).await;
            }
        }
    }

    /// Fewer pictures for an analyzer that can't keep up, more again when it can.
    fn thin(&self, life: &mut Life, stats: CallStats) {
        if self.lane.is_unhurried() {
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

async fn take(pictures: Option<&mailbox::Receiver<Frame>>) -> Option<(Frame, u32)> {
    match pictures {
        Some(pictures) => pictures.take().await,
        None => std::future::pending().await,
    }
}

async fn something(hearing: Option<&mut Hearing>) {
    match hearing {
        Some(hearing) => hearing.some().await,
        None => std::future::pending().await,
    }
}

async fn next(units: Option<&mut mpsc::Receiver<Vec<wasm::Unit>>>) -> Option<Vec<wasm::Unit>> {
    match units {
        Some(units) => units.recv().await,
        None => std::future::pending().await,
    }
}
