//! What is asked of events, read; and what is not told.

use proptest::prelude::{any, prop_assert, proptest};

use super::*;

fn pairs(text: &str) -> Pairs {
    let pair = |text: &str| text.split_once('=').map(|(a, b)| (a.to_owned(), b.to_owned()));
    text.split('&').filter_map(pair).collect()
}

#[test]
fn who_sees_one_camera_is_not_told_of_what_led_there_from_another() {
    use crate::people::{Right, Role};
    let visitor = |cameras: &[&str]| {
        let cameras = cameras.iter().map(|name| (*name).to_owned()).collect();
        Visitor::new("x", Right::new(Role::Viewer, cameras).unwrap(), Default::default())
    };
    for (visitor, id, hears) in [
        (visitor(&["yard"]), "gate/motion/1/7", false),
        (visitor(&["yard"]), "yard/motion/1/7", true),
        (visitor(&["yard"]), "said by a person", true),
        (visitor(&[]), "gate/motion/1/7", true),
    ] {
        let mut event = events::Event {
            id: "yard/host/recording.started/1".into(),
            kind: "recording.started".into(),
            phase: events::Phase::Instant,
            time: Timestamp::ZERO,
            confidence: 1.0,
            regions: Vec::new(),
            cameras: vec!["gate".into(), "yard".into()],
            correlation: Some(id.into()),
            attributes: Vec::new(),
        };
        hide(&mut event, &visitor);
        assert_eq!((visitor.knows(id), event.correlation.is_some()), (hears, hears), "{id}");
        let all: &[&str] = if visitor.sees_all() { &["gate", "yard"] } else { &["yard"] };
        assert_eq!(event.cameras, all);
    }
}

#[test]
fn what_is_wrong_with_a_query_is_said() {
    for (query, said) in [
        ("from=soon", "`from`: not a time"),
        ("confidence=2", "`confidence`: not between 0 and 1"),
        ("confidence=NaN", "`confidence`: not between 0 and 1"),
        ("area=0,0,1", "`area`: not a rectangle"),
        ("area=0,0,1,1,1", "`area`: not a rectangle"),
        ("area=0.5,0,0.6,1", "`area`: not a rectangle"),
        ("area=0,0,0,1", "`area`: not a rectangle"),
        ("kind=Motion!", "`kind`: no kind"),
        ("order=up", "`order`: neither"),
        ("limit=many", "`limit`: not a number"),
        ("limit=0", "`limit` is not between"),
        ("limit=1001", "`limit` is not between"),
        ("cursor=x", "`cursor` is none"),
        ("colour=red", "`colour`: there is no such parameter"),
        ("from=2026-11-28T10:00:00Z&to=2026-11-28T10:00:00Z", "is not before"),
    ] {
        let problem = Wanted::read(pairs(query)).and_then(Wanted::sought).unwrap_err();
        let text = serde_json::to_string(&problem).unwrap();
        assert!(text.contains(said), "{query}: {text}");
    }
}

proptest! {
    #[test]
    fn any_query_is_read_without_panic(
        pairs in proptest::collection::vec(("[a-z]{0,9}", any::<String>()), 0..8),
        area_text in "[0-9.,e-]{0,30}",
    ) {
        let _ = Wanted::read(pairs).and_then(Wanted::sought);
        if let Some(area) = area(&area_text) {
            prop_assert!(area.x >= 0.0 && area.width > 0.0 && area.x + area.width < 1.01);
        }
    }
}
