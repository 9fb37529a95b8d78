//! What commands print: lines, tables and JSON, on standard output.

use std::io::{self, Write};
use std::time::Duration;

use indicatif::ProgressBar;
use serde::Serialize;

use crate::base::{Error, Result};

/// Prints a line. That nobody reads any more (`| head`) is no error.
///
/// # Errors
/// The disk that it goes to is full, for example.
pub(super) fn line(text: impl std::fmt::Display) -> Result<()> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::stop("write to standard output").with(error))
        }
        _ => Ok(()),
    }
}

/// Tells the person who waits, on standard error. That nobody reads it is no error.
///
/// # Errors
/// The disk that it goes to is full, for example.
pub(super) fn note(text: impl std::fmt::Display) -> Result<()> {
    match writeln!(io::stderr(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::stop("write to standard error").with(error))
        }
        _ => Ok(()),
    }
}

/// Prints a value as one JSON document.
pub(super) fn json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Error::bug("make the JSON output").with(error))?;
    line(text)
}

/// Shows on a terminal, and only there, that something goes on.
pub(super) fn spinner(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(what);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// Rows under a header, columns aligned; the last column is not padded.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    // What stands there may come from outside, and a terminal does as it is told.
    let visible = |cell: &String| match cell.contains(char::is_control) {
        true => cell.chars().flat_map(shown).collect(),
        false => cell.clone(),
    };
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(visible).collect()).collect();
    let header: Vec<String> = header.iter().map(|word| (*word).to_owned()).collect();
    let all = || std::iter::once(&header).chain(&rows);
    let width = |column: usize| {
        all().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let mut text = String::new();
    for row in all() {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text
}

fn shown(c: char) -> Vec<char> {
    if c.is_control() { c.escape_default().collect() } else { vec![c] }
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn what_came_from_outside_forges_no_row() {
        let rows = [vec!["\u{1b}[31mred\n2026".into(), "é".into()]];
        assert_eq!(table(&["label", "b"], &rows).lines().count(), 2);
        assert!(table(&["label", "b"], &rows).ends_with("\\u{1b}[31mred\\n2026  é"));
    }

    #[test]
    fn columns_are_aligned() {
        let rows = [vec!["gate".into(), "1 s".into()], vec!["a".into(), "é".into()]];
        assert_eq!(table(&["camera", "time"], &rows), "camera  time\ngate    1 s\na       é");
    }
}
