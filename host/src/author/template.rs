//! Beginnings of plugins: whole projects in four languages, from the files in `host/templates`.
//!
//! Layers lie over each other: what all have, what a kind has, what a language has, and what only this
//! kind in this language has. The contract lies in each project, and in those in Rust the SDK too.
//! Pure: gives paths and texts.

use std::path::PathBuf;

use wardline_builder::Language;

use crate::base::{Error, Result};
use crate::wasm::World;
use crate::wasm::manifest::is_id;

/// Names and texts of everything a beginning is made of; `build.rs` collects them.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// A file of a new project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Seen from the project's folder.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

/// The files of a new plugin, in order of path.
///
/// # Errors
/// The name is none that a plugin may have.
pub fn project(name: &str, language: Language, kind: World) -> Result<Vec<File>> {
    if !is_id(name) {
        return Err(Error::refuse(format!(
            "`{name}` is no name for a plugin: use lower-case letters, digits and single hyphens, \
             at most 64, like night-watch"
        )));
    }
    let mut files = Vec::new();
    for layer in layers(language, kind) {
        for (path, text) in embedded(&layer) {
            let Some(path) = place(path, language) else { continue };
            let mut text = named(text, name);
            if path == "README.md" {
                text = explained(&text, language, kind);
            }
            files.push(File { path: path.into(), text });
        }
    }
    files.extend(contract(language));
    if language == Language::Rust {
        files.extend(sdk());
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

/// From the most general to the most particular.
fn layers(language: Language, kind: World) -> [String; 4] {
    let (folder, kind) = (words(language).folder, kind.as_str());
    [
        "templates/common/".to_owned(),
        format!("templates/kinds/{kind}/"),
        format!("templates/{folder}/common/"),
        format!("templates/{folder}/{kind}/"),
    ]
}

/// What is embedded below `folder`, with the paths seen from there.
fn embedded(folder: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    EMBEDDED.iter().filter_map(move |(name, text)| Some((name.strip_prefix(folder)?, *text)))
}

/// Where in a project a file of a template belongs. The world of a plugin in Rust is what its
/// `plugin!` line names.
fn place(path: &'static str, language: Language) -> Option<&'static str> {
    match path {
        "gitignore" => Some(".gitignore"),
        "plugin.wit" => (language != Language::Rust).then_some("wit/plugin.wit"),
        other => Some(other),
    }
}

/// The contract: where the tools of the language look for it.
fn contract(language: Language) -> impl Iterator<Item = File> {
    let folder = if language == Language::Rust { "wit" } else { "wit/deps/wardline-plugin" };
    embedded("wit/").filter(|(path, _)| path.ends_with(".wit")).map(move |(path, text)| File {
        path: format!("{folder}/{path}").into(),
        text: text.into(),
    })
}

/// The SDK as it is in this version: nothing of it is in a registry.
fn sdk() -> impl Iterator<Item = File> {
    const FOLDER: &str = "vendor/wardline-sdk";
    let file = |path: String, text: &str| File { path: path.into(), text: text.to_owned() };
    embedded("sdk/src/")
        .map(move |(path, text)| file(format!("{FOLDER}/src/{path}"), text))
        .chain(
            embedded("templates/rust/sdk/")
                .map(move |(path, text)| file(format!("{FOLDER}/{path}"), text)),
        )
        .chain(
            embedded("sdk/readme").map(move |(_, text)| file(format!("{FOLDER}/README.md"), text)),
        )
}

/// What differs between languages in what people read.
struct Words {
    folder: &'static str,
    extension: &'static str,
    /// What is to be done once, if anything.
    set_up: &'static str,
    test: &'static str,
}

fn words(language: Language) -> Words {
    match language {
        Language::Rust => Words { folder: "rust", extension: "rs", set_up: "", test: "cargo test" },
        Language::C => Words { folder: "c", extension: "c", set_up: "", test: "make test" },
        Language::JavaScript => {
            Words { folder: "js", extension: "js", set_up: "$ npm install\n", test: "npm test" }
        }
        Language::Python => Words {
            folder: "python",
            extension: "py",
            set_up: "$ python3 -m venv .venv\n$ .venv/bin/pip install -r requirements.txt\n",
            test: "python3 -m unittest discover test",
        },
    }
}

/// Puts the project's name in for `my-plugin`, in each way that a language writes it.
fn named(text: &str, name: &str) -> String {
    text.replace("my-plugin", name)
        .replace("my_plugin", &name.replace('-', "_"))
        .replace("MyPlugin", &camel(name))
}

/// Puts in what differs between languages.
fn explained(text: &str, language: Language, kind: World) -> String {
    let Words { extension, set_up, test, .. } = words(language);
    let logic = match kind {
        World::Analyzer => "light",
        World::Source => "door",
        World::Policy => "keeper",
    };
    let entry = if language == Language::Rust { "lib" } else { "plugin" };
    text.replace("{language}", &language.to_string())
        .replace("{logic}", &format!("src/{logic}.{extension}"))
        .replace("{entry}", &format!("src/{entry}.{extension}"))
        .replace("{setup}", set_up)
        .replace("{test}", test)
}

/// `night-watch` as the name of a type.
fn camel(name: &str) -> String {
    name.split('-')
        .map(|part| {
            let (first, rest) = part.split_at(1.min(part.len()));
            first.to_uppercase() + rest
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::config;
    use crate::wasm::manifest::Manifest;

    const LANGUAGES: [Language; 4] =
        [Language::Rust, Language::C, Language::JavaScript, Language::Python];
    const KINDS: [World; 3] = [World::Analyzer, World::Source, World::Policy];

    fn text<'f>(files: &'f [File], path: &str) -> &'f str {
        let found = files.iter().find(|file| file.path == Path::new(path));
        &found.unwrap_or_else(|| panic!("{path} is missing")).text
    }

    #[test]
    fn each_is_whole_and_has_its_name() {
        for (language, kind) in LANGUAGES.iter().flat_map(|l| KINDS.map(|k| (*l, k))) {
            let files = project("night-watch-2", language, kind).unwrap();
            let paths: BTreeSet<_> = files.iter().map(|file| &file.path).collect();
            assert_eq!(paths.len(), files.len(), "{language} {kind:?}: a path comes twice");
            for file in &files {
                let shown = file.path.display();
                for left in ["my-plugin", "my_plugin", "MyPlugin"] {
                    assert!(!file.text.contains(left), "{language} {kind:?}: {shown}: {left}");
                }
            }
            assert!(!text(&files, "README.md").contains('{'), "{language} {kind:?}");
            let manifest = Manifest::parse("new", text(&files, "plugin.toml").as_bytes()).unwrap();
            assert_eq!((manifest.id.as_str(), manifest.world), ("night-watch-2", kind));
            assert!(text(&files, ".gitignore").contains("/dist/"));
            let contract = match language {
                Language::Rust => "wit/types.wit",
                _ => "wit/deps/wardline-plugin/types.wit",
            };
            assert!(text(&files, contract).contains("package wardline:plugin@0.1.0"));
        }
    }

    #[test]
    fn each_has_a_configuration_that_is_right() {
        for kind in KINDS {
            let files = project("night-watch", Language::C, kind).unwrap();
            let text = text(&files, "wardline.toml");
            let config = config::parse(text, Path::new("wardline.toml"), &config::Anything);
            assert!(config.is_ok_and(|config| config.cameras.len() == 1), "{kind:?}");
        }
    }

    /// The vendored SDK depends on what the SDK itself does.
    #[test]
    fn the_sdk_has_the_dependencies_of_its_workspace() {
        let table = |text: &str| text.parse::<toml::Table>().unwrap();
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins");
        let read = |path: &str| table(&std::fs::read_to_string(workspace.join(path)).unwrap());
        let (all, wanted) = (read("Cargo.toml"), read("sdk/Cargo.toml"));
        let files = project("a", Language::Rust, World::Policy).unwrap();
        let vendored = table(text(&files, "vendor/wardline-sdk/Cargo.toml"));
        let names = wanted["dependencies"].as_table().unwrap();
        let vendored = vendored["dependencies"].as_table().unwrap();
        assert_eq!(names.keys().collect::<Vec<_>>(), vendored.keys().collect::<Vec<_>>());
        for name in names.keys() {
            assert_eq!(vendored[name], all["workspace"]["dependencies"][name], "{name}");
        }
    }

    #[test]
    fn names_that_cannot_be_are_refused() {
        for name in ["", "Night", "-a", "a--b", "../a", "a b", "1a", &"a".repeat(65)] {
            assert!(project(name, Language::C, World::Source).is_err(), "{name}");
        }
    }
}
