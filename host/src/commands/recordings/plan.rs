//! `wardline recordings plan`: what would go next, when and why, and how many days fit.

use super::super::{Process, output};
use crate::base::{Result, Timestamp};
use crate::cli::PlanArguments;
use crate::config::{self, show_duration, show_size};
use crate::pipeline::storage;
use crate::store::Reader;
use crate::store::plan::{CameraPlan, Going, Next, Plan, StorePlan};

pub(super) fn plan(arguments: &PlanArguments, process: &Process) -> Result<()> {
    let config = config::load(&arguments.config)?;
    let reader = Reader::open(&config.store.path)?;
    let plan = reader.plan(&storage::limits(&config), process.clock.wall())?;
    if arguments.json {
        return output::json(&plan);
    }
    show(&plan).iter().try_for_each(output::line)
}

/// The plan as it is printed.
fn show(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(guarded) = plan.guarded {
        lines.push(format!(
            "warning: the clock has jumped ahead: age is judged {} behind it, for {} of running or \
             until `wardline recordings confirm-time`",
            show_duration(guarded.behind),
            show_duration(guarded.left)
        ));
    }
    let short = plan.cameras.iter().filter(|camera| camera.configured && camera.is_short());
    lines.extend(short.map(warning));
    lines.push(now(&plan.now));
    let header = [
        "camera", "files", "size", "spans", "pinned", "a day", "asked", "fits", "next", "when",
        "why",
    ];
    let rows: Vec<Vec<String>> = plan.cameras.iter().map(camera).collect();
    lines.push(output::table(&header, &rows));
    let header =
        ["store", "size", "most", "free", "floor", "pinned", "a day", "next", "when", "why"];
    let rows: Vec<Vec<String>> = plan.stores.iter().map(store).collect();
    lines.push(output::table(&header, &rows));
    lines
}

fn warning(camera: &CameraPlan) -> String {
    let asked = camera.asked_days.map_or("all".into(), |days| format!("{days:.1} days"));
    format!(
        "warning: camera {} is to keep {asked}, and {} fit at its present {} a day: give it more \
         room, or less to keep",
        camera.name,
        fits(camera),
        show_size(camera.bytes_a_day)
    )
}

fn fits(camera: &CameraPlan) -> String {
    camera.sustainable_days.map_or("-".into(), |days| format!("{days:.1} days"))
}

fn now(going: &[Going]) -> String {
    let bytes = going.iter().map(|one| one.bytes).sum();
    let expired = going.iter().filter(|one| one.reason.as_str() == "expired").count();
    format!(
        "a sweep now deletes {} files, {}: {expired} that nothing keeps, {} for want of room",
        going.len(),
        show_size(bytes),
        going.len() - expired
    )
}

fn camera(camera: &CameraPlan) -> Vec<String> {
    let earlier = |a: &Next, b: &Next| b.when < a.when;
    let next = match (&camera.next_by_age, &camera.next_by_size) {
        (Some(age), Some(size)) if earlier(age, size) => Some(size),
        (age, size) => age.as_ref().or(size.as_ref()),
    };
    let mut row = vec![
        camera.name.clone(),
        camera.segments.to_string(),
        show_size(camera.bytes),
        show_size(camera.held.span),
        show_size(camera.held.pinned),
        show_size(camera.bytes_a_day),
        camera.asked_days.map_or("all".into(), |days| format!("{days:.1} days")),
        fits(camera),
    ];
    row.extend(what(next));
    row
}

fn store(store: &StorePlan) -> Vec<String> {
    let size = |bytes: Option<u64>| bytes.map_or("-".into(), show_size);
    let mut row = vec![
        store.name.clone(),
        show_size(store.bytes),
        size(store.size_max),
        size(store.free),
        show_size(store.floor),
        show_size(store.held.pinned),
        show_size(store.bytes_a_day),
    ];
    row.extend(what(store.next_by_room.as_ref()));
    row
}

/// What goes next, when and why.
fn what(next: Option<&Next>) -> [String; 3] {
    let minute = |time: Timestamp| time.civil().strftime("%F %H:%MZ").to_string();
    match next {
        None => ["-".into(), "-".into(), "-".into()],
        Some(Next { going, when }) => [
            format!("{} {}", going.camera, minute(going.start)),
            minute(*when),
            going.reason.as_str().into(),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plan::Held;

    #[test]
    fn who_asks_for_more_than_fits_is_warned() {
        let gate = |asked: Option<f64>, fit: Option<f64>| CameraPlan {
            name: "gate".into(),
            configured: true,
            segments: 3,
            bytes: 3 << 30,
            held: Held::default(),
            oldest: None,
            bytes_a_day: 1 << 30,
            asked_days: asked,
            sustainable_days: fit,
            size_max: None,
            next_by_age: None,
            next_by_size: None,
        };
        for (asked, fit, expected) in [
            (
                Some(7.0),
                Some(3.25),
                Some("is to keep 7.0 days, and 3.2 days fit at its present 1.0 GiB a day"),
            ),
            (None, Some(3.25), Some("is to keep all")),
            (Some(7.0), Some(30.0), None),
            (Some(7.0), None, None),
        ] {
            let plan = Plan {
                at: Timestamp::ZERO,
                guarded: None,
                now: Vec::new(),
                cameras: vec![gate(asked, fit)],
                stores: Vec::new(),
            };
            let lines = show(&plan);
            let warned = lines.iter().find(|line| line.starts_with("warning"));
            assert_eq!(warned.is_some(), expected.is_some(), "{lines:?}");
            assert!(warned.is_none_or(|line| line.contains(expected.unwrap_or(""))), "{lines:?}");
        }
    }
}
