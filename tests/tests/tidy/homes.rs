//! A third-party crate at an edge is named in one place, so that it can be understood, watched
//! and replaced there.

use super::{none, texts};

/// Crates, and the beginnings of the paths that may name them.
const HOMES: &[(&str, &[&str])] = &[
    ("retina", &["host/src/ingest/rtsp"]),
    ("wasmtime", &["host/src/wasm/"]),
    ("mp4_atom", &["host/src/record/mp4"]),
    ("rusqlite", &["host/src/store/index/"]),
    ("jpeg_encoder", &["host/src/view/pictures/"]),
    ("axum", &["host/src/serve/"]),
    ("hyper", &["host/src/serve/"]),
    // Scenes of the simulated camera are coded with the same library.
    ("rusty_h264", &["host/src/decode/", "host/src/simulate/encode"]),
    ("rusty_h265", &["host/src/decode/"]),
    ("argon2", &["host/src/people/"]),
    ("tokio_rustls", &["host/src/serve/tls"]),
    ("webpki", &["host/src/commands/host"]),
    ("jsonschema", &["host/src/wasm/params"]),
    ("ed25519_dalek", &["host/src/trust/"]),
    // Commands ask a running host with the same library.
    ("ureq", &["host/src/fetch/", "host/src/commands/host"]),
];

#[test]
fn crates_are_named_at_home_only() {
    let mut places = Vec::new();
    for file in texts(&[".rs"]) {
        // Tests read what was written by other means than ours.
        let tests = file.path.contains("/tests/") || file.path.ends_with("/tests.rs");
        if tests || !file.path.starts_with("host/") {
            continue;
        }
        for (name, homes) in HOMES.iter().copied() {
            if homes.iter().any(|home| file.path.starts_with(home)) {
                continue;
            }
            let naming = file.text.lines().position(|line| names(line, name));
            places.extend(naming.map(|at| format!("{}:{}: {name}", file.path, at + 1)));
        }
    }
    none("a crate is named in its home only (HOMES says where)", &places);
}

/// What is served must stand in the API's document, which is made from what `routes!` and `described`
/// are given.
#[test]
fn no_route_goes_undescribed() {
    let mut places = Vec::new();
    for file in texts(&[".rs"]) {
        // These are compiled for tests only, and serve nobody.
        let tests = ["/tests/", "/tests.rs", "/fuzz.rs"].iter().any(|it| file.path.contains(it));
        if tests || !file.path.starts_with("host/src/serve/") {
            continue;
        }
        // The page's own files are no part of the API.
        let bare = |line: &str| {
            [".route(", ".route_service(", ".nest("].iter().any(|way| line.contains(way))
        };
        let found = file.text.lines().position(bare).filter(|_| !file.path.ends_with("/page.rs"));
        places.extend(found.map(|at| format!("{}:{}", file.path, at + 1)));
    }
    none("a route is described: use `routes!` or `described`", &places);
}

/// Whether a line of code, not of comment, names a crate.
fn names(line: &str, name: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    code.match_indices(name).any(|(at, _)| {
        let boundary = |c: char| !(c.is_alphanumeric() || c == '_');
        let before = code[..at].chars().next_back();
        let alone = before.is_none_or(|c| boundary(c) && c != ':' && c != '"');
        alone && code[at + name.len()..].starts_with("::")
    })
}

#[test]
fn naming_is_seen() {
    for (line, named) in [
        ("use retina::client;", true),
        ("    let a = retina::client::Session::new();", true),
        ("fn a(b: &retina::Error)", true),
        ("// retina::client", false),
        ("use crate::retina::x;", false),
        ("let retina = 1;", false),
        ("\"retina=info\"", false),
    ] {
        assert_eq!(names(line, "retina"), named, "{line}");
    }
}
