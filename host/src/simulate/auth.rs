//! Basic and Digest authentication of RTSP clients (RFC 7617; RFC 2617 without `qop`, which is
//! what cameras do).
//!
//! Passwords never leave this file, not even in `Debug`.

use std::fmt;

use base64::Engine as _;
use md5::{Digest as _, Md5};

/// The realm that clients are shown.
const REALM: &str = "wardline simulate";

/// A user and a password.
#[derive(Clone)]
pub struct Credentials {
    user: String,
    password: String,
}

impl Credentials {
    /// What every client has to know.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: user.into(), password: password.into() }
    }

    /// The values of the two `WWW-Authenticate` headers of a 401.
    pub(super) fn challenges(nonce: &str) -> [String; 2] {
        [format!("Digest realm=\"{REALM}\", nonce=\"{nonce}\""), format!("Basic realm=\"{REALM}\"")]
    }

    /// Whether an `Authorization` header proves knowledge of the password.
    pub(super) fn allow(&self, header: &str, method: &str, nonce: &str) -> bool {
        match header.split_once(' ') {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("basic") => self.allow_basic(rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("digest") => {
                self.allow_digest(rest, method, nonce)
            }
            _ => false,
        }
    }

    fn allow_basic(&self, token: &str) -> bool {
        let decoded = base64::engine::general_purpose::STANDARD.decode(token.trim());
        decoded.is_ok_and(|pair| pair == format!("{}:{}", self.user, self.password).into_bytes())
    }

    fn allow_digest(&self, parameters: &str, method: &str, nonce: &str) -> bool {
        let value = |name: &str| {
            let named = |part: &str| {
                let (key, value) = part.trim().split_once('=')?;
                key.trim()
                    .eq_ignore_ascii_case(name)
                    .then(|| value.trim().trim_matches('"').to_owned())
            };
            parameters.split(',').find_map(named).unwrap_or_default()
        };
        let secret = hash(&format!("{}:{REALM}:{}", self.user, self.password));
        let request = hash(&format!("{method}:{}", value("uri")));
        value("username") == self.user
            && value("nonce") == nonce
            && value("response") == hash(&format!("{secret}:{nonce}:{request}"))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

fn hash(text: &str) -> String {
    Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_enter() {
        let credentials = Credentials::new("ann", "se:cret");
        let digest = |password: &str| {
            let secret = hash(&format!("ann:{REALM}:{password}"));
            let response = hash(&format!("{secret}:n1:{}", hash("PLAY:rtsp://h/a,b")));
            format!(
                "Digest username=\"ann\", realm=\"{REALM}\", nonce=\"n1\", uri=\"rtsp://h/a,b\", response=\"{response}\""
            )
        };
        // A comma in a URI is legal but not sent by any client known: it is refused, not misread.
        assert!(!credentials.allow(&digest("se:cret"), "PLAY", "n1"));
        let plain = digest("x").replace("h/a,b", "h/a");
        assert!(!credentials.allow(&plain, "PLAY", "n1"));
        for (header, expected) in [
            ("Basic YW5uOnNlOmNyZXQ=", true),
            ("basic YW5uOnNlOmNyZXQ=", true),
            ("Basic YW5uOndyb25n", false),
            ("Basic ???", false),
            ("Bearer x", false),
            ("", false),
        ] {
            assert_eq!(credentials.allow(header, "PLAY", "n1"), expected, "{header}");
        }
    }

    #[test]
    fn digest_of_the_standard_shape() {
        let credentials = Credentials::new("ann", "secret");
        let secret = hash(&format!("ann:{REALM}:secret"));
        let response = hash(&format!("{secret}:n1:{}", hash("PLAY:rtsp://h/a")));
        let header = format!(
            "Digest username=\"ann\", realm=\"{REALM}\", nonce=\"n1\", uri=\"rtsp://h/a\", response=\"{response}\""
        );
        assert!(credentials.allow(&header, "PLAY", "n1"));
        assert!(!credentials.allow(&header, "PLAY", "n2"), "another nonce");
        assert!(!credentials.allow(&header, "TEARDOWN", "n1"), "another method");
        assert!(!format!("{credentials:?}").contains("secret"));
    }
}
