//! Keys: who signs, and whom an operator trusts.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::base::{Error, Result};

/// What a public key begins with.
const PUBLIC: &str = "ed25519:";

/// The first line of the file of a secret key.
const SECRET: &str = "wardline secret key 1: who has it signs plugins in your name";

/// What the second line begins with.
const SEED: &str = "seed: ";

/// Names a public key: the beginning of its SHA-256, in hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyId([u8; 8]);

/// Whose signatures can be checked with it. Shown and read as `ed25519:` and base64.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// Signs. Never shown but by [`SecretKey::reveal`].
pub struct SecretKey(SigningKey);

impl PublicKey {
    /// Its name.
    pub fn id(&self) -> KeyId {
        let digest = Sha256::digest(self.0.as_bytes());
        let mut id = [0; 8];
        id.copy_from_slice(&digest[..8]);
        KeyId(id)
    }

    /// Whether the owner of the secret key has signed `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        self.0.verify_strict(message, &signature).is_ok()
    }
}

impl SecretKey {
    /// A new one, from the system's random numbers.
    ///
    /// # Errors
    /// The system has none.
    pub fn fresh() -> Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)
            .map_err(|error| Error::stop("ask the system for random numbers").with(error))?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// The other half, for everybody.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// The text of its file, for nobody else.
    pub fn reveal(&self) -> String {
        format!("{SECRET}\n{SEED}{}\n", STANDARD.encode(self.0.as_bytes()))
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl FromStr for SecretKey {
    type Err = String;

    /// Errors show nothing of the text.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        let seed = match (lines.next(), lines.next(), lines.next()) {
            (Some(SECRET), Some(second), None) => second.strip_prefix(SEED),
            _ => None,
        };
        let seed = seed.and_then(|seed| STANDARD.decode(seed).ok());
        let seed: Option<[u8; 32]> = seed.and_then(|seed| seed.try_into().ok());
        let seed = seed.ok_or("it is no secret key: make one with `wardline plugin keygen`")?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {})", self.public().id())
    }
}

impl FromStr for PublicKey {
    type Err = String;

    /// Errors show nothing of the text: it may be a secret key in the wrong place.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = "not a public key: write `ed25519:...`, as in the .pub file of \
                     `wardline plugin keygen`";
        let bytes = text.trim().strip_prefix(PUBLIC).and_then(|key| STANDARD.decode(key).ok());
        let bytes: [u8; 32] = bytes.and_then(|key| key.try_into().ok()).ok_or(wrong)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| wrong)?;
        // Of a weak key anybody can make signatures.
        if key.is_weak() { Err(wrong.into()) } else { Ok(Self(key)) }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBLIC}{}", STANDARD.encode(self.0.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = (text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .then(|| u64::from_str_radix(text, 16).ok())
            .flatten();
        number.map(|number| Self(number.to_be_bytes())).ok_or_else(|| "not the id of a key".into())
    }
}
