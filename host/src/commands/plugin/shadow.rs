//! `wardline plugin shadow`: where a candidate and the one in charge differ, from the index.

use serde::Serialize;

use crate::base::{Error, Result, Timestamp};
use crate::cli::Shadow;
use crate::commands::Process;
use crate::commands::output::{self, table};
use crate::commands::recordings::{time, zone};
use crate::config::{self, Config};
use crate::shadow::Pair;
use crate::shadow::compare::{Comparison, Only, compare};
use crate::store::Reader;

/// What is shown of one camera.
#[derive(Serialize)]
struct Shown {
    camera: String,
    in_charge: String,
    candidate: String,
    #[serde(flatten)]
    comparison: Comparison,
}

pub(super) fn shadow(arguments: &Shadow, process: &Process) -> Result<()> {
    let config = config::load(&arguments.config)?;
    let zone = zone(arguments.tz.as_deref())?;
    let now = process.clock.wall();
    let since = time(&arguments.since, now, &zone)?;
    let reader = Reader::open(&config.store.path)?;
    let mut all = Vec::new();
    for pair in pairs(&config, &arguments.name)? {
        let comparison = compare(&reader, &pair, since, now)?;
        let Pair { camera, in_charge, candidate } = pair;
        all.push(Shown { camera, in_charge, candidate, comparison });
    }
    if arguments.json {
        return output::json(&all);
    }
    let moment =
        |time: Timestamp| time.civil().to_zoned(zone.clone()).strftime("%F %H:%M:%S").to_string();
    for shown in &all {
        output::line(text(shown, moment))?;
    }
    Ok(())
}

/// The cameras on which the candidate runs.
pub(super) fn pairs(config: &Config, candidate: &str) -> Result<Vec<Pair>> {
    let place = config.plugins.iter().find(|plugin| plugin.shadow.as_deref() == Some(candidate));
    let place = place.ok_or_else(|| {
        let known: Vec<&str> =
            config.plugins.iter().filter_map(|plugin| plugin.shadow.as_deref()).collect();
        Error::refuse(format!(
            "`{candidate}` is no candidate: write `shadow = \"{candidate}\"` into the table of the \
             plugin whose place it may take; candidates are: {}",
            if known.is_empty() { "none".into() } else { known.join(", ") }
        ))
    })?;
    let serves = |camera: &&config::Camera| {
        let mut here = camera.policies.iter().chain(&camera.analyzers);
        here.any(|name| *name == place.name) || place.cameras.contains(&camera.name)
    };
    let pair = |camera: &config::Camera| Pair {
        camera: camera.name.clone(),
        in_charge: place.name.clone(),
        candidate: candidate.to_owned(),
    };
    Ok(config.cameras.iter().filter(serves).map(pair).collect())
}

fn text(shown: &Shown, moment: impl Fn(Timestamp) -> String) -> String {
    let Shown { camera, in_charge, candidate, comparison } = shown;
    let mut whats: Vec<&String> =
        comparison.in_charge.keys().chain(comparison.candidate.keys()).collect();
    whats.sort();
    whats.dedup();
    let seconds = |side: &std::collections::BTreeMap<String, f64>, what: &String| {
        format!("{:.1} s", side.get(what).copied().unwrap_or_default())
    };
    let row = |what: &&String| {
        vec![
            (*what).clone(),
            seconds(&comparison.in_charge, what),
            seconds(&comparison.candidate, what),
        ]
    };
    let rows: Vec<Vec<String>> = whats.iter().map(row).collect();
    let mut text = format!(
        "camera {camera}: {candidate} beside {in_charge}, {} differences\n{}",
        comparison.differences.len(),
        table(&["what", in_charge, candidate], &rows)
    );
    for difference in &comparison.differences {
        let who = match difference.only {
            Only::Candidate => candidate,
            Only::Charge => in_charge,
        };
        let length = difference.range.end.since(difference.range.start).as_secs_f64();
        let start = moment(difference.range.start);
        text.push_str(&format!("\nonly {who}: {}, {start}, {length:.1} s", difference.what));
    }
    text
}
