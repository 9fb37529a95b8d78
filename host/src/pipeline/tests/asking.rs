//! Policies are asked how long to keep closed segments: new ones, and those from before they
//! changed; several on a camera, each for itself.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{CAMERA, Place, bundled, guest, video};
use crate::base::Timestamp;
use crate::events::Heard;
use crate::policy::stage::Stage;
use crate::record::{SegmentEnd, SegmentStart, Sink};
use crate::store::holds::Until;
use crate::store::query::Filter;
use crate::store::{self, CameraSink, Judge};
use crate::wasm::standing::{Asker, Standing};
use crate::wasm::{Plugin, Setup};

const DAY: Duration = Duration::from_secs(86_400);

/// Records a second of continuous video as one closed segment; gives its end.
async fn record(place: &Place, sink: &mut CameraSink, sequence: u64) -> Timestamp {
    let start = place.now() - Duration::from_secs(100 - sequence);
    let mut closed = place.store.subscribe_closed();
    sink.open(SegmentStart {
        sequence,
        start,
        epoch: 0,
        video: video(&[]),
        audio: None,
        leading: false,
        no_key_start: false,
        continuous: true,
        fail_open: false,
        header: Bytes::from_static(b"\0\0\0\x08ftyp\0\0\0\x08moov"),
    })
    .unwrap();
    let end = start + Duration::from_secs(1);
    sink.append(
        sequence,
        crate::record::Fragment {
            data: Bytes::from_static(b"\0\0\0\x08moof\0\0\0\x08mdat"),
            start_ticks: 0,
            end,
            samples: 25,
            key: true,
            damaged: false,
        },
    )
    .unwrap();
    sink.close(sequence, SegmentEnd { end, trailer: crate::record::trailer(&[]) });
    assert_eq!(closed.recv().await.unwrap().sequence, sequence);
    end
}

/// One policy's stage, the queue to it, and how it fares.
struct Judging {
    stage: Stage,
    queue: mpsc::Sender<Heard>,
    standing: Asker,
}

fn judging(place: &Place, name: &str, judge: Judge, policy: (Plugin, Setup)) -> Judging {
    let (queue, heard) = mpsc::channel(8);
    let spans = mpsc::channel(8).0;
    let (stage, standing, _) = place.stage((name, judge), policy, place.bus(), heard, spans);
    Judging { stage, queue, standing }
}

fn keeps(days: &str) -> (Plugin, Setup) {
    bundled("policy-pre-post", &json!({ "keep-continuous": days }))
}

async fn appoint(place: &Place, names: &[(&str, &str)]) -> Vec<Judge> {
    let policy = |(name, digest): &(&str, &str)| store::Policy {
        name: (*name).into(),
        digest: Some((*digest).into()),
    };
    place.store.judges(CAMERA, names.iter().map(policy).collect()).await.unwrap()
}

/// Until when the continuous video of the camera is kept, its last part.
fn kept(place: &Place) -> Until {
    let recordings = place.reader().recordings(&Filter::default()).unwrap();
    recordings.iter().flat_map(|one| &one.holds).map(|hold| hold.until).max().unwrap()
}

/// Waits until nothing is left to ask.
async fn all_answered(place: &Place, judges: &[Judge]) {
    for _ in 0..5000 {
        let asked = judges.iter().map(|judge| place.store.unjudged(*judge, None));
        let pages = futures::future::try_join_all(asked).await.unwrap();
        if pages.iter().all(|page| page.segments.is_empty()) {
            return;
        }
    }
    panic!("something is left to ask");
}

#[tokio::test(start_paused = true)]
async fn of_two_policies_the_longer_counts_and_a_changed_one_is_asked_again() {
    let mut place = Place::new();
    let mut sink = place.sink.take().unwrap();
    let end = record(&place, &mut sink, 0).await;
    assert_eq!(kept(&place), Until::Forever, "as configured, until somebody has answered");
    for (digests, days, most, expected) in [
        ([("a", "1"), ("b", "1")], ["3d", "7d"], None, 7),
        ([("a", "1"), ("b", "2")], ["3d", "2d"], None, 3),
        ([("a", "2"), ("b", "2")], ["30d", "2d"], None, 30),
        ([("a", "3"), ("b", "2")], ["90d", "2d"], Some(DAY * 60), 60),
    ] {
        let judges = appoint(&place, &digests).await;
        let [mut one, two] =
            [0, 1].map(|at| judging(&place, digests[at].0, judges[at], keeps(days[at])));
        one.stage.terms.keep_max = most;
        let shutdown = CancellationToken::new();
        let script = async {
            all_answered(&place, &judges).await;
            shutdown.cancel();
        };
        tokio::join!(one.stage.run(shutdown.clone()), two.stage.run(shutdown.clone()), script);
        assert_eq!(kept(&place), Until::At(end + DAY * expected), "{days:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_closed_is_asked_about_also_when_a_notice_was_missed() {
    let mut place = Place::new();
    let mut sink = place.sink.take().unwrap();
    let judges = appoint(&place, &[("a", "1")]).await;
    let one = judging(&place, "a", judges[0], keeps("3d"));
    let (shutdown, mut standing) = (CancellationToken::new(), one.standing.clone());
    let script = async {
        standing.wait_for(|standing| *standing == Standing::Running).await.unwrap();
        record(&place, &mut sink, 0).await;
        // Nobody tells it of this one.
        let end = record(&place, &mut sink, 1).await;
        one.queue.send(Heard::Closed).await.unwrap();
        all_answered(&place, &judges).await;
        shutdown.cancel();
        assert_eq!(kept(&place), Until::At(end + DAY * 3));
    };
    tokio::join!(one.stage.run(shutdown.clone()), script);
}

/// It costs one instance, not each that comes after it.
#[tokio::test(start_paused = true)]
async fn a_question_that_traps_is_not_asked_again() {
    let mut place = Place::new();
    let mut sink = place.sink.take().unwrap();
    record(&place, &mut sink, 0).await;
    let judges = appoint(&place, &[("a", "1")]).await;
    let policy = (guest("policy-traps-when-asked"), Setup::default());
    let one = judging(&place, "a", judges[0], policy);
    let (shutdown, mut standing) = (CancellationToken::new(), one.standing.clone());
    let script = async {
        standing.wait_for(|standing| matches!(standing, Standing::Down { .. })).await.unwrap();
        standing.wait_for(|standing| *standing == Standing::Running).await.unwrap();
        all_answered(&place, &judges).await;
        shutdown.cancel();
    };
    tokio::join!(one.stage.run(shutdown.clone()), script);
    assert_eq!(kept(&place), Until::Forever, "as configured");
}
