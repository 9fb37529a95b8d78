//! One camera's table, with its template beneath, -> [`Camera`].

use std::time::Duration;

use url::Url;

use super::chains::kinds_of;
use super::stores::{MAIN_STORE, SIZE};
use super::table::{Context, Table, Text};
use super::{
    Camera, KEEP_DEFAULT, Login, Mode, Pace, Secret, Source, Time, Transport, show_duration,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// How long recordings can be kept.
const KEEP: std::ops::RangeInclusive<Duration> =
    Duration::ZERO..=Duration::from_secs(100 * 365 * 86_400);

/// The longest camera or plugin name: leaves room in a file name of 255 bytes.
const NAME_BYTES_MAX: usize = 64;

/// What a table describes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A camera: it needs a stream.
    Camera,
    /// Only what cameras have in common: may be incomplete.
    Template,
}

/// A camera and where the parts stand that others must check.
pub(super) struct Read {
    pub(super) camera: Camera,
    pub(super) at: usize,
    pub(super) store: Option<Text>,
    pub(super) analyzers: Vec<Text>,
    pub(super) policies: Vec<Text>,
    pub(super) hears: Vec<Text>,
}

/// Reads a camera; `None` where its stream is missing or wrong, which is noted.
pub(super) fn camera(
    context: &Context<'_>,
    name: &str,
    table: Table<'_, '_>,
    role: Role,
) -> Option<Read> {
    let at = table.at;
    // Asked for so that it is known; `read` has looked it up.
    let _ = table.get("template");
    let (source, analysis) = sources(context, &table, role);
    let analyzers = table.texts("analyzers");
    let policies = table.texts("policies");
    let (hears, heard) = kinds_of(context, &table, "hears", "gate");
    let modes = [Mode::Continuous, Mode::Events, Mode::Both, Mode::Off];
    let mode = table.choice("mode", &modes.map(|mode| (mode.as_str(), mode)));
    let fallback = if policies.is_empty() { Mode::Continuous } else { Mode::Both };
    let store = table.text("store");
    let keep = table.duration("keep", KEEP).unwrap_or(KEEP_DEFAULT);
    let keep_max = keep_max(context, &table, keep, role);
    let size_max = table.size("size-max", SIZE);
    let segment = table.duration("segment", SECOND..=60 * MINUTE);
    let preroll = table.duration("preroll", Duration::ZERO..=60 * MINUTE);
    let preroll_bytes = table.size("preroll-bytes", 1 << 20..=16 << 30);
    let clips = table.flag("clips");
    let stall = table.duration("stall", SECOND..=10 * MINUTE);
    let timezone = table.text("timezone").map(|text| {
        if jiff::tz::TimeZone::get(&text.value).is_err() {
            context.mistake(
                text.at,
                format!("`timezone`: `{}` is not a known time zone: write for example `Europe/Berlin` or `UTC`", text.raw),
            );
        }
        text.value
    });
    table.finish();
    let names = |texts: &[Text]| texts.iter().map(|text| text.value.clone()).collect();
    let camera = Camera {
        name: name.into(),
        source: source?,
        analysis,
        mode: mode.unwrap_or(fallback),
        store: store.as_ref().map_or_else(|| MAIN_STORE.into(), |store| store.value.clone()),
        keep,
        keep_max,
        size_max,
        segment: segment.unwrap_or(MINUTE),
        preroll: preroll.unwrap_or(MINUTE),
        preroll_bytes: preroll_bytes.unwrap_or(64 << 20),
        clips: clips.unwrap_or(true),
        stall: stall.unwrap_or(10 * SECOND),
        timezone,
        analyzers: names(&analyzers),
        policies: names(&policies),
        hears,
    };
    Some(Read { camera, at, store, analyzers, policies, hears: heard })
}

/// The longest that policies can ask for. A template's `keep` may yet become another.
fn keep_max(
    context: &Context<'_>,
    table: &Table<'_, '_>,
    keep: Duration,
    role: Role,
) -> Option<Duration> {
    let most = table.duration("keep-max", KEEP)?;
    if most < keep && role == Role::Camera {
        let at = table.get("keep-max").map_or(table.at, |(_, at)| at);
        let text = format!(
            "`keep-max` in `[{}]` is less than its `keep` ({}): raise it, or lower `keep`",
            table.name,
            show_duration(keep)
        );
        context.mistake(at, text);
    }
    Some(most)
}

/// What belongs to streams, whatever their kind.
struct Stream {
    transport: Option<Transport>,
    time: Option<Time>,
    pace: Option<Pace>,
    repeat: Option<bool>,
    login: Option<Login>,
}

fn sources(
    context: &Context<'_>,
    table: &Table<'_, '_>,
    role: Role,
) -> (Option<Source>, Option<Source>) {
    let url = table.text("url");
    let analysis_url = table.text("analysis-url");
    let stream = Stream {
        transport: table.choice("transport", &[("tcp", Transport::Tcp), ("udp", Transport::Udp)]),
        time: table.choice("time", &[("host", Time::Host), ("camera", Time::Camera)]),
        pace: table.choice("pace", &[("live", Pace::Live), ("fast", Pace::Fast)]),
        repeat: table.flag("loop"),
        login: login(context, table),
    };
    if url.is_none() && role == Role::Camera && table.get("url").is_none() {
        context.mistake(
            table.at,
            format!(
                "`[{}]` has no `url`: write `url = \"rtsp://...\"`, or the path of an .mp4 file",
                table.name
            ),
        );
    }
    let source = url.and_then(|url| source(context, "url", &url, &stream));
    if let Some(Source::File { .. }) = source {
        for key in ["transport", "time", "username", "password", "password-file"] {
            if let Some((_, at)) = table.get(key) {
                context.mistake(
                    at,
                    format!(
                        "`{key}` in `[{}]` is for RTSP, and `url` is a file: leave it out",
                        table.name
                    ),
                );
            }
        }
    }
    if let Some(Source::Rtsp { .. }) = source {
        for key in ["pace", "loop"] {
            if let Some((_, at)) = table.get(key) {
                context.mistake(
                    at,
                    format!(
                        "`{key}` in `[{}]` is for files, and `url` is an RTSP camera: leave it out",
                        table.name
                    ),
                );
            }
        }
    }
    let analysis =
        analysis_url.and_then(|url| self::source(context, "analysis-url", &url, &stream));
    (source, analysis)
}

fn login(context: &Context<'_>, table: &Table<'_, '_>) -> Option<Login> {
    let username = table.text("username");
    let password = secret(context, table, "password", "password-file");
    match (username, password) {
        (Some(username), password) => {
            let password = password.map_or_else(|| Secret::new(""), |(secret, _)| secret);
            Some(Login { username: username.value, password })
        }
        (None, Some((_, at))) => {
            context.mistake(
                at,
                format!("`[{}]` has a password but no `username`: add one", table.name),
            );
            None
        }
        (None, None) => None,
    }
}

/// A secret, given itself or as the file that holds it.
pub(super) fn secret(
    context: &Context<'_>,
    table: &Table<'_, '_>,
    key: &'static str,
    file_key: &'static str,
) -> Option<(Secret, usize)> {
    let given = table.text(key);
    let file = table.text(file_key);
    match (given, file) {
        (Some(_), Some(file)) => {
            context.mistake(
                file.at,
                format!("`{key}` and `{file_key}` in `[{}]` say the same: leave one", table.name),
            );
            None
        }
        (Some(given), None) => Some((Secret::new(given.value), given.at)),
        (None, Some(file)) => read_secret(context, file_key, &file),
        (None, None) => None,
    }
}

fn read_secret(context: &Context<'_>, key: &str, file: &Text) -> Option<(Secret, usize)> {
    let path = context.resolve(&file.value);
    match context.surroundings.secret_file(&path) {
        Ok(text) => Some((Secret::new(text.trim_end_matches(['\r', '\n'])), file.at)),
        Err(error) => {
            context.mistake(file.at, format!("`{key}`: can't read {}: {error}", path.display()));
            None
        }
    }
}

fn source(context: &Context<'_>, key: &str, text: &Text, stream: &Stream) -> Option<Source> {
    let wrong = |why: &str| {
        context.mistake(text.at, format!("`{key}`: {why}"));
        None
    };
    let Some((scheme, _)) = text.value.split_once("://") else {
        let path = context.resolve(&text.value);
        if !context.surroundings.is_file(&path) {
            // Perhaps a URL without its scheme, and then with a password.
            let is_path = !["@", ":", "//"].iter().any(|mark| text.raw.contains(mark));
            let shown = if is_path { &text.raw } else { "(not shown)" };
            let shown = context.resolve(shown);
            return wrong(&format!(
                "there is no file {}: write `rtsp://...`, or the path of an .mp4 file",
                shown.display()
            ));
        }
        return Some(Source::File {
            path,
            pace: stream.pace.unwrap_or(Pace::Live),
            repeat: stream.repeat.unwrap_or(false),
        });
    };
    match scheme {
        "rtsp" => {}
        "rtsps" => {
            return wrong(
                "TLS (`rtsps://`) is not supported yet: use `rtsp://` in a network that you trust",
            );
        }
        _ => return wrong("only `rtsp://` and paths of .mp4 files are supported"),
    }
    // The parser's own message quotes nothing, but the text may hold a password: say no more.
    let Ok(mut url) = Url::parse(&text.value) else {
        return wrong(
            "not a valid URL: write `rtsp://HOST[:PORT]/PATH`; special characters in a password need `%XX`, or use `username` and `password`",
        );
    };
    if url.host_str().is_none_or(str::is_empty) {
        return wrong("the URL names no host: write `rtsp://HOST[:PORT]/PATH`");
    }
    if url.username().is_empty() && url.path().contains('@') {
        return wrong(
            "an `@` in the path: a `/` or `@` in a password needs `%2F` or `%40`, or use `username` and `password`; an `@` that is meant in the path needs `%40`, too",
        );
    }
    let mut login = stream.login.clone();
    if !url.username().is_empty() || url.password().is_some() {
        if key == "url" && login.is_some() {
            return wrong("the URL has credentials, and so has the camera: leave one");
        }
        let password = percent_decoded(url.password().unwrap_or(""));
        login = Some(Login {
            username: percent_decoded(url.username()),
            password: Secret::new(password),
        });
        url.set_username("")
            .and_then(|()| url.set_password(None))
            .expect("an rtsp URL with a host can lose its credentials");
    }
    let transport = stream.transport.unwrap_or(Transport::Tcp);
    Some(Source::Rtsp { url, login, transport, time: stream.time.unwrap_or(Time::Host) })
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = (byte == b'%')
            .then(|| after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code {
            Some(code) => {
                bytes.push(code);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether a name can be part of a path, a URL, a metric and an event's id; if not, why.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(format!("a name has 1 to {NAME_BYTES_MAX} characters"));
    }
    if !name.chars().all(plain) || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err("use lower case letters, digits, `-` and `_`, and begin with a letter or digit: it becomes part of paths".into());
    }
    Ok(())
}
