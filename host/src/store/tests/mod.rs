//! The store as a whole, on a temporary directory, with a camera that is a few numbers.

mod answers;
mod checking;
mod faults;
mod feed;
mod full;
mod furnished;
mod guarded;
mod hang;
mod journal;
mod keeping;
mod leaving;
mod life;
mod limits;
mod model;
mod moving;
mod places;
mod pins;
mod planned;
mod power;
mod rebuilding;
mod recovery;
mod retention;
mod room;
mod rough;
mod scale;
mod scrub;
mod year;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{BufMut, Bytes};
use tokio::time::Instant;

use super::faulty::{Fault, Faulty};
use super::fs::{Disk, Fs};
use super::index::{self, row};
use super::{
    CameraSettings, CameraSink, FreeFloor, NewEvent, Outcome, PlaceId, Recovered, Store,
    StoreConfig, check,
};
use crate::base::Timestamp;
use crate::base::clock::Clock;
use crate::base::metrics::Metrics;
use crate::events::{Event, Phase};
use crate::ingest::VideoParameters;
use crate::ingest::packet::Codec;
use crate::record::format::CHECK_TYPE;
use crate::record::{Fragment, Full, SegmentEnd, SegmentStart, Sink, scan, trailer};

impl Store {
    /// The index refuses new cameras, until it does no more.
    pub(crate) fn refuse_cameras(&self, refuse: bool) {
        let sql = match refuse {
            true => {
                "CREATE TEMP TRIGGER refusal BEFORE INSERT ON camera
                 BEGIN SELECT RAISE(ABORT, 'refused'); END"
            }
            false => "DROP TRIGGER refusal",
        };
        let refuse = move |c: &index::Connection| c.execute_batch(sql).map_err(index::failed(sql));
        self.indexer.ask_blocking(refuse).unwrap();
    }
}

/// A moment in the life of the tests' cameras.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis((1_763_800_000 + seconds) * 1000)
}

/// An event that lasts for a moment.
pub(super) fn instant(camera: &str, kind: &str, time: Timestamp) -> NewEvent {
    let event = Event {
        id: format!("{camera}/{kind}/1/a"),
        kind: kind.into(),
        phase: Phase::Instant,
        time,
        confidence: 1.0,
        regions: vec![],
        cameras: vec![],
        correlation: None,
        attributes: vec![],
    };
    let (camera, origin, outcome) = (camera.into(), kind.into(), Outcome::Accepted);
    NewEvent { event, camera, origin, received: time, outcome }
}

/// A folder in memory where the machine has one: what is tried a thousand times need not wait for
/// a real disk's syncs.
fn temporary() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Clocks that stand still until they are set: the wall clock, and the monotonic one.
struct Hands(Mutex<(Timestamp, Instant)>);

impl Hands {
    fn at(seconds: i64) -> Arc<Self> {
        Arc::new(Self(Mutex::new((at(seconds), Instant::now()))))
    }

    /// Time passes until then.
    fn set(&self, seconds: i64) {
        let mut hands = self.0.lock().unwrap();
        let (wall, monotonic) = *hands;
        *hands = (at(seconds), monotonic + at(seconds).since(wall));
    }

    /// Somebody sets the wall clock.
    fn step(&self, seconds: i64) {
        let mut hands = self.0.lock().unwrap();
        hands.0 = hands.0.offset(seconds * 1_000_000);
    }
}

impl Clock for Hands {
    fn wall(&self) -> Timestamp {
        self.0.lock().unwrap().0
    }

    fn moment(&self) -> (Instant, Timestamp) {
        let (wall, monotonic) = *self.0.lock().unwrap();
        (monotonic, wall)
    }
}

fn config(root: &Path) -> StoreConfig {
    StoreConfig {
        sync_interval: Duration::ZERO,
        free_floor: FreeFloor::Bytes(0),
        ..StoreConfig::new(root)
    }
}

fn open_with(
    root: &Path,
    fs: &Faulty,
    clock: Arc<Hands>,
) -> crate::base::Result<(Store, Recovered)> {
    Store::open(config(root), Arc::new(fs.clone()), clock, Metrics::default())
}

fn open(root: &Path, clock: &Arc<Hands>) -> (Store, Recovered) {
    open_with(root, &Faulty::new(Fault::None), clock.clone()).unwrap()
}

fn gate(store: &Store, keep_seconds: Option<u64>) -> (CameraSink, u64) {
    let keep = keep_seconds.map(Duration::from_secs);
    let settings = CameraSettings { keep, ..CameraSettings::default() };
    let (sink, resume) = store.camera("gate", settings).unwrap();
    (sink, resume.next_sequence)
}

fn video() -> Arc<VideoParameters> {
    Arc::new(VideoParameters {
        codec: Codec::H264,
        width: 1920,
        height: 1080,
        rfc6381: "avc1.4d401f".into(),
        sample_entry: Bytes::new(),
        decoder_config: Bytes::new(),
    })
}

fn atom(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_u32(8 + body.len() as u32);
    out.put_slice(kind);
    out.put_slice(body);
    out
}

fn header() -> Bytes {
    [atom(b"ftyp", b"iso6"), atom(b"moov", b"")].concat().into()
}

/// What opens a segment that begins `seconds` into the test.
fn start(sequence: u64, seconds: i64, continuous: bool) -> SegmentStart {
    SegmentStart {
        sequence,
        start: at(seconds),
        epoch: 0,
        video: video(),
        audio: None,
        leading: false,
        no_key_start: false,
        continuous,
        fail_open: false,
        header: header(),
    }
}

/// The nth second of a file that starts `seconds` into the test: one fragment, one group.
fn fragment(seconds: i64, n: u32) -> Fragment {
    let mut tfdt = vec![1, 0, 0, 0];
    tfdt.put_u64(u64::from(n) * 90_000);
    let mut trun = Vec::new();
    trun.put_u32(0x500);
    trun.put_u32(25);
    for sample in 0..25_u32 {
        trun.put_u32(3600);
        trun.put_u32(if sample == 0 { 0x0200_0000 } else { 0x0101_0000 });
    }
    let tfhd = [[0, 2, 0, 0], 1_u32.to_be_bytes()].concat();
    let traf = [atom(b"tfhd", &tfhd), atom(b"tfdt", &tfdt), atom(b"trun", &trun)].concat();
    let body = [atom(b"moof", &atom(b"traf", &traf)), atom(b"mdat", &[7; 1000])].concat();
    let mut data = Vec::new();
    data.put_u32(36);
    data.put_slice(b"uuid");
    data.put_slice(&CHECK_TYPE);
    data.put_u32(1 << 24);
    data.put_u32(body.len() as u32);
    data.put_u32(crc32c::crc32c(&body));
    data.put_slice(&body);
    Fragment {
        data: data.into(),
        start_ticks: i64::from(n) * 90_000,
        end: at(seconds + i64::from(n) + 1),
        samples: 25,
        key: true,
        damaged: false,
    }
}

fn end(seconds: i64) -> SegmentEnd {
    SegmentEnd { end: at(seconds), trailer: trailer(&[]) }
}

/// Records `length` seconds from `seconds` on as one closed segment.
fn record(
    sink: &mut CameraSink,
    sequence: u64,
    seconds: i64,
    length: u32,
    continuous: bool,
) -> Result<(), Full> {
    sink.open(start(sequence, seconds, continuous))?;
    let result = (0..length).try_for_each(|n| sink.append(sequence, fragment(seconds, n)));
    sink.close(sequence, end(seconds + i64::from(length)));
    result
}

fn segments(root: &Path) -> Vec<row::Segment> {
    let c = index::open_read_only(&super::layout::index(root)).unwrap();
    let sql = format!(
        "SELECT {} FROM segment s JOIN camera c ON c.id = s.camera ORDER BY s.camera, s.sequence",
        row::SEGMENT
    );
    let mut statement = c.prepare(&sql).unwrap();
    let rows = statement.query_map([], row::Segment::read).unwrap();
    rows.map(|row| row.unwrap()).collect()
}

/// Adds the media files below `folder`. Directories of a store have no full stop in their names.
fn files(fs: &dyn Fs, folder: &Path, into: &mut Vec<PathBuf>) {
    for name in fs.list(folder).unwrap() {
        let path = folder.join(&name);
        if path == super::layout::ballast(folder) {
            continue;
        }
        if !name.contains('.') {
            files(fs, &path, into);
        } else if name.ends_with(".mp4") {
            into.push(path);
        }
    }
}

/// Every row has its whole file, every file its row.
fn check_agreement(root: &Path, what: &str) {
    check_agreement_of(&Disk, root, what);
}

/// The same, of any file layer.
fn check_agreement_of(fs: &dyn Fs, root: &Path, what: &str) {
    let mut found = Vec::new();
    files(fs, root, &mut found);
    for segment in segments(root) {
        let below = super::layout::segment(&segment.camera, segment.start, segment.sequence);
        let path = root.join(below);
        assert_eq!(segment.state, row::State::Closed, "{what}: {path:?}");
        let mut file = fs
            .open(&path)
            .unwrap_or_else(|error| panic!("{what}: row without file {path:?}: {error}"));
        let scan = scan(&mut file).unwrap();
        let length = fs.length(&path).unwrap().unwrap();
        assert_eq!(segment.bytes, length, "{what}: {path:?}");
        assert!(scan.complete || scan.good_bytes == length, "{what}: {path:?} is torn");
        assert!(!scan.fragments.is_empty(), "{what}: {path:?} is empty");
        found.retain(|file| *file != path);
    }
    assert!(found.is_empty(), "{what}: files without row: {found:?}");
    // The program's own check. These files need not say whose they are, so that only what is fast
    // can be looked at.
    let report = check::check(fs, root, check::Depth::Fast, &mut |_| ()).unwrap();
    let open = report.findings.iter().find(|one| one.is_open());
    assert!(open.is_none(), "{what}: {open:?}");
}

/// `wardline recordings check --deep` finds nothing at all. For files of a recorder, in a store
/// that nobody has open.
fn check_deep(fs: &dyn Fs, root: &Path, what: &str) {
    let report = check::check(fs, root, check::Depth::Deep, &mut |_| ()).unwrap();
    assert!(report.is_clean(), "{what}: {:?}", report.findings);
    assert_eq!(report.segments, segments(root).len() as u64, "{what}");
}
