//! A file opens with its sign, and is short; a function fits a screen.

use super::{none, texts};

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;

/// Files that may be longer, up to so many lines, each for a reason.
const LONGER: [(&str, usize, &str); 0] = [];

#[test]
fn every_file_opens_with_its_sign() {
    let without = |text: &str| {
        let first = text.lines().find(|line| !line.trim().is_empty());
        !first.is_some_and(|line| line.starts_with("//! "))
    };
    let places: Vec<String> = texts(&[".rs"])
        .into_iter()
        .filter(|file| without(&file.text))
        .map(|file| file.path)
        .collect();
    none("each file begins with `//!` and what it is for", &places);
}

#[test]
fn files_are_short() {
    let mut places = Vec::new();
    for file in texts(&[".rs", ".js", ".css"]) {
        if file.path.starts_with("host/page/vendor/") {
            continue;
        }
        let lines = file.text.lines().count();
        let exception = LONGER.iter().find(|(path, _, _)| *path == file.path);
        if lines > exception.map_or(FILE_LINES_MAX, |(_, most, _)| *most) {
            places.push(format!("{}: {lines} lines", file.path));
        }
    }
    none("a file has at most 400 lines: split it by noun, or move its tests beside it", &places);
}

#[test]
fn functions_fit_a_screen() {
    let mut places = Vec::new();
    for file in texts(&[".rs"]) {
        let lines: Vec<&str> = file.text.lines().collect();
        for (at, name, length) in functions(&lines) {
            if length > FUNCTION_LINES_MAX {
                places.push(format!("{}:{}: {name} has {length} lines", file.path, at + 1));
            }
        }
    }
    none("a function has at most 70 lines", &places);
}

/// First line, name and length of each function. Relies on the formatting that CI checks: a body
/// ends with a brace as far left as its function begins.
fn functions<'t>(lines: &[&'t str]) -> Vec<(usize, &'t str, usize)> {
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = function(line) else { continue };
        let indent = &line[..line.len() - line.trim_start().len()];
        let end = format!("{indent}}}");
        let header = lines[at..].iter().position(|line| line.ends_with(['{', '}', ';']));
        let opens = header.is_some_and(|header| lines[at + header].ends_with('{'));
        let closes = lines[at..].iter().position(|line| *line == end);
        if let Some(length) = closes.filter(|_| opens) {
            found.push((at, name, length + 1));
        }
    }
    found
}

/// The name of the function that a line begins.
fn function(line: &str) -> Option<&str> {
    let mut words = line.trim_start().split(' ');
    let before = ["pub", "pub(crate)", "pub(super)", "async", "const"];
    let word = words.find(|word| !before.contains(word))?;
    let name = words.next().filter(|_| word == "fn")?;
    Some(&name[..name.find(['(', '<']).unwrap_or(name.len())])
}

#[test]
fn functions_are_found() {
    let text = "fn a() {\n    b\n}\n\n    pub(super) async fn c<T>(\n        d: T,\n    ) -> T {\n        e\n    }\nfn f();\nfn g() {}\n// fn h() {\n";
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(functions(&lines), [(0, "a", 3), (4, "c", 5)]);
}
