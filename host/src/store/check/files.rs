//! What is in a file against what its row says: every checksum and box is read.

use std::path::Path;

use super::super::account::{Account, Reading};
use super::super::edges::SEAM_MICROS;
use super::super::holds::Continuous;
use super::super::index::map::Entry;
use super::super::index::row::{Flags, Segment};
use super::super::recover::entry;
use super::things::cant;
use super::{Checker, Kind};
use crate::base::Result;
use crate::record::FragmentInfo;

impl Checker<'_> {
    /// Compares a file with its row.
    pub(super) fn file(&mut self, segment: &Segment, path: &Path, map: &[Entry]) -> Result<()> {
        let reading = match self.read(path) {
            Err(error) if self.is_ended() => return Err(cant(path)(error)),
            // It goes, or moves, while it is read.
            Err(_) if !self.is_unchanged(segment)? => return Ok(()),
            // The rest is looked at all the same.
            Err(error) => {
                return self.tell(Kind::Unreadable, format!("can't be read: {error}"), segment);
            }
            Ok(reading) => reading,
        };
        let found = match reading {
            Reading::Ours(account) => differences(segment, &account, map),
            Reading::Foreign(store) => {
                vec![(Kind::Identity, format!("says that it is of the store {store}"))]
            }
            // Its first fragment, which says whose it is, may be damaged and known to be.
            Reading::Useless(_, scan) if scan.fragments.iter().any(|one| one.damaged) => {
                damaged(&scan.fragments, map).into_iter().collect()
            }
            Reading::Useless(why, _) => vec![(Kind::Identity, why.into())],
        };
        if found.is_empty() || !self.is_unchanged(segment)? {
            return Ok(());
        }
        found.into_iter().try_for_each(|(kind, found)| self.tell(kind, found, segment))
    }
}

/// In what a file and its row differ.
fn differences(segment: &Segment, account: &Account, map: &[Entry]) -> Vec<(Kind, String)> {
    let identity = &account.identity;
    if (&identity.camera, identity.sequence) != (&segment.camera, segment.sequence) {
        let found =
            format!("says that it is camera {}, sequence {}", identity.camera, identity.sequence);
        return vec![(Kind::Identity, found)];
    }
    let mut all = Vec::new();
    let known = Flags::LEADING.code() | Flags::NO_KEY_START.code() | Flags::FAIL_OPEN.code();
    let is_continuous = identity.continuous || identity.fail_open;
    if (identity.epoch, identity.start) != (segment.epoch, segment.start) {
        let found = format!(
            "says epoch {} and start {}, its row epoch {} and start {}",
            identity.epoch, identity.start, segment.epoch, segment.start
        );
        all.push((Kind::Row, found));
    } else if account.flags().code() != segment.flags.code() & known
        || is_continuous != (segment.continuous != Continuous::NO)
    {
        all.push((Kind::Row, "has other flags than its row".into()));
    }
    if account.torn_bytes() > 0 {
        let found = format!("its last {} bytes are no whole fragment", account.torn_bytes());
        all.push((Kind::Torn, found));
        return all;
    }
    let fragments = &account.scan().fragments;
    if let Some(damaged) = damaged(fragments, map) {
        all.push(damaged);
    } else if !is_map_of(map, fragments) {
        all.push((Kind::Map, "its fragment map is not that of its fragments".into()));
    }
    let is_whole = fragments.iter().all(|fragment| !fragment.damaged);
    // Where the last picture ends is estimated from the file; its recorder knew.
    let apart = account.end().micros_since(segment.end).abs();
    if is_whole && apart > SEAM_MICROS && all.is_empty() {
        let found = format!("ends at {}, and its row says {}", account.end(), segment.end);
        all.push((Kind::Row, found));
    }
    all
}

/// Fragments that have lost bytes without being marked.
fn damaged(fragments: &[FragmentInfo], map: &[Entry]) -> Option<(Kind, String)> {
    let bad = fragments.iter().filter(|fragment| fragment.damaged);
    let is_known = |bad: &&FragmentInfo| {
        let mut marks = marks(map, bad).peekable();
        marks.peek().is_some() && marks.all(|entry| entry.damaged)
    };
    let unknown = bad.filter(|bad| !is_known(bad)).count();
    let of = fragments.len();
    (unknown > 0).then(|| (Kind::Damaged, format!("{unknown} of {of} fragments have lost bytes")))
}

/// What the map knows to lie where a damaged stretch is.
fn marks<'a>(map: &'a [Entry], bad: &FragmentInfo) -> impl Iterator<Item = &'a Entry> {
    let (from, to) = (bad.offset, bad.offset + bad.length);
    map.iter().filter(move |entry| from <= entry.offset && entry.offset < to)
}

/// The map is what the fragments say, but for marks, and for what is damaged.
fn is_map_of(map: &[Entry], fragments: &[FragmentInfo]) -> bool {
    let whole = fragments.iter().filter(|fragment| !fragment.damaged);
    let in_damage = |one: &Entry| {
        fragments.iter().any(|bad| bad.damaged && marks(std::slice::from_ref(one), bad).count() > 0)
    };
    let rest = map.iter().filter(|one| !in_damage(one)).map(|one| Entry { damaged: false, ..*one });
    rest.eq(whole.map(entry))
}
