//! The signature beside a component: a text that says what was signed, and by whom.
//!
//! ```text
//! wardline plugin signature 1
//! plugin: plates 1.2.3
//! component: sha256:...
//! key: 0123456789abcdef
//! signature: ...
//! ```
//! Signed are the lines before the last one, as they stand. The manifest lies in the component, so
//! that its digest covers both.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{ComponentDigest, KeyId, PublicKey, SecretKey};

/// The first line: no signature of something else can be taken for one of these.
const HEAD: &str = "wardline plugin signature 1";

/// A signature of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    plugin: String,
    component: ComponentDigest,
    key: KeyId,
    bytes: [u8; 64],
}

impl Signature {
    /// Signs a component, which calls itself `plugin`: id and version of its manifest.
    pub fn new(secret: &SecretKey, plugin: &str, component: &[u8]) -> Self {
        let mut signature = Self {
            plugin: plugin.into(),
            component: ComponentDigest::of(component),
            key: secret.public().id(),
            bytes: [0; 64],
        };
        signature.bytes = secret.sign(signature.message().as_bytes());
        signature
    }

    /// What was signed.
    pub fn component(&self) -> ComponentDigest {
        self.component
    }

    /// Id and version, as the manifest said when it was signed.
    pub fn plugin(&self) -> &str {
        &self.plugin
    }

    /// Which key it says it was made with.
    pub fn key(&self) -> KeyId {
        self.key
    }

    /// Whether it was made with the secret half of `key`.
    pub fn is_by(&self, key: &PublicKey) -> bool {
        key.id() == self.key && key.verifies(self.message().as_bytes(), &self.bytes)
    }

    fn message(&self) -> String {
        let (plugin, component, key) = (&self.plugin, self.component, self.key);
        format!("{HEAD}\nplugin: {plugin}\ncomponent: {component}\nkey: {key}\n")
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}signature: {}", self.message(), STANDARD.encode(self.bytes))
    }
}

impl FromStr for Signature {
    type Err = String;

    /// Takes only what [`Signature`]'s `Display` gives, to the byte.
    fn from_str(text: &str) -> Result<Self, String> {
        let read = || -> Option<Self> {
            let mut lines = text.strip_suffix('\n')?.split('\n');
            (lines.next()? == HEAD).then_some(())?;
            let mut field = |name: &str| lines.next()?.strip_prefix(name);
            let signature = Self {
                plugin: field("plugin: ")?.to_owned(),
                component: field("component: ")?.parse().ok()?,
                key: field("key: ")?.parse().ok()?,
                bytes: STANDARD.decode(field("signature: ")?).ok()?.try_into().ok()?,
            };
            (signature.to_string() == text).then_some(signature)
        };
        read().ok_or_else(|| {
            "it is not what `wardline plugin sign` makes, or was changed: sign anew".into()
        })
    }
}
