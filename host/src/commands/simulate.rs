//! `wardline simulate`: an RTSP camera for people without one.

use super::{Process, output};
use crate::base::{Error, Result};
use crate::cli::Simulate;
use crate::simulate::{Config, Credentials, Log, PathConfig, Scene, Server, Source};

pub(super) async fn simulate(arguments: Simulate, process: Process) -> Result<()> {
    let paths = arguments
        .paths
        .iter()
        .map(|text| path(text, arguments.repeat))
        .collect::<Result<Vec<_>>>()?;
    if arguments.truth {
        return output::line(truth(&paths));
    }
    let credentials = arguments.user.as_deref().map(credentials).transpose()?;
    if !arguments.listen.ip().is_loopback() {
        tracing::warn!(listen = %arguments.listen, "anybody who reaches this machine can watch");
    }
    let log = arguments.log.map(|path| Log::create(&path, process.clock.clone())).transpose()?;
    let config = Config { listen: arguments.listen, paths, credentials, clock: process.clock, log };
    let waiting = output::spinner("reading files and drawing scenes");
    let server = Server::bind(config).await?;
    waiting.finish_and_clear();
    for url in server.urls() {
        output::line(url)?;
    }
    server.run(process.shutdown).await;
    Ok(())
}

/// The ground truth of each scene, by path, as JSON. Nobody knows what is in a file.
fn truth(paths: &[PathConfig]) -> String {
    let scene = |path: &PathConfig| match &path.source {
        Source::Scene(scene) => Some((path.name.clone(), serde_json::json!(scene))),
        Source::File(_) => None,
    };
    let scenes: serde_json::Map<_, _> = paths.iter().filter_map(scene).collect();
    format!("{:#}", serde_json::Value::Object(scenes))
}

/// `gate=clip.mp4`, `yard=scene` or `yard=scene:seconds=60&visits=20-30`.
pub(super) fn path(text: &str, looping: bool) -> Result<PathConfig> {
    let wrong = || {
        Error::refuse(format!(
            "`{text}` is no path of a camera: write NAME=FILE.mp4, NAME=scene or 'NAME=scene:seconds=60&visits=20-30'"
        ))
    };
    let (name, source) = text.split_once('=').ok_or_else(wrong)?;
    if name.is_empty() || source.is_empty() {
        return Err(wrong());
    }
    let source = match source.strip_prefix("scene") {
        Some("") => Source::Scene(Scene::default()),
        Some(options) if options.starts_with(':') => Source::Scene(options[1..].parse()?),
        _ => Source::File(source.into()),
    };
    Ok(PathConfig { name: name.into(), source, looping })
}

fn credentials(text: &str) -> Result<Credentials> {
    let (user, password) = text
        .split_once(':')
        .filter(|(user, _)| !user.is_empty())
        // The text may be a password: it is not shown.
        .ok_or_else(|| Error::refuse("--user needs a name and a password: write USER:PASSWORD"))?;
    Ok(Credentials::new(user, password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_files_and_scenes() {
        for (text, expected) in [
            ("gate=clip.mp4", Some("file")),
            ("gate=scenery.mp4", Some("file")),
            ("yard=scene", Some("scene")),
            ("yard=scene:seconds=20&visits=5-9", Some("scene")),
            ("yard=scene:colour=red", None),
            ("clip.mp4", None),
            ("=clip.mp4", None),
            ("gate=", None),
        ] {
            let got = path(text, true).ok().map(|path| match path.source {
                Source::File(_) => "file",
                Source::Scene(_) => "scene",
            });
            assert_eq!(got, expected, "{text}");
        }
    }

    #[test]
    fn a_user_needs_a_password() {
        assert!(credentials("admin:a:b").is_ok());
        for text in ["admin", ":secret", ""] {
            let said = credentials(text).err().map(|error| error.chain()).unwrap_or_default();
            assert!(said.contains("USER:PASSWORD") && !said.contains("secret"), "{said}");
        }
    }
}
