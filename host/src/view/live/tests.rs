//! Many viewers of one stream: each piece is made once, and nobody waits for anybody.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, advance};

use super::*;
use crate::base::Timestamp;
use crate::ingest::tap::Inlet;
use crate::ingest::{Access, Codec, Gap, GapReason, Item, VideoParameters};

/// Ten pictures a second.
const PICTURE: i64 = 9000;

/// A camera made of numbers, and the live view of it.
struct Scene {
    live: Live,
    inlet: Inlet,
    parameters: Arc<VideoParameters>,
    metrics: Metrics,
    sent: i64,
    /// How far the camera's clock is ahead, in milliseconds.
    drift: i64,
}

fn parameters(version: u8) -> Arc<VideoParameters> {
    Arc::new(VideoParameters {
        codec: Codec::H264,
        width: 640,
        height: 480,
        rfc6381: "avc1.4d401f".into(),
        sample_entry: Bytes::from(vec![version; 16]),
        decoder_config: Bytes::new(),
    })
}

impl Scene {
    fn new() -> Self {
        let (metrics, tasks) = (Metrics::default(), Tasks::new());
        let live = Live::new(&metrics, &tasks);
        let main = Tap::new("gate", &metrics);
        let inlet = main.inlet();
        live.add("gate", Streams { main, second: None });
        Self { live, inlet, parameters: parameters(0), metrics, sent: 0, drift: 0 }
    }

    /// Sends the next picture of `size` bytes, a key frame every second, at its time.
    async fn picture(&mut self, size: usize) {
        advance(Duration::from_millis(100)).await;
        let access = if self.sent % 10 == 0 { Access::Key } else { Access::Reference };
        self.send(access, size);
        self.sent += 1;
        settle().await;
    }

    fn send(&self, access: Access, size: usize) {
        self.inlet.show(&Item::Video(VideoUnit {
            parameters: self.parameters.clone(),
            session: 0,
            epoch: 0,
            pts: self.sent * PICTURE,
            time: Timestamp::from_millis(1_000_000 + self.sent * 100 + self.drift),
            arrived: Instant::now(),
            access,
            damaged: false,
            data: Bytes::from(vec![self.sent as u8; size]),
        }));
    }

    async fn pictures(&mut self, count: usize, size: usize) {
        for _ in 0..count {
            self.picture(size).await;
        }
    }

    async fn watch(&self) -> Viewer {
        self.live.watch("gate", Stream::Main).await.unwrap()
    }
}

/// Lets the other tasks do what they can.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// All that a viewer can have now: of each piece its bytes.
async fn had(viewer: &mut Viewer) -> Vec<Bytes> {
    let mut all = Vec::new();
    while let Ok(piece) = tokio::time::timeout(Duration::ZERO, viewer.next()).await {
        let Some(piece) = piece else { break };
        all.push(piece);
    }
    all
}

/// The numbers of the pictures in some pieces.
fn numbers(pieces: &[Bytes]) -> Vec<u8> {
    let of = |piece: &Bytes| {
        let mut at = piece.windows(4).position(|kind| kind == b"mdat").unwrap() + 4;
        let mut found = Vec::new();
        while let Some(number) = piece.get(at) {
            let run = piece[at..].iter().take_while(|byte| *byte == number).count();
            found.push(*number);
            at += run;
        }
        found
    };
    pieces.iter().flat_map(of).collect()
}

#[tokio::test(start_paused = true)]
async fn a_viewer_begins_at_the_newest_key_frame_at_once() {
    let mut scene = Scene::new();
    scene.pictures(26, 100).await;
    let before = Instant::now();
    let mut viewer = scene.watch().await;
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!(viewer.head().codecs(), "avc1.4d401f");
    assert_eq!(viewer.zero(), Timestamp::from_millis(1_002_000));
    assert_eq!(numbers(&had(&mut viewer).await), [20, 21, 22, 23, 24, 25]);
    scene.picture(100).await;
    assert_eq!(numbers(&had(&mut viewer).await), [26]);
    // One who comes later begins later, on the same line of time.
    scene.pictures(10, 100).await;
    let mut second = scene.watch().await;
    assert_eq!(second.zero(), viewer.zero());
    assert_eq!(numbers(&had(&mut second).await), [30, 31, 32, 33, 34, 35, 36]);
}

#[tokio::test(start_paused = true)]
async fn all_viewers_share_the_bytes_and_none_waits_for_another() {
    let mut scene = Scene::new();
    scene.pictures(10, 100).await;
    let mut readers = Vec::new();
    let mut others = Vec::new();
    for number in 0..20 {
        let viewer = scene.watch().await;
        if number % 2 == 0 { readers.push(viewer) } else { others.push(viewer) }
    }
    let mut seen: Vec<Vec<Bytes>> = vec![Vec::new(); readers.len()];
    for _ in 0..100 {
        scene.picture(100).await;
        for (viewer, seen) in readers.iter_mut().zip(&mut seen) {
            seen.extend(had(viewer).await);
        }
    }
    let all: Vec<u8> = (0..110).collect();
    for one in &seen {
        assert_eq!(numbers(one), all);
        let same = one.iter().zip(&seen[0]).all(|(one, first)| one.as_ptr() == first.as_ptr());
        assert!(same, "one piece is one allocation");
    }
    // Who never read gets what is new, from a key frame on.
    for viewer in &mut others {
        let pieces = had(viewer).await;
        assert_eq!(numbers(&pieces), (100..110).collect::<Vec<u8>>());
    }
    let edge = crate::base::metrics::Edge { camera: "gate".into(), edge: "view" };
    assert!(scene.metrics.drops.get_or_create(&edge).get() > 0);
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded_whatever_the_groups_are_like() {
    let mut scene = Scene::new();
    scene.pictures(10, 100).await;
    let mut viewer = scene.watch().await;
    // One group far above the bound: what is too old of it goes, and nobody is sent half of it.
    for _ in 0..40 {
        scene.send(Access::Reference, 2 << 20);
        scene.sent += 1;
        settle().await;
    }
    let numbers = numbers(&had(&mut viewer).await);
    assert!(numbers.is_empty(), "{numbers:?}");
    scene.sent = 60;
    scene.pictures(3, 100).await;
    assert_eq!(self::numbers(&had(&mut viewer).await), [60, 61, 62]);
}

#[tokio::test(start_paused = true)]
async fn a_gap_and_other_parameters_end_the_answer() {
    let mut scene = Scene::new();
    scene.pictures(16, 100).await;
    let mut viewer = scene.watch().await;
    scene.inlet.show(&Item::Gap(Gap { reason: GapReason::Silent, detail: String::new() }));
    settle().await;
    assert_eq!(numbers(&had(&mut viewer).await), [10, 11, 12, 13, 14, 15]);
    assert!(viewer.next().await.is_none(), "the end comes once, and stays");
    assert!(viewer.next().await.is_none());
    let early = scene.live.watch("gate", Stream::Main).await;
    assert_eq!(early.err(), Some(Refusal::NothingComes));
    scene.sent = 20;
    scene.pictures(7, 100).await;
    let mut viewer = scene.watch().await;
    scene.parameters = parameters(1);
    scene.sent = 30;
    scene.pictures(7, 100).await;
    let mut next = scene.watch().await;
    assert_eq!(numbers(&had(&mut viewer).await), [20, 21, 22, 23, 24, 25, 26]);
    assert!(viewer.next().await.is_none());
    assert_eq!(numbers(&had(&mut next).await), [30, 31, 32, 33, 34, 35, 36]);
    assert_ne!(viewer.head().data, next.head().data);
    // The camera goes: so do those who look at it.
    scene.live.remove("gate");
    settle().await;
    assert!(next.next().await.is_none());
    let gone = scene.live.watch("gate", Stream::Main).await;
    assert_eq!(gone.err(), Some(Refusal::NoCamera));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_done_while_nobody_looks() {
    let mut scene = Scene::new();
    let wanted = scene.live.streams("gate").unwrap().main.wanted();
    scene.pictures(20, 100).await;
    assert!(!*wanted.borrow());
    let viewer = scene.watch().await;
    assert!(*wanted.borrow());
    scene.pictures(300, 100).await;
    assert!(*wanted.borrow(), "as long as there is a viewer, whether it reads or not");
    drop(viewer);
    scene.pictures(150, 100).await;
    assert!(*wanted.borrow(), "for some seconds after");
    scene.pictures(150, 100).await;
    assert!(!*wanted.borrow());
    assert_eq!(scene.live.shared.tasks.count(), 0);
    let mut viewer = scene.watch().await;
    assert_eq!(numbers(&had(&mut viewer).await).len(), 10);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_refused() {
    let scene = Scene::new();
    let refused = async |camera, stream| scene.live.watch(camera, stream).await.err();
    assert_eq!(refused("yard", Stream::Main).await, Some(Refusal::NoCamera));
    assert_eq!(refused("gate", Stream::Second).await, Some(Refusal::NoStream));
    assert_eq!(refused("gate", Stream::Main).await, Some(Refusal::NothingComes));
    let live = &scene.live;
    assert_eq!(live.head("yard", Stream::Main, 1).err(), Some(Refusal::NoCamera));
    assert_eq!(live.segment("gate", Stream::Main, 1).err(), Some(Refusal::Gone));
    assert_eq!(live.head("gate", Stream::Second, 1).err(), Some(Refusal::Gone));
}

#[tokio::test(start_paused = true)]
async fn a_playlist_names_what_can_be_fetched() {
    let mut scene = Scene::new();
    scene.pictures(19, 100).await;
    let early = scene.live.playlist("gate", Stream::Main).await;
    assert_eq!(early.err(), Some(Refusal::NothingComes), "no segment is whole");
    scene.pictures(92, 100).await;
    let text = scene.live.playlist("gate", Stream::Main).await.unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..6],
        [
            "#EXTM3U",
            "#EXT-X-VERSION:7",
            "#EXT-X-TARGETDURATION:1",
            "#EXT-X-MEDIA-SEQUENCE:4",
            "#EXT-X-DISCONTINUITY-SEQUENCE:0",
            "#EXT-X-MAP:URI=\"live/main/1/init.mp4\"",
        ]
    );
    let head = scene.live.head("gate", Stream::Main, 1).unwrap();
    assert_eq!(head[4..8], *b"ftyp");
    let mut at = 50;
    for (segment, number) in lines[6..].chunks(3).zip(4..) {
        assert_eq!(segment[1], "#EXTINF:1.00000,");
        assert_eq!(segment[2], format!("live/main/1/{number}.m4s"));
        let pieces = scene.live.segment("gate", Stream::Main, number).unwrap();
        assert_eq!(numbers(&pieces), (at..at + 10).collect::<Vec<u8>>());
        let time = Timestamp::from_millis(1_000_000 + i64::from(at) * 100);
        assert_eq!(segment[0], format!("#EXT-X-PROGRAM-DATE-TIME:{time}"));
        at += 10;
    }
    assert_eq!(lines.len(), 6 + 6 * 3);
    // Those that were listed before can still be fetched, but not for ever.
    assert!(scene.live.segment("gate", Stream::Main, 1).is_ok());
    assert!(scene.live.segment("gate", Stream::Main, 0).is_err());
    scene.inlet.show(&Item::Gap(Gap { reason: GapReason::Silent, detail: String::new() }));
    scene.sent = 120;
    scene.pictures(21, 100).await;
    let text = scene.live.playlist("gate", Stream::Main).await.unwrap();
    let anew = "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"live/main/2/init.mp4\"\n";
    assert!(text.contains(anew), "{text}");
    scene.pictures(80, 100).await;
    let text = scene.live.playlist("gate", Stream::Main).await.unwrap();
    assert!(!text.contains("DISCONTINUITY\n"), "{text}");
    assert!(text.contains("#EXT-X-DISCONTINUITY-SEQUENCE:1\n"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn segments_end_also_where_key_frames_are_rare() {
    let mut scene = Scene::new();
    scene.pictures(1, 100).await;
    let asked = scene.live.playlist("gate", Stream::Main);
    assert!(asked.await.is_err());
    for number in 1..200 {
        scene.sent = number;
        advance(Duration::from_millis(100)).await;
        scene.send(Access::Reference, 100);
        settle().await;
        // As a player does now and then.
        let _ = scene.live.head("gate", Stream::Main, 1);
    }
    let text = scene.live.playlist("gate", Stream::Main).await.unwrap();
    assert!(text.contains("#EXT-X-TARGETDURATION:6\n"), "{text}");
    assert_eq!(text.matches("#EXTINF:6.40000,").count(), 3, "{text}");
}

/// Records that have come: view, kind, payload.
async fn records(
    stream: &mut (impl futures::Stream<Item = Bytes> + Unpin),
) -> Vec<(u8, u8, Bytes)> {
    use futures::StreamExt;
    let mut all = Vec::new();
    while let Ok(Some(head)) = tokio::time::timeout(Duration::ZERO, stream.next()).await {
        let payload = stream.next().await.unwrap();
        assert_eq!(head[2..6], (payload.len() as u32).to_be_bytes());
        all.push((head[0], head[1], payload));
    }
    all
}

#[tokio::test(start_paused = true)]
async fn many_streams_share_one_answer() {
    let mut scene = Scene::new();
    let yard = Tap::new("yard", &scene.metrics);
    scene.live.add("yard", Streams { main: yard.clone(), second: None });
    scene.pictures(16, 100).await;
    let views = [("gate", Stream::Main), ("yard", Stream::Main), ("yard", Stream::Second)];
    let views = views.map(|(camera, stream)| (camera.to_owned(), stream)).to_vec();
    let mut answer = Box::pin(scene.live.many(views));
    // Asked for at the first look, there at the second.
    let mut first = records(&mut answer).await;
    settle().await;
    first.extend(records(&mut answer).await);
    let of = |view: u8, all: &[(u8, u8, Bytes)]| {
        let of_view = all.iter().filter(|record| record.0 == view);
        of_view.map(|record| (record.1, record.2.clone())).collect::<Vec<_>>()
    };
    let gate = of(0, &first);
    let begin: serde_json::Value = serde_json::from_slice(&gate[0].1).unwrap();
    let start = Timestamp::from_millis(1_001_000);
    let expected = serde_json::json!({"codecs": "avc1.4d401f", "start": start, "stream": "main"});
    assert_eq!((gate[0].0, begin), (0, expected));
    assert_eq!((gate[1].0, &gate[1].1[4..8]), (1, &b"ftyp"[..]));
    let pieces: Vec<Bytes> = gate[2..].iter().map(|record| record.1.clone()).collect();
    assert_eq!(numbers(&pieces), [10, 11, 12, 13, 14, 15]);
    assert!(of(1, &first).is_empty());
    assert_eq!(of(2, &first)[0].0, 2, "a stream that is not there is told of");
    // An interruption ends the run of that view only, and the next begins by itself.
    scene.inlet.show(&Item::Gap(Gap { reason: GapReason::Silent, detail: String::new() }));
    settle().await;
    let gap = records(&mut answer).await;
    assert_eq!(of(0, &gap).iter().map(|record| record.0).collect::<Vec<_>>(), [2]);
    scene.sent = 20;
    scene.pictures(7, 100).await;
    let again = of(0, &records(&mut answer).await);
    assert_eq!(again.iter().map(|record| record.0).take(3).collect::<Vec<_>>(), [0, 1, 1]);
    // What never comes is told now and then, so that the answer is never silent for long.
    advance(Duration::from_secs(10)).await;
    settle().await;
    assert_eq!(of(1, &records(&mut answer).await)[0].0, 2);
}

#[tokio::test(start_paused = true)]
async fn where_a_clock_drifts_the_next_key_frame_says_so() {
    let mut scene = Scene::new();
    scene.pictures(16, 100).await;
    let mut answer = Box::pin(scene.live.many(vec![("gate".to_owned(), Stream::Main)]));
    for _ in 0..2 {
        records(&mut answer).await;
        settle().await;
    }
    scene.drift = 40;
    scene.pictures(18, 100).await;
    let all = records(&mut answer).await;
    let kinds: Vec<u8> = all.iter().map(|record| record.1).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind != 1).count(), 1, "once: {kinds:?}");
    let at = kinds.iter().position(|kind| *kind == 0).expect("a new start, and no end before");
    let begin: serde_json::Value = serde_json::from_slice(&all[at].2).unwrap();
    assert_eq!(begin["start"], serde_json::json!(Timestamp::from_millis(1_001_040)));
    assert_eq!(numbers(&[all[at - 1].2.clone(), all[at + 1].2.clone()]), [19, 20]);
}
