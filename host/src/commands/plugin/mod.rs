//! `wardline plugin ...`: one command a file.

mod inspect;

use std::borrow::Cow;

use super::output;
use crate::base::{Error, Result};
use crate::cli::Plugin;
use crate::wasm::{self, BUNDLED};

/// Does what the arguments say.
pub(super) fn execute(arguments: Plugin) -> Result<()> {
    match arguments {
        Plugin::Inspect(arguments) => inspect::inspect(&arguments),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plugin_is_named() {
        let said = bytes("no/such.wasm").unwrap_err().to_string();
        assert!(said.contains("no/such.wasm") && said.contains("`analyzer-motion`"), "{said}");
    }
}
