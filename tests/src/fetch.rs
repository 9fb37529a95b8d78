//! Requests to a host as a program sends them: any method and headers, and answers that go on.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::host::Host;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// A whole answer.
pub struct Answer {
    /// Its status.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header of it; empty where it has none of that name.
    pub fn header(&self, name: &str) -> String {
        let found = self.headers.iter().find(|(one, _)| one.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }
}

/// Events that a host tells.
pub struct Follower(BufReader<TcpStream>);

impl Follower {
    /// The next event: `{"id", "data"}`.
    pub fn event(&mut self, patience: Duration) -> Value {
        self.0.get_ref().set_read_timeout(Some(patience)).expect("a socket");
        let mut id = Value::Null;
        loop {
            let mut line = String::new();
            let read = self.0.read_line(&mut line).expect("an event in time");
            assert!(read > 0, "the host ended the answer");
            if let Some(number) = line.strip_prefix("id:") {
                id = number.trim().parse::<u64>().map_or(Value::Null, Value::from);
            } else if let Some(data) = line.strip_prefix("data:") {
                let data: Value = serde_json::from_str(data.trim()).expect("JSON");
                return json!({ "id": id, "data": data });
            }
        }
    }
}

impl Host {
    /// Asks, and reads the whole answer.
    pub fn fetch(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut stream = self.ask(method, path, headers);
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer in time");
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("headers");
        let text = String::from_utf8_lossy(&answer[..end]).into_owned();
        let mut lines = text.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_owned(), value.trim().to_owned()))
        };
        let headers = lines.filter_map(header).collect();
        Answer { status: status.expect("a status"), headers, body: answer[end + 4..].to_vec() }
    }

    /// Asks for an answer that goes on.
    pub fn follow(&self, path: &str, headers: &[(&str, &str)]) -> Follower {
        let mut reader = BufReader::new(self.ask("GET", path, headers));
        let mut line = String::new();
        reader.read_line(&mut line).expect("an answer in time");
        assert!(line.contains(" 200 "), "{line}");
        Follower(reader)
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> TcpStream {
        let address = self.base().trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("the host listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        let mut text =
            format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        stream.write_all(text.as_bytes()).expect("the host listens");
        stream
    }
}
