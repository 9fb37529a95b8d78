//! Finding programs and running them. A program that fails is an error with what it said.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// So much of the output of a program that failed is shown.
const OUTPUT_BYTES: usize = 16 << 10;

/// Reads a file; the error names it.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("read {}: {error}", path.display()))
}

/// What a program prints, if it can be run and succeeds.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let answer = command.stderr(Stdio::null()).output().ok()?;
    answer.status.success().then(|| String::from_utf8_lossy(&answer.stdout).trim().to_owned())
}

/// The first of `names` that PATH has.
pub(crate) fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|file| file.is_file())
}

/// `below` in `folder` or one of the folders around it: what is installed for a project, or for
/// several beside each other.
pub(crate) fn around(folder: &Path, below: &str) -> Option<PathBuf> {
    folder.ancestors().map(|folder| folder.join(below)).find(|file| file.is_file())
}

/// Runs a program to its end; what it says is shown only if it fails.
pub(crate) fn run(what: &str, command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let answer = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{what}: cannot start {program}: {error}"))?;
    if answer.status.success() {
        return Ok(());
    }
    let said = [answer.stdout, answer.stderr].concat();
    let tail = &said[said.len().saturating_sub(OUTPUT_BYTES)..];
    let said = String::from_utf8_lossy(tail);
    Err(format!("{what}: {program} ended with {}:\n{}", answer.status, said.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_failed_program_said_is_shown() {
        let failed = run("try", Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"]));
        let text = failed.unwrap_err();
        assert!(text.starts_with("try: sh ended with exit status: 3:\nout\nerr"), "{text}");
        assert!(
            run("try", &mut Command::new("no-such-program")).unwrap_err().contains("cannot start")
        );
        assert_eq!(run("try", &mut Command::new("true")), Ok(()));
    }

    #[test]
    fn programs_are_found_around_and_on_the_path() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tool"), "").unwrap();
        let deep = folder.path().join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        assert_eq!(around(&deep, "tool"), Some(folder.path().join("tool")));
        assert_eq!(around(&deep, "no-such-tool"), None);
        assert!(on_path(&["no-such-program", "sh"]).is_some_and(|path| path.ends_with("sh")));
    }
}
