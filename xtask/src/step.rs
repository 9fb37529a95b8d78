//! One step of a task: says in one line what it does, runs a program, and names it if it fails.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Prints a line for the person at the terminal.
pub(crate) fn say(line: &str) {
    // Nobody reads any more: the exit code still tells.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Prints a line about what goes wrong.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The cargo that runs this. What it said of this crate is kept from it: build scripts run again, and
/// half of all is compiled again, when they find another `CARGO_PKG_NAME` than by hand.
pub(crate) fn cargo() -> Command {
    let mut command =
        Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|head| text.starts_with(head)) {
            command.env_remove(&name);
        }
    }
    command
}

/// A program to be run, and why.
pub(crate) struct Step {
    what: String,
    command: Command,
}

impl Step {
    /// Runs `program`; `what` is said first.
    pub(crate) fn new(what: &str, program: impl AsRef<OsStr>) -> Self {
        Self { what: what.to_owned(), command: Command::new(program) }
    }

    /// Runs the cargo that runs this.
    pub(crate) fn cargo(what: &str) -> Self {
        Self { what: what.to_owned(), command: cargo() }
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it to its end, in `folder`; its output is shown as it comes.
    pub(crate) fn run(mut self, folder: &Path) -> Result<(), String> {
        say(&format!("xtask: {}", self.what));
        let status =
            self.command.current_dir(folder).status().map_err(|error| {
                format!("{}: can't start {}: {error}", self.what, self.program())
            })?;
        if status.success() {
            return Ok(());
        }
        Err(format!("{}: {} ended with {status}, see above", self.what, self.program()))
    }

    /// The same, and gives each line of its output to `look` too.
    pub(crate) fn run_with(
        mut self,
        folder: &Path,
        mut look: impl FnMut(&str),
    ) -> Result<(), String> {
        say(&format!("xtask: {}", self.what));
        let fail = |what: &str, error: std::io::Error| format!("{what}: {error}");
        self.command.current_dir(folder).stdout(Stdio::piped());
        let mut child = self.command.spawn().map_err(|error| fail(&self.what, error))?;
        let output = child.stdout.take().expect("asked for");
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            say(&line);
            look(&line);
        }
        let status = child.wait().map_err(|error| fail(&self.what, error))?;
        if status.success() {
            return Ok(());
        }
        Err(format!("{}: {} ended with {status}, see above", self.what, self.program()))
    }

    fn program(&self) -> String {
        self.command.get_program().to_string_lossy().into_owned()
    }
}

/// What a program prints, if it can be run and succeeds.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let answer = Command::new(program).args(arguments).output().ok()?;
    answer.status.success().then(|| String::from_utf8_lossy(&answer.stdout).into_owned())
}

/// Whether a program can be found.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
