//! The pause when a plugin is swapped for another version, from the end of the old one's last call
//! until the new one can be called.

use std::process::Command;

use super::{Bench, process};

/// Prints a line a plugin.
pub(crate) fn run(bench: &Bench<'_>) -> Result<(), String> {
    let program = process::example(bench.root, "time_swap")?;
    let text = process::run(&mut Command::new(&program))?;
    for line in String::from_utf8_lossy(&text).lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let micros = |at: usize| {
            let nanos: Option<f64> = words.get(at).and_then(|word| word.parse().ok());
            nanos.map(|nanos| nanos / 1000.0).ok_or_else(|| format!("it said `{line}`"))
        };
        process::say(&format!(
            "swap of {}: median {:.0} us, p99 {:.0} us (goal 1000), longest {:.0} us",
            words[0],
            micros(1)?,
            micros(2)?,
            micros(3)?
        ));
    }
    Ok(())
}
