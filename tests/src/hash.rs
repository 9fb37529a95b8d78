//! Short names for long bytes.

use md5::{Digest as _, Md5};

/// The MD5 of bytes, as 32 hexadecimal digits.
pub fn md5(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
