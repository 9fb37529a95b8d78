//! The true edges of a span: what of it there is, in whole groups of pictures.
//!
//! Pure. Takes times of segments and their key frames, gives times.

use crate::base::Timestamp;

/// Video that follows on within this, in microseconds, is one stretch.
pub const SEAM_MICROS: i64 = 500_000;

/// The times of one segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// Its first moment.
    pub start: Timestamp,
    /// The moment after its last.
    pub end: Timestamp,
    /// Where its key frames are, in order. Needed only of pieces that hold an edge.
    pub keys: Vec<Timestamp>,
}

/// What there is of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edges {
    /// The key frame at or before the asked start, or where video begins after it.
    pub start: Timestamp,
    /// The first key frame at or after the asked end, or where video ends before it.
    pub end: Timestamp,
    /// Some of what was asked for is missing: at an edge or between.
    pub truncated: bool,
}

/// The pieces that hold the edges: the first, and the one that ends last. Those of several epochs
/// may overlap.
pub fn edge_pieces(pieces: &[Piece]) -> Option<[usize; 2]> {
    let last = (0..pieces.len()).max_by_key(|at| pieces[*at].end)?;
    Some([0, last])
}

/// The true edges of `[start, end)` over `pieces`, which are in order of their starts and touch
/// it. `None`: there is nothing of it.
pub fn edges(start: Timestamp, end: Timestamp, pieces: &[Piece]) -> Option<Edges> {
    let [first, last] = edge_pieces(pieces)?.map(|at| &pieces[at]);
    let key_before = first.keys.iter().rev().find(|key| **key <= start);
    let true_start =
        if start < first.start { first.start } else { *key_before.unwrap_or(&first.start) };
    let key_after = last.keys.iter().find(|key| **key >= end);
    let true_end = if end > last.end { last.end } else { *key_after.unwrap_or(&last.end) };
    let mut covered = first.end;
    let mut hole = |piece: &Piece| {
        let hole = piece.start.micros_since(covered) > SEAM_MICROS;
        covered = covered.max(piece.end);
        hole
    };
    let truncated = true_start.micros_since(start) > SEAM_MICROS
        || end.micros_since(true_end) > SEAM_MICROS
        || pieces.iter().any(&mut hole);
    Some(Edges { start: true_start, end: true_end, truncated })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn piece(start: i64, end: i64, gop: usize) -> Piece {
        let keys = (start..end).step_by(gop).map(at).collect();
        Piece { start: at(start), end: at(end), keys }
    }

    #[test]
    fn edges_are_at_key_frames_where_there_is_video() {
        for (name, asked, pieces, expected) in [
            ("inside", (13, 25), vec![piece(0, 60, 10)], Some((10, 30, false))),
            ("on key frames", (20, 30), vec![piece(0, 60, 10)], Some((20, 30, false))),
            ("last group", (13, 55), vec![piece(0, 60, 10)], Some((10, 60, false))),
            ("exact end", (13, 60), vec![piece(0, 60, 10)], Some((10, 60, false))),
            (
                "two files",
                (55, 65),
                vec![piece(0, 60, 10), piece(60, 90, 4)],
                Some((50, 68, false)),
            ),
            ("starts late", (13, 25), vec![piece(17, 60, 10)], Some((17, 27, true))),
            ("ends early", (13, 95), vec![piece(0, 60, 10)], Some((10, 60, true))),
            ("hole", (13, 95), vec![piece(0, 60, 10), piece(61, 99, 10)], Some((10, 99, true))),
            (
                "no key at the start",
                (1, 5),
                vec![Piece { start: at(0), end: at(9), keys: vec![at(7)] }],
                Some((0, 7, false)),
            ),
            (
                "an hour back",
                (1, 50),
                vec![piece(0, 60, 10), piece(5, 8, 1), piece(20, 22, 1)],
                Some((0, 50, false)),
            ),
            (
                "two clocks and a hole",
                (1, 50),
                vec![piece(0, 20, 10), piece(5, 8, 1), piece(30, 60, 10)],
                Some((0, 50, true)),
            ),
            ("nothing", (1, 5), vec![], None),
        ] {
            let found = edges(at(asked.0), at(asked.1), &pieces);
            let expected = expected.map(|(start, end, truncated)| Edges {
                start: at(start),
                end: at(end),
                truncated,
            });
            assert_eq!(found, expected, "{name}");
        }
    }
}
