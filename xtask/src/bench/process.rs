//! Starts contenders, watches what they use, ends them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub(crate) use crate::step::now;

/// What a contender used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// User and system time, in seconds.
    pub(crate) cpu_seconds: f64,
    /// Largest resident set, in bytes.
    pub(crate) peak_bytes: u64,
}

impl std::ops::Add for Usage {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            cpu_seconds: self.cpu_seconds + other.cpu_seconds,
            peak_bytes: self.peak_bytes + other.peak_bytes,
        }
    }
}

/// A contender that runs.
pub(crate) struct Contender {
    child: Child,
    usage: Usage,
}

impl Contender {
    /// Starts a program; what it prints goes to `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Result<Self, String> {
        let file = std::fs::File::create(log).map_err(|e| format!("{}: {e}", log.display()))?;
        let copy = file.try_clone().map_err(|e| format!("{}: {e}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(copy)
            .spawn()
            .map_err(|e| format!("start {}: {e}", command.get_program().display()))?;
        Ok(Self { child, usage: Usage::default() })
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has used so far. Keeps the last figures of one that has ended.
    pub(crate) fn usage(&mut self) -> Usage {
        if let Some(usage) = usage_of(self.child.id())
            && usage.cpu_seconds >= self.usage.cpu_seconds
        {
            self.usage = usage;
        }
        self.usage
    }

    /// It has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Asks it to end (SIGINT), and kills it when it does not within 10 s.
    pub(crate) fn end(mut self) -> Usage {
        let usage = self.usage();
        let pid = self.child.id().to_string();
        let _asked = Command::new("kill").args(["-INT", &pid]).status();
        let patience = now() + Duration::from_secs(10);
        while !self.has_ended() {
            if now() > patience {
                let _gone = self.child.kill();
            }
            pause(50);
        }
        usage
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        if !self.has_ended() {
            let _gone = self.child.kill();
            let _reaped = self.child.wait();
        }
    }
}

/// Watches contenders until all have ended or the time is over, then ends them.
pub(crate) fn watch(mut contenders: Vec<Contender>, bound: Duration) -> Usage {
    let until = now() + bound;
    while now() < until && !contenders.iter_mut().all(Contender::has_ended) {
        for contender in &mut contenders {
            contender.usage();
        }
        pause(100);
    }
    contenders.into_iter().map(Contender::end).fold(Usage::default(), |sum, usage| sum + usage)
}

/// Reads `/proc/<pid>/stat` (fields 14 and 15, in ticks of 10 ms) and `VmHWM`.
pub(crate) fn usage_of(pid: u32) -> Option<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = peak.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(Usage { cpu_seconds: ticks / 100.0, peak_bytes: kibibytes * 1024 })
}

/// Builds what is measured, as a user would install it; or takes the program that `WARDLINE_BIN`
/// names, to compare builds.
pub(crate) fn release_binary(root: &Path) -> Result<PathBuf, String> {
    if let Some(program) = std::env::var_os("WARDLINE_BIN") {
        return Ok(PathBuf::from(program));
    }
    say("building the release binary");
    build(root, &["--workspace", "--bin", "wardline"])?;
    Ok(target(root).join("release/wardline"))
}

/// The release build of an example of the workspace. All of it is selected, so that everything shares
/// each dependency as built once.
pub(crate) fn example(root: &Path, name: &str) -> Result<PathBuf, String> {
    build(root, &["--workspace", "--example", name])?;
    Ok(target(root).join("release/examples").join(name))
}

/// Builds for release.
pub(crate) fn build(root: &Path, what: &[&str]) -> Result<(), String> {
    let mut command = crate::step::cargo();
    run(command.current_dir(root).args(["build", "--release"]).args(what)).map(drop)
}

/// Where cargo puts what it builds.
pub(crate) fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from)
}

/// Runs a command to its end; what it prints is kept from the table unless it fails.
pub(crate) fn run(command: &mut Command) -> Result<Vec<u8>, String> {
    let output =
        command.output().map_err(|e| format!("start {}: {e}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{} failed: {}", command.get_program().display(), said.trim()))
}

/// The processor and how many of them.
pub(crate) fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models: Vec<&str> = info
        .lines()
        .filter(|line| line.starts_with("model name"))
        .filter_map(|line| line.split_once(": ").map(|(_, model)| model))
        .collect();
    format!("{} x {}", models.len(), models.first().unwrap_or(&"unknown processor"))
}

/// Prints a line at once.
#[allow(clippy::print_stdout, reason = "this is what the command is for")]
pub(crate) fn say(line: &str) {
    println!("{line}");
    let _flushed = std::io::stdout().flush();
}

/// Waits between two looks at processes that tell nothing by themselves.
#[allow(clippy::disallowed_methods, reason = "polls processes that can't be waited for together")]
pub(crate) fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

/// Seconds since 1970.
#[allow(clippy::disallowed_methods, reason = "benchmarks measure the machine's own time")]
pub(crate) fn wall() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}
