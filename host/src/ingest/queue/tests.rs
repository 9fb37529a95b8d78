//! Order, bounds and whole groups, whatever comes and goes.

use bytes::Bytes;
use proptest::prelude::{Just, Strategy, prop, prop_oneof, proptest};

use super::*;
use crate::base::Timestamp;
use crate::ingest::packet::{
    Access, AudioFrame, AudioParameters, Codec, VideoParameters, VideoUnit,
};

pub(in crate::ingest) fn video(number: i64, access: Access, size: usize) -> Item {
    let parameters = Arc::new(VideoParameters {
        codec: Codec::H264,
        width: 16,
        height: 16,
        rfc6381: String::new(),
        sample_entry: Bytes::new(),
        decoder_config: Bytes::new(),
    });
    Item::Video(VideoUnit {
        parameters,
        session: 0,
        epoch: 0,
        pts: number,
        time: Timestamp::ZERO,
        arrived: Instant::now(),
        access,
        damaged: false,
        data: Bytes::from(vec![0; size]),
    })
}

pub(in crate::ingest) fn audio(number: i64) -> Item {
    let parameters = Arc::new(AudioParameters {
        rfc6381: String::new(),
        sample_entry: Bytes::new(),
        clock_rate: 48_000,
        frame_ticks: 1024,
    });
    let data = Bytes::new();
    Item::Audio(AudioFrame { parameters, session: 0, pts: number, time: Timestamp::ZERO, data })
}

/// `K7` a key frame, `p8` a unit that needs it, `a9` audio, `gap`.
pub(in crate::ingest) fn text(item: &Item) -> String {
    match item {
        Item::Video(unit) if unit.access.is_key() => format!("K{}", unit.pts),
        Item::Video(unit) => format!("p{}", unit.pts),
        Item::Audio(frame) => format!("a{}", frame.pts),
        Item::Gap(gap) => gap.reason.as_str().into(),
    }
}

/// Pushes what `items` says, each of 100 bytes, into room for `room` such, then empties it.
fn check(when_full: WhenFull, room: usize, items: &str, expected: &str, dropped: u64) {
    let each = 100 + size_of::<Item>();
    let mut queue = Queue::new(room * each, when_full);
    let mut seen = 0;
    for (number, kind) in (0..).zip(items.split_whitespace()) {
        seen += match kind {
            "K" => queue.push(video(number, Access::Key, 100)),
            "p" => queue.push(video(number, Access::Reference, 100)),
            "a" => queue.push(audio(number)),
            "-" => queue.pop().map_or(0, |_| 0),
            "off" | "on" => {
                queue.turn(kind == "on");
                0
            }
            _ => queue.push(Item::Gap(Gap { reason: GapReason::Offline, detail: String::new() })),
        };
    }
    let left: Vec<String> = std::iter::from_fn(|| queue.pop()).map(|item| text(&item)).collect();
    assert_eq!((left.join(" ").as_str(), seen), (expected, dropped), "{when_full:?}: {items}");
    assert_eq!(queue.bytes, 0);
}

/// Nothing goes through meanwhile, and nothing of that counts as lost; then it begins with a key frame.
#[test]
fn an_edge_is_turned_off_and_on() {
    for when_full in [WhenFull::SkipToKey, WhenFull::DropOldestGroup] {
        check(when_full, 9, "K p off p K p", "", 0);
        check(when_full, 9, "K p off p K on p a K p", "overload K8 p9", 0);
        check(when_full, 9, "on K on p", "K1 p3", 0);
        check(when_full, 9, "off off K on gap K p", "overload K5 p6", 0);
    }
}

#[test]
fn what_gives_way() {
    use WhenFull::{DropOldestGroup, SkipToKey};
    check(DropOldestGroup, 4, "K p p K", "K0 p1 p2 K3", 0);
    check(DropOldestGroup, 4, "K p p K p", "overload K3 p4", 3);
    check(DropOldestGroup, 4, "K p - K p p", "p1 K3 p4 p5", 0);
    check(DropOldestGroup, 4, "K p - K p p p", "overload K3 p4 p5 p6", 1);
    check(DropOldestGroup, 3, "K p p p p K p", "overload K5 p6", 5);
    check(DropOldestGroup, 5, "K K p K p p", "overload K1 p2 K3 p4 p5", 1);
    check(DropOldestGroup, 3, "K p gap K p", "offline K3 p4", 2);
    check(DropOldestGroup, 9, "K gap gap", "K0 offline", 0);
    check(SkipToKey, 5, "K p K p K p", "overload K4 p5", 4);
    check(SkipToKey, 4, "K p p p p p K", "overload K6", 6);
}

proptest! {
    /// Whatever is pushed and popped: within the bound, in order, and no unit without its key
    /// frame.
    #[test]
    fn order_and_whole_groups(
        steps in prop::collection::vec(prop_oneof![
            1 => Just('K'), 5 => Just('p'), 2 => Just('a'), 1 => Just('g'), 4 => Just('-'),
        ], 0..300),
        sizes in prop::collection::vec(0_usize..900, 300),
        room in 600_usize..4000,
        when_full in prop_oneof![Just(WhenFull::DropOldestGroup), Just(WhenFull::SkipToKey)]
            .boxed(),
    ) {
        let mut queue = Queue::new(room, when_full);
        let mut received = Vec::new();
        let (mut pushed, mut dropped) = (0, 0);
        let mut starting = true;
        let mut alone = 0;
        for (number, step) in steps.iter().enumerate() {
            let item = match step {
                '-' => {
                    received.extend(queue.pop());
                    continue;
                }
                // A source starts anew after a gap.
                'g' => {
                    starting = true;
                    Item::Gap(Gap { reason: GapReason::Offline, detail: String::new() })
                }
                'a' => audio(number as i64),
                'K' => video(number as i64, Access::Key, sizes[number]),
                _ if starting => continue,
                _ => video(number as i64, Access::Reference, sizes[number]),
            };
            starting &= !is_key(&item);
            pushed += u64::from(!matches!(item, Item::Gap(_)));
            // A single item may be larger than the room.
            alone = alone.max(cost(&item));
            dropped += queue.push(item);
            assert!(queue.bytes <= room.max(alone));
            assert_eq!(queue.bytes, queue.items.iter().map(cost).sum::<usize>());
        }
        received.extend(std::iter::from_fn(|| queue.pop()));
        let mut last = -1;
        let mut after_gap = false;
        let mut kept = 0;
        for item in &received {
            match item {
                Item::Gap(_) => after_gap = true,
                Item::Video(unit) => {
                    assert!(unit.pts > last, "order");
                    last = unit.pts;
                    assert!(!after_gap || unit.access.is_key(), "a group without its start");
                    after_gap = false;
                    kept += 1;
                }
                Item::Audio(frame) => {
                    assert!(frame.pts > last, "order");
                    last = frame.pts;
                    kept += 1;
                }
            }
        }
        assert_eq!(pushed, kept + dropped);
    }
}

#[tokio::test(start_paused = true)]
async fn the_ends_wait_for_each_other() {
    let options = Options {
        camera: "gate".into(),
        edge: "record",
        bytes_max: 4 * size_of::<Item>(),
        when_full: WhenFull::DropOldestGroup,
    };
    let metrics = Metrics::default();
    let (mut sender, mut receiver) = channel(options, &metrics);
    for number in 0..4 {
        sender.send(video(number, Access::Key, 0));
    }
    let waits = tokio::time::timeout(Duration::from_secs(1), sender.room()).await;
    assert!(waits.is_err());
    assert!(receiver.recv().await.is_some() && receiver.try_recv().is_some());
    sender.room().await;
    drop(sender);
    assert!(receiver.recv().await.is_some() && receiver.recv().await.is_some());
    assert!(receiver.recv().await.is_none());
}
