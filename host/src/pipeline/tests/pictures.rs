//! Decoding for analyzers: shared, newest first, thinned, and told when nothing can be seen.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use tokio::sync::watch;

use super::{CAMERA, scene, video};
use crate::analyze::gate::Until;
use crate::analyze::mailbox::{self, Receiver};
use crate::analyze::pictures::{Frame, Pictures, Subscription, Turn};
use crate::base::Timestamp;
use crate::base::metrics::Metrics;
use crate::decode::{Fit, PixelFormat};
use crate::ingest::{Gap, GapReason, Item, VideoUnit, queue};
use crate::wasm::standing::{Asker, Standing, standing};
use crate::wasm::{Lane, Pace, PictureRequest};

/// Every picture, so wide at most.
fn wish(max_width: u32, pace: Pace, thinning: u32) -> (Arc<Subscription>, Receiver<Frame>) {
    let request = PictureRequest {
        format: PixelFormat::Gray8,
        max_width,
        max_height: 48,
        fit: Fit::Preserve,
        pace,
    };
    let (mailbox, frames) = mailbox::mailbox();
    let thinning = Arc::new(AtomicU32::new(thinning));
    let (until, turn) = (Until::always(), Turn::default());
    let looks_closer = false;
    let tried = false;
    let subscription =
        Subscription { request, looks_closer, thinning, mailbox, until, turn, tried };
    (Arc::new(subscription), frames)
}

/// The same for a candidate.
fn tried(max_width: u32, pace: Pace) -> (Arc<Subscription>, Receiver<Frame>) {
    let (wish, frames) = wish(max_width, pace, 1);
    let wish = Arc::into_inner(wish).expect("nobody else has it yet");
    (Arc::new(Subscription { tried: true, ..wish }), frames)
}

/// All units go through, then `end`. Gives how the sight was last.
async fn run(wishes: &[Arc<Subscription>], units: Vec<VideoUnit>, end: Option<Gap>) -> Asker {
    let metrics = Metrics::default();
    let options = queue::Options {
        camera: CAMERA.into(),
        edge: "decode",
        bytes_max: 4 << 20,
        when_full: queue::WhenFull::SkipToKey,
    };
    let (mut packets, queued) = queue::channel(options, &metrics);
    for item in units.into_iter().map(Item::Video).chain(end.map(Item::Gap)) {
        packets.send(item);
    }
    drop(packets);
    let (wishing, wished) = watch::channel(Vec::new());
    wishing.send_replace(wishes.to_vec());
    let (sight, asker) = standing();
    let pictures = Pictures {
        camera: CAMERA.into(),
        packets: queued,
        wishes: wished,
        video: watch::channel(None).0,
        sight,
        is_second: true,
        lane: Lane::inline("test"),
        metrics,
    };
    pictures.run().await;
    asker
}

#[tokio::test(start_paused = true)]
async fn equal_wishes_share_one_picture_and_the_newest_wins() {
    let (one, first) = wish(64, Pace::Every, 1);
    let (same, second) = wish(64, Pace::Every, 1);
    let (other, third) = wish(32, Pace::Every, 1);
    let sight = run(&[one, same, other], scene(20, Timestamp::ZERO), None).await;
    let (first, skipped) = first.take().await.unwrap();
    let (second, _) = second.take().await.unwrap();
    let (third, _) = third.take().await.unwrap();
    assert!(Arc::ptr_eq(&first.pixels, &second.pixels));
    assert_eq!((first.width, first.height, third.width), (64, 48, 32));
    assert_eq!((first.sequence, third.sequence), (second.sequence, second.sequence));
    assert!(skipped >= 15, "{skipped} were replaced");
    assert_eq!(*sight.borrow(), Standing::Running);
}

#[tokio::test(start_paused = true)]
async fn a_slow_analyzer_gets_fewer_but_never_less_than_one_a_second() {
    // Five seconds of ten a second.
    for (thinning, expected) in [(1, 40..=50), (2, 20..=30), (5, 8..=13), (1024, 4..=7)] {
        let (wish, frames) = wish(64, Pace::Fps(10.0), thinning);
        let _sight = run(&[wish], scene(50, Timestamp::ZERO), None).await;
        let (_, skipped) = frames.take().await.unwrap();
        assert!(expected.contains(&(skipped + 1)), "one in {thinning}: {}", skipped + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_told_when_analyzers_see_nothing() {
    let gap = Gap { reason: GapReason::Offline, detail: "refused".into() };
    let mut unreadable = scene(20, Timestamp::ZERO);
    let nonsense = video(&[1, 2, 3]);
    unreadable.iter_mut().for_each(|unit| unit.parameters = nonsense.clone());
    for (units, end, why) in [
        (scene(20, Timestamp::ZERO), Some(gap), "the stream for analysis is away: refused"),
        (unreadable, None, "no picture can be decoded"),
    ] {
        let (wish, _frames) = wish(64, Pace::Every, 1);
        let sight = run(&[wish], units, end).await;
        let Standing::Down { reason } = sight.borrow().clone() else { panic!("{sight:?}") };
        assert!(reason.contains(why), "{reason}");
    }
}

/// Twenty pictures, a key frame every ten.
#[tokio::test(start_paused = true)]
async fn nothing_is_decoded_for_a_candidate_alone() {
    let (wish, frames) = wish(64, Pace::KeyFrames, 1);
    let (candidate, shown) = tried(32, Pace::Every);
    let _sight = run(&[wish, candidate], scene(20, Timestamp::ZERO), None).await;
    let (_, skipped) = frames.take().await.unwrap();
    let (frame, missed) = shown.take().await.unwrap();
    assert_eq!((skipped, missed, frame.width), (1, 1, 32));
    // Where nobody else looks, it is shown what it wishes.
    let (candidate, shown) = tried(32, Pace::Every);
    let _sight = run(&[candidate], scene(20, Timestamp::ZERO), None).await;
    assert!(shown.take().await.unwrap().1 >= 15);
}
