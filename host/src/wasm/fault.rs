//! What can go wrong in a call of a guest, and what that means for the instance.

use std::fmt;
use std::time::Duration;

/// A call that gave no usable answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// The plugin's name in the configuration.
    pub plugin: String,
    /// The plugin's version, from its manifest.
    pub version: String,
    /// The camera of the instance; none for event sources.
    pub camera: Option<String>,
    /// The function of the contract that was called.
    pub call: &'static str,
    /// Why.
    pub cause: Cause,
}

/// Why a call gave no usable answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Cause {
    /// The guest's code trapped.
    Trapped(Box<Trap>),
    /// It used more processor time than a call may.
    Deadline {
        /// What it may use.
        limit: Duration,
    },
    /// It wanted more memory than it may have, and did not survive the refusal.
    OutOfMemory {
        /// What it may have, in bytes.
        limit_bytes: u64,
    },
    /// It wanted memory when all plugins together had all that they may, and did not survive that.
    HostOutOfMemory {
        /// What all may have, in bytes.
        limit_bytes: u64,
    },
    /// The host can't give it what it needs, now.
    Host(String),
    /// The answer does not keep to the contract.
    Nonsense {
        /// What is wrong with it.
        what: String,
    },
    /// All that it says is more than may be stored.
    Flood {
        /// What may be, in the long run.
        bytes_a_second: u64,
    },
    /// An earlier fault ended the instance.
    Gone,
    /// The guest says: the parameters cannot work.
    BadParams(String),
    /// The guest says: this host, camera or format will not do.
    Unsupported(String),
    /// The guest says: this one input is refused.
    Rejected(String),
    /// The guest says: try again later.
    Transient(String),
    /// The guest says: it can't `save`, or `load` this; or the snapshot is too large.
    Refused(String),
    /// The guest says: it is broken and wants a new instance.
    Failed(String),
}

/// Where and why the guest's code trapped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trap {
    /// What the guest logged as an error just before: usually the message of a panic.
    pub message: Option<String>,
    /// The kind of trap.
    pub reason: String,
    /// Names of the guest's functions, innermost first.
    pub backtrace: Vec<String>,
}

impl Fault {
    /// The instance cannot be called again.
    pub fn poisons(&self) -> bool {
        matches!(
            self.cause,
            Cause::Trapped(_)
                | Cause::Deadline { .. }
                | Cause::OutOfMemory { .. }
                | Cause::HostOutOfMemory { .. }
                | Cause::Host(_)
                | Cause::Gone
        )
    }

    /// What the host lacks cost it its instance: no fault of the plugin's, nor of its input.
    pub fn is_hosts(&self) -> bool {
        matches!(self.cause, Cause::HostOutOfMemory { .. } | Cause::Host(_))
    }

    /// It may well come of the input, and come again with it. (Memory may have run out over many.)
    pub fn blames_input(&self) -> bool {
        matches!(self.cause, Cause::Trapped(_) | Cause::Deadline { .. } | Cause::Nonsense { .. })
    }

    /// The instance should be replaced by a new one (after the back-off). Nonsense counts: its
    /// state is not to be trusted.
    pub fn wants_new_instance(&self) -> bool {
        self.poisons()
            || matches!(self.cause, Cause::Nonsense { .. } | Cause::Flood { .. } | Cause::Failed(_))
    }

    /// No retry before parameters, host, camera or plugin change.
    pub fn is_final(&self) -> bool {
        matches!(self.cause, Cause::BadParams(_) | Cause::Unsupported(_))
    }

    /// Counts as a fault of the plugin: not of its input, parameters or host, and not the echo of
    /// an earlier fault.
    pub fn counts(&self) -> bool {
        self.wants_new_instance() && !self.is_hosts() && self.cause != Cause::Gone
    }

    /// A word for metrics, events and logs.
    pub fn word(&self) -> &'static str {
        match self.cause {
            Cause::Trapped(_) => "trapped",
            Cause::Deadline { .. } => "deadline",
            Cause::OutOfMemory { .. } => "out-of-memory",
            Cause::HostOutOfMemory { .. } => "host-out-of-memory",
            Cause::Host(_) => "host",
            Cause::Nonsense { .. } => "nonsense",
            Cause::Flood { .. } => "flood",
            Cause::Gone => "gone",
            Cause::BadParams(_) => "bad-params",
            Cause::Unsupported(_) => "unsupported",
            Cause::Rejected(_) => "rejected",
            Cause::Transient(_) => "transient",
            Cause::Refused(_) => "refused",
            Cause::Failed(_) => "failed",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "plugin {} {}", self.plugin, self.version)?;
        if let Some(camera) = &self.camera {
            write!(f, " of camera {camera}")?;
        }
        write!(f, ": {} {}", self.call, self.cause)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trapped(trap) => {
                write!(f, "trapped: {}", trap.message.as_ref().unwrap_or(&trap.reason))?;
                if !trap.backtrace.is_empty() {
                    write!(f, " (in {})", trap.backtrace.join(" < "))?;
                }
                f.write_str(": report it to the plugin's author")
            }
            Self::Deadline { limit } => write!(
                f,
                "used more than {} ms of processor time: ask it for less (smaller or fewer \
                 pictures), or report it to the plugin's author",
                limit.as_millis()
            ),
            Self::OutOfMemory { limit_bytes } => write!(
                f,
                "ran out of memory, limit {} MiB: raise the plugin's memory limit, or report it to \
                 the plugin's author",
                limit_bytes >> 20
            ),
            Self::HostOutOfMemory { limit_bytes } => write!(
                f,
                "found no memory, all plugins together may have {} MiB: raise `plugin-memory` in \
                 `[limits]`, or run fewer instances",
                limit_bytes >> 20
            ),
            Self::Host(text) => write!(f, "can't run, for now: {text}"),
            Self::Nonsense { what } => {
                write!(f, "answered against the contract: {what}: report it to the plugin's author")
            }
            Self::Flood { bytes_a_second } => write!(
                f,
                "is more than may be stored, {} KiB a second in the long run: ask it for less, or \
                 report it to the plugin's author",
                bytes_a_second >> 10
            ),
            Self::Gone => f.write_str("refused: an earlier fault ended this instance"),
            Self::BadParams(text) => {
                write!(f, "refused its params: {text}: correct the configuration")
            }
            Self::Unsupported(text) => write!(f, "cannot work here: {text}"),
            Self::Rejected(text) => write!(f, "rejected its input: {text}"),
            Self::Transient(text) => write!(f, "failed for now: {text}"),
            Self::Refused(text) => write!(f, "refused: {text}"),
            Self::Failed(text) => write!(f, "failed: {text}: report it to the plugin's author"),
        }
    }
}

impl std::error::Error for Fault {}
