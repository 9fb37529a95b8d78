//! Plugins are swapped in a host that records: by their files, by command, by SIGHUP; and whatever
//! is wrong with the new one, the old one runs on.

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use wardline_tests::camera::Camera;
use wardline_tests::guests;
use wardline_tests::host::{Host, Place, wardline};
use wardline_tests::need::{Need, missing};
use wardline_tests::{media, need, wait};

const STEP: Duration = Duration::from_secs(60);

fn configuration(url: &str, keep: &str) -> String {
    format!(
        "[plugins.motion]\ncomponent = \"motion.wasm\"\n\n\
         [plugins.keep]\ncomponent = \"keep.wasm\"\nparams = {{ before = \"2s\", after = \"{keep}\" }}\n\n\
         [cameras.gate]\nurl = \"{url}\"\nmode = \"both\"\nsegment = \"4s\"\n\
         analyzers = [\"motion\"]\npolicies = [\"keep\"]\n"
    )
}

/// A bundled plugin with another digest, written as an editor or a compiler would: in pieces, in
/// its place.
fn write(path: &Path, plugin: &str, mark: u8) {
    let mut bytes = std::fs::read(need::guest(plugin)).unwrap();
    bytes.extend([0, 3, 1, b'v', mark]);
    let (first, rest) = bytes.split_at(bytes.len() / 2);
    std::fs::write(path, first).unwrap();
    let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
    std::io::Write::write_all(&mut file, rest).unwrap();
}

/// How often the log says something of a plugin.
fn says(host: &Host, plugin: &str, what: &str) -> usize {
    let plugin = format!("\"plugin\":\"{plugin}\"");
    let log = host.log();
    log.lines().filter(|line| line.contains(&plugin) && line.contains(what)).count()
}

fn until_says(host: &Host, plugin: &str, what: &str, times: usize) {
    let says = || (says(host, plugin, what) >= times).then_some(());
    wait::until(&format!("{plugin}: {what} ({times})"), STEP, says);
}

#[test]
fn plugins_are_swapped_while_the_camera_records() {
    let needs = [
        Need::Wardline,
        Need::Ffmpeg,
        Need::Guest("policy-pre-post"),
        Need::Guest("analyzer-motion"),
    ];
    if missing("reload", &needs) {
        return;
    }
    let place = Place::new("reload");
    let camera = Camera::simulate(&["yard=scene:seconds=8,visit=2-6", "--loop"]);
    let url = camera.url("yard");
    write(&place.path("motion.wasm"), "analyzer-motion", 0);
    write(&place.path("keep.wasm"), "policy-pre-post", 0);
    let config = place.configure(&configuration(&url, "3s"));
    let mut host = Host::start(&config);
    let spans = |host: &Host| host.metric("wardline_events_total", "\"motion\"");
    wait::until("an event", STEP, || spans(&host).filter(|count| *count >= 1.0));

    // By their files.
    for (mark, times) in [(1, 1), (2, 2)] {
        write(&place.path("motion.wasm"), "analyzer-motion", mark);
        write(&place.path("keep.wasm"), "policy-pre-post", mark);
        until_says(&host, "motion", "reloaded, after a pause of", times);
        until_says(&host, "keep", "reloaded, after a pause of", times);
    }

    // What is damaged is refused, and so is what belongs elsewhere.
    std::fs::write(place.path("keep.wasm"), b"\0asm and no more").unwrap();
    until_says(&host, "keep", "not reloaded: plugin keep: is damaged", 1);
    let manifest = "id = \"quiet\"\nversion = \"0.1.0\"\nworld = \"analyzer-plugin\"\napi = \"0.1\"\n\
                    [params]\ntype = \"object\"\n";
    let elsewhere = guests::component_with("analyzer-quiet", manifest);
    std::fs::write(place.path("keep.wasm"), elsewhere).unwrap();
    until_says(&host, "keep", "not reloaded: it is of world analyzer now, not policy", 1);

    // By command.
    let base = host.base().to_owned();
    let reload = |code: bool| {
        let output = wardline(&["plugin", "reload", "keep", "--host", &base]);
        assert_eq!(output.status.success(), code, "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(reload(false).contains("gate: refused: it is of world analyzer"));
    write(&place.path("keep.wasm"), "policy-pre-post", 3);
    // By the file or by the command, whichever was first.
    let said = reload(true);
    assert!(said.contains("gate: seated") || said.contains("gate: unchanged"), "{said}");

    // By signal: other parameters.
    place.configure(&configuration(&url, "2s"));
    host.signal(Signal::HUP);
    until_says(&host, "keep", "reloaded: new parameters", 1);

    let (status, body) = host.get("/healthz").unwrap();
    assert_eq!(status, 200, "{body}");
    let before = spans(&host).unwrap();
    wait::until("more events", STEP, || spans(&host).filter(|count| *count >= before + 3.0));
    host.stop();
    assert_eq!(place.gaps("gate"), []);
    assert!(place.evr("gate").len() >= 2);
    let pictures: usize = place.files("gate").iter().map(|file| media::pictures(file).len()).sum();
    assert!(pictures > 100, "{pictures}");
    // What they knew survives the host.
    for file in ["gate/motion.state", "gate/keep.state"] {
        let file = place.path("store/plugins.d/state").join(file);
        assert!(file.is_file(), "{}", file.display());
    }
}
