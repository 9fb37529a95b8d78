//! A whole export, out of a store that the recorder has filled.

use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::super::sources::find_and_hold;
use super::super::{Order, Progress, Report, Setting, export};
use super::*;
use crate::base::clock::Simulated;
use crate::base::metrics::Metrics;
use crate::policy::Span;
use crate::store::faulty::{Fault, Faulty};
use crate::store::fs::{Disk, Fs};
use crate::store::query::StoredSegment;
use crate::store::{CameraSettings, FreeFloor, Reader, Store, StoreConfig};

/// A store that was recorded, in a folder of its own.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
}

impl Place {
    /// In segments of two seconds.
    async fn recorded(parts: &[Part]) -> Self {
        Self::with_spans(parts, Vec::new()).await
    }

    /// The same, with spans.
    pub(crate) async fn with_spans(parts: &[Part], spans: Vec<Span>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = StoreConfig {
            free_floor: FreeFloor::Bytes(0),
            ..StoreConfig::new(folder.path().join("store"))
        };
        let clock = Arc::new(Simulated::starting_at(utc(0)));
        let (store, _) = Store::open(config, Arc::new(Disk), clock, Metrics::default()).unwrap();
        let settings = CameraSettings { burst_bytes: 64 << 20, ..CameraSettings::default() };
        let (sink, _) = store.camera("gate", settings).unwrap();
        let mut recorder = Recorder::new(super::config(2), sink);
        send(parts, true, &mut recorder);
        for span in spans {
            store.span(span).await.unwrap();
        }
        store.shutdown().await;
        Self { folder }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out.mp4")
    }

    fn order(&self, out: &Path) -> Order {
        Order {
            camera: "gate".into(),
            wanted: wanted(2.5, 7.5),
            out: out.to_owned(),
            force: false,
            gaps: Gaps::Hold,
            one_file: false,
            comment: String::new(),
        }
    }

    fn export(
        &self,
        order: &Order,
        fs: Arc<dyn Fs>,
        cancel: &CancellationToken,
    ) -> crate::base::Result<Report> {
        let reader = Reader::open(&self.folder.path().join("store")).unwrap();
        let mut last = Progress { done: 0, total: 0 };
        let mut progress = |step: Progress| {
            assert!(step.done > last.done && step.done <= step.total, "{last:?} {step:?}");
            last = step;
        };
        let mut setting = Setting { fs: &fs, reader: &reader, progress: &mut progress, cancel };
        let report = export(order, &mut setting)?;
        assert_eq!(last.done, last.total, "told to the end");
        Ok(report)
    }

    fn names(&self) -> Vec<String> {
        let mut names = Disk.list(self.folder.path()).unwrap();
        names.sort();
        names
    }
}

#[tokio::test]
async fn a_range_becomes_a_file() {
    let place = Place::recorded(&[Part::plain(10)]).await;
    let order = place.order(&place.out());
    let open = CancellationToken::new();
    let report = place.export(&order, Arc::new(Disk), &open).unwrap();
    let [file] = report.files.as_slice() else { panic!("{report:?}") };
    assert_eq!((file.pictures, file.from), (125, seconds(2.52)));
    assert_eq!((file.width, file.audio.as_deref()), (640, Some("mp4a.40.2")));
    assert!((file.lead_in_seconds - 0.52).abs() < 0.001, "{file:?}");
    assert_eq!(report.interruptions, []);
    assert_eq!(std::fs::metadata(place.out()).unwrap().len(), file.bytes);
    assert_eq!(place.names(), ["out.mp4", "store"]);

    let error = place.export(&order, Arc::new(Disk), &open).unwrap_err();
    assert!(error.chain().contains("--force"), "{}", error.chain());
    let forced = Order { force: true, wanted: wanted(0.0, 60.0), ..order.clone() };
    let report = place.export(&forced, Arc::new(Disk), &open).unwrap();
    assert_eq!(report.files[0].pictures, 250);
    // What is missing at the end is told.
    assert_eq!(report.interruptions.len(), 1, "{report:?}");
    assert_eq!(report.interruptions[0].end, seconds(60.0));

    for (name, order, says) in [
        (
            "in the store",
            place.order(&place.folder.path().join("store/x.mp4")),
            "lies in the store",
        ),
        ("no directory", place.order(&place.folder.path().join("no/x.mp4")), "such a directory"),
        ("no video", Order { wanted: wanted(100.0, 101.0), ..forced.clone() }, "no video from"),
        ("backwards", Order { wanted: wanted(3.0, 3.0), ..forced.clone() }, "before it begins"),
        ("nobody", Order { camera: "yard".into(), ..forced.clone() }, "no recordings"),
    ] {
        let error = place.export(&order, Arc::new(Disk), &open).unwrap_err();
        assert!(error.chain().contains(says), "{name}: {}", error.chain());
    }
    assert_eq!(place.names(), ["out.mp4", "store"]);
}

#[tokio::test]
async fn what_a_camera_left_that_is_configured_no_more_is_listed_and_exported() {
    let place = Place::recorded(&[Part::plain(10)]).await;
    let config = StoreConfig {
        free_floor: FreeFloor::Bytes(0),
        ..StoreConfig::new(place.folder.path().join("store"))
    };
    // Years later, the store knows another camera only.
    let clock = Arc::new(Simulated::starting_at(seconds(1e8)));
    let (store, _) = Store::open(config, Arc::new(Disk), clock, Metrics::default()).unwrap();
    drop(store.camera("yard", CameraSettings::default()).unwrap());
    store.sweep_now().await.unwrap();
    let reader = Reader::open(&place.folder.path().join("store")).unwrap();
    let recordings = reader.recordings(&crate::store::Filter::default()).unwrap();
    assert!(recordings.iter().any(|recording| recording.camera == "gate"), "{recordings:?}");
    let open = CancellationToken::new();
    let report = place.export(&place.order(&place.out()), Arc::new(Disk), &open).unwrap();
    assert_eq!(report.files[0].pictures, 125);
    store.shutdown().await;
}

#[tokio::test]
async fn nothing_is_left_of_an_export_that_fails_or_is_ended() {
    let place = Place::recorded(&[Part::plain(4), Part { version: 1, ..Part::plain(6) }]).await;
    let order = place.order(&place.out());
    let ended = CancellationToken::new();
    ended.cancel();
    assert!(place.export(&order, Arc::new(Disk), &ended).is_err());
    assert_eq!(place.names(), ["store"]);
    let open = CancellationToken::new();
    for nth in 1.. {
        let fs = Faulty::new(Fault::Once(nth));
        match place.export(&order, Arc::new(fs), &open) {
            Ok(report) => {
                assert_eq!((report.files.len(), place.names().len()), (2, 3));
                assert!(nth > 8, "{nth} steps");
                break;
            }
            // Once all is on the medium, what has its name stays.
            Err(_) => {
                let names = place.names();
                assert!(names.iter().all(|name| !name.ends_with(".part")), "{nth}: {names:?}");
                for name in names.iter().filter(|name| *name != "store") {
                    std::fs::remove_file(place.folder.path().join(name)).unwrap();
                }
            }
        }
    }
}

/// The index knows better than who asked it a moment ago; and a disk that is away has lost nothing.
#[tokio::test]
async fn a_file_that_is_not_where_it_was_is_looked_for() {
    let place = Place::recorded(&[Part::plain(10)]).await;
    let root = place.folder.path().join("store");
    let reader = Reader::open(&root).unwrap();
    let fs: Arc<dyn Fs> = Arc::new(Disk);
    let found = reader.segments(&crate::store::Filter::default()).unwrap();
    let moved = StoredSegment { path: root.join("elsewhere.mp4"), ..found[0].clone() };
    assert!(find_and_hold(&fs, &reader, moved).unwrap().is_some());
    std::fs::remove_file(&found[0].path).unwrap();
    assert!(find_and_hold(&fs, &reader, found[0].clone()).unwrap().is_none(), "deleted");
    let away = place.folder.path().join("away");
    std::fs::create_dir(&away).unwrap();
    for name in ["gate", "wardline-store.json"] {
        std::fs::rename(root.join(name), away.join(name)).unwrap();
    }
    let order = place.order(&place.out());
    let error = place.export(&order, fs, &CancellationToken::new()).unwrap_err();
    assert_eq!(error.kind(), crate::base::Kind::Retry);
    assert!(error.chain().contains("`main` is not at"), "{}", error.chain());
}
