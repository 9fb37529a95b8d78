//! The host of `wardline plugin dev`: the same as any, in this process, with a temporary store.

use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::Value;

use super::super::super::host::Destination;
use super::super::super::{Process, output, recordings};
use super::super::build::Built;
use crate::base::metrics::Metrics;
use crate::base::tasks::Tasks;
use crate::base::{Error, Result, limits};
use crate::config;
use crate::events::Phase;
use crate::pipeline::{self, Surroundings};
use crate::serve::ReloadedPlugin;
use crate::store::{EventFilter, Reader};
use crate::wasm::World;

/// What is said where a new version does not come to be in charge.
const RUNS_ON: &str = "         the one before runs on";

/// The simulated camera's name.
pub(super) const CAMERA: &str = "yard";

/// Runs a plugin on the simulated camera.
pub(super) struct Host {
    folder: PathBuf,
    url: String,
    params: Value,
    process: Process,
    /// None before the first build that succeeded.
    running: Option<Running>,
    /// Of the last event that was shown.
    sequence: u64,
}

/// A host that records.
struct Running {
    tasks: Tasks,
    /// Where it answers.
    destination: Destination,
    /// The text of its configuration.
    configuration: String,
}

impl Host {
    /// That will record into `folder` what the camera at `url` sends.
    pub(super) fn new(folder: PathBuf, url: String, params: Value, process: Process) -> Self {
        Self { folder, url, params, process, running: None, sequence: 0 }
    }

    /// Runs this component: swapped in for the one before, while the camera is recorded, as in any
    /// host; in a host of its own where it is of another kind, or asks for other grants.
    pub(super) async fn take(&mut self, built: &Built) -> Result<()> {
        let text = configuration(built, &self.url, &self.params)?;
        let id = built.project.id();
        if let Some(running) = self.running.as_ref().filter(|it| it.configuration == text) {
            let path = format!("/api/v1/plugins/{id}/reload");
            let nothing = serde_json::Map::new();
            let said: Result<ReloadedPlugin> = running.destination.post(&path, &nothing).await;
            self.show_news()?;
            return match said {
                Ok(reloaded) => output::line(swapped(&reloaded)),
                Err(error) => output::line(format!("refused  {}\n{RUNS_ON}", error.chain())),
            };
        }
        self.end().await;
        self.show_news()?;
        let file = self.folder.join("wardline.toml");
        std::fs::write(&file, &text)
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
        let destination = Destination::at(&format!("http://{}", running.address()));
        if built.inspection.world == Some(World::Source) {
            let address = running.address();
            output::line(format!("try it   curl -X POST http://{address}/hooks/{id} -d '...'"))?;
        }
        let tasks = Tasks::new();
        tasks.spawn("host", running.run(tasks.shutdown().clone()));
        self.running = Some(Running { tasks, destination, configuration: text });
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
        if let Some(running) = self.running.take() {
            let left = running.tasks.end(limits::SHUTDOWN + Duration::from_secs(1)).await;
            if !left.is_empty() {
                tracing::warn!("the host did not end in time");
            }
        }
    }
}

/// What became of a component that was built anew.
fn swapped(reloaded: &ReloadedPlugin) -> String {
    let refused = reloaded.seats.iter().find_map(|seat| seat.reason.as_deref());
    if let Some(why) = refused {
        return format!("refused  {why}\n{RUNS_ON}");
    }
    match reloaded.seats.iter().map(|seat| seat.outcome.as_str()).next() {
        Some("unchanged") => "same     it is the component that runs".into(),
        Some("revived") => "running  nobody was in charge: an instance is being made".into(),
        _ => "swapped  it goes on with the state of the one before, if that saved any".into(),
    }
}

/// The capabilities that the plugin asks for, as an operator grants them; and those that nobody can
/// grant as they stand, since they name no host.
fn grants(built: &Built) -> (Vec<String>, Vec<String>) {
    let wishes = built.inspection.manifest.iter().flat_map(|manifest| &manifest.capabilities);
    let is_any = |name: &String| name.starts_with("http:") && name.ends_with(" *");
    let (any, named): (Vec<String>, Vec<String>) =
        wishes.map(|wish| wish.name.to_string()).partition(is_any);
    (named, any)
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
    let (granted, any) = grants(built);
    if let Some(any) = any.first() {
        return Err(Error::refuse(format!(
            "it asks for `{any}`, for which its operator names a host: run it in a host with such a \
             grant, or name one in plugin.toml while you work on it"
        )));
    }
    let granted = match granted.is_empty() {
        true => String::new(),
        false => format!("grant = {}\n", toml::Value::from(granted)),
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
         [plugins.{id}]\ncomponent = {path}\n{cameras}{granted}{params}\n\
         [cameras.{CAMERA}]\nurl = \"{url}\"\n{camera}"
    ))
}
