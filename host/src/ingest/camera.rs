//! What ingest has to be told of a camera: where it is and how to take it in.
//!
//! Values only. The configuration makes them, sessions and probes use them.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::base::Timestamp;

/// One stream of one camera.
#[derive(Clone, Debug)]
pub struct CameraIngest {
    /// The camera's name in the configuration; figures and log lines carry it. A second stream
    /// for analysis has a name of its own, such as `gate/analysis`.
    pub name: String,
    /// Where its media comes from.
    pub origin: Origin,
    /// A session without video for so long is torn down. Usually [`STALL`].
    pub stall: Duration,
}

/// The usual patience with a session that delivers no video.
pub const STALL: Duration = Duration::from_secs(10);

/// Where media comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A camera that speaks RTSP.
    Rtsp(RtspOrigin),
    /// An MP4 file that is played as a camera.
    File(FileOrigin),
}

/// An RTSP camera.
#[derive(Clone, Debug)]
pub struct RtspOrigin {
    /// `rtsp://host[:port]/path`, without credentials: see [`RtspOrigin::new`].
    pub url: Url,
    /// What to answer when the camera asks who we are (Basic or Digest).
    pub credentials: Option<Credentials>,
    /// How media travels.
    pub transport: Transport,
    /// Whether audio is taken too.
    pub audio: Audio,
    /// Where its time comes from.
    pub time: TimeFrom,
}

impl RtspOrigin {
    /// A camera at `url`, over TCP, with audio, its time by arrival. Credentials in the URL are taken out of it;
    /// `credentials` given beside it win.
    pub fn new(mut url: Url, credentials: Option<Credentials>) -> Self {
        let inside = Credentials::take_from(&mut url);
        let credentials = credentials.or(inside);
        let (transport, audio, time) = (Transport::Tcp, Audio::Take, TimeFrom::Arrival);
        Self { url, credentials, transport, audio, time }
    }
}

/// A file.
#[derive(Clone, Debug)]
pub struct FileOrigin {
    /// The MP4 file.
    pub path: PathBuf,
    /// How fast it is played.
    pub pace: Pace,
    /// What follows its end.
    pub at_end: AtEnd,
    /// UTC of the file's first moment; `None`: when it starts to play.
    pub start: Option<Timestamp>,
}

/// How fast a file is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// By its own times, as a camera would send it.
    Real,
    /// As fast as the other stages take it: they are waited for, nothing is dropped.
    Fast,
}

/// What follows the end of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtEnd {
    /// A gap, and the camera is gone for good.
    Stop,
    /// Its start again, times going on.
    Repeat,
}

/// How media travels from an RTSP camera.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// Inside the RTSP connection.
    #[default]
    Tcp,
    /// In datagrams. Those that come out of order are lost.
    Udp,
}

/// Where the UTC of a camera's media comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeFrom {
    /// This host's clock, when the media arrives.
    #[default]
    Arrival,
    /// The camera's clock, by its sender reports.
    Camera,
}

/// Whether audio is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Audio {
    /// AAC is; other audio is left out with a warning.
    #[default]
    Take,
    /// No.
    LeaveOut,
}

/// A user and a password. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
}

impl Credentials {
    /// Takes user and password out of a URL, percent-decoded.
    pub fn take_from(url: &mut Url) -> Option<Self> {
        let user = decoded(url.username());
        let password = url.password().map(decoded).unwrap_or_default();
        if user.is_empty() && password.is_empty() {
            return None;
        }
        // Both refuse only URLs without a host, which have no credentials either.
        url.set_username("").ok()?;
        url.set_password(None).ok()?;
        Some(Self { user, password })
    }

    /// `text` without the password.
    pub fn redact(&self, text: &str) -> String {
        if self.password.is_empty() {
            return text.into();
        }
        text.replace(&self.password, "***")
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(***)")
    }
}

/// Without percent-encoding; what is malformed stays as it is.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut result = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let code = text.get(at + 1..at + 3).filter(|_| byte == b'%');
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(value) => {
                result.push(value);
                at += 3;
            }
            None => {
                result.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&result).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_leave_the_url_and_are_never_shown() {
        for (url, expected, rest) in [
            ("rtsp://cam/a", None, "rtsp://cam/a"),
            ("rtsp://u:p@cam/a", Some(("u", "p")), "rtsp://cam/a"),
            ("rtsp://u@cam:5/", Some(("u", "")), "rtsp://cam:5/"),
            ("rtsp://a%40b:%25%2f%zz@cam/", Some(("a@b", "%/%zz")), "rtsp://cam/"),
        ] {
            let origin = RtspOrigin::new(Url::parse(url).unwrap(), None);
            let seen = origin.credentials.as_ref().map(|c| (c.user.as_str(), c.password.as_str()));
            assert_eq!((seen, origin.url.as_str()), (expected, rest), "{url}");
        }
        let origin = RtspOrigin::new(Url::parse("rtsp://root:hunter2@cam/").unwrap(), None);
        assert!(!format!("{origin:?}").contains("hunter2"));
        assert_eq!(origin.credentials.unwrap().redact("so hunter2!"), "so ***!");
    }
}
