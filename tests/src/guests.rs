//! Guests for tests: core modules in `tests/guests/*.wat`, one misbehaviour each, made into
//! components. Nobody writes canonical types by hand.
//!
//! A guest begins with comments that say what it is:
//! `;; world: include wardline:plugin/analyzer-plugin@0.1.0;` is the body of its world,
//! `;; contract: 0.2.0` another version of the contract to build it for, `;; capability: kv` what its
//! manifest asks for beside pictures and units, and
//! `;; include memory` takes in `tests/guests/include/memory.wat` at that place.

use std::path::{Path, PathBuf};

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The version that `wit/` has.
const CONTRACT: &str = "0.1.0";

/// The component of the guest `name`, with a manifest that has no params.
pub fn component(name: &str) -> Vec<u8> {
    let guest = Guest::read(name);
    with_manifest(guest.bare(), &guest.manifest())
}

/// The component of the guest `name` with this text as its manifest.
pub fn component_with(name: &str, manifest: &str) -> Vec<u8> {
    with_manifest(Guest::read(name).bare(), manifest)
}

/// The component of the guest `name`, but the function that it exports as `export` (as in
/// `state@0.1.0#save`) begins with `code`. It says that it can load what the bundled plugins save.
pub fn component_but(name: &str, export: &str, code: &str) -> Vec<u8> {
    let mut guest = Guest::read(name);
    let at = guest.text.find(&format!("wardline:plugin/{export}\"")).expect("it exports that");
    const RESULT: &str = "(result i32)";
    let begin = at + guest.text[at..].find(RESULT).expect("it has a result") + RESULT.len();
    guest.text.insert_str(begin, &format!(" {code} "));
    let manifest = guest.manifest().replace("version = \"0.1.0\"", "version = \"0.2.0\"")
        + "[state]\nschemas = [1, 2]\n";
    with_manifest(guest.bare(), &manifest)
}

/// The component of the guest `name` without a manifest.
pub fn component_bare(name: &str) -> Vec<u8> {
    Guest::read(name).bare()
}

/// Writes the component of the guest `name` into `directory`, and gives its path.
pub fn write(directory: &Path, name: &str) -> PathBuf {
    let path = directory.join(name).with_extension("wasm");
    std::fs::write(&path, component(name)).expect("the directory is writable");
    path
}

struct Guest {
    name: String,
    text: String,
    world: String,
    contract: String,
}

impl Guest {
    fn read(name: &str) -> Self {
        let folder = root().join("tests/guests");
        let mut text = read(&folder.join(name).with_extension("wat"));
        let header = |text: &str, key: &str| {
            let prefix = format!(";; {key} ");
            text.lines()
                .find_map(|line| Some(line.trim_start().strip_prefix(&prefix)?.trim().to_owned()))
        };
        while let Some(part) = header(&text, "include") {
            let included = read(&folder.join("include").join(&part).with_extension("wat"));
            text = text.replace(&format!(";; include {part}"), &included);
        }
        let world = header(&text, "world:").unwrap_or_else(|| panic!("{name}: no world"));
        let contract = header(&text, "contract:").unwrap_or_else(|| CONTRACT.into());
        Self { name: name.into(), text, world, contract }
    }

    /// The world that its manifest names.
    fn kind(&self) -> &'static str {
        if self.world.contains("analyzer") {
            "analyzer-plugin"
        } else if self.world.contains("source") {
            "source-plugin"
        } else {
            "policy-plugin"
        }
    }

    fn manifest(&self) -> String {
        let (name, kind, contract) = (&self.name, self.kind(), &self.contract);
        let mut manifest = format!(
            "id = \"{name}\"\nversion = \"0.1.0\"\nworld = \"{kind}\"\napi = \"{contract}\"\n"
        );
        let video: &[&str] = if kind == "analyzer-plugin" { &["pictures", "units"] } else { &[] };
        let asked =
            self.text.lines().filter_map(|line| line.trim_start().strip_prefix(";; capability: "));
        for wish in video.iter().copied().chain(asked) {
            manifest.push_str(&format!("[[capability]]\nname = \"{wish}\"\nreason = \"a test\"\n"));
        }
        manifest
    }

    fn bare(&self) -> Vec<u8> {
        let swap =
            |text: &str| text.replace(&format!("@{CONTRACT}"), &format!("@{}", self.contract));
        let mut resolve = Resolve::default();
        let mut whole = String::from("package test:guest;\n");
        whole.push_str(&format!("world guest {{ {} }}\n", swap(&self.world)));
        whole.push_str(&format!("package wardline:plugin@{} {{\n", self.contract));
        for file in wit_files() {
            let header = format!("package wardline:plugin@{CONTRACT};");
            whole.push_str(&swap(&read(&file).replacen(&header, "", 1)));
        }
        whole.push('}');
        // What is stable is said with the version that brought it, which is not the swapped one.
        let whole = whole.replace(&format!("@since(version = {CONTRACT})"), "");
        let package = resolve.push_str("guest.wit", &whole).expect("the contract parses");
        let world = resolve.select_world(&[package], Some("guest")).expect("just written");
        let mut module = wat::parse_str(swap(&self.text))
            .unwrap_or_else(|error| panic!("{}: {error}", self.name));
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
            .expect("the world can be encoded");
        ComponentEncoder::default()
            .module(&module)
            .and_then(|encoder| encoder.validate(true).encode())
            .unwrap_or_else(|error| panic!("{}: {error:#}", self.name))
    }
}

/// Appends a custom section with the manifest, which a component may have anywhere.
fn with_manifest(mut component: Vec<u8>, manifest: &str) -> Vec<u8> {
    const NAME: &str = "wardline:manifest";
    let mut body = Vec::new();
    leb128(&mut body, NAME.len());
    body.extend_from_slice(NAME.as_bytes());
    body.extend_from_slice(manifest.as_bytes());
    component.push(0);
    leb128(&mut component, body.len());
    component.extend_from_slice(&body);
    component
}

fn leb128(out: &mut Vec<u8>, mut number: usize) {
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

fn wit_files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("wit")).expect("the contract is there");
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "wit"));
    files.sort();
    files
}

/// The workspace's folder; this file is compiled in two of its crates.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
