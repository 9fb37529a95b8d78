//! What was sent, unit by unit: the truth for whoever compares it with what arrived elsewhere.
//!
//! Takes video samples as they leave; gives one line of JSON for each. Knows no RTP.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

use super::media::{Format, Track, nals};
use crate::base::clock::Clock;
use crate::base::{Error, Result, Timestamp};

/// One video unit that was handed to the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The path of the camera.
    pub path: String,
    /// The session, by its id: every client has its own.
    pub session: String,
    /// Counts the units of a session from 0.
    pub unit: u64,
    /// When it was sent, by the wall clock.
    pub time: Timestamp,
    /// Decoding can start here.
    pub key: bool,
    /// The MD5 of each NAL unit that is a coded slice, as 32 hexadecimal digits.
    pub slices: Vec<String>,
}

/// A file that grows by a line a unit.
pub struct Log {
    clock: Arc<dyn Clock>,
    /// Guards lines against each other.
    file: Mutex<File>,
}

impl Log {
    /// Begins a new file, in place of one that is there.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn create(path: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        let file = File::create(path).map_err(|error| {
            Error::refuse(format!("write the log {}: choose another file", path.display()))
                .with(error)
        })?;
        Ok(Self { clock, file: Mutex::new(file) })
    }

    /// Writes what has just been sent; the time is added here.
    pub(super) fn write(&self, units: Vec<Sent>) {
        let time = self.clock.wall();
        let mut lines = Vec::new();
        for unit in units {
            let unit = Sent { time, ..unit };
            serde_json::to_writer(&mut lines, &unit).expect("strings and numbers are JSON");
            lines.push(b'\n');
        }
        let mut file = self.file.lock().expect("no panic under this lock");
        if let Err(error) = file.write_all(&lines) {
            tracing::warn!(%error, "the log of sent units has a hole");
        }
    }
}

impl Sent {
    /// A sample that is about to be sent. `None`: not of video.
    pub(super) fn of(
        path: &str,
        session: &str,
        track: &Track,
        sample: usize,
        round: u32,
    ) -> Option<Self> {
        // ITU-T H.264 table 7-1, H.265 table 7-1.
        let is_slice = |nal: &[u8]| match track.format {
            Format::H264(_) => (1..=5).contains(&(nal[0] & 0x1f)),
            _ => nal[0] >> 1 & 0x3f <= 31,
        };
        if matches!(track.format, Format::Aac(..)) {
            return None;
        }
        let data = &track.samples[sample];
        let slices = nals(&data.data).into_iter().filter(|nal| is_slice(nal));
        Some(Self {
            path: path.to_owned(),
            session: session.to_owned(),
            unit: u64::from(round) * track.samples.len() as u64 + sample as u64,
            time: Timestamp::ZERO,
            key: data.key,
            slices: slices.map(digest).collect(),
        })
    }
}

fn digest(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
