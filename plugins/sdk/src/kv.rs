//! A small store of the plugin's own, on this camera, that survives restarts. Granted: the manifest
//! asks for `kv` or `kv:SIZE`, and the operator allows it. On native targets it is a map of the
//! thread, without limits.

pub use crate::bindings::granted::wardline::plugin::kv::KvError;

/// The value of a key; `None`: never put, or removed.
pub fn get(key: &str) -> Option<Vec<u8>> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::granted::wardline::plugin::kv::get(key);
    #[cfg(not(target_arch = "wasm32"))]
    native::MAP.with_borrow(|map| map.get(key).cloned())
}

/// Replaces the value of a key.
///
/// # Errors
/// The quota is used up, or key or value are too long; nothing was changed.
pub fn put(key: &str, value: &[u8]) -> Result<(), KvError> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::granted::wardline::plugin::kv::put(key, value);
    #[cfg(not(target_arch = "wasm32"))]
    {
        native::MAP.with_borrow_mut(|map| map.insert(key.to_owned(), value.to_vec()));
        Ok(())
    }
}

/// Removes a key, where it is there.
pub fn remove(key: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::granted::wardline::plugin::kv::remove(key);
    #[cfg(not(target_arch = "wasm32"))]
    native::MAP.with_borrow_mut(|map| map.remove(key));
}

/// Keys that begin with `prefix`, sorted by bytes, at most 1000.
pub fn keys(prefix: &str) -> Vec<String> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::granted::wardline::plugin::kv::keys(prefix);
    #[cfg(not(target_arch = "wasm32"))]
    native::MAP.with_borrow(|map| {
        map.keys().filter(|key| key.starts_with(prefix)).take(1000).cloned().collect()
    })
}

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    std::thread_local! {
        pub(super) static MAP: RefCell<BTreeMap<String, Vec<u8>>> =
            const { RefCell::new(BTreeMap::new()) };
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    #[test]
    fn on_native_targets_it_is_a_map() {
        put("plate/2", b"B").unwrap();
        put("plate/1", b"A").unwrap();
        assert_eq!(keys("plate/"), ["plate/1", "plate/2"]);
        assert_eq!(get("plate/2").as_deref(), Some(&b"B"[..]));
        remove("plate/2");
        assert_eq!(get("plate/2"), None);
    }
}
