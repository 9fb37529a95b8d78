//! What tables say of each other: names that must exist, and combinations that can't work.

use super::camera::Read;
use super::read::{ReadPlugin, unknown};
use super::table::Context;
use super::units::{parse_duration, show_duration};
use super::{Mode, Params};

pub(super) fn check(
    context: &Context<'_>,
    plugins: &[ReadPlugin],
    cameras: &[Read],
    camera_names: &[&str],
) {
    for read in cameras {
        names(context, plugins, read);
        modes(context, plugins, read);
    }
    shadows(context, plugins, cameras);
    for read in plugins {
        for wanted in &read.cameras {
            if !camera_names.contains(&wanted.value.as_str()) {
                let known = camera_names.iter().copied();
                context.mistake(wanted.at, unknown("camera", &wanted.raw, known));
            }
        }
    }
}

/// A candidate is a plugin, waits for one place only, and is in charge nowhere.
fn shadows(context: &Context<'_>, plugins: &[ReadPlugin], cameras: &[Read]) {
    let mut seen: Vec<&str> = Vec::new();
    for read in plugins {
        let Some(wanted) = &read.shadow else { continue };
        let name = wanted.value.as_str();
        let Some(candidate) = plugins.iter().find(|other| other.plugin.name == name) else {
            let known = plugins.iter().map(|read| read.plugin.name.as_str());
            context.mistake(wanted.at, unknown("plugin", &wanted.raw, known));
            continue;
        };
        let wrong = |why: String| {
            context.mistake(wanted.at, format!("`shadow` = `{}`: {why}", wanted.raw));
        };
        let in_charge = |read: &&Read| {
            read.analyzers.iter().chain(&read.policies).any(|text| text.value == name)
        };
        if let Some(camera) = cameras.iter().find(in_charge) {
            wrong(format!("it is in charge already, of camera `{}`", camera.camera.name));
        } else if name == read.plugin.name {
            wrong("a plugin is no candidate for its own place".into());
        } else if candidate.shadow.is_some() {
            wrong("a candidate has no candidate itself: take out its `shadow`".into());
        } else if !candidate.cameras.is_empty() {
            let (place, name) = (&read.plugin.name, &candidate.plugin.name);
            wrong(format!(
                "it speaks for the cameras of `{place}`: take `cameras` out of `[plugins.{name}]`"
            ));
        } else if !candidate.plugin.chain.after.is_empty() {
            let (place, name) = (&read.plugin.name, &candidate.plugin.name);
            wrong(format!(
                "it comes after whom `{place}` does: take `after` out of `[plugins.{name}]`"
            ));
        } else if seen.contains(&name) {
            wrong("it is the candidate for another place, too: give one a name of its own".into());
        }
        seen.push(name);
    }
}

fn names(context: &Context<'_>, plugins: &[ReadPlugin], read: &Read) {
    for wanted in read.analyzers.iter().chain(&read.policies) {
        let known = || plugins.iter().map(|read| read.plugin.name.as_str());
        if !known().any(|name| name == wanted.value) {
            context.mistake(wanted.at, unknown("plugin", &wanted.raw, known()));
        }
    }
    for policy in &read.policies {
        if read.analyzers.iter().any(|analyzer| analyzer.value == policy.value) {
            context.mistake(
                policy.at,
                format!("plugin `{}` stands under `analyzers` and under `policies`: it is one or the other", policy.raw),
            );
        }
    }
}

fn modes(context: &Context<'_>, plugins: &[ReadPlugin], read: &Read) {
    let camera = &read.camera;
    if camera.mode == Mode::Events && read.policies.is_empty() {
        context.mistake(
            read.at,
            format!("camera `{}` has mode `events` but no policy, so nothing would be recorded: add `policies = [\"NAME\"]` with a `[plugins.NAME]`, or use mode `continuous`", camera.name),
        );
    }
    if camera.mode == Mode::Off && !read.policies.is_empty() {
        context.warn(
            read.at,
            format!("camera `{}` has mode `off`, so its policies record nothing", camera.name),
        );
    }
    if camera.mode != Mode::Events {
        return;
    }
    for policy in &read.policies {
        let Some(read) = plugins.iter().find(|read| read.plugin.name == policy.value) else {
            continue;
        };
        let Some(before) = reach_back(&read.plugin.params) else { continue };
        if before > camera.preroll {
            context.mistake(
                read.at,
                format!(
                    "policy `{}` wants video from {} before an event, and camera `{}` remembers {} of it: set its `preroll` to `{}` or more",
                    policy.raw,
                    show_duration(before),
                    camera.name,
                    show_duration(camera.preroll),
                    show_duration(before),
                ),
            );
        }
    }
}

/// How far before an event a policy asks for video: its parameter `before`, or a negative
/// `offset`. Policies name these parameters so where they have them.
fn reach_back(params: &Params) -> Option<std::time::Duration> {
    let text = |key| params.values().get(key).and_then(serde_json::Value::as_str);
    let back = text("before").or_else(|| text("offset").and_then(|text| text.strip_prefix('-')));
    parse_duration(back?).ok()
}
