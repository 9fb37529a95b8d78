//! The one error type: what the caller does next, what was attempted, and why it failed.
//!
//! A message is lower case, has no full stop, names the camera, plugin or file, and says the next
//! step where a person can take one. It never contains a credential.

use std::fmt;

/// What the caller does about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// May work later: try again with back-off.
    Retry,
    /// The input is at fault (configuration, request, plugin, file): say so and go on without it.
    Refuse,
    /// The host can't go on at all.
    Stop,
    /// An invariant of ours is broken: report it, go on as well as possible.
    Bug,
}

/// What was attempted, on what, and why it failed.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// A result with the one error type.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error that something later may cure.
    pub fn retry(message: impl Into<String>) -> Self {
        Self::new(Kind::Retry, message)
    }

    /// An error of the input.
    pub fn refuse(message: impl Into<String>) -> Self {
        Self::new(Kind::Refuse, message)
    }

    /// An error that ends the host.
    pub fn stop(message: impl Into<String>) -> Self {
        Self::new(Kind::Stop, message)
    }

    /// A broken invariant.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(Kind::Bug, message)
    }

    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// Keeps what caused this error.
    #[must_use]
    pub fn with(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync + 'static>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What the caller does about it.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The message and its causes, joined by `: `.
    pub fn chain(&self) -> String {
        let mut text = self.message.clone();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let said = error.to_string();
            // Many libraries repeat their source in their own text.
            if !text.ends_with(&said) {
                text.push_str(": ");
                text.push_str(&said);
            }
            cause = error.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn chain_names_each_cause_once() {
        let inner = std::io::Error::other("no route to host");
        let middle = Error::retry("connect to camera gate: no route to host").with(inner);
        let outer = Error::retry("open camera gate").with(middle);
        assert_eq!(outer.chain(), "open camera gate: connect to camera gate: no route to host");
    }
}
