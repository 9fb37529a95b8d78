//! A text that never shows itself.

use std::fmt;
use std::sync::Arc;

/// A password or token. `Debug` and `Display` hide it; only [`Secret::reveal`] gives it away, and
/// its callers are the places to review.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Takes a text into custody.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one who has to send or compare it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether `offered` is this secret, in a time that depends only on its length.
    pub fn matches(&self, offered: &[u8]) -> bool {
        let own = self.0.as_bytes();
        let mut difference = u8::from(own.len() != offered.len());
        for (index, byte) in offered.iter().enumerate() {
            difference |= byte ^ own.get(index).copied().unwrap_or(0);
        }
        // The optimiser must not turn the loop into one that stops early.
        std::hint::black_box(difference) == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn shows_nothing_and_compares() {
        let secret = Secret::new("hunter2");
        assert_eq!(
            format!("{secret} {secret:?} {:?}", Some(&secret)),
            "(secret) (secret) Some((secret))"
        );
        for (offered, same) in
            [("hunter2", true), ("hunter", false), ("hunter22", false), ("", false)]
        {
            assert_eq!(secret.matches(offered.as_bytes()), same, "{offered}");
        }
    }
}
