//! What a guest may call, one interface a file. Every function returns at once and keeps within a
//! limit of its own. `log`, `clock` and `metrics` are free; `kv`, `crop` and `http` are granted.

pub(super) mod clock;
pub(super) mod log;
pub(super) mod metrics;
pub(super) mod kv;
pub(super) mod crop;
pub(super) mod http;

use wasmtime::component::{HasSelf, Linker};

use super::bindings::wardline::plugin as contract;
use super::grants::Grants;
use super::instance::Host;
use crate::base::Result;
use crate::fetch::Line;
use crate::kv::Place;

/// What the granted imports of an instance work on. By default a store of keys and values in memory,
/// and requests that do not go out.
#[derive(Clone, Debug, Default)]
pub struct Services {
    /// Its store of keys and values.
    pub kv: Place,
    /// Where its requests go; `None`: nowhere.
    pub http: Option<Line>,
}

impl Services {
    /// For an instance that is only tried beside the one in charge: it reads what that one has
    /// stored, and nothing that it does is seen outside.
    ///
    /// # Errors
    /// The store of the one in charge can't be read.
    pub fn on_trial(&self) -> Result<Self> {
        Ok(Self { kv: Place::Memory(self.kv.shelf()?.overlay()), http: None })
    }
}

/// Links what every plugin may import.
pub(super) fn link_free(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    let host: fn(&mut Host) -> &mut Host = |host| host;
    contract::types::add_to_linker::<_, HasSelf<_>>(linker, host)?;
    contract::log::add_to_linker::<_, HasSelf<_>>(linker, host)?;
    contract::clock::add_to_linker::<_, HasSelf<_>>(linker, host)?;
    contract::metrics::add_to_linker::<_, HasSelf<_>>(linker, host)
}

/// Links what this plugin was granted, and nothing else.
pub(super) fn link_granted(linker: &mut Linker<Host>, grants: &Grants) -> wasmtime::Result<()> {
    let host: fn(&mut Host) -> &mut Host = |host| host;
    if grants.kv_bytes.is_some() {
        contract::kv::add_to_linker::<_, HasSelf<_>>(linker, host)?;
    }
    if grants.crop {
        contract::crop::add_to_linker::<_, HasSelf<_>>(linker, host)?;
    }
    if !grants.http.is_empty() {
        contract::http::add_to_linker::<_, HasSelf<_>>(linker, host)?;
    }
    Ok(())
}

/// The beginning of `text` that fits into `bytes_max`, ending at a whole character.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn cut_keeps_whole_characters() {
        for (bytes_max, kept) in [(0, ""), (1, "a"), (2, "a"), (3, "aé"), (9, "aéz")] {
            assert_eq!(cut("aéz", bytes_max), kept);
        }
    }
}
