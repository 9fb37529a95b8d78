//! Inputs that brought a component down: it is not given them again for a while.
//!
//! So that somebody who sends the same until it is taken has no plugin quarantined. Pure: times in.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// So long an input is refused: one that comes again and again costs four instances in ten minutes,
/// and five would be a quarantine.
pub(super) const MEMORY: Duration = Duration::from_secs(180);

/// Inputs remembered; the oldest give way.
const INPUTS_MAX: usize = 32;

/// The inputs that are remembered.
#[derive(Debug, Default)]
pub(super) struct Guilty(VecDeque<Input>);

#[derive(Debug)]
struct Input {
    at: Instant,
    /// Of the component.
    digest: String,
    print: u32,
}

impl Guilty {
    /// The input with this fingerprint brought this component down.
    pub(super) fn note(&mut self, digest: &str, print: u32, now: Instant) {
        if self.0.len() >= INPUTS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(Input { at: now, digest: digest.into(), print });
    }

    /// Whether it did so lately.
    pub(super) fn knows(&self, digest: &str, print: u32, now: Instant) -> bool {
        let is_it = |it: &Input| it.digest == digest && it.print == print && now - it.at < MEMORY;
        self.0.iter().any(is_it)
    }

    /// A person says: try again.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_guilty_for_a_while_to_one_component() {
        let start = Instant::now();
        let mut guilty = Guilty::default();
        guilty.note("a", 1, start);
        assert!(guilty.knows("a", 1, start + MEMORY / 2));
        assert!(!guilty.knows("b", 1, start) && !guilty.knows("a", 2, start));
        assert!(!guilty.knows("a", 1, start + MEMORY));
        guilty.note("a", 1, start + MEMORY);
        assert!(guilty.knows("a", 1, start + MEMORY));
        guilty.forget();
        assert!(!guilty.knows("a", 1, start + MEMORY));
    }

    #[test]
    fn few_are_remembered() {
        let now = Instant::now();
        let mut guilty = Guilty::default();
        for print in 0..=INPUTS_MAX as u32 {
            guilty.note("a", print, now);
        }
        assert!(!guilty.knows("a", 0, now) && guilty.knows("a", INPUTS_MAX as u32, now));
    }
}
