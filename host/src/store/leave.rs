//! A camera that goes while the store stays: its files are closed before anybody comes after it, and
//! the time until it comes back is shown.

use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::Store;
use super::end::in_time;
use super::index::{edit, failed};
use super::news::News;
use crate::base::{Error, Result, Timestamp};

/// Whether a camera that has been asked for is still there.
pub(super) enum Stay {
    /// It is, until the other end of this is gone: with its sink and the last of its files.
    Here(Receiver<()>),
    /// It has left.
    Since(Timestamp),
}

impl Store {
    /// The time that a camera was away; `None`: it was here.
    pub(super) fn away(&self, camera: &str) -> Option<edit::Away> {
        match self.known.lock().expect("no panic under this lock").get(camera) {
            Some(Stay::Here(_)) => None,
            Some(Stay::Since(since)) => Some(edit::Away {
                since: Some(*since),
                until: self.clock.wall(),
                left: true,
                why: "the configuration changed",
            }),
            None => Some(edit::Away {
                since: self.alive,
                until: self.opened_at,
                left: false,
                why: "the host was not running",
            }),
        }
    }

    /// A camera leaves, whose sink has been dropped: waits, at most `bound`, until its files are on
    /// the medium with their rows, and ends its gap. Its recordings stay, and are kept as long as
    /// before. [`Store::camera`] takes it in again, and shows the time between as a gap. Nothing, for one
    /// that is away.
    ///
    /// # Errors
    /// `Retry` when its files were not closed in time, or the index can't be written.
    pub async fn leave(&self, name: &str, bound: Duration) -> Result<()> {
        let here = {
            let mut known = self.known.lock().expect("no panic under this lock");
            match known.remove(name) {
                Some(Stay::Here(here)) => here,
                // It is away already.
                stay => {
                    known.extend(stay.map(|stay| (name.into(), stay)));
                    return Ok(());
                }
            }
        };
        // Nothing is ever sent: the other end's end is the message.
        let gone = in_time(bound, move || _ = here.recv()).await;
        let (camera, now) = (name.to_owned(), self.clock.wall());
        let left = move |c: &super::index::Connection| edit::left(c, &camera, now);
        let gaps = self.indexer.ask(move |c| left(c).map_err(failed("end a gap"))).await;
        self.known.lock().expect("no panic under this lock").insert(name.into(), Stay::Since(now));
        for gap in gaps? {
            // Nobody may be listening.
            let _ = self.news.send(News::Gap(gap));
        }
        if gone {
            return Ok(());
        }
        Err(Error::retry(format!("camera {name}: its files were not closed in time")))
    }
}
