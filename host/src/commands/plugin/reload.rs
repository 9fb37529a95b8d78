//! `wardline plugin reload`: has a running host load a plugin anew.

use crate::base::{Error, Result};
use crate::cli::ReloadPlugin;
use crate::commands::host::Destination;
use crate::commands::output;
use crate::serve::{ReloadedPlugin, ReloadedSeat};

pub(super) async fn reload(arguments: ReloadPlugin) -> Result<()> {
    let host = Destination::named(&arguments.host)?;
    let plugin = &arguments.plugin;
    if plugin.contains(['/', '?', '#', '%']) {
        return Err(Error::refuse(format!("`{plugin}` is no name of a plugin")));
    }
    let path = format!("/api/v1/plugins/{plugin}/reload");
    let reloaded: ReloadedPlugin = host.post(&path, &serde_json::Map::new()).await?;
    if arguments.json {
        output::json(&reloaded)?;
    } else {
        output::line(describe(&reloaded))?;
    }
    // The exit code says whether all have it.
    match reloaded.seats.iter().filter(|seat| seat.reason.is_some()).count() {
        0 => Ok(()),
        refused => Err(Error::refuse(format!(
            "{refused} of {} refused it: the one before runs on there",
            reloaded.seats.len()
        ))),
    }
}

fn describe(reloaded: &ReloadedPlugin) -> String {
    let digest = &reloaded.digest[..reloaded.digest.floor_char_boundary(12)];
    let mut lines = vec![format!("{} {} ({digest})", reloaded.plugin, reloaded.version)];
    if reloaded.seats.is_empty() {
        lines.push("  no camera uses it".into());
    }
    lines.extend(reloaded.seats.iter().map(line));
    lines.join("\n")
}

fn line(seat: &ReloadedSeat) -> String {
    let place = seat.camera.as_deref().unwrap_or("source");
    match &seat.reason {
        Some(reason) => format!("  {place}: {}: {reason}", seat.outcome),
        None => format!("  {place}: {}", seat.outcome),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_camera_is_told_of_with_the_reason() {
        let seat = |camera: Option<&str>, outcome: &str, reason: Option<&str>| ReloadedSeat {
            camera: camera.map(Into::into),
            outcome: outcome.into(),
            reason: reason.map(Into::into),
        };
        let mut reloaded = ReloadedPlugin {
            plugin: "motion".into(),
            version: "0.2.0".into(),
            digest: "0123456789abcdef".into(),
            seats: vec![
                seat(Some("gate"), "seated", None),
                seat(None, "refused", Some("load refused: schema 2 is not 1")),
            ],
        };
        assert_eq!(
            describe(&reloaded),
            "motion 0.2.0 (0123456789ab)\n  gate: seated\n  source: refused: load refused: schema \
             2 is not 1"
        );
        reloaded.seats.clear();
        assert!(describe(&reloaded).ends_with("no camera uses it"));
    }
}
