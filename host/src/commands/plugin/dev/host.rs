//! The host of `wardline plugin dev`: the same as any, in this process, with a temporary store.

use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::Value;

use super::super::super::{Process, output, recordings};
use super::super::build::Built;
use crate::base::metrics::Metrics;
use crate::base::tasks::Tasks;
use crate::base::{Error, Result, limits};
use crate::config;
use crate::events::Phase;
use crate::pipeline::{self, Surroundings};
use crate::store::{EventFilter, Reader};
use crate::wasm::World;

/// The simulated camera's name.
pub(super) const CAMERA: &str = "yard";

/// Runs a plugin on the simulated camera.
pub(super) struct Host {
    folder: PathBuf,
    url: String,
    params: Value,
    process: Process,
    /// None before the first build that succeeded.
    running: Option<Tasks>,
    /// Of the last event that was shown.
    sequence: u64,
}

impl Host {
    /// That will record into `folder` what the camera at `url` sends.
    pub(super) fn new(folder: PathBuf, url: String, params: Value, process: Process) -> Self {
        Self { folder, url, params, process, running: None, sequence: 0 }
    }

    /// Runs this component, in place of the one before.
    pub(super) async fn take(&mut self, built: &Built) -> Result<()> {
        self.end().await;
        self.show_news()?;
        let text = configuration(built, &self.url, &self.params)?;
        let file = self.folder.join("wardline.toml");
        std::fs::write(&file, text)
            .map_err(|error| Error::stop(format!("write {}", file.display())).with(error))?;
        let mut config = config::load(&file)?;
        config.store.allow_filesystem = true;
        let surroundings = Surroundings {
            clock: self.process.clock.clone(),
            metrics: Metrics::default(),
            cache: super::super::cache(),
            notes: None,
            file: None,
        };
        let running = pipeline::start(config, surroundings).await?;
        if built.inspection.world == Some(World::Source) {
            let (address, id) = (running.address(), built.project.id());
            output::line(format!("try it   curl -X POST http://{address}/hooks/{id} -d '...'"))?;
        }
        let tasks = Tasks::new();
        tasks.spawn("host", running.run(tasks.shutdown().clone()));
        self.running = Some(tasks);
        output::line("running  (Ctrl-C ends it)")
    }

    /// Shows the events since the last time, a line each; not that something is still so.
    pub(super) fn show_news(&mut self) -> Result<()> {
        let store = self.folder.join("recordings");
        if !store.is_dir() {
            return Ok(());
        }
        let filter = EventFilter { after: Some(self.sequence), ..EventFilter::default() };
        let zone = TimeZone::system();
        for stored in Reader::open(&store)?.events(&filter)? {
            self.sequence = stored.sequence;
            if stored.event.phase != Phase::Update {
                output::line(recordings::event_line(&stored, &zone))?;
            }
        }
        Ok(())
    }

    /// Ends what runs; all of it is in the store then.
    pub(super) async fn end(&mut self) {
        if let Some(tasks) = self.running.take() {
            let left = tasks.end(limits::SHUTDOWN + Duration::from_secs(1)).await;
            if !left.is_empty() {
                tracing::warn!("the host did not end in time");
            }
        }
    }
}

/// What an operator would write to run the plugin on one camera.
fn configuration(built: &Built, url: &str, params: &Value) -> Result<String> {
    let id = built.project.id();
    let refuse = |what: &str| Error::refuse(format!("{what} cannot be written as TOML"));
    let path = toml::Value::try_from(&built.path).map_err(|_| refuse("the component's path"))?;
    let params = match params {
        Value::Null => String::new(),
        params => {
            let params = toml::Value::try_from(params).map_err(|_| refuse("--params"))?;
            format!("params = {params}\n")
        }
    };
    let (cameras, camera) = match built.inspection.world {
        Some(World::Analyzer) => {
            ("", format!("mode = \"continuous\"\nkeep = \"1d\"\nanalyzers = [\"{id}\"]\n"))
        }
        Some(World::Source) => {
            ("cameras = [\"yard\"]\n", "mode = \"continuous\"\nkeep = \"1d\"\n".to_owned())
        }
        Some(World::Policy) | None => {
            ("", format!("mode = \"events\"\nanalyzers = [\"motion\"]\npolicies = [\"{id}\"]\n"))
        }
    };
    Ok(format!(
        "[store]\npath = \"recordings\"\n\n[http]\nlisten = \"127.0.0.1:0\"\n\n\
         [plugins.motion]\ncomponent = \"analyzer-motion\"\n\n\
         [plugins.{id}]\ncomponent = {path}\n{cameras}{params}\n\
         [cameras.{CAMERA}]\nurl = \"{url}\"\n{camera}"
    ))
}
