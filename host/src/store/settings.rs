//! What a store is told when it is opened.

use std::path::PathBuf;
use std::time::Duration;

use super::fs::Space;
use super::places::PlaceId;
use crate::base::Timestamp;

/// How often fragments are brought to the medium.
pub const SYNC_INTERVAL: Duration = Duration::from_secs(2);
/// How long events are kept.
pub const EVENT_KEEP: Duration = Duration::from_secs(90 * 86_400);
/// Bytes a second that the slow check reads: a terabyte in a day and a half.
pub const CHECK_RATE: u64 = 8 << 20;
/// What a store is to be.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Its root directory; its parent must be there.
    pub path: PathBuf,
    /// How often fragments are brought to the medium. Longer under load.
    pub sync_interval: Duration,
    /// How long events are kept, from their receipt.
    pub event_keep: Duration,
    /// The least free space of its filesystem.
    pub free_floor: FreeFloor,
    /// The most bytes of recordings in its own directory; `None`: no limit. Those of `places` have
    /// their own.
    pub size_max: Option<u64>,
    /// Where its own segments move to with age; those of `places` have their own.
    pub moving: Option<Moving>,
    /// Further places for files.
    pub places: Vec<PlaceConfig>,
    /// Its filesystem may be of a kind that is refused otherwise.
    pub allow_filesystem: bool,
    /// Where it is noted, outside of it, that it is there; `None`: nowhere.
    pub notes: Option<PathBuf>,
    /// So many bytes a second are read by the slow check of all that is stored; 0: there is none.
    pub check_rate: u64,
    /// Opened for a person's wish, not to record: it does not count as time in which the host ran.
    pub visit: bool,
}

/// A further place for files of a store.
#[derive(Clone, Debug)]
pub struct PlaceConfig {
    /// Its name; not `main`.
    pub name: String,
    /// Its root directory; its parent must be there.
    pub path: PathBuf,
    /// The least free space of its filesystem.
    pub free_floor: FreeFloor,
    /// The most bytes of recordings that lie there; `None`: no limit.
    pub size_max: Option<u64>,
    /// Where its segments move to with age.
    pub moving: Option<Moving>,
    /// Its filesystem may be of a kind that is refused otherwise.
    pub allow_filesystem: bool,
}

/// Where segments move to, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moving {
    /// The name of another place.
    pub to: String,
    /// So long after their end.
    pub after: Duration,
}

impl StoreConfig {
    /// A store at `path` with the defaults.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            sync_interval: SYNC_INTERVAL,
            event_keep: EVENT_KEEP,
            free_floor: FreeFloor::Default,
            size_max: None,
            moving: None,
            places: Vec::new(),
            allow_filesystem: false,
            notes: None,
            check_rate: CHECK_RATE,
            visit: false,
        }
    }
}

/// What a camera asks of the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CameraSettings {
    /// How long its video is kept where no policy says otherwise: from the end of each segment or
    /// span. `None`: no limit by age.
    pub keep: Option<Duration>,
    /// The most bytes of its recordings, wherever they lie; `None`: no limit by size.
    pub size_max: Option<u64>,
    /// How long its files are planned to be: what is open needs room until then.
    pub segment: Duration,
    /// Bytes that may come at once, beside what always may wait for the disk: the pre-roll ring.
    pub burst_bytes: usize,
    /// Where its files go.
    pub place: PlaceId,
}

/// Where a camera goes on from its earlier runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resume {
    /// The sequence of its next segment; larger than all that it ever had.
    pub next_sequence: u64,
    /// The epoch of its last segment, so that order by (epoch, sequence) holds across runs.
    pub epoch: u32,
    /// Where its video of that epoch ends; what comes must not lie before. `None`: there is none.
    pub end: Option<Timestamp>,
}

/// The least free space of a store's filesystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreeFloor {
    /// The larger of 5 % and 1 GiB, at most 50 GiB.
    Default,
    /// So many bytes; 0 is none.
    Bytes(u64),
}

impl FreeFloor {
    /// The floor in bytes, on a filesystem of this size.
    pub fn bytes(self, space: Space) -> u64 {
        match self {
            Self::Default => (space.total / 20).clamp(1 << 30, 50 << 30),
            Self::Bytes(bytes) => bytes,
        }
    }
}
