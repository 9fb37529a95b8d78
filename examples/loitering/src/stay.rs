//! How long somebody has been somewhere: sightings in, the beginning and the end of staying too long
//! out. Pure.

/// What a sighting, or its absence, comes to. Times are microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// For too long, from now on.
    Begun,
    /// Still.
    GoesOn,
    /// Was seen there last at this time.
    Over(i64),
}

/// One thing in one zone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stay {
    /// When it was first seen there, and last.
    time: Option<(i64, i64)>,
    reported: bool,
}

impl Stay {
    /// It was seen at `now`: in the zone, or elsewhere.
    pub fn see(
        &mut self,
        inside: bool,
        now: i64,
        longer_than: i64,
        forget_after: i64,
    ) -> Option<Change> {
        let away = self.time.is_some_and(|(_, last)| now.saturating_sub(last) > forget_after);
        if away {
            return self.end();
        }
        if !inside {
            return None;
        }
        let (first, _) = self.time.unwrap_or((now, now));
        self.time = Some((first, now));
        if now.saturating_sub(first) < longer_than {
            return None;
        }
        let begun = !std::mem::replace(&mut self.reported, true);
        Some(if begun { Change::Begun } else { Change::GoesOn })
    }

    /// It is gone.
    pub fn end(&mut self) -> Option<Change> {
        let stay = std::mem::take(self);
        stay.time.filter(|_| stay.reported).map(|(_, last)| Change::Over(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stays_is_told_of_once_and_its_end_too() {
        let mut stay = Stay::default();
        for (now, inside, expected) in [
            (0, true, None),
            (3, true, None),
            (6, true, None),
            (9, true, None),
            (10, true, Some(Change::Begun)),
            (11, true, Some(Change::GoesOn)),
            // Out for a moment.
            (12, false, None),
            (13, true, Some(Change::GoesOn)),
            // Out for good.
            (16, false, None),
            (17, false, Some(Change::Over(13))),
            (18, false, None),
            // Back: the time begins anew.
            (19, true, None),
            (28, true, None),
            (29, false, None),
        ] {
            assert_eq!(stay.see(inside, now, 10, 3), expected, "at {now}");
        }
        assert_eq!(stay.end(), None, "it was never too long");
    }
}
