//! The motion analyzer as a component beside the same Rust code compiled natively, on the same
//! pictures. What the component pays for the call and for copying the picture is in its figure.

use std::process::Command;

use super::{Bench, process};

/// Runs of each program, in turn.
const RUNS: usize = 5;

/// Prints the line.
pub(crate) fn run(bench: &Bench<'_>) -> Result<(), String> {
    let component = process::example(bench.root, "time_analyzer")?;
    process::build(bench.root, &["--manifest-path", "plugins/Cargo.toml", "--example", "time"])?;
    let native = bench.root.join("plugins/target/release/examples/time");
    let (mut components, mut natives, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (ours, theirs) = (time(&component)?, time(&native)?);
        components.push(ours);
        natives.push(theirs);
        ratios.push(ours / theirs);
    }
    process::say(&format!(
        "motion, 320x180: component {:.1} us, native {:.1} us a picture, ratio {:.2} (goal 1.2)",
        median(components) / 1000.0,
        median(natives) / 1000.0,
        median(ratios)
    ));
    Ok(())
}

/// Nanoseconds a picture.
fn time(program: &std::path::Path) -> Result<f64, String> {
    let text = process::run(&mut Command::new(program))?;
    let text = String::from_utf8_lossy(&text);
    text.trim().parse().map_err(|_| format!("{} said `{}`", program.display(), text.trim()))
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
