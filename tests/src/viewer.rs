//! Those who look at a camera: they read the endless answer of `live.mp4`, or only ask for it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread::JoinHandle;
use std::time::Duration;

use wardline::base::Timestamp;

use crate::hash::md5;
use crate::wait;

/// What a viewer has seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// The header `x-wardline-start`.
    pub start: String,
    /// The header `x-wardline-codecs`.
    pub codecs: String,
    /// All that came.
    pub bytes: Vec<u8>,
    /// How many bytes had come when.
    arrivals: Vec<(usize, Timestamp)>,
}

/// A coded slice, and when a viewer had all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenSlice {
    /// MD5 of its NAL unit.
    pub md5: String,
    /// When it had come.
    pub time: Timestamp,
}

/// Looks for so long, in a thread of its own.
pub fn watch(url: String, length: Duration) -> JoinHandle<Seen> {
    std::thread::spawn(move || read(&url, length))
}

fn read(url: &str, length: Duration) -> Seen {
    let config = ureq::Agent::config_builder().timeout_recv_response(Some(length)).build();
    let response = ureq::Agent::from(config).get(url).call().expect("an answer");
    let header = |name: &str| {
        let value = response.headers().get(name).map(|value| value.to_str().expect("text"));
        value.unwrap_or_default().to_owned()
    };
    let (start, codecs) = (header("x-wardline-start"), header("x-wardline-codecs"));
    let mut seen = Seen { start, codecs, ..Seen::default() };
    let mut reader = response.into_body().into_reader();
    let watch = wait::Watch::start();
    let mut buffer = vec![0; 64 << 10];
    while watch.elapsed() < length {
        let count = reader.read(&mut buffer).expect("the answer goes on, or ends well");
        if count == 0 {
            break;
        }
        seen.bytes.extend_from_slice(&buffer[..count]);
        seen.arrivals.push((seen.bytes.len(), wait::now()));
    }
    seen
}

/// Asks, and reads nothing at all.
pub fn deaf(base: &str, path: &str) -> TcpStream {
    let address = base.strip_prefix("http://").expect("a plain address");
    let mut socket = TcpStream::connect(address).expect("the host listens");
    write!(socket, "GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").expect("the host takes it");
    socket
}

impl Seen {
    /// Bytes of whole boxes, so that what is left is a file that a reader takes as whole.
    pub fn whole(&self) -> &[u8] {
        let end = self.boxes().last().map_or(0, |(_, _, end)| end);
        &self.bytes[..end]
    }

    /// The coded slices (H.264) of a stream without sound.
    pub fn slices(&self) -> Vec<SeenSlice> {
        let mut found = Vec::new();
        for (kind, body, end) in self.boxes() {
            if kind != *b"mdat" {
                continue;
            }
            let arrived = self.arrivals.iter().find(|(bytes, _)| *bytes >= end);
            let time = arrived.expect("what is there has come").1;
            let mut rest = &self.bytes[body..end];
            while let Some((length, after)) = rest.split_first_chunk::<4>() {
                let (nal, after) = after.split_at(u32::from_be_bytes(*length) as usize);
                if (1..=5).contains(&(nal[0] & 0x1f)) {
                    found.push(SeenSlice { md5: md5(nal), time });
                }
                rest = after;
            }
        }
        found
    }

    /// Kind, start of the body, and end of each whole box.
    fn boxes(&self) -> impl Iterator<Item = ([u8; 4], usize, usize)> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let head = self.bytes.get(at..at + 8)?;
            let size = u32::from_be_bytes(head[..4].try_into().expect("four bytes")) as usize;
            let (begin, kind) = (at, head[4..].try_into().expect("four bytes"));
            at = begin.checked_add(size.max(8)).filter(|end| *end <= self.bytes.len())?;
            Some((kind, begin + 8, at))
        })
    }
}
