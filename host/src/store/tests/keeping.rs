//! Retention against a model, and what happens when the disk runs full.

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::{collection::vec, prop_assert_eq, proptest};

use super::super::holds::Rank;
use super::super::index::edit::{Closing, Opening};
use super::super::index::retain::Ages;
use super::super::index::{Connection, answers, edit, retain, spans};
use super::super::{Answer, Limit, Policy, Reason, Store, holds};
use super::*;
use crate::policy::Span;

/// What happens between sweeps; times are seconds.
#[derive(Clone, Debug)]
enum Step {
    Record { length: i64, pause: i64, continuous: bool },
    Ask { id: u8, start: i64, length: i64, keep: Option<u64> },
    Answer { back: usize, keep: Option<u64> },
    Configure { keep: Option<u64> },
    Wait { seconds: i64 },
}

fn keep() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![Just(None), Just(Some(0)), (1_u64..900).prop_map(Some)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1_i64..90, 0_i64..20, any::<bool>())
            .prop_map(|(length, pause, continuous)| Step::Record { length, pause, continuous }),
        2 => (any::<u8>(), -200_i64..60, 0_i64..120, keep())
            .prop_map(|(id, start, length, keep)| Step::Ask { id: id % 8, start, length, keep }),
        1 => (0_usize..9, keep()).prop_map(|(back, keep)| Step::Answer { back, keep }),
        1 => keep().prop_map(|keep| Step::Configure { keep }),
        2 => (1_i64..400).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

/// The model: plain lists, looked through from the start each time.
#[derive(Default)]
struct Model {
    now: i64,
    keep: Option<u64>,
    /// Sequence, start, end, closed, continuous, answer.
    segments: Vec<(u64, i64, i64, i64, bool, Option<u64>)>,
    spans: Vec<(u8, i64, i64, Option<u64>)>,
}

impl Model {
    /// A sealed span is only made longer.
    fn ask(&mut self, id: u8, start: i64, end: i64, keep: Option<u64>) {
        let known = self.spans.iter().position(|one| one.0 == id).map(|at| self.spans.remove(at));
        let sealed = known.filter(|(_, _, end, _)| self.now > end + 60);
        self.spans.push(match sealed {
            None => (id, start, end, keep),
            Some((_, from, to, kept)) => {
                let until = |keep: Option<u64>| match keep.or(self.keep) {
                    _ if keep == Some(0) => 0,
                    None => u64::MAX,
                    Some(keep) => keep + 1,
                };
                let longer = if until(keep) > until(kept) { keep } else { kept };
                (id, start.min(from), end.max(to), longer)
            }
        });
    }

    fn is_held(&self, segment: &(u64, i64, i64, i64, bool, Option<u64>)) -> bool {
        let (_, start, end, closed, continuous, answer) = *segment;
        let runs =
            |end: i64, keep: Option<u64>| keep.is_none_or(|keep| end + keep as i64 > self.now);
        let by_span = self.spans.iter().any(|(_, from, to, keep)| {
            from < to
                && *from < end
                && start < *to
                && *keep != Some(0)
                && runs(*to, keep.or(self.keep))
        });
        let grace = closed + holds::GRACE.as_secs() as i64 > self.now;
        grace || by_span || (continuous && runs(end, answer.or(self.keep)))
    }
}

fn check(steps: Vec<Step>) -> Result<(), proptest::test_runner::TestCaseError> {
    let c = index::open(Path::new(":memory:")).unwrap();
    let mut model = Model { now: 1000, ..Model::default() };
    edit::camera(&c, "gate", None, None).unwrap();
    // Nobody waits for a policy that can't be loaded: who does is tested in `answers.rs`.
    answers::appoint(&c, 1, &[Policy { name: "p".into(), digest: None }], at(0)).unwrap();
    for (sequence, step) in (0..).zip(steps) {
        apply(&c, &mut model, sequence, step);
        while retain::recheck_some(&c).unwrap() {}
        let ages = Ages { now: at(model.now), events_since: at(0) };
        while retain::claim_due(&c, PlaceId::MAIN, ages, 3).unwrap().more {}
        let held: Vec<u64> =
            model.segments.iter().filter(|one| model.is_held(one)).map(|one| one.0).collect();
        model.segments.retain(|one| held.contains(&one.0));
        let mut statement =
            c.prepare("SELECT sequence FROM segment WHERE state = 2 ORDER BY sequence").unwrap();
        let rows = statement.query_map([], |row| row.get::<_, i64>(0)).unwrap();
        let there: Vec<u64> = rows.map(|row| row.unwrap() as u64).collect();
        prop_assert_eq!(there, held);
    }
    Ok(())
}

fn apply(c: &Connection, model: &mut Model, sequence: u64, step: Step) {
    let length = |keep: Option<u64>| keep.map(Duration::from_secs);
    match step {
        Step::Record { length, pause, continuous } => {
            let start = model.now + pause;
            model.now = start + length;
            put(c, sequence, start, model.now, continuous);
            model.segments.push((sequence, start, model.now, model.now, continuous, None));
        }
        Step::Ask { id, start, length: long, keep } => {
            let (start, end) = (model.now + start, model.now + start + long);
            let span = Span {
                id: id.to_string(),
                camera: "gate".into(),
                policy: "p".into(),
                start: at(start),
                end: at(end),
                keep: length(keep),
                label: String::new(),
                because: vec![],
                correlation: None,
            };
            if spans::put(c, &span, at(model.now)).is_ok() {
                model.ask(id, start, end, keep);
            }
        }
        Step::Answer { back, keep } => {
            let Some(at) = model.segments.len().checked_sub(back + 1) else { return };
            let segment = &mut model.segments[at];
            if segment.4 {
                let said = Answer { sequence: segment.0, keep: length(keep) };
                answers::answer(c, 1, &[said]).unwrap();
                segment.5 = keep;
            }
        }
        Step::Configure { keep } => {
            model.keep = keep;
            edit::camera(c, "gate", length(keep), None).unwrap();
        }
        Step::Wait { seconds } => model.now += seconds,
    }
}

fn put(c: &Connection, sequence: u64, start: i64, end: i64, continuous: bool) {
    let configured = holds::Continuous::CONFIGURED;
    let opening = Opening {
        camera_id: 1,
        sequence,
        epoch: 0,
        start: at(start),
        place: PlaceId::MAIN,
        flags: row::Flags::default(),
        continuous: if continuous { configured } else { holds::Continuous::NO },
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

proptest! {
    #[test]
    fn exactly_what_is_held_is_kept(steps in vec(step(), 1..60)) {
        check(steps)?;
    }
}

async fn sweep(store: &Store) -> (usize, u64) {
    let swept = store.sweep_now().await.unwrap();
    (swept.segments, swept.bytes)
}

#[tokio::test]
async fn a_sweep_deletes_files_rows_and_empty_days() {
    let root = tempfile::tempdir().unwrap();
    let clock = Hands::at(20);
    let (store, _) = open(root.path(), &clock);
    let (mut closed, mut deleted) = (store.subscribe_closed(), store.subscribe_deleted());
    let (mut sink, _) = gate(&store, Some(600));
    record(&mut sink, 0, 0, 5, true).unwrap();
    record(&mut sink, 1, 5, 5, false).unwrap();
    let bytes = closed.recv().await.unwrap().bytes;
    closed.recv().await.unwrap();
    assert_eq!(sweep(&store).await, (0, 0));
    let policy = Policy { name: "p".into(), digest: Some("1".into()) };
    let judge = store.judges("gate", vec![policy]).await.unwrap()[0];
    let minute = Answer { sequence: 0, keep: Some(Duration::from_secs(60)) };
    let gone = Answer { sequence: 9, keep: None };
    store.answer(judge, vec![gone, minute]).await.unwrap();
    clock.set(20 + 120);
    assert_eq!(sweep(&store).await, (2, 2 * bytes));
    let said = deleted.recv().await.unwrap();
    assert_eq!((said.sequence, said.reason), (0, Reason::Expired));
    check_agreement(root.path(), "swept");
    assert!(segments(root.path()).is_empty());
    assert!(!root.path().join("gate/2025").exists());
    record(&mut sink, 2, 300, 5, true).unwrap();
    assert_eq!(closed.recv().await.unwrap().sequence, 2);
}

#[tokio::test]
async fn a_full_disk_loses_continuous_video_before_spans() {
    let root = tempfile::tempdir().unwrap();
    let fs = Faulty::new(Fault::None);
    fs.set_free(50 << 30);
    let config = StoreConfig { free_floor: FreeFloor::Default, ..config(root.path()) };
    let (store, _) =
        Store::open(config, Arc::new(fs.clone()), Hands::at(50), Metrics::default()).unwrap();
    let (mut closed, mut deleted) = (store.subscribe_closed(), store.subscribe_deleted());
    let (mut sink, _) = gate(&store, None);
    let span = Span {
        id: "s".into(),
        camera: "gate".into(),
        policy: "p".into(),
        start: at(2),
        end: at(3),
        keep: None,
        label: String::new(),
        because: vec![],
        correlation: None,
    };
    store.span(span).await.unwrap();
    for (sequence, seconds) in [(0, 0), (1, 5), (2, 10)] {
        record(&mut sink, sequence, seconds, 5, true).unwrap();
        closed.recv().await.unwrap();
    }
    assert!(deleted.try_recv().is_err(), "there is room");
    // 5 % of 100 GiB, less one byte: each time it is measured, something must go.
    fs.set_free((5 << 30) - 1);
    let full = |rank| Reason::Room(Limit::Floor, rank);
    for (sequence, rank) in [(1, Rank::Continuous), (2, Rank::Continuous), (0, Rank::Span)] {
        let said = deleted.recv().await.unwrap();
        assert_eq!((said.sequence, said.reason), (sequence, full(rank)));
    }
}
