//! `cargo xtask plugins`: builds the guests under `plugins/` and the examples' for wasm32, makes
//! components of them with their manifest inside, and puts them into `plugins/dist/`. Takes a workspace folder, gives the paths
//! of the components. It must not know what any plugin does, nor how it is compiled: `builder/`.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};

use wardline_builder::component;
use wardline_builder::rust::{self, Missing, Toolchain};
use wit_component::DecodedWasm;

/// What a plugin may import without a grant; the bundled ones have none.
const FREE_IMPORTS: [&str; 4] = [
    "wardline:plugin/types@0.1.0",
    "wardline:plugin/log@0.1.0",
    "wardline:plugin/clock@0.1.0",
    "wardline:plugin/metrics@0.1.0",
];

/// What a guest among the examples is built from; beside it may lie what the example recorded.
const EXAMPLE: [&str; 3] = ["src", "Cargo.toml", "plugin.toml"];

/// Builds every plugin in Rust of `plugins/` and `examples/`, in order of name.
///
/// # Errors
/// What failed and what to type next; the output of cargo has been shown by then.
pub(crate) fn build(workspace_root: &Path) -> Result<Vec<PathBuf>, String> {
    let plugins = workspace_root.join("plugins");
    let mut folders = plugin_folders(&plugins)?;
    let examples = plugin_folders(&workspace_root.join("examples"))?;
    let mut sources =
        vec![plugins.clone(), workspace_root.join("wit"), workspace_root.join("builder/src")];
    sources.extend(examples.iter().flat_map(|folder| EXAMPLE.map(|part| folder.join(part))));
    folders.extend(examples);
    let dist = plugins.join("dist");
    let outputs: Vec<PathBuf> =
        folders.iter().map(|folder| component_path(&dist, folder)).collect();
    let stamp = Stamp::of(&sources, &dist.join(".stamp"))?;
    if stamp.is_current() && outputs.iter().all(|path| path.is_file()) {
        for path in &outputs {
            report(path, "unchanged")?;
        }
        return Ok(outputs);
    }
    let toolchain = Toolchain::find(workspace_root, Missing::Install)?;
    let target_folder = plugins.join("target").join("guests");
    let mut arguments = vec!["--locked".to_owned()];
    for folder in &folders {
        arguments.extend(["--package".to_owned(), folder_name(folder)]);
    }
    toolchain.cargo_build(&plugins.join("Cargo.toml"), &target_folder, &arguments)?;
    for (folder, output) in folders.iter().zip(&outputs) {
        let component = componentize(folder, &target_folder)?;
        refuse_grants(&component, folder)?;
        write(output, &component)?;
        report(output, "built")?;
    }
    stamp.write()?;
    Ok(outputs)
}

/// The folders that [`build`] builds.
///
/// # Errors
/// When they can't be listed.
pub(crate) fn folders(workspace_root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut folders = plugin_folders(&workspace_root.join("plugins"))?;
    folders.extend(plugin_folders(&workspace_root.join("examples"))?);
    Ok(folders)
}

/// Where [`build`] puts the component of a folder.
pub(crate) fn component(workspace_root: &Path, folder: &Path) -> PathBuf {
    component_path(&workspace_root.join("plugins/dist"), folder)
}

/// Builds one plugin folder anywhere: an example, a test's guest, an author's own. The component
/// goes to `output_folder`, under the folder's name. Grants are not checked: the host does that.
///
/// # Errors
/// What failed and what to type next; the output of cargo has been shown by then.
pub(crate) fn build_folder(
    workspace_root: &Path,
    folder: &Path,
    output_folder: &Path,
) -> Result<PathBuf, String> {
    let folder = folder
        .canonicalize()
        .map_err(|error| format!("cannot open plugin folder {}: {error}", folder.display()))?;
    let toolchain = Toolchain::find(workspace_root, Missing::Install)?;
    let target_folder = workspace_root.join("plugins").join("target").join("guests");
    toolchain.cargo_build(&folder.join("Cargo.toml"), &target_folder, &[])?;
    let output = component_path(output_folder, &folder);
    write(&output, &componentize(&folder, &target_folder)?)?;
    report(&output, "built")?;
    Ok(output)
}

fn plugin_folders(plugins: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(plugins)
        .map_err(|error| format!("cannot list plugins in {}: {error}", plugins.display()))?;
    let mut folders: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        // Those in other languages are built by `wardline plugin build`.
        .filter(|path| path.join("plugin.toml").is_file() && path.join("Cargo.toml").is_file())
        .collect();
    folders.sort();
    if folders.is_empty() {
        return Err(format!("no folder with a plugin.toml in {}", plugins.display()));
    }
    Ok(folders)
}

fn folder_name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn component_path(output_folder: &Path, folder: &Path) -> PathBuf {
    output_folder.join(format!("{}.wasm", folder_name(folder)))
}

/// The core module of a folder, as a component with its manifest inside.
fn componentize(folder: &Path, target_folder: &Path) -> Result<Vec<u8>, String> {
    let name = folder_name(folder);
    let module = read(&rust::module(target_folder, &name))?;
    let manifest = read(&folder.join("plugin.toml"))?;
    Ok(component::with_manifest(component::encode(&name, &module)?, &manifest))
}

/// The bundled plugins live by the free imports alone.
fn refuse_grants(component: &[u8], folder: &Path) -> Result<(), String> {
    let name = folder_name(folder);
    let decoded = wit_component::decode(component)
        .map_err(|error| format!("cannot read back the component of plugin {name}: {error:#}"))?;
    let DecodedWasm::Component(resolve, world) = decoded else {
        return Err(format!("plugin {name} did not become a component"));
    };
    for key in resolve.worlds[world].imports.keys() {
        let import = resolve.name_world_key(key);
        if !FREE_IMPORTS.contains(&import.as_str()) {
            return Err(format!("plugin {name} imports {import}, which bundled plugins may not"));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// Written beside and renamed: a host that watches the file never sees half of it.
fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let fail = |error: std::io::Error| format!("cannot write {}: {error}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    let part = path.with_extension("part");
    fs::write(&part, bytes).map_err(fail)?;
    fs::rename(&part, path).map_err(fail)
}

fn report(path: &Path, what: &str) -> Result<(), String> {
    let bytes = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?.len();
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    writeln!(
        std::io::stdout(),
        "plugin {name}: {what}, {} KiB, {}",
        bytes.div_ceil(1024),
        path.display()
    )
    .map_err(|error| format!("cannot print: {error}"))
}

/// What the components were last built from, so that an unchanged tree costs a few milliseconds.
struct Stamp {
    path: PathBuf,
    digest: String,
}

impl Stamp {
    fn of(sources: &[PathBuf], path: &Path) -> Result<Self, String> {
        let mut hasher = DefaultHasher::new();
        include_str!("plugins.rs").hash(&mut hasher);
        for source in sources {
            hash(source, &mut hasher)?;
        }
        Ok(Self { path: path.to_owned(), digest: format!("{:016x}\n", hasher.finish()) })
    }

    fn is_current(&self) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|text| text == self.digest)
    }

    fn write(&self) -> Result<(), String> {
        write(&self.path, self.digest.as_bytes())
    }
}

fn hash(path: &Path, hasher: &mut DefaultHasher) -> Result<(), String> {
    if path.is_dir() {
        if ["target", "dist"].contains(&folder_name(path).as_str()) {
            return Ok(());
        }
        return hash_folder(path, hasher);
    }
    path.hash(hasher);
    read(path)?.hash(hasher);
    Ok(())
}

fn hash_folder(folder: &Path, hasher: &mut DefaultHasher) -> Result<(), String> {
    let entries = fs::read_dir(folder)
        .map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().try_for_each(|path| hash(path, hasher))
}
