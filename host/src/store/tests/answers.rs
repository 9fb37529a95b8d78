//! Holds of several policies: against a model, and through the store.

use std::collections::BTreeMap;

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::{collection::vec, prop_assert_eq, proptest};

use super::super::answers::PATIENCE;
use super::super::index::edit::{Closing, Opening};
use super::super::index::retain::Ages;
use super::super::index::{Connection, answers, edit, retain};
use super::super::query::{Filter, Reader};
use super::super::{Answer, Judge, NewEvent, Outcome, Policy, Store, holds};
use super::*;
use crate::events::{Event, Phase};

/// What happens between sweeps; times are seconds. Policies are `a`, `b` and `c`.
#[derive(Clone, Debug)]
enum Step {
    Record {
        continuous: bool,
        fail_open: bool,
    },
    /// The policies of the configuration, by their digests: 0 is not configured, 1 can't be loaded.
    Appoint {
        digests: [u8; 3],
    },
    Speak {
        policy: usize,
        does: bool,
    },
    Answer {
        policy: usize,
        back: usize,
        keep: Option<u64>,
    },
    Wait {
        seconds: i64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let keep = prop_oneof![Just(None), Just(Some(0)), (1_u64..9000).prop_map(Some)];
    prop_oneof![
        3 => (any::<bool>(), any::<u8>())
            .prop_map(|(continuous, n)| Step::Record { continuous, fail_open: n % 8 == 0 }),
        2 => [0_u8..4, 0_u8..4, 0_u8..4].prop_map(|digests| Step::Appoint { digests }),
        2 => (0_usize..3, any::<bool>()).prop_map(|(policy, does)| Step::Speak { policy, does }),
        4 => (0_usize..3, 0_usize..6, keep)
            .prop_map(|(policy, back, keep)| Step::Answer { policy, back, keep }),
        2 => (1_i64..3000).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

/// What the camera is configured to keep.
const KEEP: i64 = 4000;
/// How long events are known.
const EVENTS: i64 = 5000;

struct Kept {
    sequence: u64,
    start: i64,
    end: i64,
    continuous: bool,
    fail_open: bool,
    /// By policy: the digest that answered last, and its answer.
    said: [Option<(u8, Option<u64>)>; 3],
}

/// The model: plain lists, looked through from the start each time.
struct Model {
    now: i64,
    digests: [u8; 3],
    /// By policy and digest: since when it does not answer.
    silent: BTreeMap<(usize, u8), Option<i64>>,
    segments: Vec<Kept>,
}

impl Model {
    fn is_held(&self, segment: &Kept) -> bool {
        let runs = |keep: i64| segment.end + keep > self.now;
        if runs(holds::GRACE.as_secs() as i64) {
            return true;
        }
        if !segment.continuous && !segment.fail_open {
            return false;
        }
        let policies: Vec<usize> = (0..3).filter(|policy| self.digests[*policy] > 0).collect();
        if segment.fail_open || policies.is_empty() {
            return runs(KEEP);
        }
        policies.into_iter().any(|policy| {
            let digest = self.digests[policy];
            let said = segment.said[policy];
            let waits = self.silent[&(policy, digest)]
                .is_none_or(|since| self.now < since + PATIENCE.as_secs() as i64);
            let awaited = said.is_none_or(|(by, _)| by != digest) && waits && digest > 1;
            let keep = said.and_then(|(_, keep)| keep).map_or(KEEP, |keep| keep as i64);
            awaited && segment.start + EVENTS > self.now || runs(keep)
        })
    }
}

fn policy(policy: usize, digest: u8) -> Policy {
    let name = ["a", "b", "c"][policy].to_owned();
    Policy { name, digest: (digest > 1).then(|| digest.to_string()) }
}

fn put(c: &Connection, sequence: u64, start: i64, end: i64, continuous: bool, fail_open: bool) {
    let opening = Opening {
        camera_id: 1,
        sequence,
        epoch: 0,
        start: at(start),
        place: PlaceId::MAIN,
        flags: row::Flags::default().with(row::Flags::FAIL_OPEN, fail_open),
        continuous: holds::Continuous { configured: continuous || fail_open, answered: None },
        codec: "h264".into(),
        width: 1,
        height: 1,
        audio: String::new(),
        head: None,
    };
    edit::opening(c, &opening).unwrap();
    let closing = Closing {
        end: at(end),
        bytes: 1,
        flags: row::Flags::default(),
        fragments: vec![],
        closed_at: at(end),
    };
    edit::close(c, 1, sequence, &closing).unwrap();
}

fn apply(c: &Connection, model: &mut Model, sequence: u64, step: Step) {
    match step {
        Step::Record { continuous, fail_open } => {
            let (start, end) = (model.now, model.now + 60);
            model.now = end;
            put(c, sequence, start, end, continuous, fail_open);
            let said = [None; 3];
            model.segments.push(Kept { sequence, start, end, continuous, fail_open, said });
        }
        Step::Appoint { digests } => {
            let named = (0..3).filter(|at| digests[*at] > 0).map(|at| policy(at, digests[at]));
            answers::appoint(c, 1, &named.collect::<Vec<_>>(), at(model.now)).unwrap();
            if digests != model.digests {
                // Who goes on judging goes on answering.
                let old = model.digests;
                for policy in (0..3).filter(|policy| digests[*policy] != old[*policy]) {
                    model.silent.insert((policy, digests[policy]), Some(model.now));
                }
                for segment in &mut model.segments {
                    // What nobody judges by any more is forgotten at the next sweep.
                    for policy in (0..3).filter(|policy| digests[*policy] == 0) {
                        segment.said[policy] = None;
                    }
                }
            }
            model.digests = digests;
        }
        Step::Speak { policy, does } => {
            let digest = model.digests[policy];
            let Some(judge) = judge(c, policy, digest) else { return };
            answers::set_silent(c, judge, (!does).then_some(at(model.now))).unwrap();
            let silent = model.silent.get_mut(&(policy, digest)).unwrap();
            *silent = if does { None } else { silent.or(Some(model.now)) };
        }
        Step::Answer { policy, back, keep } => {
            let Some(at) = model.segments.len().checked_sub(back + 1) else { return };
            let Some(judge) = judge(c, policy, model.digests[policy]) else { return };
            let segment = &mut model.segments[at];
            let sequence = segment.sequence;
            let said = Answer { sequence, keep: keep.map(Duration::from_secs) };
            answers::answer(c, judge, &[said]).unwrap();
            segment.said[policy] = Some((model.digests[policy], keep));
        }
        Step::Wait { seconds } => model.now += seconds,
    }
}

/// A policy that can be loaded.
fn judge(c: &Connection, policy: usize, digest: u8) -> Option<i64> {
    c.query_row(
        "SELECT id FROM judge WHERE policy = ?1 AND digest = ?2",
        [["a", "b", "c"][policy], &digest.to_string()],
        |row| row.get(0),
    )
    .ok()
    .filter(|_| digest > 1)
}

fn check(steps: Vec<Step>) -> Result<(), proptest::test_runner::TestCaseError> {
    let c = index::open(Path::new(":memory:")).unwrap();
    let silent = BTreeMap::new();
    let mut model = Model { now: 1000, digests: [0; 3], silent, segments: Vec::new() };
    edit::camera(&c, "gate", Some(Duration::from_secs(KEEP as u64)), None).unwrap();
    for (sequence, step) in (0..).zip(steps) {
        apply(&c, &mut model, sequence, step);
        while retain::recheck_some(&c).unwrap() {}
        let ages = Ages { now: at(model.now), events_since: at(model.now - EVENTS) };
        while retain::claim_due(&c, PlaceId::MAIN, ages, 3).unwrap().more {}
        model.segments = std::mem::take(&mut model.segments)
            .into_iter()
            .filter(|one| model.is_held(one))
            .collect();
        let held: Vec<u64> = model.segments.iter().map(|one| one.sequence).collect();
        let mut statement =
            c.prepare("SELECT sequence FROM segment WHERE state = 2 ORDER BY sequence").unwrap();
        let rows = statement.query_map([], |row| row.get::<_, i64>(0)).unwrap();
        let there: Vec<u64> = rows.map(|row| row.unwrap() as u64).collect();
        prop_assert_eq!(there, held);
    }
    Ok(())
}

proptest! {
    #[test]
    fn the_longest_hold_of_all_judges_counts(steps in vec(step(), 1..80)) {
        check(steps)?;
    }
}

/// A store at second 1000 with two continuous segments of a camera that keeps ten minutes, and one
/// that failed open.
async fn recorded(root: &Path, clock: &Arc<Hands>) -> Store {
    let (store, _) = open(root, clock);
    let mut closed = store.subscribe_closed();
    let (mut sink, _) = gate(&store, Some(600));
    for (sequence, seconds) in [(0, 0), (1, 10)] {
        record(&mut sink, sequence, seconds, 10, true).unwrap();
        closed.recv().await.unwrap();
    }
    sink.open(SegmentStart { fail_open: true, ..start(2, 20, true) }).unwrap();
    sink.append(2, fragment(20, 0)).unwrap();
    sink.close(2, end(21));
    closed.recv().await.unwrap();
    store
}

async fn appoint(store: &Store, digests: &[(&str, &str)]) -> Vec<Judge> {
    let policy = |(name, digest): &(&str, &str)| Policy {
        name: (*name).into(),
        digest: Some((*digest).into()),
    };
    store.judges("gate", digests.iter().map(policy).collect()).await.unwrap()
}

async fn asked(store: &Store, judge: Judge) -> Vec<u64> {
    let page = store.unjudged(judge, None).await.unwrap();
    assert_eq!(page.next, None);
    page.segments.iter().map(|one| one.sequence).collect()
}

async fn say(store: &Store, judge: Judge, sequence: u64, keep: u64) {
    let keep = Some(Duration::from_secs(keep));
    store.answer(judge, vec![Answer { sequence, keep }]).await.unwrap();
}

async fn left(store: &Store, root: &Path) -> Vec<u64> {
    store.sweep_now().await.unwrap();
    segments(root).iter().map(|one| one.sequence).collect()
}

#[tokio::test]
async fn a_changed_policy_is_asked_again_before_anything_goes() {
    let root = tempfile::tempdir().unwrap();
    let clock = Hands::at(30);
    let store = recorded(root.path(), &clock).await;
    let first = appoint(&store, &[("tiers", "1")]).await[0];
    store.judge_answers(first, true).await.unwrap();
    assert_eq!(asked(&store, first).await, [0, 1], "not what failed open");
    say(&store, first, 0, 200).await;
    say(&store, first, 1, 300).await;
    assert_eq!(asked(&store, first).await, [0; 0]);
    // Other parameters: whatever the old ones came to, nothing goes before the new have answered.
    let second = appoint(&store, &[("tiers", "2")]).await[0];
    store.judge_answers(second, true).await.unwrap();
    assert_eq!(asked(&store, second).await, [0, 1]);
    clock.set(700);
    assert_eq!(left(&store, root.path()).await, [0, 1], "what failed open is kept as configured");
    say(&store, second, 0, 100).await;
    say(&store, second, 1, 2000).await;
    assert_eq!(left(&store, root.path()).await, [1]);
    clock.set(2019);
    assert_eq!(left(&store, root.path()).await, [1]);
    clock.set(2020);
    assert_eq!(left(&store, root.path()).await, [0; 0]);
}

#[tokio::test]
async fn nobody_waits_for_ever_and_what_was_said_last_stands() {
    let root = tempfile::tempdir().unwrap();
    let clock = Hands::at(30);
    let store = recorded(root.path(), &clock).await;
    let first = appoint(&store, &[("tiers", "1")]).await[0];
    say(&store, first, 0, 200).await;
    say(&store, first, 1, 9000).await;
    let second = appoint(&store, &[("tiers", "2")]).await[0];
    store.judge_answers(second, true).await.unwrap();
    clock.set(1000);
    store.judge_answers(second, false).await.unwrap();
    clock.set(1000 + 3599);
    // Falling silent again does not make the wait longer.
    store.judge_answers(second, false).await.unwrap();
    assert_eq!(left(&store, root.path()).await, [0, 1]);
    clock.set(1000 + 3600);
    assert_eq!(left(&store, root.path()).await, [1], "by the answers of the first");
    clock.set(9020);
    assert_eq!(left(&store, root.path()).await, [0; 0]);
}

#[tokio::test]
async fn a_policy_that_is_gone_counts_no_more_and_one_that_cannot_be_loaded_does() {
    let root = tempfile::tempdir().unwrap();
    let clock = Hands::at(30);
    let store = recorded(root.path(), &clock).await;
    let judges = appoint(&store, &[("long", "1"), ("short", "1")]).await;
    for sequence in [0, 1] {
        say(&store, judges[0], sequence, 5000).await;
        say(&store, judges[1], sequence, 700).await;
    }
    clock.set(1000);
    assert_eq!(left(&store, root.path()).await, [0, 1], "the longer counts");
    store.judges("gate", vec![Policy { name: "long".into(), digest: None }]).await.unwrap();
    clock.set(4999);
    assert_eq!(left(&store, root.path()).await, [0, 1]);
    // One that comes back is asked again.
    let short = appoint(&store, &[("short", "1")]).await[0];
    assert_eq!(left(&store, root.path()).await, [0, 1]);
    say(&store, short, 0, 700).await;
    assert_eq!(left(&store, root.path()).await, [1]);
    store.judges("gate", vec![]).await.unwrap();
    assert_eq!(left(&store, root.path()).await, [0; 0], "as configured");
}

#[tokio::test]
async fn segments_are_asked_about_in_pages_with_their_events() {
    let root = tempfile::tempdir().unwrap();
    let clock = Hands::at(1000);
    let (store, _) = open(root.path(), &clock);
    let mut closed = store.subscribe_closed();
    let (mut sink, _) = gate(&store, None);
    for sequence in 0..20 {
        let seconds = sequence as i64 * 2;
        record(&mut sink, sequence, seconds, 2, sequence != 3).unwrap();
        closed.recv().await.unwrap();
    }
    for (id, seconds) in [("a", 4), ("b", 5), ("c", 6)] {
        let event = Event {
            id: id.into(),
            kind: "motion".into(),
            phase: Phase::Instant,
            time: at(seconds),
            confidence: 1.0,
            regions: vec![],
            cameras: vec!["gate".into()],
            correlation: None,
            attributes: vec![],
        };
        let (camera, origin) = ("gate".into(), "api".into());
        let new = NewEvent { event, camera, origin, received: at(7), outcome: Outcome::Accepted };
        store.event(new).await.unwrap();
    }
    let judge = appoint(&store, &[("tiers", "1")]).await[0];
    let page = store.unjudged(judge, None).await.unwrap();
    let sequences: Vec<u64> = page.segments.iter().map(|one| one.sequence).collect();
    let expected: Vec<u64> = (0..17).filter(|sequence| *sequence != 3).collect();
    assert_eq!((sequences, page.next), (expected, Some(16)), "only continuous video");
    assert_eq!(page.segments[2].events, [("motion".to_owned(), 2)]);
    let rest = store.unjudged(judge, page.next).await.unwrap();
    assert_eq!((rest.segments.len(), rest.next), (3, None));
    // What happened in it is forgotten with its events.
    clock.set(90 * 86_400 + 35);
    let page = store.unjudged(judge, None).await.unwrap();
    assert_eq!(page.segments[0].sequence, 18);
}

#[tokio::test]
async fn a_camera_that_is_gone_is_listed_and_kept_as_it_was() {
    let root = tempfile::tempdir().unwrap();
    let clock = Hands::at(30);
    let store = recorded(root.path(), &clock).await;
    let judge = appoint(&store, &[("tiers", "1")]).await[0];
    say(&store, judge, 0, 9000).await;
    say(&store, judge, 1, 200).await;
    store.shutdown().await;
    // The configuration names another camera now.
    let (store, _) = open(root.path(), &clock);
    let _yard = store.camera("yard", CameraSettings::default()).unwrap();
    clock.set(500);
    assert_eq!(left(&store, root.path()).await, [0, 2]);
    let listed = Reader::open(root.path()).unwrap().recordings(&Filter::default()).unwrap();
    let listed: Vec<_> = listed.iter().map(|one| (&*one.camera, one.segments)).collect();
    assert_eq!(listed, [("gate", 1), ("gate", 1)]);
    clock.set(621);
    assert_eq!(left(&store, root.path()).await, [0]);
    clock.set(9010);
    assert_eq!(left(&store, root.path()).await, [0; 0]);
}
