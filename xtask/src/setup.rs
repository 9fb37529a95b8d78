//! Installs the programs that tests and benchmarks compare with, where that is allowed.
//!
//! None is needed to build or run Wardline: a test whose program is missing is skipped by name.

use std::path::Path;

use crate::step::{Step, is_installed, output, say};

/// Packages that belong to one purpose.
#[derive(Clone, Copy)]
pub(crate) struct Group {
    purpose: &'static str,
    /// Debian's names.
    packages: &'static [&'static str],
}

/// An RTSP server that is not ours, independent readers of what was written, and a compiler for plugins
/// in C.
pub(crate) const TESTS: Group = Group {
    purpose: "end-to-end tests",
    packages: &[
        "clang",
        "ffmpeg",
        "gir1.2-gst-rtsp-server-1.0",
        "gir1.2-gstreamer-1.0",
        "gstreamer1.0-libav",
        "gstreamer1.0-plugins-bad",
        "gstreamer1.0-plugins-base",
        "gstreamer1.0-plugins-good",
        "lld",
        "make",
        "python3-gi",
    ],
};

/// The browser that the page is tested in.
pub(crate) const BROWSER: Group = Group { purpose: "the page's tests", packages: &["chromium"] };

/// What the page's tests are written for, where no other one is installed.
pub(crate) const NODE: Group = Group { purpose: "the page's tests", packages: &["nodejs", "npm"] };

/// The recorder to compare motion detection with, and the server to compare sending with.
pub(crate) const BENCH: Group =
    Group { purpose: "benchmarks", packages: &["motion", "nginx-light"] };

/// Installs what is missing of some groups, or says what to type. That something is missing is no
/// error: it costs the tests that need it.
pub(crate) fn run(groups: &[Group]) -> Result<(), String> {
    if !is_installed("dpkg-query") {
        say(
            "xtask: not Debian, so nothing is installed: tests that find no ffmpeg or gst-rtsp-server are skipped by name",
        );
        return Ok(());
    }
    let mut missing: Vec<&str> = Vec::new();
    for group in groups {
        let lacking: Vec<&str> =
            group.packages.iter().copied().filter(|name| !has_package(name)).collect();
        if lacking.is_empty() {
            say(&format!("xtask: programs for {}: all installed", group.purpose));
        }
        missing.extend(lacking);
    }
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    let is_root = output("id", &["-u"]).is_some_and(|id| id.trim() == "0");
    let by_hand = format!(
        "tests that need them are skipped by name; to run these too, type: sudo apt-get install {names}"
    );
    if !is_root {
        say(&format!("xtask: some programs are missing: {by_hand}"));
        return Ok(());
    }
    if let Err(why) = install(&names) {
        say(&format!("xtask: {why}; {by_hand}"));
    }
    Ok(())
}

/// What lies in an example's folder once its language's tools are installed there, from npm and PyPI,
/// and what to type for that.
const LANGUAGES: [(&str, &str, &str, &str); 2] = [
    ("JavaScript", "examples/working-hours", "node_modules", "npm install"),
    (
        "Python",
        "examples/escalation",
        ".venv",
        "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt",
    ),
];

/// Says what to type to try plugins in interpreted languages, too. Their compilers are no part of this
/// machine, and take minutes.
pub(crate) fn tell_languages(root: &Path) {
    for (language, folder, made, how) in LANGUAGES {
        if !root.join(folder).join(made).exists() {
            say(&format!(
                "xtask: tests of plugins in {language} are skipped by name; to run these too, type: \
                 (cd {folder} && {how})"
            ));
        }
    }
}

fn has_package(name: &str) -> bool {
    let state = output("dpkg-query", &["--show", "--showformat=${db:Status-Status}", name]);
    state.is_some_and(|state| state == "installed")
}

fn install(names: &str) -> Result<(), String> {
    let apt = |what: &str, arguments: &[&str]| {
        Step::new(what, "apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["--quiet", "--quiet"])
            .args(arguments)
            .run(Path::new("/"))
    };
    apt("ask Debian for its packages", &["update"])?;
    let install = ["install", "--yes", "--no-install-recommends"];
    let arguments: Vec<&str> = install.into_iter().chain(names.split(' ')).collect();
    apt(&format!("install {names}"), &arguments)
}
