//! `wardline demo`: a simulated camera, recorded as an operator would, then read back, then shown.
//!
//! Everything in one process: the camera, the host with its bundled plugins, the checks. The page is
//! that of a second host on the same store, so that what is checked is all that was written.

mod readback;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use super::{Process, output, recordings, run};
use crate::base::clock::Clock;
use crate::base::metrics::Metrics;
use crate::base::tasks::Tasks;
use crate::base::{Error, Result};
use crate::cli::Demo;
use crate::config;
use crate::pipeline::{self, Running, Surroundings};
use crate::simulate::{self, PathConfig, Scene, Server, Source, Visit};
use crate::store::{Filter, Reader};

/// The demonstration is over when its camera has ended; the server gets this long for it.
const FAREWELL: Duration = Duration::from_secs(2);

/// A shorter one shows no visit with emptiness before and after.
const LENGTH_MIN: Duration = Duration::from_secs(5);

pub(super) async fn demo(arguments: Demo, process: Process) -> Result<()> {
    if arguments.length < LENGTH_MIN {
        return Err(Error::refuse("the demonstration is too short: write `--for 5s` or more"));
    }
    let place = Place::new(arguments.dir.as_deref(), &process)?;
    let visit = visit(arguments.length);
    let source = match &arguments.clip {
        Some(clip) => Source::File(clip.clone()),
        None => Source::Scene(scene(arguments.length, visit.clone())),
    };
    let waiting = output::spinner("preparing the camera");
    let camera = camera(source, process.clock.clone()).await?;
    waiting.finish_and_clear();
    let tasks = Tasks::new();
    let url = camera.urls().remove(0);
    tasks.spawn("simulated camera", camera.run(tasks.shutdown().clone()));
    match arguments.clip {
        Some(clip) => output::line(format!("camera: {url} plays {}", clip.display()))?,
        None => output::line(format!(
            "camera: {url} shows an empty room, and a visit from {:.1} s to {:.1} s",
            visit.from, visit.to
        ))?,
    }
    record(&place.root, &url, arguments.length, &process).await?;
    show(&place.root)?;
    output::line(match place.temporary {
        true => {
            "\nthe files are temporary: keep them with `wardline demo --dir DIRECTORY`".to_owned()
        }
        false => format!("\nthe files are in {}", place.root.join("recordings").display()),
    })?;
    let terminal = std::io::stdout().is_terminal();
    if (arguments.stay || terminal && !arguments.no_stay) && !process.shutdown.is_cancelled() {
        stay(&place.root, terminal, &process).await?;
    }
    tasks.end(FAREWELL).await;
    Ok(())
}

/// When somebody walks through the scene: with emptiness before and after.
fn visit(length: Duration) -> Visit {
    let seconds = length.as_secs_f64();
    Visit::between((seconds * 0.4).round(), (seconds * 0.6).round())
}

/// Longer than what is recorded, so that the camera does not leave first.
fn scene(length: Duration, visit: Visit) -> Scene {
    Scene { seconds: length.as_secs_f64() + 15.0, visits: vec![visit], ..Scene::default() }
}

async fn camera(source: Source, clock: Arc<dyn Clock>) -> Result<Server> {
    let paths = vec![PathConfig { name: "demo".into(), source, looping: true }];
    let listen = "127.0.0.1:0".parse().expect("an address");
    Server::bind(simulate::Config { listen, paths, credentials: None, clock, log: None }).await
}

/// The configuration that an operator would write for such a camera.
fn configuration(url: &str) -> String {
    format!(
        r#"[store]
path = "recordings"

[http]
listen = "127.0.0.1:0"

[plugins.motion]
component = "analyzer-motion"

[plugins.visits]
component = "policy-pre-post"
params = {{ kinds = ["motion"], before = "2s", after = "3s", keep = "30d" }}

[cameras.demo]
url = "{url}"
mode = "both"
keep = "7d"
segment = "10s"
analyzers = ["motion"]
policies = ["visits"]
"#
    )
}

async fn record(root: &Path, url: &str, length: Duration, process: &Process) -> Result<()> {
    let file = root.join("wardline.toml");
    let text = configuration(url);
    std::fs::write(&file, &text)
        .map_err(|error| Error::stop(format!("write {}", file.display())).with(error))?;
    output::line(format!("\n{}\n\n{text}", file.display()))?;
    let running = host(&file, process).await?;
    let end = CancellationToken::new();
    tokio::join!(running.run(end.clone()), async {
        wait(length, &process.shutdown).await;
        end.cancel();
    });
    Ok(())
}

/// A host that records already.
async fn host(file: &Path, process: &Process) -> Result<Running> {
    let surroundings = Surroundings {
        clock: process.clock.clone(),
        metrics: Metrics::default(),
        cache: run::cache(|name| std::env::var_os(name).map(PathBuf::from)),
        notes: None,
        file: None,
    };
    let mut config = config::load(file)?;
    // Nobody minds where a demonstration lies.
    config.store.allow_filesystem = true;
    pipeline::start(config, surroundings).await
}

/// Shows what was recorded, and goes on recording, until told to end.
async fn stay(root: &Path, terminal: bool, process: &Process) -> Result<()> {
    let running = host(&root.join("wardline.toml"), process).await?;
    let page = format!("http://{}/#/play/demo", running.address());
    output::line(format!(
        "page: {page} shows the recordings, and the camera live; Ctrl-C ends it"
    ))?;
    if terminal {
        open(&page);
    }
    running.run(process.shutdown.clone()).await;
    Ok(())
}

/// Opens the page in a browser, where there is a screen for one. The address was said, so that it
/// does not matter if this fails.
fn open(page: &str) {
    let screen = ["DISPLAY", "WAYLAND_DISPLAY"];
    if !screen.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty())) {
        return;
    }
    let mut browser = Command::new("xdg-open");
    browser.arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _ = browser.spawn();
}

/// Lets the time pass, visibly.
async fn wait(length: Duration, shutdown: &CancellationToken) {
    let bar = ProgressBar::new(length.as_secs());
    let style = ProgressStyle::with_template("recording {bar:40} {pos}/{len} s")
        .expect("the template is right");
    bar.set_style(style);
    let mut second = tokio::time::interval(Duration::from_secs(1));
    for _ in 0..=length.as_secs() {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            _ = second.tick() => bar.inc(1),
        }
    }
    bar.finish_and_clear();
}

/// What was written, as the index has it and as the files themselves say.
fn show(root: &Path) -> Result<()> {
    let reader = Reader::open(&root.join("recordings"))?;
    let found = reader.recordings(&Filter::default())?;
    output::line(recordings::table(&found, &jiff::tz::TimeZone::UTC))?;
    let begin = found.iter().filter_map(|recording| recording.true_start).min();
    output::line("")?;
    for line in readback::events(&reader, begin)? {
        output::line(line)?;
    }
    let files = readback::files(&reader)?;
    output::line(&files.text)?;
    if found.is_empty() || files.broken > 0 {
        return Err(Error::bug(
            "the demonstration did not record as it should: please report this",
        ));
    }
    Ok(())
}

/// Where the demonstration records.
struct Place {
    root: PathBuf,
    temporary: bool,
}

impl Place {
    fn new(wished: Option<&Path>, process: &Process) -> Result<Self> {
        let temporary = wished.is_none();
        let root = wished.map_or_else(
            || {
                std::env::temp_dir()
                    .join(format!("wardline-demo-{}", process.clock.wall().micros()))
            },
            Path::to_owned,
        );
        if !temporary && root.join("recordings").exists() {
            let root = root.display();
            return Err(Error::refuse(format!(
                "{root} has recordings already: name another directory"
            )));
        }
        std::fs::create_dir_all(&root)
            .map_err(|error| Error::refuse(format!("make {}", root.display())).with(error))?;
        Ok(Self { root, temporary })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.temporary {
            // Nothing is lost when this fails: it lies among temporary files.
            let _ = std::fs::remove_dir_all(&self.root);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_one() {
        let text = configuration("rtsp://127.0.0.1:1/demo");
        let config = config::parse(&text, Path::new("x/wardline.toml"), &config::Machine).unwrap();
        assert_eq!(config.cameras[0].policies, ["visits"]);
    }

    #[test]
    fn a_visit_lies_within_its_scene() {
        for seconds in [5, 30, 600] {
            let length = Duration::from_secs(seconds);
            scene(length, visit(length)).validate().unwrap();
        }
    }
}
