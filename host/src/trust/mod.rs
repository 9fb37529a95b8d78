//! Who vouches for a component: keys, the signature beside a component, and what an operator asks
//! for before its code is even compiled.
//!
//! Takes bytes and texts, gives [`Vouched`] or the reason why not. Pure but for [`SecretKey::fresh`].
//! Knows no plugin and no file. The only folder that names `ed25519_dalek`.

mod key;
mod signature;

use std::fmt;

use sha2::{Digest, Sha256};

pub use key::{KeyId, PublicKey, SecretKey};
pub use signature::Signature;

use crate::base::{Error, Result};

/// What is added to the name of a component's file for that of its signature.
pub const SIGNATURE_SUFFIX: &str = ".sig";

/// A signature longer than this is none.
pub const SIGNATURE_BYTES_MAX: u64 = 4 << 10;

/// SHA-256 of a component. Shown and read as `sha256:` and hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ComponentDigest([u8; 32]);

/// What an operator asks of a component.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// Whose signatures count. Without any, signatures are not looked at.
    pub keys: Vec<PublicKey>,
    /// Only what one of them has signed is taken.
    pub require_signature: bool,
    /// Only this very component is taken.
    pub digest: Option<ComponentDigest>,
}

/// Who vouches for a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vouched {
    /// Nobody, and nobody has to.
    Nobody,
    /// The owner of a trusted key.
    By(KeyId),
}

impl Trust {
    /// Whether the component of the plugin that is configured as `plugin` may be used: `signature` is
    /// the text of the file beside it, where there is one.
    ///
    /// # Errors
    /// Refuses: it is another than the pinned one; its signature is not its own, or false; it must
    /// have one that counts, and has none.
    pub fn check(
        &self,
        plugin: &str,
        component: &[u8],
        signature: Option<&str>,
    ) -> Result<Vouched> {
        let refuse = |why: String| Error::refuse(format!("plugin {plugin}: {why}"));
        let digest = ComponentDigest::of(component);
        if let Some(pinned) = self.digest.filter(|pinned| *pinned != digest) {
            return Err(refuse(format!(
                "its component is {digest}, and its `digest` in the configuration is {pinned}: \
                 correct one"
            )));
        }
        if self.keys.is_empty() && !self.require_signature {
            return Ok(Vouched::Nobody);
        }
        let Some(text) = signature else {
            return self.unsigned("is not signed: `wardline plugin sign` it").map_err(refuse);
        };
        let signature: Signature =
            text.parse().map_err(|why| refuse(format!("its signature: {why}")))?;
        if signature.component() != digest {
            return Err(refuse(format!(
                "its signature is for another component ({}), and this one is {digest}: sign it \
                 anew, or remove the file with the signature",
                signature.component()
            )));
        }
        let Some(key) = self.keys.iter().find(|key| key.id() == signature.key()) else {
            let why = format!(
                "is signed with the key {}, which is not among the `trusted-keys`: add it there",
                signature.key()
            );
            return self.unsigned(&why).map_err(refuse);
        };
        if !signature.is_by(key) {
            return Err(refuse(format!(
                "its signature is false: nobody with the key {} has made it",
                key.id()
            )));
        }
        Ok(Vouched::By(key.id()))
    }

    fn unsigned(&self, why: &str) -> Result<Vouched, String> {
        if self.require_signature { Err(why.to_owned()) } else { Ok(Vouched::Nobody) }
    }
}

impl ComponentDigest {
    /// Of a component.
    pub fn of(component: &[u8]) -> Self {
        Self(Sha256::digest(component).into())
    }
}

impl std::str::FromStr for ComponentDigest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write `sha256:` and 64 hexadecimal digits".to_owned();
        let digits = text.strip_prefix("sha256:").ok_or_else(wrong)?;
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() {
            return Err(wrong());
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            let (high, low) = (digit(pair[0]), digit(pair[1]));
            *byte = high.zip(low).map(|(high, low)| high << 4 | low).ok_or_else(wrong)?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for ComponentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ComponentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
