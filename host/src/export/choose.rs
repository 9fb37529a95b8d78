//! Which samples of one segment belong to a range of time, and what is needed to decode them.
//!
//! Pure: tables and times in, indices out.

use std::ops::Range;

use super::Wanted;
use crate::base::Timestamp;
use crate::record::tables::{Sample, Tables, Track};
use crate::record::{Identity, micros_to_ticks, scale, ticks_to_micros};

/// The pictures of a segment that lie in a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inside {
    /// Presentation time of the first.
    pub(super) first: i64,
    /// Presentation time of the last.
    pub(super) last: i64,
    /// Samples up to here (excluded) are needed.
    pub(super) end: usize,
    /// How many pictures there are.
    pub(super) pictures: u64,
}

/// UTC of a presentation time.
pub(super) fn utc(identity: &Identity, ticks: i64) -> Timestamp {
    identity.start.offset(ticks_to_micros(ticks))
}

/// A moment in the ticks of a segment's video.
pub(super) fn ticks(identity: &Identity, moment: Timestamp) -> i64 {
    micros_to_ticks(moment.micros_since(identity.start))
}

/// The pictures within `wanted` that are shown at `least` or later.
pub(super) fn inside(tables: &Tables, wanted: Wanted, least: i64) -> Option<Inside> {
    let mut found: Option<Inside> = None;
    for (index, sample) in tables.video.samples.iter().enumerate() {
        let time = utc(&tables.identity, sample.shown);
        if sample.shown < least || time < wanted.from || time >= wanted.to {
            continue;
        }
        let (first, last) = (sample.shown, sample.shown);
        let inside = found.get_or_insert(Inside { first, last, end: 0, pictures: 0 });
        inside.first = inside.first.min(sample.shown);
        inside.last = inside.last.max(sample.shown);
        inside.end = index + 1;
        inside.pictures += 1;
    }
    found
}

/// Some picture is shown after the range.
pub(super) fn reaches_beyond(tables: &Tables, wanted: Wanted) -> bool {
    let shown = tables.video.samples.iter().map(|sample| sample.shown);
    shown.max().is_some_and(|last| utc(&tables.identity, last) >= wanted.to)
}

/// The key frame from which the picture shown at `shown` decodes, as do all shown after it.
pub(super) fn key_for(samples: &[Sample], shown: i64) -> Option<usize> {
    samples.iter().rposition(|sample| sample.key && sample.shown <= shown)
}

/// What decodes of the samples up to `end`, after a start at the key frame `key`: all but those
/// that follow it and are shown before it, which need what came before.
pub(super) fn decodable(samples: &[Sample], key: usize, end: usize) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let from = samples.get(key).map_or(0, |sample| sample.shown);
    for index in (key..end.min(samples.len())).filter(|index| samples[*index].shown >= from) {
        match ranges.last_mut() {
            Some(range) if range.end == index => range.end += 1,
            _ => ranges.push(index..index + 1),
        }
    }
    ranges
}

/// Where the presentation of the picture shown at `last` ends: with the next one.
pub(super) fn end_of(tables: &Tables, last: i64) -> i64 {
    let later =
        tables.video.samples.iter().map(|sample| sample.shown).filter(|shown| *shown > last);
    later.min().unwrap_or_else(|| video_end(tables))
}

/// Where the presentation of the last picture ends. All durations together say it, unless the
/// file was left in the middle: then it is taken to be as long as the one before it.
pub(super) fn video_end(tables: &Tables) -> i64 {
    let samples = &tables.video.samples;
    let (mut last, mut before) = (i64::MIN, i64::MIN);
    for sample in samples {
        if sample.shown > last {
            (before, last) = (last, sample.shown);
        } else {
            before = before.max(sample.shown);
        }
    }
    let Some(end) = samples.last() else { return 0 };
    let decoded = end.decode.saturating_add(end.duration.into());
    match decoded > last {
        true => decoded,
        false if before > i64::MIN => last.saturating_add(last - before),
        false => last.saturating_add(1),
    }
}

/// The audio that sounds at `from` or later and begins before `to`, both in ticks of the video.
pub(super) fn audio(track: &Track, video_rate: u32, from: i64, to: i64) -> Range<usize> {
    let here = |ticks| scale(ticks, track.timescale.into(), video_rate.into());
    let (from, to) = (here(from), here(to));
    let ends = |sample: &Sample| sample.decode.saturating_add(sample.duration.into());
    let start = track.samples.partition_point(|sample| ends(sample) <= from);
    let end = track.samples.partition_point(|sample| sample.decode < to);
    start..end.max(start)
}
