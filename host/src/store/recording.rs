//! One file from its first byte to its last, on the thread that writes.
//!
//! Keeps count of what was written whole and what is known to be on the medium, so that a file
//! whose disk fails can be cut where it is good. Knows no queue and no index.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::fs::{File, Fs};
use super::holds::Continuous;
use super::index::edit::{Closing, Opening};
use super::index::map::Entry;
use super::index::row::Flags;
use super::layout;
use super::news::Grown;
use super::retain::load::Share;
use super::sink::{Camera, Charge};
use crate::base::Timestamp;
use crate::ingest::packet::Codec;
use crate::record::{Fragment, SegmentEnd, SegmentStart};

/// How far a file has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its row is on its way to the index.
    Announced,
    /// It grows.
    Open,
    /// It is whole; its last bytes are on their way to the medium.
    Ending,
    /// Its closed row is on its way to the index.
    Closing,
}

/// A file that is being written.
pub(super) struct Recording {
    pub(super) camera: Arc<Camera>,
    pub(super) start: SegmentStart,
    pub(super) stage: Stage,
    /// Below the root of its place.
    pub(super) path: PathBuf,
    pub(super) file: Option<Arc<dyn File>>,
    /// Came before the row was durable, each with its part of the camera's bound.
    pub(super) waiting: Vec<(Fragment, Charge)>,
    /// The end came before the row was durable.
    pub(super) end_waiting: Option<SegmentEnd>,
    /// Bytes in whole boxes.
    pub(super) written: u64,
    /// Bytes that are known to be on the medium.
    pub(super) synced: u64,
    /// The directories that lead to it are on the medium.
    pub(super) placed: bool,
    /// Changed in a way that no count of bytes shows: cut, or ended.
    pub(super) changed: bool,
    share: Share,
    refused: Arc<AtomicBool>,
    fragments: Vec<Entry>,
    ends: Vec<Timestamp>,
    flags: Flags,
}

impl Recording {
    pub(super) fn new(camera: Arc<Camera>, start: SegmentStart, refused: Arc<AtomicBool>) -> Self {
        Self {
            path: layout::segment(&camera.name, start.start, start.sequence),
            share: Share::new(camera.clone()),
            camera,
            start,
            stage: Stage::Announced,
            file: None,
            waiting: Vec::new(),
            end_waiting: None,
            written: 0,
            synced: 0,
            placed: false,
            changed: false,
            refused,
            fragments: Vec::new(),
            ends: Vec::new(),
            flags: Flags::default(),
        }
    }

    /// The row to be durable before the file is made.
    pub(super) fn opening(&self) -> Opening {
        let start = &self.start;
        let flags = Flags::default()
            .with(Flags::LEADING, start.leading)
            .with(Flags::NO_KEY_START, start.no_key_start)
            .with(Flags::FAIL_OPEN, start.fail_open);
        let kept = start.continuous || start.fail_open;
        Opening {
            camera_id: self.camera.id,
            sequence: start.sequence,
            epoch: start.epoch,
            start: start.start,
            place: self.camera.place,
            flags,
            continuous: if kept { Continuous::CONFIGURED } else { Continuous::NO },
            codec: match start.video.codec {
                Codec::H264 => "h264".into(),
                Codec::H265 => "h265".into(),
            },
            width: start.video.width,
            height: start.video.height,
            audio: start.audio.clone().unwrap_or_default(),
            head: Some(crc32c::crc32c(&start.header)),
        }
    }

    /// Makes the file and writes its header. Gives the directories that must be synced.
    pub(super) fn create(&mut self, fs: &dyn Fs, root: &Path) -> io::Result<Vec<PathBuf>> {
        let make = || {
            let folders = layout::make_parents(fs, root, &self.path)?;
            Ok((folders, fs.create(&root.join(&self.path))?))
        };
        // A sweep may just have removed the empty directory.
        let again = |error: io::Error| {
            if error.kind() == io::ErrorKind::NotFound { make() } else { Err(error) }
        };
        let (folders, file) = make().or_else(again)?;
        self.file = Some(file.clone());
        file.append(&self.start.header)?;
        // Not needed any more: what is open for a minute should be small.
        self.written = std::mem::take(&mut self.start.header).len() as u64;
        self.stage = Stage::Open;
        Ok(folders)
    }

    /// Writes a fragment, at once and whole.
    pub(super) fn append(&mut self, fragment: &Fragment) -> io::Result<()> {
        self.file()?.append(&fragment.data)?;
        let length = fragment.data.len() as u64;
        self.fragments.push(Entry {
            offset: self.written,
            length,
            start_ticks: fragment.start_ticks,
            samples: fragment.samples,
            key: fragment.key,
            damaged: fragment.damaged,
        });
        self.ends.push(fragment.end);
        self.written += length;
        self.share.grow(self.written, self.recorded());
        self.camera.fragments.inc();
        self.camera.written_bytes.inc_by(length);
        Ok(())
    }

    /// Writes the trailer; from here on the file only has to reach the medium.
    pub(super) fn end(&mut self, end: &SegmentEnd) -> io::Result<()> {
        self.stage = Stage::Ending;
        self.file()?.append(&end.trailer)?;
        self.written += end.trailer.len() as u64;
        self.changed = true;
        if let Some(last) = self.ends.last_mut() {
            *last = end.end;
        }
        Ok(())
    }

    /// Cuts the file to `bytes`, the end of some fragment, and ends it there. Gives false when
    /// nothing of worth is left.
    pub(super) fn cut(&mut self, bytes: u64) -> io::Result<bool> {
        self.stage = Stage::Ending;
        self.flags = self.flags.with(Flags::REPAIRED, true);
        let whole = self.fragments.iter().take_while(|at| at.offset + at.length <= bytes).count();
        self.fragments.truncate(whole);
        self.ends.truncate(whole);
        let Some(last) = self.fragments.last() else { return Ok(false) };
        self.written = last.offset + last.length;
        self.file()?.truncate(self.written)?;
        self.changed = true;
        Ok(true)
    }

    /// The moment after the last video that is in it.
    pub(super) fn reached(&self) -> Timestamp {
        self.ends.iter().copied().max().unwrap_or(self.start.start)
    }

    fn recorded(&self) -> Duration {
        self.reached().since(self.start.start)
    }

    /// The row of the complete file, which the index counts from here on.
    pub(super) fn closing(&mut self, now: Timestamp) -> Closing {
        self.share.complete(self.recorded());
        let damaged = self.fragments.iter().any(|entry| entry.damaged);
        Closing {
            end: self.reached(),
            bytes: self.written,
            flags: self.flags.with(Flags::DAMAGED, damaged),
            fragments: self.fragments.clone(),
            closed_at: now,
        }
    }

    /// There are bytes, or directory entries, that a sync round would bring to the medium.
    pub(super) fn is_dirty(&self) -> bool {
        let growing = matches!(self.stage, Stage::Open | Stage::Ending);
        growing && (self.synced < self.written || !self.placed || self.changed)
    }

    /// Holds at least one fragment.
    pub(super) fn has_video(&self) -> bool {
        !self.fragments.is_empty()
    }

    /// What of it is on the medium; `None` without video.
    pub(super) fn grown(&self) -> Option<Grown> {
        let whole = self.fragments.iter().take_while(|at| at.offset + at.length <= self.synced);
        let end = *self.ends[..whole.count()].iter().max()?;
        Some(Grown {
            camera: self.camera.name.clone(),
            sequence: self.start.sequence,
            epoch: self.start.epoch,
            start: self.start.start,
            end,
            continuous: self.start.continuous,
            fail_open: self.start.fail_open,
        })
    }

    /// Tells the camera's sink to bring nothing more, and drops what waits.
    pub(super) fn refuse(&mut self) {
        self.refused.store(true, Ordering::Release);
        self.waiting.clear();
    }

    /// The sink has been told to bring nothing more.
    pub(super) fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Acquire)
    }

    fn file(&self) -> io::Result<&Arc<dyn File>> {
        self.file.as_ref().ok_or_else(|| io::Error::other("the file was never made"))
    }
}
