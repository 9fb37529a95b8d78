//! Which stretch of video an event makes worth keeping. Pure.

/// Events that a stretch names as its reason, at most.
const REASONS: usize = 64;

/// Video to keep. Times are microseconds since 1970.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stretch {
    /// Counts from 1.
    pub(crate) number: u64,
    /// Inclusive.
    pub(crate) start: i64,
    /// Exclusive.
    pub(crate) end: i64,
    /// Ids of the events that led to it.
    pub(crate) because: Vec<String>,
}

/// Follows the events of one camera.
pub(crate) struct Keeper {
    before: i64,
    after: i64,
    last: Option<Stretch>,
}

impl Keeper {
    pub(crate) fn new(before: i64, after: i64) -> Self {
        Self { before, after, last: None }
    }

    /// The stretch around an event: a new one, or the last, made longer, where they touch.
    pub(crate) fn hear(&mut self, id: &str, time: i64) -> &Stretch {
        // No time is before 1970.
        let (start, end) = ((time - self.before).max(0), time + self.after);
        let last = self.last.take();
        let number = last.as_ref().map_or(1, |last| last.number + 1);
        let mut stretch = last
            .filter(|last| start <= last.end && end >= last.start)
            .unwrap_or(Stretch { number, start, end, because: Vec::new() });
        stretch.start = stretch.start.min(start);
        stretch.end = stretch.end.max(end);
        if stretch.because.len() < REASONS && !stretch.because.iter().any(|known| known == id) {
            stretch.because.push(id.to_owned());
        }
        self.last.insert(stretch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_close_together_share_a_stretch() {
        let mut keeper = Keeper::new(10, 20);
        assert_eq!((keeper.hear("a", 100).start, keeper.hear("a", 100).end), (90, 120));
        let both = keeper.hear("b", 115).clone();
        assert_eq!((both.number, both.start, both.end), (1, 90, 135));
        assert_eq!(both.because, ["a", "b"]);
        let later = keeper.hear("c", 146).clone();
        assert_eq!((later.number, later.start, later.end), (2, 136, 166));
    }

    #[test]
    fn a_late_event_moves_the_start_back() {
        let mut keeper = Keeper::new(10, 20);
        keeper.hear("a", 100);
        let both = keeper.hear("b", 95);
        assert_eq!((both.number, both.start, both.end), (1, 85, 120));
    }
}
