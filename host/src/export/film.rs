//! One file to be: where the samples of its segments stand on its time line, and from where they
//! are copied.
//!
//! Pure: tables in, tables out. Times are ticks of 90 kHz from the decode time of the first sample,
//! unless they are said to be a track's. 16 bytes a sample are kept, and 48 a run of them.

use std::ops::Range;

use crate::base::{Error, Result, Timestamp};
use crate::ingest::packet::VIDEO_TICKS;
use crate::record::movie;
use crate::record::tables::{self, Tables};
use crate::record::{Identity, micros_to_ticks, scale};

/// Bytes of a segment that are copied as they lie: samples of one track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Copy {
    /// Which file, by its place in the list.
    pub(super) source: usize,
    /// From where.
    pub(super) offset: u64,
    /// How many.
    pub(super) bytes: u64,
    samples: u32,
    description: u32,
    is_audio: bool,
}

/// The samples of one track as they will be written.
#[derive(Debug, Default)]
pub(super) struct Strip {
    pub(super) timescale: u32,
    pub(super) descriptions: Vec<bytes::Bytes>,
    picture: Option<(u32, u32)>,
    description: u32,
    pub(super) samples: Vec<movie::Sample>,
    /// Decode times of the first and last, in its own ticks.
    times: Option<(i64, i64)>,
}

/// What is shown without a break in the order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scene {
    /// Where its first picture is shown.
    pub(super) from: i64,
    /// Where its last ends.
    pub(super) to: i64,
    /// The same in UTC.
    pub(super) utc: (Timestamp, Timestamp),
    /// Ticks of video before it that are there for decoding only.
    pub(super) lead_in: i64,
    /// Its pictures.
    pub(super) pictures: u64,
}

/// Part of a segment.
pub(super) struct Piece<'t> {
    pub(super) source: usize,
    pub(super) tables: &'t Tables,
    /// Of its video.
    pub(super) video: Vec<Range<usize>>,
    /// Of its audio.
    pub(super) audio: Range<usize>,
}

/// One file to be.
#[derive(Debug)]
pub(super) struct Film {
    /// Of its first segment.
    pub(super) identity: Identity,
    pub(super) video: Strip,
    pub(super) audio: Strip,
    /// In the order of the file.
    pub(super) copies: Vec<Copy>,
    pub(super) scenes: Vec<Scene>,
    /// Where time was left out: where, and how many microseconds.
    pub(super) cuts: Vec<(i64, i64)>,
    /// A moment of UTC, and where it stands.
    anchor: (Timestamp, i64),
    /// The largest presentation time.
    shown: i64,
}

impl Film {
    /// Empty; begins with `tables`, whose sample `first` is decoded at 0.
    pub(super) fn new(tables: &Tables, first: usize) -> Self {
        let decode = tables.video.samples.get(first).map_or(0, |sample| sample.decode);
        let mut film = Self {
            identity: tables.identity.clone(),
            video: Strip::default(),
            audio: Strip::default(),
            copies: Vec::new(),
            scenes: Vec::new(),
            cuts: Vec::new(),
            anchor: (tables.identity.start, -decode),
            shown: i64::MIN / 2,
        };
        film.describe(tables);
        film
    }

    /// From here on samples are as `tables` says.
    pub(super) fn describe(&mut self, tables: &Tables) {
        self.video.describe(&tables.video, Some(tables.video.size));
        if let Some(audio) = &tables.audio {
            self.audio.describe(audio, None);
        }
    }

    /// Where a segment stands by its UTC.
    pub(super) fn place(&self, identity: &Identity) -> i64 {
        let (moment, place) = self.anchor;
        place.saturating_add(micros_to_ticks(identity.start.micros_since(moment)))
    }

    /// The same, put off where that would be before what is there: after a clock that was slewed
    /// back between two segments the order of pictures stands.
    pub(super) fn place_after(&self, piece: &Piece<'_>, wish: i64) -> i64 {
        let samples = &piece.tables.video.samples;
        let Some(first) = piece.video.first().and_then(|range| samples.get(range.start)) else {
            return wish;
        };
        let last = self.video.times.map_or(i64::MIN / 2, |(_, last)| last);
        wish.max(last.saturating_add(1).saturating_sub(first.decode))
            .max(self.shown.saturating_add(1).saturating_sub(first_shown(piece)))
    }

    /// UTC and time line part: what follows stands `place` from here on.
    pub(super) fn set_anchor(&mut self, identity: &Identity, place: i64) {
        self.anchor = (identity.start, place);
    }

    /// The largest presentation time.
    pub(super) fn shown(&self) -> i64 {
        self.shown
    }

    /// Leaves out the audio from `at` on: it outlasts its video, and something else follows.
    pub(super) fn cut_audio(&mut self, at: i64) {
        let at = scale(at, self.audio.timescale.into(), VIDEO_TICKS);
        while let Some((first, last)) = self.audio.times.filter(|(_, last)| *last >= at) {
            let Some(sample) = self.audio.samples.pop() else { return };
            let copy = self.copies.iter().rposition(|copy| copy.is_audio);
            if let Some(index) = copy {
                let copy = &mut self.copies[index];
                copy.samples -= 1;
                copy.bytes -= u64::from(sample.size);
                if copy.samples == 0 {
                    self.copies.remove(index);
                }
            }
            let before = self.audio.samples.last().map(|before| last - i64::from(before.duration));
            self.audio.times = before.map(|before| (first, before));
        }
    }

    /// Adds samples of a segment whose decode time 0 stands at `place`.
    ///
    /// # Errors
    /// Refuses times that no table can hold: a segment that is damaged, or a gap that is too long.
    pub(super) fn add(&mut self, piece: &Piece<'_>, place: i64) -> Result<()> {
        let tables = piece.tables;
        let first = self.copies.len();
        for range in &piece.video {
            for sample in &tables.video.samples[range.clone()] {
                self.video.push(sample, place).ok_or_else(|| wrong(&tables.identity))?;
                self.shown = self.shown.max(place.saturating_add(sample.shown));
            }
            self.copy(piece.source, &tables.video, range, false);
        }
        if let Some(audio) = &tables.audio {
            let place = scale(place, audio.timescale.into(), VIDEO_TICKS);
            let range = self.audio.after(&audio.samples, piece.audio.clone(), place);
            for sample in &audio.samples[range.clone()] {
                self.audio.push(sample, place).ok_or_else(|| wrong(&tables.identity))?;
            }
            self.copy(piece.source, audio, &range, true);
        }
        // As they lie in the segment: a second of video, the audio beside it, and so on.
        self.copies[first..].sort_by_key(|copy| copy.offset);
        Ok(())
    }

    fn copy(&mut self, source: usize, track: &tables::Track, range: &Range<usize>, audio: bool) {
        let size = |of: Range<usize>| -> u64 {
            track.samples[of].iter().map(|sample| u64::from(sample.size)).sum()
        };
        for run in &track.runs {
            let start = run.samples.start.max(range.start);
            let end = run.samples.end.min(range.end);
            if start >= end {
                continue;
            }
            self.copies.push(Copy {
                source,
                offset: run.offset + size(run.samples.start..start),
                bytes: size(start..end),
                samples: u32::try_from(end - start).unwrap_or(u32::MAX),
                description: if audio { self.audio.description } else { self.video.description },
                is_audio: audio,
            });
        }
    }

    /// Bytes of all samples.
    pub(super) fn payload(&self) -> u64 {
        self.copies.iter().map(|copy| copy.bytes).sum()
    }

    /// It will sound.
    pub(super) fn has_audio(&self) -> bool {
        self.copies.iter().any(|copy| copy.is_audio)
    }

    /// The tables to be written. The samples are moved, not copied.
    pub(super) fn tracks(&mut self) -> Vec<movie::Track> {
        let (mut video, mut audio) = (Vec::new(), Vec::new());
        let mut offset = 0;
        for copy in &self.copies {
            let chunks = if copy.is_audio { &mut audio } else { &mut video };
            let (samples, description) = (copy.samples, copy.description);
            chunks.push(movie::Chunk { offset, samples, description });
            offset += copy.bytes;
        }
        let edits = |strip: &Strip| {
            let first = strip.times.map_or(0, |(first, _)| first);
            let scenes = self.scenes.iter();
            scenes.flat_map(|scene| edits(scene, first, strip.timescale)).collect()
        };
        let (video_edits, audio_edits) = (edits(&self.video), edits(&self.audio));
        let mut tracks = vec![self.video.track(video, video_edits)];
        if !self.audio.samples.is_empty() {
            tracks.push(self.audio.track(audio, audio_edits));
        }
        tracks
    }
}

/// What of a track whose first sample is decoded at `first` is shown for a scene: nothing before
/// that.
fn edits(scene: &Scene, first: i64, timescale: u32) -> Vec<movie::Edit> {
    let whole = scene.to.saturating_sub(scene.from).max(0).unsigned_abs();
    let from = scale(scene.from, timescale.into(), VIDEO_TICKS).saturating_sub(first);
    if let Ok(media) = u64::try_from(from) {
        return vec![movie::Edit { duration: whole, media: Some(media) }];
    }
    let late = scale(-from, VIDEO_TICKS, timescale.into()).unsigned_abs().min(whole);
    vec![
        movie::Edit { duration: late, media: None },
        movie::Edit { duration: whole - late, media: Some(0) },
    ]
}

/// The smallest presentation time of a piece.
pub(super) fn first_shown(piece: &Piece<'_>) -> i64 {
    let samples = piece.video.iter().flat_map(|range| &piece.tables.video.samples[range.clone()]);
    samples.map(|sample| sample.shown).min().unwrap_or(0)
}

fn wrong(identity: &Identity) -> Error {
    Error::refuse(format!(
        "camera {}, segment {}: its times can't be put into one file: export a shorter range, or \
         use `--gaps cut`",
        identity.camera, identity.sequence
    ))
}

impl Strip {
    fn describe(&mut self, track: &tables::Track, picture: Option<(u32, u32)>) {
        if self.descriptions.is_empty() {
            (self.timescale, self.picture) = (track.timescale, picture);
        }
        let known = self.descriptions.iter().position(|entry| *entry == track.sample_entry);
        let index = known.unwrap_or_else(|| {
            self.descriptions.push(track.sample_entry.clone());
            self.descriptions.len() - 1
        });
        self.description = u32::try_from(index).unwrap_or(0);
    }

    /// Of `range`, what begins before half of the last sample is over is left out: where the clock
    /// was slewed back between two segments, sounds would play at once.
    fn after(&self, samples: &[tables::Sample], range: Range<usize>, place: i64) -> Range<usize> {
        let Some(((_, last), lasting)) = self.times.zip(self.samples.last()) else { return range };
        let free = last.saturating_add(i64::from(lasting.duration / 2));
        let early = |sample: &&tables::Sample| place.saturating_add(sample.decode) < free;
        let skipped = samples[range.clone()].iter().take_while(early).count();
        range.start + skipped..range.end
    }

    /// Adds a sample; the one before it lasts until then. `None`: its time can't be written.
    fn push(&mut self, sample: &tables::Sample, place: i64) -> Option<()> {
        let mut decode = place.saturating_add(sample.decode);
        if let Some((_, last)) = self.times {
            decode = decode.max(last.checked_add(1)?);
            let duration = u32::try_from(decode.checked_sub(last)?).ok()?;
            self.samples.last_mut()?.duration = duration;
        }
        let first = self.times.map_or(decode, |(first, _)| first);
        self.times = Some((first, decode));
        let offset = place.saturating_add(sample.shown).checked_sub(decode)?;
        self.samples.push(movie::Sample {
            size: sample.size,
            duration: sample.duration.max(1),
            offset: i32::try_from(offset).ok()?,
            key: sample.key,
        });
        Some(())
    }

    fn track(&mut self, chunks: Vec<movie::Chunk>, edits: Vec<movie::Edit>) -> movie::Track {
        movie::Track {
            timescale: self.timescale,
            picture: self.picture,
            descriptions: self.descriptions.clone(),
            samples: std::mem::take(&mut self.samples),
            chunks,
            edits,
        }
    }
}
