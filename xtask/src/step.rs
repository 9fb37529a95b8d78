//! One step of a task: says in one line what it does, runs a program, and names it if it fails.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a step took is said from so long on.
const WORTH_TELLING: Duration = Duration::from_secs(10);

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
        let begun = now();
        let status =
            self.command.current_dir(folder).status().map_err(|error| {
                format!("{}: can't start {}: {error}", self.what, self.program())
            })?;
        self.end(status, begun)
    }

    /// The same, and gives each line of its output to `look` too.
    pub(crate) fn run_with(
        mut self,
        folder: &Path,
        mut look: impl FnMut(&str),
    ) -> Result<(), String> {
        say(&format!("xtask: {}", self.what));
        let begun = now();
        let fail = |what: &str, error: std::io::Error| format!("{what}: {error}");
        self.command.current_dir(folder).stdout(Stdio::piped());
        let mut child = self.command.spawn().map_err(|error| fail(&self.what, error))?;
        let output = child.stdout.take().expect("asked for");
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            say(&line);
            look(&line);
        }
        let status = child.wait().map_err(|error| fail(&self.what, error))?;
        self.end(status, begun)
    }

    fn end(&self, status: ExitStatus, begun: Instant) -> Result<(), String> {
        let took = begun.elapsed();
        if took >= WORTH_TELLING {
            say(&format!("xtask: {} took {} s", self.what, took.as_secs()));
        }
        if status.success() {
            return Ok(());
        }
        Err(format!("{}: {} ended with {status}, see above", self.what, self.program()))
    }

    fn program(&self) -> String {
        self.command.get_program().to_string_lossy().into_owned()
    }
}

/// A command of xtask that runs beside another step, and gives way to it. What it says is told once it
/// has ended.
pub(crate) struct Quiet {
    name: String,
    child: Child,
    /// Both of its streams, as one would see them.
    said: File,
}

impl Quiet {
    /// Starts it; what it says goes to a file in `folder` meanwhile.
    pub(crate) fn start(name: &str, root: &Path, folder: &Path) -> Result<Self, String> {
        let fail = |error: std::io::Error| format!("start {name} beside the next step: {error}");
        let own = std::env::current_exe().map_err(fail)?;
        let said = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(folder.join(format!("xtask-{name}.log")))
            .map_err(fail)?;
        // Every Unix has it.
        let child = Command::new("nice")
            .args(["-n", "19"])
            .arg(own)
            .arg(name)
            .current_dir(root)
            .stdin(Stdio::null())
            .stdout(said.try_clone().map_err(fail)?)
            .stderr(said.try_clone().map_err(fail)?)
            .spawn()
            .map_err(fail)?;
        say(&format!("xtask: {name}, beside what follows"));
        Ok(Self { name: name.to_owned(), child, said })
    }

    /// Waits for its end, and tells what it said.
    pub(crate) fn end(mut self) -> Result<(), String> {
        let fail = |error: std::io::Error| format!("wait for {}: {error}", self.name);
        let status = self.child.wait().map_err(fail)?;
        self.said.rewind().map_err(fail)?;
        std::io::copy(&mut self.said, &mut std::io::stdout()).map_err(fail)?;
        if status.success() {
            return Ok(());
        }
        Err(format!("{}: ended with {status}, see above", self.name))
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

#[expect(clippy::disallowed_methods, reason = "steps and benchmarks take the machine's own time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
