//! Which blob is which thing: areas and their times in, things with numbers out. Pure.
//!
//! Each thing is expected where its speed leads; the nearest pairs of things and blobs are made
//! first. Two that walk into one another are one blob, and one of them may come out with a new number:
//! without looking at the picture that can't be told.

use wardline_sdk::{Area, Timestamp};

/// More things than this are a crowd, or a lamp that was switched on: the rest has no number.
const TRACKS_MAX: usize = 64;

/// Speed is a running mean: this much of it is new each time.
const NEW_SPEED: f32 = 0.5;

/// How things are followed.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How far from where it was expected, in parts of the picture.
    pub reach: f32,
    /// How often it must be seen before it is reported.
    pub confirm: u32,
    /// How long it may be out of sight, in microseconds.
    pub lost_after: i64,
}

/// A thing that is followed.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    /// Its number, from 1; never used again.
    pub number: u64,
    /// Where it was seen last.
    pub area: Area,
    /// When.
    pub seen: Timestamp,
    /// How often.
    pub sightings: u32,
    /// Parts of the picture in a second.
    speed: (f32, f32),
}

/// What became of a thing.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It is reported from now on.
    Begun(Track),
    /// It was seen again.
    Moved(Track),
    /// It is gone.
    Lost(Track),
}

/// All things of one camera.
#[derive(Clone, Debug, Default)]
pub struct Tracks {
    tracks: Vec<Track>,
    /// Things so far.
    numbered: u64,
}

/// The middle of an area.
#[must_use]
pub fn centre(area: &Area) -> (f32, f32) {
    (area.x + area.width / 2.0, area.y + area.height / 2.0)
}

impl Track {
    /// Where its middle will be.
    fn expected(&self, time: Timestamp) -> (f32, f32) {
        let (x, y) = centre(&self.area);
        let passed = seconds(self.seen, time);
        (x + self.speed.0 * passed, y + self.speed.1 * passed)
    }

    fn see(&mut self, area: Area, time: Timestamp) {
        let passed = seconds(self.seen, time);
        if passed > 0.0 {
            let ((x, y), (old_x, old_y)) = (centre(&area), centre(&self.area));
            let mean = |old: f32, new: f32| old + (new - old) * NEW_SPEED;
            let now = ((x - old_x) / passed, (y - old_y) / passed);
            let first = self.sightings == 1;
            self.speed =
                if first { now } else { (mean(self.speed.0, now.0), mean(self.speed.1, now.1)) };
        }
        (self.area, self.seen) = (area, time);
        self.sightings = self.sightings.saturating_add(1);
    }
}

impl Tracks {
    /// Takes the blobs of one picture.
    pub fn see(&mut self, blobs: &[Area], time: Timestamp, settings: &Settings) -> Vec<Change> {
        let mut changes = self.age(time, settings);
        let mut pairs = Vec::new();
        for (at, track) in self.tracks.iter().enumerate() {
            let expected = track.expected(time);
            for (blob, area) in blobs.iter().enumerate() {
                let (x, y) = centre(area);
                let far = (x - expected.0).hypot(y - expected.1);
                if far <= settings.reach {
                    pairs.push((far, at, blob));
                }
            }
        }
        pairs.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (mut seen, mut taken) = (vec![false; self.tracks.len()], vec![false; blobs.len()]);
        for (_, at, blob) in pairs {
            if seen[at] || taken[blob] {
                continue;
            }
            (seen[at], taken[blob]) = (true, true);
            let track = &mut self.tracks[at];
            track.see(blobs[blob], time);
            changes.extend(report(track, settings));
        }
        for (area, _) in blobs.iter().zip(taken).filter(|(_, taken)| !taken) {
            if self.tracks.len() >= TRACKS_MAX {
                break;
            }
            self.numbered += 1;
            let (number, area) = (self.numbered, *area);
            let track = Track { number, area, seen: time, sightings: 1, speed: (0.0, 0.0) };
            changes.extend(report(&track, settings));
            self.tracks.push(track);
        }
        changes
    }

    /// Nothing moves any more.
    pub fn end(&mut self, settings: &Settings) -> Vec<Change> {
        let reported = |track: &Track| track.sightings >= settings.confirm;
        self.tracks.drain(..).filter(reported).map(Change::Lost).collect()
    }

    /// Gives up what was not seen for too long.
    fn age(&mut self, time: Timestamp, settings: &Settings) -> Vec<Change> {
        let lost = |track: &mut Track| time.saturating_sub(track.seen) > settings.lost_after;
        let lost = self.tracks.extract_if(.., lost);
        lost.filter(|track| track.sightings >= settings.confirm).map(Change::Lost).collect()
    }
}

fn report(track: &Track, settings: &Settings) -> Option<Change> {
    match track.sightings {
        few if few < settings.confirm => None,
        enough if enough == settings.confirm => Some(Change::Begun(track.clone())),
        _ => Some(Change::Moved(track.clone())),
    }
}

#[allow(clippy::cast_precision_loss, reason = "moments that lie close together")]
fn seconds(from: Timestamp, to: Timestamp) -> f32 {
    to.saturating_sub(from) as f32 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Settings = Settings { reach: 0.1, confirm: 2, lost_after: 1_500_000 };

    fn blob(x: f32, y: f32) -> Area {
        Area { x: x - 0.05, y: y - 0.1, width: 0.1, height: 0.2 }
    }

    /// Shows blobs five times a second; numbers of the things that are seen in each picture.
    fn follow(pictures: &[Vec<(f32, f32)>]) -> Vec<Vec<u64>> {
        let (mut tracks, mut time) = (Tracks::default(), 0);
        let show = |blobs: &Vec<(f32, f32)>| {
            let areas: Vec<Area> = blobs.iter().map(|(x, y)| blob(*x, *y)).collect();
            time += 200_000;
            let changes = tracks.see(&areas, time, &SETTINGS);
            let seen = changes.iter().filter_map(|change| match change {
                Change::Begun(track) | Change::Moved(track) => Some(track.number),
                Change::Lost(_) => None,
            });
            seen.collect()
        };
        pictures.iter().map(show).collect()
    }

    #[test]
    fn two_that_pass_each_other_keep_their_numbers() {
        let path = |at: u8| {
            let part = f32::from(at) / 20.0;
            vec![(0.1 + 0.8 * part, 0.4), (0.9 - 0.8 * part, 0.6)]
        };
        let pictures: Vec<_> = (0..=20).map(path).collect();
        let seen = follow(&pictures);
        assert!(seen[0].is_empty(), "seen once only");
        for numbers in &seen[1..] {
            let mut sorted = numbers.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [1, 2], "{seen:?}");
        }
    }

    #[test]
    fn a_short_absence_is_survived_and_a_long_one_is_not() {
        let walk = |at: u8| (0.1 + 0.02 * f32::from(at), 0.5);
        let mut pictures: Vec<Vec<_>> = (0..10).map(|at| vec![walk(at)]).collect();
        pictures.extend((10..14).map(|_| Vec::new()));
        pictures.extend((14..20).map(|at| vec![walk(at)]));
        let seen = follow(&pictures);
        assert!(seen[14..].iter().all(|numbers| numbers == &[1]), "{seen:?}");
        pictures.extend((0..10).map(|_| Vec::new()));
        pictures.extend((0..3).map(|_| vec![walk(20)]));
        let seen = follow(&pictures);
        assert_eq!(seen[seen.len() - 1], [2], "{seen:?}");
    }

    #[test]
    fn what_is_gone_is_told_once_and_only_if_it_was_reported() {
        let mut tracks = Tracks::default();
        tracks.see(&[blob(0.2, 0.2), blob(0.8, 0.8)], 0, &SETTINGS);
        tracks.see(&[blob(0.2, 0.2)], 200_000, &SETTINGS);
        let lost = tracks.see(&[], 3_000_000, &SETTINGS);
        assert!(matches!(&lost[..], [Change::Lost(track)] if track.seen == 200_000), "{lost:?}");
        assert_eq!(tracks.end(&SETTINGS), []);
    }

    #[test]
    fn a_crowd_is_bounded() {
        let crowd = |_| (0..200u8).map(|at| blob(f32::from(at) / 200.0, 0.5)).collect::<Vec<_>>();
        let mut tracks = Tracks::default();
        for time in 0..10 {
            let changes = tracks.see(&crowd(time), time * 200_000, &SETTINGS);
            assert!(changes.len() <= TRACKS_MAX);
        }
    }
}
