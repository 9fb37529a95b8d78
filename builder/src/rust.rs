//! Rust: finds a compiler for guests on this machine, installing Debian's where it may, and runs it.
//! Takes a manifest path, leaves core modules in the target folder. Knows nothing of components.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tools::output;

/// What guests are compiled for.
pub const TARGET: &str = "wasm32-unknown-unknown";
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
/// The release profile of a guest, whatever its own workspace says: small, one piece, and with names,
/// so that a trap says where.
const PROFILE: [(&str, &str); 4] = [
    ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
    ("CARGO_PROFILE_RELEASE_LTO", "fat"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_STRIP", "debuginfo"),
];

/// What to do where no compiler is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Say what to type.
    Say,
    /// Install Debian's, as root on Debian; else say what to type.
    Install,
}

/// Where cargo leaves the module of the library `name`.
#[must_use]
pub fn module(target_folder: &Path, name: &str) -> PathBuf {
    target_folder.join(TARGET).join("release").join(format!("{}.wasm", name.replace('-', "_")))
}

/// How code for the guests' target is compiled on this machine, in order of preference.
#[derive(Debug)]
pub enum Toolchain {
    /// rustup's, with the target installed (`rust-toolchain.toml` names it).
    Rustup,
    /// Debian's `rustc-web`, which builds the standard library from source.
    Debian {
        /// `rust-lld` or `wasm-ld`.
        linker: PathBuf,
    },
}

impl Toolchain {
    /// The one that cargo would use in `workspace_root`, if it knows the target, else Debian's.
    ///
    /// # Errors
    /// There is none; says what to type.
    pub fn find(workspace_root: &Path, missing: Missing) -> Result<Self, String> {
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
            if missing == Missing::Say || !root || !Path::new("/usr/bin/apt-get").is_file() {
                return Err(advice);
            }
            install_debian_packages().map_err(|error| format!("{error}; {advice}"))?;
        }
        let linker = find_linker(workspace_root)
            .ok_or_else(|| "no linker for wasm found: type `apt-get install lld`".to_owned())?;
        Ok(Self::Debian { linker })
    }

    /// Builds a package in the guests' profile; its output is shown as it comes.
    ///
    /// # Errors
    /// It did not build.
    pub fn cargo_build(
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
            // Another way than RUSTFLAGS, since paths may have spaces in them.
            .env("CARGO_ENCODED_RUSTFLAGS", flags().join("\u{1f}"))
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

/// What guests are compiled with. Where their builder's registry lies is nobody's business.
fn flags() -> Vec<String> {
    let mut flags = vec!["-C".to_owned(), "target-feature=+simd128".to_owned()];
    let given = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty());
    let home = given("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(given("HOME")?).join(".cargo")));
    if let Some(home) = home {
        flags.push(format!("--remap-path-prefix={}=cargo", home.display()));
    }
    flags
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
            || matches!(
                text,
                "RUSTUP_TOOLCHAIN" | "RUSTFLAGS" | "LD_LIBRARY_PATH" | "RUST_RECURSION_COUNT"
            );
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
        Command::new("dpkg-query")
            .args(["--show", "--showformat=${db:Status-Status} "])
            .args(DEBIAN_PACKAGES),
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
    let host =
        output(Command::new("rustc").arg("-vV").current_dir(workspace_root)).and_then(|text| {
            text.lines().find_map(|line| line.strip_prefix("host: ").map(str::to_owned))
        });
    let rustup = sysroot.zip(host).map(|(sysroot, host)| {
        Path::new(&sysroot).join("lib/rustlib").join(host).join("bin/rust-lld")
    });
    let debian =
        (14..=25).rev().map(|version| PathBuf::from(format!("/usr/bin/wasm-ld-{version}")));
    rustup.into_iter().chain(["/usr/bin/wasm-ld".into()]).chain(debian).find(|path| path.is_file())
}
