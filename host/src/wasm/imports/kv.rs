//! `wardline:plugin/kv`: the plugin's own store of keys and values. Only what was granted is linked.

use crate::kv::{Refusal, Shelf};
use crate::wasm::bindings::wardline::plugin::kv;
use crate::wasm::instance::Host;

/// The store of one instance.
pub(in crate::wasm) struct Store {
    pub(in crate::wasm) shelf: Shelf,
    /// The grant's.
    pub(in crate::wasm) quota_bytes: u64,
}

impl kv::Host for Host {
    fn get(&mut self, key: String) -> Option<Vec<u8>> {
        self.kv.shelf.get(&key).map(|value| value.to_vec())
    }

    fn put(&mut self, key: String, value: Vec<u8>) -> Result<(), kv::KvError> {
        let put = self.kv.shelf.put(&key, &value, self.kv.quota_bytes);
        put.map_err(|refusal| match refusal {
            Refusal::Full => kv::KvError::Full,
            Refusal::TooLarge => kv::KvError::TooLarge,
            Refusal::InvalidKey => kv::KvError::InvalidKey,
        })
    }

    fn remove(&mut self, key: String) {
        self.kv.shelf.remove(&key);
    }

    fn keys(&mut self, prefix: String) -> Vec<String> {
        self.kv.shelf.keys(&prefix)
    }
}
