//! `cargo xtask plugins`: builds the guests under `plugins/` for wasm32, makes components of them with
//! their manifest inside, and puts them into `plugins/dist/`. Takes a workspace folder, gives the paths
//! of the components; finds a toolchain that can (see [`Toolchain`]). It must not know what any
//! plugin does.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use wit_component::{ComponentEncoder, DecodedWasm};

const TARGET: &str = "wasm32-unknown-unknown";
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
/// The custom section of a component in which the host looks for the manifest.
const MANIFEST_SECTION: &str = "wardline:manifest";
/// What a plugin may import without a grant; the bundled ones have none.
const FREE_IMPORTS: [&str; 4] = [
    "wardline:plugin/types@0.1.0",
    "wardline:plugin/log@0.1.0",
    "wardline:plugin/clock@0.1.0",
    "wardline:plugin/metrics@0.1.0",
];

/// The release profile of a guest, whatever its own workspace says: small, one piece, and with names,
/// so that a trap says where.
const PROFILE: [(&str, &str); 4] = [
    ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
    ("CARGO_PROFILE_RELEASE_LTO", "fat"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_STRIP", "debuginfo"),
];

/// Builds every folder of `plugins/` that has a `plugin.toml`, in order of name.
///
/// # Errors
/// What failed and what to type next; the output of cargo has been shown by then.
pub fn build(workspace_root: &Path) -> Result<Vec<PathBuf>, String> {
    let plugins = workspace_root.join("plugins");
    let folders = plugin_folders(&plugins)?;
    let dist = plugins.join("dist");
    let outputs: Vec<PathBuf> = folders.iter().map(|folder| component_path(&dist, folder)).collect();
    let stamp = Stamp::of(&[&plugins, &workspace_root.join("wit")], &dist.join(".stamp"))?;
    if stamp.is_current() && outputs.iter().all(|path| path.is_file()) {
        for path in &outputs {
            report(path, "unchanged")?;
        }
        return Ok(outputs);
    }
    let toolchain = Toolchain::find(workspace_root)?;
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

/// Builds one plugin folder anywhere: an example, a test's guest, an author's own. The component
/// goes to `output_folder`, under the folder's name. Grants are not checked: the host does that.
///
/// # Errors
/// What failed and what to type next; the output of cargo has been shown by then.
pub fn build_folder(
    workspace_root: &Path,
    folder: &Path,
    output_folder: &Path,
) -> Result<PathBuf, String> {
    let folder = folder
        .canonicalize()
        .map_err(|error| format!("cannot open plugin folder {}: {error}", folder.display()))?;
    let toolchain = Toolchain::find(workspace_root)?;
    let target_folder = workspace_root.join("plugins").join("target").join("guests");
    toolchain.cargo_build(&folder.join("Cargo.toml"), &target_folder, &[])?;
    let output = component_path(output_folder, &folder);
    write(&output, &componentize(&folder, &target_folder)?)?;
    report(&output, "built")?;
    Ok(output)
}

/// How code for the guests' target is compiled on this machine, in order of preference.
enum Toolchain {
    /// rustup's, with the target installed (`rust-toolchain.toml` names it).
    Rustup,
    /// Debian's `rustc-web`, which builds the standard library from source.
    Debian { linker: PathBuf },
}

impl Toolchain {
    fn find(workspace_root: &Path) -> Result<Self, String> {
        let library = output(
            Command::new("rustc")
                .args(["--print", "target-libdir", "--target", TARGET])
                .current_dir(workspace_root),
        );
        if library.is_some_and(|folder| has_standard_library(Path::new(&folder))) {
            return Ok(Self::Rustup);
        }
        let advice = format!(
            "no compiler for {TARGET} found: type `rustup target add {TARGET}` and try again \
             (on Debian without it, as root: `apt-get install {}`)",
            DEBIAN_PACKAGES.join(" ")
        );
        if !debian_packages_installed() {
            let root = output(Command::new("id").arg("-u")).is_some_and(|id| id == "0");
            if !root || !Path::new("/usr/bin/apt-get").is_file() {
                return Err(advice);
            }
            install_debian_packages().map_err(|error| format!("{error}; {advice}"))?;
        }
        let linker = find_linker(workspace_root)
            .ok_or_else(|| "no linker for wasm found: type `apt-get install lld`".to_owned())?;
        Ok(Self::Debian { linker })
    }

    fn cargo_build(
        &self,
        manifest: &Path,
        target_folder: &Path,
        arguments: &[String],
    ) -> Result<(), String> {
        let mut command = match self {
            Self::Rustup => Command::new("cargo"),
            Self::Debian { .. } => Command::new("/usr/bin/cargo"),
        };
        forget_outer_cargo(&mut command);
        command
            .arg("build")
            .args(["--release", "--target", TARGET])
            .arg("--manifest-path")
            .arg(manifest)
            .arg("--target-dir")
            .arg(target_folder)
            .args(arguments)
            .env("RUSTFLAGS", "-C target-feature=+simd128")
            .envs(PROFILE);
        if let Self::Debian { linker } = self {
            command
                .arg("-Zbuild-std=std,panic_abort")
                .env("RUSTC_BOOTSTRAP", "1")
                .env("RUSTC", "/usr/bin/rustc")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        if let Some(folder) = manifest.parent() {
            command.current_dir(folder);
        }
        let status = command
            .status()
            .map_err(|error| format!("cannot start cargo for {}: {error}", manifest.display()))?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("cargo build of {} failed ({status}): see above", manifest.display()))
        }
    }
}

/// The cargo that runs this program leaves its toolchain in the environment; another one, or the
/// same for another target, must not see it.
fn forget_outer_cargo(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let Some(text) = name.to_str() else { continue };
        let settings = text == "CARGO_HOME"
            || text.starts_with("CARGO_NET_")
            || text.starts_with("CARGO_HTTP_")
            || text.starts_with("CARGO_REGISTR")
            || text.starts_with("CARGO_SOURCE_");
        let inherited = text.starts_with("CARGO")
            || text.starts_with("RUSTC")
            || matches!(text, "RUSTUP_TOOLCHAIN" | "RUSTFLAGS" | "LD_LIBRARY_PATH" | "RUST_RECURSION_COUNT");
        if inherited && !settings {
            command.env_remove(&name);
        }
    }
}

fn has_standard_library(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|entries| {
        entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
    })
}

fn debian_packages_installed() -> bool {
    let status = output(
        Command::new("dpkg-query").args(["--show", "--showformat=${db:Status-Status} "]).args(DEBIAN_PACKAGES),
    );
    status.is_some_and(|text| {
        text.split_whitespace().filter(|word| *word == "installed").count() == DEBIAN_PACKAGES.len()
    })
}

fn install_debian_packages() -> Result<(), String> {
    let install = |arguments: &[&str]| {
        let status = Command::new("/usr/bin/apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .status()
            .map_err(|error| format!("cannot start apt-get: {error}"))?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("apt-get {} failed ({status})", arguments.join(" ")))
        }
    };
    install(&["update", "--quiet"])?;
    let mut arguments = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
    arguments.extend(DEBIAN_PACKAGES);
    install(&arguments)
}

/// rustup's own `rust-lld`, else one of Debian's.
fn find_linker(workspace_root: &Path) -> Option<PathBuf> {
    let sysroot =
        output(Command::new("rustc").args(["--print", "sysroot"]).current_dir(workspace_root));
    let host = output(Command::new("rustc").arg("-vV").current_dir(workspace_root)).and_then(|text| {
        text.lines().find_map(|line| line.strip_prefix("host: ").map(str::to_owned))
    });
    let rustup = sysroot.zip(host).map(|(sysroot, host)| {
        Path::new(&sysroot).join("lib/rustlib").join(host).join("bin/rust-lld")
    });
    let debian = (14..=25).rev().map(|version| PathBuf::from(format!("/usr/bin/wasm-ld-{version}")));
    rustup
        .into_iter()
        .chain(["/usr/bin/wasm-ld".into()])
        .chain(debian)
        .find(|path| path.is_file())
}

fn output(command: &mut Command) -> Option<String> {
    let answer = command.stderr(std::process::Stdio::null()).output().ok()?;
    answer.status.success().then(|| String::from_utf8_lossy(&answer.stdout).trim().to_owned())
}

fn plugin_folders(plugins: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(plugins)
        .map_err(|error| format!("cannot list plugins in {}: {error}", plugins.display()))?;
    let mut folders: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("plugin.toml").is_file())
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
    let module_path = target_folder
        .join(TARGET)
        .join("release")
        .join(format!("{}.wasm", name.replace('-', "_")));
    let module = read(&module_path)?;
    let manifest = read(&folder.join("plugin.toml"))?;
    let mut component = ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| format!("cannot make a component of plugin {name}: {error:#}"))?;
    append_custom_section(&mut component, MANIFEST_SECTION, &manifest);
    Ok(component)
}

/// WebAssembly core specification 2.0, 5.5.3: id 0, size, name, bytes; components share the format.
fn append_custom_section(component: &mut Vec<u8>, name: &str, data: &[u8]) {
    let mut content = Vec::with_capacity(name.len() + data.len() + 5);
    push_leb128(&mut content, name.len());
    content.extend_from_slice(name.as_bytes());
    content.extend_from_slice(data);
    component.push(0);
    push_leb128(component, content.len());
    component.extend_from_slice(&content);
}

fn push_leb128(bytes: &mut Vec<u8>, mut value: usize) {
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
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
    writeln!(std::io::stdout(), "plugin {name}: {what}, {} KiB, {}", bytes.div_ceil(1024), path.display())
        .map_err(|error| format!("cannot print: {error}"))
}

/// What the components were last built from, so that an unchanged tree costs a few milliseconds.
struct Stamp {
    path: PathBuf,
    digest: String,
}

impl Stamp {
    fn of(folders: &[&Path], path: &Path) -> Result<Self, String> {
        let mut hasher = DefaultHasher::new();
        include_str!("plugins.rs").hash(&mut hasher);
        for folder in folders {
            hash_folder(folder, &mut hasher)?;
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

fn hash_folder(folder: &Path, hasher: &mut DefaultHasher) -> Result<(), String> {
    let entries = fs::read_dir(folder)
        .map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            if !["target", "dist"].contains(&folder_name(&path).as_str()) {
                hash_folder(&path, hasher)?;
            }
        } else {
            path.hash(hasher);
            read(&path)?.hash(hasher);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_custom_section_is_framed_by_the_specification() {
        let mut component = vec![1, 2];
        append_custom_section(&mut component, "ab", &[7; 130]);
        assert_eq!(component[..8], [1, 2, 0, 0x85, 0x01, 2, b'a', b'b']);
        assert_eq!(component.len(), 2 + 1 + 2 + 133);
    }

    #[test]
    fn sizes_are_leb128() {
        for (value, expected) in
            [(0, vec![0]), (127, vec![127]), (128, vec![0x80, 1]), (624_485, vec![0xe5, 0x8e, 0x26])]
        {
            let mut bytes = Vec::new();
            push_leb128(&mut bytes, value);
            assert_eq!(bytes, expected);
        }
    }
}
