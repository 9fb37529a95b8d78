//! A camera that speaks RTSP 1.0 (RFC 2326), by way of `retina`, which no other file names.
//!
//! Takes where the camera is; gives its samples as a [`Source`]. Every step has a time limit, but
//! silence while playing is for the session to notice: retina notices none. Nothing that it says
//! contains a credential.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use retina::client::{
    Demuxed, Described, InitialSequenceNumberPolicy, InitialTimestampPolicy, PlayOptions, Session,
    SessionGroup, SessionOptions, SetupOptions, TcpTransportOptions, UdpTransportOptions,
};
use retina::codec::{
    AudioFrame, CodecItem, FrameFormat, ParametersRef, VideoFrame, VideoParametersCodec,
};
use retina::rtcp::ReceivedCompoundPacket;
use tokio::time::Instant;

use super::audio_line::AudioStart;
use super::camera::{Audio, RtspOrigin, Transport};
use super::packet::{AudioParameters, Codec, GapReason, VideoParameters};
use super::source::{AudioSample, End, Report, Sample, Source, Stream, Then, VideoSample};

mod problem;

pub use problem::{OpenError, Problem};

/// The most that connecting with DESCRIBE, each SETUP, and PLAY may take.
const STEP: Duration = Duration::from_secs(10);

/// The most that is waited for TEARDOWN, which goes on without us: less than shutdown gives to
/// ingest. The camera is often gone already.
const TEARDOWN: Duration = Duration::from_millis(200);

/// Packets of a stream that in a row make no sense before its session is given up.
const BROKEN_MAX: u32 = 50;

/// How long the audio may go on after the end of the video.
const LAST_AUDIO: Duration = Duration::from_secs(1);

/// RTCP packet type BYE (RFC 3550, section 12.1).
const BYE: u8 = 203;

/// A playing session.
pub struct RtspSource {
    demuxed: Demuxed,
    teardowns: Arc<SessionGroup>,
    video: usize,
    video_parameters: Option<Arc<VideoParameters>>,
    audio: Option<(usize, Arc<AudioParameters>)>,
    audio_left_out: Option<String>,
    audio_start: AudioStart,
    broken: Broken,
    /// Lost video packets that the next unit has to tell of.
    lost: u64,
    /// Set once the video has ended in good order: the end of waiting for audio's.
    ending: Option<Instant>,
    audio_ended: bool,
    origin: RtspOrigin,
}

/// Packets that could not be understood since the last good one of their stream.
#[derive(Default)]
struct Broken {
    video: u32,
    audio: u32,
    last: Option<(Stream, String)>,
}

impl RtspSource {
    /// Connects and plays.
    pub async fn open(origin: &RtspOrigin) -> Result<Self, OpenError> {
        let fail = |problem, detail: String| OpenError::new(problem, origin, detail);
        if origin.url.scheme() != "rtsp" {
            return Err(fail(
                Problem::Scheme,
                format!("the URL begins with {}:", origin.url.scheme()),
            ));
        }
        let teardowns = Arc::new(SessionGroup::default());
        let credentials = origin.credentials.as_ref().map(|ours| retina::client::Credentials {
            username: ours.user.clone(),
            password: ours.password.clone(),
        });
        let options = SessionOptions::default()
            .creds(credentials)
            .session_group(teardowns.clone())
            .user_agent("wardline".into());
        let describe = Session::describe(origin.url.clone(), options);
        let mut session = step(origin, "connect and DESCRIBE", describe).await?;

        let video = session
            .streams()
            .iter()
            .position(|s| s.media() == "video" && matches!(s.encoding_name(), "h264" | "h265"))
            .ok_or_else(|| fail(Problem::NoVideo, offered(&session)))?;
        let setup = session.setup(video, setup_options(origin.transport));
        step(origin, "SETUP of the video", setup).await?;
        let (audio, audio_left_out) = match origin.audio {
            Audio::Take => setup_audio(&mut session, origin).await,
            Audio::LeaveOut => (None, None),
        };
        let play = PlayOptions::default()
            .initial_timestamp(InitialTimestampPolicy::Permissive)
            // Many cameras send numbers that have nothing to do with their first packet.
            .initial_seq(InitialSequenceNumberPolicy::Ignore);
        let session = step(origin, "PLAY", session.play(play)).await?;
        let demuxed = session.demuxed().map_err(|error| OpenError::of(&error, origin, "PLAY"))?;
        let audio_start = audio_start(demuxed.streams());
        let mut source = Self {
            demuxed,
            teardowns,
            video,
            video_parameters: None,
            audio,
            audio_left_out,
            audio_start,
            broken: Broken::default(),
            lost: 0,
            ending: None,
            audio_ended: false,
            origin: origin.clone(),
        };
        source.renew_parameters();
        Ok(source)
    }

    /// The encoding of audio that the camera has but that is not taken, for a warning.
    pub fn audio_left_out(&self) -> Option<&str> {
        self.audio_left_out.as_deref()
    }

    /// Parameters of the audio that is taken.
    pub fn audio(&self) -> Option<&Arc<AudioParameters>> {
        self.audio.as_ref().map(|(_, parameters)| parameters)
    }

    /// How the times of audio and video relate before the first sender reports.
    pub fn audio_start(&self) -> AudioStart {
        self.audio_start
    }

    /// Puts the camera's newest parameters in force; the same object stays while they are equal.
    fn renew_parameters(&mut self) {
        let stream = &self.demuxed.streams()[self.video];
        let Some(ParametersRef::Video(new)) = stream.parameters() else { return };
        let Some(new) = video_parameters(new) else { return };
        if self.video_parameters.as_deref() != Some(&new) {
            self.video_parameters = Some(Arc::new(new));
        }
    }

    fn video(&mut self, frame: VideoFrame) -> Option<Sample> {
        self.broken.video = 0;
        if frame.has_new_parameters() || self.video_parameters.is_none() {
            self.renew_parameters();
        }
        self.lost += u64::from(frame.loss());
        let parameters = self.video_parameters.clone()?;
        Some(Sample::Video(VideoSample {
            parameters,
            pts: frame.timestamp().elapsed(),
            lost: std::mem::take(&mut self.lost),
            data: Bytes::from(frame.into_data()),
        }))
    }

    fn audio_frame(&mut self, frame: &AudioFrame) -> Option<Sample> {
        self.broken.audio = 0;
        let (_, parameters) = self.audio.as_ref()?;
        Some(Sample::Audio(AudioSample {
            parameters: parameters.clone(),
            pts: frame.timestamp().elapsed(),
            lost: frame.loss().into(),
            data: Bytes::copy_from_slice(frame.data()),
        }))
    }

    /// A sender report, or the end: RFC 3550 section 6.6.
    fn control(&mut self, packet: &ReceivedCompoundPacket) -> Result<Option<Sample>, End> {
        let stream = if packet.stream_id() == self.video { Stream::Video } else { Stream::Audio };
        if packet.pkts().any(|part| part.payload_type() == BYE) {
            match stream {
                Stream::Video => {
                    self.ending.get_or_insert_with(|| Instant::now() + LAST_AUDIO);
                }
                Stream::Audio => self.audio_ended = true,
            }
            if self.ending.is_some() && (self.audio_ended || self.audio.is_none()) {
                return Err(ended());
            }
        }
        let report = packet.pkts().next().and_then(|part| part.as_sender_report().ok().flatten());
        let (Some(report), Some(time)) = (report, packet.rtp_timestamp()) else {
            return Ok(None);
        };
        let since = report.ntp_timestamp().0.wrapping_sub(retina::UNIX_EPOCH.0);
        let ntp = (u128::from(since) * 1_000_000) >> 32;
        let ntp = i64::try_from(ntp).expect("2^32 seconds fit in microseconds");
        let (pts, clock_rate) = (time.elapsed(), time.clock_rate().get());
        Ok(Some(Sample::Report(Report { stream, pts, clock_rate, ntp })))
    }

    /// A packet that makes no sense is a lost packet; any other error ends the session.
    fn fail(&mut self, error: &retina::Error) -> Result<(), End> {
        let whole = error.to_string();
        let said = problem::said(&whole, &self.origin);
        // Errors are opaque; only those of RTP packets name a synchronization source.
        if !whole.contains("\nssrc: ") {
            return Err(End::offline(said));
        }
        let of_audio = self.audio.as_ref().is_some_and(|(stream, _)| {
            let context = self.demuxed.streams()[*stream].ctx();
            context.is_some_and(|context| whole.contains(&format!("\nstream: {context}\n")))
        });
        let (stream, count) = if of_audio {
            (Stream::Audio, &mut self.broken.audio)
        } else {
            self.lost += 1;
            (Stream::Video, &mut self.broken.video)
        };
        *count += 1;
        let hopeless = *count > BROKEN_MAX;
        self.broken.last = Some((stream, said));
        if hopeless { Err(self.closed()) } else { Ok(()) }
    }

    /// The stream is over; what made no sense before may be why.
    fn closed(&mut self) -> End {
        match self.broken.last.take() {
            Some((Stream::Audio, said)) if self.broken.audio > 0 => End {
                reason: GapReason::Offline,
                then: Then::RetryAudio,
                detail: format!("its audio makes no sense: {said}"),
            },
            Some((Stream::Video, said)) if self.broken.video > 0 => {
                End::offline(format!("its video makes no sense: {said}"))
            }
            _ => End::offline("the camera closed the connection"),
        }
    }
}

impl Source for RtspSource {
    async fn next(&mut self) -> Result<Sample, End> {
        loop {
            let next = match self.ending {
                None => self.demuxed.next().await,
                Some(until) => match tokio::time::timeout_at(until, self.demuxed.next()).await {
                    Ok(next) => next,
                    Err(_) => return Err(ended()),
                },
            };
            let sample = match next {
                Some(Ok(CodecItem::VideoFrame(frame))) => self.video(frame),
                Some(Ok(CodecItem::AudioFrame(frame))) => self.audio_frame(&frame),
                Some(Ok(CodecItem::Rtcp(packet))) => self.control(&packet)?,
                Some(Ok(_)) => None,
                Some(Err(error)) => {
                    self.fail(&error)?;
                    None
                }
                None => return Err(self.closed()),
            };
            if let Some(sample) = sample {
                return Ok(sample);
            }
        }
    }

    async fn close(self) {
        let Self { demuxed, teardowns, .. } = self;
        // Dropping starts the TEARDOWN.
        drop(demuxed);
        let _ = tokio::time::timeout(TEARDOWN, teardowns.await_teardown()).await;
    }
}

fn ended() -> End {
    let detail = "the camera ended the stream (RTCP BYE)".into();
    End { reason: GapReason::Offline, then: Then::Again, detail }
}

fn setup_options(transport: Transport) -> SetupOptions {
    let transport = match transport {
        Transport::Tcp => retina::client::Transport::Tcp(TcpTransportOptions::default()),
        Transport::Udp => retina::client::Transport::Udp(UdpTransportOptions::default()),
    };
    SetupOptions::default().transport(transport).frame_format(FrameFormat::MP4)
}

/// Sets up the first AAC stream. Gives also the encoding of audio that is left out.
async fn setup_audio(
    session: &mut Session<Described>,
    origin: &RtspOrigin,
) -> (Option<(usize, Arc<AudioParameters>)>, Option<String>) {
    let streams = session.streams();
    let other = streams.iter().find(|s| s.media() == "audio").map(|s| s.encoding_name().to_owned());
    let found = streams.iter().enumerate().find_map(|(index, stream)| {
        if stream.media() != "audio" || stream.encoding_name() != "mpeg4-generic" {
            return None;
        }
        let Some(ParametersRef::Audio(parameters)) = stream.parameters() else { return None };
        audio_parameters(parameters).map(|parameters| (index, Arc::new(parameters)))
    });
    let Some((index, parameters)) = found else { return (None, other) };
    let setup = session.setup(index, setup_options(origin.transport));
    match step(origin, "SETUP of the audio", setup).await {
        Ok(()) => (Some((index, parameters)), None),
        // Video is worth having alone.
        Err(error) => (None, Some(error.to_string())),
    }
}

/// Whether the camera said in `RTP-Info` which RTP times its streams begin with (RFC 2326, section
/// 12.33). retina uses it, but tells only in its debug form; where that reads otherwise one day,
/// arrivals and sender reports align instead.
fn audio_start(streams: &[retina::client::Stream]) -> AudioStart {
    let mut playing = streams.iter().filter(|stream| stream.ctx().is_some());
    if playing.all(|stream| format!("{stream:?}").contains("start: Some(")) {
        AudioStart::Together
    } else {
        AudioStart::Unknown
    }
}

async fn step<T>(
    origin: &RtspOrigin,
    name: &str,
    work: impl Future<Output = Result<T, retina::Error>>,
) -> Result<T, OpenError> {
    match tokio::time::timeout(STEP, work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(OpenError::of(&error, origin, name)),
        Err(_) => {
            let detail = format!("no answer to {name} within {} s", STEP.as_secs());
            Err(OpenError::new(Problem::NoAnswer, origin, detail))
        }
    }
}

/// What a camera offers instead of video that we can take.
fn offered(session: &Session<Described>) -> String {
    let kinds: Vec<String> =
        session.streams().iter().map(|s| format!("{} {}", s.media(), s.encoding_name())).collect();
    if kinds.is_empty() {
        "it offers no stream".into()
    } else {
        format!("it offers {}", kinds.join(", "))
    }
}

fn video_parameters(theirs: &retina::codec::VideoParameters) -> Option<VideoParameters> {
    let codec = match theirs.codec_params() {
        VideoParametersCodec::H264 { .. } => Codec::H264,
        VideoParametersCodec::H265 { .. } => Codec::H265,
        _ => return None,
    };
    let (width, height) = theirs.pixel_dimensions();
    let aspect = theirs.pixel_aspect_ratio().and_then(|(horizontal, vertical)| {
        let ratio = (u16::try_from(horizontal).ok()?, u16::try_from(vertical).ok()?);
        (ratio.0 != ratio.1 && ratio.0 > 0 && ratio.1 > 0).then_some(ratio)
    });
    let mut entry = theirs.mp4_sample_entry();
    if let Some(aspect) = aspect {
        entry = entry.with_aspect_ratio(aspect);
    }
    Some(VideoParameters {
        codec,
        width,
        height,
        rfc6381: theirs.rfc6381_codec().to_owned(),
        sample_entry: Bytes::from(entry.build().ok()?),
        decoder_config: Bytes::copy_from_slice(theirs.extra_data()),
    })
}

fn audio_parameters(theirs: &retina::codec::AudioParameters) -> Option<AudioParameters> {
    Some(AudioParameters {
        rfc6381: theirs.rfc6381_codec()?.to_owned(),
        sample_entry: Bytes::from(theirs.mp4_sample_entry().build().ok()?),
        clock_rate: theirs.clock_rate(),
        frame_ticks: theirs.frame_length().map_or(1024, NonZeroU32::get),
    })
}
