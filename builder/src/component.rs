//! Core modules to components, with their manifest inside. Pure.

use wasmparser::{Validator, WasmFeatures};
use wit_component::ComponentEncoder;

/// The custom section of a component in which the host looks for the manifest.
pub const MANIFEST_SECTION: &str = "wardline:manifest";

/// The component of a core module that carries its types, as the bindings of a language put them in.
///
/// # Errors
/// The module does not fit the contract that it was compiled for.
pub fn encode(name: &str, module: &[u8]) -> Result<Vec<u8>, String> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| format!("make a component of plugin {name}: {error:#}"))
}

/// The component with `manifest`, the text of its `plugin.toml`, as its last custom section.
#[must_use]
pub fn with_manifest(mut component: Vec<u8>, manifest: &[u8]) -> Vec<u8> {
    append_custom_section(&mut component, MANIFEST_SECTION, manifest);
    component
}

/// Whether a component uses 128-bit SIMD anywhere: whether it is valid only with it.
#[must_use]
pub fn has_simd(component: &[u8]) -> bool {
    let without = WasmFeatures::all() - WasmFeatures::SIMD - WasmFeatures::RELAXED_SIMD;
    let valid = |features| Validator::new_with_features(features).validate_all(component).is_ok();
    !valid(without) && valid(WasmFeatures::all())
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
        for (value, expected) in [
            (0, vec![0]),
            (127, vec![127]),
            (128, vec![0x80, 1]),
            (624_485, vec![0xe5, 0x8e, 0x26]),
        ] {
            let mut bytes = Vec::new();
            push_leb128(&mut bytes, value);
            assert_eq!(bytes, expected);
        }
    }

    #[test]
    fn simd_is_seen_in_a_nested_module() {
        let component = |body: &str| {
            wat::parse_str(format!("(component (core module (func (result i32) {body})))")).unwrap()
        };
        assert!(!has_simd(&component("i32.const 1")));
        assert!(has_simd(&component("v128.const i64x2 0 0 i32x4.extract_lane 1")));
        assert!(!has_simd(b"nothing"));
    }
}
