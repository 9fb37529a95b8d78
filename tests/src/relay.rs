//! A network that fails on demand: RTSP through a relay that drops, freezes and hangs up.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often threads look whether the relay has ended.
const TICK: Duration = Duration::from_millis(20);

/// What all threads of a relay share.
#[derive(Default)]
struct State {
    over: AtomicBool,
    /// Where new connections go.
    server_port: AtomicU64,
    /// Connections so far: they are numbered from 0.
    connections: AtomicU64,
    /// Connections with a lower number move nothing at all.
    frozen_below: AtomicU64,
    /// Connections with a lower number answer requests and carry no media.
    mute_below: AtomicU64,
    /// Connections with a lower number are closed.
    closed_below: AtomicU64,
    /// Of so many datagrams with media, one is lost. 0: none.
    lose_one_in: AtomicU64,
    lost: AtomicU64,
    /// Guards what `drop` has to wait for.
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// A relay towards one RTSP server.
pub struct Relay {
    port: u16,
    state: Arc<State>,
}

impl Relay {
    /// To the server at a port of this machine.
    pub fn to(server_port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("a bound socket").port();
        listener.set_nonblocking(true).expect("a socket can be nonblocking");
        let state = Arc::new(State::default());
        state.server_port.store(server_port.into(), Ordering::SeqCst);
        spawn(&state, {
            let state = state.clone();
            move || accept(&listener, &state)
        });
        Self { port, state }
    }

    /// The URL of a path behind the relay.
    pub fn url(&self, name: &str) -> String {
        format!("rtsp://127.0.0.1:{}/{name}", self.port)
    }

    /// Connections so far.
    pub fn connections(&self) -> u64 {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Connections of now become half open: both sides believe in them, nothing moves.
    pub fn freeze(&self) {
        self.state.frozen_below.store(self.connections(), Ordering::SeqCst);
    }

    /// Connections of now carry requests and answers, but no media any more.
    pub fn mute(&self) {
        self.state.mute_below.store(self.connections(), Ordering::SeqCst);
    }

    /// Connections of now are closed.
    pub fn hang_up(&self) {
        self.state.closed_below.store(self.connections(), Ordering::SeqCst);
    }

    /// New connections go to another server.
    pub fn turn_to(&self, server_port: u16) {
        self.state.server_port.store(server_port.into(), Ordering::SeqCst);
    }

    /// From now on one in `count` datagrams with media is lost; 0: none.
    pub fn lose_one_in(&self, count: u64) {
        self.state.lose_one_in.store(count, Ordering::SeqCst);
    }

    /// Datagrams lost so far.
    pub fn lost(&self) -> u64 {
        self.state.lost.load(Ordering::SeqCst)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::SeqCst);
        loop {
            // Threads start threads: until none is left.
            let thread = self.state.threads.lock().expect("no panic under this lock").pop();
            let Some(thread) = thread else { break };
            let _ = thread.join();
        }
    }
}

fn spawn(state: &Arc<State>, run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::spawn(run);
    state.threads.lock().expect("no panic under this lock").push(thread);
}

impl State {
    fn over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Whether connection `number` is meant by one of the marks.
    fn below(&self, mark: &AtomicU64, number: u64) -> bool {
        number < mark.load(Ordering::SeqCst)
    }
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    while !state.over() {
        let Ok((client, _)) = listener.accept() else {
            std::thread::park_timeout(TICK);
            continue;
        };
        let number = state.connections.fetch_add(1, Ordering::SeqCst);
        let port = state.server_port.load(Ordering::SeqCst) as u16;
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { continue };
        let ports = Arc::new(Mutex::new(BTreeMap::new()));
        for (from, to, direction) in
            [(&client, &server, Direction::ToServer), (&server, &client, Direction::ToClient)]
        {
            let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { continue };
            let way = Way { state: state.clone(), number, direction, ports: ports.clone() };
            spawn(state, move || way.carry(from, to));
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToServer,
    ToClient,
}

/// One direction of one connection.
struct Way {
    state: Arc<State>,
    number: u64,
    direction: Direction,
    /// The client's UDP ports by the relay's; guarded because SETUP and its answer pass different
    /// threads.
    ports: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Way {
    fn carry(&self, mut from: TcpStream, mut to: TcpStream) {
        // An accepted socket may have inherited it.
        let _ = from.set_nonblocking(false);
        let _ = from.set_read_timeout(Some(TICK));
        let mut buffer = Vec::new();
        let mut chunk = vec![0; 64 << 10];
        loop {
            let state = &self.state;
            if state.over() || state.below(&state.closed_below, self.number) {
                let _ = from.shutdown(Shutdown::Both);
                let _ = to.shutdown(Shutdown::Both);
                return;
            }
            if state.below(&state.frozen_below, self.number) {
                std::thread::park_timeout(TICK);
                continue;
            }
            match from.read(&mut chunk) {
                Ok(0) => {
                    let _ = to.shutdown(Shutdown::Write);
                    return;
                }
                Ok(count) => buffer.extend_from_slice(&chunk[..count]),
                Err(error) if is_timeout(&error) => continue,
                Err(_) => return,
            }
            while let Some(length) = message_length(&buffer) {
                let message: Vec<u8> = buffer.drain(..length).collect();
                if message[0] == b'$' && state.below(&state.mute_below, self.number) {
                    continue;
                }
                if to.write_all(&self.rewritten(message)).is_err() {
                    return;
                }
            }
        }
    }

    /// Puts the relay's UDP ports in place of those in a `Transport` header.
    fn rewritten(&self, message: Vec<u8>) -> Vec<u8> {
        if message[0] == b'$' {
            return message;
        }
        let text = String::from_utf8_lossy(&message).into_owned();
        let Some(client) = value(&text, "client_port=") else { return message };
        let mut ports = self.ports.lock().expect("no panic under this lock");
        match self.direction {
            Direction::ToServer => {
                let Some(ours) = open_datagrams(&self.state, &client) else { return message };
                let text = text.replace(&client, &ours);
                ports.insert(ours, client);
                text.into_bytes()
            }
            Direction::ToClient => {
                let Some(theirs) = ports.get(&client) else { return message };
                let Some(server) = value(&text, "server_port=") else { return message };
                let text = text
                    .replace(&format!("server_port={server}"), &format!("server_port={client}"));
                text.replace(&format!("client_port={client}"), &format!("client_port={theirs}"))
                    .into_bytes()
            }
        }
    }
}

fn value(text: &str, name: &str) -> Option<String> {
    let rest = text.split(name).nth(1)?;
    let value: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '-').collect();
    value.contains('-').then_some(value)
}

/// Opens two neighbouring ports that carry datagrams between the client's ports and whoever else
/// sends to them: the server. Gives the ports.
fn open_datagrams(state: &Arc<State>, client: &str) -> Option<String> {
    let (rtp, rtcp) = client.split_once('-')?;
    let clients: [u16; 2] = [rtp.parse().ok()?, rtcp.parse().ok()?];
    let (first, second, port) = (0..64).find_map(|_| {
        let first = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
        let port = first.local_addr().ok()?.port();
        let second =
            (port % 2 == 0).then(|| UdpSocket::bind((Ipv4Addr::LOCALHOST, port + 1)).ok())??;
        Some((first, second, port))
    })?;
    for (socket, client, media) in [(first, clients[0], true), (second, clients[1], false)] {
        let shared = state.clone();
        spawn(state, move || carry_datagrams(&socket, client, media, &shared));
    }
    Some(format!("{port}-{}", port + 1))
}

fn carry_datagrams(socket: &UdpSocket, client: u16, media: bool, state: &State) {
    let _ = socket.set_read_timeout(Some(TICK));
    let client = SocketAddr::from((Ipv4Addr::LOCALHOST, client));
    let mut server = None;
    let mut count = 0_u64;
    let mut buffer = vec![0; 64 << 10];
    while !state.over() {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        if from == client {
            if let Some(server) = server {
                let _ = socket.send_to(&buffer[..length], server);
            }
            continue;
        }
        server = Some(from);
        count += 1;
        let one_in = state.lose_one_in.load(Ordering::SeqCst);
        if media && one_in > 0 && count.is_multiple_of(one_in) {
            state.lost.fetch_add(1, Ordering::SeqCst);
            continue;
        }
        let _ = socket.send_to(&buffer[..length], client);
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

/// The length of the whole message at the front of `buffer`: an interleaved packet, or a request
/// or response with its body.
fn message_length(buffer: &[u8]) -> Option<usize> {
    let length = match *buffer {
        [b'$', _, high, low, ..] => 4 + usize::from(u16::from_be_bytes([high, low])),
        [b'$', ..] | [] => return None,
        _ => {
            let head = 4 + buffer.windows(4).position(|window| window == b"\r\n\r\n")?;
            let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
            let body = text.lines().find_map(|line| line.strip_prefix("content-length:"));
            head + body.and_then(|length| length.trim().parse::<usize>().ok()).unwrap_or(0)
        }
    };
    (buffer.len() >= length).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart() {
        for (input, expected) in [
            (&b""[..], None),
            (b"$\x00\x00\x02a", None),
            (b"$\x00\x00\x02abc", Some(6)),
            (b"OPTIONS * RTSP/1.0\r\n", None),
            (b"RTSP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n1", None),
            (b"RTSP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n123", Some(40)),
        ] {
            assert_eq!(message_length(input), expected, "{}", String::from_utf8_lossy(input));
        }
    }
}
