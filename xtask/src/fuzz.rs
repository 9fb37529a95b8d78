//! `cargo xtask fuzz [TARGET ...] [--seconds N]`: feeds what reads bytes from outside, for a while each.
//!
//! Runs cargo-fuzz without a sanitizer, so that the compiler of everyday use will do: the code forbids
//! `unsafe`, and what is looked for are panics, broken promises, hanging and memory.

use std::path::Path;

use crate::plugins;
use crate::step::{Step, is_installed};

/// A target is fed for so long where nobody says otherwise, in seconds.
const SECONDS: u32 = 60;
/// One input may take so long, in seconds, and so much memory, in MiB.
const TIMEOUT: u32 = 10;
const MEMORY: u32 = 1024;
/// Longer inputs say nothing new, in bytes.
const LENGTH: u32 = 64 << 10;

/// What is to be fed, and for how long.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    targets: Vec<String>,
    seconds: u32,
}

impl Wish {
    fn read(arguments: &[String], known: &[String]) -> Result<Self, String> {
        let (mut targets, mut seconds) = (Vec::new(), SECONDS);
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            if argument == "--seconds" {
                let value = arguments.next().ok_or("--seconds needs a number")?;
                seconds = value
                    .parse()
                    .map_err(|_| format!("--seconds needs a number, not `{value}`"))?;
            } else if known.contains(argument) {
                targets.push(argument.clone());
            } else {
                return Err(format!("there is no target `{argument}`: {}", known.join(", ")));
            }
        }
        let targets = if targets.is_empty() { known.to_vec() } else { targets };
        Ok(Self { targets, seconds })
    }
}

/// The targets that there are: the programs in `fuzz/fuzz_targets`.
fn targets(root: &Path) -> Result<Vec<String>, String> {
    let folder = root.join("fuzz/fuzz_targets");
    let failed = |error| format!("list {}: {error}", folder.display());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Feeds each target; the first that breaks ends it, and its input stays in `fuzz/artifacts`.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<(), String> {
    let wish = Wish::read(arguments, &targets(root)?)?;
    if !is_installed("cargo-fuzz") {
        return Err("cargo-fuzz is not there: type `cargo install cargo-fuzz`".into());
    }
    plugins::build(root)?;
    for target in &wish.targets {
        Step::cargo(&format!("fuzz {target} for {} s", wish.seconds))
            .args(["fuzz", "run", "--sanitizer", "none", target, "--"])
            .arg(format!("-max_total_time={}", wish.seconds))
            .arg(format!("-timeout={TIMEOUT}"))
            .arg(format!("-rss_limit_mb={MEMORY}"))
            .arg(format!("-max_len={LENGTH}"))
            .arg("-print_final_stats=1")
            .run(root)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_known_and_seconds_are_a_number() {
        let known = ["mp4".to_owned(), "rtsp".to_owned()];
        let read = |text: &str| {
            let arguments: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
            Wish::read(&arguments, &known)
        };
        assert_eq!(read("").unwrap(), Wish { targets: known.to_vec(), seconds: 60 });
        let wish = read("rtsp --seconds 5").unwrap();
        assert_eq!((wish.targets, wish.seconds), (vec!["rtsp".to_owned()], 5));
        for (text, word) in [("--seconds", "needs"), ("--seconds x", "`x`"), ("mp5", "mp4, rtsp")] {
            let error = read(text).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }
}
