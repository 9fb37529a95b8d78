//! Units become samples: when they are decoded, for how long, and what players must know of them.
//!
//! The part that files and live pieces share. Knows neither where one begins nor where it goes.

use super::desk::Video;
use super::mp4::{Role, Run, Sample};
use super::order::{DecodeTimes, Pace};
use crate::ingest::{Access, VideoUnit};

/// What is known of the time after a fragment, in the session's ticks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Until {
    /// Nothing.
    Unknown,
    /// The unit after its last is shown then.
    Unit(i64),
    /// The video ends then.
    End(i64),
}

/// The samples of one stretch of video that is decoded from its start, in decoding order.
#[derive(Debug)]
pub(super) struct Samples {
    times: DecodeTimes,
    /// The open key frame whose leading pictures may still come.
    open_key: Option<i64>,
}

impl Samples {
    /// None so far. `pace`: what is likely of the pictures.
    pub(super) fn new(pace: Pace) -> Self {
        Self { times: DecodeTimes::new(pace), open_key: None }
    }

    /// The next ones. `origin`: the presentation time of decode time 0.
    pub(super) fn next(
        &mut self,
        units: impl ExactSizeIterator<Item = VideoUnit>,
        until: Until,
        depth: usize,
        origin: i64,
    ) -> Video {
        let mut video = Video::default();
        let mut samples: Vec<Sample> = Vec::with_capacity(units.len());
        let (mut first, mut previous) = (origin, origin);
        for unit in units {
            let decode = self.times.next(unit.pts, depth, origin);
            match samples.last_mut() {
                Some(sample) => sample.duration = duration(previous, decode),
                None => (first, video.key) = (decode, unit.access.is_key()),
            }
            previous = decode;
            video.damaged |= unit.damaged;
            let role = match unit.access {
                Access::Key | Access::OpenKey => Role::Key,
                _ if self.open_key.is_some_and(|key| unit.pts < key) => Role::Leading,
                Access::Reference => Role::Reference,
                Access::Disposable => Role::Disposable,
            };
            if role == Role::Key {
                self.open_key = (unit.access == Access::OpenKey).then_some(unit.pts);
                video.keys.push((unit.pts - origin, samples.len() as u32 + 1));
            }
            let offset = i32::try_from(unit.pts.saturating_sub(decode)).unwrap_or(0);
            samples.push(Sample { duration: 1, offset, role, data: unit.data });
        }
        if let Some(sample) = samples.last_mut() {
            let next = match until {
                Until::Unknown => self.times.promise(),
                Until::Unit(pts) => self.times.peek(pts, depth),
                Until::End(end) => end,
            };
            sample.duration = duration(previous, next);
        }
        video.run = Run { decode: first.saturating_sub(origin).unsigned_abs(), samples };
        video
    }

    /// What is likely from here on.
    pub(super) fn pace(&self) -> Pace {
        self.times.pace()
    }
}

/// Decode time 0 for units that a stretch begins with: the smallest presentation time. Where that
/// is not of the unit decoded first, so many ticks earlier that the decode times before it have
/// room. `None`: there are none.
pub(super) fn origin(units: &[VideoUnit], depth: usize) -> Option<i64> {
    let early = units.iter().zip(0..).take(depth + 1);
    let room = early.map(|(unit, index)| unit.pts.saturating_sub(index));
    room.chain(units.iter().map(|unit| unit.pts)).min()
}

fn duration(from: i64, to: i64) -> u32 {
    u32::try_from(to.saturating_sub(from).max(1)).unwrap_or(u32::MAX)
}
