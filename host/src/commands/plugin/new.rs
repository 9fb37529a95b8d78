//! `wardline plugin new`: writes the beginning of a plugin.

use std::path::Path;

use wardline_builder::Language;

use super::output;
use crate::author::template::{self, File};
use crate::base::{Error, Result};
use crate::cli::{Kind, Lang, New};
use crate::wasm::World;

pub(super) fn new(arguments: &New) -> Result<()> {
    let language = match arguments.lang {
        Lang::Rust => Language::Rust,
        Lang::C => Language::C,
        Lang::Js => Language::JavaScript,
        Lang::Python => Language::Python,
    };
    let kind = match arguments.kind {
        Kind::Analyzer => World::Analyzer,
        Kind::Source => World::Source,
        Kind::Policy => World::Policy,
    };
    let files = template::project(&arguments.name, language, kind)?;
    let folder = arguments.dir.as_deref().unwrap_or(Path::new(&arguments.name));
    write(folder, &files)?;
    output::line(format!(
        "{}: a new {} in {language}, which says in README.md how to go on",
        folder.display(),
        kind.as_str()
    ))
}

/// Writes all files, or refuses before the first: nobody's work is written over.
fn write(folder: &Path, files: &[File]) -> Result<()> {
    let fail = |what: &Path, error| {
        Error::refuse(format!("write the new plugin: {}", what.display())).with(error)
    };
    match std::fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Ok(true) => {}
        Ok(false) => {
            return Err(Error::refuse(format!(
                "{} is there already, and not empty: give another name, or --dir",
                folder.display()
            )));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(fail(folder, error)),
    }
    for File { path, text } in files {
        let path = folder.join(path);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(|error| fail(parent, error))?;
        std::fs::write(&path, text).map_err(|error| fail(&path, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let files = template::project("a", Language::C, World::Policy).unwrap();
        let new = folder.path().join("x/a");
        write(&new, &files).unwrap();
        assert!(files.iter().all(|file| new.join(&file.path).is_file()));
        let said = write(&new, &files).unwrap_err().to_string();
        assert!(said.contains("not empty"), "{said}");
    }
}
