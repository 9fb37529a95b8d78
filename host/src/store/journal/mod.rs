//! The journal beside the files: what was decided later and no file says, so that the index can be
//! made anew from the files and this alone.
//!
//! One file a day in `journal.d`, one line a change. Lines are idempotent: of each thing the last
//! one counts. The index notes in its own transactions what has changed; a thread brings that here
//! and then lets the index forget it, so that a crash repeats lines and loses none.

mod note;
pub(super) mod files;
pub(super) mod drain;

pub(super) use note::{Key, Note, Said};
