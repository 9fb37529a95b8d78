//! Whether one segment goes on where another ends, and whether one file can hold both.
//!
//! Pure.

use super::choose;
use super::film::Film;
use crate::base::{Error, Result};
use crate::ingest::packet::VIDEO_TICKS;
use crate::record::tables::{Tables, Track};
use crate::record::{Identity, ticks_to_micros};

/// Less than this is no gap, in ticks: half a second, as in lists of recordings.
pub(super) const SEAM: i64 = VIDEO_TICKS / 2;

/// The recorder wrote the one directly after the other.
pub(super) fn continues(before: &Identity, after: &Identity) -> bool {
    after.previous == Some(before.sequence) && after.epoch == before.epoch
}

/// The second goes on where the first ends: its pictures may need those of the first.
pub(super) fn follows(before: &Tables, after: &Tables) -> bool {
    let end = choose::utc(&before.identity, choose::video_end(before));
    let seam = ticks_to_micros(SEAM);
    continues(&before.identity, &after.identity)
        && after.identity.start.micros_since(end).abs() <= seam
        && before.video.sample_entry == after.video.sample_entry
}

/// The sound of both, where both have any, is of one form.
pub(super) fn same_audio(before: Option<&Track>, after: Option<&Track>) -> bool {
    let both = before.zip(after);
    both.is_none_or(|(before, after)| before.sample_entry == after.sample_entry)
}

/// Refuses what no one track can hold.
pub(super) fn compatible(film: &Film, tables: &Tables) -> Result<()> {
    let kind = |entry: &[u8]| entry.get(4..8).map(<[u8]>::to_vec);
    let known = |of: &[bytes::Bytes]| of.first().map(|entry| kind(entry));
    let video = known(&film.video.descriptions) == Some(kind(&tables.video.sample_entry));
    let audio = tables.audio.as_ref().is_none_or(|audio| {
        film.audio.descriptions.is_empty()
            || (film.audio.timescale == audio.timescale
                && known(&film.audio.descriptions) == Some(kind(&audio.sample_entry)))
    });
    if video && audio {
        return Ok(());
    }
    let (what, identity) = (if video { "audio" } else { "video" }, &tables.identity);
    Err(Error::refuse(format!(
        "camera {}: the {what} has another codec from {} on, which can't be in one file: leave \
         `--one-file` out, or export the parts one by one",
        identity.camera, identity.start
    )))
}
