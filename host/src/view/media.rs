//! Playlists and what they name, from the index and the files as they lie on disk. Nothing is copied
//! but what goes out, and of that only a little at a time is in memory.

use std::collections::VecDeque;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::View;
use super::playlist::{Playlist, Wanted};
use crate::base::{Error, Result, Timestamp};
use crate::record::passage::{self, Head, Origin, Part};
use crate::record::scan::{Scan, scan_on};
use crate::store::fs::{Fs, Source};
use crate::store::playable::{Growing, Lying, Playable};
use crate::store::{Reader, State};

/// Bytes read from a file at a time, for one who is sent them.
const CHUNK: u64 = 256 << 10;

/// Files that grow and are remembered as far as they were read: more than a host has cameras.
const GROWING_MAX: usize = 64;

/// A thing that a playlist names, in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// What stands before its fragments.
    Head,
    /// The same without sound.
    SilentHead,
    /// The fragments that lie there.
    Fragments(Range<u64>),
    /// The key frame of the fragment that lies there, shown for so many ticks of 90 kHz.
    Key(Range<u64>, u32),
}

/// Bytes on their way to one who asked, in order.
pub struct Delivery {
    view: Arc<View>,
    file: Option<Box<dyn Source>>,
    parts: VecDeque<Part>,
    /// Read already, before them.
    ready: Option<Bytes>,
    /// How many are still to come.
    length: u64,
}

impl View {
    /// The playlist of a camera; `None`: there is no video of that time.
    ///
    /// # Errors
    /// Refuses a range that is too long; when the index or a file can't be read.
    pub async fn playlist(
        self: &Arc<Self>,
        camera: String,
        wanted: Wanted,
    ) -> Result<Option<String>> {
        let view = self.clone();
        self.read(move |reader| {
            let mut playlist = Playlist::new(wanted);
            view.files_of(reader, &camera, wanted.from, wanted.to, |file, path| {
                playlist.add(file, |file| view.delay(reader, &camera, file, path))
            })?;
            Ok((!playlist.is_empty()).then(|| playlist.text()))
        })
        .await
    }

    /// A thing that a playlist names; `None`: it is not there (any more).
    ///
    /// # Errors
    /// When the index or the file can't be read.
    pub async fn piece(
        self: &Arc<Self>,
        camera: String,
        sequence: u64,
        piece: Piece,
    ) -> Result<Option<Delivery>> {
        let view = self.clone();
        self.read(move |reader| {
            let Some((mut file, lying)) = view.open(reader, &camera, sequence)? else {
                return Ok(None);
            };
            let origin = Origin { start: lying.start, sequence };
            let parts = parts(&mut file, piece, origin).map_err(|error| unread(&lying, error))?;
            parts.map(|parts| Delivery::new(view, file, parts).begun()).transpose()
        })
        .await
    }

    /// Shows the files of a camera that touch `[from, to)` in order of (epoch, sequence), with those
    /// that grow, whose path is told.
    fn files_of(
        &self,
        reader: &Reader,
        camera: &str,
        from: Timestamp,
        to: Timestamp,
        mut visit: impl FnMut(&Playable, Option<&Path>) -> Result<()>,
    ) -> Result<()> {
        let mut growing: VecDeque<Growing> = reader.growing(camera, to)?.into();
        let mut failed = Ok(());
        reader.playable(camera, from, to, |file| {
            let order = (file.epoch, file.sequence);
            let caught_up = self.catch_up(&mut growing, Some(order), from, &mut visit);
            failed = caught_up.and_then(|()| visit(&file, None));
            if failed.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        failed?;
        self.catch_up(&mut growing, None, from, &mut visit)
    }

    /// Shows files that grow, up to before the one of this order, or all.
    fn catch_up(
        &self,
        growing: &mut VecDeque<Growing>,
        order: Option<(u32, u64)>,
        from: Timestamp,
        visit: &mut impl FnMut(&Playable, Option<&Path>) -> Result<()>,
    ) -> Result<()> {
        let is_due = |one: &mut Growing| order.is_none_or(|order| one.order() <= order);
        while let Some(one) = growing.pop_front_if(is_due) {
            // It may have been closed since the other list was made.
            if Some(one.order()) == order {
                continue;
            }
            if let Some((file, path)) = self.look(one).filter(|(file, _)| file.end > from) {
                visit(&file, Some(&path))?;
            }
        }
        Ok(())
    }

    /// The files of a camera that grow and touch `[from, to)`, as far as they are whole.
    pub(super) fn grown(
        &self,
        reader: &Reader,
        camera: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Playable>> {
        let growing = reader.growing(camera, to)?;
        let seen = growing.into_iter().filter_map(|one| Some(self.look(one)?.0));
        Ok(seen.filter(|file| file.end > from).collect())
    }

    /// What is whole in a file that grows, and where it lies. `None`: nothing yet; or it was closed or
    /// removed meanwhile, and is in nobody's way.
    fn look(&self, growing: Growing) -> Option<(Playable, PathBuf)> {
        let path = growing.path.clone();
        let scan = self.growing.look(&**self.files(), &path).ok()?;
        Some((growing.with(&scan)?, path))
    }

    /// Opens a file of a camera. It may move to another store between the index and the disk: then
    /// the index knows better.
    pub(super) fn open(
        &self,
        reader: &Reader,
        camera: &str,
        sequence: u64,
    ) -> Result<Option<(Box<dyn Source>, Lying)>> {
        let mut before = None;
        while let Some(lying) = reader.find_segment(camera, sequence)? {
            match self.files().open(&lying.path) {
                Ok(file) => return Ok(Some((file, lying))),
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(unread(&lying, error));
                }
                Err(_) if before.as_ref() == Some(&lying) => return Ok(None),
                Err(_) => before = Some(lying),
            }
        }
        Ok(None)
    }

    /// How much later than decoded a key frame is shown in a file. Where that can't be found out it
    /// is not known to be later.
    fn delay(&self, reader: &Reader, camera: &str, file: &Playable, path: Option<&Path>) -> i64 {
        // The first of a file is shown at its start in any case.
        let Some(key) = file.fragments.iter().skip(1).find(|fragment| fragment.key) else {
            return 0;
        };
        let opened = match path {
            Some(path) => self.files().open(path).ok(),
            None => self.open(reader, camera, file.sequence).ok().flatten().map(|(file, _)| file),
        };
        let look =
            |mut file| passage::delay(&mut file, key.offset, key.offset + key.length).ok()?;
        opened.and_then(look).unwrap_or(0)
    }
}

fn unread(lying: &Lying, error: io::Error) -> Error {
    Error::retry(format!("read {}", lying.path.display())).with(error)
}

fn parts(
    file: &mut Box<dyn Source>,
    piece: Piece,
    origin: Origin,
) -> io::Result<Option<Vec<Part>>> {
    let end = file.seek(SeekFrom::End(0))?;
    let Some(head) = Head::read(file, end)? else { return Ok(None) };
    let is_there = |range: &Range<u64>| range.start < range.end && range.end <= end;
    Ok(match piece {
        Piece::Head => Some(vec![Part::Made(head.bytes)]),
        Piece::SilentHead => head.silent().map(|bytes| vec![Part::Made(bytes)]),
        Piece::Fragments(range) if is_there(&range) => head.passage(file, range, origin)?,
        Piece::Key(range, ticks) if is_there(&range) => {
            head.still(file, range, ticks, origin)?.map(Vec::from)
        }
        _ => None,
    })
}

impl Delivery {
    pub(super) fn new(view: Arc<View>, file: Box<dyn Source>, parts: Vec<Part>) -> Self {
        let length = parts.iter().map(Part::length).sum();
        Self { view, file: Some(file), parts: parts.into(), ready: None, length }
    }

    /// With its first bytes read. Blocks.
    fn begun(mut self) -> Result<Self> {
        let portion = self.portion();
        if let Some(file) = self.file.as_mut().filter(|_| !portion.is_empty()) {
            self.ready = Some(read(file, portion)?);
        }
        Ok(self)
    }

    /// How many bytes are still to come.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The next of them; `None`: that was all.
    ///
    /// # Errors
    /// When the file can't be read.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        let bytes = match self.ready.take() {
            Some(bytes) => bytes,
            None => {
                let portion = self.portion();
                if portion.is_empty() {
                    return Ok(None);
                }
                self.read(portion).await?
            }
        };
        self.length = self.length.saturating_sub(bytes.len() as u64);
        Ok(Some(bytes))
    }

    /// Takes parts from the front, or some of the last one, up to [`CHUNK`] bytes: what is read and
    /// sent at once. Every fragment has several, and every turn of another thread costs more than they.
    fn portion(&mut self) -> Vec<Part> {
        let (mut portion, mut room) = (Vec::new(), CHUNK);
        while room > 0
            && let Some(part) = self.parts.pop_front()
        {
            let part = match part {
                Part::Copied(range) if range.end - range.start > room => {
                    let cut = range.start + room;
                    self.parts.push_front(Part::Copied(cut..range.end));
                    Part::Copied(range.start..cut)
                }
                part => part,
            };
            room = room.saturating_sub(part.length());
            portion.push(part);
        }
        portion
    }

    async fn read(&mut self, portion: Vec<Part>) -> Result<Bytes> {
        let Some(mut file) = self.file.take() else {
            return Err(Error::retry("a file could not be read on"));
        };
        let work = move || read(&mut file, portion).map(|bytes| (file, bytes));
        let (file, bytes) = self.view.work(work).await?;
        self.file = Some(file);
        Ok(bytes)
    }
}

/// What these parts are.
fn read(file: &mut Box<dyn Source>, portion: Vec<Part>) -> Result<Bytes> {
    let failed = |error| Error::retry("read a segment").with(error);
    let length: u64 = portion.iter().map(Part::length).sum();
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    for part in portion {
        match part {
            Part::Made(made) => bytes.extend_from_slice(&made),
            Part::Copied(range) => {
                file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
                let length = range.end - range.start;
                let read = file.take(length).read_to_end(&mut bytes).map_err(failed)?;
                if read as u64 != length {
                    return Err(failed(io::ErrorKind::UnexpectedEof.into()));
                }
            }
        }
    }
    Ok(Bytes::from(bytes))
}

/// What was found in files that grow, so that only what is new must be read.
#[derive(Default)]
pub(super) struct Scans {
    /// Those looked at last come last. Never held while reading.
    known: Mutex<VecDeque<(PathBuf, Scan)>>,
}

impl Scans {
    /// What is whole in a file now.
    ///
    /// # Errors
    /// When it can't be read.
    pub(super) fn look(&self, files: &dyn Fs, path: &Path) -> io::Result<Scan> {
        let mut scan = self.take(path).unwrap_or_default();
        scan_on(&mut files.open(path)?, &mut scan)?;
        let mut known = self.known.lock().expect("no panic under this lock");
        known.retain(|(other, _)| other != path);
        if known.len() >= GROWING_MAX {
            known.pop_front();
        }
        known.push_back((path.to_owned(), scan.clone()));
        Ok(scan)
    }

    fn take(&self, path: &Path) -> Option<Scan> {
        let known = self.known.lock().expect("no panic under this lock");
        known.iter().find(|(other, _)| other == path).map(|(_, scan)| scan.clone())
    }
}

impl Lying {
    /// Whether all of it is on the disk.
    pub(super) fn is_closed(&self) -> bool {
        self.state == State::Closed
    }
}
