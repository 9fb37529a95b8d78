//! What calls of plugins cost, and what instances take.

use std::process::Command;

use super::{Bench, process};

/// Prints a table.
pub(crate) fn run(bench: &Bench<'_>) -> Result<(), String> {
    let program = process::example(bench.root, "time_calls")?;
    let text = process::run(Command::new(&program).current_dir(bench.root))?;
    process::say("| plugin | given | call p50, us | p99 | copying | init, us | memory, KiB |");
    process::say("|---|---|---|---|---|---|---|");
    for line in String::from_utf8_lossy(&text).lines() {
        process::say(&told(line).ok_or_else(|| format!("it said `{line}`"))?);
    }
    Ok(())
}

/// A line of the program's, for people.
fn told(line: &str) -> Option<String> {
    let mut words = line.splitn(8, ' ');
    let kind = words.next()?;
    let number = |word: Option<&str>| word?.parse::<f64>().ok();
    match kind {
        "call" => {
            let name = words.next()?;
            let mut micros = || Some(number(words.next())? / 1e3);
            let (p50, p99, init) = (micros()?, micros()?, micros()?);
            let memory = number(words.next())? / 1024.0;
            let copying = words.next()?;
            let what = words.next()?;
            let copying = copying
                .parse()
                .map_or(copying.to_owned(), |part: f64| format!("{:.1} %", part * 100.0));
            Some(format!(
                "| {name} | {what} | {p50:.2} | {p99:.2} | {copying} | {init:.0} | {memory:.0} |"
            ))
        }
        "instance" => {
            let (name, bytes) = (words.next()?, number(words.next())?);
            Some(format!("an instance of {name} among 100: {:.0} KiB resident", bytes / 1024.0))
        }
        "process" => {
            let bytes = number(words.next())?;
            Some(format!("300 instances of three plugins: {:.1} MiB resident", bytes / 1048576.0))
        }
        _ => None,
    }
}
