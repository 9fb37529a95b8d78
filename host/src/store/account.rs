//! What a file says of itself: enough to give it a row, whatever the index knew.
//!
//! Reads the whole file, past what is damaged in it. Changes it only to end it where it is torn.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::fs::Fs;
use super::index::edit::Closing;
use super::index::row::Flags;
use super::index::spans::moment;
use super::layout;
use super::recover::entry;
use crate::base::Timestamp;
use crate::record::scan::head;
use crate::record::{Identity, Scan, salvage, trailer};

/// A file that is a segment of a store.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) identity: Identity,
    scan: Scan,
    /// CRC-32C of what stands before its fragments.
    pub(super) head: Option<u32>,
    /// Its bytes.
    length: u64,
}

/// What was found in a file.
#[derive(Debug)]
pub(super) enum Reading {
    /// A segment of this store.
    Ours(Account),
    /// A segment of another store, by its name.
    Foreign(String),
    /// Nothing that can be used, and why. What is whole in it may still be of worth.
    Useless(&'static str, Scan),
}

/// Reads a file that may be a segment of the store.
///
/// # Errors
/// Those of `file`.
pub(super) fn read(file: &mut (impl Read + Seek), store: &str) -> io::Result<Reading> {
    let mut scan = salvage(file)?;
    let head = head(file)?;
    let length = file.seek(SeekFrom::End(0))?;
    Ok(match scan.identity.take() {
        _ if scan.fragments.iter().all(|fragment| fragment.damaged) => {
            Reading::Useless("no fragment of it is whole", scan)
        }
        None => Reading::Useless("it does not say whose it is", scan),
        Some(identity) => match uuid::Uuid::from_bytes(identity.store).to_string() {
            name if name == store => Reading::Ours(Account { identity, scan, head, length }),
            other => Reading::Foreign(other),
        },
    })
}

impl Account {
    /// Lies after the last whole fragment, and is no trailer.
    pub(super) fn torn_bytes(&self) -> u64 {
        if self.scan.complete { 0 } else { self.length - self.scan.good_bytes }
    }

    /// What is whole in it.
    pub(super) fn scan(&self) -> &Scan {
        &self.scan
    }

    /// UTC of the end of its last picture.
    pub(super) fn end(&self) -> Timestamp {
        let ends = self.scan.fragments.iter().map(|fragment| fragment.end_ticks);
        moment(self.identity.start, ends.max().unwrap_or(0))
    }

    /// Ends the file where it is torn, as start-up does, and brings it to the medium.
    ///
    /// # Errors
    /// As the filesystem says.
    pub(super) fn complete(&mut self, fs: &dyn Fs, root: &Path, file: &Path) -> io::Result<()> {
        if self.torn_bytes() == 0 {
            return Ok(());
        }
        let handle = fs.reopen(&root.join(file))?;
        let end = trailer(&self.scan.fragments);
        handle.truncate(self.scan.good_bytes)?;
        handle.append(&end)?;
        handle.sync_data()?;
        layout::sync_parents(fs, root, file)?;
        self.length = self.scan.good_bytes + end.len() as u64;
        self.scan.complete = true;
        Ok(())
    }

    /// Its row, as a file that was closed at its end.
    pub(super) fn closing(&self, flags: Flags) -> Closing {
        let damaged = self.scan.fragments.iter().any(|fragment| fragment.damaged);
        let end = self.end();
        Closing {
            end,
            bytes: self.length,
            flags: flags.with(Flags::DAMAGED, damaged),
            fragments: self.scan.fragments.iter().map(entry).collect(),
            closed_at: end,
        }
    }

    /// The flags that it says of itself.
    pub(super) fn flags(&self) -> Flags {
        Flags::default()
            .with(Flags::LEADING, self.identity.leading)
            .with(Flags::NO_KEY_START, self.identity.no_key_start)
            .with(Flags::FAIL_OPEN, self.identity.fail_open)
    }
}
