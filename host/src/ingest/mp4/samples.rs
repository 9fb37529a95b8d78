//! Sample tables (ISO/IEC 14496-12 sections 8.6, 8.7) and track fragments (8.8) -> where each
//! sample lies and when it is due.
//!
//! Takes bytes of `moov` and `moof`; every count is checked against the bytes that carry it or
//! against [`SAMPLES_MAX`]. Knows no codec and reads no file.

use super::boxes::{Fields, boxes, find};

/// The most samples of a track: 38 hours at 60 frames a second. A larger count is a damaged file.
pub(super) const SAMPLES_MAX: usize = 1 << 23;

/// One sample, its times in ticks of its track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    /// From the start of the file.
    pub(super) offset: u64,
    pub(super) size: u32,
    pub(super) duration: u32,
    pub(super) decode: i64,
    /// Presentation time less decode time.
    pub(super) composition: i32,
    pub(super) sync: bool,
}

/// What fragments of a track inherit (`trex`).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Defaults {
    pub(super) duration: u32,
    pub(super) size: u32,
    pub(super) flags: u32,
}

/// Bit 16 of sample flags (section 8.8.3.1).
const NON_SYNC: u32 = 1 << 16;

/// Samples of a track that `stbl` lists; `None` when the tables contradict each other.
pub(super) fn table(stbl: &[u8]) -> Option<Vec<Sample>> {
    let sizes = Sizes::parse(find(stbl, &[b"stsz"])?)?;
    if sizes.count == 0 {
        return Some(Vec::new());
    }
    let mut times = Runs::parse(find(stbl, &[b"stts"])?)?;
    let mut compositions = find(stbl, &[b"ctts"]).and_then(Runs::parse);
    let mut syncs = find(stbl, &[b"stss"]).map(entries::<4>);
    let mut next_sync = sync_number(&mut syncs);
    let mut places = Places::parse(stbl)?;
    let mut samples = Vec::with_capacity(sizes.count);
    let mut decode = 0_i64;
    for index in 0..sizes.count {
        let size = sizes.get(index)?;
        let duration = times.next().unwrap_or(0);
        // Version 0 is unsigned, but what exceeds 31 bits was meant as negative.
        let composition = compositions.as_mut().and_then(Runs::next).unwrap_or(0) as i32;
        let sync = match next_sync {
            Some(number) if number as usize == index + 1 => {
                next_sync = sync_number(&mut syncs);
                true
            }
            _ => syncs.is_none(),
        };
        let offset = places.next(size)?;
        samples.push(Sample { offset, size, duration, decode, composition, sync });
        decode += i64::from(duration);
    }
    Some(samples)
}

fn sync_number<'a>(syncs: &mut Option<impl Iterator<Item = &'a [u8; 4]>>) -> Option<u32> {
    syncs.as_mut()?.next().map(|number| u32::from_be_bytes(*number))
}

/// The entries of `N` bytes of a full box that gives their count, as many as there are.
fn entries<const N: usize>(body: &[u8]) -> impl Iterator<Item = &[u8; N]> {
    let mut fields = Fields::of(body);
    fields.version();
    let count = fields.u32().unwrap_or(0) as usize;
    fields.rest().as_chunks::<N>().0.iter().take(count)
}

fn pair(entry: &[u8; 8]) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = *entry;
    (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]))
}

/// `stsz`.
struct Sizes<'a> {
    count: usize,
    /// For all, unless 0.
    common: u32,
    each: &'a [[u8; 4]],
}

impl<'a> Sizes<'a> {
    fn parse(body: &'a [u8]) -> Option<Self> {
        let mut fields = Fields::of(body);
        fields.version()?;
        let common = fields.u32()?;
        let count = fields.u32()? as usize;
        let each = fields.rest().as_chunks().0;
        let fits = if common == 0 { count <= each.len() } else { true };
        (fits && count <= SAMPLES_MAX).then_some(Self { count, common, each })
    }

    fn get(&self, index: usize) -> Option<u32> {
        if self.common > 0 {
            return Some(self.common);
        }
        self.each.get(index).map(|size| u32::from_be_bytes(*size))
    }
}

/// `stts` or `ctts`: runs of equal values.
struct Runs<'a> {
    rest: std::slice::Iter<'a, [u8; 8]>,
    left: u32,
    value: u32,
}

impl<'a> Runs<'a> {
    fn parse(body: &'a [u8]) -> Option<Self> {
        let mut fields = Fields::of(body);
        fields.version()?;
        let count = fields.u32()? as usize;
        let all = fields.rest().as_chunks().0;
        let rest = all.get(..count)?.iter();
        Some(Self { rest, left: 0, value: 0 })
    }

    fn next(&mut self) -> Option<u32> {
        while self.left == 0 {
            (self.left, self.value) = pair(self.rest.next()?);
        }
        self.left -= 1;
        Some(self.value)
    }
}

/// `stsc` with `stco` or `co64`: where the samples of each chunk lie.
struct Places<'a> {
    short: &'a [[u8; 4]],
    long: &'a [[u8; 8]],
    runs: &'a [[u8; 12]],
    chunk: usize,
    left_in_chunk: u32,
    next_offset: u64,
}

impl<'a> Places<'a> {
    fn parse(stbl: &'a [u8]) -> Option<Self> {
        let after_count = |kind| {
            let mut fields = Fields::of(find(stbl, &[kind])?);
            fields.skip(8)?;
            Some(fields.rest())
        };
        let short = after_count(b"stco").unwrap_or_default().as_chunks().0;
        let long = after_count(b"co64").unwrap_or_default().as_chunks().0;
        let runs = after_count(b"stsc")?.as_chunks().0;
        Some(Self { short, long, runs, chunk: 0, left_in_chunk: 0, next_offset: 0 })
    }

    fn next(&mut self, size: u32) -> Option<u64> {
        if self.left_in_chunk == 0 {
            self.next_offset = match self.short.get(self.chunk) {
                Some(offset) => u32::from_be_bytes(*offset).into(),
                None => u64::from_be_bytes(*self.long.get(self.chunk)?),
            };
            self.chunk += 1;
            let first = |run: &[u8; 12]| u32::from_be_bytes([run[0], run[1], run[2], run[3]]);
            while self.runs.get(1).is_some_and(|next| self.chunk >= first(next) as usize) {
                self.runs = &self.runs[1..];
            }
            let run = self.runs.first()?;
            self.left_in_chunk = u32::from_be_bytes([run[4], run[5], run[6], run[7]]);
        }
        self.left_in_chunk = self.left_in_chunk.checked_sub(1)?;
        let offset = self.next_offset;
        self.next_offset = offset.checked_add(size.into())?;
        Some(offset)
    }
}

/// Adds the samples of `track` in a `moof` body that starts at `start` in the file. `None` when
/// the fragment is malformed: what it had up to there is kept.
pub(super) fn fragment(
    moof: &[u8],
    start: u64,
    track: u32,
    defaults: Defaults,
    samples: &mut Vec<Sample>,
) -> Option<()> {
    let mut end_of_last = start;
    for traf in boxes(moof).filter(|found| found.kind == *b"traf") {
        let header = TrackHeader::parse(find(traf.body, &[b"tfhd"])?, defaults)?;
        let base = match header.base {
            Some(base) => base,
            None if header.base_is_moof => start,
            None => end_of_last,
        };
        let mut decode = match find(traf.body, &[b"tfdt"]) {
            Some(body) => {
                let mut fields = Fields::of(body);
                let (version, _) = fields.version()?;
                i64::try_from(fields.wide(version)?).ok()?
            }
            None => samples.last().map_or(0, |last| last.decode + i64::from(last.duration)),
        };
        let mut offset = base;
        let mut others = Vec::new();
        let into = if header.track == track { &mut *samples } else { &mut others };
        for trun in boxes(traf.body).filter(|found| found.kind == *b"trun") {
            run(trun.body, base, header.defaults, &mut offset, &mut decode, into)?;
        }
        end_of_last = offset;
    }
    Some(())
}

/// `tfhd`.
struct TrackHeader {
    track: u32,
    base: Option<u64>,
    base_is_moof: bool,
    defaults: Defaults,
}

impl TrackHeader {
    fn parse(body: &[u8], defaults: Defaults) -> Option<Self> {
        let mut fields = Fields::of(body);
        let (_, flags) = fields.version()?;
        let track = fields.u32()?;
        let mut optional = |bit: u32, bytes: usize| -> Option<Option<u64>> {
            if flags & bit == 0 {
                return Some(None);
            }
            (if bytes == 8 { fields.u64() } else { fields.u32().map(u64::from) }).map(Some)
        };
        let base = optional(0x01, 8)?;
        optional(0x02, 4)?;
        let word = |value: Option<u64>, default| value.map_or(default, |value| value as u32);
        let duration = word(optional(0x08, 4)?, defaults.duration);
        let size = word(optional(0x10, 4)?, defaults.size);
        let sample_flags = word(optional(0x20, 4)?, defaults.flags);
        let defaults = Defaults { duration, size, flags: sample_flags };
        Some(Self { track, base, base_is_moof: flags & 0x02_0000 != 0, defaults })
    }
}

/// `trun`.
fn run(
    body: &[u8],
    base: u64,
    defaults: Defaults,
    offset: &mut u64,
    decode: &mut i64,
    samples: &mut Vec<Sample>,
) -> Option<()> {
    let mut fields = Fields::of(body);
    let (_, flags) = fields.version()?;
    let count = fields.u32()? as usize;
    if flags & 0x01 != 0 {
        *offset = base.checked_add_signed((fields.u32()? as i32).into())?;
    }
    let first_flags = if flags & 0x04 != 0 { Some(fields.u32()?) } else { None };
    if samples.len().saturating_add(count) > SAMPLES_MAX {
        return None;
    }
    for index in 0..count {
        let duration = if flags & 0x100 != 0 { fields.u32()? } else { defaults.duration };
        let size = if flags & 0x200 != 0 { fields.u32()? } else { defaults.size };
        let own = if flags & 0x400 != 0 { fields.u32()? } else { defaults.flags };
        let composition = if flags & 0x800 != 0 { fields.u32()? as i32 } else { 0 };
        let own = first_flags.filter(|_| index == 0).unwrap_or(own);
        let sync = own & NON_SYNC == 0;
        samples.push(Sample {
            offset: *offset,
            size,
            duration,
            decode: *decode,
            composition,
            sync,
        });
        *offset = offset.checked_add(size.into())?;
        *decode = decode.checked_add(duration.into())?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    fn full(kind: &[u8; 4], words: &[u32]) -> Vec<u8> {
        let mut data = (12 + 4 * words.len() as u32).to_be_bytes().to_vec();
        data.extend(kind);
        data.extend([0; 4]);
        data.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        data
    }

    fn tables(stsz: &[u32]) -> Vec<u8> {
        let stts = full(b"stts", &[2, 1, 10, 3, 20]);
        let ctts = full(b"ctts", &[1, 4, -5_i32 as u32]);
        let stss = full(b"stss", &[2, 1, 3]);
        let stsc = full(b"stsc", &[2, 1, 2, 1, 2, 1, 1]);
        let stco = full(b"stco", &[3, 100, 200, 300]);
        [full(b"stsz", stsz), stts, ctts, stss, stsc, stco].concat()
    }

    #[test]
    fn tables_are_expanded() {
        let samples = table(&tables(&[0, 4, 7, 8, 9, 6])).unwrap();
        let seen: Vec<_> =
            samples.iter().map(|s| (s.offset, s.size, s.decode, s.composition, s.sync)).collect();
        assert_eq!(
            seen,
            [
                (100, 7, 0, -5, true),
                (107, 8, 10, -5, false),
                (200, 9, 30, -5, true),
                (300, 6, 50, -5, false)
            ]
        );
    }

    #[test]
    fn counts_that_lie_are_refused() {
        for stsz in [&[0, 5, 7, 8, 9, 6][..], &[0, u32::MAX], &[1, u32::MAX], &[9, 5], &[0]] {
            assert_eq!(table(&tables(stsz)), None, "{stsz:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(data: Vec<u8>, words: Vec<u32>, start in any::<u64>()) {
            table(&data);
            let trun = full(b"trun", &words);
            let traf = [full(b"tfhd", &words), trun].concat();
            let mut moof = (8 + traf.len() as u32).to_be_bytes().to_vec();
            moof.extend(b"traf");
            moof.extend(traf);
            let mut samples = Vec::new();
            let track = words.first().copied().unwrap_or(0);
            fragment(&moof, start, track, Defaults::default(), &mut samples);
        }
    }
}
