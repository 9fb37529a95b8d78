//! Puts a session's audio on the media time line of its video.
//!
//! The two streams count from origins of their own. Sender reports say how these relate (RFC 3550,
//! section 6.4.1); before them the start of playing does, where the camera told it, or else
//! arrival. Pure; all times are microseconds.

use std::time::Duration;

use tokio::time::Instant;

use super::source::{Report, Stream};
use super::timeline;

/// How the times of audio and video relate when a session begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioStart {
    /// Time 0 of both is the same moment.
    Together,
    /// Not known.
    Unknown,
}

/// Arrivals count for so long.
const SETTLING: Duration = Duration::from_secs(2);

/// Sender reports jitter: a smaller change moves nothing.
const STEADY_MICROS: i64 = 10_000;

/// A larger change is a camera's mistake.
const TRUST_MICROS: i64 = 5_000_000;

/// The relation of audio and video in one session.
#[derive(Debug)]
pub struct AudioLine {
    start: AudioStart,
    began: Option<Instant>,
    /// The smallest (arrival - media) of each, from when the session began.
    least_video: Option<i64>,
    least_audio: Option<i64>,
    /// The last (media - sender's clock) of each.
    video_report: Option<i64>,
    audio_report: Option<i64>,
    /// Media time of video less that of audio at the same moment.
    offset: i64,
    reported: bool,
}

impl AudioLine {
    /// A session begins.
    pub fn new(start: AudioStart) -> Self {
        Self {
            start,
            began: None,
            least_video: None,
            least_audio: None,
            video_report: None,
            audio_report: None,
            offset: 0,
            reported: false,
        }
    }

    /// A unit of `stream` with media time `media` arrived.
    pub fn arrived(&mut self, stream: Stream, media: i64, at: Instant) {
        if self.reported {
            return;
        }
        let began = *self.began.get_or_insert(at);
        if at.saturating_duration_since(began) > SETTLING {
            self.doubt();
            return;
        }
        let arrival = crate::base::time::micros(at.saturating_duration_since(began));
        let late = arrival.saturating_sub(timeline::sane(media));
        let least = match stream {
            Stream::Video => &mut self.least_video,
            Stream::Audio => &mut self.least_audio,
        };
        *least = Some(least.map_or(late, |least| least.min(late)));
        if let (AudioStart::Unknown, Some(by_arrival)) = (self.start, self.by_arrival()) {
            self.offset = by_arrival;
        }
    }

    fn by_arrival(&self) -> Option<i64> {
        Some(self.least_audio? - self.least_video?)
    }

    /// Where arrivals contradict what the camera said of the start of playing, it was a mistake.
    fn doubt(&mut self) {
        let Some(by_arrival) = self.by_arrival().filter(|_| self.start == AudioStart::Together)
        else {
            return;
        };
        if (by_arrival - self.offset).abs() > TRUST_MICROS {
            (self.start, self.offset) = (AudioStart::Unknown, by_arrival);
        }
    }

    /// A sender report of either stream, whose time is `media`.
    pub fn report(&mut self, report: Report, media: i64) {
        let line = timeline::sane(media) - timeline::sane(report.ntp);
        match report.stream {
            Stream::Video => self.video_report = Some(line),
            Stream::Audio => self.audio_report = Some(line),
        }
        let (Some(video), Some(audio)) = (self.video_report, self.audio_report) else { return };
        let offset = video - audio;
        let change = (offset - self.offset).abs();
        let believed =
            self.start == AudioStart::Unknown && !self.reported || change <= TRUST_MICROS;
        if believed && change > STEADY_MICROS {
            self.offset = offset;
        }
        self.reported |= believed;
    }

    /// The media time on the video's line of an audio frame.
    pub fn on_video(&self, media: i64) -> i64 {
        timeline::sane(media) + self.offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(stream: Stream, ntp: i64) -> Report {
        Report { stream, pts: 0, clock_rate: 90_000, ntp }
    }

    #[test]
    fn arrivals_align_until_reports_do() {
        let mut line = AudioLine::new(AudioStart::Unknown);
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        line.arrived(Stream::Audio, 70_000_000, start);
        line.arrived(Stream::Video, 0, after(300));
        assert_eq!(line.on_video(70_000_000), -300_000);
        // The first picture was large and late; the next is not.
        line.arrived(Stream::Video, 400_000, after(500));
        assert_eq!(line.on_video(70_000_000), -100_000);
        line.report(report(Stream::Video, 9_000_000), 1_000_000);
        assert_eq!(line.on_video(70_000_000), -100_000);
        line.report(report(Stream::Audio, 9_500_000), 71_450_000);
        assert_eq!(line.on_video(71_450_000), 1_500_000);
        line.arrived(Stream::Video, 410_000, after(501));
        assert_eq!(line.on_video(71_450_000), 1_500_000);
    }

    #[test]
    fn a_start_that_arrivals_contradict_is_a_mistake() {
        for (hour, expected) in [(3_600_000_000, 0), (4_000_000, 4_000_000)] {
            let mut line = AudioLine::new(AudioStart::Together);
            let start = Instant::now();
            for millis in (0..2500).step_by(20) {
                let (at, media) = (start + Duration::from_millis(millis), millis as i64 * 1000);
                line.arrived(Stream::Video, media, at);
                line.arrived(Stream::Audio, media + hour, at);
            }
            assert_eq!(line.on_video(hour), expected);
            line.report(report(Stream::Video, 9_000_000), 1_000_000);
            line.report(report(Stream::Audio, 9_000_000), 1_000_000 + hour - 50_000);
            assert_eq!(line.on_video(hour), 50_000, "and reports are believed");
        }
    }

    #[test]
    fn a_common_start_holds_until_reports_differ() {
        let mut line = AudioLine::new(AudioStart::Together);
        line.arrived(Stream::Audio, 0, Instant::now());
        line.arrived(Stream::Video, 500_000, Instant::now());
        assert_eq!(line.on_video(5), 5);
        line.report(report(Stream::Video, 9_000_000), 1_000_000);
        for (ntp, expected) in [(9_000_900, 5), (9_200_000, 200_005), (99_000_000, 200_005)] {
            line.report(report(Stream::Audio, ntp), 1_000_000);
            assert_eq!(line.on_video(5), expected, "{ntp}");
        }
    }
}
