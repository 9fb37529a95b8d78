//! `wardline plugin keygen`, `sign` and `verify`: who vouches for a component.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::base::{Error, Result};
use crate::cli::{Keygen, Sign, Verify};
use crate::commands::output;
use crate::trust::{PublicKey, SIGNATURE_SUFFIX, SecretKey, Signature, Trust, Vouched};
use crate::wasm::{self, Manifest};

/// Keys and signatures are short texts; what is longer is none.
const TEXT_BYTES_MAX: u64 = 4 << 10;

pub(super) fn keygen(arguments: &Keygen) -> Result<()> {
    let (secret_file, public_file) =
        (suffixed(&arguments.name, ".key"), suffixed(&arguments.name, ".pub"));
    let secret = SecretKey::fresh()?;
    create(&secret_file, 0o600, &secret.reveal())?;
    create(&public_file, 0o644, &format!("{}\n", secret.public()))?;
    output::line(format!("secret key: {} (keep it to yourself)", secret_file.display()))?;
    output::line(format!("public key: {}", public_file.display()))?;
    output::line(format!("trusted-keys = [\"{}\"]", secret.public()))
}

pub(super) fn sign(arguments: &Sign) -> Result<()> {
    let secret = secret(&arguments.key)?;
    let component = component(&arguments.plugin)?;
    let plugin = calls_itself(&arguments.plugin, &component)?;
    let signature = Signature::new(&secret, &plugin, &component);
    let file = suffixed(&arguments.plugin, SIGNATURE_SUFFIX);
    replace(&file, &signature.to_string())?;
    let (digest, key) = (signature.component(), signature.key());
    output::line(format!("{}: {plugin}, {digest}, signed with the key {key}", file.display()))
}

/// What `verify --json` prints.
#[derive(Serialize)]
struct Verified {
    plugin: String,
    digest: String,
    key: String,
}

pub(super) fn verify(arguments: &Verify) -> Result<()> {
    let keys = arguments.trusted.iter().map(|key| public(key)).collect::<Result<_>>()?;
    let trust = Trust { keys, require_signature: true, digest: None };
    let component = component(&arguments.plugin)?;
    let file = suffixed(&arguments.plugin, SIGNATURE_SUFFIX);
    let text = read(&file).map_err(|error| {
        Error::refuse(format!("read the signature {}", file.display())).with(error)
    })?;
    let name = arguments.plugin.display().to_string();
    let Vouched::By(key) = trust.check(&name, &component, Some(&text))? else {
        return Err(Error::bug(format!("plugin {name}: a signature is asked for and none counts")));
    };
    let signature: Signature = text.parse().map_err(Error::bug)?;
    let plugin = calls_itself(&arguments.plugin, &component)?;
    if signature.plugin() != plugin {
        return Err(Error::refuse(format!(
            "plugin {name}: was signed as {}, and its manifest says {plugin}",
            signature.plugin()
        )));
    }
    let verified =
        Verified { plugin, digest: signature.component().to_string(), key: key.to_string() };
    if arguments.json {
        return output::json(&verified);
    }
    let Verified { plugin, digest, key } = verified;
    output::line(format!("ok: {plugin}, {digest}, signed with the key {key}"))
}

/// Id and version of the manifest in a component that a host would take, if it grants what is asked
/// for.
fn calls_itself(path: &Path, component: &[u8]) -> Result<String> {
    let name = path.display().to_string();
    let inspection = wasm::inspect(&name, component)?;
    let (_, Manifest { id, version, .. }) = inspection.accept(&name)?;
    Ok(format!("{id} {version}"))
}

fn component(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path)
        .map_err(|error| Error::refuse(format!("read plugin {}", path.display())).with(error))
}

fn secret(path: &Path) -> Result<SecretKey> {
    let refuse = |why: &str| Error::refuse(format!("secret key {}: {why}", path.display()));
    let mode = std::fs::metadata(path)
        .map_err(|error| refuse("can't be read").with(error))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        return Err(refuse("can be read by others: `chmod 600` it, or better make a new one"));
    }
    let text = read(path).map_err(|error| refuse("can't be read").with(error))?;
    text.parse().map_err(|why: String| refuse(&why))
}

fn public(text: &str) -> Result<PublicKey> {
    if text.starts_with("ed25519:") {
        return text.parse().map_err(|why: String| Error::refuse(format!("`{text}`: {why}")));
    }
    let refuse = |why: &str| Error::refuse(format!("public key {text}: {why}"));
    let read = read(Path::new(text)).map_err(|error| refuse("can't be read").with(error))?;
    read.parse().map_err(|why: String| refuse(&why))
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(TEXT_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// Writes a file that is not there yet.
fn create(path: &Path, mode: u32, text: &str) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode);
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        Error::refuse(format!("write {}, which must not be there yet", path.display())).with(error)
    })
}

/// Writes a file beside its place and moves it there, so that nobody sees half of it.
fn replace(path: &Path, text: &str) -> Result<()> {
    let part = suffixed(path, ".part");
    let written = std::fs::write(&part, text).and_then(|()| std::fs::rename(&part, path));
    written.map_err(|error| Error::refuse(format!("write {}", path.display())).with(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::guests;

    #[test]
    fn what_is_signed_can_be_verified_and_nothing_is_overwritten() {
        let place = tempfile::tempdir().unwrap();
        let name = place.path().join("anna");
        keygen(&Keygen { name: name.clone() }).unwrap();
        assert!(keygen(&Keygen { name: name.clone() }).is_err());
        let (key, public) = (suffixed(&name, ".key"), suffixed(&name, ".pub"));
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);

        let plugin = guests::write(place.path(), "analyzer-quiet");
        let signing = Sign { key: key.clone(), plugin: plugin.clone() };
        sign(&signing).unwrap();
        let trusted = vec![public.display().to_string()];
        let verifying = Verify { trusted, plugin: plugin.clone(), json: false };
        verify(&verifying).unwrap();

        // Another version under the old signature, and an unknown signer.
        std::fs::write(&plugin, guests::component("policy-quiet")).unwrap();
        let error = verify(&verifying).unwrap_err().to_string();
        assert!(error.contains("for another component"), "{error}");
        let other = SecretKey::fresh().unwrap().public().to_string();
        sign(&signing).unwrap();
        let error = verify(&Verify { trusted: vec![other], ..verifying }).unwrap_err().to_string();
        assert!(error.contains("not among the `trusted-keys`"), "{error}");

        // What no host takes is not signed; a key that others can read is not used.
        std::fs::write(&plugin, guests::component_bare("policy-quiet")).unwrap();
        assert!(sign(&signing).unwrap_err().to_string().contains("no manifest"));
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = sign(&signing).unwrap_err().to_string();
        assert!(error.contains("`chmod 600`"), "{error}");
    }
}
