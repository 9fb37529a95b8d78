//! `wardline plugin dev`: a plugin at work on a simulated camera, built anew and swapped in whenever a
//! file of it changes. What it says, and what the host makes of it, is shown as it happens.

mod host;
mod watch;

use std::path::{Path, PathBuf};
use std::time::Duration;

use wardline_builder::Project;

use super::super::Process;
use super::super::simulate::path;
use super::build::{self, Built};
use super::output;
use crate::base::tasks::Tasks;
use crate::base::{Error, Result};
use crate::cli::Dev;
use crate::simulate::{self, PathConfig, Server, Source};
use crate::wasm::{Engine, Plugin, Terms};
use host::Host;
use watch::Watch;

/// How long the camera gets for its farewell.
const FAREWELL: Duration = Duration::from_secs(2);

/// How often files are looked at, and news is shown.
const PACE: Duration = Duration::from_millis(300);

pub(super) async fn dev(arguments: Dev, process: Process) -> Result<()> {
    let project = Project::open(&arguments.dir).map_err(Error::refuse)?;
    let params = super::params(arguments.params.as_deref())?;
    let place = Place::new(&process)?;
    let waiting = output::spinner("preparing the camera");
    let camera = camera(&arguments, &process).await?;
    waiting.finish_and_clear();
    let url = camera.urls().remove(0);
    output::line(format!("camera   {url}"))?;
    let tasks = Tasks::new();
    tasks.spawn("simulated camera", camera.run(tasks.shutdown().clone()));
    let host = Host::new(place.0.clone(), url, params, process.clone());
    let done = work(project, host, &process).await;
    tasks.end(FAREWELL).await;
    done
}

/// Builds, runs and shows, until the person has seen enough.
async fn work(project: Project, mut host: Host, process: &Process) -> Result<()> {
    let mut watch = Watch::new(project.watched());
    if let Some(built) = rebuilt(project.folder()).await? {
        host.take(&built).await?;
    }
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = process.shutdown.cancelled() => break,
            _ = pace.tick() => {}
        }
        host.show_news()?;
        if watch.settled_change()
            && let Some(built) = rebuilt(project.folder()).await?
        {
            host.take(&built).await?;
        }
    }
    host.end().await;
    host.show_news()
}

/// What a build gave; a failure is shown, and the next change may mend it.
async fn rebuilt(folder: &Path) -> Result<Option<Built>> {
    let folder = folder.to_owned();
    let work = move || {
        let built = build::make(&folder)?;
        // Compiled here and now: the host finds it in the cache, and its pause is short.
        let engine = Engine::new(super::cache().as_deref())?;
        Plugin::load_on(&Terms::AsAsked, &engine, built.project.id(), &built.bytes)?;
        Ok(built)
    };
    let built: Result<Built> = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::bug("building a plugin panicked").with(error))?;
    let built = built.and_then(|built| {
        built.inspection.accept(built.project.id())?;
        Ok(built)
    });
    match built {
        Ok(built) => {
            output::line(build::describe(&built))?;
            Ok(Some(built))
        }
        Err(error) => {
            output::line(format!("failed   {}\nwaiting  for a change", error.chain()))?;
            Ok(None)
        }
    }
}

async fn camera(arguments: &Dev, process: &Process) -> Result<Server> {
    let source = match (&arguments.clip, &arguments.scene) {
        (Some(clip), _) => Source::File(clip.clone()),
        (None, Some(scene)) => path(&format!("{}=scene:{scene}", host::CAMERA), true)?.source,
        (None, None) => path(&format!("{}=scene", host::CAMERA), true)?.source,
    };
    let paths = vec![PathConfig { name: host::CAMERA.into(), source, looping: true }];
    let listen = "127.0.0.1:0".parse().expect("an address");
    let clock = process.clock.clone();
    Server::bind(simulate::Config { listen, paths, credentials: None, clock, log: None }).await
}

/// Where it is recorded meanwhile; removed at the end.
struct Place(PathBuf);

impl Place {
    fn new(process: &Process) -> Result<Self> {
        let name = format!("wardline-dev-{}", process.clock.wall().micros());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder)
            .map_err(|error| Error::refuse(format!("make {}", folder.display())).with(error))?;
        Ok(Self(folder))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Nothing is lost when this fails: it lies among temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
