//! C: bindings by wit-bindgen, compiled by clang for `wasm32` with the small library that lies in the
//! project's folder `wardline/`.

use std::path::{Path, PathBuf};
use std::process::Command;

use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::Resolve;

use crate::{Project, tools};

/// Compilers, newest first: Debian numbers them.
const CLANG: [&str; 10] = [
    "clang", "clang-22", "clang-21", "clang-20", "clang-19", "clang-18", "clang-17", "clang-16",
    "clang-15", "clang-14",
];

const FLAGS: [&str; 16] = [
    "--target=wasm32",
    "-std=c11",
    "-O3",
    "-msimd128",
    "-mbulk-memory",
    // The library is the project's own.
    "-nostdlib",
    "-ffreestanding",
    "-fvisibility=hidden",
    "-Wall",
    "-Wextra",
    "-Werror=implicit-function-declaration",
    "-Iwardline/include",
    "-Ibuild/bindings",
    "-Wl,--no-entry",
    // A stack that overflows traps instead of writing over data.
    "-Wl,--stack-first",
    "-Wl,-z,stack-size=131072",
];

/// The core module of a project.
pub(crate) fn compile(project: &Project) -> Result<Vec<u8>, String> {
    let clang = tools::on_path(&CLANG).ok_or(
        "no clang found: type `apt-get install clang lld` (macOS: `brew install llvm lld`)",
    )?;
    let mut sources = generate(project)?;
    for folder in ["src", "wardline"] {
        sources.extend(c_files(&project.folder().join(folder))?);
    }
    let output = project.scratch()?.join("plugin.wasm");
    let what = format!("compile plugin {}", project.id());
    tools::run(
        &what,
        Command::new(clang)
            .current_dir(project.folder())
            .args(FLAGS)
            .args(sources)
            .arg("-o")
            .arg(&output),
    )
    .map_err(|error| {
        if error.contains("unable to execute") || error.contains("invalid linker") {
            format!("{error}\nclang has no linker for wasm: type `apt-get install lld`")
        } else {
            error
        }
    })?;
    tools::read(&output)
}

/// Writes the bindings of the project's world into `build/bindings/`, and gives what belongs to the
/// command line: the generated source, and the object with the types.
fn generate(project: &Project) -> Result<Vec<PathBuf>, String> {
    let mut resolve = Resolve::default();
    let mut files = Files::default();
    resolve
        .push_dir(project.folder().join("wit"))
        .and_then(|(package, _)| resolve.select_world(&[package], None))
        .and_then(|world| {
            wit_bindgen_c::Opts::default().build().generate(&mut resolve, world, &mut files)
        })
        .map_err(|error| format!("make the bindings of plugin {}: {error:#}", project.id()))?;
    let folder = project.scratch()?.join("bindings");
    let fail = |error: std::io::Error| format!("write into {}: {error}", folder.display());
    std::fs::create_dir_all(&folder).map_err(fail)?;
    let mut objects = Vec::new();
    for (name, contents) in files.iter() {
        let path = folder.join(name);
        // Unchanged files keep their time, for editors that watch them.
        if std::fs::read(&path).ok().as_deref() != Some(contents) {
            std::fs::write(&path, contents).map_err(fail)?;
        }
        if name.ends_with(".c") || name.ends_with(".o") {
            objects.push(path);
        }
    }
    Ok(objects)
}

/// In order of name.
fn c_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder)
        .map_err(|error| format!("list the sources in {}: {error}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .collect();
    files.sort();
    Ok(files)
}
