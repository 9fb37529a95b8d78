//! Recorded slices beside those of their source: none missing, none doubled, none alien.

use std::path::PathBuf;

use crate::media::{self, Slice};

/// Slices of the source that were recorded without an interruption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The index of the first one in the source.
    pub first: usize,
    /// How many follow.
    pub count: usize,
    /// The file that it begins in.
    pub file: usize,
}

/// Follows the slices of `files` through their source, which the camera may have begun again
/// any number of times. A run begins at a key frame, and only where a file does; panics where
/// anything else is recorded.
pub fn follow(files: &[PathBuf], source: &[Slice]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let slices = media::slices(file);
        assert!(!slices.is_empty(), "{} has no slice", file.display());
        for (index, slice) in slices.iter().enumerate() {
            let next = runs.last().map(|run| run.first + run.count);
            let place = format!("{}, slice {index}", file.display());
            if next.and_then(|next| source.get(next)) == Some(slice) {
                runs.last_mut().expect("there is one").count += 1;
                continue;
            }
            assert_eq!(index, 0, "{place}: not what follows {next:?} in the source");
            let found = source.iter().position(|other| other == slice);
            let first = found.unwrap_or_else(|| panic!("{place}: not of the source"));
            assert!(slice.key, "{place}: begins without a key frame");
            runs.push(Run { first, count: 1, file: number });
        }
    }
    runs
}

/// The files and the run of a camera's first session, whose source has ended: the host may have
/// begun another before it was ended itself.
pub fn first_session(mut files: Vec<PathBuf>, source: &[Slice]) -> (Vec<PathBuf>, Run) {
    let runs = follow(&files, source);
    assert!(runs.len() <= 2 && runs.iter().skip(1).all(|run| run.first == 0), "{runs:?}");
    if let Some(second) = runs.get(1) {
        files.truncate(second.file);
    }
    (files, runs[0])
}

/// Checks the times of recorded packets against their source's: within a file, presentation
/// times differ by at most one tick of 90 kHz, and decode times strictly increase. `first` is
/// the index of the first recorded packet in the source; files follow one another without a gap.
pub fn assert_times(files: &[PathBuf], source: &[media::Times], first: usize) {
    let mut at = first;
    for file in files {
        let times = media::times(file, "v:0", 90_000);
        let (start, origin) = (times[0].pts, source[at].pts);
        for (index, time) in times.iter().enumerate() {
            let difference = (time.pts - start) - (source[at + index].pts - origin);
            assert!(difference.abs() <= 1, "{}, packet {index}: {difference}", file.display());
        }
        let increase = times.windows(2).all(|pair| pair[0].dts < pair[1].dts);
        assert!(increase, "{}: decode times do not increase", file.display());
        at += times.len();
    }
}
