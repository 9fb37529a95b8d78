//! From decoding order to presentation order, with as little delay as the stream allows.
//!
//! Takes decoded pictures, gives them sorted by time. Knows no codec.

use super::Decoded;
use crate::base::limits::REORDER_DEPTH;

/// Holds back as many pictures as the stream has shown to need.
///
/// A picture that comes after a later one was given is left out, and one more is held back from
/// then on: a stream that does not say how deep it reorders costs at most 16 pictures in its life.
#[derive(Debug)]
pub(super) struct Reorder {
    depth: usize,
    /// Sorted by time, at most `depth` between calls.
    waiting: Vec<Decoded>,
    given: Option<i64>,
}

impl Reorder {
    /// Begins with a depth, at most [`REORDER_DEPTH`].
    pub(super) fn new(depth: usize) -> Self {
        Self { depth: depth.min(REORDER_DEPTH), waiting: Vec::new(), given: None }
    }

    /// Pictures come from here on that are not shown before this: gives all that wait.
    pub(super) fn flush(&mut self, pictures: &mut Vec<Decoded>) {
        pictures.append(&mut self.waiting);
        self.given = None;
    }

    /// Takes the next picture in decoding order.
    pub(super) fn push(&mut self, picture: Decoded, pictures: &mut Vec<Decoded>) {
        if self.given.is_some_and(|given| picture.pts <= given) {
            self.depth = (self.depth + 1).min(REORDER_DEPTH);
            return;
        }
        let place = self.waiting.partition_point(|other| other.pts <= picture.pts);
        self.waiting.insert(place, picture);
        let due = self.waiting.len().saturating_sub(self.depth);
        self.given = due.checked_sub(1).map(|last| self.waiting[last].pts).or(self.given);
        pictures.extend(self.waiting.drain(..due));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::{Colour, Image};
    use super::*;

    fn picture(pts: i64) -> Decoded {
        let colour = Colour::from_stream(None, false, 2);
        let image = Image { width: 2, height: 2, colour, y: vec![0; 4], u: vec![0], v: vec![0] };
        Decoded { pts, image: Arc::new(image) }
    }

    fn run(depth: usize, order: &[i64]) -> Vec<i64> {
        let mut reorder = Reorder::new(depth);
        let mut pictures = Vec::new();
        for pts in order {
            reorder.push(picture(*pts), &mut pictures);
        }
        reorder.flush(&mut pictures);
        pictures.iter().map(|picture| picture.pts).collect()
    }

    #[test]
    fn order_and_learning() {
        for (depth, order, expected) in [
            (0, &[0, 1, 2][..], &[0, 1, 2][..]),
            (1, &[0, 4, 1, 2, 3, 8, 5], &[0, 1, 2, 3, 4, 5, 8]),
            (2, &[0, 4, 2, 1, 3, 8, 6, 5, 7], &[0, 1, 2, 3, 4, 5, 6, 7, 8]),
            // One picture is the price of learning each level.
            (0, &[0, 4, 1, 2, 3, 8, 5, 6, 7], &[0, 4, 5, 6, 7, 8]),
        ] {
            assert_eq!(run(depth, order), expected, "depth {depth}, {order:?}");
        }
    }

    proptest! {
        #[test]
        fn always_sorted_and_shallow(order in prop::collection::vec(0i64..64, 0..200)) {
            let mut reorder = Reorder::new(0);
            let mut pictures = Vec::new();
            for pts in &order {
                reorder.push(picture(*pts), &mut pictures);
                prop_assert!(reorder.waiting.len() <= REORDER_DEPTH);
            }
            prop_assert!(pictures.is_sorted_by_key(|picture| picture.pts));
        }
    }
}
