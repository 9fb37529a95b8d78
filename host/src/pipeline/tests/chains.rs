//! Analyzers that come after one another on one camera: what is said of a picture is heard before
//! that picture is looked at, and who is woken by others costs nothing while asleep.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{CAMERA, Place, event, guest, scene, start};
use crate::analyze::hearing::{Hearing, Patience};
use crate::analyze::pictures::{Pictures, Subscription, Turn, Wishes};
use crate::analyze::stage::Stage;
use crate::base::Timestamp;
use crate::base::kinds::KindsOf;
use crate::config;
use crate::events::{Bus, Event, Phase, Publish};
use crate::ingest::{Item, VideoParameters, queue};
use crate::pipeline::plugins;
use crate::store::StoredEvent;
use crate::wasm::standing::standing;
use crate::wasm::{Lane, Setup};

type Known = watch::Receiver<Option<Arc<VideoParameters>>>;

/// A camera whose pictures are decoded, and what its analyzers need of that.
struct Eye {
    packets: queue::Sender,
    pictures: Option<Pictures>,
    wishes: Wishes,
    known: Known,
}

impl Eye {
    fn new(place: &Place) -> Self {
        let options = queue::Options {
            camera: CAMERA.into(),
            edge: "decode",
            bytes_max: 4 << 20,
            when_full: queue::WhenFull::SkipToKey,
        };
        let (packets, queued) = queue::channel(options, &place.metrics);
        let (wishes, wished) = watch::channel(Vec::<Arc<Subscription>>::new());
        let (video, known) = watch::channel(None);
        let pictures = Pictures {
            camera: CAMERA.into(),
            packets: queued,
            wishes: wished,
            video,
            sight: standing().0,
            is_second: true,
            lane: Lane::inline("test"),
            metrics: place.metrics.clone(),
        };
        Self { packets, pictures: Some(pictures), wishes, known }
    }
}

fn stage(place: &Place, bus: &Bus, eye: &Eye, name: &str, turn: Turn) -> Stage {
    let plugin = (guest("analyzer-retells"), Setup { params: "{}".into(), ..Setup::default() });
    let (seat, ..) = place.seat(name, Some(CAMERA), plugin, bus);
    Stage {
        camera: CAMERA.into(),
        name: name.into(),
        seat,
        wishes: eye.wishes.clone(),
        video: eye.known.clone(),
        units: None,
        answers: tokio::sync::mpsc::channel(1).1,
        hearing: None,
        turn,
        bus: bus.clone(),
        tried: false,
    }
}

/// Runs stages and decoder while `script` runs, which is given the units' way in.
async fn run(stages: Vec<Stage>, mut eye: Eye, script: impl AsyncFnOnce(&mut queue::Sender)) {
    let shutdown = CancellationToken::new();
    let tasks = stages.into_iter().map(|stage| stage.run(shutdown.clone()));
    let pictures = eye.pictures.take().unwrap().run();
    let script = async {
        script(&mut eye.packets).await;
        shutdown.cancel();
        drop(eye);
    };
    tokio::join!(futures::future::join_all(tasks), pictures, script);
}

/// Waits, in turns with the index, until so many events are stored.
async fn stored(place: &Place, count: usize) -> Vec<StoredEvent> {
    for _ in 0..20_000 {
        place.store.earliest(CAMERA).await.unwrap();
        let events = place.events();
        if events.len() >= count {
            return in_order(events);
        }
    }
    panic!("{} of {count} events: {:?}", place.events().len(), place.events());
}

/// Lets all work be done that is under way, in turns with the index.
async fn settled(place: &Place, is_whole: impl Fn(usize) -> bool) {
    for turn in 0..20_000 {
        place.store.earliest(CAMERA).await.unwrap();
        if turn >= 100 && is_whole(place.events().len()) {
            return;
        }
    }
    panic!("{:?}", place.events());
}

fn in_order(mut events: Vec<StoredEvent>) -> Vec<StoredEvent> {
    events.sort_by_key(|event| event.sequence);
    events
}

/// Who said what, of which picture.
fn told(events: &[StoredEvent]) -> Vec<(&str, &str, i64)> {
    let told = |one: &'_ StoredEvent| one.event.time.since(start()).as_millis();
    let all = events.iter();
    all.map(|one| (one.origin.as_str(), one.event.kind.as_str(), told(one) as i64)).collect()
}

/// In a chain of three, the second and the third hear of each picture before they look at it.
#[tokio::test(start_paused = true)]
async fn what_is_said_of_a_picture_is_heard_before_it_is_looked_at() {
    let place = Place::new();
    let bus = place.bus();
    let eye = Eye::new(&place);
    let names = ["first", "second", "third"];
    let turn = |depth| Turn { depth, ..Turn::default() };
    let turns = [turn(0), turn(1), turn(2)];
    // Those that come later subscribe first: the order is not by chance.
    let mut stages = Vec::new();
    for at in (0..3).rev() {
        let mut stage = stage(&place, &bus, &eye, names[at], turns[at].clone());
        if at > 0 {
            let after = KindsOf::parse(&format!("{}/looked", names[at - 1])).unwrap();
            let follower = bus.follow(&[CAMERA], names[at], &[after]);
            let ahead = vec![turns[at - 1].progress.follow()];
            stage.hearing = Some(Hearing::new(follower, ahead, None, Patience::Endless));
        }
        stages.push(stage);
    }
    // Five pictures a second are wished of ten; the first group goes by before anybody wishes.
    let units = scene(40, start());
    run(stages, eye, async |packets| {
        for unit in units {
            packets.send(Item::Video(unit));
            settled(&place, |count| count % 5 == 0).await;
        }
    })
    .await;
    let events = in_order(place.events());
    let told = told(&events);
    assert!(told.len() >= 50, "{told:?}");
    for five in told.chunks(5) {
        let time = five[0].2;
        let expected = [
            ("first", "looked", time),
            ("second", "heard", time),
            ("second", "looked", time),
            ("third", "heard", time),
            ("third", "looked", time),
        ];
        assert_eq!(five, expected, "{told:?}");
    }
    let hops: Vec<u32> =
        events[..5].iter().map(|one| crate::events::hops::of(&one.event)).collect();
    assert_eq!(hops, [0, 1, 1, 2, 2]);
}

#[tokio::test(start_paused = true)]
async fn who_is_woken_by_others_costs_nothing_while_asleep() {
    let place = Place::new();
    let bus = place.bus();
    let eye = Eye::new(&place);
    let after = KindsOf::parse("door").unwrap();
    let follower = bus.follow(&[CAMERA], "dear", &[after]);
    let tail = Some(Duration::from_millis(500));
    let mut dear = stage(&place, &bus, &eye, "dear", Turn::default());
    dear.hearing = Some(Hearing::new(follower, Vec::new(), tail, Patience::Endless));
    let door = |phase, time: Timestamp| {
        let event = Event { phase, kind: "door.opened".into(), ..event("gate/door/1/a", time) };
        bus.publish(Publish { origin: "door", camera: CAMERA }, event)
    };
    let second = |seconds: i64| start().offset(seconds * 1_000_000);
    let mut units = scene(60, start()).into_iter();
    let decoded = || {
        place
            .metrics
            .text()
            .lines()
            .find(|line| line.starts_with("wardline_pictures"))
            .map(str::to_owned)
    };
    run(vec![dear], eye, async |packets| {
        let mut send = async |count: usize| {
            for unit in units.by_ref().take(count) {
                packets.send(Item::Video(unit));
                place.store.earliest(CAMERA).await.unwrap();
                tokio::task::yield_now().await;
            }
            for _ in 0..50 {
                place.store.earliest(CAMERA).await.unwrap();
            }
        };
        send(20).await;
        assert_eq!(place.events().len(), 0, "asleep");
        let nothing = decoded();
        assert!(nothing.is_none_or(|line| line.ends_with(" 0")), "nothing is decoded for it");
        door(Phase::Begin, second(2)).await.unwrap();
        stored(&place, 2).await;
        send(10).await;
        door(Phase::End, second(3)).await.unwrap();
        stored(&place, 2 + 5 + 2).await;
        send(30).await;
    })
    .await;
    let events = in_order(place.events());
    let looked: Vec<i64> =
        told(&events).into_iter().filter(|one| one.1 == "looked").map(|one| one.2).collect();
    assert_eq!(looked.first(), Some(&2000), "{looked:?}");
    assert!(looked.iter().all(|time| (2000..=3500).contains(time)), "{looked:?}");
    assert!(looked.last() >= Some(&3400), "{looked:?}");
}

/// What only the components can tell is told by the start, by a reload and by `wardline check`.
#[test]
fn who_can_not_come_after_others_is_told_why() {
    let config = |text: &str| {
        let base = "store.path = \"rec\"\n[plugins.motion]\ncomponent = \"analyzer-motion\"\n[plugins.keep]\ncomponent = \"policy-pre-post\"\n[plugins.door]\ncomponent = \"source-webhook\"\n";
        let camera = "[cameras.gate]\nurl = \"rtsp://gate/\"\nanalyzers = [\"motion\", \"other\"]\npolicies = [\"keep\"]\n";
        let text = format!("{base}{text}\n{camera}");
        config::parse(&text, std::path::Path::new("wardline.toml"), &config::Machine).unwrap()
    };
    let engine = crate::wasm::Engine::new(None).unwrap();
    let analyzer = "[plugins.other]\ncomponent = \"analyzer-motion\"\n";
    for (text, why) in [
        (format!("{analyzer}after = [\"motion\"]"), "it has no export `listener`"),
        (format!("{analyzer}after = [\"motion\"]\npictures = \"while-open\""), ""),
        (format!("{analyzer}after = [\"keep\"]"), "can't come after a policy"),
        (
            format!(
                "{analyzer}[plugins.more]\ncomponent = \"policy-pre-post\"\nafter = [\"motion\"]"
            ),
            "it is a policy, which hears all of its camera",
        ),
        (
            format!(
                "{analyzer}[plugins.more]\ncomponent = \"source-webhook\"\nafter = [\"motion\"]"
            ),
            "it hears the cameras that it speaks for",
        ),
    ] {
        let config = config(&text);
        let mistakes = plugins::mistakes(&config, &plugins::load(&engine, &config));
        let found = match &mistakes[..] {
            [] => "",
            [one] => one.as_str(),
            _ => panic!("{mistakes:?}"),
        };
        assert!(found.contains(why) && found.is_empty() == why.is_empty(), "{text}: {found}");
    }
}
