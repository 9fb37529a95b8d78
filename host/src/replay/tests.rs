//! Replays: the same as live, the same each time, and what fails them.

mod prompt;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use prompt::Prompt;

use super::diff::{Diff, Sides};
use super::recorded::{self, Wanted};
use super::report::Report;
use super::{Outcome, Plan, Seat, Segment, run};
use crate::base::clock::{Clock, Simulated};
use crate::base::metrics::Metrics;
use crate::base::{Kind, Result, Timestamp};
use crate::config::Chain;
use crate::events::{Bus, Event, Notice, Phase, Publish};
use crate::policy::Span;
use crate::policy::floors::Floors;
use crate::policy::spans::Reach;
use crate::policy::stage::Stage;
use crate::policy::terms::Terms;
use crate::seat;
use crate::store::holds::Until;
use crate::store::kept::Kept;
use crate::store::query::Reader;
use crate::store::{self, CameraSettings, FreeFloor, Records, Store, StoreConfig};
use crate::wasm::standing::standing;
use crate::wasm::{self, Engine, InstanceConfig, Lane, Plugin};

const CAMERA: &str = "gate";
const DAY: Duration = Duration::from_secs(86_400);

fn start() -> Timestamp {
    Timestamp::from_millis(1_763_800_000_000)
}

fn at(seconds: f64) -> Timestamp {
    start().offset((seconds * 1e6) as i64)
}

fn engine() -> Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(None).unwrap()).clone()
}

fn seat(name: &str, bytes: &[u8], params: &Value) -> Seat {
    let plugin = Plugin::load(&engine(), name, bytes).unwrap();
    let params = plugin.params(params).unwrap();
    Seat { name: name.into(), plugin, params, chain: Chain::default() }
}

fn pre_post(params: &Value) -> Seat {
    seat("keep", wasm::bundled("policy-pre-post").unwrap(), params)
}

fn guest(name: &str) -> Seat {
    seat("keep", &wasm::guests::component(name), &Value::Null)
}

fn event(number: usize, time: Timestamp) -> Event {
    Event {
        id: format!("gate/door/{number}"),
        kind: "door.opened".into(),
        phase: Phase::Instant,
        time,
        confidence: 1.0,
        regions: Vec::new(),
        cameras: vec![CAMERA.into()],
        correlation: None,
        attributes: Vec::new(),
    }
}

/// Events of a door that were received at these times, each so long after it happened.
fn notices(times: &[(f64, f64)]) -> Vec<Notice> {
    (1..)
        .zip(times)
        .map(|(number, (received, late))| Notice {
            event: event(number, at(received - late)),
            camera: CAMERA.into(),
            origin: "door".into(),
            received: at(*received),
            sequence: number as u64,
        })
        .collect()
}

fn plan(policy: Seat, notices: Vec<Notice>) -> Plan {
    Plan {
        camera: CAMERA.into(),
        zone: TimeZone::UTC,
        keep: 7 * DAY,
        keep_max: None,
        hears: Vec::new(),
        start: start(),
        end: at(1000.0),
        run_on: Duration::from_secs(10),
        notices,
        messages: Vec::new(),
        films: Vec::new(),
        segments: Vec::new(),
        cut: None,
        source: None,
        analyzers: Vec::new(),
        policies: vec![policy],
    }
}

/// Files of a minute, each of a megabyte.
fn minutes(count: u64) -> Vec<Segment> {
    (0..count)
        .map(|number| Segment {
            sequence: number + 1,
            start: at(number as f64 * 60.0),
            end: at(number as f64 * 60.0 + 60.0),
            bytes: 1_000_000,
            gap_before: false,
            asked: true,
            held: Until::NEVER,
        })
        .collect()
}

async fn replay(plan: Plan) -> Result<Outcome> {
    run(plan, CancellationToken::new()).await
}

fn edges(spans: &[Span]) -> Vec<(Timestamp, Timestamp)> {
    spans.iter().map(|span| (span.start, span.end)).collect()
}

#[tokio::test]
async fn recorded_events_are_judged_again_at_the_time_of_their_receipt() {
    let policy = pre_post(&json!({
        "evaluation-window": 1, "offset": -5, "minimum": 20, "maximum": 40
    }));
    // The vectors of the activation arithmetic, far enough apart; to the microsecond.
    let heard = notices(&[
        (100.0, 0.0),
        (200.0, 0.0),
        (200.6, 1.4),
        (300.0, 0.0),
        (301.000_001, 1.8),
        (400.0, 0.0),
        (425.0, 7.0),
    ]);
    let outcome = replay(plan(policy, heard)).await.unwrap();
    assert_eq!(outcome.repeated, 7);
    assert_eq!(
        edges(&outcome.spans),
        [
            (at(95.0), at(120.0)),
            (at(194.2), at(220.0)),
            // One microsecond too late to move it.
            (at(295.0), at(320.0)),
            (at(395.0), at(438.0)),
        ]
    );
}

#[tokio::test]
async fn two_replays_are_the_same_byte_for_byte() {
    let mut random = fastrand::Rng::with_seed(11);
    let mut times: Vec<(f64, f64)> =
        (0..400).map(|_| (random.f64() * 900.0, random.f64() * 3.0)).collect();
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    let params = json!({ "before": "4s", "after": "1500ms", "keep-continuous": "2d" });
    let plan = Plan { segments: minutes(15), ..plan(pre_post(&params), notices(&times)) };
    let mut texts = Vec::new();
    for _ in 0..2 {
        let outcome = replay(plan.clone()).await.unwrap();
        assert!(outcome.spans.len() > 20, "{}", outcome.spans.len());
        let report = Report::new(&plan, outcome, start(), at(1000.0));
        texts.push(serde_json::to_string(&report).unwrap());
    }
    assert_eq!(texts[0], texts[1]);
}

#[tokio::test]
async fn what_is_continuous_is_asked_about_and_kept_as_answered() {
    let params = json!({ "before": "5s", "after": "20s", "keep": "30d", "keep-continuous": "2d" });
    let plan = Plan {
        segments: minutes(40),
        end: at(2400.0),
        ..plan(pre_post(&params), notices(&[(90.0, 0.0)]))
    };
    let outcome = replay(plan.clone()).await.unwrap();
    assert_eq!(outcome.answers.len(), 40);
    assert!(outcome.answers.iter().all(|(_, said)| *said == [Some(2 * DAY)]));
    let report = Report::new(&plan, outcome, start(), at(2400.0));
    let day = &report.days[0];
    assert_eq!(
        (day.bytes, day.continuous_bytes, day.span_bytes),
        (40_000_000, 40_000_000, 1_000_000)
    );
    assert_eq!(day.first_until, Some(Until::At(at(60.0) + 2 * DAY)));
    assert_eq!(day.last_until, Some(Until::At(at(110.0) + 30 * DAY)));
    assert_eq!((report.spans[0].bytes, report.spans[0].recorded_seconds), (1_000_000, 25.0));
}

#[tokio::test]
async fn a_fault_fails_the_replay_and_says_when() {
    for (name, said) in [("policy-traps", "keep"), ("policy-loops", "processor time")] {
        let error = replay(plan(guest(name), notices(&[(40.0, 0.0)]))).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Refuse);
        let text = error.chain();
        assert!(text.contains(said) && text.contains("2025-11-22T08:2"), "{name}: {text}");
    }
}

#[tokio::test]
async fn a_replay_can_be_ended() {
    let cancel = CancellationToken::new();
    cancel.cancel();
    let policy = pre_post(&json!({ "before": "5s", "after": "20s" }));
    let error = run(plan(policy, notices(&[(1.0, 0.0)])), cancel).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Stop);
}

/// The policy `keep` of the camera, as it sits live.
fn sits(seat: &Seat, bus: &Bus, clock: &Arc<dyn Clock>) -> seat::Seat<wasm::Policy> {
    let lane = Lane::inline("test");
    let shared = seat::Shared {
        aside: lane.clone(),
        vault: seat::Vault::new(None),
        bus: bus.clone(),
        clock: clock.clone(),
    };
    seat::Seat::new(seat::Post {
        camera: CAMERA.into(),
        name: "keep".into(),
        offer: Some(seat::Offer { plugin: seat.plugin.clone(), params: seat.params.clone() }),
        instance: InstanceConfig {
            name: "keep".into(),
            camera: Some(CAMERA.into()),
            zone: TimeZone::UTC,
            metrics: Metrics::default(),
            memory_bytes: None,
            services: wasm::Services::default(),
            proving: false,
        },
        lane,
        standing: standing().0,
        facts: watch::channel(seat::Facts::default()).0,
        orders: seat::orders().1,
        shared,
    })
}

/// A store in which a policy judges live.
struct Live {
    directory: tempfile::TempDir,
    store: Arc<Store>,
    clock: Arc<Simulated>,
}

impl Live {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(Simulated::starting_at(start()));
        let config = StoreConfig {
            sync_interval: Duration::ZERO,
            free_floor: FreeFloor::Bytes(0),
            ..StoreConfig::new(directory.path().join("store"))
        };
        let disk = Arc::new(store::fs::Disk);
        let (store, _) = Store::open(config, disk, clock.clone(), Metrics::default()).unwrap();
        store.camera(CAMERA, CameraSettings::default()).unwrap();
        Self { directory, store: Arc::new(store), clock }
    }

    /// Has `seat` judge a door that opens at random.
    async fn judge(&self, seat: &Seat) {
        let clock: Arc<dyn Clock> = self.clock.clone();
        let prompt: Arc<dyn Records> = Arc::new(Prompt(self.store.clone()));
        let (bus, _) = Bus::new(prompt.clone(), clock.clone(), Metrics::default());
        bus.add_camera(CAMERA);
        let heard = bus.listen(CAMERA, "keep", &[]);
        let known = store::Policy { name: "keep".into(), digest: Some("1".into()) };
        let judge = self.store.judges(CAMERA, vec![known]).await.unwrap()[0];
        let stage = Stage {
            camera: CAMERA.into(),
            name: "keep".into(),
            digest: String::new(),
            seat: sits(seat, &bus, &clock),
            heard,
            bus: bus.clone(),
            store: prompt,
            judge,
            spans: mpsc::channel(1).0,
            reach: Reach::default(),
            clock,
            unsaved: VecDeque::new(),
            floors: Floors::default(),
            terms: Terms::default(),
            open: None,
        };
        let shutdown = CancellationToken::new();
        let task = stage.run(shutdown.clone());
        let script = async {
            let mut random = fastrand::Rng::with_seed(5);
            for number in 0..120 {
                tokio::time::sleep(Duration::from_millis(random.u64(1..20_000))).await;
                let happened = self.clock.wall() - Duration::from_millis(random.u64(0..4_000));
                let by = Publish { origin: "door", camera: CAMERA };
                bus.publish(by, event(number, happened)).await.unwrap();
            }
            tokio::time::sleep(Duration::from_secs(60)).await;
            shutdown.cancel();
        };
        tokio::join!(task, script);
    }
}

#[tokio::test(start_paused = true)]
async fn a_replay_decides_as_was_decided_live_and_another_policy_otherwise() {
    let params = json!({ "before": "5s", "after": "8s", "longest": "40s" });
    let live = Live::new();
    let seat = pre_post(&params);
    live.judge(&seat).await;
    let to = live.clock.wall() + Duration::from_secs(1);
    let reader = Reader::open(&live.directory.path().join("store")).unwrap();
    let anew: BTreeSet<String> = ["keep".to_owned()].into();
    let wanted = Wanted {
        camera: CAMERA,
        from: start(),
        to,
        anew: anew.clone(),
        keep: 7 * DAY,
        neighbours: Vec::new(),
        video: false,
    };
    let found = recorded::load(&reader, &wanted).unwrap();
    assert_eq!(found.notices.len(), 120);
    let plan = |seat| Plan { start: found.start, end: to, ..plan(seat, found.notices.clone()) };
    let facts = |spans: &[Span]| {
        let facts = |span: &Span| {
            let Span { start, end, keep, label, because, .. } = span.clone();
            (start, end, keep, label, because)
        };
        spans.iter().map(facts).collect::<Vec<_>>()
    };
    let outcome = replay(plan(seat)).await.unwrap();
    assert!(found.kept.spans.len() > 20, "{}", found.kept.spans.len());
    assert_eq!(facts(&outcome.spans), facts(&found.kept.spans));
    let same = diff(&outcome, &found.kept, &anew, to);
    assert!(same.more.ranges.is_empty() && same.lost.ranges.is_empty(), "{same:?}");

    let shorter = pre_post(&json!({ "before": "2s", "after": "8s", "longest": "40s" }));
    let outcome = replay(plan(shorter)).await.unwrap();
    let other = diff(&outcome, &found.kept, &anew, to);
    assert!(other.more.ranges.is_empty() && other.lost.seconds > 30.0, "{other:?}");
}

fn diff(outcome: &Outcome, kept: &Kept, replaced: &BTreeSet<String>, to: Timestamp) -> Diff {
    Diff::new(&Sides { outcome, kept, replaced, keep: 7 * DAY }, start(), to)
}
