//! The program under test: started with a configuration, asked over HTTP, ended as a person would.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::process::Process;
use crate::{need, wait};

/// How long a host may take to be ready: plugins are compiled at the first start.
const START: Duration = Duration::from_secs(60);

/// The bound of an ordered shutdown.
pub const SHUTDOWN: Duration = Duration::from_secs(3);

/// A folder of its own for a test: configuration, store, clips. Removed at the end, unless the
/// test fails.
pub struct Place {
    folder: Option<tempfile::TempDir>,
}

/// How a test's configuration begins: a store beside it, and any free port.
pub const HEAD: &str = "[store]\npath = \"store\"\nfree-floor = \"1MiB\"\n\n\
                        [http]\nlisten = \"127.0.0.1:0\"\n\n";

/// The configuration of an example, at any free port.
///
/// Like [`HEAD`] it sets no floor: the disk of a machine that builds may be fuller than one that
/// records should be.
pub fn anywhere(example: &str) -> String {
    let mut text = format!("{example}\n[http]\nlisten = \"127.0.0.1:0\"\n");
    if !text.contains("free-floor") {
        text = text.replace("[store]\n", "[store]\nfree-floor = \"1MiB\"\n");
    }
    text
}

impl Place {
    /// A new folder; `name` is part of its name.
    pub fn new(name: &str) -> Self {
        let folder = tempfile::Builder::new().prefix(&format!("wardline-{name}-")).tempdir();
        Self { folder: Some(folder.expect("the folder for temporary files can be written")) }
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.as_ref().expect("kept until the end").path().join(name)
    }

    /// Writes the configuration: a store in this folder, any free port, and `rest`.
    pub fn configure(&self, rest: &str) -> PathBuf {
        let file = self.path("wardline.toml");
        std::fs::write(&file, format!("{HEAD}{rest}")).expect("the folder can be written");
        file
    }

    /// Recorded files of a camera, in order.
    pub fn files(&self, camera: &str) -> Vec<PathBuf> {
        let mut files = Vec::new();
        collect(&self.path("store").join(camera), &mut files);
        files.retain(|file| file.extension().is_some_and(|extension| extension == "mp4"));
        // `<utc-start-ms>-<sequence>.mp4`: the sequence gives the order, even if the clock steps.
        files.sort_by_key(|file| {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            stem.rsplit('-').next().and_then(|sequence| sequence.parse::<u64>().ok())
        });
        files
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(folder) = self.folder.take()
        {
            need::say(&format!("kept for a look: {}", folder.keep().display()));
        }
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => collect(&path, files),
            path => files.push(path),
        }
    }
}

/// Where a program notes which stores it has seen; the user's own notes are not for tests.
const STATE: &str = "STATE_DIRECTORY";

/// Runs one command of the program to its end. It can't note anything.
pub fn wardline(arguments: &[&str]) -> Output {
    command(arguments).env(STATE, "/dev/null/state").output().expect("wardline runs")
}

/// The same with the notes that hosts of this place have.
pub fn wardline_in(place: &Place, arguments: &[&str]) -> Output {
    command(arguments).env(STATE, place.path("state")).output().expect("wardline runs")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(need::wardline().expect("the test asked for it"));
    command.args(arguments).env_remove("RUST_LOG");
    command
}

/// A running host.
pub struct Host {
    process: Process,
    base: String,
}

impl Host {
    /// Starts it and waits until it answers.
    pub fn start(config: &Path) -> Self {
        Self::start_with(config, &[])
    }

    /// The same, with environment variables.
    pub fn start_with(config: &Path, environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(need::wardline().expect("the test asked for it"));
        let state = config.with_file_name("state");
        command.arg("run").arg(config).env(STATE, state).envs(environment.iter().copied());
        let mut process = Process::start("wardline run", &mut command);
        let base = process.wait_for("its address", START, address);
        let host = Self { process, base };
        wait::until("an answer of /healthz", START, || host.get("/healthz").ok());
        host
    }

    /// The URL that it answers at, without a path.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// GET: status and body, or why there is no answer.
    pub fn get(&self, path: &str) -> Result<(u16, String), String> {
        answer(agent().get(format!("{}{path}", self.base)).call())
    }

    /// POST of a JSON body: status and body.
    pub fn post(&self, path: &str, body: &str) -> Result<(u16, String), String> {
        let request = agent().post(format!("{}{path}", self.base));
        answer(request.content_type("application/json").send(body))
    }

    /// What `/healthz` says of a camera.
    pub fn camera(&self, name: &str) -> Option<Value> {
        let (_, body) = self.get("/healthz").ok()?;
        let body: Value = serde_json::from_str(&body).ok()?;
        let cameras = body["health"]["cameras"].as_array()?;
        cameras.iter().find(|camera| camera["name"] == name).cloned()
    }

    /// Waits until a camera delivers, or does not.
    pub fn wait_connected(&self, camera: &str, connected: bool, deadline: Duration) {
        let what = format!("camera {camera} connected = {connected}");
        wait::until(&what, deadline, || {
            (self.camera(camera)?["connected"] == connected).then_some(())
        });
    }

    /// Waits until the log says that a session of the camera is over. The next may begin at once.
    pub fn wait_session_end(&self, camera: &str, deadline: Duration) {
        let camera = format!("\"camera\":\"{camera}\"");
        let words = ["\"message\":\"offline\"", "\"message\":\"ended\""];
        let over =
            |line: &str| line.contains(&camera) && words.iter().any(|word| line.contains(word));
        let says = |line: &str| over(line).then_some(());
        let what = format!("the end of a session of {camera}");
        wait::until(&what, deadline, || self.process.find(says));
    }

    /// The sum of a metric over all its labels that contain `labels`.
    pub fn metric(&self, name: &str, labels: &str) -> Option<f64> {
        let (_, text) = self.get("/metrics").ok()?;
        let matching = text.lines().filter_map(|line| {
            let (key, value) = line.rsplit_once(' ')?;
            let bare = key.split('{').next()?;
            (bare == name && key.contains(labels)).then(|| value.parse::<f64>().ok())?
        });
        let values: Vec<f64> = matching.collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }

    /// Everything it has logged so far.
    pub fn log(&self) -> String {
        self.process.lines().join("\n")
    }

    /// Sends it a signal.
    pub fn signal(&mut self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(mut self) -> String {
        self.process.signal(Signal::KILL);
        self.process.wait(SHUTDOWN);
        self.log()
    }

    /// Ends it with SIGINT; asserts success within the bound of an ordered shutdown. Gives its log.
    pub fn stop(self) -> String {
        self.stop_by(Signal::INT)
    }

    /// The same with a signal of choice.
    pub fn stop_by(mut self, signal: Signal) -> String {
        self.process.signal(signal);
        let status: ExitStatus = self.process.wait(SHUTDOWN);
        let log = self.log();
        assert!(status.success(), "ended with {status}");
        // Guests may panic, threads of the host may not.
        assert!(!log.lines().any(|line| line.starts_with("thread '")), "a panic:\n{log}");
        log
    }
}

/// The base URL in the line that says where it listens.
fn address(line: &str) -> Option<String> {
    let marks = ["\"address\":\"127.0.0.1:", "address=127.0.0.1:"];
    let rest = marks.iter().find_map(|mark| line.split(mark).nth(1))?;
    let port: u16 = rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    Some(format!("http://127.0.0.1:{port}"))
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(15)))
        .http_status_as_error(false)
        .build();
    config.into()
}

fn answer(
    result: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<(u16, String), String> {
    let mut response = result.map_err(|error| error.to_string())?;
    let body = response.body_mut().read_to_string().map_err(|error| error.to_string())?;
    Ok((response.status().as_u16(), body))
}
