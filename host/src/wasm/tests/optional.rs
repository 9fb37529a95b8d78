//! The optional exports, on every kind of instance; and a loop in each function there is.

use super::*;
use crate::events::Value;

const LOOP: &str = "(loop $ever (br $ever))";

fn plugin(bytes: &[u8]) -> Plugin {
    Plugin::load(&engine(), "test", bytes).unwrap()
}

fn make<T: Kind>(plugin: &Plugin) -> Result<T, Fault> {
    let metrics = Metrics::default();
    T::make(plugin, config(&metrics), &Setup::default(), NOW).map(|(made, _)| made)
}

fn message() -> source::Input {
    source::Input::Message(std::sync::Arc::new(Message {
        topic: "hook:test".into(),
        content_type: String::new(),
        received: NOW,
        attributes: Vec::new(),
        body: Vec::new(),
    }))
}

fn picture() -> analyzer::Input {
    let (width, height) = (320, 180);
    let picture =
        Picture { sequence: 1, time: NOW, width, height, skipped: 0, key: true, gap: false };
    let pixels = vec![7; PixelFormat::Gray8.bytes(width, height)];
    analyzer::Input::Picture(picture, pixels.into(), None)
}

fn segment() -> policy::Input {
    let segment = ClosedSegment {
        start: NOW,
        end: NOW,
        bytes: 1,
        gap: false,
        events: Vec::new(),
        attributes: Vec::new(),
    };
    policy::Input::Segment(segment.into(), NOW)
}

fn units() -> analyzer::Input {
    let unit = Unit { time: NOW, size: 1, key: true, disposable: false, gap: false };
    analyzer::Input::Units([unit].into())
}

/// What all that can be asked of an instance comes to.
fn ask_all<T: Kind>(instance: &mut T, inputs: &[T::Input]) -> Result<(), Fault> {
    let snapshot = Kind::save(instance, NOW)?.expect("it saves");
    assert_eq!((snapshot.schema, snapshot.data.len()), (1, 4));
    Kind::load(instance, &snapshot, NOW)?;
    instance.set_params("{}", NOW)?;
    inputs.iter().try_for_each(|input| instance.give(input).map(drop))
}

/// Good without a loop; with one in any function, that function is named and the rest is spared.
fn loops<T: Kind>(guest: &str, exports: &[&str], inputs: &[T::Input]) {
    let good = plugin(&guests::component(guest));
    assert!(good.has_state() && good.is_reconfigurable());
    ask_all(&mut make::<T>(&good).unwrap(), inputs).unwrap();
    for export in exports {
        let bad = plugin(&guests::component_but(guest, export, LOOP));
        let asked = make::<T>(&bad).and_then(|mut instance| {
            let fault = ask_all(&mut instance, inputs).unwrap_err();
            assert_eq!(Kind::save(&mut instance, NOW).unwrap_err().cause, Cause::Gone);
            Err::<(), _>(fault)
        });
        let fault = asked.unwrap_err();
        let call = export.rsplit_once('#').unwrap().1;
        assert_eq!((fault.call, fault.word()), (call, "deadline"), "{export}: {fault}");
        assert!(fault.to_string().contains("ask it for less"), "{fault}");
    }
}

#[test]
fn a_loop_in_any_function_costs_that_instance() {
    loops::<Policy>(
        "policy-whole",
        &[
            "recording-policy@0.1.0#init",
            "recording-policy@0.1.0#on-event",
            "recording-policy@0.1.0#on-wake",
            "recording-policy@0.1.0#keep-continuous",
            "state@0.1.0#save",
            "state@0.1.0#load",
            "reconfigure@0.1.0#set-params",
        ],
        &[policy::Input::Event(notice().into(), NOW), policy::Input::Wake(NOW), segment()],
    );
    loops::<Source>(
        "source-whole",
        &[
            "event-source@0.1.0#init",
            "event-source@0.1.0#on-tick",
            "messages@0.1.0#on-message",
            "listener@0.1.0#on-events",
        ],
        &[source::Input::Tick(NOW), message(), source::Input::Events([notice()].into(), NOW)],
    );
    loops::<Analyzer>(
        "analyzer-whole",
        &[
            "analyzer@0.1.0#init",
            "analyzer@0.1.0#analyze",
            "analyzer@0.1.0#observe",
            "listener@0.1.0#on-events",
        ],
        &[picture(), units(), analyzer::Input::Events([notice()].into(), NOW)],
    );
}

#[test]
fn what_a_plugin_does_not_export_is_not_asked_of_it() {
    let plain = load("policy-quiet");
    assert!(!plain.has_state() && !plain.is_reconfigurable() && !plain.listens());
    let mut policy: Policy = make(&plain).unwrap();
    assert_eq!(Kind::save(&mut policy, NOW).unwrap(), None);
    let snapshot = Snapshot { schema: 1, data: Vec::new() };
    let fault = Kind::load(&mut policy, &snapshot, NOW).unwrap_err();
    assert!(matches!(fault.cause, Cause::Refused(_)) && !fault.wants_new_instance());
    let fault = policy.set_params("{}", NOW).unwrap_err();
    assert!(matches!(fault.cause, Cause::Unsupported(_)) && !fault.poisons());
    policy.on_wake(NOW).unwrap();
    assert!(load("analyzer-whole").listens());
}

#[test]
fn a_snapshot_that_is_refused_or_too_large_costs_no_instance() {
    let mut policy: Policy = make(&load("policy-saves-too-much")).unwrap();
    let fault = Kind::save(&mut policy, NOW).unwrap_err();
    let said = "save refused: the snapshot has 2097152 bytes, at most 1048576: save less";
    assert!(fault.to_string().contains(said), "{fault}");
    assert!(!fault.wants_new_instance() && !fault.counts());
    policy.on_event(&notice(), NOW).unwrap();

    let mut policy: Policy = make(&load("policy-refuses-load")).unwrap();
    let snapshot = Kind::save(&mut policy, NOW).unwrap().unwrap();
    let fault = Kind::load(&mut policy, &snapshot, NOW).unwrap_err();
    assert!(fault.to_string().ends_with("load refused: not this one"), "{fault}");
    policy.on_event(&notice(), NOW).unwrap();
}

#[test]
fn whose_snapshots_can_be_loaded() {
    let own = load("policy-whole");
    assert!(own.can_load(7, own.digest()), "its own it must know");
    assert!(!own.can_load(1, "another"), "its manifest lists none");
    let code = "(nop)";
    let listed = plugin(&guests::component_but("policy-whole", "state@0.1.0#save", code));
    assert!(listed.can_load(1, "another") && !listed.can_load(3, "another"));
    assert!(!load("policy-quiet").can_load(1, load("policy-quiet").digest()));
}

#[test]
fn what_is_proven_is_seen_and_heard_by_nobody() {
    let metrics = Metrics::default();
    let proving = InstanceConfig { proving: true, ..config(&metrics) };
    let made = Analyzer::new(&load("analyzer-chatty"), proving, &Setup::default(), NOW);
    look(&mut made.unwrap().0, 1).unwrap();
    let text = metrics.text();
    assert!(!text.contains("camera=\"gate\""), "{text}");
}

#[test]
fn all_plugins_together_have_a_limit_that_is_named() {
    let engine = Engine::new(None).unwrap();
    engine.limit_memory(Some(8 << 20));
    let plugin = Plugin::load(&engine, "test", &guests::component("analyzer-eats-memory")).unwrap();
    let made = Analyzer::new(&plugin, config(&Metrics::default()), &Setup::default(), NOW);
    let (mut analyzer, _) = made.unwrap();
    let fault = look(&mut analyzer, 1).unwrap_err();
    let said = "all plugins together may have 8 MiB: raise `plugin-memory` in `[limits]`";
    assert!(fault.to_string().contains(said), "{fault}");
    assert!(engine.memory_bytes() > 0);
    drop(analyzer);
    assert_eq!(engine.memory_bytes(), 0, "given back");
}

#[test]
fn listeners_answer_like_anybody() {
    let plugin = plugin(&guests::component("source-whole"));
    let mut source: Source = make(&plugin).unwrap();
    let mut long = notice();
    let text = Value::Text("x".repeat(100));
    long.event.attributes.push(crate::events::Attribute { key: "label".into(), value: text });
    assert_eq!(source.on_events(&[notice(), long], NOW).unwrap(), []);
}
