//! RTSP requests from bytes, and responses to bytes (RFC 2326, sections 4 to 7 and 10.12).
//!
//! Whatever the bytes are, the answer is a message, "more bytes please" or [`Malformed`]. Knows
//! no session and no media.

use std::fmt::Write as _;

use bytes::{Buf, BytesMut};

/// The longest request taken, headers and body: a client that sends more is no RTSP client.
const REQUEST_BYTES_MAX: usize = 32 << 10;

/// The most headers of a request.
const HEADERS_MAX: usize = 64;

/// The bytes are not RTSP; nothing that follows can be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// A request, its body skipped.
    Request(Request),
    /// An interleaved packet, such as a receiver report: skipped.
    Packet,
}

/// A request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) uri: String,
    headers: Vec<(String, String)>,
}

impl Request {
    /// The value of the first header of this name, in any case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The path and query of its URI, without the slash at the start.
    pub(super) fn path(&self) -> &str {
        let rest = self.uri.split_once("://").map_or(self.uri.as_str(), |(_, rest)| rest);
        if rest.len() == self.uri.len() {
            return rest.trim_start_matches('/');
        }
        rest.split_once('/').map_or("", |(_, path)| path)
    }
}

/// Takes the next message off the front of `buffer`; `None` while it is incomplete.
pub(super) fn take(buffer: &mut BytesMut) -> Result<Option<Message>, Malformed> {
    // Empty lines between messages are to be ignored (RFC 2326, section 4.1).
    while matches!(buffer.first(), Some(b'\r' | b'\n')) {
        buffer.advance(1);
    }
    if buffer.first() == Some(&b'$') {
        let &[_, _, high, low, ..] = &buffer[..] else { return Ok(None) };
        let length = 4 + usize::from(u16::from_be_bytes([high, low]));
        if buffer.len() < length {
            return Ok(None);
        }
        buffer.advance(length);
        return Ok(Some(Message::Packet));
    }
    let Some(head) = head_length(buffer) else {
        return if buffer.len() > REQUEST_BYTES_MAX { Err(Malformed) } else { Ok(None) };
    };
    let request = parse_head(&buffer[..head])?;
    let body = match request.header("content-length") {
        Some(length) => length.parse().map_err(|_| Malformed)?,
        None => 0_usize,
    };
    if head.saturating_add(body) > REQUEST_BYTES_MAX {
        return Err(Malformed);
    }
    if buffer.len() < head + body {
        return Ok(None);
    }
    buffer.advance(head + body);
    Ok(Some(Message::Request(request)))
}

fn head_length(buffer: &[u8]) -> Option<usize> {
    let end = buffer.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some(end + 4)
}

fn parse_head(head: &[u8]) -> Result<Request, Malformed> {
    let text = std::str::from_utf8(head).map_err(|_| Malformed)?;
    let mut lines = text.trim_end().split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(uri), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Malformed);
    };
    if !version.starts_with("RTSP/") {
        return Err(Malformed);
    }
    let mut request = Request { method: method.into(), uri: uri.into(), headers: Vec::new() };
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(Malformed)?;
        if request.headers.len() == HEADERS_MAX {
            return Err(Malformed);
        }
        request.headers.push((name.trim().into(), value.trim().into()));
    }
    Ok(request)
}

/// A response in the making.
pub(super) struct Response {
    status: &'static str,
    headers: String,
    body: String,
}

impl Response {
    /// With a status code and reason phrase, such as `200 OK`.
    pub(super) fn new(status: &'static str) -> Self {
        Self { status, headers: String::new(), body: String::new() }
    }

    /// With one more header.
    pub(super) fn header(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        let _ = write!(self.headers, "{name}: {value}\r\n");
        self
    }

    /// With a body.
    pub(super) fn body(mut self, kind: &str, body: String) -> Self {
        self.body = body;
        let length = self.body.len();
        self.header("Content-Type", kind).header("Content-Length", length)
    }

    /// The bytes that answer the request numbered `cseq`.
    pub(super) fn finish(self, cseq: &str) -> Vec<u8> {
        let Self { status, headers, body } = self;
        format!("RTSP/1.0 {status}\r\nCSeq: {cseq}\r\nServer: wardline\r\n{headers}\r\n{body}")
            .into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(input: &str, expected: Result<Option<(&str, &str)>, Malformed>) {
        let taken = take(&mut BytesMut::from(input));
        let seen = match &taken {
            Ok(Some(Message::Request(request))) => {
                Ok(Some((request.method.as_str(), request.path())))
            }
            Ok(Some(Message::Packet)) => Ok(Some(("$", ""))),
            Ok(None) => Ok(None),
            Err(malformed) => Err(*malformed),
        };
        assert_eq!(seen, expected, "{input:?}");
    }

    #[test]
    fn requests() {
        check("", Ok(None));
        check("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n", Ok(None));
        check("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", Ok(Some(("OPTIONS", "*"))));
        check("\r\n\r\nPLAY rtsp://h:1/a/b?c=1 RTSP/1.0\r\n\r\n", Ok(Some(("PLAY", "a/b?c=1"))));
        check("PLAY rtsp://h RTSP/1.0\r\n\r\n", Ok(Some(("PLAY", ""))));
        check("$\x01\0\x02ab", Ok(Some(("$", ""))));
        check("$\x01\0\x03ab", Ok(None));
        check("GET / HTTP/1.1\r\n\r\n", Err(Malformed));
        check("A b RTSP/1.0\r\nnonsense\r\n\r\n", Err(Malformed));
        check("A b RTSP/1.0\r\nContent-Length: -1\r\n\r\n", Err(Malformed));
        check("A b RTSP/1.0\r\nContent-Length: 99999999\r\n\r\n", Err(Malformed));
        check("A b RTSP/1.0\r\nContent-Length: 3\r\n\r\nab", Ok(None));
        check("A b RTSP/1.0\r\nContent-Length: 3\r\n\r\nabc", Ok(Some(("A", "b"))));
        check(&"x".repeat(REQUEST_BYTES_MAX + 1), Err(Malformed));
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut buffer = BytesMut::from(&bytes[..]);
            while let Ok(Some(_)) = take(&mut buffer) {}
        }
    }
}
