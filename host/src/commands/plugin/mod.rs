//! `wardline plugin ...`: one command a file.

mod bench;
mod build;
mod check;
mod dev;
mod inspect;
mod new;
mod promote;
mod reload;
mod shadow;
mod signing;
mod status;
mod test;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value;

use super::{Process, output};
use crate::base::{Error, Result};
use crate::cli::Plugin;
use crate::wasm::{self, BUNDLED};

/// Does what the arguments say.
pub(super) async fn execute(arguments: Plugin, process: Process) -> Result<ExitCode> {
    let done = match arguments {
        Plugin::Test(arguments) => return test::test(&arguments, &process).await,
        Plugin::Shadow(arguments) => shadow::shadow(&arguments, &process),
        Plugin::Promote(arguments) => promote::promote(&arguments).await,
        Plugin::New(arguments) => new::new(&arguments),
        Plugin::Build(arguments) => build::build(&arguments),
        Plugin::Check(arguments) => check::check(&arguments),
        Plugin::Bench(arguments) => bench::bench(&arguments),
        Plugin::Dev(arguments) => dev::dev(arguments, process).await,
        Plugin::Inspect(arguments) => inspect::inspect(&arguments),
        Plugin::Status(arguments) => status::status(&arguments).await,
        Plugin::Reload(arguments) => reload::reload(arguments).await,
        Plugin::Keygen(arguments) => signing::keygen(&arguments),
        Plugin::Sign(arguments) => signing::sign(&arguments),
        Plugin::Verify(arguments) => signing::verify(&arguments),
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// The component that a person names: a file, or a bundled plugin.
fn bytes(name: &str) -> Result<Cow<'static, [u8]>> {
    if let Some(bytes) = wasm::bundled(name) {
        return Ok(Cow::Borrowed(bytes));
    }
    std::fs::read(name).map(Cow::Owned).map_err(|error| {
        let bundled = BUNDLED.join("`, `");
        Error::refuse(format!(
            "read plugin {name}: give a .wasm file, or a bundled plugin: `{bundled}`"
        ))
        .with(error)
    })
}

/// The component that a person names, as [`bytes`] finds it, or made anew from a folder; with a name
/// for messages.
fn component(name: &str) -> Result<(String, Cow<'static, [u8]>)> {
    if Path::new(name).is_dir() {
        let built = build::make(Path::new(name))?;
        return Ok((built.project.id().to_owned(), Cow::Owned(built.bytes)));
    }
    let bytes = bytes(name)?;
    let stem = Path::new(name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok((stem, bytes))
}

/// Parameters as a person writes them; none: the defaults.
fn params(text: Option<&str>) -> Result<Value> {
    text.map_or(Ok(Value::Null), |text| {
        serde_json::from_str(text)
            .map_err(|error| Error::refuse("--params needs a JSON object").with(error))
    })
}

/// Where compiled code is kept: Python takes seconds to compile.
fn cache() -> Option<PathBuf> {
    super::run::cache(|name| std::env::var_os(name).map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plugin_is_named() {
        let said = bytes("no/such.wasm").unwrap_err().to_string();
        assert!(said.contains("no/such.wasm") && said.contains("`analyzer-motion`"), "{said}");
    }
}
