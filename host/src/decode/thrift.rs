//! What is worth decoding: chooses units for a wished pace, and pictures for one wish.
//!
//! Takes presentation times and what a unit is; gives yes or no. Pure: knows no decoder.

use std::collections::VecDeque;

use crate::base::limits::REORDER_DEPTH;
use crate::ingest::packet::{Access, VIDEO_TICKS};

/// How many pictures somebody wants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Key frames only.
    KeyFrames,
    /// At most so many a second; taken as 0.01 to 1000.
    AtMost(f32),
    /// Every picture of the stream.
    Every,
}

impl Pace {
    /// The slowest pace that serves both.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Every, _) | (_, Self::Every) => Self::Every,
            (Self::AtMost(a), Self::AtMost(b)) => Self::AtMost(a.max(b)),
            (Self::AtMost(a), Self::KeyFrames) | (Self::KeyFrames, Self::AtMost(a)) => {
                Self::AtMost(a)
            }
            (Self::KeyFrames, Self::KeyFrames) => Self::KeyFrames,
        }
    }

    /// The length of one slot in ticks of 90 kHz: a wish is served by one picture a slot.
    fn slot_ticks(self) -> i64 {
        match self {
            Self::AtMost(rate) => {
                let rate = if rate.is_finite() { f64::from(rate) } else { 1000.0 };

                (VIDEO_TICKS as f64 / rate.clamp(0.01, 1000.0)).round() as i64
            }
            Self::KeyFrames | Self::Every => 1,
        }
    }
}

/// Chooses the units to decode, in decoding order.
///
/// - `KeyFrames`: those. Also for a rate that the stream's key frames serve alone, judged by the
///   last interval between two; a stream whose key frames become rarer is noticed at the next one.
/// - A rate: what others refer to, and of the rest only what fills a slot that would stay empty.
/// - `Every`: all.
#[derive(Debug)]
pub struct Thrift {
    pace: Pace,
    /// Slots of the rate that have a picture, the latest ones.
    filled: VecDeque<i64>,
    last_key_pts: Option<i64>,
    keys_suffice: bool,
    /// A unit that others refer to was left out: nothing decodes until a key frame.
    chain_broken: bool,
}

impl Thrift {
    /// For a pace. Begins at a key frame.
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            filled: VecDeque::new(),
            last_key_pts: None,
            keys_suffice: false,
            chain_broken: true,
        }
    }

    /// The pace in force.
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// Changes the pace. What needs pictures that were left out waits for a key frame.
    pub fn set_pace(&mut self, pace: Pace) {
        if pace != self.pace {
            self.pace = pace;
            self.filled.clear();
            self.keys_suffice = false;
        }
    }

    /// The stream broke off: begins again at a key frame.
    pub fn restart(&mut self) {
        *self = Self::new(self.pace);
    }

    /// Only key frames are being decoded, so that none needs to wait for another.
    pub fn is_keys_only(&self) -> bool {
        self.pace == Pace::KeyFrames || self.keys_suffice
    }

    /// Says whether the next unit in decoding order is to be decoded.
    pub fn wants(&mut self, pts: i64, access: Access) -> bool {
        if access.is_key() {
            let interval = self.last_key_pts.map(|last| pts.saturating_sub(last));
            self.last_key_pts = Some(pts);
            self.keys_suffice = matches!(self.pace, Pace::AtMost(_))
                && interval.is_some_and(|ticks| (1..=self.pace.slot_ticks()).contains(&ticks));
            self.chain_broken = false;
            self.fill(pts);
            return true;
        }
        let wanted = !self.chain_broken
            && !self.is_keys_only()
            && (access == Access::Reference || self.pace == Pace::Every || !self.is_filled(pts));
        if wanted {
            self.fill(pts);
        } else if access == Access::Reference {
            self.chain_broken = true;
        }
        wanted
    }

    fn is_filled(&self, pts: i64) -> bool {
        self.filled.contains(&pts.div_euclid(self.pace.slot_ticks()))
    }

    fn fill(&mut self, pts: i64) {
        // Reordering never reaches further back than this.
        if self.filled.len() > REORDER_DEPTH {
            self.filled.pop_front();
        }
        self.filled.push_back(pts.div_euclid(self.pace.slot_ticks()));
    }
}

/// Chooses the pictures that fall due for one wish, in presentation order: the first of each slot.
#[derive(Debug)]
pub struct Due {
    pace: Pace,
    last_slot: Option<i64>,
}

impl Due {
    /// For a pace; the first picture is due.
    pub fn new(pace: Pace) -> Self {
        Self { pace, last_slot: None }
    }

    /// Says whether this picture is due. Times may start anew after a gap.
    pub fn is_due(&mut self, pts: i64, key: bool) -> bool {
        let slot = pts.div_euclid(self.pace.slot_ticks());
        let due = match self.pace {
            Pace::Every => true,
            Pace::KeyFrames => key,
            Pace::AtMost(_) => self.last_slot != Some(slot),
        };
        if due {
            self.last_slot = Some(slot);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 10 fps, a group of 10: I, then P with three B before it (decoding order), as times / 9000.
    const GROUP: [(i64, char); 10] = [
        (0, 'K'),
        (4, 'P'),
        (1, 'b'),
        (2, 'b'),
        (3, 'b'),
        (8, 'P'),
        (5, 'b'),
        (6, 'b'),
        (7, 'b'),
        (9, 'P'),
    ];

    fn access(kind: char) -> Access {
        match kind {
            'K' => Access::Key,
            'P' => Access::Reference,
            _ => Access::Disposable,
        }
    }

    /// The chosen units of the third of three groups.
    fn chosen(pace: Pace) -> Vec<i64> {
        let mut thrift = Thrift::new(pace);
        let mut chosen = Vec::new();
        for group in 0..3 {
            for (time, kind) in GROUP {
                let wanted = thrift.wants((group * 10 + time) * 9000, access(kind));
                if wanted && group == 2 {
                    chosen.push(time);
                }
            }
        }
        chosen
    }

    #[test]
    fn units_for_each_pace() {
        for (pace, expected) in [
            (Pace::Every, &[0, 4, 1, 2, 3, 8, 5, 6, 7, 9][..]),
            (Pace::AtMost(10.0), &[0, 4, 1, 2, 3, 8, 5, 6, 7, 9]),
            (Pace::AtMost(5.0), &[0, 4, 2, 8, 6, 9]),
            (Pace::AtMost(2.5), &[0, 4, 8, 9]),
            (Pace::AtMost(1.0), &[0]),
            (Pace::KeyFrames, &[0]),
        ] {
            assert_eq!(chosen(pace), expected, "{pace:?}");
        }
    }

    #[test]
    fn nothing_decodes_without_what_it_refers_to() {
        let mut thrift = Thrift::new(Pace::KeyFrames);
        assert!(!thrift.wants(0, Access::Reference), "not before a key frame");
        assert!(thrift.wants(9000, Access::Key));
        assert!(!thrift.wants(18000, Access::Reference));
        thrift.set_pace(Pace::Every);
        assert!(!thrift.wants(27000, Access::Reference), "its reference was left out");
        assert!(thrift.wants(36000, Access::OpenKey));
        assert!(thrift.wants(45000, Access::Reference));
        thrift.restart();
        assert!(!thrift.wants(54000, Access::Disposable));
    }

    #[test]
    fn one_picture_a_slot_is_due() {
        let check = |pace, times: &[i64], expected: &[bool]| {
            let mut due = Due::new(pace);
            let given: Vec<bool> =
                times.iter().map(|time| due.is_due(time * 9000, time % 10 == 0)).collect();
            assert_eq!(given, expected, "{pace:?} {times:?}");
        };
        check(Pace::AtMost(5.0), &[0, 1, 2, 4, 5, 6], &[true, false, true, true, false, true]);
        check(Pace::AtMost(5.0), &[100, 101, 2, 3], &[true, false, true, false]);
        check(Pace::KeyFrames, &[0, 1, 10], &[true, false, true]);
        check(Pace::Every, &[0, 1], &[true, true]);
    }

    #[test]
    fn the_faster_pace_serves_both() {
        let (slow, fast) = (Pace::AtMost(1.0), Pace::AtMost(5.0));
        for (a, b, both) in [
            (slow, fast, fast),
            (Pace::KeyFrames, slow, slow),
            (fast, Pace::Every, Pace::Every),
            (Pace::KeyFrames, Pace::KeyFrames, Pace::KeyFrames),
        ] {
            assert_eq!((a.or(b), b.or(a)), (both, both));
        }
    }

    proptest! {
        /// Whatever the order and the rate: each slot that has a unit in the stream has a chosen
        /// one, unless the stream's key frames serve alone.
        #[test]
        fn slots_are_served(rate in 1.5f32..40.0, kinds in prop::collection::vec(0u8..3, 1..200)) {
            let pace = Pace::AtMost(rate);
            let mut thrift = Thrift::new(pace);
            let mut due = Due::new(pace);
            for (index, kind) in kinds.iter().enumerate() {
                let pts = i64::try_from(index).unwrap() * 3000;
                let access = if index == 0 { Access::Key } else {
                    [Access::Reference, Access::Disposable, Access::Disposable][usize::from(*kind)]
                };
                let wanted = thrift.wants(pts, access);
                let is_due = due.is_due(pts, false);
                prop_assert!(wanted || !is_due, "unit {index}");
            }
        }

        #[test]
        fn no_times_panic(times: Vec<i64>, rate: f32) {
            let mut thrift = Thrift::new(Pace::AtMost(rate));
            let mut due = Due::new(Pace::AtMost(rate));
            for pts in times {
                thrift.wants(pts, Access::OpenKey);
                thrift.wants(pts, Access::Disposable);
                due.is_due(pts, true);
            }
        }
    }
}
