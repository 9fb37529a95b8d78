//! `wardline:plugin/http`: requests that are asked now and answered later, through `messages`. Only
//! what was granted is linked, and each request is held against the grant.

use std::collections::VecDeque;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use url::Url;

use crate::base::Timestamp;
use crate::base::metrics::Plugin;
use crate::events::{Attribute, Value};
use crate::fetch::{self, Answer, BODY_BYTES, Line, TIMEOUT_MAX};
use crate::wasm::Message;
use crate::wasm::bindings::wardline::plugin::http;
use crate::wasm::grants::{Grants, METHODS, Reach};
use crate::wasm::instance::{Host, InstanceConfig};
use crate::wasm::limits;

/// Headers that say how the exchange itself goes, or for whom it is: the host's to say.
const HEADERS_OWN: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Bytes of a URL.
const URL_BYTES: usize = 8 << 10;

/// Headers of a request.
const HEADERS_MAX: usize = 32;

/// Bytes of the value of a header.
const HEADER_BYTES: usize = 4 << 10;

/// What one instance may ask, and where.
#[derive(Default)]
pub(in crate::wasm) struct Asking {
    pub(in crate::wasm) reach: Vec<Reach>,
    /// `None`: nothing goes out, as while an instance is only tried.
    pub(in crate::wasm) line: Option<Line>,
    /// Requests that went out.
    pub(in crate::wasm) sent: Counter,
    /// What they came to since this was taken last.
    pub(in crate::wasm) asked: Vec<Sent>,
    /// While inputs are told again: what requests came to then. Nothing goes out a second time.
    pub(in crate::wasm) again: Option<VecDeque<Sent>>,
}

/// What a request came to: its ticket, or that it did not go out.
pub type Sent = Option<u64>;

/// So many are remembered: few can be under way at a time.
const ASKED_MAX: usize = 64;

impl Asking {
    pub(in crate::wasm) fn new(grants: &Grants, config: &InstanceConfig) -> Self {
        let reach = grants.http.clone();
        // Who can't ask has no figure.
        let sent = if reach.is_empty() {
            Counter::default()
        } else {
            let (camera, plugin) = (config.camera.clone().unwrap_or_default(), config.name.clone());
            config.metrics.requests.get_or_create(&Plugin { camera, plugin }).clone()
        };
        Self { reach, line: config.services.http.clone(), sent, asked: Vec::new(), again: None }
    }

    fn send(&mut self, request: fetch::Request) -> Result<u64, String> {
        if let Some(again) = &mut self.again {
            let then = again.pop_front().flatten();
            return then.ok_or_else(|| "this was asked before, and did not go out".into());
        }
        let Some(line) = &self.line else {
            return Err("nothing is sent here: this instance is only tried".into());
        };
        let sent = line.send(request);
        if self.asked.len() < ASKED_MAX {
            self.asked.push(sent.as_ref().ok().copied());
        }
        sent.inspect(|_| {
            self.sent.inc();
        })
    }
}

impl http::Host for Host {
    fn send(&mut self, request: http::Request, body: Vec<u8>) -> Result<u64, String> {
        let request = check(&self.http.reach, request, body)?;
        self.http.send(request)
    }
}

fn check(reach: &[Reach], request: http::Request, body: Vec<u8>) -> Result<fetch::Request, String> {
    let named = METHODS.into_iter().find(|method| *method == request.method);
    let method =
        named.ok_or_else(|| format!("the method must be one of {}", METHODS.join(", ")))?;
    if request.url.len() > URL_BYTES {
        return Err(format!("the URL has more than {URL_BYTES} bytes"));
    }
    let url = Url::parse(&request.url).map_err(|error| format!("the URL: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a URL has no password: send the header `authorization`".into());
    }
    if !reach.iter().any(|reach| reach.allows(method, &url)) {
        let origin = url.origin().ascii_serialization();
        return Err(format!("there is no grant `http:{method} {origin}`"));
    }
    if body.len() > BODY_BYTES {
        return Err(format!("the body has more than {} MiB", BODY_BYTES >> 20));
    }
    if !body.is_empty() && !fetch::takes_body(method) {
        return Err(format!("{method} has no body"));
    }
    let timeout = u64::try_from(request.timeout).map(Duration::from_micros).unwrap_or_default();
    if timeout.is_zero() || timeout > TIMEOUT_MAX {
        return Err(format!("the timeout must be above 0, at most {} s", TIMEOUT_MAX.as_secs()));
    }
    check_headers(&request.headers)?;
    Ok(fetch::Request { method, url, headers: request.headers, body, timeout })
}

fn check_headers(headers: &[(String, String)]) -> Result<(), String> {
    if headers.len() > HEADERS_MAX {
        return Err(format!("more than {HEADERS_MAX} headers"));
    }
    for (name, value) in headers {
        let token = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
        if name.is_empty() || name.len() > limits::NAME_BYTES || !name.chars().all(token) {
            return Err("the name of a header must be in lower case".into());
        }
        if HEADERS_OWN.contains(&name.as_str()) {
            return Err(format!("the header `{name}` is the host's to say"));
        }
        if value.len() > HEADER_BYTES || !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(format!(
                "the header `{name}`: at most {HEADER_BYTES} printable characters"
            ));
        }
    }
    Ok(())
}

/// An answer as a message for the instance that asked.
pub(in crate::wasm) fn message(answer: Answer, received: Timestamp) -> Message {
    let topic = format!("http:{}", answer.ticket);
    let attribute = |key: String, value: Value| Attribute { key, value };
    let text = |text: &str| Value::Text(super::cut(text, limits::TEXT_BYTES).to_owned());
    let mut message = Message {
        topic,
        content_type: String::new(),
        received,
        attributes: Vec::new(),
        body: Vec::new(),
    };
    match answer.result {
        Ok(response) => {
            message
                .attributes
                .push(attribute("status".into(), Value::Integer(response.status.into())));
            for (name, value) in &response.headers {
                if name == "content-type" {
                    message.content_type = super::cut(value, limits::LABEL_BYTES).to_owned();
                } else if name.len() < limits::NAME_BYTES - "header.".len() {
                    message.attributes.push(attribute(format!("header.{name}"), text(value)));
                }
            }
            message.body = response.body;
        }
        Err(why) => message.attributes.push(attribute("error".into(), text(&why))),
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::Capability;

    fn reach() -> Vec<Reach> {
        let grants = ["http:GET,POST https://a.example", "http:DELETE http://10.0.0.7:8123"];
        let reach = |text: &&str| match text.parse() {
            Ok(Capability::Http(reach)) => reach,
            other => panic!("{other:?}"),
        };
        grants.iter().map(reach).collect()
    }

    fn request(method: &str, url: &str) -> http::Request {
        http::Request {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            timeout: 1_000_000,
        }
    }

    #[test]
    fn only_what_was_granted_goes_out() {
        for (method, url, said) in [
            ("GET", "https://a.example/x?y=1", None),
            ("DELETE", "http://10.0.0.7:8123/api", None),
            ("PUT", "https://a.example/", Some("no grant `http:PUT https://a.example`")),
            ("GET", "http://a.example/", Some("no grant")),
            ("GET", "https://a.example.evil.example/", Some("no grant")),
            ("GET", "https://10.0.0.7:8123/", Some("no grant")),
            ("GET", "https://a.example@evil.example/", Some("no password")),
            ("GET", "https://me:pw@a.example/", Some("no password")),
            ("GET", "file:///etc/passwd", Some("no grant")),
            ("GET", "//a.example", Some("the URL")),
            ("get", "https://a.example/", Some("one of GET")),
            ("CONNECT", "https://a.example/", Some("one of GET")),
        ] {
            let checked = check(&reach(), request(method, url), Vec::new());
            match (checked, said) {
                (Ok(asked), None) => assert_eq!(asked.timeout, Duration::from_secs(1)),
                (Err(why), Some(said)) => assert!(why.contains(said), "{method} {url}: {why}"),
                (other, _) => panic!("{method} {url}: {other:?}"),
            }
        }
    }

    #[test]
    fn requests_are_bounded() {
        let url = "https://a.example/";
        let with = |name: &str, value: &str| http::Request {
            headers: vec![(name.into(), value.into())],
            ..request("GET", url)
        };
        let timed = |timeout| http::Request { timeout, ..request("GET", url) };
        let long = format!("{url}{}", "x".repeat(URL_BYTES));
        let many = http::Request {
            headers: vec![("a".into(), "b".into()); HEADERS_MAX + 1],
            ..request("GET", url)
        };
        for (asked, body, said) in [
            (request("POST", url), BODY_BYTES + 1, "more than 1 MiB"),
            (request("GET", url), 1, "GET has no body"),
            (request("GET", &long), 0, "more than 8192 bytes"),
            (timed(0), 0, "at most 60 s"),
            (timed(-1), 0, "at most 60 s"),
            (timed(60_000_001), 0, "at most 60 s"),
            (many, 0, "more than 32 headers"),
            (with("X-A", "b"), 0, "in lower case"),
            (with("", "b"), 0, "in lower case"),
            (with("a", "b\r\nhost: evil"), 0, "printable"),
            (with("host", "evil"), 0, "the host's to say"),
            (with("transfer-encoding", "chunked"), 0, "the host's to say"),
        ] {
            let why = check(&reach(), asked, vec![0; body]).unwrap_err();
            assert!(why.contains(said), "{why}");
        }
        check(&reach(), with("authorization", "Bearer x"), Vec::new()).unwrap();
    }
}
