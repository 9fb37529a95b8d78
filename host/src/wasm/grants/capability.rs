//! One thing that a plugin can be granted, as a text that is the same in its manifest and in the
//! operator's configuration: `kv:4MiB`, `http:POST https://plates.example.com`.
//!
//! Pure. Says what texts mean and where two of them meet; who gets what is decided in `grants`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::parse_size;

/// What `kv` alone means, in bytes.
pub const KV_BYTES: u64 = 1 << 20;

/// The most that `kv:SIZE` can mean: all of it is kept in memory.
pub const KV_BYTES_MAX: u64 = 64 << 20;

/// Methods that can be granted.
pub const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// Headers of a hook that no plugin sees: they are for the host.
pub const HEADERS_PRIVATE: [&str; 4] =
    ["authorization", "cookie", "proxy-authorization", "content-type"];

/// Topics that the contract names and this host does not serve.
const TOPICS_RESERVED: [&str; 2] = ["mqtt", "onvif"];

/// One thing that a plugin can be granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Capability {
    /// `pictures`: decoded pictures, scaled as it wishes.
    Pictures,
    /// `units`: size, time and kind of each access unit.
    Units,
    /// `crop`: parts of the picture that it looks at, not scaled.
    Crop,
    /// `kv`, `kv:SIZE`: a store of its own of so many bytes.
    Kv(u64),
    /// `http:METHODS ORIGIN`: requests.
    Http(Reach),
    /// `topic:hook`: what is posted to its own path.
    Hook,
    /// `header:NAME`: this header of what is posted there.
    Header(String),
}

/// Where requests may go, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Of [`METHODS`], at least one.
    pub methods: BTreeSet<&'static str>,
    /// `https://HOST[:PORT]` or `http://HOST[:PORT]` in its normal form. `None` is `*`: in a manifest
    /// whatever the operator names. A grant must name it.
    pub origin: Option<String>,
}

impl Reach {
    /// Whether a request may go there.
    pub fn allows(&self, method: &str, url: &Url) -> bool {
        self.methods.contains(method)
            && self.origin.as_deref() == Some(url.origin().ascii_serialization().as_str())
    }
}

impl Capability {
    /// What a wish and a grant have in common, if anything.
    pub(super) fn meet(&self, grant: &Self) -> Option<Self> {
        match (self, grant) {
            // The operator's is the quota.
            (Self::Kv(wish), Self::Kv(grant)) => (grant >= wish).then_some(Self::Kv(*grant)),
            (Self::Http(wish), Self::Http(grant)) => {
                let same = wish.origin.is_none() || wish.origin == grant.origin;
                let methods: BTreeSet<_> =
                    wish.methods.intersection(&grant.methods).copied().collect();
                let reach = Reach { methods, origin: grant.origin.clone() };
                (same && grant.origin.is_some() && !reach.methods.is_empty())
                    .then_some(Self::Http(reach))
            }
            (wish, grant) => (wish == grant).then(|| wish.clone()),
        }
    }
}

impl FromStr for Capability {
    type Err = String;

    /// What is wrong does not repeat the text, which stands beside it.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, detail) = match text.split_once(':') {
            Some((name, detail)) => (name, Some(detail)),
            None => (text, None),
        };
        Ok(match (name, detail) {
            ("pictures", None) => Self::Pictures,
            ("units", None) => Self::Units,
            ("crop", None) => Self::Crop,
            ("kv", None) => Self::Kv(KV_BYTES),
            ("kv", Some(size)) => Self::Kv(kv(size)?),
            ("http", Some(reach)) => Self::Http(reach.parse()?),
            ("http", None) => {
                return Err("say which requests: `http:GET,POST https://HOST[:PORT]`".into());
            }
            ("topic", Some("hook")) => Self::Hook,
            ("topic", Some(topic)) => return Err(topic_refused(topic)),
            ("header", Some(name)) => Self::Header(header(name)?),
            _ => {
                return Err("there is no such capability: there are `pictures`, `units`, `crop`, \
                            `kv`, `kv:SIZE`, `http:METHODS ORIGIN`, `topic:hook` and `header:NAME`"
                    .into());
            }
        })
    }
}

fn kv(size: &str) -> Result<u64, String> {
    let bytes = parse_size(size).map_err(|why| format!("the size is {why}"))?;
    if bytes == 0 || bytes > KV_BYTES_MAX {
        return Err(format!("the size must be between 1B and {}MiB", KV_BYTES_MAX >> 20));
    }
    Ok(bytes)
}

fn topic_refused(topic: &str) -> String {
    let kind = topic.split(':').next().unwrap_or_default();
    if TOPICS_RESERVED.contains(&kind) {
        return format!("topics of `{kind}` are reserved, and this host does not serve them yet");
    }
    "there is no such topic: there is `topic:hook`".into()
}

fn header(name: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        return Err("write the header's name in lower case, for example `header:x-device`".into());
    }
    if HEADERS_PRIVATE.contains(&name) {
        return Err("this header is for the host, and no plugin sees it".into());
    }
    Ok(name.into())
}

impl FromStr for Reach {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "write `http:METHODS ORIGIN`, for example `http:GET,POST https://HOST[:PORT]`";
        let (methods, origin) = text.split_once(' ').ok_or(form)?;
        let method = |word: &str| {
            METHODS.iter().find(|known| **known == word).copied().ok_or_else(|| {
                format!("there is no method of that name: there are {}", METHODS.join(", "))
            })
        };
        let methods = methods.split(',').map(method).collect::<Result<_, _>>()?;
        if origin == "*" {
            return Ok(Self { methods, origin: None });
        }
        let url = Url::parse(origin).map_err(|_| form.to_owned())?;
        let bare = url.path() == "/"
            && !origin.ends_with('/')
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let is_one_host = url.host_str().is_some_and(|host| !host.contains('*'));
        if !bare || !["http", "https"].contains(&url.scheme()) || !is_one_host {
            return Err(format!("the origin is one host, without path, query or password: {form}"));
        }
        Ok(Self { methods, origin: Some(url.origin().ascii_serialization()) })
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pictures => f.write_str("pictures"),
            Self::Units => f.write_str("units"),
            Self::Crop => f.write_str("crop"),
            Self::Kv(KV_BYTES) => f.write_str("kv"),
            Self::Kv(bytes) if bytes % (1 << 20) == 0 => write!(f, "kv:{}MiB", bytes >> 20),
            Self::Kv(bytes) if bytes % (1 << 10) == 0 => write!(f, "kv:{}KiB", bytes >> 10),
            Self::Kv(bytes) => write!(f, "kv:{bytes}B"),
            Self::Http(reach) => {
                let methods: Vec<&str> = reach.methods.iter().copied().collect();
                let origin = reach.origin.as_deref().unwrap_or("*");
                write!(f, "http:{} {origin}", methods.join(","))
            }
            Self::Hook => f.write_str("topic:hook"),
            Self::Header(name) => write!(f, "header:{name}"),
        }
    }
}

impl TryFrom<String> for Capability {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map_err(|why| format!("`{text}`: {why}"))
    }
}

impl From<Capability> for String {
    fn from(capability: Capability) -> Self {
        capability.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Capability {
        text.parse().unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    #[test]
    fn texts_mean_the_same_after_a_round() {
        for text in [
            "pictures",
            "units",
            "crop",
            "kv",
            "kv:200KiB",
            "kv:64MiB",
            "kv:7B",
            "http:GET https://plates.example.com",
            "http:GET,POST http://10.0.0.7:8123",
            "http:PUT https://[fd00::1]",
            "http:POST *",
            "topic:hook",
            "header:x-device",
        ] {
            assert_eq!(parse(text).to_string(), text);
        }
        let same = [
            ("kv:1024KiB", "kv"),
            (
                "http:POST,GET https://Plates.Example.com:443",
                "http:GET,POST https://plates.example.com",
            ),
            ("http:GET https://bücher.example", "http:GET https://xn--bcher-kva.example"),
        ];
        for (text, normal) in same {
            assert_eq!(parse(text).to_string(), normal);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, said) in [
            ("", "there is no such capability"),
            ("files", "there is no such capability"),
            ("pictures:all", "there is no such capability"),
            ("kv:lots", "not a size"),
            ("kv:0B", "between 1B and 64MiB"),
            ("kv:65MiB", "between 1B and 64MiB"),
            ("http", "say which requests"),
            ("http:https://a.example", "write `http:METHODS ORIGIN`"),
            ("http:get https://a.example", "there are GET, HEAD"),
            ("http:CONNECT https://a.example", "there are GET, HEAD"),
            ("http:GET a.example", "write `http:METHODS ORIGIN`"),
            ("http:GET ftp://a.example", "the origin is one host"),
            ("http:GET https://a.example/", "the origin is one host"),
            ("http:GET https://a.example/x", "the origin is one host"),
            ("http:GET https://me:pw@a.example", "the origin is one host"),
            ("http:GET https://*.example", "the origin is one host"),
            ("topic:mqtt", "`mqtt` are reserved, and this host does not serve them yet"),
            ("topic:onvif:gate/motion", "`onvif` are reserved"),
            ("topic:kafka", "there is `topic:hook`"),
            ("header:X-Device", "in lower case"),
            ("header:cookie", "no plugin sees it"),
        ] {
            let why = text.parse::<Capability>().unwrap_err();
            assert!(why.contains(said), "{text}: {why}");
        }
    }

    #[test]
    fn wishes_and_grants_meet() {
        for (wish, grant, met) in [
            ("crop", "crop", Some("crop")),
            ("crop", "kv", None),
            ("kv:2MiB", "kv", None),
            ("kv", "kv:2MiB", Some("kv:2MiB")),
            (
                "http:GET https://a.example",
                "http:GET,POST https://a.example",
                Some("http:GET https://a.example"),
            ),
            ("http:GET https://a.example", "http:POST https://a.example", None),
            ("http:GET https://a.example", "http:GET https://b.example", None),
            ("http:GET https://a.example", "http:GET http://a.example", None),
            ("http:GET *", "http:GET https://b.example", Some("http:GET https://b.example")),
            ("http:GET *", "http:GET *", None),
            ("header:x-a", "header:x-b", None),
        ] {
            let common = parse(wish).meet(&parse(grant)).map(|common| common.to_string());
            assert_eq!(common.as_deref(), met, "{wish} and {grant}");
        }
    }

    #[test]
    fn a_reach_is_an_origin_whole() {
        let Capability::Http(reach) = parse("http:GET https://a.example") else { panic!() };
        for (method, url, allowed) in [
            ("GET", "https://a.example/x?y", true),
            ("GET", "https://A.example:443/", true),
            ("POST", "https://a.example/", false),
            ("GET", "http://a.example/", false),
            ("GET", "https://a.example:444/", false),
            ("GET", "https://a.example.evil.example/", false),
            ("GET", "https://a.example@evil.example/", false),
            ("GET", "data:a.example", false),
        ] {
            assert_eq!(reach.allows(method, &url.parse().unwrap()), allowed, "{method} {url}");
        }
        let Capability::Http(any) = parse("http:GET *") else { panic!() };
        assert!(!any.allows("GET", &"https://a.example/".parse().unwrap()));
    }
}
