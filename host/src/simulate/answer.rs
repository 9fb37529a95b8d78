//! What one client is answered: its requests, to responses (RFC 2326, section 10).

use tokio::time::Instant;

use super::auth::Credentials;
use super::media::Format;
use super::message::{Request, Response};
use super::rtp::{AUDIO_PAYLOAD_TYPE, Stream, VIDEO_PAYLOAD_TYPE};
use super::sdp;
use super::session::{Channel, Playing, Session, TIMEOUT_SECONDS};
use super::transport::{UdpPair, Wish, wish};

/// What this server can do.
const METHODS: &str = "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, SET_PARAMETER, TEARDOWN";

impl Session {
    /// The answer to one request.
    pub(super) async fn answer(&mut self, request: &Request) -> Response {
        if request.method == "OPTIONS" {
            return Response::new("200 OK").header("Public", METHODS);
        }
        if let Some(credentials) = &self.shared.credentials {
            let header = request.header("authorization").unwrap_or_default();
            if !credentials.allow(header, &request.method, &self.nonce) {
                let [digest, basic] = Credentials::challenges(&self.nonce);
                return Response::new("401 Unauthorized")
                    .header("WWW-Authenticate", digest)
                    .header("WWW-Authenticate", basic);
            }
        }
        if let Some(id) = request.header("session")
            && id.split(';').next().is_some_and(|id| id.trim() != self.id)
        {
            return Response::new("454 Session Not Found");
        }
        match request.method.as_str() {
            "DESCRIBE" => self.describe(request),
            "SETUP" => self.set_up(request).await,
            "PLAY" => self.play(request),
            "GET_PARAMETER" | "SET_PARAMETER" | "TEARDOWN" => self.in_session("200 OK"),
            _ => Response::new("405 Method Not Allowed").header("Allow", METHODS),
        }
    }

    fn in_session(&self, status: &'static str) -> Response {
        Response::new(status)
            .header("Session", format_args!("{};timeout={TIMEOUT_SECONDS}", self.id))
    }

    /// The camera that a path names, and what stands behind its name.
    fn find<'a>(&self, path: &'a str) -> Option<(usize, &'a str)> {
        let path = path.split('?').next().unwrap_or_default();
        self.shared.cameras.iter().enumerate().find_map(|(index, camera)| {
            let rest = path.strip_prefix(camera.name.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then(|| (index, rest.trim_matches('/')))
        })
    }

    fn describe(&self, request: &Request) -> Response {
        let Some((index, "")) = self.find(request.path()) else {
            return Response::new("404 Not Found");
        };
        let camera = &self.shared.cameras[index];
        let base = format!("rtsp://{}/{}/", self.local, camera.name);
        Response::new("200 OK")
            .header("Content-Base", base)
            .body("application/sdp", sdp::describe(&camera.name, &camera.media))
    }

    async fn set_up(&mut self, request: &Request) -> Response {
        let Some((index, control)) = self.find(request.path()) else {
            return Response::new("404 Not Found");
        };
        let tracks = &self.shared.cameras[index].media.tracks;
        let Some(track) = (0..tracks.len()).find(|track| sdp::control(*track) == control) else {
            return Response::new("404 Not Found");
        };
        let video = !matches!(tracks[track].format, Format::Aac(..));
        let taken = self.channels.iter().any(|channel| channel.track == track);
        if self.playing.is_some() || taken || self.camera.is_some_and(|camera| camera != index) {
            return Response::new("455 Method Not Valid in This State");
        }
        let (channel, udp, transport) = match wish(request) {
            None => return Response::new("461 Unsupported Transport"),
            Some(Wish::Interleaved(named)) => {
                let (rtp, rtcp) = named.unwrap_or((2 * track as u8, 2 * track as u8 + 1));
                (rtp, None, format!("RTP/AVP/TCP;unicast;interleaved={rtp}-{rtcp}"))
            }
            Some(Wish::Udp(rtp, rtcp)) => {
                match UdpPair::open(self.local.ip(), self.peer.ip(), (rtp, rtcp)).await {
                    Err(error) => {
                        tracing::warn!(%error, "open UDP ports for an RTSP client");
                        return Response::new("500 Internal Server Error");
                    }
                    Ok(pair) => {
                        let (from, to) = (pair.port, pair.port + 1);
                        let text = format!(
                            "RTP/AVP;unicast;client_port={rtp}-{rtcp};server_port={from}-{to}"
                        );
                        (0, Some(pair), text)
                    }
                }
            }
        };
        let payload_type = if video { VIDEO_PAYLOAD_TYPE } else { AUDIO_PAYLOAD_TYPE };
        let stream = Stream::new(channel, payload_type, &mut self.random);
        let source = stream.source;
        self.camera = Some(index);
        self.channels.push(Channel { track, stream, udp });
        self.in_session("200 OK").header("Transport", format_args!("{transport};ssrc={source:08X}"))
    }

    fn play(&mut self, request: &Request) -> Response {
        let Some(index) = self.camera else {
            return Response::new("455 Method Not Valid in This State");
        };
        if self.find(request.path()).is_none_or(|(named, _)| named != index) {
            return Response::new("404 Not Found");
        }
        let camera = &self.shared.cameras[index];
        let info: Vec<String> = self
            .channels
            .iter()
            .map(|channel| {
                format!(
                    "url=rtsp://{}/{}/{};seq={};rtptime={}",
                    self.local,
                    camera.name,
                    sdp::control(channel.track),
                    channel.stream.sequence,
                    channel.stream.timestamp(0)
                )
            })
            .collect();
        if self.playing.is_none() {
            let start = Instant::now();
            self.playing = Some(Playing { start, step: 0, round: 0, report: start, over: false });
        }
        self.in_session("200 OK").header("Range", "npt=0-").header("RTP-Info", info.join(","))
    }
}
