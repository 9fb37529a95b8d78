//! What a store stands on, and what is missing there: filesystems that will not do, and a disk
//! that is not mounted.

use std::path::{Path, PathBuf};
use std::process::Command;

use wardline_tests::host::{Host, Place, wardline, wardline_in};
use wardline_tests::need::{Need, missing, say};

/// No camera that answers: the store is all that matters.
const CAMERA: &str = "[cameras.gate]\nurl = \"rtsp://127.0.0.1:1/x\"\n";

/// A mounted filesystem, until this is dropped.
struct Mounted(PathBuf);

impl Mounted {
    fn of(at: &Path, arguments: &[&str]) -> Option<Self> {
        std::fs::create_dir(at).ok()?;
        let output = Command::new("mount").args(arguments).arg(at).output().ok()?;
        output.status.success().then(|| Self(at.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn said(output: &std::process::Output) -> String {
    let [out, error] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{out}{error}")
}

/// Configures a store at `<mount>/rec`, and starts it: what is said by `check`, and by a start
/// that is refused.
fn on(name: &str, mount: &[&str]) -> Option<(String, Option<String>)> {
    if missing(name, &[Need::Wardline]) {
        return None;
    }
    let place = Place::new(name);
    let Some(_mounted) = Mounted::of(&place.path("mnt"), mount) else {
        say(&format!("skipped: {name}: can't mount such a filesystem here"));
        return None;
    };
    let config = place.path("wardline.toml");
    let text =
        format!("[store]\npath = \"mnt/rec\"\n\n[http]\nlisten = \"127.0.0.1:0\"\n\n{CAMERA}");
    std::fs::write(&config, &text).unwrap();
    let checked = said(&wardline(&["check", &config.to_string_lossy()]));
    if checked.contains("allow-filesystem") || checked.contains("read-only") {
        let run = wardline(&["run", &config.to_string_lossy()]);
        assert!(!run.status.success(), "{run:?}");
        assert!(!place.path("mnt/rec").exists(), "nothing is made before it is refused");
        return Some((checked, Some(said(&run))));
    }
    Host::start(&config).stop();
    let allowed = text.replace("[store]\n", "[store]\nallow-filesystem = true\n");
    std::fs::write(&config, allowed).unwrap();
    let silent = said(&wardline(&["check", &config.to_string_lossy()]));
    assert!(!silent.contains("warning"), "{silent}");
    Some((checked, None))
}

#[test]
fn a_store_in_memory_is_warned_about() {
    let Some((checked, refused)) = on("ground-tmpfs", &["-t", "tmpfs", "tmpfs"]) else { return };
    assert!(checked.contains("warning: store `main`"), "{checked}");
    assert!(checked.contains("tmpfs") && refused.is_none(), "{checked}");
}

#[test]
fn a_store_that_can_not_be_written_is_refused() {
    let mount = ["-t", "tmpfs", "-o", "ro", "tmpfs"];
    let Some((checked, refused)) = on("ground-read-only", &mount) else { return };
    for text in [checked, refused.expect("a start is refused")] {
        assert!(text.contains("read-only: mount it writable"), "{text}");
    }
}

#[test]
fn a_store_on_fat_is_refused() {
    if missing("ground-fat", &[Need::Wardline]) {
        return;
    }
    let folder = Place::new("ground-image");
    let image = folder.path("image");
    let made = Command::new("mkfs.vfat").arg("-C").arg(&image).arg("8192").output();
    if !made.is_ok_and(|made| made.status.success()) {
        say("skipped: ground-fat: no mkfs.vfat");
        return;
    }
    let image = image.to_string_lossy();
    let Some((checked, refused)) = on("ground-fat", &["-o", "loop", &image]) else { return };
    for text in [checked, refused.expect("a start is refused")] {
        assert!(text.contains("FAT") && text.contains("allow-filesystem = true"), "{text}");
    }
}

#[test]
fn a_disk_that_is_not_mounted_is_missed() {
    if missing("ground-unmounted", &[Need::Wardline]) {
        return;
    }
    let place = Place::new("ground-unmounted");
    let config = place.configure(CAMERA);
    let text = config.to_string_lossy().into_owned();
    Host::start(&config).stop();
    let (store, away) = (place.path("store"), place.path("away"));
    std::fs::rename(&store, &away).unwrap();
    std::fs::create_dir(&store).unwrap();
    let run = wardline_in(&place, &["run", &text]);
    let words = said(&run);
    assert!(!run.status.success() && words.contains("mount its disk"), "{words}");
    assert!(words.contains("wardline recordings init"), "{words}");
    assert_eq!(std::fs::read_dir(&store).unwrap().count(), 0, "nothing is made there");
    // Its disk is there again.
    std::fs::remove_dir(&store).unwrap();
    std::fs::rename(&away, &store).unwrap();
    Host::start(&config).stop();
    let again = wardline_in(&place, &["recordings", "init", &text]);
    assert!(!again.status.success() && said(&again).contains("already"), "{again:?}");
    // It is gone for good: a new one is begun on purpose.
    std::fs::rename(&store, &away).unwrap();
    let made = wardline_in(&place, &["recordings", "init", &text]);
    assert!(made.status.success(), "{made:?}");
    Host::start(&config).stop();
    // The old one turns up after all.
    std::fs::remove_dir_all(&store).unwrap();
    std::fs::rename(&away, &store).unwrap();
    let log = Host::start(&config).stop();
    assert!(log.contains("another store than before"), "{log}");
    let log = Host::start(&config).stop();
    assert!(!log.contains("another store than before"), "{log}");
}
