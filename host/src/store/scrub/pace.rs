//! How fast the slow check may read: so many bytes a second, and nothing while the disk has other
//! cares.
//!
//! Time passes where it is told to, so that tests need none.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use super::super::fs::{Fs, Source};

/// Time that is owed is passed in pieces of so much: short enough for a disk to have its turn
/// between two, long enough to sleep.
const PIECE: Duration = Duration::from_millis(100);
/// While the disk has other cares it is looked at again so often.
const BUSY_PERIOD: Duration = Duration::from_secs(1);
/// Read at once at the most.
const CHUNK: usize = 256 << 10;

/// A budget of bytes over time.
pub(in super::super) struct Pace<'a> {
    /// Bytes a second.
    rate: u64,
    /// Lets time pass; false: the host ends.
    rest: &'a dyn Fn(Duration) -> bool,
    busy: &'a dyn Fn() -> bool,
    owed: Cell<Duration>,
    ended: Cell<bool>,
}

impl<'a> Pace<'a> {
    pub(in super::super) fn new(
        rate: u64,
        rest: &'a dyn Fn(Duration) -> bool,
        busy: &'a dyn Fn() -> bool,
    ) -> Self {
        let (owed, ended) = (Cell::default(), Cell::new(false));
        Self { rate: rate.max(1), rest, busy, owed, ended }
    }

    /// The host ends.
    pub(in super::super) fn is_ended(&self) -> bool {
        self.ended.get()
    }

    /// Lets time pass.
    pub(super) fn rest(&self, length: Duration) {
        if !(self.rest)(length) {
            self.ended.set(true);
        }
    }

    /// So many bytes were read: returns when more may be.
    ///
    /// # Errors
    /// When the host ends.
    pub(super) fn take(&self, bytes: u64) -> io::Result<()> {
        while !self.is_ended() && (self.busy)() {
            self.rest(BUSY_PERIOD);
        }
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.rate);
        let cost = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.owed.set(self.owed.get().saturating_add(cost));
        while !self.is_ended() && self.owed.get() >= PIECE {
            self.rest(PIECE);
            self.owed.set(self.owed.get() - PIECE);
        }
        // Not `Interrupted`, which readers try again.
        if self.is_ended() { Err(io::Error::other("the host ends")) } else { Ok(()) }
    }

    /// A file, to be read from the medium at this pace.
    ///
    /// # Errors
    /// As the filesystem says.
    pub(in super::super) fn open(&self, fs: &dyn Fs, path: &Path) -> io::Result<Paced<'_>> {
        self.take(0)?;
        Ok(Paced { source: fs.open_cold(path)?, pace: self })
    }
}

/// A file that is read at a pace.
pub(in super::super) struct Paced<'a> {
    source: Box<dyn Source>,
    pace: &'a Pace<'a>,
}

impl Read for Paced<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = into.len().min(CHUNK);
        let read = self.source.read(&mut into[..most])?;
        self.pace.take(read as u64)?;
        Ok(read)
    }
}

impl Seek for Paced<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.source.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fs::Disk;
    use super::*;

    #[test]
    fn bytes_take_their_time_and_other_cares_come_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, vec![7; 1_000_000]).unwrap();
        let (passed, cares) = (Cell::new(Duration::ZERO), Cell::new(5));
        let rest = |length| {
            passed.set(passed.get() + length);
            passed.get() < Duration::from_secs(60)
        };
        let busy = || cares.replace(cares.get().max(1) - 1) > 0;
        let pace = Pace::new(100_000, &rest, &busy);
        let mut file = pace.open(&Disk, &path).unwrap();
        let mut first = [0; 10];
        file.read_exact(&mut first).unwrap();
        assert_eq!(passed.get(), Duration::from_secs(5), "a second each time it is looked at");
        let mut all = Vec::new();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.read_to_end(&mut all).unwrap();
        assert_eq!(all.len(), 1_000_000);
        let took = passed.get() - Duration::from_secs(5);
        assert!(took >= Duration::from_secs(10) && took < Duration::from_secs(11), "{took:?}");
        // The host ends meanwhile.
        let error = std::iter::repeat_with(|| pace.take(1_000_000)).find_map(Result::err).unwrap();
        assert_ne!(error.kind(), io::ErrorKind::Interrupted);
        assert!(pace.is_ended() && passed.get() == Duration::from_secs(60));
    }
}
