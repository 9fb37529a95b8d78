//! `wardline recordings`: what a store holds, and what is done with it. One command a file.

mod export;
mod init;
mod delete;
mod confirm_time;
mod keeper;
mod plan;
mod list;
mod pin;
mod unpin;
mod events;
mod check;
mod rebuild;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::Process;
use crate::base::{Error, Result, Timestamp};
use crate::cli::{Recordings, Shown, What};
use crate::config::{self, parse_duration};
use crate::store::Named;

pub(super) use events::line as event_line;
pub(super) use list::table;

/// Does what the arguments say.
pub(super) async fn execute(arguments: &Recordings, process: &Process) -> Result<ExitCode> {
    let done = match arguments {
        Recordings::Check(arguments) => return Ok(check::check(arguments, process).await),
        Recordings::Rebuild(arguments) => rebuild::rebuild(arguments, process).await,
        Recordings::List(list) => list::list(list, process),
        Recordings::Export(arguments) => export::export(arguments, process).await,
        Recordings::Pin(pin) => pin::pin(pin, process).await,
        Recordings::Unpin(unpin) => unpin::unpin(unpin, process).await,
        Recordings::Delete(delete) => delete::delete(delete, process).await,
        Recordings::Init(arguments) => init::init(arguments),
        Recordings::Plan(arguments) => plan::plan(arguments, process),
        Recordings::ConfirmTime(arguments) => confirm_time::confirm_time(arguments, process).await,
        Recordings::Events(events) => events::events(events, process),
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// The store of a configuration, or the one that is named itself.
pub(super) fn store(source: &Path) -> Result<PathBuf> {
    if source.is_dir() {
        return Ok(source.to_owned());
    }
    Ok(config::load(source)?.store.path)
}

/// What a person names: a span, or a range of a camera.
fn named(what: &What, process: &Process) -> Result<Named> {
    match (&what.span, &what.camera, &what.from, &what.to) {
        (Some(span), ..) => Ok(Named::Id(span.clone())),
        (None, Some(camera), Some(from), Some(to)) => {
            range(camera, from, to, what.tz.as_deref(), process)
        }
        _ => Err(Error::refuse("name a camera and two times, or a span with --span")),
    }
}

fn range(camera: &str, from: &str, to: &str, tz: Option<&str>, process: &Process) -> Result<Named> {
    let (zone, now) = (zone(tz)?, process.clock.wall());
    let (start, end) = (time(from, now, &zone)?, time(to, now, &zone)?);
    if start >= end {
        return Err(Error::refuse(format!("`{from}` is not before `{to}`")));
    }
    Ok(Named::Range { camera: camera.to_owned(), start, end })
}

/// The time zone to show times in, and the edges of what is shown.
struct Window {
    zone: TimeZone,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Window {
    fn of(shown: &Shown, process: &Process) -> Result<Self> {
        let (zone, now) = (zone(shown.tz.as_deref())?, process.clock.wall());
        let moment =
            |text: &Option<String>| text.as_deref().map(|text| time(text, now, &zone)).transpose();
        let (since, until) = (moment(&shown.since)?, moment(&shown.until)?);
        Ok(Self { zone, since, until })
    }
}

pub(super) fn zone(name: Option<&str>) -> Result<TimeZone> {
    let Some(name) = name else { return Ok(TimeZone::system()) };
    TimeZone::get(name).map_err(|error| {
        Error::refuse(format!("`{name}` is no time zone: write for example Europe/Berlin or UTC"))
            .with(error)
    })
}

/// A point in time as people write it: how long ago, an exact time, or one of `zone`'s calendar.
pub(super) fn time(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp> {
    if let Ok(ago) = parse_duration(text) {
        return Ok(now - ago);
    }
    if let Ok(exact) = text.parse::<jiff::Timestamp>() {
        return Ok(exact.into());
    }
    let civil = text.parse::<DateTime>().ok().and_then(|civil| civil.to_zoned(zone.clone()).ok());
    civil.map(|zoned| zoned.timestamp().into()).ok_or_else(|| {
        Error::refuse(format!(
            "`{text}` is no time: write how long ago (`2h`), a date (`2026-11-20`) or a time (`2026-11-20T18:30`)"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_write_them() {
        let now = "2026-11-22T12:00:00Z".parse::<jiff::Timestamp>().unwrap().into();
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for (text, expected) in [
            ("2h", Some("2026-11-22T10:00:00Z")),
            ("2026-11-20", Some("2026-11-19T23:00:00Z")),
            ("2026-11-20T18:30", Some("2026-11-20T17:30:00Z")),
            ("2026-11-20 18:30:05", Some("2026-11-20T17:30:05Z")),
            ("2026-11-20T18:30:00Z", Some("2026-11-20T18:30:00Z")),
            ("2026-11-20T18:30:00+02:00", Some("2026-11-20T16:30:00Z")),
            ("yesterday", None),
            ("", None),
        ] {
            let got = time(text, now, &berlin).ok();
            let expected = expected.map(|text| text.parse::<jiff::Timestamp>().unwrap().into());
            assert_eq!(got, expected, "{text}");
        }
        assert!(zone(Some("Mars/Base")).is_err());
    }
}
