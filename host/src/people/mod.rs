//! Who may: users and programs with their roles, and the file of a store that they stand in.
//!
//! Takes names, passwords and tokens; says who somebody is. Passwords are kept as argon2id, tokens
//! as SHA-256 of 256 random bits: nobody learns either from the file. Knows no HTTP, no camera but
//! by its name, and nothing of what a role opens (`serve::rights`).

mod password;
mod token;
mod roll;
mod file;
mod watch;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::base::{Error, Result, Timestamp};

pub use file::{change, check_store, keep_visits, kept_visits, load};
pub use password::{Hashed, PASSWORD_BYTES_MAX, check_password};
pub use roll::{Program, Roll, User};
pub use token::{Digest, Token};
pub use watch::{Known, Watch, watch};

/// A log-in that outlives the host. Nobody learns from it what a browser has to show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptVisit {
    /// Of the token that the browser has.
    pub token: Digest,
    /// Whose it is.
    pub user: String,
    /// Of [the user](User::digest) as he was then.
    pub was: Digest,
    /// The log-in.
    pub began: Timestamp,
    /// The last request.
    pub used: Timestamp,
}

/// The longest name of a user or token, in characters.
const NAME_CHARS_MAX: usize = 64;

/// What somebody may, each more than the one before.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks at some cameras, live and recorded.
    Viewer,
    /// Looks at all, triggers, pins, exports, sends hooks, reloads plugins.
    Operator,
    /// Everything: deletes, reloads the configuration and sees it.
    Admin,
}

impl Role {
    /// All, by the words that name them.
    pub const ALL: [(&'static str, Self); 3] =
        [("viewer", Self::Viewer), ("operator", Self::Operator), ("admin", Self::Admin)];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The cameras that somebody sees. In JSON `["*"]`, or their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
pub enum Cameras {
    /// All, those of tomorrow too.
    All,
    /// These. One that is not configured is no mistake: it may come, or only have recordings.
    Some(BTreeSet<String>),
}

impl Cameras {
    /// Whether a camera is among them.
    pub fn contains(&self, camera: &str) -> bool {
        match self {
            Self::All => true,
            Self::Some(names) => names.contains(camera),
        }
    }
}

impl From<Vec<String>> for Cameras {
    fn from(names: Vec<String>) -> Self {
        match names.iter().any(|name| name == "*") {
            true => Self::All,
            false => Self::Some(names.into_iter().collect()),
        }
    }
}

impl From<Cameras> for Vec<String> {
    fn from(cameras: Cameras) -> Self {
        match cameras {
            Cameras::All => vec!["*".into()],
            Cameras::Some(names) => names.into_iter().collect(),
        }
    }
}

impl fmt::Display for Cameras {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Some(names) => {
                f.write_str(&names.iter().map(String::as_str).collect::<Vec<_>>().join(","))
            }
        }
    }
}

/// A role, and what of the cameras it goes for. Only a viewer's are ever fewer than all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Right {
    /// What.
    pub role: Role,
    /// Where.
    pub cameras: Cameras,
}

impl Right {
    /// `role` on `cameras`; none named means all.
    ///
    /// # Errors
    /// Refuses a list of cameras for more than a viewer: what an operator does reaches all of them.
    pub fn new(role: Role, cameras: Vec<String>) -> Result<Self> {
        let cameras = match cameras.is_empty() {
            true => Cameras::All,
            false => Cameras::from(cameras),
        };
        if role != Role::Viewer && cameras != Cameras::All {
            let why = format!("cameras are named for viewers only: the role {role} is for all");
            return Err(Error::refuse(why));
        }
        Ok(Self { role, cameras })
    }
}

/// Checks the name of a user or token.
///
/// # Errors
/// Refuses what is empty, longer than 64 characters, or has other characters than letters, digits,
/// `.`, `-`, `_` and `@`.
pub fn check_name(name: &str) -> Result<()> {
    let fits = |c: char| c.is_alphanumeric() || ".-_@".contains(c);
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || !name.chars().all(fits) {
        return Err(Error::refuse(format!(
            "{name:?} is no name: use 1 to {NAME_CHARS_MAX} letters, digits, `.`, `-`, `_` and `@`"
        )));
    }
    Ok(())
}
