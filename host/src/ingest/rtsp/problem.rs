//! Why a camera can't be played, in words that say what to do next.
//!
//! Takes what retina says; leaves out addresses of packets, control characters and passwords.

use std::fmt;

use crate::base::masked::masked;
use crate::ingest::camera::RtspOrigin;

/// The longest text of a camera or a library that is passed on.
const SAID_MAX: usize = 300;

/// What stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Not an `rtsp` URL.
    Scheme,
    /// The host's name has no address.
    Name,
    /// Nothing answers at that address.
    Unreachable,
    /// The host is there, but nothing listens on the port.
    Refused,
    /// The camera does not answer in time.
    NoAnswer,
    /// It wants a user and a password, or others.
    Password,
    /// It has no such path.
    Path,
    /// It has no room for another viewer.
    Busy,
    /// It offers neither H.264 nor H.265.
    NoVideo,
    /// Anything else.
    Other,
}

/// A camera that can't be played.
#[derive(Clone, Debug)]
pub struct OpenError {
    problem: Problem,
    /// What was seen.
    detail: String,
    advice: String,
}

impl OpenError {
    pub(super) fn new(problem: Problem, origin: &RtspOrigin, detail: String) -> Self {
        Self { problem, advice: advice(problem, origin), detail }
    }

    /// `name` is what was attempted.
    pub(super) fn of(error: &retina::Error, origin: &RtspOrigin, name: &str) -> Self {
        let whole = error.to_string();
        let problem = match error.status_code() {
            Some(401 | 403) => Problem::Password,
            Some(404) => Problem::Path,
            Some(453 | 503) => Problem::Busy,
            Some(_) => Problem::Other,
            None => connecting(&whole),
        };
        Self::new(problem, origin, format!("{name}: {}", said(&whole, origin)))
    }

    /// What stands in the way.
    pub fn problem(&self) -> Problem {
        self.problem
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.advice, self.detail)
    }
}

impl std::error::Error for OpenError {}

/// Connecting has no status, and the cause inside is not given out: its text has to do.
fn connecting(whole: &str) -> Problem {
    if !whole.starts_with("Unable to connect") {
        Problem::Other
    } else if whole.contains("refused") {
        Problem::Refused
    } else if whole.contains("lookup") {
        Problem::Name
    } else {
        Problem::Unreachable
    }
}

fn advice(problem: Problem, origin: &RtspOrigin) -> String {
    let url = &origin.url;
    let host = url.host_str().unwrap_or("the host");
    let port = url.port().unwrap_or(554);
    match problem {
        Problem::Scheme if url.scheme() == "rtsps" => {
            "rtsps is not supported yet: use an rtsp:// URL, on a network that you trust".into()
        }
        Problem::Scheme => format!("{}:// is not supported: use an rtsp:// URL", url.scheme()),
        Problem::Name => format!("{host} has no address: check the host name in the URL"),
        Problem::Unreachable => {
            format!(
                "nothing answers at {host}: check the address, and that the camera has power and network"
            )
        }
        Problem::Refused => {
            format!(
                "{host} refuses port {port}: check the port, and that RTSP is switched on in the camera"
            )
        }
        Problem::NoAnswer => {
            format!(
                "{host} does not answer: check that port {port} is the camera's RTSP port, or restart the camera"
            )
        }
        Problem::Password if origin.credentials.is_none() => {
            "the camera wants a user and a password: set them in the configuration".into()
        }
        Problem::Password => "the camera refuses the user or the password: check both".into(),
        Problem::Path => {
            let path = masked(url.path());
            format!("the camera has no stream at {path}: check the path of the URL")
        }
        Problem::Busy => {
            "the camera is busy: it may allow few viewers, so close others or restart it".into()
        }
        Problem::NoVideo => {
            "the camera has no video that is supported: set it to H.264 or H.265".into()
        }
        Problem::Other => "the camera can't be played".into(),
    }
}

/// The first paragraph of what was said, fit for a log line and for the index.
pub(super) fn said(whole: &str, origin: &RtspOrigin) -> String {
    let first = whole.split("\n\n").next().unwrap_or_default();
    let first = match &origin.credentials {
        Some(credentials) => credentials.redact(first),
        None => first.to_owned(),
    };
    let first = masked(&first);
    let clean: String = first
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .take(SAID_MAX)
        .collect();
    clean.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    fn origin(url: &str) -> RtspOrigin {
        RtspOrigin::new(Url::parse(url).unwrap(), None)
    }

    #[test]
    fn each_problem_says_what_to_do_and_no_password() {
        for (problem, url, expected) in [
            (Problem::Scheme, "rtsps://cam/", "rtsps is not supported yet"),
            (Problem::Scheme, "http://cam/", "http:// is not supported"),
            (Problem::Name, "rtsp://cam/", "cam has no address"),
            (Problem::Refused, "rtsp://cam/", "cam refuses port 554"),
            (Problem::Refused, "rtsp://cam:8554/", "cam refuses port 8554"),
            (Problem::Password, "rtsp://cam/", "wants a user and a password"),
            (Problem::Password, "rtsp://u:hunter2@cam/", "refuses the user or the password"),
            (Problem::Path, "rtsp://cam/live", "no stream at /live"),
            (Problem::NoVideo, "rtsp://cam/", "set it to H.264 or H.265"),
        ] {
            let text = OpenError::new(problem, &origin(url), "seen".into()).to_string();
            assert!(text.contains(expected) && text.ends_with("(seen)"), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn what_is_said_is_short_clean_and_without_password() {
        let origin = origin("rtsp://u:hunter2@cam/");
        let whole = format!("bad\x1b[31m \r\nhunter2 {}\n\nconn: 1.2.3.4", "x".repeat(999));
        let text = said(&whole, &origin);
        assert!(text.starts_with("bad [31m   *** xxx") && text.len() <= SAID_MAX, "{text}");
        assert!(!text.contains("conn"));
    }

    #[test]
    fn connecting_fails_in_three_ways() {
        for (text, expected) in [
            (
                "Unable to connect to RTSP server: Connection refused (os error 111)",
                Problem::Refused,
            ),
            ("Unable to connect to RTSP server: failed to lookup address", Problem::Name),
            ("Unable to connect to RTSP server: No route to host", Problem::Unreachable),
            ("RTSP framing error: x", Problem::Other),
        ] {
            assert_eq!(connecting(text), expected, "{text}");
        }
    }
}
