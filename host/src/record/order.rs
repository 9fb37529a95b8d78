//! Decode times for units that come with presentation times only.
//!
//! RTP says when a picture is shown, not when it is decoded. With a reorder depth of `d` (no more
//! than `d` pictures are decoded before a picture and shown after it), the unit with index `i` in
//! decoding order is given the presentation time with index `i - d` in the order of showing: known
//! for sure by then, never later than the unit's own, and strictly increasing. The first `d` units
//! of a file are one tick apart. So no composition offset is negative, which players would answer
//! with a shift of the whole video against the audio, and a fragment can end after any unit.
//! The depth is learned; where a unit shows it to be larger than thought, decode times go on
//! strictly increasing and that unit's offset is negative: its presentation time stays exact.

use crate::base::limits::REORDER_DEPTH;

/// How many pictures are decoded before, and shown after, another one: learned from a stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Depth {
    depth: usize,
    recent: [i64; REORDER_DEPTH],
    filled: usize,
    next: usize,
}

impl Depth {
    /// Sees the next unit in decoding order.
    pub(super) fn learn(&mut self, pts: i64) {
        let larger = self.recent[..self.filled].iter().filter(|recent| **recent > pts).count();
        self.depth = self.depth.max(larger);
        self.recent[self.next] = pts;
        self.next = (self.next + 1) % REORDER_DEPTH;
        self.filled = REORDER_DEPTH.min(self.filled + 1);
    }

    /// Presentation times start anew; what was learned stays.
    pub(super) fn restart(&mut self) {
        self.filled = 0;
        self.next = 0;
    }

    /// As far as known.
    pub(super) fn get(&self) -> usize {
        self.depth
    }
}

/// The distances between neighbouring pictures, in ticks: what is likely to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    /// The last one.
    pub(super) step: i64,
    /// The shortest one so far; `i64::MAX` until there is one.
    shortest: i64,
}

impl Default for Pace {
    /// 30 pictures a second, until that is known.
    fn default() -> Self {
        Self { step: 3000, shortest: i64::MAX }
    }
}

/// The decode times of one file.
#[derive(Clone, Debug)]
pub(super) struct DecodeTimes {
    /// Presentation times that are not yet anybody's decode time, smallest first.
    waiting: Vec<i64>,
    last: Option<i64>,
    shown: Option<i64>,
    promised: Option<i64>,
    pace: Pace,
}

/// Until two pictures were seen: no camera sends more than 120 a second.
const STEP_MIN: i64 = 750;

/// No step longer than this (10 s) is a rule to predict by; it is a gap.
const STEP_MAX: i64 = 900_000;

impl DecodeTimes {
    /// `pace`: what is likely, from the file before.
    pub(super) fn new(pace: Pace) -> Self {
        let waiting = Vec::with_capacity(REORDER_DEPTH + 1);
        Self { waiting, last: None, shown: None, promised: None, pace }
    }

    /// The decode time of the next unit. `origin`: that of the first.
    pub(super) fn next(&mut self, pts: i64, depth: usize, origin: i64) -> i64 {
        let place = self.waiting.partition_point(|waiting| *waiting <= pts);
        self.waiting.insert(place, pts);
        let mut wish = origin;
        if self.waiting.len() > depth {
            wish = self.waiting.remove(0);
            let step = wish - self.shown.unwrap_or(wish);
            if (1..=STEP_MAX).contains(&step) {
                self.pace = Pace { step, shortest: self.pace.shortest.min(step) };
            }
            self.shown = Some(wish);
        }
        let next = self.last.map_or(origin, |last| wish.max(last + 1));
        let decode = self.promised.take().unwrap_or(next);
        self.last = Some(decode);
        decode
    }

    /// The decode time that the next unit will have.
    pub(super) fn peek(&mut self, pts: i64, depth: usize) -> i64 {
        let last = self.last.unwrap_or(0);
        let wish = match self.waiting.first() {
            _ if self.waiting.len() < depth => last,
            Some(first) => pts.min(*first),
            None => pts,
        };
        let next = self.promised.unwrap_or(wish.max(last + 1));
        self.promised = Some(next);
        next
    }

    /// The decode time of the unit after the last, before that has come: a fragment ends here, and
    /// the length of its last sample must be said. It is kept, so that lengths add up to times:
    /// there are readers that know nothing else. So it errs on the early side, which costs nothing.
    pub(super) fn promise(&mut self) -> i64 {
        let last = self.last.unwrap_or(0);
        let shortest = if self.pace.shortest == i64::MAX { STEP_MIN } else { self.pace.shortest };
        let early = self.shown.map_or(last, |shown| shown + shortest);
        let next = self.waiting.first().map_or(early, |pts| early.min(*pts)).max(last + 1);
        self.promised = Some(next);
        next
    }

    /// What is likely from here on.
    pub(super) fn pace(&self) -> Pace {
        self.pace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { step: 100, shortest: 100 };

    /// Presentation times in decoding order, in pictures of 100 ticks -> decode times.
    fn check(name: &str, pts: &[i64], depth: usize, decode: &[i64]) {
        let mut learned = Depth::default();
        pts.iter().for_each(|pts| learned.learn(pts * 100));
        assert_eq!(learned.get(), depth, "{name}: depth");
        let origin = 100 * pts.iter().min().unwrap();
        let mut times = DecodeTimes::new(PACE);
        let given: Vec<_> = pts.iter().map(|pts| times.next(pts * 100, depth, origin)).collect();
        assert_eq!(given, decode, "{name}");
        assert!(given.windows(2).all(|pair| pair[0] < pair[1]), "{name}: increasing");
    }

    #[test]
    fn known_orders() {
        check("baseline", &[0, 1, 2, 3], 0, &[0, 100, 200, 300]);
        check("one b", &[0, 2, 1, 4, 3, 6], 1, &[0, 1, 100, 200, 300, 400]);
        check("runs of three", &[0, 4, 1, 2, 3, 8, 5, 6], 1, &[0, 1, 100, 200, 300, 400, 500, 600]);
        check("pyramid", &[0, 4, 2, 1, 3, 8, 6, 5, 7], 2, &[0, 1, 2, 100, 200, 300, 400, 500, 600]);
        check("open start", &[3, 1, 2, 6, 4, 5], 1, &[100, 101, 200, 300, 400, 500]);
        check("uneven", &[0, 5, 2, 9, 7], 1, &[0, 1, 200, 500, 700]);
    }

    #[test]
    fn a_depth_learned_late_keeps_decode_times_increasing() {
        let mut depth = Depth::default();
        let mut times = DecodeTimes::new(PACE);
        let mut given = Vec::new();
        for pts in [0, 100, 200, 500, 300, 400, 800, 600, 700] {
            depth.learn(pts);
            given.push(times.next(pts, depth.get(), 0));
        }
        assert_eq!(given, [0, 100, 200, 500, 501, 502, 503, 600, 700]);
    }

    #[test]
    fn a_promise_is_kept_and_not_late() {
        let pts = [0, 400, 200, 100, 300, 800, 600, 500, 700, 1200];
        for cut in 1..pts.len() {
            let mut times = DecodeTimes::new(PACE);
            let mut last = i64::MIN;
            for (index, pts) in pts.iter().enumerate() {
                let promised = (index == cut).then(|| times.promise());
                let decode = times.next(*pts, 2, 0);
                assert!(promised.is_none_or(|promised| promised == decode), "cut before {index}");
                assert!(last < decode && decode <= *pts, "cut before {cut}: {decode} for {pts}");
                last = decode;
            }
        }
    }
}
