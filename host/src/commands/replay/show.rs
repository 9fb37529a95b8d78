//! A replay's report for people.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::super::output::table;
use crate::base::Timestamp;
use crate::config::show_size;
use crate::replay::diff::{Diff, Difference};
use crate::replay::report::{Day, Judged, Kept, Report};
use crate::store::holds::Until;

/// Rows of a list that are shown; JSON has all.
const ROWS_MAX: usize = 50;

pub(super) fn text(report: &Report, zone: &TimeZone) -> String {
    let mut parts = vec![head(report, zone)];
    let mut part = |title: String, body: String| parts.push(format!("{title}\n{body}"));
    if !report.events.is_empty() {
        part(format!("said in the replay: {} events", report.events.len()), events(report));
    }
    let seconds: f64 = report.spans.iter().map(|span| span.seconds).sum();
    let title = format!("spans: {}, {}", report.spans.len(), length(seconds));
    part(title, spans(&report.spans, zone));
    if !report.days.is_empty() {
        part("kept by day of recording".into(), days(&report.days, zone));
    }
    if let Some(diff) = &report.diff {
        part("against what was really kept".into(), difference(diff, zone));
    }
    parts.join("\n\n")
}

fn head(report: &Report, zone: &TimeZone) -> String {
    let who = |judged: &Judged| {
        format!("{} ({} {} {:.8})", judged.name, judged.id, judged.version, judged.digest)
    };
    let all = |judged: &[Judged]| judged.iter().map(who).collect::<Vec<_>>().join(", ");
    let mut lines = vec![format!(
        "camera {}, {} to {}",
        report.camera,
        moment(report.from, zone),
        moment(report.to, zone)
    )];
    if !report.policies.is_empty() {
        lines.push(format!("decided by {}", all(&report.policies)));
    }
    if !report.analyzers.is_empty() {
        let pictures = report.pictures;
        lines.push(format!("looked at by {}: {pictures} pictures", all(&report.analyzers)));
    }
    lines.push(format!("recorded events judged again: {}", report.repeated_events));
    lines.join("\n")
}

fn events(report: &Report) -> String {
    let mut counts: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for stored in &report.events {
        let event = &stored.event;
        let key = (stored.origin.as_str(), event.kind.as_str(), event.phase.as_str());
        *counts.entry(key).or_default() += 1;
    }
    let row = |((origin, kind, phase), count): (&(&str, &str, &str), &usize)| {
        vec![(*origin).into(), (*kind).into(), (*phase).into(), count.to_string()]
    };
    let rows: Vec<Vec<String>> = counts.iter().map(row).collect();
    table(&["said by", "kind", "phase", "times"], &rows)
}

fn spans(spans: &[Kept], zone: &TimeZone) -> String {
    let row = |span: &Kept| {
        vec![
            moment(span.start, zone),
            length(span.seconds),
            length(span.recorded_seconds),
            show_size(span.bytes),
            until(span.until, zone),
            span.policy.clone(),
            span.label.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = spans.iter().take(ROWS_MAX).map(row).collect();
    let header = ["start", "length", "on disk", "files", "kept until", "policy", "why"];
    shortened(table(&header, &rows), spans.len())
}

fn days(days: &[Day], zone: &TimeZone) -> String {
    let row = |day: &Day| {
        let at = |end: Option<Until>| end.map_or_else(|| "-".into(), |end| until(end, zone));
        vec![
            day.date.to_string(),
            length(day.seconds),
            show_size(day.bytes),
            show_size(day.span_bytes),
            show_size(day.continuous_bytes),
            at(day.first_until),
            at(day.last_until),
        ]
    };
    let rows: Vec<Vec<String>> = days.iter().map(row).collect();
    let header = [
        "day",
        "recorded",
        "size",
        "by spans",
        "as continuous",
        "the first until",
        "the last until",
    ];
    table(&header, &rows)
}

fn difference(diff: &Diff, zone: &TimeZone) -> String {
    let all = [
        ("more", "asked for now, and not then", &diff.more),
        ("lost", "asked for then, and not now", &diff.lost),
        ("saved", "files kept then, and not now", &diff.saved),
        ("spent", "files not kept then, and now", &diff.spent),
    ];
    let row = |(name, what, found): &(&str, &str, &Difference)| {
        vec![
            (*name).to_owned(),
            length(found.seconds),
            length(found.recorded_seconds),
            show_size(found.bytes),
            found.ranges.iter().count().to_string(),
            (*what).to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    let mut text = table(&["", "length", "on disk", "size", "ranges", "what it is"], &rows);
    for (name, _, found) in all {
        for range in found.ranges.iter().take(ROWS_MAX) {
            let seconds = range.end.micros_since(range.start) as f64 / 1e6;
            text.push_str(&format!("\n{name}: {}, {}", moment(range.start, zone), length(seconds)));
        }
    }
    let gigabyte_days = diff.saved_byte_days / 1e9;
    text.push_str(&format!("\nroom over time: {gigabyte_days:+.3} GB days saved"));
    text
}

fn shortened(table: String, rows: usize) -> String {
    match rows.checked_sub(ROWS_MAX) {
        None | Some(0) => table,
        Some(more) => format!("{table}\n... and {more} more: see --json"),
    }
}

fn moment(time: Timestamp, zone: &TimeZone) -> String {
    time.civil().to_zoned(zone.clone()).strftime("%F %H:%M:%S%.3f").to_string()
}

fn until(until: Until, zone: &TimeZone) -> String {
    match until {
        Until::NEVER => "not kept".into(),
        Until::At(time) => time.civil().to_zoned(zone.clone()).strftime("%F %H:%M").to_string(),
        Until::Forever => "forever".into(),
    }
}

fn length(seconds: f64) -> String {
    let whole = seconds as u64;
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole / 60 % 60),
    }
}
