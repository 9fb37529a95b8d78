//! The plugins that are part of the binary, put there by `build.rs`.

/// Names of the bundled plugins, as a configuration may use them.
pub const BUNDLED: [&str; 3] = ["analyzer-motion", "source-webhook", "policy-pre-post"];

/// The bundled component of this name.
pub fn bundled(name: &str) -> Option<&'static [u8]> {
    match name {
        "analyzer-motion" => {
            Some(include_bytes!(concat!(env!("OUT_DIR"), "/analyzer-motion.wasm")))
        }
        "source-webhook" => Some(include_bytes!(concat!(env!("OUT_DIR"), "/source-webhook.wasm"))),
        "policy-pre-post" => {
            Some(include_bytes!(concat!(env!("OUT_DIR"), "/policy-pre-post.wasm")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_component() {
        assert!(BUNDLED.iter().all(|name| bundled(name).is_some()));
        assert!(bundled("nothing").is_none());
    }
}
