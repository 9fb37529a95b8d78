//! The bytes of a [`crate::Snapshot`]: numbers in little endian and texts, one after the other, read
//! again in the order in which they were written. A swap waits for them to be written and read:
//! a thousand entries take microseconds so, and milliseconds as JSON. Knows nothing of what they mean.

/// Bytes that the host's system gives at a time.
const PAGE: usize = 4096;

/// Asks for so many bytes, touches them, and gives them back to the allocator. In `init` of what has a
/// large state: `load` then finds room for the snapshot and what it is read into, while a handover to an
/// instance without it waits for the system's pages, longer than for all else.
pub fn make_room(bytes: usize) {
    let mut room: Vec<u8> = vec![0; bytes];
    for page in room.chunks_mut(PAGE) {
        page[0] = 1;
    }
    // Or the compiler sees that nobody needs it.
    core::hint::black_box(&room);
}

/// Writes numbers.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

/// Reads them again, in the same order.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

impl Writer {
    /// All that was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Room for so many bytes more.
    pub fn reserve(&mut self, bytes: usize) {
        self.0.reserve(bytes);
    }

    /// One byte.
    pub fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// A count.
    pub fn count(&mut self, count: u64) {
        self.0.extend(count.to_le_bytes());
    }

    /// A time in microseconds.
    pub fn time(&mut self, time: i64) {
        self.0.extend(time.to_le_bytes());
    }

    /// A time, or none.
    pub fn maybe_time(&mut self, time: Option<i64>) {
        self.byte(u8::from(time.is_some()));
        self.time(time.unwrap_or(0));
    }

    /// A text.
    pub fn text(&mut self, text: &str) {
        self.count(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Levels.
    pub fn levels(&mut self, levels: &[u8]) {
        self.0.extend_from_slice(levels);
    }

    /// Fine levels.
    pub fn fine_levels(&mut self, levels: &[u16]) {
        let start = self.0.len();
        self.0.resize(start + 2 * levels.len(), 0);
        // A plain copy for the compiler; bytes pushed one by one are not.
        for (bytes, level) in self.0[start..].as_chunks_mut().0.iter_mut().zip(levels) {
            *bytes = level.to_le_bytes();
        }
    }
}

impl<'a> Reader<'a> {
    /// Of what [`Writer::into_bytes`] gave.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// That was all.
    ///
    /// # Errors
    /// It was not.
    pub fn end(&self) -> Result<(), String> {
        match self.0.len() {
            0 => Ok(()),
            more => Err(format!("the snapshot has {more} bytes too many")),
        }
    }

    fn take(&mut self, bytes: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or("the snapshot is cut short")?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (taken, rest) = self.0.split_first_chunk().ok_or("the snapshot is cut short")?;
        self.0 = rest;
        Ok(*taken)
    }

    /// One byte.
    ///
    /// # Errors
    /// The snapshot is cut short; so with all below.
    pub fn byte(&mut self) -> Result<u8, String> {
        Ok(self.array::<1>()?[0])
    }

    /// A count.
    ///
    /// # Errors
    /// Cut short.
    pub fn count(&mut self) -> Result<u64, String> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A count that is no more than `most`.
    ///
    /// # Errors
    /// Cut short, or more.
    pub fn small(&mut self, most: u64) -> Result<u32, String> {
        let count = self.count()?;
        match u32::try_from(count) {
            Ok(small) if count <= most => Ok(small),
            _ => Err(format!("the snapshot says {count} where {most} is the most")),
        }
    }

    /// A time in microseconds.
    ///
    /// # Errors
    /// Cut short.
    pub fn time(&mut self) -> Result<i64, String> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// A time, or none.
    ///
    /// # Errors
    /// Cut short.
    pub fn maybe_time(&mut self) -> Result<Option<i64>, String> {
        let is_some = self.byte()? != 0;
        let time = self.time()?;
        Ok(is_some.then_some(time))
    }

    /// A text.
    ///
    /// # Errors
    /// Cut short, or not UTF-8.
    pub fn text(&mut self) -> Result<&'a str, String> {
        let length = usize::try_from(self.count()?).map_err(|_| "the snapshot is cut short")?;
        str::from_utf8(self.take(length)?).map_err(|_| "a text in the snapshot is not UTF-8".into())
    }

    /// Fills `levels`.
    ///
    /// # Errors
    /// Cut short.
    pub fn levels(&mut self, levels: &mut [u8]) -> Result<(), String> {
        levels.copy_from_slice(self.take(levels.len())?);
        Ok(())
    }

    /// Fills `levels`.
    ///
    /// # Errors
    /// Cut short.
    pub fn fine_levels(&mut self, levels: &mut [u16]) -> Result<(), String> {
        let bytes = self.take(levels.len() * 2)?;
        for (level, bytes) in levels.iter_mut().zip(bytes.chunks_exact(2)) {
            *level = u16::from_le_bytes([bytes[0], bytes[1]]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_no_more() {
        let mut writer = Writer::default();
        writer.byte(7);
        writer.count(300);
        writer.time(-5);
        writer.maybe_time(None);
        writer.maybe_time(Some(9));
        writer.text("door");
        writer.levels(&[1, 2]);
        writer.fine_levels(&[3, 0x1234]);
        let bytes = writer.into_bytes();
        let mut reader = Reader::new(&bytes);
        assert_eq!((reader.byte(), reader.small(300), reader.time()), (Ok(7), Ok(300), Ok(-5)));
        assert_eq!((reader.maybe_time(), reader.maybe_time()), (Ok(None), Ok(Some(9))));
        assert_eq!(reader.text(), Ok("door"));
        let (mut levels, mut fine) = ([0; 2], [0; 2]);
        reader.levels(&mut levels).unwrap();
        reader.fine_levels(&mut fine).unwrap();
        assert_eq!((levels, fine), ([1, 2], [3, 0x1234]));
        reader.end().unwrap();
        assert!(reader.byte().is_err());
        assert!(Reader::new(&bytes).end().is_err());
        assert!(Reader::new(&bytes[1..]).small(299).is_err());
        for (length, bytes) in [(u64::MAX, b"ab"), (3, b"ab"), (2, &[0xff, 0xfe])] {
            let text = [&length.to_le_bytes()[..], bytes].concat();
            assert!(Reader::new(&text).text().is_err(), "{length}");
        }
    }
}
