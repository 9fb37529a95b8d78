//! Passwords: what they must be, and argon2id.

use std::fmt;

use argon2::password_hash::SaltString;
use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use serde::{Deserialize, Serialize};

use crate::base::{Error, Result};
use crate::config::Secret;

/// The fewest characters, as NIST SP 800-63B advises where nothing else is asked.
const PASSWORD_CHARS_MIN: usize = 8;

/// The longest that is hashed: more is no password, and costs time.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// What OWASP advises: 19 MiB, twice over, in one lane. Some 30 ms of one core.
const MEMORY_KIB: u32 = 19 * 1024;
const ITERATIONS: u32 = 2;

/// What stands in the file may ask for so much at most: a file is no way to take all memory.
const MEMORY_KIB_MAX: u32 = 256 * 1024;
const ITERATIONS_MAX: u32 = 16;

/// A password as argon2id, in the PHC string format: salt, parameters and hash.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hashed(String);

impl fmt::Debug for Hashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hashed)")
    }
}

/// Checks that something can be a password.
///
/// # Errors
/// Says what it must be.
pub fn check_password(password: &Secret) -> Result<()> {
    let text = password.reveal();
    if text.chars().count() < PASSWORD_CHARS_MIN {
        let why = format!("a password has at least {PASSWORD_CHARS_MIN} characters");
        return Err(Error::refuse(why));
    }
    if text.len() > PASSWORD_BYTES_MAX {
        return Err(Error::refuse(format!("a password has at most {PASSWORD_BYTES_MAX} bytes")));
    }
    Ok(())
}

impl Hashed {
    /// With a salt of its own. Takes some 30 ms.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn new(password: &Secret) -> Result<Self> {
        let failed = |error: &dyn fmt::Display| Error::bug(format!("hash a password: {error}"));
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(|error| failed(&error))?;
        let salt = SaltString::encode_b64(&salt).map_err(|error| failed(&error))?;
        let params =
            Params::new(MEMORY_KIB, ITERATIONS, 1, None).map_err(|error| failed(&error))?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash = argon
            .hash_password(password.reveal().as_bytes(), &salt)
            .map_err(|error| failed(&error))?;
        Ok(Self(hash.to_string()))
    }

    /// Whether `offered` is this password. Takes as long as its parameters say, whatever comes of it.
    pub fn is(&self, offered: &Secret) -> bool {
        let Ok(hash) = PasswordHash::new(&self.0) else { return false };
        if !is_affordable(&hash) || offered.reveal().len() > PASSWORD_BYTES_MAX {
            return false;
        }
        Argon2::default().verify_password(offered.reveal().as_bytes(), &hash).is_ok()
    }

    /// Compares with what is nobody's, for as long as with a real one: a user who does not exist is not
    /// told by the time it takes.
    pub fn nobody(offered: &Secret) {
        std::hint::black_box(Self::of_nobody().is(offered));
    }

    /// Nobody knows a password with this hash, and making it takes no memory.
    fn of_nobody() -> Self {
        let (salt, hash) = ("A".repeat(22), "A".repeat(43));
        Self(format!("$argon2id$v=19$m={MEMORY_KIB},t={ITERATIONS},p=1${salt}${hash}"))
    }

    /// Whether this is argon2id within bounds.
    pub(super) fn is_sound(&self) -> bool {
        PasswordHash::new(&self.0).is_ok_and(|hash| is_affordable(&hash) && hash.hash.is_some())
    }
}

fn is_affordable(hash: &PasswordHash<'_>) -> bool {
    hash.algorithm == argon2::ARGON2ID_IDENT
        && Params::try_from(hash).is_ok_and(|params| {
            params.m_cost() <= MEMORY_KIB_MAX
                && params.t_cost() <= ITERATIONS_MAX
                && params.p_cost() <= 4
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_compared_as_somebody_is() {
        let somebody = Hashed::new(&Secret::new("correct horse")).unwrap();
        let nobody = Hashed::of_nobody();
        assert!(nobody.is_sound() && !nobody.is(&Secret::new("correct horse")));
        let parts = [&somebody, &nobody].map(|hashed| {
            let parts: Vec<_> = hashed.0.split('$').collect();
            (parts[..4].concat(), parts[4].len(), parts[5].len(), parts.len())
        });
        assert_eq!(parts[0], parts[1]);
    }
}
