//! Looking at a day of a camera: its playlist, from a wish to see a moment to the first byte of it, and
//! the strip of pictures above its time line.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::fetch::Connection;
use super::show;
use crate::bench::record::fresh;
use crate::bench::{Bench, process};

/// The archive is so long.
const HOURS: u32 = 24;

/// How often the playlist of all of it is fetched, and how many moments are sought.
const PLAYLISTS: usize = 50;
const SEEKS: usize = 500;

/// Pictures in the strip of a day, 24 minutes apart, and how often it is fetched again.
const CELLS: usize = 60;
const STRIPS: usize = 50;

/// From long before to long after the archive.
pub(super) const EVER: &str = "from=2000-01-01T00:00:00Z&to=2200-01-01T00:00:00Z";

/// A day of a camera, and the host that has it.
pub(super) struct Archive {
    pub(super) host: process::Contender,
    pub(super) address: String,
    pub(super) store: PathBuf,
}

/// Records a day as fast as it can be read, then looks at it.
pub(super) fn run(bench: &Bench<'_>) -> Result<Archive, String> {
    let archive = record(bench)?;
    let mut connection = Connection::to(&archive.address)?;
    let path = format!("/api/v1/cameras/day/playback.m3u8?{EVER}");
    let (mut times, mut text) = (Vec::new(), String::new());
    for _ in 0..PLAYLISTS {
        let answer = connection.get(&path)?;
        times.push(answer.whole);
        text = String::from_utf8_lossy(&answer.body).into_owned();
    }
    let dates: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("#EXT-X-PROGRAM-DATE-TIME:")).collect();
    let pieces = text.matches(".m4s").count();
    let files = dates.len();
    show(
        &format!("playlist, {files} files, {pieces} pieces, {} KiB", text.len() >> 10),
        &mut times,
    );
    let mut times = Vec::new();
    let mut random = Random(1);
    for _ in 0..SEEKS {
        let at = random.below(files.saturating_sub(11));
        let (Some(from), Some(to)) = (dates.get(at), dates.get(at + 10)) else {
            return Err("the day has too few files".into());
        };
        let path = format!("/api/v1/cameras/day/playback.m3u8?from={from}&to={to}");
        let playlist = connection.get(&path)?;
        let text = String::from_utf8_lossy(&playlist.body);
        let piece = text.lines().find(|line| line.ends_with(".m4s")).ok_or("an empty playlist")?;
        let piece = connection.get(&format!("/api/v1/cameras/day/{piece}"))?;
        times.push(playlist.whole + piece.first);
    }
    show("seek: playlist of ten minutes and first byte of video", &mut times);
    strip(&mut connection, dates.first().ok_or("the day has no file")?)?;
    Ok(archive)
}

fn record(bench: &Bench<'_>) -> Result<Archive, String> {
    let folder = fresh(bench, "view")?;
    let day = day(bench)?;
    let config = folder.join("wardline.toml");
    let text = format!(
        "[store]\npath = \"store\"\nfree-floor = \"1MiB\"\n\n[http]\nlisten = \"127.0.0.1:0\"\n\n\
         [cameras.day]\nurl = \"{}\"\npace = \"fast\"\nkeep = \"3650d\"\n",
        day.display()
    );
    std::fs::write(&config, text).map_err(|e| format!("write {}: {e}", config.display()))?;
    let log = folder.join("log");
    let mut command = Command::new(&bench.wardline);
    command.arg("run").arg(&config).env("STATE_DIRECTORY", folder.join("state"));
    let host = process::Contender::start(&mut command, &log)?;
    let address = address(&log)?;
    process::say("recording a day");
    recorded(&log)?;
    Ok(Archive { host, address, store: folder.join("store") })
}

/// Cold: nothing of it is decoded; the files are in the system's memory.
fn strip(connection: &mut Connection, from: &str) -> Result<(), String> {
    let step = u64::from(HOURS) * 3600 / CELLS as u64;
    let path =
        format!("/api/v1/cameras/day/strip.jpg?from={from}&step={step}s&count={CELLS}&width=160");
    let cold = connection.get(&path)?;
    show(&format!("strip of a day, {CELLS} pictures, cold"), &mut [cold.whole]);
    let mut times = Vec::new();
    for _ in 0..STRIPS {
        times.push(connection.get(&path)?.whole);
    }
    show("the same, warm", &mut times);
    Ok(())
}

/// Numbers that are the same in every run (Knuth's generator).
pub(super) struct Random(pub(super) u64);

impl Random {
    /// From 0; 0 where `bound` is.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }
}

/// A day of small pictures at 300 kbit/s, GOP 2 s: ten minutes, again and again.
fn day(bench: &Bench<'_>) -> Result<PathBuf, String> {
    let clip = bench.work.join("day.mp4");
    if clip.exists() {
        return Ok(clip);
    }
    process::say("making a day of video");
    let (minutes, part) = (bench.work.join("minutes.mp4"), bench.work.join("part.mp4"));
    let source = "testsrc2=size=320x180:rate=15:duration=600,noise=alls=8:allf=t";
    process::run(
        Command::new("ffmpeg")
            .args(["-y", "-v", "error", "-f", "lavfi", "-i", source])
            .args(["-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "30"])
            .args(["-keyint_min", "30", "-sc_threshold", "0", "-pix_fmt", "yuv420p"])
            .args(["-b:v", "300k", "-maxrate", "300k", "-bufsize", "300k"])
            .arg(&minutes),
    )?;
    let times = (HOURS * 6 - 1).to_string();
    process::run(
        Command::new("ffmpeg")
            .args(["-y", "-v", "error", "-stream_loop", &times, "-i"])
            .arg(&minutes)
            .args(["-c", "copy"])
            .arg(&part),
    )?;
    std::fs::rename(&part, &clip).map_err(|e| format!("rename {}: {e}", part.display()))?;
    Ok(clip)
}

/// Waits for a line of the log that `find` takes.
fn wait<T>(log: &std::path::Path, find: impl Fn(&str) -> Option<T>) -> Result<T, String> {
    let until = process::now() + Duration::from_secs(1800);
    while process::now() < until {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        if let Some(found) = text.lines().find_map(&find) {
            return Ok(found);
        }
        process::pause(200);
    }
    Err(format!("what was waited for does not come in {}", log.display()))
}

/// Where the host listens, as its log says.
pub(super) fn address(log: &std::path::Path) -> Result<String, String> {
    wait(log, |line| {
        let rest = line.split("127.0.0.1:").nth(1)?;
        let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
        line.contains("address").then(|| format!("127.0.0.1:{port}"))
    })
}

fn recorded(log: &std::path::Path) -> Result<(), String> {
    let words = ["\"message\":\"offline\"", "\"message\":\"ended\""];
    wait(log, |line| words.iter().any(|word| line.contains(word)).then_some(()))?;
    // Its last file is closed a moment later.
    process::pause(3000);
    Ok(())
}
