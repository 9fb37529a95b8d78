//! The feeds: clips that ffmpeg makes once, served by Debian's gst-rtsp-server, one unshared
//! media a client.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{Bench, process};

/// Length of the recording feed, in seconds.
pub(crate) const SECONDS: u32 = 60;

/// 1080p30, 4 Mbit/s, no B-frames, GOP 2 s; made once and kept.
pub(crate) fn full_hd(bench: &Bench<'_>) -> Result<PathBuf, String> {
    let clip = bench.work.join("1080p30-4M.mp4");
    if clip.exists() {
        return Ok(clip);
    }
    process::say("making the 1080p30 feed");
    let part = bench.work.join("part.mp4");
    let source = format!("testsrc2=size=1920x1080:rate=30:duration={SECONDS},noise=alls=12:allf=t");
    process::run(
        Command::new("ffmpeg")
            .args(["-y", "-v", "error", "-f", "lavfi", "-i", &source])
            .args(["-c:v", "libx264", "-preset", "superfast", "-bf", "0", "-g", "60"])
            .args(["-keyint_min", "60", "-sc_threshold", "0", "-pix_fmt", "yuv420p"])
            .args(["-b:v", "4M", "-minrate", "4M", "-maxrate", "4M", "-bufsize", "4M"])
            .arg(&part),
    )?;
    std::fs::rename(&part, &clip).map_err(|e| format!("rename {}: {e}", part.display()))?;
    Ok(clip)
}

/// A server that ends with its value.
pub(crate) struct Server {
    child: Child,
    /// Where the clip is served.
    pub(crate) url: String,
}

impl Server {
    /// Serves `clip` on a free port of loopback.
    pub(crate) fn start(root: &Path, clip: &Path) -> Result<Self, String> {
        let script = root.join("tests/src/gst_rtsp_server.py");
        let mut child = Command::new("/usr/bin/python3")
            .arg(&script)
            .args(["0", "", ""])
            .arg(format!("camera=h264={}", clip.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("start {}: {e}", script.display()))?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).map_err(|e| format!("read port: {e}"))?;
        }
        match line.trim().rsplit(['=', ' ', ':']).next().and_then(|port| port.parse::<u16>().ok()) {
            Some(port) => Ok(Self { child, url: format!("rtsp://127.0.0.1:{port}/camera") }),
            None => {
                let _gone = child.kill();
                Err(format!("{} said no port but `{}`", script.display(), line.trim()))
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
