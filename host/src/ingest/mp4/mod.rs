//! Reads the video and audio of an MP4 file, plain or fragmented, sample by sample.
//!
//! Takes a path; gives parameters and samples in decoding order, with times as a camera would
//! send them. Only the tables are held in memory, and every size is checked: the file may come
//! from anywhere. Knows no pace, no time of day and no access unit.

mod boxes;
mod parameters;
mod samples;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use self::boxes::{Fields, Header, boxes, find};
use self::samples::{Defaults, Sample};
use super::packet::{AudioParameters, VIDEO_TICKS, VideoParameters};
use crate::base::limits::{MP4_INDEX_BYTES, UNIT_BYTES};
use crate::base::{Error, Result};

/// Parameters of the video that a whole sample entry box describes.
///
/// # Errors
/// What of it is not supported.
pub fn video_parameters(sample_entry: &[u8]) -> Result<VideoParameters> {
    parameters::video(sample_entry)
        .map_err(|why| Error::refuse(format!("read the description of video: {why}")))
}

/// An open MP4 file, at a place in it.
pub struct Mp4File {
    file: File,
    name: String,
    video: Track<VideoParameters>,
    audio: Option<Track<AudioParameters>>,
}

/// A sample of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileSample {
    /// A video access unit: NAL units, each after its length in 4 bytes. Times in 90 kHz.
    Video(Timed),
    /// A raw AAC frame. Times in ticks of the audio's clock rate.
    Audio(Timed),
}

/// The data of a sample and when it is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timed {
    /// Decode time. May be negative before the first presentation.
    pub dts: i64,
    /// Presentation time, from the start of the presentation (edit lists are honoured).
    pub pts: i64,
    /// Length in the same ticks.
    pub duration: i64,
    /// The file says that decoding can start here.
    pub sync: bool,
    /// What the camera sent.
    pub data: Bytes,
}

struct Track<P> {
    parameters: Arc<P>,
    /// Ticks a second of what is given out.
    clock_rate: i64,
    /// Ticks a second inside the file.
    timescale: i64,
    /// Added to times inside the file (edit list).
    shift: i64,
    samples: Vec<Sample>,
    next: usize,
}

impl<P> Track<P> {
    fn ticks(&self, time: i64) -> i64 {
        let scaled = i128::from(time) * i128::from(self.clock_rate);
        let timescale = i128::from(self.timescale);
        i64::try_from((scaled + timescale / 2).div_euclid(timescale)).unwrap_or(i64::MAX)
    }

    /// Start of a sample in units that compare between tracks: decode time in nanoseconds.
    fn due(&self, index: usize) -> Option<i128> {
        let sample = self.samples.get(index)?;
        let time = i128::from(sample.decode.saturating_add(self.shift));
        Some(time * 1_000_000_000 / i128::from(self.timescale))
    }

    /// From the decode time of the first sample to the end of the last.
    fn length(&self) -> i64 {
        match (self.samples.first(), self.samples.last()) {
            (Some(first), Some(last)) => {
                let end = last.decode.saturating_add(last.duration.into());
                self.ticks(end).saturating_sub(self.ticks(first.decode))
            }
            _ => 0,
        }
    }
}

impl Mp4File {
    /// Opens a file that holds H.264 or H.265 video, and maybe AAC audio (other audio is left
    /// out). Refuses what it can't read, with the reason.
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let file = File::open(path)
            .map_err(|error| Error::refuse(format!("open the MP4 file {name}")).with(error))?;
        Self::of(file, name)
    }

    /// The same, of a file that is open.
    pub(in crate::ingest) fn of(file: File, name: String) -> Result<Self> {
        let size = file
            .metadata()
            .map_err(|error| Error::refuse(format!("look at the MP4 file {name}")).with(error))?
            .len();
        let index = Index::read(&file, size)
            .map_err(|why| Error::refuse(format!("read the MP4 file {name}: {why}")))?;
        let (video, audio) = index
            .tracks()
            .map_err(|why| Error::refuse(format!("read the MP4 file {name}: {why}")))?;
        Ok(Self { file, name, video, audio })
    }

    /// Parameters of the video.
    pub fn video(&self) -> &Arc<VideoParameters> {
        &self.video.parameters
    }

    /// Parameters of the audio, where there is AAC.
    pub fn audio(&self) -> Option<&Arc<AudioParameters>> {
        self.audio.as_ref().map(|track| &track.parameters)
    }

    /// Length of the video in ticks of 90 kHz: a repetition starts so much later.
    pub fn length(&self) -> i64 {
        self.video.length()
    }

    /// Bytes of all video samples.
    pub fn video_bytes(&self) -> u64 {
        self.video.samples.iter().map(|sample| u64::from(sample.size)).sum()
    }

    /// Video samples in the file.
    pub fn video_samples(&self) -> usize {
        self.video.samples.len()
    }

    /// Starts again at the first sample.
    pub fn rewind(&mut self) {
        self.video.next = 0;
        if let Some(audio) = &mut self.audio {
            audio.next = 0;
        }
    }

    /// The next sample in order of decoding, video first where both are due, or `None` at the
    /// end. An error is final: the file is cut or damaged there.
    pub fn read(&mut self) -> Result<Option<FileSample>> {
        let video = self.video.due(self.video.next);
        let audio = self.audio.as_ref().and_then(|track| track.due(track.next));
        match (video, audio) {
            (None, None) => Ok(None),
            (Some(video), Some(audio)) if audio < video => self.audio_sample(),
            (None, Some(_)) => self.audio_sample(),
            (Some(_), _) => {
                read_next(&self.file, &self.name, &mut self.video).map(FileSample::Video).map(Some)
            }
        }
    }

    fn audio_sample(&mut self) -> Result<Option<FileSample>> {
        let Some(audio) = &mut self.audio else { return Ok(None) };
        read_next(&self.file, &self.name, audio).map(FileSample::Audio).map(Some)
    }
}

fn read_next<P>(file: &File, name: &str, track: &mut Track<P>) -> Result<Timed> {
    let sample = track.samples[track.next];
    if sample.size as usize > UNIT_BYTES {
        let what = format!("read the MP4 file {name}: a sample of {} bytes", sample.size);
        return Err(Error::refuse(what));
    }
    let mut data = vec![0; sample.size as usize];
    file.read_exact_at(&mut data, sample.offset).map_err(|error| {
        let at = sample.offset;
        Error::refuse(format!("read the MP4 file {name} at byte {at}; it may be cut")).with(error)
    })?;
    track.next += 1;
    let start = sample.decode.saturating_add(track.shift);
    let dts = track.ticks(start);
    Ok(Timed {
        dts,
        pts: track.ticks(start.saturating_add(sample.composition.into())),
        duration: track.ticks(start.saturating_add(sample.duration.into())).saturating_sub(dts),
        sync: sample.sync,
        data: Bytes::from(data),
    })
}

/// `moov` and all `moof` of a file.
struct Index {
    moov: Vec<u8>,
    /// Start in the file, and body.
    moofs: Vec<(u64, Vec<u8>)>,
}

impl Index {
    fn read(file: &File, size: u64) -> Result<Self, String> {
        let mut index = Self { moov: Vec::new(), moofs: Vec::new() };
        let mut held = 0;
        let mut at = 0;
        while at < size {
            let mut header = [0; Header::MOST];
            let available = Header::MOST.min((size - at) as usize);
            file.read_exact_at(&mut header[..available], at).map_err(|error| error.to_string())?;
            let Some(header) = Header::parse(&header[..available]) else { break };
            let length = header.length.unwrap_or(size - at);
            let end = at.saturating_add(length);
            if matches!(&header.kind, b"moov" | b"moof") {
                // A recording that was cut ends with half a fragment: what is whole counts.
                if end > size {
                    break;
                }
                held += length;
                if held > MP4_INDEX_BYTES {
                    return Err(format!("its index is larger than {MP4_INDEX_BYTES} bytes"));
                }
                let mut body = vec![0; length as usize - header.size];
                file.read_exact_at(&mut body, at + header.size as u64)
                    .map_err(|error| error.to_string())?;
                match &header.kind {
                    b"moov" => index.moov = body,
                    _ => index.moofs.push((at, body)),
                }
            }
            at = end;
        }
        if index.moov.is_empty() {
            return Err("it has no moov box: not an MP4 file, or its writing was cut short".into());
        }
        Ok(index)
    }

    fn tracks(&self) -> Result<(Track<VideoParameters>, Option<Track<AudioParameters>>), String> {
        let mut video = None;
        let mut audio = None;
        for trak in boxes(&self.moov).filter(|found| found.kind == *b"trak") {
            let kind = find(trak.body, &[b"mdia", b"hdlr"]).and_then(|body| body.get(8..12));
            match kind {
                Some(b"vide") if video.is_none() => {
                    let raw = self.track(trak.body).ok_or("its video track is damaged")?;
                    let parameters = parameters::video(raw.entry)?;
                    video = Some(raw.with(parameters, VIDEO_TICKS));
                }
                Some(b"soun") if audio.is_none() => {
                    audio = self.track(trak.body).and_then(|raw| {
                        let rate = u32::try_from(raw.timescale).ok()?;
                        let frame = raw.usual_duration();
                        let parameters = parameters::audio(raw.entry, rate, frame)?;
                        Some(raw.with(parameters, rate.into()))
                    });
                }
                _ => {}
            }
        }
        let video: Track<VideoParameters> = video.ok_or("it has no video")?;
        if video.samples.is_empty() {
            return Err("its video has no pictures".into());
        }
        Ok((video, audio))
    }

    fn track<'a>(&'a self, trak: &'a [u8]) -> Option<RawTrack<'a>> {
        let mut header = Fields::of(find(trak, &[b"tkhd"])?);
        let (version, _) = header.version()?;
        header.wide(version)?;
        header.wide(version)?;
        let id = header.u32()?;
        let timescale = timescale(find(trak, &[b"mdia", b"mdhd"])?)?;
        let stbl = find(trak, &[b"mdia", b"minf", b"stbl"])?;
        let entry = boxes(find(stbl, &[b"stsd"])?.get(8..)?).next()?.whole;
        let mut samples = samples::table(stbl)?;
        let defaults = self.defaults(id);
        for (start, moof) in &self.moofs {
            if samples::fragment(moof, *start, id, defaults, &mut samples).is_none() {
                break;
            }
        }
        let shift = edit(trak, timescale, find(&self.moov, &[b"mvhd"]).and_then(self::timescale));
        Some(RawTrack { entry, timescale, shift, samples })
    }

    fn defaults(&self, track: u32) -> Defaults {
        let mvex = find(&self.moov, &[b"mvex"]).unwrap_or_default();
        boxes(mvex)
            .filter(|found| found.kind == *b"trex")
            .find_map(|found| {
                let mut fields = Fields::of(found.body);
                fields.version()?;
                let id = fields.u32()?;
                fields.u32()?;
                let (duration, size, flags) = (fields.u32()?, fields.u32()?, fields.u32()?);
                (id == track).then_some(Defaults { duration, size, flags })
            })
            .unwrap_or_default()
    }
}

struct RawTrack<'a> {
    entry: &'a [u8],
    timescale: i64,
    shift: i64,
    samples: Vec<Sample>,
}

impl RawTrack<'_> {
    /// The median of the first durations: the very first and last of a track are often odd.
    fn usual_duration(&self) -> u32 {
        let mut first: Vec<u32> = self.samples.iter().take(33).map(|s| s.duration).collect();
        first.sort_unstable();
        first.get(first.len() / 2).copied().unwrap_or(0)
    }

    fn with<P>(self, parameters: P, clock_rate: i64) -> Track<P> {
        let Self { timescale, shift, samples, .. } = self;
        Track { parameters: Arc::new(parameters), clock_rate, timescale, shift, samples, next: 0 }
    }
}

/// Ticks a second, from `mdhd` or `mvhd`, which begin alike.
fn timescale(body: &[u8]) -> Option<i64> {
    let mut fields = Fields::of(body);
    let (version, _) = fields.version()?;
    fields.wide(version)?;
    fields.wide(version)?;
    fields.u32().filter(|&timescale| timescale > 0).map(i64::from)
}

/// What an edit list adds to the times of a track (section 8.6.6): the length of the empty edits
/// before the first real one, less where that one starts in the media.
fn edit(trak: &[u8], timescale: i64, movie_timescale: Option<i64>) -> i64 {
    let Some(body) = find(trak, &[b"edts", b"elst"]) else { return 0 };
    let mut fields = Fields::of(body);
    let Some((version, _)) = fields.version() else { return 0 };
    let count = fields.u32().unwrap_or(0);
    let mut delay = 0_i128;
    for _ in 0..count {
        let (Some(length), Some(start)) = (fields.wide(version), fields.wide(version)) else {
            break;
        };
        let start = if version == 1 { start as i64 } else { i64::from(start as u32 as i32) };
        if start >= 0 {
            let shift = delay - i128::from(start);
            return i64::try_from(shift).unwrap_or(0);
        }
        delay += i128::from(length) * i128::from(timescale)
            / i128::from(movie_timescale.unwrap_or(timescale));
        fields.skip(4);
    }
    0
}
