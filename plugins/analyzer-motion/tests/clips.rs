//! The analyzer over real clips, decoded by ffmpeg as the host would. Skipped by name where ffmpeg or
//! the clips are missing.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use analyzer_motion::MotionAnalyzer;
use analyzer_motion::params::Settings;
use wardline_sdk::{Analyzer, Event, Phase, Picture};

const WIDTH: u32 = 320;
const HEIGHT: u32 = 180;
const VISITS: [(f64, f64); 6] =
    [(6.0, 20.3), (22.7, 45.3), (50.2, 70.5), (74.5, 87.4), (92.1, 120.7), (123.5, 136.6)];

/// All events of a clip through ffmpeg's `filter`, times in seconds of the clip's line plus `from`;
/// or none, with the reason printed.
fn events(clip: &str, filter: &str, params: &str, picture_ms: i64) -> Option<Vec<Event>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join("../shared/clips").join(clip);
    let skip = |why: &str| {
        let _ = writeln!(std::io::stderr(), "skipped: {clip}: {why}");
    };
    if !path.is_file() {
        skip("the clip is not there");
        return None;
    }
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(&path)
        .args(["-vf", filter, "-pix_fmt", "gray", "-f", "rawvideo", "-"])
        .output();
    let Ok(output) = output else {
        skip("ffmpeg is not there");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut analyzer =
        MotionAnalyzer::new(Settings::read(params).expect("the test writes good parameters"));
    let mut events = Vec::new();
    for (index, pixels) in (0_i64..).zip(output.stdout.chunks_exact((WIDTH * HEIGHT) as usize)) {
        let picture = Picture {
            sequence: 2 * index as u64,
            time: index * picture_ms * 1000,
            width: WIDTH,
            height: HEIGHT,
            skipped: 0,
            key: false,
            gap: false,
        };
        events.extend(analyzer.analyze(&picture, pixels).expect("a whole picture"));
    }
    Some(events)
}

fn begins(events: &[Event]) -> Vec<f64> {
    let begins = events.iter().filter(|event| event.phase == Phase::Begin);
    begins.map(|event| event.time as f64 / 1e6).collect()
}

/// Each visit has a begin within 1.5 s, if it starts 20 s after `from` or `from` is the start of the clip;
/// no begin from 1 s to 5.5 s, nor in an interval without people more than 0.5 s after its start.
fn check_visits(filter: &str, params: &str, picture_ms: i64, from: f64) {
    let clip = "one-by-one-person-detection.mp4";
    let Some(events) = events(clip, filter, params, picture_ms) else { return };
    let begins: Vec<f64> = begins(&events).iter().map(|begin| begin + from).collect();
    let what = format!("{filter} {params}: {begins:?}");
    for (start, _) in VISITS.iter().filter(|(start, _)| from == 0.0 || *start > from + 20.0) {
        // The truth is known to half a second.
        let found = begins.iter().any(|begin| (start - 0.5..start + 1.5).contains(begin));
        assert!(found, "no begin for the visit at {start}: {what}");
    }
    let mut empty_from = 0.5;
    for (start, end) in VISITS {
        let alarm = begins.iter().find(|begin| (empty_from + 0.5..start - 0.5).contains(*begin));
        assert!(alarm.is_none(), "{alarm:?} is in an empty room: {what}");
        empty_from = end;
    }
}

#[test]
fn each_of_six_visits_begins_in_time_and_the_empty_room_is_quiet() {
    check_visits("scale=320:180,fps=5", "{}", 200, 0.0);
}

#[test]
fn visits_are_found_whatever_scales_the_picture() {
    check_visits("scale=320:180:flags=neighbor,fps=5", "{}", 200, 0.0);
    check_visits("scale=320:180:flags=area,fps=5", "{}", 200, 0.0);
    check_visits("fps=5:round=up,scale=320:180:flags=bilinear", "{}", 200, 0.0);
}

#[test]
fn visits_are_found_at_other_rates_and_in_noise() {
    check_visits("scale=320:180,fps=2.5", "{}", 400, 0.0);
    check_visits("scale=320:180,fps=10", "{}", 100, 0.0);
    check_visits("scale=320:180,fps=5,noise=alls=12:allf=t", "{}", 200, 0.0);
    check_visits("scale=320:180,fps=5,eq=contrast=0.6:brightness=-0.2", "{}", 200, 0.0);
}

#[test]
fn visits_are_found_by_every_sensitivity() {
    for sensitivity in ["low", "medium", "high"] {
        let params = format!(r#"{{"sensitivity":"{sensitivity}"}}"#);
        check_visits("scale=320:180,fps=5", &params, 200, 0.0);
    }
}

#[test]
fn who_is_there_at_the_start_leaves_no_ghost() {
    for from in [8, 30, 60, 100] {
        let filter = format!("trim=start={from},setpts=PTS-STARTPTS,scale=320:180,fps=5");
        check_visits(&filter, "{}", 200, f64::from(from));
    }
}

#[test]
fn cars_are_seen_in_spite_of_drifting_exposure() {
    let Some(events) = events("car-detection.mp4", "scale=320:180,fps=5", "{}", 200) else {
        return;
    };
    assert!((2..=6).contains(&begins(&events).len()), "{:?}", begins(&events));
    let open: i64 = events
        .iter()
        .filter(|event| event.phase == Phase::Begin)
        .map(|begin| {
            let end = events.iter().find(|event| event.phase == Phase::End && event.id == begin.id);
            end.map_or(30_000_000, |end| end.time) - begin.time
        })
        .sum();
    assert!(open < 20_000_000, "the car park is not always in motion: {open}");
}

#[test]
fn a_hand_that_moves_bottles_is_seen() {
    let Some(events) = events("bottle-detection.mp4", "scale=320:180,fps=5", "{}", 200) else {
        return;
    };
    assert!(!begins(&events).is_empty());
}

#[test]
fn motion_outside_the_zones_does_not_count() {
    let clip = "one-by-one-person-detection.mp4";
    let top = r#"{"zones":{"ceiling":[[0,0],[1,0],[1,0.02],[0,0.02]]}}"#;
    let Some(quiet) = events(clip, "scale=320:180,fps=5", top, 200) else { return };
    assert!(begins(&quiet).is_empty());
    let masked = r#"{"masks":[[[0,0],[1,0],[1,1],[0,1]]]}"#;
    let Some(quiet) = events(clip, "scale=320:180,fps=5", masked, 200) else { return };
    assert!(begins(&quiet).is_empty());
    let whole = r#"{"zones":{"room":[[0,0],[1,0],[1,1],[0,1]]}}"#;
    let Some(found) = events(clip, "scale=320:180,fps=5", whole, 200) else { return };
    assert!(begins(&found).len() >= 6);
    let zone = wardline_sdk::Value::Text("room".to_owned());
    assert!(
        found
            .iter()
            .all(|event| event.attribute("zone") == Some(&zone) || event.regions.is_empty())
    );
}
