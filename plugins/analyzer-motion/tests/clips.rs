//! The analyzer over real clips, decoded by ffmpeg as the host would. Skipped by name where ffmpeg or
//! the clips are missing.

use std::path::PathBuf;
use std::process::Command;

use analyzer_motion::MotionAnalyzer;
use analyzer_motion::params::Settings;
use wardline_sdk::{Analyzer, Event, Phase, Picture};

const WIDTH: u32 = 320;
const HEIGHT: u32 = 180;

/// All events of a clip, or none with the reason printed.
fn events(clip: &str, params: &str) -> Option<Vec<Event>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join("../shared/clips").join(clip);
    let skip = |why: &str| {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "skipped: {clip}: {why}");
    };
    if !path.is_file() {
        skip("the clip is not there");
        return None;
    }
    let filter = format!("scale={WIDTH}:{HEIGHT},fps=5");
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(&path)
        .args(["-vf", &filter, "-pix_fmt", "gray", "-f", "rawvideo", "-"])
        .output();
    let Ok(output) = output else {
        skip("ffmpeg is not there");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut analyzer = MotionAnalyzer::new(Settings::read(params).unwrap());
    let size = (WIDTH * HEIGHT) as usize;
    let mut events = Vec::new();
    for (index, pixels) in (0_i64..).zip(output.stdout.chunks_exact(size)) {
        let picture = Picture {
            sequence: 2 * index as u64,
            time: index * 200_000,
            width: WIDTH,
            height: HEIGHT,
            skipped: 0,
            key: false,
            gap: false,
        };
        events.extend(analyzer.analyze(&picture, pixels).unwrap());
    }
    for event in &events {
        if event.phase != Phase::Update { eprintln!("{:?} {} {} {:?}", event.phase, event.id, event.time as f64/1e6, event.regions.first().map(|r| r.area)); }
    }
    Some(events)
}

#[test]
fn six_visits() {
    events("one-by-one-person-detection.mp4", "{}");
}
#[test]
fn car() {
    events("car-detection.mp4", "{}");
}
#[test]
fn bottle() {
    events("bottle-detection.mp4", "{}");
}
