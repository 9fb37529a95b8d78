//! What a test's store holds, read beside its host: recordings, files, gaps and events.

use wardline::base::Timestamp;
use wardline::store::query::{RecordingKind, StoredSegment};
use wardline::store::{EventFilter, Filter, Reader, Recording, StoredEvent, StoredGap};

use crate::host::Place;

impl Place {
    /// Reads the index.
    pub fn reader(&self) -> Reader {
        Reader::open(&self.path("store")).expect("the host has made a store")
    }

    /// Closed files of a camera, in order.
    pub fn segments(&self, camera: &str) -> Vec<StoredSegment> {
        self.reader().segments(&of(camera)).expect("the index can be read")
    }

    /// Recordings for the sake of events.
    pub fn evr(&self, camera: &str) -> Vec<Recording> {
        self.recordings(camera, RecordingKind::Evr)
    }

    /// Continuous recordings.
    pub fn cvr(&self, camera: &str) -> Vec<Recording> {
        self.recordings(camera, RecordingKind::Cvr)
    }

    fn recordings(&self, camera: &str, kind: RecordingKind) -> Vec<Recording> {
        let mut all = self.reader().recordings(&of(camera)).expect("the index can be read");
        all.retain(|recording| recording.kind == kind);
        all
    }

    /// Gaps of a camera.
    pub fn gaps(&self, camera: &str) -> Vec<StoredGap> {
        self.reader().gaps(&of(camera)).expect("the index can be read")
    }

    /// Events of a camera whose kind is `kind`.
    pub fn events(&self, camera: &str, kind: &str) -> Vec<StoredEvent> {
        let filter = EventFilter { camera: Some(camera.into()), ..EventFilter::default() };
        let mut all = self.reader().events(&filter).expect("the index can be read");
        all.retain(|stored| stored.event.kind == kind);
        all
    }
}

fn of(camera: &str) -> Filter {
    Filter { camera: Some(camera.into()), ..Filter::default() }
}

/// Seconds from `earlier` to `later`; negative where it is the other way round.
pub fn seconds(earlier: Timestamp, later: Timestamp) -> f64 {
    later.micros_since(earlier) as f64 / 1e6
}
