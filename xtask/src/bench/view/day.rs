//! Looking at a day of a camera: its playlist, and from a wish to see a moment to the first byte of it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::{Bench, process};

/// The archive is so long.
const HOURS: u32 = 24;

/// How often the playlist of all of it is fetched, and how many moments are sought.
const PLAYLISTS: usize = 50;
const SEEKS: usize = 500;

/// From long before to long after the archive.
const EVER: &str = "from=2000-01-01T00:00:00Z&to=2200-01-01T00:00:00Z";

/// Records a day as fast as it can be read, then looks at it.
pub(crate) fn run(bench: &Bench<'_>) -> Result<(), String> {
    let folder = bench.work.join("view");
    let _old = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(|e| format!("create {}: {e}", folder.display()))?;
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
    let path = format!("/api/v1/cameras/day/playback.m3u8?{EVER}");
    let (mut times, mut text) = (Vec::new(), String::new());
    for _ in 0..PLAYLISTS {
        let answer = fetch(&address, &path)?;
        times.push(answer.whole);
        text = String::from_utf8_lossy(&answer.body).into_owned();
    }
    let dates: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("#EXT-X-PROGRAM-DATE-TIME:")).collect();
    let pieces = text.matches(".m4s").count();
    show(&format!("playlist, {pieces} pieces, {} KiB", text.len() >> 10), &mut times);
    let mut times = Vec::new();
    let mut random = 1_u64;
    for _ in 0..SEEKS {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let last = dates.len().saturating_sub(11).max(1);
        let at = (random >> 33) as usize % last;
        let (Some(from), Some(to)) = (dates.get(at), dates.get(at + 10)) else {
            return Err("the day has too few files".into());
        };
        let path = format!("/api/v1/cameras/day/playback.m3u8?from={from}&to={to}");
        let playlist = fetch(&address, &path)?;
        let text = String::from_utf8_lossy(&playlist.body);
        let piece = text.lines().find(|line| line.ends_with(".m4s")).ok_or("an empty playlist")?;
        let piece = fetch(&address, &format!("/api/v1/cameras/day/{piece}"))?;
        times.push(playlist.whole + piece.first);
    }
    show("seek: playlist of ten minutes and first byte of video", &mut times);
    host.end();
    Ok(())
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

fn address(log: &std::path::Path) -> Result<String, String> {
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

/// An answer, and how long it took.
struct Answer {
    body: Vec<u8>,
    /// To the first byte of the body, in milliseconds.
    first: f64,
    /// To its last.
    whole: f64,
}

fn fetch(address: &str, path: &str) -> Result<Answer, String> {
    let failed = |error: std::io::Error| format!("GET {path}: {error}");
    let began = process::now();
    let mut stream = TcpStream::connect(address).map_err(failed)?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let (mut bytes, mut buffer, mut first) = (Vec::new(), vec![0; 64 << 10], None);
    let mut head = None;
    loop {
        let read = stream.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            break;
        }
        bytes.extend_from_slice(&buffer[..read]);
        head = head.or_else(|| bytes.windows(4).position(|four| four == b"\r\n\r\n"));
        if first.is_none() && head.is_some_and(|head| bytes.len() > head + 4) {
            first = Some(began.elapsed().as_secs_f64() * 1000.0);
        }
    }
    let whole = began.elapsed().as_secs_f64() * 1000.0;
    let head = head.ok_or_else(|| format!("GET {path}: no answer"))?;
    if !bytes.starts_with(b"HTTP/1.1 200") {
        return Err(format!("GET {path}: {}", String::from_utf8_lossy(&bytes)));
    }
    Ok(Answer { body: bytes.split_off(head + 4), first: first.unwrap_or(whole), whole })
}

/// Prints the middle, and what 95 of 100 took at most.
fn show(what: &str, times: &mut [f64]) {
    times.sort_by(f64::total_cmp);
    let part = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or(f64::NAN);
    process::say(&format!("{what}: median {:.2} ms, p95 {:.2} ms", part(50), part(95)));
}
