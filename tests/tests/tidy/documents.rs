//! Documents: paths that they name exist, commands that they show are accepted, the words are
//! those of the glossary, nothing tells of the machine that it was written on.

use clap::Parser;
use wardline::cli::Cli;
use wardline::config;

use super::{none, root, texts};

/// Folders of the root, so that a word in backticks is seen to be a path.
const FOLDERS: [&str; 7] = ["host/", "plugins/", "wit/", "tests/", "examples/", "xtask/", "docs/"];

/// Paths that exist only once something is built.
const BUILT: [&str; 2] = ["plugins/dist", "plugins/target"];

#[test]
fn paths_in_documents_exist() {
    let mut places = Vec::new();
    for file in texts(&[".md"]) {
        let folder = root().join(&file.path).parent().expect("a file has a folder").to_owned();
        for word in backticked(&file.text).filter(|word| is_path(word)) {
            let built = BUILT.iter().any(|built| word.starts_with(built));
            let bases = [root().to_owned(), root().join("host/src"), folder.clone()];
            if !built && !bases.iter().any(|base| base.join(word).exists()) {
                places.push(format!("{}: `{word}`", file.path));
            }
        }
        for target in links(&file.text) {
            if !folder.join(target).exists() {
                places.push(format!("{}: link to {target}", file.path));
            }
        }
    }
    none("paths in documents exist", &places);
}

/// What stands in backticks, outside blocks of code.
fn backticked(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|prose| prose.split('`').skip(1).step_by(2))
}

fn is_path(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    word.chars().all(plain)
        && (FOLDERS.iter().any(|folder| word.starts_with(folder))
            || word.contains('/') && word.ends_with(".rs"))
}

/// Targets of links that are not elsewhere on the web, without their anchors.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets
        .map(|target| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains("://"))
}

#[test]
fn commands_in_documents_are_accepted() {
    let mut places = Vec::new();
    let mut seen = 0;
    for file in texts(&[".md"]) {
        for line in file.text.split("```").skip(1).step_by(2).flat_map(str::lines) {
            let Some(command) = line.strip_prefix("$ wardline ") else { continue };
            seen += 1;
            let command = command.split([';', '|', '&', '#']).next().unwrap_or_default();
            let words = command.split_whitespace().map(|word| word.trim_matches(['"', '\'']));
            if let Err(error) = Cli::try_parse_from(std::iter::once("wardline").chain(words)) {
                places.push(format!("{}: {line}: {error}", file.path));
            }
        }
    }
    none("commands in documents are accepted", &places);
    assert!(seen > 0, "no document shows a command");
}

#[test]
fn configurations_of_examples_are_right() {
    let mut places = Vec::new();
    let examples = texts(&["wardline.toml"]);
    for example in &examples {
        let path = root().join(&example.path);
        if let Err(mistakes) = config::parse(&example.text, &path, &Example) {
            places.push(mistakes.to_string());
        }
        if !path.with_file_name("README.md").is_file() {
            places.push(format!("{}: has no README.md beside it", example.path));
        }
    }
    none("configurations of examples are right", &places);
}

/// Where an example would run: with every variable set, and every file there.
struct Example;

impl config::Surroundings for Example {
    fn variable(&self, _: &str) -> Option<String> {
        Some("0123456789abcdef".into())
    }

    fn secret_file(&self, _: &std::path::Path) -> std::io::Result<String> {
        Ok("0123456789abcdef".into())
    }

    fn is_file(&self, _: &std::path::Path) -> bool {
        true
    }
}

#[test]
fn the_glossary_is_in_order_and_in_use() {
    let glossary = std::fs::read_to_string(root().join("host/GLOSSARY.md")).expect("the glossary");
    let rows = glossary.lines().filter_map(|line| line.strip_prefix("| "));
    let terms: Vec<String> = rows
        .filter_map(|row| Some(row.split(" |").next()?.to_lowercase()))
        .filter(|term| term != "term")
        .collect();
    let mut places: Vec<String> = terms
        .windows(2)
        .filter(|pair| pair[0] >= pair[1])
        .map(|pair| format!("{} stands after {}", pair[1], pair[0]))
        .collect();
    let mut all = String::new();
    for file in
        texts(&[".rs", ".md", ".wit"]).iter().filter(|file| !file.path.ends_with("GLOSSARY.md"))
    {
        all.push_str(&file.text.to_lowercase());
    }
    let unused = terms.iter().filter(|term| !all.contains(term.as_str()));
    places.extend(unused.map(|term| format!("{term} is used nowhere")));
    none("the glossary is in order, and its terms are used", &places);
    assert!(terms.len() > 20, "the glossary has been read");
}

#[test]
fn nothing_tells_of_a_machine() {
    // Put together, so that this file does not hold them.
    let telling = ["home", "root", "work", "Users"].map(|folder| format!("/{folder}/"));
    let mut places = Vec::new();
    for file in texts(&[".rs", ".md", ".toml", ".wit", ".wat", ".py", ".sh", "run"]) {
        for (at, line) in file.text.lines().enumerate() {
            let found = telling.iter().find(|path| {
                line.match_indices(path.as_str()).any(|(at, _)| {
                    let before = line[..at].chars().next_back();
                    before.is_none_or(|c| !c.is_alphanumeric() && !"._-}".contains(c))
                })
            });
            places.extend(found.map(|path| format!("{}:{}: {path}", file.path, at + 1)));
        }
    }
    none("no path of a particular machine stands in the project", &places);
}
