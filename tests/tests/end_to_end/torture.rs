//! Loss under fault, in numbers: the host is killed at random moments.
//!
//! The short form runs with the other tests; the long one is `cargo xtask torture`, which says
//! how long by `TORTURE_KILLS` and `TORTURE_SEED`, and reads the lines that begin with `torture |`.

use wardline_tests::campaign::{self, LOSS_SECONDS_MAX, Outcome, Plan};
use wardline_tests::need::{Need, missing, say};

const NEEDS: [Need; 2] = [Need::Wardline, Need::Ffmpeg];

#[test]
fn a_few_kills() {
    if missing("a_few_kills", &NEEDS) {
        return;
    }
    let outcome = campaign::run(Plan { kills: 5, seed: 7, alive: (0.5, 4.0) });
    assert!(outcome.recorded_kills >= 5, "{outcome:?}");
    assert!(outcome.units > 30, "{outcome:?}");
    tell("5 kills", &outcome);
}

#[test]
#[ignore = "long: cargo xtask torture"]
fn many_kills() {
    assert!(!missing("many_kills", &NEEDS), "the long form must not be skipped");
    let number = |name: &str, otherwise: u64| {
        std::env::var(name).map_or(otherwise, |text| text.parse().expect(name))
    };
    let (kills, seed) = (number("TORTURE_KILLS", 200) as usize, number("TORTURE_SEED", 1));
    let outcome = campaign::run(Plan { kills, seed, alive: (0.5, 6.0) });
    tell(&format!("{kills} kills, seed {seed}"), &outcome);
}

fn tell(what: &str, outcome: &Outcome) {
    let Outcome { recorded_kills, files, units, .. } = outcome;
    say(&format!(
        "torture | SIGKILL: {what} | {recorded_kills} of a camera being recorded, {files} files \
         with {units} units, all playing, each with its row, no unit twice or out of order | \
         lost before a kill: worst {:.2} s ({} units of 0.1 s), mean {:.2} s; bound \
         {LOSS_SECONDS_MAX} s",
        outcome.loss_worst, outcome.units_lost_worst, outcome.loss_mean
    ));
}
