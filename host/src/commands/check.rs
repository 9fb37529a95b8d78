//! `wardline check`: a configuration, its plugins and, if asked, its cameras, without recording.

use serde::Serialize;

use super::{output, preroll, probe, sizes};
use crate::base::masked::masked;
use crate::base::{Error, Result};
use crate::cli::Check;
use crate::config::{self, Config, MAIN_STORE, Mistake, Mistakes, Source, show_duration};
use crate::people;
use crate::pipeline::plugins;
use crate::serve;
use crate::store::fs::Disk;
use crate::store::ground::{self, Ground, Use};
use crate::wasm::Engine;

/// What is found, as `--json` shows it.
#[derive(Serialize)]
struct Report {
    ok: bool,
    mistakes: Vec<MistakeReport>,
    warnings: Vec<String>,
    cameras: Vec<CameraReport>,
}

#[derive(Serialize)]
struct MistakeReport {
    /// Missing where the mistake is of no one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    message: String,
}

#[derive(Serialize)]
struct CameraReport {
    name: String,
    mode: &'static str,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    probe: Option<probe::Report>,
}

pub(super) async fn check(arguments: Check) -> Result<()> {
    let config = match config::load(&arguments.config) {
        Ok(config) => config,
        Err(mistakes) if arguments.json => {
            let count = mistakes.list.len();
            let mistakes = mistakes.list.into_iter().map(MistakeReport::from).collect();
            output::json(&Report {
                ok: false,
                mistakes,
                warnings: Vec::new(),
                cameras: Vec::new(),
            })?;
            return Err(failed(count));
        }
        Err(mistakes) => return report(&mistakes),
    };
    let mut mistakes = plugin_mistakes(&config)?;
    mistakes.extend(http_mistakes(&config));
    let mut cameras = Vec::new();
    for camera in &config.cameras {
        let probe = match arguments.probe {
            true => Some(probe::camera(camera).await),
            false => None,
        };
        let failure = probe.as_ref().and_then(|report| report.error.clone());
        mistakes.extend(failure.map(|message| MistakeReport { line: None, message }));
        cameras.push(CameraReport {
            name: camera.name.clone(),
            mode: camera.mode.as_str(),
            url: url(&camera.source),
            probe,
        });
    }
    let count = mistakes.len();
    let warnings = config.warnings.iter().cloned().chain(preroll::warnings(&config));
    let warnings = warnings.chain(sizes::warnings(&config)).chain(grounds(&config)).collect();
    let report = Report { ok: count == 0, mistakes, warnings, cameras };
    if arguments.json {
        output::json(&report)?;
    } else {
        show(&config, &report)?;
    }
    if count == 0 { Ok(()) } else { Err(failed(count)) }
}

fn failed(count: usize) -> Error {
    let plural = if count == 1 { "mistake" } else { "mistakes" };
    Error::refuse(format!("{count} {plural}"))
}

/// Mistakes of the file itself: they are the output.
fn report(mistakes: &Mistakes) -> Result<()> {
    output::line(mistakes)?;
    Err(failed(mistakes.list.len()))
}

/// Loads every plugin as a host would: compiled, its parameters checked, nothing run.
fn plugin_mistakes(config: &Config) -> Result<Vec<MistakeReport>> {
    let waiting = output::spinner("inspecting plugins");
    let engine = Engine::new(None)?;
    let loaded = plugins::load(&engine, config);
    let mistakes = plugins::mistakes(config, &loaded);
    waiting.finish_and_clear();
    Ok(mistakes.into_iter().map(|message| MistakeReport { line: None, message }).collect())
}

/// What a start would say of who may come in, and of the TLS files.
fn http_mistakes(config: &Config) -> impl Iterator<Item = MistakeReport> {
    let http = &config.http;
    let nobody = match people::load(&config.store.path) {
        Ok(roll) => serve::nobody_may(http, &roll),
        Err(error) => Some(error.chain()),
    };
    let tls = http.tls.as_ref().and_then(|files| serve::check_tls(files).err());
    let found = nobody.into_iter().chain(tls.map(|error| error.chain()));
    found.map(|message| MistakeReport { line: None, message })
}

/// What a start would say of the filesystems below the stores, which may not be mounted now.
fn grounds(config: &Config) -> Vec<String> {
    let main = &config.store;
    let main = ground::look(&Disk, &main.path, MAIN_STORE, Use::Index, main.allow_filesystem);
    let further = config.stores.iter().map(|store| {
        ground::look(&Disk, &store.path, &store.name, Use::Files, store.allow_filesystem)
    });
    let words = std::iter::once(main).chain(further).map(|ground| match ground {
        Ground::Sound => None,
        Ground::Doubtful(words) | Ground::Refused(words) => Some(words),
    });
    words.flatten().collect()
}

fn show(config: &Config, report: &Report) -> Result<()> {
    for warning in &report.warnings {
        output::line(format!("warning: {warning}"))?;
    }
    for mistake in &report.mistakes {
        output::line(&mistake.message)?;
    }
    let rows: Vec<Vec<String>> = config
        .cameras
        .iter()
        .zip(&report.cameras)
        .map(|(camera, shown)| {
            let sees = shown.probe.as_ref().map(|probe| probe.text.clone()).unwrap_or_default();
            vec![
                camera.name.clone(),
                camera.mode.as_str().into(),
                show_duration(camera.keep),
                words(&camera.analyzers),
                words(&camera.policies),
                shown.url.clone(),
                sees,
            ]
        })
        .collect();
    let header = ["camera", "mode", "keep", "analyzers", "policies", "url", "sends"];
    let header = if report.cameras.iter().any(|camera| camera.probe.is_some()) {
        &header[..]
    } else {
        &header[..header.len() - 1]
    };
    output::line(output::table(header, &rows))?;
    if report.ok {
        let (cameras, plugins) = (config.cameras.len(), config.plugins.len());
        output::line(format!("ok: cameras: {cameras}, plugins: {plugins}"))?;
    }
    Ok(())
}

fn words(names: &[String]) -> String {
    if names.is_empty() { "-".into() } else { names.join(",") }
}

fn url(source: &Source) -> String {
    match source {
        Source::Rtsp { url, .. } => masked(url.as_str()),
        Source::File { path, .. } => path.display().to_string(),
    }
}

impl From<Mistake> for MistakeReport {
    fn from(mistake: Mistake) -> Self {
        Self { line: Some(mistake.line).filter(|line| *line > 0), message: mistake.message }
    }
}
