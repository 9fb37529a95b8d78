//! Cameras to record: GStreamer's RTSP server, and our own `wardline simulate`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::need;
use crate::process::Process;

/// How long a server may take to listen.
const START: Duration = Duration::from_secs(60);

/// An RTSP server in a process of its own.
pub struct Camera {
    process: Process,
    port: u16,
}

/// One clip of a server.
#[derive(Clone, Copy, Debug)]
pub struct Clip<'a> {
    /// The path of its URL.
    pub name: &'a str,
    /// `h264`, `h265`, `h264+aac` or `h265+aac`.
    pub codec: &'a str,
    /// The MP4 file.
    pub file: &'a Path,
}

impl Camera {
    /// GStreamer's server: each client gets each clip once, then BYE on an open connection.
    pub fn gstreamer(clips: &[Clip<'_>]) -> Self {
        Self::gstreamer_with("0", "", "", clips)
    }

    /// The same, at a port (`0`: any) and behind a password (Digest), where `user` is not empty.
    pub fn gstreamer_with(port: &str, user: &str, password: &str, clips: &[Clip<'_>]) -> Self {
        let python = need::python().expect("the test asked for it");
        let mut command = Command::new(python);
        command.args(["-c", include_str!("gst_rtsp_server.py"), port, user, password]);
        for Clip { name, codec, file } in clips {
            command.arg(format!("{name}={codec}={}", file.display()));
        }
        let mut process = Process::start("gst-rtsp-server", &mut command);
        let port = process.wait_for("its port", START, |line| {
            line.strip_prefix("port ").and_then(|port| port.trim().parse().ok())
        });
        Self { process, port }
    }

    /// `wardline simulate` with these arguments; listens at any free port.
    pub fn simulate(arguments: &[&str]) -> Self {
        let mut command = Command::new(need::wardline().expect("the test asked for it"));
        command.args(["simulate", "--listen", "127.0.0.1:0"]).args(arguments);
        let mut process = Process::start("wardline simulate", &mut command);
        let port = process.wait_for("its URL", START, |line| {
            let rest = line.split("rtsp://127.0.0.1:").nth(1)?;
            let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
            digits.parse().ok()
        });
        Self { process, port }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a path.
    pub fn url(&self, name: &str) -> String {
        format!("rtsp://127.0.0.1:{}/{name}", self.port)
    }

    /// Stops its process: connections stay open, nothing moves.
    pub fn freeze(&mut self) {
        self.process.signal(Signal::STOP);
    }

    /// Goes on after [`Camera::freeze`].
    pub fn thaw(&mut self) {
        self.process.signal(Signal::CONT);
    }
}
