//! Motion at 5 fps, recording and decoding included: Wardline beside Debian's `motion` with
//! `movie_passthrough`, on the same feed; then eight such cameras in one host.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::Bench;
use super::feed::Server;
use super::process::{self, Contender, Usage};
use super::record::fresh;

/// Length of the clip, in seconds.
const CLIP_SECONDS: u64 = 139;

/// Prints a row a contender.
pub(crate) fn run(bench: &Bench<'_>) -> Result<(), String> {
    let clip = bench.root.join("../shared/clips/one-by-one-person-detection.mp4");
    if !clip.exists() {
        process::say("skipped: motion: the clip one-by-one-person-detection.mp4 is not there");
        return Ok(());
    }
    let theirs = motion(bench, &clip)?;
    process::say("| contender | cameras | CPU % of a core | peak MB |");
    process::say("|---|---|---|---|");
    row("motion 4.5.1", 1, theirs);
    let cold = wardline(bench, &clip, 1, true)?;
    row("wardline, compile cache cold", 1, cold);
    let warm = wardline(bench, &clip, 1, false)?;
    row("wardline", 1, warm);
    let eight = wardline(bench, &clip, 8, false)?;
    row("wardline", 8, eight);
    process::say(&format!(
        "CPU ratio {:.3} (goal 0.6), memory ratio {:.3} (goal 0.5), eight cameras' memory beside \
         eight motions' {:.3} (goal 0.1)",
        warm.cpu_seconds / theirs.cpu_seconds,
        warm.peak_bytes as f64 / theirs.peak_bytes as f64,
        eight.peak_bytes as f64 / (8 * theirs.peak_bytes) as f64,
    ));
    Ok(())
}

fn row(name: &str, cameras: u32, usage: Usage) {
    process::say(&format!(
        "| {name} | {cameras} | {:.2} | {:.1} |",
        100.0 * usage.cpu_seconds / CLIP_SECONDS as f64,
        usage.peak_bytes as f64 / 1e6
    ));
}

fn motion(bench: &Bench<'_>, clip: &Path) -> Result<Usage, String> {
    let server = Server::start(bench.root, clip)?;
    let directory = fresh(bench, "motion")?;
    let config = format!(
        "daemon off\nsetup_mode off\nlog_level 4\nnetcam_url {}\nwidth 768\nheight 432\n\
         framerate 5\nthreshold 1500\nmovie_output on\nmovie_passthrough on\npicture_output off\n\
         target_dir {}\nwebcontrol_port 0\nstream_port 0\n",
        server.url,
        directory.display()
    );
    let path = directory.join("motion.conf");
    std::fs::write(&path, config).map_err(|e| format!("write {}: {e}", path.display()))?;
    let contender = Contender::start(
        Command::new("motion").args(["-n", "-c"]).arg(&path),
        &directory.join("log"),
    )?;
    Ok(process::watch(vec![contender], Duration::from_secs(CLIP_SECONDS)))
}

fn wardline(bench: &Bench<'_>, clip: &Path, cameras: u32, cold: bool) -> Result<Usage, String> {
    let server = Server::start(bench.root, clip)?;
    let directory = fresh(bench, "wardline-motion")?;
    let cache = bench.work.join("cache");
    if cold && cache.exists() {
        std::fs::remove_dir_all(&cache).map_err(|e| format!("{}: {e}", cache.display()))?;
    }
    let mut config = String::from(
        "[store]\npath = \"store\"\n[http]\nlisten = \"127.0.0.1:0\"\n\
         [plugins.motion]\ncomponent = \"analyzer-motion\"\n\
         [plugins.clips]\ncomponent = \"policy-pre-post\"\n",
    );
    for camera in 0..cameras {
        let _infallible = write!(
            config,
            "[cameras.c{camera}]\nurl = \"{}\"\nmode = \"both\"\nkeep = \"1d\"\n\
             analyzers = [\"motion\"]\npolicies = [\"clips\"]\n",
            server.url
        );
    }
    let path = directory.join("wardline.toml");
    std::fs::write(&path, config).map_err(|e| format!("write {}: {e}", path.display()))?;
    let contender = Contender::start(
        Command::new(&bench.wardline)
            .env("XDG_CACHE_HOME", &cache)
            .env("STATE_DIRECTORY", &directory)
            .arg("run")
            .arg(&path),
        &directory.join("log"),
    )?;
    Ok(process::watch(vec![contender], Duration::from_secs(CLIP_SECONDS)))
}
