//! Cameras and networks that fail: a gap that is shown, a session that comes back, no unit twice.

use std::path::PathBuf;
use std::time::Duration;

use wardline_tests::camera::{Camera, Clip};
use wardline_tests::follow::{Run, follow};
use wardline_tests::host::{Host, Place};
use wardline_tests::media;
use wardline_tests::need::{BOTTLES, Need, ONE_BY_ONE, clip, missing};
use wardline_tests::relay::Relay;
use wardline_tests::wait;

const NEEDS: [Need; 4] = [Need::Wardline, Need::Ffmpeg, Need::Gstreamer, Need::Clip(ONE_BY_ONE)];

/// A step of a test may take so long on a busy machine: connecting has bounds of 10 s each.
const STEP: Duration = Duration::from_secs(45);

/// A host that records a clip through a relay.
struct Scenario {
    place: Place,
    file: PathBuf,
    camera: Option<Camera>,
    relay: Relay,
    host: Host,
}

fn serve(file: &std::path::Path) -> Camera {
    Camera::gstreamer(&[Clip { name: "room", codec: "h264", file }])
}

impl Scenario {
    fn start(name: &str, file: PathBuf, more: &str) -> Self {
        let place = Place::new(name);
        let camera = serve(&file);
        let relay = Relay::to(camera.port());
        let url = relay.url("room");
        let rest =
            format!("[cameras.room]\nurl = \"{url}\"\nkeep = \"1d\"\nstall = \"4s\"\n{more}");
        let host = Host::start(&place.configure(&rest));
        let scenario = Self { place, file, camera: Some(camera), relay, host };
        scenario.wait_video(3.0);
        scenario
    }

    fn fragments(&self) -> f64 {
        self.host.metric("wardline_fragments_total", "").unwrap_or(0.0)
    }

    /// Waits until so many more fragments are on their way to the disk.
    fn wait_video(&self, more: f64) {
        let before = self.fragments();
        wait::until("recorded video", STEP, || (self.fragments() >= before + more).then_some(()));
    }

    /// Waits until the camera is given up, heals it, and waits until it is recorded again.
    fn heal(&mut self, heal: impl FnOnce(&mut Self)) {
        self.host.wait_session_end("room", STEP);
        heal(self);
        self.host.wait_connected("room", true, STEP);
        self.wait_video(3.0);
    }

    /// Ends the host and gives what it recorded of `source`.
    fn end(self, sources: &[PathBuf]) -> (Place, Vec<Run>) {
        let Self { place, host, .. } = self;
        let reconnects = host.metric("wardline_reconnects_total", "").unwrap_or(0.0);
        assert!(reconnects >= 1.0, "{reconnects} reconnects");
        host.stop();
        let source: Vec<_> = sources.iter().flat_map(|file| media::slices(file)).collect();
        let files = place.files("room");
        files.iter().for_each(|file| media::assert_decodes(file));
        let runs = follow(&files, &source);
        (place, runs)
    }

    /// Ends the host: two sessions from the start of the clip, and a gap between them.
    fn end_after_one_gap(self) {
        let file = self.file.clone();
        let (place, runs) = self.end(&[file]);
        let firsts: Vec<usize> = runs.iter().map(|run| run.first).collect();
        assert_eq!(firsts, [0, 0], "{runs:?}");
        let segments = place.segments("room");
        let gaps = place.gaps("room");
        // What came last before the gap, and first after it.
        let (before, after) = (&segments[runs[1].file - 1], &segments[runs[1].file]);
        let gap = gaps.iter().find(|gap| gap.end == Some(after.start));
        let gap = gap.unwrap_or_else(|| panic!("no gap before {after:?}: {gaps:?}"));
        assert!(gap.start >= before.start && gap.start <= before.end, "{gap:?} after {before:?}");
        assert!(["offline", "silent"].contains(&gap.reason.as_str()), "{gap:?}");
        assert!(before.end < after.start, "{before:?} {after:?}");
    }
}

#[test]
fn killed() {
    if missing("killed", &NEEDS) {
        return;
    }
    let mut scenario = Scenario::start("killed", clip(ONE_BY_ONE).unwrap(), "");
    scenario.camera = None;
    scenario.heal(|scenario| {
        let camera = serve(&scenario.file);
        scenario.relay.turn_to(camera.port());
        scenario.camera = Some(camera);
    });
    scenario.end_after_one_gap();
}

#[test]
fn stopped() {
    if missing("stopped", &NEEDS) {
        return;
    }
    let mut scenario = Scenario::start("stopped", clip(ONE_BY_ONE).unwrap(), "");
    scenario.camera.as_mut().unwrap().freeze();
    scenario.heal(|scenario| scenario.camera.as_mut().unwrap().thaw());
    scenario.end_after_one_gap();
}

#[test]
fn half_open() {
    if missing("half_open", &NEEDS) {
        return;
    }
    let mut scenario = Scenario::start("half-open", clip(ONE_BY_ONE).unwrap(), "");
    scenario.relay.freeze();
    scenario.heal(|_| {});
    scenario.end_after_one_gap();
}

#[test]
fn answers_keep_alives_only() {
    if missing("keep_alives", &NEEDS) {
        return;
    }
    let mut scenario = Scenario::start("keep-alives", clip(ONE_BY_ONE).unwrap(), "");
    scenario.relay.mute();
    scenario.heal(|_| {});
    scenario.end_after_one_gap();
}

#[test]
fn end_of_stream_with_bye() {
    if missing("bye", &NEEDS) {
        return;
    }
    let folder = Place::new("bye-clip");
    let short = folder.path("short.mp4");
    let whole = clip(ONE_BY_ONE).unwrap();
    media::make(&["-i", &whole.to_string_lossy(), "-t", "8", "-c", "copy"], &short);
    let mut scenario = Scenario::start("bye", short.clone(), "");
    // Well before anybody would call it silent.
    scenario.heal(|_| {});
    let log = scenario.host.log();
    assert!(log.to_ascii_lowercase().contains("bye"), "the log says why:\n{log}");
    let count = media::slices(&short).len();
    let (place, runs) = scenario.end(&[short]);
    assert!(runs.len() >= 2, "{runs:?}");
    assert_eq!((runs[0].first, runs[0].count), (0, count), "the first session is whole");
    assert!(!place.gaps("room").is_empty());
}

#[test]
fn another_resolution_on_reconnect() {
    if missing("resolution", &NEEDS) || missing("resolution", &[Need::Clip(BOTTLES)]) {
        return;
    }
    let mut scenario = Scenario::start("resolution", clip(ONE_BY_ONE).unwrap(), "");
    let other = clip(BOTTLES).unwrap();
    let camera = serve(&other);
    scenario.relay.turn_to(camera.port());
    scenario.relay.hang_up();
    scenario.heal(|scenario| scenario.camera = Some(camera));
    let sources = [scenario.file.clone(), other];
    let start_of_other = media::slices(&sources[0]).len();
    let (_place, runs) = scenario.end(&sources);
    let firsts: Vec<usize> = runs.iter().map(|run| run.first).collect();
    assert_eq!(firsts, [0, start_of_other], "{runs:?}");
}

#[test]
fn lossy_udp() {
    if missing("lossy_udp", &NEEDS) {
        return;
    }
    let scenario = Scenario::start("lossy-udp", clip(ONE_BY_ONE).unwrap(), "transport = \"udp\"\n");
    scenario.relay.lose_one_in(40);
    wait::until("a noticed loss", STEP, || {
        scenario.host.metric("wardline_lost_packets_total", "").filter(|lost| *lost >= 2.0)
    });
    scenario.wait_video(5.0);
    let Scenario { place, file, host, relay, .. } = scenario;
    assert_eq!(host.metric("wardline_reconnects_total", "").unwrap_or(0.0), 0.0);
    host.stop();
    assert!(relay.lost() >= 2);
    // What is recorded comes from the source, in its order; what was lost is not made up.
    let source = media::slices(&file);
    let mut rest = source.iter();
    for file in place.files("room") {
        for (index, slice) in media::slices(&file).iter().enumerate() {
            let found = rest.any(|other| other == slice);
            assert!(found, "{}, slice {index} is alien or doubled", file.display());
        }
    }
    assert!(
        place.cvr("room").iter().any(|recording| recording.damaged),
        "{:#?}",
        place.cvr("room")
    );
}
