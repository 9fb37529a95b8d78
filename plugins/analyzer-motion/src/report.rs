//! When to say that motion begins, goes on, ends: hysteresis and aggregation over what single pictures
//! show. Pure: sights and times in, phases out. Knows nothing of pixels.

use wardline_sdk::snapshot::{Reader, Writer};

use crate::cells::Blob;
use crate::motion::Sight;

/// Motion is over when nothing has moved for so long.
const QUIET: i64 = 1_800_000;
/// A pause of at most this does not start the count for `minimum_duration` anew.
const PAUSE: i64 = 400_000;
/// An open event is renewed at least so often (the contract asks for every 5 s).
const RENEWAL: i64 = 4_000_000;

/// What to say.
#[derive(Debug, Clone, PartialEq)]
pub enum Report {
    /// Motion began at `time`.
    Begin {
        /// The first picture that showed it.
        time: i64,
        /// Of the present picture.
        blobs: Vec<Blob>,
    },
    /// It goes on.
    Update {
        /// Of the present picture.
        time: i64,
        /// Of the present picture; none while it pauses.
        blobs: Vec<Blob>,
    },
    /// It was last seen at `time`.
    End {
        /// The last picture that showed it.
        time: i64,
        /// The largest blob of all its pictures.
        largest: Blob,
        /// All zones it touched.
        zones: u32,
    },
}

/// How patient the reporter is, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Shorter motion is not reported.
    pub minimum_duration: i64,
    /// At most one update in this time; 0: one for every picture with motion.
    pub aggregation: i64,
}

/// Where in its life the motion of one camera is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reporter {
    life: Life,
}

#[derive(Debug, Clone, Default, PartialEq)]
enum Life {
    #[default]
    Quiet,
    /// Something moves, not yet for long enough.
    Stirring {
        first: i64,
        last: i64,
    },
    Open {
        last: i64,
        said: i64,
        largest: Blob,
        zones: u32,
    },
}

impl Reporter {
    /// Writes where it is.
    pub fn save(&self, to: &mut Writer) {
        match &self.life {
            Life::Quiet => to.byte(0),
            Life::Stirring { first, last } => {
                to.byte(1);
                to.time(*first);
                to.time(*last);
            }
            Life::Open { last, said, largest, zones } => {
                to.byte(2);
                to.time(*last);
                to.time(*said);
                for side in [largest.left, largest.top, largest.right, largest.bottom] {
                    to.count(side as u64);
                }
                for count in [largest.pixels, largest.alive, largest.zones, *zones] {
                    to.count(u64::from(count));
                }
            }
        }
    }

    /// Goes on where another stopped.
    ///
    /// # Errors
    /// What is read makes no sense; nothing is changed.
    pub fn load(&mut self, from: &mut Reader<'_>) -> Result<(), String> {
        self.life = match from.byte()? {
            0 => Life::Quiet,
            1 => Life::Stirring { first: from.time()?, last: from.time()? },
            2 => {
                let (last, said) = (from.time()?, from.time()?);
                let mut number = || from.small(u64::from(u32::MAX));
                let mut sides = [0; 4];
                for side in &mut sides {
                    *side = number()? as usize;
                }
                let [left, top, right, bottom] = sides;
                let (pixels, alive, zones) = (number()?, number()?, number()?);
                let largest = Blob { left, top, right, bottom, pixels, alive, zones };
                Life::Open { last, said, largest, zones: number()? }
            }
            other => return Err(format!("the snapshot says {other} where 2 is the most")),
        };
        Ok(())
    }

    /// Takes what one picture shows.
    pub fn see(&mut self, time: i64, sight: Sight, pace: Pace) -> Option<Report> {
        let blobs = match sight {
            Sight::Moving(blobs) => blobs,
            // Nothing can be said of this picture: what was open stays open for its time.
            Sight::WarmUp | Sight::Flash => Vec::new(),
        };
        match (&mut self.life, blobs.first().copied()) {
            (Life::Quiet, None) => None,
            (Life::Quiet, Some(_)) if pace.minimum_duration > 0 => {
                self.life = Life::Stirring { first: time, last: time };
                None
            }
            (Life::Quiet, Some(_)) => Some(self.begin(time, time, blobs)),
            (Life::Stirring { last, .. }, None) => {
                if time.saturating_sub(*last) > PAUSE {
                    self.life = Life::Quiet;
                }
                None
            }
            (Life::Stirring { first, last }, Some(_)) => {
                *last = time;
                let first = *first;
                (time.saturating_sub(first) >= pace.minimum_duration)
                    .then(|| self.begin(first, time, blobs))
            }
            (Life::Open { last, largest, zones, .. }, None)
                if time.saturating_sub(*last) >= QUIET =>
            {
                let report = Report::End { time: *last, largest: *largest, zones: *zones };
                self.life = Life::Quiet;
                Some(report)
            }
            (Life::Open { said, .. }, None) => {
                let due = time.saturating_sub(*said) >= RENEWAL;
                due.then(|| {
                    *said = time;
                    Report::Update { time, blobs }
                })
            }
            (Life::Open { last, said, largest, zones }, Some(blob)) => {
                *last = time;
                *zones |= blobs.iter().fold(0, |bits, blob| bits | blob.zones);
                if blob.pixels > largest.pixels {
                    *largest = blob;
                }
                let due = time.saturating_sub(*said) >= pace.aggregation.min(RENEWAL);
                due.then(|| {
                    *said = time;
                    Report::Update { time, blobs }
                })
            }
        }
    }

    fn begin(&mut self, first: i64, now: i64, blobs: Vec<Blob>) -> Report {
        let largest = blobs.first().copied().unwrap_or_default();
        let zones = blobs.iter().fold(0, |bits, blob| bits | blob.zones);
        self.life = Life::Open { last: now, said: now, largest, zones };
        Report::Begin { time: first, blobs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICTURE: i64 = 200_000;

    /// One character a picture at 5 a second: `#` moves, `.` does not, `!` is a flash. Gives `B`, `U`
    /// and `E` with the time of the event in pictures.
    fn check(pictures: &str, aggregation: i64, expected: &str) {
        let mut reporter = Reporter::default();
        let pace = Pace { minimum_duration: 400_000, aggregation };
        let mut said = Vec::new();
        for (index, picture) in (0..).zip(pictures.chars()) {
            let sight = match picture {
                '#' => Sight::Moving(vec![Blob { pixels: 500, zones: 1, ..Blob::default() }]),
                '!' => Sight::Flash,
                _ => Sight::Moving(Vec::new()),
            };
            match reporter.see(index * PICTURE, sight, pace) {
                Some(Report::Begin { time, .. }) => said.push(format!("B{}", time / PICTURE)),
                Some(Report::Update { time, .. }) => said.push(format!("U{}", time / PICTURE)),
                Some(Report::End { time, .. }) => said.push(format!("E{}", time / PICTURE)),
                None => {}
            }
        }
        assert_eq!(said.join(" "), expected, "{pictures}");
    }

    #[test]
    fn short_motion_is_not_reported() {
        check("..##......", 1_000_000, "");
        check("..#.#.....", 1_000_000, "B2");
        check("..#...##..", 1_000_000, "");
    }

    #[test]
    fn motion_begins_goes_on_and_ends() {
        check("..###############..........", 1_000_000, "B2 U9 U14 E16");
        check("###.......##.........", 1_000_000, "B0 U10 E11");
        check("###....!!!...", 1_000_000, "B0 E2");
    }

    #[test]
    fn every_picture_is_told_when_asked_for() {
        check("######", 0, "B0 U3 U4 U5");
    }

    #[test]
    fn an_open_event_is_renewed_in_time() {
        check(&"#".repeat(50), 60_000_000, "B0 U22 U42");
    }

    #[test]
    fn a_flash_begins_nothing() {
        check("..!!!!!!!!!..", 1_000_000, "");
    }
}
