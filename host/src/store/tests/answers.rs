//! Holds of several policies: against a model, and through the store.

use std::collections::BTreeMap;

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::{collection::vec, prop_assert_eq, proptest};

use super::super::answers::PATIENCE;
use super::super::index::edit::{Closing, Opening};
use super::super::index::{Connection, answers, edit, retain};
use super::super::{Answer, Policy, holds};
use super::*;

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
        flags: row::Flags::default().with(row::Flags::FAIL_OPEN, fail_open),
        continuous: if continuous || fail_open {
            holds::Continuous::CONFIGURED
        } else {
            holds::Continuous::NO
        },
        codec: "h264".into(),
        width: 1,
        height: 1,
        audio: String::new(),
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
                for policy in 0..3 {
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
    edit::camera(&c, "gate", Some(Duration::from_secs(KEEP as u64))).unwrap();
    for (sequence, step) in (0..).zip(steps) {
        apply(&c, &mut model, sequence, step);
        while retain::claim_due(&c, at(model.now), at(model.now - EVENTS), 3).unwrap().1 {}
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
