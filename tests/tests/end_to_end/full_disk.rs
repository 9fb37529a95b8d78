//! A disk that is full: a store on a small filesystem of its own, which needs the right to mount.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use wardline_tests::camera::Camera;
use wardline_tests::host::{Host, Place};
use wardline_tests::media;
use wardline_tests::need::{Need, missing, say};
use wardline_tests::wait::{self, Watch};

/// The filesystem, its floor, and how far below the floor it may be found: what the index, which has
/// no floor, writes.
const SIZE_BYTES: u64 = 24 << 20;
const FLOOR_BYTES: u64 = 8 << 20;
const SLACK_BYTES: u64 = 1 << 20;

/// Nothing may stand still for longer: it takes a second to see that the floor is lacking.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Three cameras of much noise fill the disk in about a quarter of a minute.
const CAMERAS: [&str; 3] = ["gate", "yard", "hall"];

/// A filesystem in memory, mounted until this is dropped.
struct Small(PathBuf);

impl Small {
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir(at).ok()?;
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={SIZE_BYTES}"), "tmpfs"]).arg(at);
        let output = command.output().ok()?;
        output.status.success().then(|| Self(at.to_owned()))
    }

    fn free(&self) -> u64 {
        let figures = rustix::fs::statvfs(&self.0).expect("it is mounted");
        figures.f_bavail * figures.f_frsize
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

struct Scenario {
    place: Place,
    small: Small,
    _camera: Camera,
    host: Host,
}

impl Scenario {
    fn start(name: &str) -> Option<Self> {
        if missing(name, &[Need::Wardline, Need::Ffmpeg]) {
            return None;
        }
        let place = Place::new(name);
        let Some(small) = Small::mount(&place.path("small")) else {
            say(&format!("skipped: {name}: may not mount a filesystem"));
            return None;
        };
        let scenes = CAMERAS
            .map(|name| format!("{name}=scene:seconds=10&visits=0-10&size=640x360&noise=6&fps=15"));
        let mut arguments: Vec<&str> = scenes.iter().map(String::as_str).collect();
        arguments.push("--loop");
        let camera = Camera::simulate(&arguments);
        let cameras: String = CAMERAS
            .iter()
            .map(|name| {
                let url = camera.url(name);
                format!("[cameras.{name}]\nurl = \"{url}\"\nkeep = \"1d\"\nsegment = \"2s\"\n\n")
            })
            .collect();
        let config = place.path("wardline.toml");
        let text = format!(
            "[store]\npath = \"small/store\"\nfree-floor = \"{FLOOR_BYTES}B\"\n\n\
             [http]\nlisten = \"127.0.0.1:0\"\n\n{cameras}"
        );
        std::fs::write(&config, text).unwrap();
        let host = Host::start(&config);
        Some(Self { place, small, _camera: camera, host })
    }

    fn fragments(&self, camera: &str) -> f64 {
        self.host.metric("wardline_fragments_total", camera).unwrap_or(0.0)
    }

    fn deleted(&self) -> f64 {
        self.host.metric("wardline_deleted_segments_total", "").unwrap_or(0.0)
    }

    /// Waits until the disk has been full for the first time.
    fn fill(&self) {
        let full = || (self.deleted() >= 1.0).then_some(());
        wait::until("a deletion because the disk is full", Duration::from_secs(120), full);
    }

    /// All cameras go on.
    fn goes_on(&self, deadline: Duration) {
        for camera in CAMERAS {
            let before = self.fragments(camera);
            let more = || (self.fragments(camera) > before + 1.0).then_some(());
            wait::until("recording to go on", deadline, more);
        }
    }

    /// Ends the host: each row has its file, each file its row, and all play.
    fn end(self) -> (usize, usize) {
        self.host.stop();
        let reader = wardline::store::Reader::open(&self.place.path("small/store")).unwrap();
        let (mut count, mut gaps) = (0, 0);
        for camera in CAMERAS {
            let filter = wardline::store::Filter {
                camera: Some(camera.into()),
                ..wardline::store::Filter::default()
            };
            let rows: Vec<PathBuf> =
                reader.segments(&filter).unwrap().into_iter().map(|row| row.path).collect();
            let mut files = Vec::new();
            collect(&self.place.path("small/store").join(camera), &mut files);
            files.sort();
            let mut sorted = rows.clone();
            sorted.sort();
            assert_eq!(sorted, files, "camera {camera}");
            files.iter().for_each(|file| media::assert_decodes(file));
            count += files.len();
            gaps += reader.gaps(&filter).unwrap().iter().filter(|gap| gap.reason == "disk").count();
        }
        (count, gaps)
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => collect(&path, files),
            path => files.push(path),
        }
    }
}

#[test]
fn the_floor_holds_and_recording_goes_on() {
    let Some(scenario) = Scenario::start("floor") else { return };
    scenario.fill();
    let watch = Watch::start();
    let (mut least, mut seen, mut last) = (u64::MAX, scenario.fragments(""), watch.elapsed());
    let mut longest = Duration::ZERO;
    wait::until("half a minute on a full disk", Duration::from_secs(60), || {
        least = least.min(scenario.small.free());
        let now = scenario.fragments("");
        if now > seen {
            longest = longest.max(watch.elapsed() - last);
            (seen, last) = (now, watch.elapsed());
        }
        (watch.elapsed() > Duration::from_secs(30)).then_some(())
    });
    let (errors, deleted) =
        (scenario.host.metric("wardline_store_errors_total", ""), scenario.deleted());
    assert!(least + SLACK_BYTES >= FLOOR_BYTES, "{least} bytes were free");
    assert!(longest < PAUSE_MAX, "recording stood still for {longest:?}");
    assert_eq!(errors.unwrap_or(0.0), 0.0, "errors of the store");
    let (files, gaps) = scenario.end();
    assert_eq!(gaps, 0, "gaps because of the disk");
    say(&format!(
        "torture | disk at its floor for 30 s | {deleted} files deleted, {files} left, all playing \
         | {:.1} of {} MiB free at the least, {:.1} s from write to write at the most",
        least as f64 / f64::from(1 << 20),
        FLOOR_BYTES >> 20,
        longest.as_secs_f64()
    ));
}

#[test]
fn a_disk_that_somebody_else_fills_is_used_again() {
    let Some(scenario) = Scenario::start("filled") else { return };
    scenario.goes_on(Duration::from_secs(60));
    // Zero bytes free, for the index too, and what is made free meanwhile is taken as well.
    let filler = scenario.small.0.join("filler");
    let whole = vec![7_u8; SIZE_BYTES as usize];
    let mut file = std::fs::File::create(&filler).unwrap();
    wait::until("an alarm", Duration::from_secs(30), || {
        // As much as there is room for.
        let _full = file.write_all(&whole);
        let (_, body) = scenario.host.get("/healthz").ok()?;
        let health: serde_json::Value = serde_json::from_str(&body).ok()?;
        (health["health"]["store"]["healthy"] == false).then_some(())
    });
    drop(file);
    std::fs::remove_file(&filler).unwrap();
    let watch = Watch::start();
    scenario.goes_on(Duration::from_secs(15));
    let back = watch.elapsed().as_secs_f64();
    let (files, gaps) = scenario.end();
    say(&format!(
        "torture | zero bytes free, for the index too, by somebody else | {files} files left, all \
         playing, each with its row; {gaps} gaps | recording again {back:.1} s after there was room"
    ));
}

/// Somebody else takes the last byte while there is something to delete: the store makes room for
/// itself, with the index on the same filesystem, and the floor is kept again.
#[test]
fn a_disk_without_a_free_byte_makes_room_and_recording_goes_on() {
    let Some(scenario) = Scenario::start("empty") else { return };
    scenario.fill();
    let filler = scenario.small.0.join("filler");
    // As much as there is: the write ends with the last free page.
    let _ = std::fs::write(&filler, vec![7_u8; FLOOR_BYTES as usize + (4 << 20)]);
    let at_least = scenario.small.free();
    let watch = Watch::start();
    let (mut seen, mut last) = (scenario.fragments(""), watch.elapsed());
    let (mut longest, mut kept) = (Duration::ZERO, None);
    wait::until("half a minute after the disk was filled", Duration::from_secs(60), || {
        let now = scenario.fragments("");
        if now > seen {
            longest = longest.max(watch.elapsed() - last);
            (seen, last) = (now, watch.elapsed());
        }
        if kept.is_none() && scenario.small.free() >= FLOOR_BYTES {
            kept = Some(watch.elapsed());
        }
        (watch.elapsed() > Duration::from_secs(20)).then_some(())
    });
    assert!(longest < PAUSE_MAX, "recording stood still for {longest:?}");
    let kept = kept.expect("the floor is free again");
    scenario.goes_on(Duration::from_secs(15));
    let (files, gaps) = scenario.end();
    say(&format!(
        "torture | {at_least} bytes free, for the index too, by somebody else | the floor free \
         again after {:.1} s, recording stood still for {:.1} s at the most; {files} files left, \
         all playing, each with its row; {gaps} gaps",
        kept.as_secs_f64(),
        longest.as_secs_f64()
    ));
}

/// Somebody else takes the last byte while no host runs: the next start makes room for its index, and
/// then for video.
#[test]
fn a_host_starts_on_a_disk_without_a_free_byte() {
    let Some(mut scenario) = Scenario::start("start") else { return };
    scenario.fill();
    let config = scenario.place.path("wardline.toml");
    scenario.host.stop();
    let filler = scenario.small.0.join("filler");
    // As much as there is: the write ends with the last free page.
    let _full = std::fs::write(&filler, vec![7_u8; SIZE_BYTES as usize]);
    assert_eq!(scenario.small.free(), 0);
    scenario.host = Host::start(&config);
    scenario.goes_on(Duration::from_secs(30));
    let (files, _) = scenario.end();
    assert!(files > 0);
}
