//! How far the choice under a limit need not look again: everything recorded before is kept more
//! strongly, until a moment that is known.
//!
//! Without it, a store full of spans would be looked through each second for continuous video.
//! Pure. What may weaken a hold earlier has a sweep look at the segment again: see [`Cursors::lower`].

use std::collections::BTreeMap;

use super::super::holds::{Rank, Until};
use super::super::index::retain::Scope;
use crate::base::Timestamp;

#[derive(Clone, Copy, Debug)]
struct Cursor {
    /// Up to this id.
    after: i64,
    /// Until then.
    until: Until,
}

/// One for each limit and rank.
#[derive(Debug, Default)]
pub(in super::super) struct Cursors(BTreeMap<(Scope, Rank), Cursor>);

impl Cursors {
    /// The id after which to look.
    pub(in super::super) fn start(&mut self, scope: Scope, rank: Rank, now: Timestamp) -> i64 {
        match self.0.get(&(scope, rank)) {
            Some(cursor) if !cursor.until.is_over(now) => cursor.after,
            _ => {
                self.0.remove(&(scope, rank));
                0
            }
        }
    }

    /// All from `from` up to `to` are kept more strongly than `rank`, until `until`.
    pub(in super::super) fn advance(
        &mut self,
        scope: Scope,
        rank: Rank,
        (from, to): (i64, i64),
        until: Until,
    ) {
        let fresh = Cursor { after: 0, until: Until::Forever };
        let cursor = self.0.entry((scope, rank)).or_insert(fresh);
        if cursor.after == from && to > from {
            *cursor = Cursor { after: to, until: cursor.until.min(until) };
        }
    }

    /// What keeps a segment may have changed.
    pub(in super::super) fn lower(&mut self, id: i64) {
        for cursor in self.0.values_mut() {
            cursor.after = cursor.after.min(id - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_goes_on_until_something_may_have_changed() {
        let at = |second: i64| Timestamp::from_millis(second * 1000);
        let (scope, rank) = (Scope::Camera(1), Rank::Continuous);
        let mut cursors = Cursors::default();
        assert_eq!(cursors.start(scope, rank, at(0)), 0);
        cursors.advance(scope, rank, (0, 9), Until::At(at(50)));
        cursors.advance(scope, rank, (9, 20), Until::At(at(70)));
        cursors.advance(scope, rank, (30, 40), Until::Forever);
        assert_eq!(cursors.start(scope, rank, at(49)), 20, "not beyond what was seen");
        assert_eq!(cursors.start(scope, Rank::Span, at(49)), 0, "of another rank");
        cursors.lower(25);
        assert_eq!(cursors.start(scope, rank, at(49)), 20);
        cursors.lower(7);
        assert_eq!(cursors.start(scope, rank, at(49)), 6);
        assert_eq!(cursors.start(scope, rank, at(50)), 0, "a span is over");
    }
}
