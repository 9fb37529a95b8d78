//! Notices that a camera delivers what is to be recorded, and nothing of it reaches the disk.
//!
//! Takes what the recorder's task and the store show; gives an event, a line in the log and what
//! health shows. Waits for nobody: a disk that hangs is what it is for.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::life::Voice;
use super::residents::{Residents, View};
use super::{camera_events, status};
use crate::base::Timestamp;
use crate::base::clock::Clock;
use crate::base::metrics::{self, Metrics};
use crate::events::{Attribute, Event, Phase, Value};
use crate::store::News;

/// So long may a camera deliver without anything reaching the disk; longer where syncs are rare.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long nothing may reach the disk that is synced so often.
pub(super) fn patience(sync: Duration) -> Duration {
    PATIENCE.max(sync.saturating_mul(2))
}

/// How often it is looked.
const TICK: Duration = Duration::from_secs(1);

/// The kind of its event.
const KIND: &str = "recording.stalled";

/// What is known of a camera at a moment.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// It delivers, and what it delivers is to be recorded.
    is_due: bool,
    /// When something of it reached the disk last.
    written: Option<Instant>,
}

/// What becomes of a camera's recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// Nothing has reached the disk for too long.
    Stalled,
    /// That is over.
    Over,
}

/// One camera.
#[derive(Debug)]
struct Dog {
    patience: Duration,
    /// Since when something is due.
    due_since: Option<Instant>,
    stalled_since: Option<Instant>,
}

impl Dog {
    fn new(patience: Duration) -> Self {
        Self { patience, due_since: None, stalled_since: None }
    }

    fn observe(&mut self, seen: Seen, now: Instant) -> Option<Change> {
        if !seen.is_due {
            self.due_since = None;
            return self.stalled_since.take().map(|_| Change::Over);
        }
        let due = *self.due_since.get_or_insert(now);
        let last = seen.written.map_or(due, |written| written.max(due));
        match self.stalled_since {
            Some(since) if seen.written.is_some_and(|written| written >= since) => {
                self.stalled_since = None;
                Some(Change::Over)
            }
            None if now - last >= self.patience => {
                self.stalled_since = Some(now);
                Some(Change::Stalled)
            }
            _ => None,
        }
    }
}

/// A camera that is watched.
pub(super) struct Watched {
    camera: String,
    /// What the recorder's task shows, and others read.
    shown: Arc<Mutex<status::Connection>>,
    dog: Dog,
    written: Option<Instant>,
    begun: Timestamp,
}

impl Watched {
    pub(super) fn new(
        camera: &str,
        shown: Arc<Mutex<status::Connection>>,
        patience: Duration,
    ) -> Self {
        let camera = camera.into();
        Self { camera, shown, dog: Dog::new(patience), written: None, begun: Timestamp::ZERO }
    }

    /// What is to be told, and `/healthz` and `/metrics` with it.
    fn look(&mut self, now: Instant, wall: Timestamp, metrics: &Metrics) -> Option<Event> {
        let mut shown = self.shown.lock().expect("no panic under this lock");
        let is_due = shown.connected && shown.wanted;
        let change = self.dog.observe(Seen { is_due, written: self.written }, now);
        let stalled = self.dog.stalled_since.is_some();
        shown.stalled = stalled;
        let is_fresh = self.written.is_some_and(|written| now - written < self.dog.patience);
        shown.recording = shown.recording_file && is_fresh;
        let label = metrics::Camera { camera: self.camera.clone() };
        metrics.recording.get_or_create(&label).set(shown.recording.into());
        metrics.stalled.get_or_create(&label).set(stalled.into());
        drop(shown);
        let change = change?;
        Some(self.tell(change, is_due, wall))
    }

    /// It is watched no longer: what was told of it is over.
    fn leave(&mut self, wall: Timestamp) -> Option<Event> {
        self.dog.stalled_since.take()?;
        Some(self.tell(Change::Over, false, wall))
    }

    fn tell(&mut self, change: Change, is_due: bool, wall: Timestamp) -> Event {
        let phase = match change {
            Change::Stalled => {
                self.begun = wall;
                tracing::error!(
                    camera = self.camera,
                    seconds = self.dog.patience.as_secs(),
                    "the camera delivers what is to be recorded, and nothing reaches the disk"
                );
                Phase::Begin
            }
            Change::Over => {
                tracing::info!(camera = self.camera, is_due, "no longer stalled");
                Phase::End
            }
        };
        let reason = match change {
            Change::Stalled => "nothing-written",
            Change::Over if is_due => "written",
            Change::Over => "not-wanted",
        };
        let text = Attribute { key: "reason".into(), value: Value::Text(reason.into()) };
        let id = format!("{}/host/{KIND}/{}", self.camera, self.begun.micros());
        Event { phase, ..camera_events::instant(id, KIND, wall, vec![text]) }
    }
}

/// Watches those who are there now; gives those who are gone, or were made anew.
fn follow(cameras: &mut Vec<Watched>, here: &Residents, patience: Duration) -> Vec<Watched> {
    let mut old = std::mem::take(cameras);
    for camera in &here.camera_status {
        let known = old.iter().position(|one| Arc::ptr_eq(&one.shown, &camera.connection));
        let watched = known.map(|at| old.swap_remove(at));
        cameras.push(watched.unwrap_or_else(|| camera.watched(patience)));
    }
    old
}

/// Watches who is there, until `shutdown`.
pub(super) async fn watch(
    mut residents: View,
    patience: Duration,
    mut news: broadcast::Receiver<News>,
    voice: Voice,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    shutdown: CancellationToken,
) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut cameras = Vec::new();
    follow(&mut cameras, &residents.borrow_and_update(), patience);
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            news = news.recv() => match news {
                Ok(News::Grown(grown)) => {
                    let mut all = cameras.iter_mut();
                    if let Some(watched) = all.find(|one| one.camera == grown.camera) {
                        watched.written = Some(Instant::now());
                    }
                }
                // What comes next says the same.
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            },
            Ok(()) = residents.changed() => {
                let gone = follow(&mut cameras, &residents.borrow_and_update(), patience);
                for mut watched in gone {
                    if let Some(event) = watched.leave(clock.wall()) {
                        voice.say(&watched.camera, event);
                    }
                }
            }
            _ = ticks.tick() => {
                let (now, wall) = (Instant::now(), clock.wall());
                for watched in &mut cameras {
                    if let Some(event) = watched.look(now, wall, &metrics) {
                        voice.say(&watched.camera, event);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_barks_once_and_only_where_something_is_due() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let (due, idle) = (true, false);
        for (name, steps) in [
            ("nothing is due", vec![(0, idle, None, None), (60, idle, None, None)]),
            (
                "it flows",
                vec![(0, due, None, None), (9, due, Some(9), None), (18, due, Some(18), None)],
            ),
            (
                "nothing ever came",
                vec![
                    (0, due, None, None),
                    (9, due, None, None),
                    (10, due, None, Some(Change::Stalled)),
                    (99, due, None, None),
                    (100, due, Some(100), Some(Change::Over)),
                    (109, due, Some(100), None),
                    (110, due, Some(100), Some(Change::Stalled)),
                    (111, idle, Some(100), Some(Change::Over)),
                ],
            ),
            (
                "what was written long ago does not count when something falls due",
                vec![
                    (0, due, Some(0), None),
                    (1, idle, Some(0), None),
                    (60, due, Some(0), None),
                    (69, due, Some(0), None),
                    (70, due, Some(0), Some(Change::Stalled)),
                ],
            ),
        ] {
            let mut dog = Dog::new(patience(Duration::from_secs(2)));
            for (second, is_due, written, expected) in steps {
                let seen = Seen { is_due, written: written.map(at) };
                assert_eq!(dog.observe(seen, at(second)), expected, "{name}, at {second} s");
            }
        }
        assert_eq!(patience(Duration::from_secs(60)), Duration::from_secs(120));
    }

    #[tokio::test(start_paused = true)]
    async fn what_it_sees_is_told_and_shown() {
        let shown = Arc::new(Mutex::new(status::Connection::default()));
        let (news, heard) = broadcast::channel(8);
        let (voice, mut said) = Voice::listened();
        let clock = Arc::new(crate::base::clock::Simulated::starting_at(Timestamp::from_millis(9)));
        let shutdown = CancellationToken::new();
        let metrics = Metrics::default();
        let here = |connection| {
            let (name, fail_open) = ("gate".into(), tokio::sync::watch::channel(None).1);
            let camera = status::Camera { name, mode: "both", connection, fail_open };
            Arc::new(Residents { camera_status: vec![camera], ..Residents::default() })
        };
        let (view, residents) = tokio::sync::watch::channel(here(shown.clone()));
        let (token, figures) = (shutdown.clone(), metrics.clone());
        let task = watch(residents, PATIENCE, heard, voice, clock, figures, token);
        let script = async {
            (shown.lock().unwrap().connected, shown.lock().unwrap().wanted) = (true, true);
            let begin = said.recv().await.unwrap();
            assert_eq!((begin.kind.as_str(), begin.phase), ("recording.stalled", Phase::Begin));
            assert!(shown.lock().unwrap().stalled);
            assert!(metrics.text().contains("wardline_stalled{camera=\"gate\"} 1"));
            let grown = crate::store::Grown {
                camera: "gate".into(),
                sequence: 1,
                epoch: 0,
                start: Timestamp::ZERO,
                end: Timestamp::from_millis(1),
                continuous: true,
                fail_open: false,
            };
            shown.lock().unwrap().recording_file = true;
            news.send(News::Grown(grown)).unwrap();
            let end = said.recv().await.unwrap();
            assert_eq!((&end.id, end.phase), (&begin.id, Phase::End));
            assert_eq!(end.attributes[0].value, Value::Text("written".into()));
            {
                let shown = shown.lock().unwrap();
                assert!(!shown.stalled && shown.recording);
            }
            // Stalled again, it is made anew.
            assert_eq!(said.recv().await.unwrap().phase, Phase::Begin);
            view.send_replace(here(Arc::default()));
            let end = said.recv().await.unwrap();
            assert_eq!((end.phase, end.kind.as_str()), (Phase::End, "recording.stalled"));
            shutdown.cancel();
        };
        tokio::join!(task, script);
    }
}
