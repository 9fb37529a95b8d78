//! `cargo xtask torture`: loss under fault, in numbers: the long forms of what `cargo xtask test`
//! does in short. Prints a table of what was done and the worst figures; fails when a promise is
//! broken.
//!
//! Takes how long to go on; the tests themselves read it from their environment. Knows the
//! beginning of the lines that tests say for the table, and nothing of their content.

use std::path::Path;

use crate::step::{Step, say};
use crate::{build_host, plugins, setup};

/// Begins what a test says for the table.
const ROW: &str = "torture |";

/// How long to go on.
#[derive(Debug, PartialEq, Eq)]
struct Length {
    kills: String,
    seed: String,
    cuts: String,
    points: String,
    cameras: String,
    seconds: String,
    years: String,
}

impl Length {
    fn read(arguments: &[String]) -> Result<Self, String> {
        let mut length = Self {
            kills: "200".into(),
            seed: "1".into(),
            cuts: "16".into(),
            points: "400".into(),
            cameras: "64".into(),
            seconds: "600".into(),
            years: "16".into(),
        };
        for pair in arguments.chunks(2) {
            let [name, value] = pair else { return Err(format!("{} needs a number", pair[0])) };
            let field = match name.as_str() {
                "--kills" => &mut length.kills,
                "--seed" => &mut length.seed,
                "--cuts" => &mut length.cuts,
                "--points" => &mut length.points,
                "--cameras" => &mut length.cameras,
                "--seconds" => &mut length.seconds,
                "--years" => &mut length.years,
                other => return Err(format!("torture knows no `{other}`: {}", Self::KNOWN)),
            };
            let number: u64 =
                value.parse().map_err(|_| format!("{name} needs a number, not `{value}`"))?;
            *field = number.to_string();
        }
        Ok(length)
    }

    const KNOWN: &str = "--kills, --seed, --cuts (states of the medium tried after each change), \
                         --points (of the index's steps that fail), --cameras and --seconds (of \
                         the run to a counting disk), --years (that an index holds)";
}

/// Runs everything, and says at the end what was broken.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<(), String> {
    let length = Length::read(arguments)?;
    setup::run(&[setup::TESTS])?;
    plugins::build(root)?;
    let program = build_host(root)?;
    let layers = Step::cargo("file layers, index and medium that fail; many cameras")
        .args(["test", "--workspace", "--lib", "--", "store::tests", "--show-output"])
        .env("TORTURE_CUTS", &length.cuts)
        .env("TORTURE_POINTS", &length.points)
        .env("TORTURE_CAMERAS", &length.cameras)
        .env("TORTURE_SECONDS", &length.seconds)
        .env("TORTURE_YEARS", &length.years)
        // Years of an index are made by the test itself.
        .env("CARGO_PROFILE_TEST_OPT_LEVEL", "1")
        // What is measured of the process must be of one test.
        .env("RUST_TEST_THREADS", "1");
    let whole = Step::cargo("the host killed at random moments, and on a disk that is full")
        .args(["test", "--workspace", "--test", "end_to_end", "--"])
        .args(["torture::", "full_disk::", "--include-ignored", "--show-output"])
        .env("TORTURE_KILLS", &length.kills)
        .env("TORTURE_SEED", &length.seed)
        .env("WARDLINE_BIN", &program);
    let mut rows = Vec::new();
    let mut broken = Vec::new();
    for step in [layers, whole] {
        let said = step.run_with(root, |line| {
            rows.extend(line.strip_prefix(ROW).map(|row| format!("|{row} |")));
        });
        broken.extend(said.err());
    }
    say("\n| fault | done | worst |\n|---|---|---|");
    rows.iter().for_each(|row| say(row));
    match broken.is_empty() {
        true => Ok(()),
        false => Err(format!("a promise is broken: {}", broken.join("; "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_numbers_with_a_name() {
        let read = |text: &str| {
            Length::read(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        };
        let length = read("--kills 20 --seed 3").unwrap();
        assert_eq!((length.kills.as_str(), length.seed.as_str()), ("20", "3"));
        assert_eq!(length.cameras, "64");
        for (text, word) in [("--kills", "needs"), ("--kills many", "many"), ("--days 3", "days")] {
            let error = read(text).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }
}
