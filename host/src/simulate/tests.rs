//! The server as a client sees it, over loopback.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

use super::*;
use crate::base::clock;

/// No test waits longer for anything.
const DEADLINE: Duration = Duration::from_secs(20);

/// A running server, and the signal that ends it.
struct Running {
    address: SocketAddr,
    shutdown: CancellationToken,
    tasks: Tasks,
}

async fn start(scene: &str, looping: bool, credentials: Option<Credentials>) -> Running {
    start_with(scene, looping, credentials, None).await
}

async fn start_with(
    scene: &str,
    looping: bool,
    credentials: Option<Credentials>,
    log: Option<Log>,
) -> Running {
    let source = Source::Scene(scene.parse().unwrap());
    let config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        paths: vec![PathConfig { name: "gate".into(), source, looping }],
        credentials,
        clock: Arc::new(clock::System),
        log,
    };
    let server = Server::bind(config).await.unwrap();
    let (address, shutdown, tasks) = (server.address(), CancellationToken::new(), Tasks::new());
    assert_eq!(server.urls(), [format!("rtsp://{address}/gate")]);
    tasks.spawn("server", server.run(shutdown.clone()));
    Running { address, shutdown, tasks }
}

impl Running {
    async fn end(self) {
        self.shutdown.cancel();
        assert!(self.tasks.wait(DEADLINE).await.is_empty());
    }
}

/// A client that speaks RTSP by hand.
struct Client {
    socket: TcpStream,
    base: String,
    buffer: Vec<u8>,
}

impl Client {
    async fn connect(server: &Running) -> Self {
        let socket = TcpStream::connect(server.address).await.unwrap();
        let base = format!("rtsp://{}/gate", server.address);
        Self { socket, base, buffer: Vec::new() }
    }

    /// Sends a request and gives the response's head and body.
    async fn ask(&mut self, method: &str, suffix: &str, headers: &str) -> String {
        let text = format!("{method} {}{suffix} RTSP/1.0\r\nCSeq: 7\r\n{headers}\r\n", self.base);
        self.socket.write_all(text.as_bytes()).await.unwrap();
        loop {
            let text = String::from_utf8_lossy(&self.buffer).into_owned();
            if let Some(end) = text.find("\r\n\r\n") {
                let length = text.lines().find_map(|line| line.strip_prefix("Content-Length: "));
                let total = end + 4 + length.map_or(0, |length| length.parse::<usize>().unwrap());
                if self.buffer.len() >= total {
                    self.buffer.drain(..total);
                    return text[..total].to_owned();
                }
            }
            self.more().await;
        }
    }

    async fn more(&mut self) {
        let count = tokio::time::timeout(DEADLINE, self.socket.read_buf(&mut self.buffer)).await;
        assert!(count.expect("an answer in time").unwrap() > 0, "closed by the server");
    }

    /// The next interleaved packet and its channel.
    async fn packet(&mut self) -> (u8, Vec<u8>) {
        loop {
            if let &[b'$', channel, high, low, ..] = &self.buffer[..] {
                let length = 4 + usize::from(u16::from_be_bytes([high, low]));
                if self.buffer.len() >= length {
                    return (channel, self.buffer.drain(..length).skip(4).collect());
                }
            }
            self.more().await;
        }
    }
}

fn field(text: &str, name: &str) -> String {
    let rest = text.split(name).nth(1).unwrap_or_else(|| panic!("{name} in {text}"));
    rest.chars().take_while(|c| !";,\r\n".contains(*c)).collect()
}

#[tokio::test]
async fn a_film_is_sent_whole_and_ends_with_bye() {
    let server = start("seconds=1,visit=0.2-0.5,fps=20", false, None).await;
    let mut client = Client::connect(&server).await;
    assert!(client.ask("OPTIONS", "", "").await.contains("Public: OPTIONS"));
    let described = client.ask("DESCRIBE", "", "").await;
    assert!(described.contains("a=rtpmap:96 H264/90000"), "{described}");
    let set_up = client
        .ask("SETUP", "/trackID=0", "Transport: RTP/AVP/TCP;unicast;interleaved=4-5\r\n")
        .await;
    let session = format!("Session: {}\r\n", field(&set_up, "Session: "));
    let played = client.ask("PLAY", "", &session).await;
    let (sequence, time): (u16, u32) =
        (field(&played, "seq=").parse().unwrap(), field(&played, "rtptime=").parse().unwrap());
    let (mut units, mut expected, mut reports) = (0, sequence, 0);
    loop {
        let (channel, packet) = client.packet().await;
        if channel == 5 {
            reports += 1;
            if packet.windows(2).any(|window| window == [0x81, 203]) {
                break;
            }
            continue;
        }
        assert_eq!(channel, 4);
        assert_eq!(u16::from_be_bytes([packet[2], packet[3]]), expected);
        expected = expected.wrapping_add(1);
        let stamp = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        assert_eq!(stamp.wrapping_sub(time), units * 4500, "unit {units}");
        units += u32::from(packet[1] >> 7);
    }
    assert_eq!((units, reports), (20, 2));
    assert!(client.ask("GET_PARAMETER", "", &session).await.contains("200 OK"), "still open");
    server.end().await;
}

#[tokio::test]
async fn looping_goes_on_over_udp_and_says_goodbye_at_shutdown() {
    let server = start("seconds=0.5,visit=none,fps=20,gop=0.2", true, None).await;
    let (rtp, rtcp) = (
        UdpSocket::bind("127.0.0.1:0").await.unwrap(),
        UdpSocket::bind("127.0.0.1:0").await.unwrap(),
    );
    let (first, second) = (rtp.local_addr().unwrap().port(), rtcp.local_addr().unwrap().port());
    let mut client = Client::connect(&server).await;
    let transport = format!("Transport: RTP/AVP;unicast;client_port={first}-{second}\r\n");
    let set_up = client.ask("SETUP", "/trackID=0", &transport).await;
    let session = format!("Session: {}\r\n", field(&set_up, "Session: "));
    let played = client.ask("PLAY", "/", &session).await;
    let time: u32 = field(&played, "rtptime=").parse().unwrap();
    let (mut buffer, mut last) = ([0; 2048], 0);
    while last < 3 * 45_000 {
        let got = tokio::time::timeout(DEADLINE, rtp.recv(&mut buffer)).await.unwrap().unwrap();
        assert!(got > 12);
        let stamp = u32::from_be_bytes([buffer[4], buffer[5], buffer[6], buffer[7]]);
        let elapsed = stamp.wrapping_sub(time);
        assert!(elapsed == last || elapsed == last + 4500, "{elapsed} after {last}");
        last = elapsed;
    }
    let length = rtcp.recv(&mut buffer).await.unwrap();
    assert_eq!((buffer[1], length), (200, 48));
    server.end().await;
    loop {
        let got = tokio::time::timeout(DEADLINE, rtcp.recv(&mut buffer)).await.unwrap();
        let length = got.expect("BYE before the socket closes");
        if buffer[..length].windows(2).any(|window| window == [0x81, 203]) {
            break;
        }
    }
}

#[tokio::test]
async fn the_log_names_every_unit_that_was_sent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sent.jsonl");
    let log = Log::create(&path, Arc::new(clock::System)).unwrap();
    let server = start_with("seconds=0.5,visit=none,fps=20,gop=0.2", true, None, Some(log)).await;
    let mut client = Client::connect(&server).await;
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
    let set_up = client.ask("SETUP", "/trackID=0", transport).await;
    let id = field(&set_up, "Session: ");
    client.ask("PLAY", "", &format!("Session: {id}\r\n")).await;
    let mut units = 0;
    // More than one round: ten units each.
    while units < 23 {
        let (channel, packet) = client.packet().await;
        units += u64::from(channel == 0 && packet[1] >> 7 == 1);
    }
    server.end().await;
    let text = std::fs::read_to_string(&path).unwrap();
    let sent: Vec<Sent> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(sent.len() as u64 >= units, "{units} units came, {} are noted", sent.len());
    for (number, unit) in (0..).zip(&sent) {
        assert_eq!((unit.unit, unit.path.as_str(), &unit.session), (number, "gate", &id));
        assert_eq!((unit.key, unit.slices.len()), (number % 10 % 4 == 0, 1), "unit {number}");
    }
    assert_eq!(sent[0].slices, sent[10].slices, "each round is the same");
    assert!(sent.windows(2).all(|pair| pair[0].time <= pair[1].time));
}

#[tokio::test]
async fn only_who_knows_the_password_may_see() {
    let server = start("seconds=1", true, Some(Credentials::new("ann", "secret"))).await;
    let mut client = Client::connect(&server).await;
    let refused = client.ask("DESCRIBE", "", "").await;
    assert!(refused.contains("401") && refused.contains("Digest realm"), "{refused}");
    let basic = "Authorization: Basic YW5uOnNlY3JldA==\r\n";
    assert!(client.ask("DESCRIBE", "", basic).await.contains("200 OK"));
    assert!(client.ask("SETUP", "/trackID=0", "").await.contains("401"));
    server.end().await;
}

#[tokio::test]
async fn nonsense_gets_an_error() {
    let server = start("seconds=1", true, None).await;
    let mut client = Client::connect(&server).await;
    for (method, suffix, headers, expected) in [
        ("DESCRIBE", "x", "", "404"),
        ("DESCRIBE", "/trackID=0", "", "404"),
        ("SETUP", "/trackID=9", "Transport: RTP/AVP/TCP\r\n", "404"),
        ("SETUP", "/trackID=0", "", "461"),
        ("SETUP", "/trackID=0", "Transport: RTP/AVP;multicast\r\n", "461"),
        ("PLAY", "", "", "455"),
        ("PLAY", "", "Session: 1\r\n", "454"),
        ("RECORD", "", "", "405"),
    ] {
        let answer = client.ask(method, suffix, headers).await;
        assert!(answer.starts_with(&format!("RTSP/1.0 {expected}")), "{method} {suffix}: {answer}");
    }
    client.socket.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut rest = String::new();
    tokio::time::timeout(DEADLINE, client.socket.read_to_string(&mut rest)).await.unwrap().unwrap();
    assert!(rest.starts_with("RTSP/1.0 400"), "{rest}");
    server.end().await;
}

#[tokio::test]
async fn a_path_without_a_name_of_its_own_is_refused() {
    let scene = || Source::Scene("seconds=0.5,visit=none".parse().unwrap());
    let path = |name: &str| PathConfig { name: name.into(), source: scene(), looping: true };
    for names in [&["a", "a/"][..], &[""]] {
        let config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            paths: names.iter().map(|name| path(name)).collect(),
            credentials: None,
            clock: Arc::new(clock::System),
            log: None,
        };
        assert!(Server::bind(config).await.is_err(), "{names:?}");
    }
}
