//! A plugin's own tests: the `[[test]]` sections of its manifest, run through a replay.
//!
//! `format` reads a section, `play` makes a plan of it and runs it, `found` is what came of it as
//! JSON, `compare` tells that from what was expected. `docs/plugin-tests.md` is for authors.

pub mod format;
mod play;
mod found;
pub mod compare;

use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use self::compare::{Tolerance, differences};
use self::format::Case;
use crate::base::{Error, Result};
use crate::wasm::{Engine, Plugin};

/// What became of a test.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// All was as expected.
    Passed,
    /// What came is now what is expected, in this file.
    Blessed(PathBuf),
    /// It needs what is not there.
    Skipped(String),
    /// What differs, for people, a line each.
    Failed(Vec<String>),
}

/// The tests of one plugin.
pub struct Suite {
    plugin: Plugin,
    engine: Engine,
    cases: Vec<Case>,
    /// Where clips and expectations lie.
    directory: PathBuf,
}

impl Suite {
    /// Of the manifest inside `plugin`.
    ///
    /// # Errors
    /// Refuses sections that can't be read, naming each.
    pub fn new(engine: &Engine, plugin: Plugin, directory: &Path) -> Result<Self> {
        let cases = format::read(plugin.name(), &plugin.manifest().tests)?;
        Ok(Self { plugin, engine: engine.clone(), cases, directory: directory.to_owned() })
    }

    /// In the order of the manifest.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.cases.iter().map(|case| case.name.as_str())
    }

    /// Runs the test of that name. With `bless`, what comes is written as what is expected.
    ///
    /// # Errors
    /// When there is no such test, or a file can't be read or written. A plugin that faults fails
    /// its test.
    pub async fn run(
        &self,
        name: &str,
        bless: bool,
        cancel: &CancellationToken,
    ) -> Result<Verdict> {
        let case = self.cases.iter().find(|case| case.name == name);
        let case = case.ok_or_else(|| Error::refuse(format!("there is no test `{name}`")))?;
        let plan = match play::plan(case, &self.plugin, &self.engine, &self.directory)? {
            play::Planned::Plan(plan) => *plan,
            play::Planned::Lacks(what) => return Ok(Verdict::Skipped(what)),
        };
        let start = plan.start;
        let outcome = match super::run(plan, cancel.clone()).await {
            Ok(outcome) => outcome,
            Err(error) if error.kind() == crate::base::Kind::Refuse => {
                return Ok(Verdict::Failed(vec![error.chain()]));
            }
            Err(error) => return Err(error),
        };
        let found = found::json(&outcome, &case.camera, start);
        self.judge(case, &found, bless)
    }

    fn judge(&self, case: &Case, found: &Value, bless: bool) -> Result<Verdict> {
        let tolerance = Tolerance::from(&case.tolerance);
        if let Some(inline) = case.expected()? {
            // What a person wrote down names only what matters.
            return Ok(verdict(differences(&inline, found, tolerance, true)));
        }
        let path = self.directory.join(case.golden());
        if bless {
            write(&path, found)?;
            return Ok(Verdict::Blessed(path));
        }
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let shown = path.display();
                return Ok(Verdict::Failed(vec![format!(
                    "there is no {shown} yet: look at what comes with `--bless`, which writes it"
                )]));
            }
            Err(error) => {
                return Err(Error::refuse(format!("read {}", path.display())).with(error));
            }
        };
        let expected: Value = serde_json::from_str(&text)
            .map_err(|error| Error::refuse(format!("read {}", path.display())).with(error))?;
        Ok(verdict(differences(&expected, found, tolerance, false)))
    }
}

fn verdict(differences: Vec<String>) -> Verdict {
    if differences.is_empty() { Verdict::Passed } else { Verdict::Failed(differences) }
}

fn write(path: &Path, found: &Value) -> Result<()> {
    let failed = |error: std::io::Error| {
        Error::refuse(format!("write what is expected to {}", path.display())).with(error)
    };
    let text = serde_json::to_string_pretty(found)
        .map_err(|error| Error::bug("make the JSON of a test").with(error))?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, text + "\n").map_err(failed)
}
