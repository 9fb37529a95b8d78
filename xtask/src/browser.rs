//! The page's tests: its types, its values, and the page itself in a real browser against the built
//! host.
//!
//! They run in a copy below the target folder, where npm puts what they need: building Wardline needs
//! neither npm nor a browser. What is missing is said, and these tests are skipped.

use std::fs;
use std::path::{Path, PathBuf};

use crate::step::{Step, is_installed, output, say};
use crate::{setup, target};

/// The first version that runs them.
const NODE: u32 = 20;

/// What the copy holds, as it lies below the root.
const COPIED: [&str; 2] = ["host/page", "tests/browser"];

/// Where npm has put what the lock file says, and which one that was.
const INSTALLED: &str = "node_modules/.wardline-lock";

/// Runs them with the host at `program`.
pub(crate) fn run(root: &Path, program: &Path) -> Result<(), String> {
    if !is_installed("npm") {
        setup::run(&[setup::NODE])?;
    }
    setup::run(&[setup::BROWSER])?;
    if let Some(why) = missing() {
        say(&format!("skipped: the page in a browser, its types and values: {why}"));
        return Ok(());
    }
    let folder = copy(root)?;
    if let Err(why) = install(&folder) {
        say(&format!("skipped: the page in a browser, its types and values: {why}"));
        return Ok(());
    }
    Step::new("check the types of the page", "npm")
        .args(["run", "--silent", "types"])
        .run(&folder)?;
    let test = ["--no-warnings", "--test", "--test-reporter=spec", "--test-concurrency=1"];
    Step::new("test the values of the page", "node")
        .args(test)
        .args(tests(&folder.join("unit"))?)
        .run(&folder)?;
    Step::new("test the page in a browser", "node")
        .args(test)
        .args(tests(&folder.join("browser"))?)
        .env("WARDLINE_BIN", program)
        .run(&folder)
}

/// The files with tests in a folder, in order: versions of node differ in what they find by themselves.
fn tests(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries =
        fs::read_dir(folder).map_err(|error| format!("read {}: {error}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.to_string_lossy().ends_with(".test.js"));
    files.sort();
    Ok(files)
}

/// What is not there, if anything.
fn missing() -> Option<String> {
    if !is_installed("npm") || !is_installed("node") {
        return Some("no npm".to_owned());
    }
    let version = output("node", &["--version"]).unwrap_or_default();
    let major = version.trim().trim_start_matches('v').split('.').next()?.parse::<u32>();
    if !major.as_ref().is_ok_and(|major| *major >= NODE) {
        return Some(format!("node is {}, not {NODE} or later", version.trim()));
    }
    let browser = ["chromium", "chromium-browser"].iter().any(|name| is_installed(name))
        || std::env::var_os("CHROMIUM").is_some();
    (!browser).then(|| "no chromium".to_owned())
}

/// Copies what the tests need, and gives their folder. What npm installed there stays.
fn copy(root: &Path) -> Result<PathBuf, String> {
    let there = target(root).join("page-tests");
    for part in COPIED {
        let (from, to) = (root.join(part), there.join(part));
        clear(&to)?;
        copy_folder(&from, &to)?;
    }
    Ok(there.join("tests/browser"))
}

/// Removes all but what npm installed.
fn clear(folder: &Path) -> Result<(), String> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_name() == "node_modules" {
            continue;
        }
        let removed =
            if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(|error| format!("remove {}: {error}", path.display()))?;
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), String> {
    let failed = |path: &Path, error: std::io::Error| format!("copy {}: {error}", path.display());
    fs::create_dir_all(to).map_err(|error| failed(to, error))?;
    let entries = fs::read_dir(from).map_err(|error| failed(from, error))?;
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if name == "node_modules" {
            continue;
        }
        if path.is_dir() {
            copy_folder(&path, &to.join(name))?;
        } else {
            fs::copy(&path, to.join(name)).map_err(|error| failed(&path, error))?;
        }
    }
    Ok(())
}

/// Installs what the lock file says, unless that is there.
fn install(folder: &Path) -> Result<(), String> {
    let lock = fs::read(folder.join("package-lock.json"))
        .map_err(|error| format!("read package-lock.json: {error}"))?;
    let installed = folder.join(INSTALLED);
    if fs::read(&installed).is_ok_and(|before| before == lock) {
        return Ok(());
    }
    Step::new("install what the page's tests need (npm ci)", "npm")
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
        .run(folder)?;
    fs::write(&installed, lock).map_err(|error| format!("write {}: {error}", installed.display()))
}
