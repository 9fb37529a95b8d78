//! Walks the boxes of an MP4 file (ISO/IEC 14496-12 section 4.2) that lie in memory.
//!
//! Takes bytes from anywhere and gives slices of them: never panics, never loops, allocates
//! nothing. Knows no track and no codec.

/// A box: its type, its body, and the whole of it with its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found<'a> {
    pub(super) kind: [u8; 4],
    pub(super) body: &'a [u8],
    pub(super) whole: &'a [u8],
}

/// The boxes that lie in `data` one after another. Ends at the first that is cut or malformed.
pub(super) fn boxes(data: &[u8]) -> Boxes<'_> {
    Boxes { rest: data }
}

/// The body of the first box at `path`, each part inside the one before.
pub(super) fn find<'a>(data: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter().try_fold(data, |data, kind| {
        boxes(data).find(|found| found.kind == **kind).map(|found| found.body)
    })
}

pub(super) struct Boxes<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Boxes<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let header = Header::parse(self.rest)?;
        let length = match header.length {
            Some(length) => usize::try_from(length).ok()?,
            None => self.rest.len(),
        };
        let whole = self.rest.get(..length)?;
        let body = whole.get(header.size..)?;
        self.rest = &self.rest[length..];
        Some(Found { kind: header.kind, body, whole })
    }
}

/// The start of a box.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) kind: [u8; 4],
    /// Bytes of this header: 8 or 16.
    pub(super) size: usize,
    /// Bytes of the whole box; `None`: up to the end of what holds it.
    pub(super) length: Option<u64>,
}

impl Header {
    /// Bytes that hold any header.
    pub(super) const MOST: usize = 16;

    /// The header at the start of `data`, unless it is cut or shorter than itself.
    pub(super) fn parse(data: &[u8]) -> Option<Self> {
        let mut fields = Fields::of(data);
        let short = fields.u32()?;
        let kind = fields.u32()?.to_be_bytes();
        let (size, length) = match short {
            0 => (8, None),
            1 => (16, Some(fields.u64()?)),
            short => (8, Some(u64::from(short))),
        };
        if length.is_some_and(|length| length < size as u64) {
            return None;
        }
        Some(Self { kind, size, length })
    }
}

/// Reads big-endian fields one after another; `None` once the bytes have ended.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn of(data: &'a [u8]) -> Self {
        Self { rest: data }
    }

    /// Version and flags of a full box.
    pub(super) fn version(&mut self) -> Option<(u8, u32)> {
        let word = self.u32()?;
        Some(((word >> 24) as u8, word & 0x00ff_ffff))
    }

    pub(super) fn skip(&mut self, bytes: usize) -> Option<()> {
        self.rest = self.rest.get(bytes..)?;
        Some(())
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// 64 bits in version 1 of a box, 32 in version 0.
    pub(super) fn wide(&mut self, version: u8) -> Option<u64> {
        if version == 1 { self.u64() } else { self.u32().map(u64::from) }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    #[test]
    fn a_box_that_lies_about_its_size_ends_the_walk() {
        for (data, expected) in [
            (&b"\0\0\0\x08free\0\0\0\x09skip!"[..], 2),
            (b"\0\0\0\x08free\0\0\0\x0askip!", 1),
            (b"\0\0\0\x07free", 0),
            (b"\0\0\0\x00mdat12345", 1),
            (b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x11!", 1),
            (b"\0\0\0\x01mdat\xff\xff\xff\xff\xff\xff\xff\xff!", 0),
            (b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x08!", 0),
            (b"\0\0\0", 0),
        ] {
            assert_eq!(boxes(data).count(), expected, "{data:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked_to_an_end(data: Vec<u8>, kind in any::<[u8; 4]>()) {
            for found in boxes(&data) {
                assert!(found.body.len() + 8 <= found.whole.len());
                find(found.body, &[&kind]);
            }
        }
    }
}
