//! Files as they lie on disk, and recordings: pages of lists, and bytes.

use std::io::{ErrorKind, Seek, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::View;
use super::media::Delivery;
use crate::base::{Error, Result, Timestamp};
use crate::record::passage::Part;
use crate::store::query::RecordingKind;
use crate::store::{FilePage, Filter, Listed, Reader, Recording, State};

/// A file as it lies on disk.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FileEntry {
    /// The camera.
    pub camera: String,
    /// Unique within the camera.
    pub sequence: u64,
    /// Counts steps of the host's clock: times of different epochs may overlap.
    pub epoch: u32,
    /// Its first moment.
    pub start: Timestamp,
    /// The moment after its last picture.
    pub end: Timestamp,
    /// Its bytes.
    pub bytes: u64,
    /// How far it has come.
    pub state: State,
    /// Where to fetch it.
    #[schema(example = "/api/v1/segments/gate/17.mp4")]
    pub url: String,
}

/// What to list: of one camera or of all, in a stretch of time.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Of these cameras; `None`: of all.
    pub cameras: Option<Vec<String>>,
    /// With video at or after this,
    pub from: Timestamp,
    /// and before this.
    pub to: Timestamp,
    /// At most so many.
    pub limit: usize,
}

/// Part of a list, and what is to be given to have what follows; `None`: nothing follows.
#[derive(Clone, Debug)]
pub struct Page<T, C> {
    /// Its things.
    pub items: Vec<T>,
    /// The place after the last of them.
    pub next: Option<C>,
}

/// A place in a list of files: camera, epoch and sequence.
pub type FilePlace = (String, u32, u64);

/// A place in a list of recordings: camera, start, kind and the number among those alike.
pub type RecordingPlace = (String, Timestamp, usize);

/// A file to be sent.
pub struct Opened {
    /// Its bytes, those that are whole.
    pub bytes: u64,
    /// It changes no more.
    pub closed: bool,
    file: Box<dyn crate::store::fs::Source>,
}

impl View {
    /// A page of files, by camera, epoch and sequence.
    ///
    /// # Errors
    /// When the index or a file that grows can't be read.
    pub async fn files_page(
        self: &Arc<Self>,
        listing: Listing,
        after: Option<FilePlace>,
    ) -> Result<Page<FileEntry, FilePlace>> {
        let view = self.clone();
        self.read(move |reader| {
            let mut items = Vec::new();
            for camera in cameras(reader, &listing)? {
                let passed = match &after {
                    Some((at, ..)) if camera < *at => continue,
                    Some((at, epoch, sequence)) if camera == *at => Some((*epoch, *sequence)),
                    _ => None,
                };
                let most = listing.limit + 1 - items.len();
                let page = FilePage { from: listing.from, to: listing.to, after: passed, most };
                for file in reader.files(&camera, page)? {
                    items.push(view.entry(&camera, file));
                }
                if items.len() > listing.limit {
                    break;
                }
            }
            let more = items.len() > listing.limit;
            items.truncate(listing.limit);
            let place = |last: &FileEntry| (last.camera.clone(), last.epoch, last.sequence);
            let next = items.last().filter(|_| more).map(place);
            Ok(Page { items, next })
        })
        .await
    }

    /// With what a file that grows holds so far.
    fn entry(&self, camera: &str, file: Listed) -> FileEntry {
        let Listed { sequence, epoch, mut end, mut bytes, lying } = file;
        if !lying.is_closed()
            && let Ok(scan) = self.growing.look(&**self.files(), &lying.path)
        {
            (end, bytes) = (scan.end().unwrap_or(end), scan.good_bytes);
        }
        FileEntry {
            camera: camera.to_owned(),
            sequence,
            epoch,
            start: lying.start,
            end,
            bytes,
            state: lying.state,
            url: format!("/api/v1/segments/{camera}/{sequence}.mp4"),
        }
    }

    /// A page of recordings, by camera and start.
    ///
    /// # Errors
    /// When the index can't be read.
    pub async fn recordings_page(
        self: &Arc<Self>,
        listing: Listing,
        after: Option<RecordingPlace>,
    ) -> Result<Page<Recording, RecordingPlace>> {
        self.read(move |reader| {
            let mut items = Vec::new();
            let mut places: Vec<RecordingPlace> = Vec::new();
            for camera in cameras(reader, &listing)? {
                if after.as_ref().is_some_and(|(at, ..)| camera < *at) {
                    continue;
                }
                let (since, until) = (Some(listing.from), Some(listing.to));
                let filter = Filter { camera: Some(camera.clone()), since, until };
                let mut alike = 0;
                let mut before: Option<(Timestamp, RecordingKind)> = None;
                for recording in reader.recordings(&filter)? {
                    let key = (recording.start, recording.kind);
                    alike = if before.is_some_and(|last| last.0 == key.0) { alike + 1 } else { 0 };
                    before = Some(key);
                    let place = (camera.clone(), recording.start, alike);
                    if after.as_ref().is_none_or(|after| place > *after)
                        && items.len() <= listing.limit
                    {
                        items.push(recording);
                        places.push(place);
                    }
                }
                if items.len() > listing.limit {
                    break;
                }
            }
            let more = items.len() > listing.limit;
            items.truncate(listing.limit);
            places.truncate(listing.limit);
            Ok(Page { next: places.pop().filter(|_| more), items })
        })
        .await
    }

    /// Opens a file of a camera; `None`: it is not there (any more).
    ///
    /// # Errors
    /// When the index or the file can't be read.
    pub async fn file(self: &Arc<Self>, camera: String, sequence: u64) -> Result<Option<Opened>> {
        let view = self.clone();
        self.read(move |reader| {
            let Some((mut file, lying)) = view.open(reader, &camera, sequence)? else {
                return Ok(None);
            };
            let failed = |error| Error::retry(format!("read {}", lying.path.display())).with(error);
            let closed = lying.is_closed();
            let bytes = match closed {
                true => file.seek(SeekFrom::End(0)).map_err(failed)?,
                false => {
                    view.growing.look(&**view.files(), &lying.path).map_err(failed)?.good_bytes
                }
            };
            Ok(Some(Opened { bytes, closed, file }))
        })
        .await
    }
}

impl Opened {
    /// A whole file that is none of a camera. `None`: it is not there (any more).
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn at(view: &Arc<View>, path: PathBuf) -> Result<Option<Self>> {
        let files = view.files().clone();
        view.work(move || {
            let mut file = match files.open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(Error::retry("open a file").with(error)),
            };
            let bytes = file
                .seek(SeekFrom::End(0))
                .map_err(|error| Error::retry("read a file").with(error))?;
            Ok(Some(Self { bytes, closed: true, file }))
        })
        .await
    }

    /// Some of its bytes, to be sent.
    pub fn deliver(self, view: &Arc<View>, range: Range<u64>) -> Delivery {
        let parts = if range.is_empty() { Vec::new() } else { vec![Part::Copied(range)] };
        Delivery::new(view.clone(), self.file, parts)
    }
}

/// Those that are asked for, or all that were ever recorded, by name.
fn cameras(reader: &Reader, listing: &Listing) -> Result<Vec<String>> {
    let mut cameras = match &listing.cameras {
        Some(cameras) => cameras.clone(),
        None => reader.cameras()?.into_iter().map(|camera| camera.name).collect(),
    };
    cameras.sort();
    cameras.dedup();
    Ok(cameras)
}
