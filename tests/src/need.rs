//! What a test needs from the machine. Where something is missing the test is skipped by name.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Six people, one by one, in a room; H.264 Main with B-frames, a key frame each second.
pub const ONE_BY_ONE: &str = "one-by-one-person-detection.mp4";
/// A car park; H.264 Baseline, with AAC.
pub const CARS: &str = "car-detection.mp4";
/// Bottles; H.264 High with a B-pyramid and 8.4 s from key frame to key frame.
pub const BOTTLES: &str = "bottle-detection.mp4";

/// Something that may be missing.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    /// The built program.
    Wardline,
    /// `ffmpeg` and `ffprobe`.
    Ffmpeg,
    /// Python with GStreamer's RTSP server (`python3-gi`, `gir1.2-gst-rtsp-server-1.0`).
    Gstreamer,
    /// A camera clip by its file name.
    Clip(&'static str),
    /// A program.
    Tool(&'static str),
    /// What an example's README says is installed beside it: the example's folder, and what is there
    /// then.
    SetUp(&'static str, &'static str),
    /// A guest that `cargo xtask plugins` builds, by its folder's name.
    Guest(&'static str),
}

/// Whether `test` lacks something; if so, says what.
pub fn missing(test: &str, needs: &[Need]) -> bool {
    let lacks = needs.iter().find_map(|need| match need {
        Need::Wardline => wardline().is_none().then(|| {
            "wardline is not built: type `cargo build -p wardline`, or set WARDLINE_BIN".to_owned()
        }),
        Need::Ffmpeg => (!runs("ffmpeg", &["-version"])).then(|| "no ffmpeg".to_owned()),
        Need::Gstreamer => {
            python().is_none().then(|| "no python3-gi with gir1.2-gst-rtsp-server-1.0".to_owned())
        }
        Need::Tool(name) => (!on_path(name)).then(|| format!("no {name}")),
        Need::SetUp(example, made) => {
            let folder = workspace().join("examples").join(example);
            let why = || format!("no {made} in examples/{example}: its README says how to get it");
            (!folder.join(made).exists()).then(why)
        }
        Need::Guest(name) => (!guest(name).is_file())
            .then(|| format!("guest {name} is not built: type `cargo xtask plugins`")),
        Need::Clip(name) => clip(name).is_none().then(|| format!("no clip {name}")),
    });
    match lacks {
        None => false,
        Some(why) => {
            say(&format!("skipped: {test}: {why}"));
            true
        }
    }
}

/// The program under test.
pub fn wardline() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("WARDLINE_BIN") {
        return Some(PathBuf::from(path)).filter(|path| path.is_file());
    }
    // The tests' own program lies in `target/<profile>/deps`.
    let program = std::env::current_exe().ok()?;
    let found = program.parent()?.parent()?.join("wardline");
    found.is_file().then_some(found)
}

/// A camera clip: in the folder `WARDLINE_CLIPS`, or in `shared/clips` beside the workspace.
pub fn clip(name: &str) -> Option<PathBuf> {
    let folder = match std::env::var_os("WARDLINE_CLIPS") {
        Some(folder) => PathBuf::from(folder),
        None => workspace().join("../shared/clips"),
    };
    Some(folder.join(name)).filter(|path| path.is_file())
}

/// The component of a guest, once it is built.
pub fn guest(name: &str) -> PathBuf {
    workspace().join("plugins/dist").join(name).with_extension("wasm")
}

/// The root of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace")
}

/// A Python that can serve RTSP. Debian's own comes first: another one may lack its packages.
pub fn python() -> Option<&'static str> {
    static FOUND: OnceLock<Option<&'static str>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let probe = "import gi\ngi.require_version('GstRtspServer', '1.0')\nfrom gi.repository import GstRtspServer";
        ["/usr/bin/python3", "python3"].into_iter().find(|python| runs(python, &["-c", probe]))
    })
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Tells the person who runs the tests.
#[allow(clippy::print_stderr, reason = "the test runner shows it to a person")]
pub fn say(text: &str) {
    eprintln!("{text}");
}
