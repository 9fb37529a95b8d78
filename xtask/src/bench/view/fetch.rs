//! An HTTP client that takes time: one connection, one request after the other.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use crate::bench::process;

/// A connection that stays open.
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
}

/// An answer, and how long it took.
pub(super) struct Answer {
    pub(super) body: Vec<u8>,
    /// To the first byte of the body, in milliseconds.
    pub(super) first: f64,
    /// To its last.
    pub(super) whole: f64,
}

/// An answer whose body is still to be read.
pub(super) struct Begun {
    pub(super) head: String,
    pub(super) body: BufReader<TcpStream>,
}

impl Connection {
    /// To `host:port`.
    pub(super) fn to(address: &str) -> Result<Self, String> {
        let stream =
            TcpStream::connect(address).map_err(|error| format!("connect {address}: {error}"))?;
        // Requests are written at once: waiting for more would be measured.
        stream.set_nodelay(true).map_err(|error| format!("connect {address}: {error}"))?;
        Ok(Self { stream: BufReader::with_capacity(256 << 10, stream) })
    }

    /// Fetches `path`; an answer that is no 200 is an error.
    pub(super) fn get(&mut self, path: &str) -> Result<Answer, String> {
        let mut body = Vec::new();
        let (first, whole) = self.fetch(path, |bytes| body.extend_from_slice(bytes))?;
        Ok(Answer { body, first, whole })
    }

    /// Fetches `path`, and gives the number of bytes.
    pub(super) fn count(&mut self, path: &str) -> Result<u64, String> {
        let mut count = 0;
        self.fetch(path, |bytes| count += bytes.len() as u64)?;
        Ok(count)
    }

    fn fetch(&mut self, path: &str, mut take: impl FnMut(&[u8])) -> Result<(f64, f64), String> {
        let failed = |error: std::io::Error| format!("GET {path}: {error}");
        let began = process::now();
        let millis = || began.elapsed().as_secs_f64() * 1000.0;
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        self.stream.get_mut().write_all(request.as_bytes()).map_err(failed)?;
        let head = head(&mut self.stream, path)?;
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().ok())?
        });
        let mut left = length.ok_or_else(|| format!("GET {path}: no length: {head}"))?;
        let mut first = None;
        while left > 0 {
            let bytes = self.stream.fill_buf().map_err(failed)?;
            if bytes.is_empty() {
                return Err(format!("GET {path}: cut off"));
            }
            first = first.or_else(|| Some(millis()));
            let taken = bytes.len().min(left);
            take(&bytes[..taken]);
            self.stream.consume(taken);
            left -= taken;
        }
        let whole = millis();
        Ok((first.unwrap_or(whole), whole))
    }

    /// Asks for `path` as HTTP/1.0: an endless body comes as it is, without chunks around it.
    pub(super) fn begin(mut self, path: &str) -> Result<Begun, String> {
        let request = format!("GET {path} HTTP/1.0\r\nhost: localhost\r\n\r\n");
        self.stream
            .get_mut()
            .write_all(request.as_bytes())
            .map_err(|error| format!("GET {path}: {error}"))?;
        let head = head(&mut self.stream, path)?;
        Ok(Begun { head, body: self.stream })
    }
}

/// The status line and the headers of a 200.
fn head(stream: &mut BufReader<TcpStream>, path: &str) -> Result<String, String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let read = stream.by_ref().take(64 << 10).read_line(&mut head);
        if read.map_err(|error| format!("GET {path}: {error}"))? == 0 {
            return Err(format!("GET {path}: no answer"));
        }
    }
    match head.split(' ').nth(1) {
        Some("200") => Ok(head),
        _ => Err(format!("GET {path}: {}", head.lines().next().unwrap_or_default())),
    }
}
