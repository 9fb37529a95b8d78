//! One client's connection, and its media while it plays; `answer` says what to its requests.
//!
//! A client plays its own copy of the time line, from the start of the media. Requests are answered
//! between samples; a client that does not read is given up after [`WRITE_MAX`].

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::WriteHalf;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::media::{Format, nals};
use super::message::{Message, Response, take};
use super::rtp::{Packets, Stream};
use super::transport::UdpPair;
use super::{Camera, Sent, Shared, rtcp};

/// Announced to clients: how often they have to be heard where no connection shows their life.
pub(super) const TIMEOUT_SECONDS: u64 = 60;

/// A client unheard for so long has gone, unless it takes packets over its connection.
const SILENCE_MAX: Duration = Duration::from_secs(TIMEOUT_SECONDS + 15);

/// A client that takes nothing for so long has gone.
const WRITE_MAX: Duration = Duration::from_secs(10);

/// Between sender reports.
const REPORT_INTERVAL: Duration = Duration::from_millis(2500);

/// Samples that are due together go out in writes of about this size.
const WRITE_BYTES: usize = 128 << 10;

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The client closed it, or asked for its end.
    Closed,
    /// The client sent what is not RTSP.
    Malformed,
    /// The client was not heard, or took nothing.
    Silent,
    /// The server ends.
    Shutdown,
}

/// One track on its way to the client.
pub(super) struct Channel {
    pub(super) track: usize,
    pub(super) stream: Stream,
    /// `None`: inside the connection.
    pub(super) udp: Option<UdpPair>,
}

/// Where on the time line a client is.
pub(super) struct Playing {
    pub(super) start: Instant,
    pub(super) step: usize,
    pub(super) round: u32,
    pub(super) report: Instant,
    pub(super) over: bool,
}

/// One client.
pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) id: String,
    pub(super) nonce: String,
    pub(super) local: SocketAddr,
    pub(super) peer: SocketAddr,
    pub(super) camera: Option<usize>,
    pub(super) channels: Vec<Channel>,
    pub(super) playing: Option<Playing>,
    pub(super) random: fastrand::Rng,
    pub(super) heard: Instant,
}

/// Serves one connection until either side ends it.
pub(super) async fn run(
    mut socket: TcpStream,
    shared: Arc<Shared>,
    shutdown: CancellationToken,
) -> End {
    let (Ok(local), Ok(peer)) = (socket.local_addr(), socket.peer_addr()) else {
        return End::Closed;
    };
    // A sample is one write: waiting for more would only delay it.
    let _ = socket.set_nodelay(true);
    let mut random = fastrand::Rng::new();
    let mut session = Session {
        shared,
        id: format!("{:016x}", random.u64(..)),
        nonce: format!("{:016x}", random.u64(..)),
        local,
        peer,
        camera: None,
        channels: Vec::new(),
        playing: None,
        random,
        heard: Instant::now(),
    };
    let (mut read, mut write) = socket.split();
    let mut buffer = BytesMut::with_capacity(4096);
    loop {
        let turn = session.turn();
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {
                let _ = session.goodbye(&mut write).await;
                return End::Shutdown;
            }
            count = read.read_buf(&mut buffer) => {
                if !matches!(count, Ok(1..)) {
                    return End::Closed;
                }
                session.heard = Instant::now();
                if let Err(end) = session.answer_all(&mut buffer, &mut write).await {
                    return end;
                }
            }
            () = tokio::time::sleep_until(turn) => {
                if let Err(end) = session.send_due(&mut write).await {
                    return end;
                }
            }
        }
    }
}

impl Session {
    /// When something is to be done without being asked.
    fn turn(&self) -> Instant {
        let silence = self.heard + SILENCE_MAX;
        match (&self.playing, self.camera()) {
            (Some(playing), Some(camera)) if !playing.over => {
                let next = playing.due(camera).unwrap_or(playing.start).min(playing.report);
                if self.watched() { next.min(silence) } else { next }
            }
            _ => silence,
        }
    }

    /// Only the client's requests show that it still lives.
    fn watched(&self) -> bool {
        self.playing.as_ref().is_none_or(|playing| playing.over)
            || self.channels.iter().any(|channel| channel.udp.is_some())
    }

    fn camera(&self) -> Option<&Camera> {
        self.camera.map(|index| &self.shared.cameras[index])
    }

    async fn answer_all(
        &mut self,
        buffer: &mut BytesMut,
        write: &mut WriteHalf<'_>,
    ) -> Result<(), End> {
        loop {
            let request = match take(buffer) {
                Ok(Some(Message::Request(request))) => request,
                Ok(Some(Message::Packet)) => continue,
                Ok(None) => return Ok(()),
                Err(_) => {
                    let answer = Response::new("400 Bad Request").finish("0");
                    let _ = send(write, &answer).await;
                    return Err(End::Malformed);
                }
            };
            let response = self.answer(&request).await;
            send(write, &response.finish(request.header("cseq").unwrap_or("0"))).await?;
            if request.method == "TEARDOWN" {
                return Err(End::Closed);
            }
        }
    }

    /// Sends every sample and report that is due.
    async fn send_due(&mut self, write: &mut WriteHalf<'_>) -> Result<(), End> {
        let now = Instant::now();
        if self.watched() && now >= self.heard + SILENCE_MAX {
            return Err(End::Silent);
        }
        let (Some(index), Some(mut playing)) = (self.camera, self.playing.take()) else {
            return Ok(());
        };
        let shared = self.shared.clone();
        let camera = &shared.cameras[index];
        let mut result = Ok(());
        if now >= playing.report {
            playing.report = now + REPORT_INTERVAL;
            result = self.send_control(write, camera, now - playing.start, rtcp::report).await;
        }
        let mut packets = Packets::default();
        let mut sent = Vec::new();
        while result.is_ok() && !playing.over && playing.due(camera).is_some_and(|due| due <= now) {
            sent.extend(self.send_step(&mut packets, camera, &playing).await);
            if packets.bytes.len() >= WRITE_BYTES {
                result = send(write, &packets.bytes).await;
                packets.bytes.clear();
            }
            playing.advance(camera);
            if playing.over {
                result = result.and(send(write, &packets.bytes).await);
                packets.bytes.clear();
                let at = now - playing.start;
                result = result.and(self.send_control(write, camera, at, rtcp::goodbye).await);
            }
        }
        self.playing = Some(playing);
        result.and(send(write, &packets.bytes).await)?;
        if let Some(log) = shared.log.as_ref().filter(|_| !sent.is_empty()) {
            log.write(sent);
        }
        Ok(())
    }

    /// Puts the current sample into `packets`, or sends it as datagrams. Gives what the log is
    /// to say of it.
    async fn send_step(
        &mut self,
        packets: &mut Packets,
        camera: &Camera,
        playing: &Playing,
    ) -> Option<Sent> {
        let step = camera.media.steps[playing.step];
        let channel = self.channels.iter_mut().find(|channel| channel.track == step.track)?;
        let track = &camera.media.tracks[step.track];
        let sample = &track.samples[step.sample];
        let ticks = sample.pts + track.ticks(camera.media.length * playing.round);
        let mut datagrams = Packets::default();
        let out = if channel.udp.is_some() { &mut datagrams } else { packets };
        match &track.format {
            Format::Aac(..) => channel.stream.aac(out, ticks, &sample.data),
            Format::H264(sets) | Format::H265(sets) => {
                let sets: Vec<&[u8]> = sets.iter().map(AsRef::as_ref).collect();
                let nals = nals(&sample.data);
                let h264 = matches!(track.format, Format::H264(_));
                let holds_sets = nals.iter().any(|nal| nal.starts_with(&sets[0][..1]));
                let sets = if sample.key && !holds_sets { &sets[..] } else { &[] };
                if h264 {
                    channel.stream.h264(out, ticks, sets, &nals);
                } else {
                    channel.stream.h265(out, ticks, sets, &nals);
                }
            }
        }
        if let Some(pair) = &channel.udp {
            for packet in datagrams.iter() {
                // A client that has gone answers with ICMP: its silence is noticed elsewhere.
                let _ = pair.rtp.send(packet).await;
            }
        }
        self.shared.log.as_ref()?;
        Sent::of(&camera.name, &self.id, track, step.sample, playing.round)
    }

    /// Sends a report or a goodbye on every channel, `at` being the media time of now.
    async fn send_control(
        &self,
        write: &mut WriteHalf<'_>,
        camera: &Camera,
        at: Duration,
        compose: fn(&Stream, crate::base::Timestamp, i64) -> Vec<u8>,
    ) -> Result<(), End> {
        let wall = self.shared.clock.wall();
        let mut packets = Packets::default();
        for channel in &self.channels {
            let ticks = camera.media.tracks[channel.track].ticks(at);
            let packet = compose(&channel.stream, wall, ticks);
            match &channel.udp {
                Some(pair) => drop(pair.rtcp.send(&packet).await),
                None => packets.push(channel.stream.channel.wrapping_add(1), &[&packet]),
            }
        }
        send(write, &packets.bytes).await
    }

    async fn goodbye(&self, write: &mut WriteHalf<'_>) -> Result<(), End> {
        let (Some(camera), Some(playing)) = (self.camera(), &self.playing) else { return Ok(()) };
        if playing.over {
            return Ok(());
        }
        self.send_control(write, camera, playing.start.elapsed(), rtcp::goodbye).await
    }
}

impl Playing {
    /// When the current sample is sent.
    fn due(&self, camera: &Camera) -> Option<Instant> {
        let step = camera.media.steps.get(self.step)?;
        Some(self.start + camera.media.length * self.round + step.due)
    }

    /// Goes to the next sample, in the next round where there is one.
    fn advance(&mut self, camera: &Camera) {
        self.step += 1;
        if self.step == camera.media.steps.len() {
            self.over = !camera.looping;
            self.step = 0;
            self.round = self.round.saturating_add(1);
        }
    }
}

async fn send(write: &mut WriteHalf<'_>, bytes: &[u8]) -> Result<(), End> {
    if bytes.is_empty() {
        return Ok(());
    }
    match tokio::time::timeout(WRITE_MAX, write.write_all(bytes)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Closed),
        Err(_) => Err(End::Silent),
    }
}
