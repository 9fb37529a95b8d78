//! Reads a segment past what is damaged in it: a fragment that lost a bit takes no other with it.
//!
//! As [`scan`](fn@super::scan), which stops at the first fragment that is not whole, since after a
//! crash nothing of worth follows. Here the file is taken to have been whole once. Memory stays
//! below a MiB beside the list of fragments.

use std::io::{self, Read, Seek, SeekFrom};

use super::format::{CHECK_BOX, CHECK_TYPE, Check};
use super::scan::{self, FragmentInfo, Scan};

/// Bytes read at a time where the next fragment is looked for.
const CHUNK: usize = 256 << 10;
/// What a fragment begins with, after the size of its check box.
const KIND: &[u8; 4] = b"uuid";

/// Walks through a segment from its start to its end. Stretches that are no whole fragment, and
/// have one (or the trailer) after them, are among the fragments, as `damaged`, without samples.
///
/// # Errors
/// Only those of `reader`.
pub fn salvage(reader: &mut (impl Read + Seek)) -> io::Result<Scan> {
    let end = reader.seek(SeekFrom::End(0))?;
    let mut found = Scan::default();
    let Some(mut at) = scan::header(reader, end)? else { return Ok(found) };
    found.good_bytes = at;
    loop {
        let Some((fragment, identity)) = scan::fragment_at(reader, at, end)? else {
            if scan::is_trailer(reader, at, end)? {
                found.complete = true;
                return Ok(found);
            }
            let Some(next) = next_whole(reader, at, end)? else { return Ok(found) };
            let start_ticks = found.decoded();
            found.fragments.push(FragmentInfo {
                offset: at,
                length: next - at,
                moof_offset: at,
                start_ticks,
                first_ticks: start_ticks,
                end_ticks: start_ticks,
                damaged: true,
                ..FragmentInfo::default()
            });
            (at, found.good_bytes) = (next, next);
            continue;
        };
        at += fragment.length;
        found.add(fragment, identity);
    }
}

/// Where the next thing that is whole begins after `at`: a fragment, or the trailer.
fn next_whole(reader: &mut (impl Read + Seek), at: u64, end: u64) -> io::Result<Option<u64>> {
    // Mostly only the content is damaged, and the check box says where it ends.
    if let Some(next) = said_next(reader, at, end)?
        && (scan::fragment_at(reader, next, end)?.is_some() || scan::is_trailer(reader, next, end)?)
    {
        return Ok(Some(next));
    }
    let mut from = at + 1;
    while let Some(candidate) = mark_after(reader, from, end)? {
        if scan::fragment_at(reader, candidate, end)?.is_some() {
            return Ok(Some(candidate));
        }
        from = candidate + 1;
    }
    Ok(None)
}

fn said_next(reader: &mut (impl Read + Seek), at: u64, end: u64) -> io::Result<Option<u64>> {
    if end.saturating_sub(at) < CHECK_BOX as u64 {
        return Ok(None);
    }
    let mut bytes = [0; CHECK_BOX];
    reader.seek(SeekFrom::Start(at))?;
    reader.read_exact(&mut bytes)?;
    let next = Check::decode(&bytes).map(|check| at + CHECK_BOX as u64 + u64::from(check.length));
    Ok(next.filter(|next| *next <= end))
}

/// Where the next check box seems to begin, at or after `from`.
fn mark_after(reader: &mut (impl Read + Seek), from: u64, end: u64) -> io::Result<Option<u64>> {
    let mark = [&KIND[..], &CHECK_TYPE].concat();
    // The size stands before it.
    let mut base = from + 4;
    let mut chunk = Vec::with_capacity(CHUNK);
    while base < end {
        chunk.clear();
        reader.seek(SeekFrom::Start(base))?;
        reader.by_ref().take(CHUNK as u64).read_to_end(&mut chunk)?;
        if let Some(at) = chunk.windows(mark.len()).position(|bytes| bytes == mark) {
            return Ok(Some(base + at as u64 - 4));
        }
        if chunk.len() < CHUNK {
            return Ok(None);
        }
        // It may lie across two chunks.
        base += (chunk.len() - mark.len()) as u64;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use bytes::BufMut;
    use proptest::collection::vec;
    use proptest::prelude::{any, proptest};

    use super::super::format;
    use super::super::scan::{scan, trailer};
    use super::*;

    fn atom(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_u32(8 + body.len() as u32);
        out.put_slice(kind);
        out.put_slice(body);
        out
    }

    /// Header, three fragments, trailer; and where the fragments begin.
    fn file() -> (Vec<u8>, Vec<usize>) {
        let mut bytes = [atom(b"ftyp", b"iso6"), atom(b"moov", b"")].concat();
        let mut starts = Vec::new();
        for n in 0..3 {
            starts.push(bytes.len());
            let mut fragment = Vec::new();
            format::reserve(&mut fragment);
            fragment.extend([atom(b"moof", b""), atom(b"mdat", &[n; 500])].concat());
            bytes.extend(format::seal(fragment));
        }
        starts.push(bytes.len());
        bytes.extend(trailer(&[]));
        (bytes, starts)
    }

    #[test]
    fn what_is_whole_is_found_past_what_is_damaged() {
        let (whole, starts) = file();
        let undamaged = salvage(&mut Cursor::new(&whole)).unwrap();
        assert_eq!(undamaged.fragments, scan(&mut Cursor::new(&whole)).unwrap().fragments);
        assert!(undamaged.complete);
        for (name, at, damaged) in [
            ("content of the first", starts[0] + 100, [true, false, false]),
            ("check box of the first", starts[0] + 10, [true, false, false]),
            ("length in the second", starts[1] + 31, [false, true, false]),
            ("kind of the second", starts[1] + 9, [false, true, false]),
            ("content of the last", starts[2] + 100, [false, false, true]),
        ] {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            let found = salvage(&mut Cursor::new(&bytes)).unwrap();
            let marks: Vec<bool> = found.fragments.iter().map(|one| one.damaged).collect();
            assert_eq!(marks, damaged, "{name}");
            let offsets: Vec<usize> =
                found.fragments.iter().map(|one| one.offset as usize).collect();
            assert_eq!(offsets, starts[..3], "{name}");
            assert!(found.complete && found.good_bytes == starts[3] as u64, "{name}");
        }
        // Nothing whole follows: torn.
        let found = salvage(&mut Cursor::new(&whole[..starts[2] + 50])).unwrap();
        assert_eq!((found.fragments.len(), found.good_bytes), (2, starts[2] as u64));
        assert!(!found.complete);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(junk in vec(any::<u8>(), 0..300), at in 0_usize..2000) {
            let (mut bytes, _) = file();
            let at = at.min(bytes.len());
            bytes.splice(at..(at + junk.len()).min(bytes.len()), junk);
            let found = salvage(&mut Cursor::new(&bytes)).unwrap();
            assert!(found.good_bytes <= bytes.len() as u64);
        }
    }
}
