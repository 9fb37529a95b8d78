//! Gives what is to be told to the bus, in order, and looks in the index for what is to be told
//! of spans. Waits for the index; nobody waits for it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::spans::{self, Newest, Step};
use super::{Files, Saying, say};
use crate::base::Timestamp;
use crate::base::clock::Clock;
use crate::events::{Bus, Event};
use crate::store::{Mark, Store, StoredGap, UntoldSpan};

/// How often spans are looked at, and what the index did not take is offered again.
const TICK: Duration = Duration::from_secs(1);

/// A file that did not grow for so long says nothing of what is to come.
const FRESH: Duration = Duration::from_secs(10);

/// Gaps remembered, so that one that is found again in the index is not told again.
const GAPS_KNOWN: usize = 1024;

/// The telling half.
pub(in crate::pipeline) struct Teller {
    store: Arc<Store>,
    bus: Bus,
    clock: Arc<dyn Clock>,
    queue: mpsc::Receiver<Saying>,
    files: Files,
    /// Camera and start of gaps that were told, and whether their end was.
    gaps: VecDeque<(String, Timestamp, bool)>,
    /// It was said that the index takes nothing.
    refused: bool,
}

impl Teller {
    pub(super) fn new(
        store: Arc<Store>,
        bus: Bus,
        clock: Arc<dyn Clock>,
        queue: mpsc::Receiver<Saying>,
        files: Files,
    ) -> Self {
        Self { store, bus, clock, queue, files, gaps: VecDeque::new(), refused: false }
    }

    /// Tells until all who say something are gone. From `shutdown` on nothing is tried twice.
    pub(in crate::pipeline) async fn run(mut self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                saying = self.queue.recv() => match saying {
                    Some(saying) => self.tell(saying, &shutdown).await,
                    None => break,
                },
                _ = ticks.tick() => self.look_at_spans(false).await,
            }
        }
        self.look_at_spans(true).await;
    }

    async fn tell(&mut self, saying: Saying, shutdown: &CancellationToken) {
        match saying {
            Saying::Event { camera, event } => self.store(&camera, event, shutdown).await,
            Saying::Gap(gap) => self.gap(&gap, shutdown).await,
            Saying::CatchUp { cameras, since } => {
                for camera in cameras {
                    match self.store.gaps_since(&camera, since).await {
                        Ok(gaps) => {
                            for gap in gaps {
                                self.gap(&gap, shutdown).await;
                            }
                        }
                        Err(error) => tracing::warn!(camera, "{}", error.chain()),
                    }
                }
            }
        }
    }

    async fn gap(&mut self, gap: &StoredGap, shutdown: &CancellationToken) {
        let same =
            |known: &&mut (String, Timestamp, bool)| known.0 == gap.camera && known.1 == gap.start;
        let known = self.gaps.iter_mut().find(same);
        let is_known = known.is_some();
        match known {
            Some((_, _, ended)) if *ended || gap.end.is_none() => return,
            Some((_, _, ended)) => *ended = true,
            None => {
                if self.gaps.len() >= GAPS_KNOWN {
                    self.gaps.pop_front();
                }
                self.gaps.push_back((gap.camera.clone(), gap.start, gap.end.is_some()));
            }
        }
        self.store(&gap.camera, say::gap(gap, is_known), shutdown).await;
    }

    /// Stores an event, as soon as the index takes it.
    async fn store(&mut self, camera: &str, event: Event, shutdown: &CancellationToken) {
        loop {
            let Err(error) = self.bus.note(camera, Some(event.clone()), None).await else {
                self.refused = false;
                return;
            };
            if !std::mem::replace(&mut self.refused, true) || shutdown.is_cancelled() {
                tracing::warn!(camera, kind = event.kind, "sign of life: {}", error.chain());
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }

    /// Tells what can be told of spans now.
    async fn look_at_spans(&mut self, ending: bool) {
        let untold = match self.store.untold().await {
            Ok(untold) => untold,
            Err(error) => {
                if !std::mem::replace(&mut self.refused, true) {
                    tracing::warn!("signs of life of spans: {}", error.chain());
                }
                return;
            }
        };
        for one in untold {
            if self.step(one, ending).await.is_err() {
                return;
            }
        }
    }

    /// Tells of one span, step by step.
    async fn step(&mut self, mut one: UntoldSpan, ending: bool) -> Result<(), ()> {
        let camera = one.span.camera.clone();
        let newest = self.newest(&camera);
        while !one.told.available {
            let now = self.clock.wall();
            let Some((step, after)) = spans::next(&one, newest.as_ref(), now, ending) else {
                return Ok(());
            };
            let event = say::span(&one, &step, now);
            let mark = Mark { span: one.span.id.clone(), before: one.told, after };
            match self.bus.note(&camera, event, Some(mark)).await {
                // It has changed meanwhile: the next look tells.
                Ok(None) if step != Step::Nothing => return Ok(()),
                Ok(_) => one.told = after,
                Err(error) => {
                    if !std::mem::replace(&mut self.refused, true) {
                        tracing::warn!(camera, "sign of life of a span: {}", error.chain());
                    }
                    return Err(());
                }
            }
        }
        Ok(())
    }

    fn newest(&self, camera: &str) -> Option<Newest> {
        let files = self.files.lock().expect("no panic under this lock");
        let heard = files.get(camera)?;
        let is_fresh = Instant::now().saturating_duration_since(heard.at) < FRESH;
        Some(Newest { is_fresh, ..heard.newest.clone() })
    }
}
