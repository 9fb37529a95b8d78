//! Samples of a session -> items for the other stages: classified, placed on the time line,
//! numbered and counted.
//!
//! Knows no source and no reconnecting.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tokio::time::Instant;

use super::Outputs;
use crate::base::Timestamp;
use crate::base::clock::Clock;
use crate::base::metrics::{Camera, Metrics};
use crate::ingest::access_unit::Classifier;
use crate::ingest::audio_line::{AudioLine, AudioStart};
use crate::ingest::leaps::Leaps;
use crate::ingest::packet::{
    AudioFrame, Gap, GapReason, Item, VIDEO_TICKS, VideoParameters, VideoUnit,
};
use crate::ingest::parameter_sets::ParameterSets;
use crate::ingest::queue::Sender;
use crate::ingest::source::{AudioSample, Report, Sample, Stream, VideoSample};
use crate::ingest::timeline::{Anchoring, Arrival, Timeline};

/// Audio that came before the first picture waits for it: about six seconds.
const AUDIO_HELD_MAX: usize = 300;

/// After the video's times have leapt, the audio's follow within this, or have done so before.
const AUDIO_FOLLOWS: Duration = Duration::from_secs(2);

/// One camera's way from samples to items.
pub(super) struct Flow {
    camera: String,
    outputs: Outputs,
    timeline: Timeline,
    clock: Arc<dyn Clock>,
    figures: Figures,
    /// The number of this session, from 0; `None` before the first.
    session: Option<u64>,
    audio_line: AudioLine,
    audio_held: Vec<AudioSample>,
    video_leaps: Leaps,
    audio_leaps: Leaps,
    /// Until then audio is still that of times that are over, unless it leaps as well.
    audio_follows: Option<Instant>,
    classifier: Option<(Arc<VideoParameters>, Classifier)>,
    sets: ParameterSets,
    /// Lost before a unit that held no picture: the next one tells of it.
    lost: u64,
    /// Pictures of this session.
    pictures: u64,
    online: bool,
    /// It was said in this session that the camera's clock is not believed.
    told_apart: bool,
}

struct Figures {
    packets: Counter,
    bytes: Counter,
    lost: Counter,
    gaps: Counter,
    reconnects: Counter,
    connected: Gauge,
}

impl Flow {
    pub(super) fn new(
        camera: &str,
        outputs: Outputs,
        timeline: Timeline,
        clock: Arc<dyn Clock>,
        metrics: &Metrics,
    ) -> Self {
        let label = Camera { camera: camera.to_owned() };
        let figures = Figures {
            packets: metrics.packets.get_or_create(&label).clone(),
            bytes: metrics.bytes.get_or_create(&label).clone(),
            lost: metrics.lost_packets.get_or_create(&label).clone(),
            gaps: metrics.gaps.get_or_create(&label).clone(),
            reconnects: metrics.reconnects.get_or_create(&label).clone(),
            connected: metrics.connected.get_or_create(&label).clone(),
        };
        Self {
            camera: camera.to_owned(),
            outputs,
            timeline,
            clock,
            figures,
            session: None,
            audio_line: AudioLine::new(AudioStart::Together),
            audio_held: Vec::new(),
            video_leaps: Leaps::default(),
            audio_leaps: Leaps::default(),
            audio_follows: None,
            classifier: None,
            sets: ParameterSets::default(),
            lost: 0,
            pictures: 0,
            online: false,
            told_apart: false,
        }
    }

    /// A session begins.
    pub(super) fn begin(&mut self, start: AudioStart) {
        if self.session.is_some() {
            self.figures.reconnects.inc();
        }
        self.begin_times(start);
        self.video_leaps = Leaps::default();
        self.audio_leaps = Leaps::default();
        self.audio_follows = None;
        self.lost = 0;
        self.told_apart = false;
    }

    /// What comes has times of its own.
    fn begin_times(&mut self, start: AudioStart) {
        self.session = Some(self.session.map_or(0, |session| session + 1));
        self.timeline.begin();
        self.audio_line = AudioLine::new(start);
        self.audio_held.clear();
        self.pictures = 0;
    }

    /// The camera has set its clock, or begun to count anew: as if it had connected again.
    fn leapt(&mut self, by: i64, at: Instant) {
        let camera = &self.camera;
        let seconds = by as f64 / 1e6;
        let detail = format!("the camera's times leapt by {seconds:.1} s: they count anew");
        tracing::warn!(camera, "{detail}");
        self.send_gap(Item::Gap(Gap { reason: GapReason::Offline, detail }));
        self.begin_times(AudioStart::Unknown);
        self.audio_follows = Some(at + AUDIO_FOLLOWS);
    }

    /// Pictures came in this session.
    pub(super) fn delivered(&self) -> bool {
        self.pictures > 0
    }

    /// The parameters of the video, where the camera has just come online.
    pub(super) fn came_online(&mut self) -> Option<Arc<VideoParameters>> {
        if self.online || !self.delivered() {
            return None;
        }
        self.online = true;
        self.figures.connected.set(1);
        self.classifier.as_ref().map(|(parameters, _)| parameters.clone())
    }

    pub(super) fn disconnected(&mut self) {
        self.online = false;
        self.figures.connected.set(0);
    }

    pub(super) fn wall(&self) -> Timestamp {
        self.clock.wall()
    }

    /// Waits until every output has room.
    pub(super) async fn room(&self) {
        for output in [&self.outputs.record, &self.outputs.decode].into_iter().flatten() {
            output.room().await;
        }
    }

    /// Sends a gap everywhere. What comes next starts anew.
    pub(super) fn send_gap(&mut self, gap: Item) {
        self.pictures = 0;
        self.figures.gaps.inc();
        self.send_video(gap);
    }

    pub(super) fn take(&mut self, sample: Sample, at: Instant, anchoring: Anchoring) {
        match sample {
            Sample::Video(sample) => self.video(sample, at, anchoring),
            Sample::Audio(sample) => self.audio(sample, at),
            Sample::Report(report) => self.report(report),
        }
    }

    fn video(&mut self, sample: VideoSample, at: Instant, anchoring: Anchoring) {
        let VideoSample { parameters, pts, lost, data } = sample;
        self.figures.packets.inc();
        self.figures.bytes.inc_by(data.len() as u64);
        self.figures.lost.inc_by(lost);
        self.lost += lost;
        let classifier = match &self.classifier {
            Some((of, classifier)) if Arc::ptr_eq(of, &parameters) => *classifier,
            _ => {
                let classifier = Classifier::new(&parameters);
                self.classifier = Some((parameters.clone(), classifier));
                classifier
            }
        };
        let Some(access) = classifier.classify(&data) else { return };
        let (parameters, data) = self.sets.apply(&parameters, access.is_key(), data);
        let media = micros(pts, VIDEO_TICKS);
        // A file's times are its own, and come as fast as they are read.
        let by_arrival = !matches!(anchoring, Anchoring::At(_));
        if let Some(by) = self.video_leaps.take(media, at).filter(|_| by_arrival) {
            self.leapt(by, at);
        }
        let time = self.timeline.place(media, Arrival { at, wall: self.clock.wall() }, anchoring);
        self.audio_line.arrived(Stream::Video, media, at);
        self.pictures += 1;
        let damaged = std::mem::take(&mut self.lost) > 0;
        self.send_video(Item::Video(VideoUnit {
            parameters,
            session: self.session.unwrap_or(0),
            epoch: self.timeline.epoch(),
            pts,
            time,
            arrived: at,
            access,
            damaged,
            data,
        }));
        for held in std::mem::take(&mut self.audio_held) {
            self.send_audio(held);
        }
    }

    fn audio(&mut self, sample: AudioSample, at: Instant) {
        self.figures.packets.inc();
        self.figures.bytes.inc_by(sample.data.len() as u64);
        self.figures.lost.inc_by(sample.lost);
        let media = micros(sample.pts, sample.parameters.clock_rate.into());
        let leaps = self.audio_leaps.take(media, at).is_some();
        self.audio_follows.take_if(|until| leaps || at >= *until);
        if self.audio_follows.is_some() {
            return;
        }
        self.audio_line.arrived(Stream::Audio, media, at);
        if self.delivered() {
            self.send_audio(sample);
        } else if self.audio_held.len() < AUDIO_HELD_MAX {
            self.audio_held.push(sample);
        }
    }

    fn report(&mut self, report: Report) {
        let media = micros(report.pts, report.clock_rate.into());
        self.audio_line.report(report, media);
        if report.stream != Stream::Video {
            return;
        }
        let Some(apart) = self.timeline.report(media, report.ntp) else { return };
        if !std::mem::replace(&mut self.told_apart, true) {
            let (camera, apart_seconds) = (&self.camera, apart.as_secs());
            tracing::warn!(
                camera,
                apart_seconds,
                "the camera's clock is too far from this host's to be followed: set it, or leave \
                 out `time`"
            );
        }
    }

    fn send_audio(&mut self, sample: AudioSample) {
        let AudioSample { parameters, pts, data, .. } = sample;
        let media = self.audio_line.on_video(micros(pts, parameters.clock_rate.into()));
        let Some(time) = self.timeline.at(media) else { return };
        let session = self.session.unwrap_or(0);
        let item = Item::Audio(AudioFrame { parameters, session, pts, time, data });
        if let Some(live) = &self.outputs.live {
            live.show(&item);
        }
        if let Some(record) = &mut self.outputs.record {
            record.send(item);
        }
    }

    fn send_video(&mut self, item: Item) {
        let Outputs { record, decode, live } = &mut self.outputs;
        if let Some(live) = live {
            live.show(&item);
        }
        match (record, decode) {
            (Some(record), Some(decode)) => {
                decode.send(item.clone());
                record.send(item);
            }
            (Some(only), None) | (None, Some(only)) => Sender::send(only, item),
            (None, None) => {}
        }
    }
}

/// Ticks as microseconds.
fn micros(ticks: i64, rate: i64) -> i64 {
    let micros = i128::from(ticks) * 1_000_000;
    i64::try_from(micros.div_euclid(i128::from(rate.max(1)))).unwrap_or(i64::MAX)
}
