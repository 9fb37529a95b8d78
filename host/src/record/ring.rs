//! Video that nobody has asked for yet: whole key-frame groups, bounded in seconds and bytes.
//!
//! Holds only what is in no file: a group that is taken out to be written never comes back.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::Timestamp;
use crate::ingest::VideoUnit;

use super::file::Boundary;
use super::ticks_to_micros;

/// A camera that sends no key frame must not fill the memory: the newest group, which is kept
/// otherwise, is given up when it alone has so many times the bytes of the whole ring.
const GROUP_FACTOR: usize = 4;

/// A key frame and what follows it, up to the next one.
#[derive(Debug)]
pub(super) struct Group {
    /// Counts the groups of this recorder; neighbours follow one another without a gap.
    pub(super) number: u64,
    /// In decoding order; the first is the key frame.
    pub(super) units: Vec<VideoUnit>,
    /// Time of the key frame.
    pub(super) start: Timestamp,
    /// Time of the next key frame; while there is none, just after the last unit.
    pub(super) end: Timestamp,
    /// The next key frame, where that continues this group.
    pub(super) next: Option<Boundary>,
    /// No unit will be added.
    closed: bool,
    bytes: usize,
    length: Duration,
}

/// The ring.
#[derive(Debug)]
pub(super) struct Ring {
    groups: VecDeque<Group>,
    bytes: usize,
    seconds_max: Duration,
    bytes_max: usize,
    short: bool,
}

impl Ring {
    /// Keeps at least `seconds_max` where `bytes_max` allows it.
    pub(super) fn new(seconds_max: Duration, bytes_max: usize) -> Self {
        Self { groups: VecDeque::new(), bytes: 0, seconds_max, bytes_max, short: false }
    }

    /// Begins a group with a key frame.
    pub(super) fn begin(&mut self, number: u64, key: VideoUnit) {
        self.groups.push_back(Group {
            number,
            start: key.time,
            end: key.time,
            next: None,
            closed: false,
            bytes: 0,
            length: Duration::ZERO,
            units: Vec::new(),
        });
        self.add(key);
    }

    /// Adds to the newest group. False: that was too large and is given up; the next unit of use
    /// is a key frame.
    #[must_use]
    pub(super) fn push(&mut self, unit: VideoUnit) -> bool {
        if self.groups.back().is_none_or(|group| group.closed) {
            return false;
        }
        self.add(unit);
        let whole = self.groups.back().map_or(0, |group| group.bytes);
        if whole > self.bytes_max.saturating_mul(GROUP_FACTOR) {
            self.bytes = 0;
            self.groups.clear();
            return false;
        }
        true
    }

    fn add(&mut self, unit: VideoUnit) {
        let Some(group) = self.groups.back_mut() else { return };
        // Of what the unit costs beside its data.
        let bytes = unit.data.len() + size_of::<VideoUnit>();
        group.bytes += bytes;
        self.bytes += bytes;
        group.end = group.end.max(unit.time.offset(1));
        group.length = unit.time.since(group.start).max(group.length);
        group.units.push(unit);
        self.trim();
    }

    /// The newest group ends where the next key frame begins, or with the session.
    pub(super) fn close(&mut self, next: Option<&VideoUnit>) {
        let Some(group) = self.groups.back_mut().filter(|group| !group.closed) else { return };
        group.closed = true;
        let Some(next) = next else { return };
        let first = group.units.first().map_or(next.pts, |key| key.pts);
        let ticks = next.pts.saturating_sub(first).max(0);
        group.length = Duration::from_micros(ticks_to_micros(ticks).unsigned_abs());
        group.next = Some(Boundary::of(next));
        // Not where the clock stepped: then only what was received counts.
        if group.units.first().is_some_and(|key| key.epoch == next.epoch) {
            group.end = group.end.max(next.time);
        }
    }

    fn trim(&mut self) {
        while self.groups.len() > 1 {
            let after: Duration = self.groups.iter().skip(1).map(|group| group.length).sum();
            if after < self.seconds_max && self.bytes <= self.bytes_max {
                return;
            }
            self.short = after < self.seconds_max;
            if let Some(group) = self.groups.pop_front() {
                self.bytes -= group.bytes;
            }
        }
    }

    /// Takes out the groups that are wanted, oldest first.
    pub(super) fn take(&mut self, wanted: impl Fn(&Group) -> bool) -> Vec<Group> {
        if !self.groups.iter().any(&wanted) {
            return Vec::new();
        }
        let mut taken = Vec::new();
        for group in std::mem::take(&mut self.groups) {
            if wanted(&group) {
                self.bytes -= group.bytes;
                taken.push(group);
            } else {
                self.groups.push_back(group);
            }
        }
        taken
    }

    /// The group that units are being added to.
    pub(super) fn newest(&self) -> Option<&Group> {
        self.groups.back().filter(|group| !group.closed)
    }

    /// The oldest unit.
    pub(super) fn oldest(&self) -> Option<&VideoUnit> {
        self.groups.front().and_then(|group| group.units.first())
    }

    /// Video in it.
    pub(super) fn length(&self) -> Duration {
        self.groups.iter().map(|group| group.length).sum()
    }

    /// Its bytes do not suffice for its seconds.
    pub(super) fn is_short(&self) -> bool {
        self.short
    }

    /// Bytes in it.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Group {
    /// Units may still be added.
    pub(super) fn is_open(&self) -> bool {
        !self.closed
    }
}
