//! A folder that holds a plugin's sources: what is in it, by where its files lie. Pure but for
//! reading it.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::tools;

/// What a plugin is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `Cargo.toml`
    Rust,
    /// `src/plugin.c`
    C,
    /// `src/plugin.js`
    JavaScript,
    /// `src/plugin.py`
    Python,
}

impl Language {
    /// All of them, with the file that tells them apart.
    const SIGNS: [(Self, &str); 4] = [
        (Self::Rust, "Cargo.toml"),
        (Self::C, "src/plugin.c"),
        (Self::JavaScript, "src/plugin.js"),
        (Self::Python, "src/plugin.py"),
    ];
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "Rust",
            Self::C => "C",
            Self::JavaScript => "JavaScript",
            Self::Python => "Python",
        })
    }
}

/// A plugin's sources.
#[derive(Clone, Debug)]
pub struct Project {
    folder: PathBuf,
    language: Language,
    id: String,
    manifest: Vec<u8>,
}

impl Project {
    /// Looks at a folder.
    ///
    /// # Errors
    /// It cannot be read, has no `plugin.toml` with an `id`, or nothing that tells its language.
    pub fn open(folder: &Path) -> Result<Self, String> {
        let folder = folder
            .canonicalize()
            .map_err(|error| format!("open plugin folder {}: {error}", folder.display()))?;
        let path = folder.join("plugin.toml");
        let manifest = std::fs::read(&path).map_err(|error| {
            format!(
                "read {}: {error}: name a plugin's folder, or begin one with `wardline plugin new`",
                path.display()
            )
        })?;
        let id = id(&manifest).ok_or_else(|| {
            format!("{} has no `id`: give it one, like id = \"my-plugin\"", path.display())
        })?;
        let found = Language::SIGNS.into_iter().find(|(_, sign)| folder.join(sign).is_file());
        let Some((language, _)) = found else {
            let signs = Language::SIGNS.map(|(language, sign)| format!("{sign} ({language})"));
            return Err(format!(
                "{} has none of {}: a plugin is built from one of them",
                folder.display(),
                signs.join(", ")
            ));
        };
        Ok(Self { folder, language, id, manifest })
    }

    /// Where it is, absolute.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it is written in.
    #[must_use]
    pub fn language(&self) -> Language {
        self.language
    }

    /// The plugin's id, as its manifest says.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The text of `plugin.toml`.
    #[must_use]
    pub fn manifest(&self) -> &[u8] {
        &self.manifest
    }

    /// Where its component belongs: `dist/<id>.wasm`.
    #[must_use]
    pub fn output(&self) -> PathBuf {
        self.folder.join("dist").join(&self.id).with_extension("wasm")
    }

    /// What changes when somebody works on it: sources, contract and manifest, not what was built
    /// or installed.
    #[must_use]
    pub fn watched(&self) -> Vec<PathBuf> {
        [
            "plugin.toml",
            "Cargo.toml",
            "package.json",
            "requirements.txt",
            "src",
            "wit",
            "wardline",
            "vendor",
        ]
        .into_iter()
        .map(|name| self.folder.join(name))
        .filter(|path| path.exists())
        .collect()
    }

    /// Room for what is made on the way.
    pub(crate) fn scratch(&self) -> Result<PathBuf, String> {
        let folder = self.folder.join("build");
        std::fs::create_dir_all(&folder)
            .map_err(|error| format!("make the folder {}: {error}", folder.display()))?;
        Ok(folder)
    }

    /// The name of a Rust plugin's library, as `Cargo.toml` says.
    pub(crate) fn crate_name(&self) -> Result<String, String> {
        let path = self.folder.join("Cargo.toml");
        let text = String::from_utf8(tools::read(&path)?).unwrap_or_default();
        let table: toml::Table =
            text.parse().map_err(|error| format!("read {}: {error}", path.display()))?;
        let name = |key: &str| table.get(key)?.get("name")?.as_str().map(str::to_owned);
        name("lib")
            .or_else(|| name("package"))
            .ok_or_else(|| format!("{} names no package", path.display()))
    }
}

fn id(manifest: &[u8]) -> Option<String> {
    let table: toml::Table = std::str::from_utf8(manifest).ok()?.parse().ok()?;
    let id = table.get("id")?.as_str()?;
    // It becomes the name of a file; the host checks the rest.
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (!id.is_empty() && id.chars().all(plain)).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn the_language_is_told_by_the_files() {
        for (language, sign) in Language::SIGNS {
            let folder = folder(&[("plugin.toml", "id = \"night-watch\""), (sign, "")]);
            let project = Project::open(folder.path()).unwrap();
            assert_eq!((project.language(), project.id()), (language, "night-watch"));
            assert!(project.output().ends_with("dist/night-watch.wasm"));
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        for (files, said) in [
            (&[][..], "wardline plugin new"),
            (&[("plugin.toml", "id = \"a\"")], "src/plugin.py (Python)"),
            (&[("plugin.toml", "id = \"../a\"")], "has no `id`"),
            (&[("plugin.toml", "?")], "has no `id`"),
        ] {
            let error = Project::open(folder(files).path()).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_library_may_have_a_name_of_its_own() {
        let manifest = ("plugin.toml", "id = \"a\"");
        for (cargo, name) in [
            ("package.name = \"my-a\"", Some("my-a")),
            ("package.name = \"my-a\"\nlib.name = \"b\"", Some("b")),
            ("", None),
        ] {
            let folder = folder(&[manifest, ("Cargo.toml", cargo)]);
            let found = Project::open(folder.path()).unwrap().crate_name().ok();
            assert_eq!(found.as_deref(), name);
        }
    }
}
