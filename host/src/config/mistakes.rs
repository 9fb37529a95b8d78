//! All that is wrong with a configuration, each with its line.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::base;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// Counted from 1; 0 where it is of no one line.
    pub line: usize,
    /// What, and what to write instead.
    pub message: String,
}

/// All mistakes of a file, in the order of its lines. Prints one a line as `file:line: message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    /// The file.
    pub file: PathBuf,
    /// Never empty.
    pub list: Vec<Mistake>,
}

impl Mistakes {
    /// The file itself can't be had.
    pub(super) fn unreadable(file: &Path, error: &std::io::Error) -> Self {
        let message = format!("can't read the configuration: {error}");
        Self { file: file.into(), list: vec![Mistake { line: 0, message }] }
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.list.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{}:", self.file.display())?;
            if mistake.line > 0 {
                write!(f, "{}:", mistake.line)?;
            }
            write!(f, " {}", mistake.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

impl From<Mistakes> for base::Error {
    fn from(mistakes: Mistakes) -> Self {
        let count = mistakes.list.len();
        let plural = if count == 1 { "mistake" } else { "mistakes" };
        Self::refuse(format!("{count} {plural} in the configuration\n{mistakes}"))
    }
}
