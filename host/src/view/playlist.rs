//! From files with their fragments to an HLS media playlist (RFC 8216): which bytes of which files are
//! a media segment, when they were recorded, and where the time line breaks.
//!
//! Pure: knows no file and no index. Media segments begin at key frames and never reach over two
//! files; which they are does not depend on the range that is asked for, so that what was fetched
//! once can be kept. Decode times of a file count from 1970 (see `record::passage`), so that files
//! that abut are one time line as they are.

use std::fmt::Write as _;
use std::time::Duration;

use crate::base::time::micros;
use crate::base::{Error, Result, Timestamp};
use crate::ingest::packet::VIDEO_TICKS;
use crate::record::{micros_to_ticks, ticks_to_micros};
use crate::store::playable::Playable;

/// A media segment ends at the first key frame after so long (5.5 s, so that groups of 1, 2, 3 and 6
/// seconds make segments of 6), in ticks: what a player must fetch before it shows anything.
const LENGTH: i64 = VIDEO_TICKS * 11 / 2;

/// It ends earlier, at a key frame, once it has so many bytes.
const BYTES: u64 = 6 << 20;

/// Media segments of one playlist: a week of them.
pub const ITEMS_MAX: usize = 120_000;

/// Files that abut do so within this (50 ms): about a picture.
const SEAM_MICROS: i64 = 50_000;

/// What a playlist is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its first moment.
    pub from: Timestamp,
    /// The moment after its last.
    pub to: Timestamp,
    /// All pictures, or few.
    pub pictures: Pictures,
}

/// Which pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pictures {
    /// All, with sound.
    All,
    /// Key frames at least so far apart, each shown until the next; silent.
    Keys(Duration),
}

/// One media segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Item {
    sequence: u64,
    /// Bytes of the file: whole fragments.
    offset: u64,
    length: u64,
    /// In ticks of 90 kHz.
    ticks: i64,
    /// UTC of its first picture, where it does not follow from the one before.
    date: Option<Timestamp>,
    /// The time line breaks before it, or its header is another: it needs its file's.
    breaks: bool,
    /// The checksum of that, where it is known.
    head: Option<u32>,
}

/// The file before.
#[derive(Clone, Copy, Debug)]
struct Before {
    epoch: u32,
    end: Timestamp,
    head: Option<u32>,
    /// All of it that was decodable up to its end is in the playlist.
    whole: bool,
}

/// A playlist in the making.
#[derive(Debug)]
pub struct Playlist {
    wanted: Wanted,
    items: Vec<Item>,
    before: Option<Before>,
    /// How much later than decoded a key frame is shown, under the header that came last.
    delay: i64,
    /// A media segment begins without a key frame.
    dependent: bool,
    /// UTC of the first picture.
    start: Timestamp,
}

/// Fragments of one file from one key frame to before another.
#[derive(Clone, Copy, Debug)]
struct Group {
    /// When its first picture is shown, in ticks from the file's start.
    ticks: i64,
    offset: u64,
    length: u64,
    key: bool,
}

impl Group {
    /// It ends where a key frame is shown then: at once where it has none itself.
    fn ends(&self, then: i64) -> bool {
        !self.key || then.saturating_sub(self.ticks) >= LENGTH || self.length >= BYTES
    }
}

impl Playlist {
    /// Without any video yet.
    pub fn new(wanted: Wanted) -> Self {
        Self {
            wanted,
            items: Vec::new(),
            before: None,
            delay: 0,
            dependent: false,
            start: wanted.from,
        }
    }

    /// Adds a file, in order of (epoch, sequence). `delay` tells how much later than decoded a key
    /// frame of it is shown, in ticks; it is asked where the header is not that of the file before.
    ///
    /// # Errors
    /// Refuses a range with more media segments than [`ITEMS_MAX`].
    pub(crate) fn add(
        &mut self,
        file: &Playable,
        delay: impl FnOnce(&Playable) -> i64,
    ) -> Result<()> {
        let same_head = |before: &Before| before.head.is_some() && before.head == file.head;
        if !self.before.as_ref().is_some_and(same_head) {
            self.delay = delay(file);
        }
        let follows = |before: &Before| {
            let apart = file.start.micros_since(before.end).abs();
            before.epoch == file.epoch && apart <= SEAM_MICROS && !file.gap_before
        };
        let goes_on = self.before.filter(|before| follows(before) && same_head(before));
        let end = micros_to_ticks(file.end.micros_since(file.start));
        let only_keys = matches!(self.wanted.pictures, Pictures::Keys(_));
        let (groups, holes) = groups(file, self.delay, only_keys);
        let mut linked = goes_on.is_some_and(|before| before.whole) && !groups.is_empty();
        let mut breaks = !linked;
        for (at, group) in groups.iter().enumerate() {
            let next = groups.get(at + 1).map_or(end, |next| next.ticks);
            if holes.contains(&at) {
                (linked, breaks) = (false, true);
            }
            let (from, to) = (moment(file, group.ticks), moment(file, next));
            let is_wanted = from < self.wanted.to && to > self.wanted.from && next > group.ticks;
            if !is_wanted || !(group.key || linked) {
                (linked, breaks) = (false, true);
                continue;
            }
            linked = true;
            match self.items.last_mut().filter(|_| only_keys && !group.key) {
                Some(last) => last.ticks = last.ticks.saturating_add(next - group.ticks),
                None => self.put(file, group, next, std::mem::take(&mut breaks), at == 0)?,
            }
        }
        self.before =
            Some(Before { epoch: file.epoch, end: file.end, head: file.head, whole: linked });
        Ok(())
    }

    fn put(
        &mut self,
        file: &Playable,
        group: &Group,
        next: i64,
        breaks: bool,
        first: bool,
    ) -> Result<()> {
        let date = moment(file, group.ticks);
        if self.items.is_empty() {
            self.start = date;
        }
        if let Pictures::Keys(step) = self.wanted.pictures {
            let next_at = self.items.len().checked_sub(1).map(|at| (at, self.items[at]));
            let near = |(at, last): (usize, Item)| {
                let shown = last.ticks.saturating_add(next - group.ticks);
                (last.ticks < micros_to_ticks(micros(step)) && !breaks).then_some((at, shown))
            };
            if let Some((at, shown)) = next_at.and_then(near) {
                self.items[at].ticks = shown;
                return Ok(());
            }
        }
        self.dependent |= !group.key;
        if self.items.len() >= ITEMS_MAX {
            return Err(Error::refuse(format!(
                "more than {ITEMS_MAX} media segments: ask for a shorter range"
            )));
        }
        self.items.push(Item {
            sequence: file.sequence,
            offset: group.offset,
            length: group.length,
            ticks: next - group.ticks,
            date: (breaks || first).then_some(date),
            breaks,
            head: file.head,
        });
        Ok(())
    }

    /// There is nothing to be played.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// As it is sent. Its URIs are relative to where the playlist is: `hls/<sequence>/<name>`.
    pub fn text(&self) -> String {
        let mut out = String::with_capacity(512 + self.items.len() * 64);
        let longest = self.items.iter().map(|item| item.ticks).max().unwrap_or(0);
        let target = (longest + VIDEO_TICKS - 1) / VIDEO_TICKS;
        let only_keys = matches!(self.wanted.pictures, Pictures::Keys(_));
        out.push_str("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-PLAYLIST-TYPE:VOD\n");
        put(&mut out, format_args!("#EXT-X-TARGETDURATION:{}\n", target.max(1)));
        if !self.dependent {
            out.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
        }
        if only_keys {
            out.push_str("#EXT-X-I-FRAMES-ONLY\n");
        }
        let lead = self.wanted.from.micros_since(self.start);
        if lead > 0 {
            out.push_str("#EXT-X-START:TIME-OFFSET=");
            seconds(&mut out, micros_to_ticks(lead));
            out.push_str(",PRECISE=YES\n");
        }
        for (at, item) in self.items.iter().enumerate() {
            let Item { sequence, offset, length, ticks, head, .. } = *item;
            if item.breaks {
                if at > 0 {
                    out.push_str("#EXT-X-DISCONTINUITY\n");
                }
                let name = if only_keys { "keys" } else { "init" };
                put(&mut out, format_args!("#EXT-X-MAP:URI=\"hls/{sequence}/{name}.mp4"));
                // The file of this number is another once the store was begun anew.
                if let Some(head) = head {
                    put(&mut out, format_args!("?head={head:08x}"));
                }
                out.push_str("\"\n");
            }
            if let Some(date) = item.date {
                put(&mut out, format_args!("#EXT-X-PROGRAM-DATE-TIME:{date}\n"));
            }
            out.push_str("#EXTINF:");
            seconds(&mut out, ticks);
            numbers(&mut out, [(",\nhls/", sequence), ("/", offset), ("-", length)]);
            if only_keys {
                numbers(&mut out, [("-", ticks.unsigned_abs())]);
            }
            out.push_str(".m4s\n");
        }
        out.push_str("#EXT-X-ENDLIST\n");
        out
    }
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a string takes all");
}

/// Each behind its text. A day has tens of thousands, and formatting machinery would take longer than
/// all else that is done for them.
fn numbers<const N: usize>(out: &mut String, numbers: [(&str, u64); N]) {
    for (before, number) in numbers {
        out.push_str(before);
        out.push_str(itoa::Buffer::new().format(number));
    }
}

/// Ticks as seconds with six digits. A media segment is never shorter than nothing.
fn seconds(out: &mut String, ticks: i64) {
    const SECOND: u64 = 1_000_000;
    let micros = ticks_to_micros(ticks).unsigned_abs();
    numbers(out, [("", micros / SECOND)]);
    out.push('.');
    // The leading digit keeps the zeros behind it.
    out.push_str(&itoa::Buffer::new().format(SECOND + micros % SECOND)[1..]);
}

fn moment(file: &Playable, ticks: i64) -> Timestamp {
    file.start.offset(ticks_to_micros(ticks))
}

/// Cuts a file into media segments; with them, those before which something is missing.
fn groups(file: &Playable, delay: i64, every_key: bool) -> (Vec<Group>, Vec<usize>) {
    let (mut groups, mut holes): (Vec<Group>, Vec<usize>) = Default::default();
    let mut hole = false;
    for (at, fragment) in file.fragments.iter().enumerate() {
        if fragment.damaged && fragment.samples == 0 {
            // Bytes that are no fragment any more: what follows needs a key frame.
            hole = true;
            continue;
        }
        // The first picture of a file is shown at its start.
        let shown = if at == 0 { 0 } else { fragment.start_ticks.saturating_add(delay) };
        match groups.last_mut() {
            Some(last) if !hole && !(fragment.key && (every_key || last.ends(shown))) => {
                last.length += fragment.length;
            }
            _ => {
                if std::mem::take(&mut hole) {
                    holes.push(groups.len());
                }
                groups.push(Group {
                    ticks: shown,
                    offset: fragment.offset,
                    length: fragment.length,
                    key: fragment.key,
                });
            }
        }
    }
    (groups, holes)
}

#[cfg(test)]
mod tests;
