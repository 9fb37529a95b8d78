//! Who has crossed a line, and which way: points over time in, crossings out. Pure.

/// A point, in parts of the picture; y grows downwards.
pub type Point = (f32, f32);

/// A line from one point to another. Who walks along it has "out" at the left hand and "in" at the
/// right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Where it begins.
    pub from: Point,
    /// Where it ends.
    pub to: Point,
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the left hand to the right.
    In,
    /// From the right hand to the left.
    Out,
}

impl Direction {
    /// The word of the contract.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// Where a thing was, as one line sees it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stand {
    /// The last point that lay clearly on one side.
    last: Option<Point>,
}

impl Line {
    /// How far a point lies to the right of the line, or (below 0) to the left, as if it had no ends.
    fn distance(&self, (x, y): Point) -> f32 {
        let (along_x, along_y) = (self.to.0 - self.from.0, self.to.1 - self.from.1);
        let length = along_x.hypot(along_y);
        if length <= f32::EPSILON {
            return 0.0;
        }
        (along_x * (y - self.from.1) - along_y * (x - self.from.0)) / length
    }

    /// The way from one point to another goes between the ends of the line.
    fn is_between(&self, one: Point, other: Point) -> bool {
        let way = Line { from: one, to: other };
        way.distance(self.from) * way.distance(self.to) <= 0.0
    }

    /// Whether a thing that stood there has crossed the line when it is `here`.
    pub fn step(&self, stand: &mut Stand, here: Point, margin: f32) -> Option<Direction> {
        let side = self.distance(here);
        if side.abs() <= margin {
            return None;
        }
        let last = stand.last.replace(here)?;
        let crossed = self.distance(last) * side < 0.0 && self.is_between(last, here);
        crossed.then_some(if side > 0.0 { Direction::In } else { Direction::Out })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Downwards through the middle of the picture, from its upper to its lower third.
    const LINE: Line = Line { from: (0.5, 0.3), to: (0.5, 0.7) };

    fn walk(path: &[Point]) -> Vec<Direction> {
        let mut stand = Stand::default();
        path.iter().filter_map(|point| LINE.step(&mut stand, *point, 0.02)).collect()
    }

    #[test]
    fn who_crosses_is_counted_once_each_time() {
        use Direction::{In, Out};
        for (name, path, expected) in [
            // Walking down the picture, the right hand is at its left.
            ("to the left", &[(0.6, 0.5), (0.4, 0.5)][..], &[In][..]),
            ("to the right", &[(0.4, 0.5), (0.6, 0.5)], &[Out]),
            ("there and back", &[(0.4, 0.5), (0.6, 0.5), (0.4, 0.5)], &[Out, In]),
            ("above its end", &[(0.4, 0.2), (0.6, 0.2)], &[]),
            ("aslant past its end", &[(0.4, 0.5), (0.6, 0.0)], &[]),
            ("trembling on it", &[(0.4, 0.5), (0.51, 0.5), (0.49, 0.5), (0.51, 0.5)], &[]),
            ("slowly", &[(0.4, 0.5), (0.49, 0.5), (0.5, 0.5), (0.51, 0.5), (0.53, 0.5)], &[Out]),
            ("it began there", &[(0.6, 0.5)], &[]),
        ] {
            assert_eq!(walk(path), expected, "{name}");
        }
    }

    #[test]
    fn a_line_without_length_is_crossed_by_nobody() {
        let line = Line { from: (0.5, 0.5), to: (0.5, 0.5) };
        let mut stand = Stand::default();
        for point in [(0.4, 0.5), (0.6, 0.5)] {
            assert_eq!(line.step(&mut stand, point, 0.0), None);
        }
    }
}
