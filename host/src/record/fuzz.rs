//! Targets: whatever a camera's times are, the files are whole; whatever a file is, what is whole in
//! it is found.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::keys::{FragmentPlace, Pick, key_frame, key_frame_of_growing};
use super::passage::{Head, Origin, Part, delay};
use super::{
    Fragment, FragmentInfo, Full, GapMark, Mode, Recorder, RecorderConfig, SegmentEnd,
    SegmentStart, Sink, salvage, scan, trailer,
};
use crate::base::Timestamp;
use crate::fuzzing::Dice;
use crate::ingest::{Access, Codec, VideoParameters, VideoUnit, fuzz as camera};

const UTC: Timestamp = Timestamp::ZERO;

/// Files in memory. Of each: what was written, and whether it was closed.
#[derive(Default)]
struct Shelf {
    files: BTreeMap<u64, (Vec<u8>, bool)>,
    /// Of the next calls, those that are refused.
    refuse: u8,
}

impl Shelf {
    fn answer(&mut self) -> Result<(), Full> {
        let refused = self.refuse & 1 != 0;
        self.refuse >>= 1;
        if refused { Err(Full) } else { Ok(()) }
    }
}

impl Sink for Shelf {
    fn open(&mut self, start: SegmentStart) -> Result<(), Full> {
        self.answer()?;
        let before = self.files.insert(start.sequence, (start.header.to_vec(), false));
        assert!(before.is_none(), "a sequence is given once");
        Ok(())
    }

    fn append(&mut self, sequence: u64, fragment: Fragment) -> Result<(), Full> {
        self.answer()?;
        let (bytes, is_closed) = self.files.get_mut(&sequence).expect("a file that was opened");
        assert!(!*is_closed, "nothing follows the end of a file");
        bytes.extend_from_slice(&fragment.data);
        Ok(())
    }

    fn close(&mut self, sequence: u64, end: SegmentEnd) {
        if let Some((bytes, is_closed)) = self.files.get_mut(&sequence) {
            bytes.extend_from_slice(&end.trailer);
            *is_closed = true;
        }
    }

    fn gap(&mut self, _: GapMark) {}
}

fn recorder_of(shelf: Shelf, segment: u64) -> Recorder<Shelf> {
    let config = RecorderConfig {
        camera: "gate".into(),
        store_id: [7; 16],
        mode: Mode::Continuous,
        segment: Duration::from_secs(segment),
        preroll: Duration::from_secs(1),
        preroll_bytes: 1 << 20,
        next_sequence: 0,
    };
    Recorder::new(config, shelf)
}

fn unit(
    parameters: &Arc<VideoParameters>,
    start: Instant,
    millis: u64,
    pts: i64,
    access: Access,
    data: Bytes,
) -> VideoUnit {
    VideoUnit {
        parameters: parameters.clone(),
        session: 0,
        epoch: 0,
        pts,
        time: UTC.offset(1_763_800_000_000_000).offset(pts / 9 * 100),
        arrived: start + Duration::from_millis(millis),
        access,
        damaged: false,
        data,
    }
}

/// A camera whose times jump as they like, to a disk that refuses now and then.
pub(crate) fn recorder(data: &[u8]) {
    let mut dice = Dice::of(data);
    let start = Instant::now();
    let mut recorder = recorder_of(Shelf::default(), 1);
    let parameters = [Codec::H264, Codec::H265].map(|codec| camera::parameters(codec, &[1; 30]));
    let (mut millis, mut pts) = (0, 0_i64);
    while !dice.is_empty() {
        let kind = dice.u8();
        millis += u64::from(dice.u8());
        pts = match kind >> 4 {
            0 => pts.saturating_sub(dice.u32().into()),
            1 => pts.saturating_add(dice.u32().into()),
            2 => (dice.i64() / 100).max(0),
            3 => pts.saturating_sub(3600),
            _ => pts.saturating_add(3600),
        }
        .clamp(0, i64::MAX / 200);
        let access = [Access::Key, Access::OpenKey, Access::Reference, Access::Disposable]
            [usize::from(kind & 3)];
        if kind & 0x0c == 0x0c {
            recorder.sink_mut().refuse = dice.u8();
        }
        let which = &parameters[usize::from(kind & 0x0f == 0x05)];
        let one = unit(which, start, millis, pts, access, Bytes::from(vec![0, 0, 0, 1, kind]));
        while let Some(due) = recorder.deadline().filter(|due| *due <= one.arrived) {
            recorder.tick(due);
        }
        let arrived = one.arrived;
        recorder.video(one, arrived);
    }
    recorder.finish(start + Duration::from_millis(millis + 1));
    for (sequence, (bytes, is_closed)) in &recorder.sink_mut().files {
        assert!(is_closed, "file {sequence} was closed");
        let found = scan(&mut Cursor::new(bytes)).expect("memory is read");
        assert!(found.good_bytes > 0, "file {sequence} has its header");
        assert!(found.complete, "file {sequence} is whole");
    }
}

pub(crate) fn camera_seeds() -> Vec<Vec<u8>> {
    let steady = |jump: u8| {
        let picture = |n: u8| [0x40 | if n.is_multiple_of(25) { 0 } else { 2 }, 40];
        let mut seed: Vec<u8> = (0..60).flat_map(picture).collect();
        seed.extend([jump, 40, 0, 1, 0x5f, 0x90]);
        seed.extend((0..60).flat_map(picture));
        seed
    };
    vec![steady(0x00), steady(0x10), steady(0x20), steady(0x4c)]
}

/// A file that may be anything. What is cut as start-up does is whole, and what is whole is found
/// by both ways of reading.
pub(crate) fn segment(data: &[u8]) {
    let found = scan(&mut Cursor::new(data)).expect("memory is read");
    assert!(found.good_bytes <= data.len() as u64);
    let saved = salvage(&mut Cursor::new(data)).expect("memory is read");
    let whole = saved.fragments.iter().filter(|one| !one.damaged).count();
    assert!(whole >= found.fragments.len());
    assert!(saved.complete || !found.complete);
    for pair in saved.fragments.windows(2) {
        assert_eq!(pair[0].offset + pair[0].length, pair[1].offset, "without holes");
    }
    let whole = |fragment: &FragmentInfo| FragmentPlace {
        offset: fragment.offset,
        length: fragment.length,
        start_ticks: fragment.start_ticks,
    };
    let places: Vec<_> = saved.fragments.iter().map(whole).collect();
    for pick in [Pick::Before, Pick::Nearest] {
        let reader = &mut Cursor::new(data);
        let of_places = key_frame(reader, &places, 0, pick).expect("memory is read");
        let end = data.len() as u64;
        let of_all = key_frame_of_growing(reader, end, 90_000, pick).expect("memory is read");
        for key in [of_places, of_all].into_iter().flatten() {
            let _ = key.read(reader).expect("memory is read");
        }
    }
    if found.fragments.is_empty() {
        return;
    }
    let good = found.good_bytes as usize;
    let mended = [&data[..good], &trailer(&found.fragments)].concat();
    let again = scan(&mut Cursor::new(&mended)).expect("memory is read");
    assert!(again.complete);
    assert_eq!(again.fragments, found.fragments);
}

/// A file that may be anything, on its way to a player: what is sent lies in what was asked for, or is
/// made and small.
pub(crate) fn passage(data: &[u8]) {
    let (end, mut reader) = (data.len() as u64, Cursor::new(data));
    let Some(head) = Head::read(&mut reader, end).expect("memory is read") else { return };
    let found = scan(&mut reader).expect("memory is read");
    let origin = Origin { start: UTC.offset(1_763_800_000_000_000), sequence: end };
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for one in &found.fragments {
        ranges.push(one.offset..one.offset + one.length);
        ranges.push(one.moof_offset..end);
    }
    ranges.push(0..end);
    let length = u64::from(data.last().copied().unwrap_or(0));
    ranges.push(end / 2..end.min(end / 2 + length));
    let _ = head.silent();
    for range in ranges {
        let parts = head.passage(&mut reader, range.clone(), origin).expect("memory is read");
        let still = head.still(&mut reader, range.clone(), 9, origin).expect("memory is read");
        let still = still.into_iter().flatten();
        for part in parts.into_iter().flatten().chain(still) {
            match part {
                Part::Made(bytes) => assert!(bytes.len() <= data.len() + 200),
                Part::Copied(sent) => {
                    assert!(range.start <= sent.start && sent.start <= sent.end);
                    assert!(sent.end <= range.end);
                }
            }
        }
        let _ = delay(&mut reader, range.start, range.end).expect("memory is read");
    }
}

/// A segment of two seconds, whole and cut off.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let (config, units) = camera::wall(50);
    let parameters = camera::parameters(Codec::H264, &config);
    let (mut recorder, start) = (recorder_of(Shelf::default(), 60), Instant::now());
    for (number, (data, is_key)) in units.into_iter().enumerate() {
        let access = if is_key { Access::Key } else { Access::Reference };
        let (millis, pts) = (number as u64 * 40, number as i64 * 3600);
        let one = unit(&parameters, start, millis, pts, access, data.into());
        let arrived = one.arrived;
        recorder.video(one, arrived);
    }
    recorder.finish(start + Duration::from_secs(3));
    let files = std::mem::take(&mut recorder.sink_mut().files);
    let whole = files.into_values().next().expect("a file was written").0;
    let cut = whole[..whole.len() * 2 / 3].to_vec();
    vec![whole, cut]
}
