//! What is granted works, within its bounds; what is not is not there.

use std::sync::Arc;

use super::*;
use crate::decode::{Colour, Image};
use crate::fetch::Client;
use crate::kv::{Keeper, Place};

fn load_granted(guest: &str, grants: &[&str]) -> Plugin {
    let terms = Terms::Listed(grants.iter().map(|text| text.parse().unwrap()).collect());
    Plugin::load_on(&terms, &engine(), "test", &guests::component(guest)).unwrap()
}

fn remembering(services: &Services) -> Policy {
    let plugin = load_granted("policy-remembers", &["kv:1KiB"]);
    let config = InstanceConfig { services: services.clone(), ..config(&Metrics::default()) };
    Policy::new(&plugin, config, &Setup::default(), NOW).unwrap()
}

#[test]
fn what_is_put_outlives_the_instance_but_not_a_trial() {
    let services = Services::default();
    let found = Some(Timestamp::from_micros(8));
    let mut policy = remembering(&services);
    assert_eq!(policy.on_wake(NOW).unwrap().wake, None);
    let mut trial = remembering(&services.on_trial().unwrap());
    trial.on_event(&notice(), NOW).unwrap();
    assert_eq!(trial.on_wake(NOW).unwrap().wake, found);
    assert_eq!(policy.on_wake(NOW).unwrap().wake, None, "a trial changes nothing");
    policy.on_event(&notice(), NOW).unwrap();
    assert_eq!(policy.on_wake(NOW).unwrap().wake, found);
    assert_eq!(remembering(&services).on_wake(NOW).unwrap().wake, found);
    assert_eq!(remembering(&services.on_trial().unwrap()).on_wake(NOW).unwrap().wake, found);
    assert_eq!(services.kv.shelf().unwrap().get("seen").as_deref(), Some(&b"12345678"[..]));
}

#[test]
fn a_quota_holds() {
    let plugin = load_granted("policy-hoards", &["kv:200KiB"]);
    let services = Services::default();
    let config = InstanceConfig { services: services.clone(), ..config(&Metrics::default()) };
    let mut policy = Policy::new(&plugin, config, &Setup::default(), NOW).unwrap();
    let fault = policy.on_event(&notice(), NOW).unwrap_err();
    assert_eq!(fault.word(), "trapped", "{fault}");
    // The operator's quota, not what the manifest asks for: entries of 4 KiB, 2 and 64 bytes.
    assert_eq!(services.kv.shelf().unwrap().keys("").len(), (200 << 10) / (4096 + 2 + 64));
}

#[test]
fn a_picture_is_cropped_as_it_was_decoded() {
    let metrics = Metrics::default();
    let plugin = load_granted("analyzer-crops", &["crop"]);
    let made = Analyzer::new(&plugin, config(&metrics), &Setup::default(), NOW);
    let (mut analyzer, _) = made.unwrap();
    let shown = |name: &str| {
        let text = metrics.text();
        let line = format!("plugin=\"test\",name=\"{name}\"}} ");
        let value = text.lines().find_map(|found| found.split_once(&line)).expect("it was set");
        value.1.parse::<f64>().unwrap()
    };
    let whole = Image {
        width: 1280,
        height: 720,
        colour: Colour::from_stream(None, false, 720),
        y: (0..720 * 1280).map(|at| if at % 1280 < 640 { 10 } else { 77 }).collect(),
        u: vec![128; 640 * 360],
        v: vec![128; 640 * 360],
    };
    let picture = Picture {
        sequence: 1,
        time: NOW,
        width: 320,
        height: 180,
        skipped: 0,
        key: true,
        gap: false,
    };
    let pixels = vec![7; 320 * 180];
    analyzer.analyze_whole(picture, &pixels, Some(Arc::new(whole))).unwrap();
    assert_eq!((shown("width"), shown("height"), shown("pixel")), (640.0, 720.0, 77.0));
    let unit = Unit { time: NOW, size: 1, key: true, disposable: false, gap: false };
    analyzer.observe(&[unit]).unwrap();
    assert_eq!(shown("width"), -1.0, "the picture is gone after its call");
}

#[tokio::test]
async fn what_is_asked_is_answered_as_a_message() {
    let metrics = Metrics::default();
    let plugin = load_granted("source-asks", &["http:GET,POST http://127.0.0.1:9"]);
    let (line, mut answers) = Client::new(NOW).line();
    let services = Services { http: Some(line), ..Services::default() };
    let plain = InstanceConfig { camera: None, ..config(&metrics) };
    let asking = InstanceConfig { services, ..plain.clone() };
    let (mut source, _) = Source::new(&plugin, asking, &Setup::default(), NOW).unwrap();
    source.on_tick(NOW).unwrap();
    let answer = answers.recv().await.unwrap();
    let message = Message::answer(answer, NOW);
    assert_eq!(message.topic, "http:0");
    assert_eq!(message.attributes[0].key, "error");
    source.on_message(&message).unwrap();
    let text = metrics.text();
    assert!(text.contains("name=\"answers\"} 1.0") && text.contains("name=\"attributes\"} 1.0"));
    // One that is only tried asks nobody.
    let (mut source, _) = Source::new(&plugin, plain, &Setup::default(), NOW).unwrap();
    assert_eq!(source.on_tick(NOW).unwrap_err().word(), "trapped");
}

/// An instance that is made anew is told what happened: requests have their answers already.
#[tokio::test]
async fn what_was_asked_is_not_asked_again() {
    let metrics = Metrics::default();
    let plugin = load_granted("source-asks", &["http:GET,POST http://127.0.0.1:9"]);
    let (line, mut answers) = Client::new(NOW).line();
    let services = Services { http: Some(line), ..Services::default() };
    let asking = InstanceConfig { camera: None, services, ..config(&metrics) };
    let make = || Source::new(&plugin, asking.clone(), &Setup::default(), NOW).unwrap().0;
    let mut first = make();
    first.give(&source::Input::Tick(NOW)).unwrap();
    let asked = first.take_asked();
    let answer = answers.recv().await.unwrap();
    assert_eq!((asked.as_slice(), first.take_asked().len()), (&[Some(answer.ticket)][..], 0));
    let message = source::Input::Message(Arc::new(Message::answer(answer, NOW)));
    first.give(&message).unwrap();
    let mut second = make();
    second.give_again(&source::Input::Tick(NOW), &asked).unwrap();
    second.give_again(&message, &[]).unwrap();
    assert!(answers.try_recv().is_err(), "nothing was sent");
    assert!(metrics.text().contains("name=\"answers\"} 1.0"), "and nothing counted twice");
    // What did not go out then does not go out now: this one traps on that.
    let fault = make().give_again(&source::Input::Tick(NOW), &[None]).unwrap_err();
    assert_eq!(fault.word(), "trapped");
    // What comes after is new.
    second.give(&message).unwrap();
    assert!(metrics.text().contains("name=\"answers\"} 2.0"));
    second.give(&source::Input::Tick(NOW)).unwrap();
    assert!(answers.recv().await.is_some());
}

/// An analyzer whose manifest asks for nothing gets nothing, whatever it says at `init`.
#[test]
fn pictures_are_asked_for_in_the_manifest() {
    let manifest = "id = \"x\"\nversion = \"0.1.0\"\nworld = \"analyzer-plugin\"\napi = \"0.1\"\n";
    let bytes = guests::component_with("analyzer-quiet", manifest);
    let plugin = Plugin::load(&engine(), "test", &bytes).unwrap();
    let made = Analyzer::new(&plugin, config(&Metrics::default()), &Setup::default(), NOW);
    let fault = made.err().unwrap();
    assert!(fault.is_final() && fault.to_string().contains("name = \"pictures\""), "{fault}");
}

/// The linker of a plugin has what it was granted and nothing else, even where a check failed.
#[test]
fn imports_that_were_not_granted_are_not_linked() {
    let bytes = guests::component("analyzer-wants-kv");
    let component = wasmtime::component::Component::new(engine().inner(), &bytes).unwrap();
    let mut linker = engine().linker();
    let error = linker.instantiate_pre(&component).err().expect("kv is not there");
    assert!(format!("{error:#}").contains("kv"), "{error:#}");
    let crop = Grants { crop: true, ..Grants::default() };
    imports::link_granted(&mut linker, &crop).unwrap();
    assert!(linker.instantiate_pre(&component).is_err());
    let kv = Grants { kv_bytes: Some(1), ..Grants::default() };
    imports::link_granted(&mut linker, &kv).unwrap();
    linker.instantiate_pre(&component).unwrap();
}

/// Neither the host's fault nor the plugin's: tried again with back-off.
#[test]
fn a_store_that_cannot_be_read_is_told_at_init() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("test"), "in the way").unwrap();
    let keeper = Keeper::new(place.path().into());
    let kv = Place::Disk { keeper, plugin: "test".into(), camera: None };
    let services = Services { kv, http: None };
    let config = InstanceConfig { services, ..config(&Metrics::default()) };
    let plugin = load_granted("policy-remembers", &["kv"]);
    let fault = Policy::new(&plugin, config, &Setup::default(), NOW).err().unwrap();
    assert_eq!(fault.word(), "host");
    assert!(fault.is_hosts() && !fault.counts() && !fault.blames_input());
    assert!(fault.to_string().contains("plugin test: open its store"), "{fault}");
}

#[tokio::test]
async fn an_analyzer_that_listens_may_ask_too() {
    let metrics = Metrics::default();
    let plugin = load_granted("analyzer-asks", &["http:POST http://127.0.0.1:9"]);
    let (line, mut answers) = Client::new(NOW).line();
    let services = Services { http: Some(line), ..Services::default() };
    let config = InstanceConfig { services, ..config(&metrics) };
    let (mut analyzer, _) = Analyzer::new(&plugin, config, &Setup::default(), NOW).unwrap();
    look(&mut analyzer, 1).unwrap();
    let message = Message::answer(answers.recv().await.unwrap(), NOW);
    assert_eq!(analyzer.on_message(&message).unwrap(), []);
    assert!(metrics.text().contains("name=\"answers\"} 1.0"));
    assert!(metrics.text().contains("plugin_requests_total{camera=\"gate\",plugin=\"test\"} 1"));
}
