//! Recording only: Wardline beside `ffmpeg -c copy -f segment`, for 1, 4 and 16 cameras.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::feed::{self, Server};
use super::process::{self, Contender, Usage};
use super::{Bench, slices};

/// Prints a row a case.
pub(crate) fn run(bench: &Bench<'_>) -> Result<(), String> {
    let clip = feed::full_hd(bench)?;
    let expected = slices::count(std::slice::from_ref(&clip))?;
    process::say(
        "| cameras | ffmpeg CPU s/stream s | wardline | ratio | ffmpeg peak MB | wardline | ratio |",
    );
    process::say("|---|---|---|---|---|---|---|");
    for cameras in [16, 4, 1] {
        let ffmpeg = ffmpeg(bench, &clip, cameras, expected * cameras)?;
        let wardline = wardline(bench, &clip, cameras, expected * cameras)?;
        let seconds = f64::from(feed::SECONDS) * cameras as f64;
        let (theirs, ours) = (ffmpeg.cpu_seconds / seconds, wardline.cpu_seconds / seconds);
        let megabytes = |usage: Usage| usage.peak_bytes as f64 / 1e6;
        process::say(&format!(
            "| {cameras} | {theirs:.5} | {ours:.5} | {:.3} | {:.1} | {:.1} | {:.3} |",
            ours / theirs,
            megabytes(ffmpeg),
            megabytes(wardline),
            megabytes(wardline) / megabytes(ffmpeg),
        ));
    }
    Ok(())
}

fn ffmpeg(bench: &Bench<'_>, clip: &Path, cameras: usize, slices: usize) -> Result<Usage, String> {
    let server = Server::start(bench.root, clip)?;
    let directory = fresh(bench, "ffmpeg")?;
    let mut contenders = Vec::new();
    for camera in 0..cameras {
        contenders.push(Contender::start(
            Command::new("ffmpeg")
                .args(["-v", "error", "-rtsp_transport", "tcp", "-i", &server.url])
                .args(["-c", "copy", "-f", "segment", "-segment_time", "60"])
                .arg(directory.join(format!("{camera}-%d.mp4"))),
            &directory.join(format!("{camera}.log")),
        )?);
    }
    let usage = process::watch(contenders, length());
    must_hold("ffmpeg", &directory, slices)?;
    Ok(usage)
}

fn wardline(
    bench: &Bench<'_>,
    clip: &Path,
    cameras: usize,
    slices: usize,
) -> Result<Usage, String> {
    let server = Server::start(bench.root, clip)?;
    let directory = fresh(bench, "wardline")?;
    let usage = process::watch(vec![host(bench, &directory, &server.url, cameras)?], length());
    must_hold("wardline", &directory, slices)?;
    Ok(usage)
}

/// Wardline, which records so many cameras at `url` into `directory` and logs to `log` there.
pub(crate) fn host(
    bench: &Bench<'_>,
    directory: &Path,
    url: &str,
    cameras: usize,
) -> Result<Contender, String> {
    let mut config = String::from("[store]\npath = \"store\"\n[http]\nlisten = \"127.0.0.1:0\"\n");
    for camera in 0..cameras {
        let _infallible = write!(
            config,
            "[cameras.c{camera}]\nurl = \"{url}\"\nmode = \"continuous\"\nkeep = \"1d\"\n"
        );
    }
    let path = directory.join("wardline.toml");
    std::fs::write(&path, config).map_err(|e| format!("write {}: {e}", path.display()))?;
    Contender::start(
        Command::new(&bench.wardline).env("STATE_DIRECTORY", directory).arg("run").arg(&path),
        &directory.join("log"),
    )
}

/// The feed and what a session takes to begin.
pub(crate) fn length() -> Duration {
    Duration::from_secs(u64::from(feed::SECONDS) + 5)
}

/// An empty directory for a contender.
pub(crate) fn fresh(bench: &Bench<'_>, name: &str) -> Result<std::path::PathBuf, String> {
    let directory = bench.work.join(name);
    if directory.exists() {
        std::fs::remove_dir_all(&directory).map_err(|e| format!("{}: {e}", directory.display()))?;
    }
    std::fs::create_dir_all(&directory).map_err(|e| format!("{}: {e}", directory.display()))?;
    Ok(directory)
}

/// At the end of the feed Wardline connects again and records more: at least all is asked for.
pub(crate) fn must_hold(contender: &str, directory: &Path, slices: usize) -> Result<(), String> {
    let written = slices::count(&slices::files(directory))?;
    if written < slices {
        return Err(format!("void: {contender} wrote {written} of {slices} slices"));
    }
    Ok(())
}
