//! Lists for people and programs, a page at a time: recordings, files as they lie on disk, and of
//! which years, months, days or moments there is video.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::View;
use crate::base::{Result, Timestamp};
use crate::store::playable::Playable;
use crate::store::timeline::{self, Recorded};
use crate::store::{Reader, StoredCamera};

/// Stretches in one answer.
const STRETCHES_MAX: usize = 10_000;

/// How finely it is told when there is video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// By year: `2026`.
    Year,
    /// By month: `2026-11`.
    Month,
    /// By day: `2026-11-28`.
    Day,
    /// To the microsecond.
    Exact,
}

/// When there is video of a camera.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Availability {
    /// Years, months or days of a time zone.
    Calendar {
        /// In order.
        #[schema(example = json!(["2026-11-27", "2026-11-28"]))]
        available: Vec<String>,
    },
    /// Stretches of continuous video.
    Exact {
        /// In order of (epoch, start).
        ranges: Vec<Stretch>,
        /// There are more: ask from the end of the last.
        truncated: bool,
    },
}

/// A stretch of continuous video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Stretch {
    /// Its first moment.
    pub start: Timestamp,
    /// The moment after its last.
    pub end: Timestamp,
}

impl View {
    /// All cameras that have ever been recorded, by name.
    ///
    /// # Errors
    /// When the index can't be read.
    pub async fn cameras(self: &Arc<Self>) -> Result<Vec<StoredCamera>> {
        self.read(Reader::cameras).await
    }
}

impl View {
    /// When there is video of a camera in `[from, to)`: years, months or days of a time zone, or exactly.
    ///
    /// # Errors
    /// When the index can't be read.
    pub async fn availability(
        self: &Arc<Self>,
        camera: String,
        (from, to): (Timestamp, Timestamp),
        precision: Precision,
        zone: TimeZone,
    ) -> Result<Availability> {
        let view = self.clone();
        self.read(move |reader| {
            let grown = view.grown(reader, &camera, from, to)?;
            if precision == Precision::Exact {
                let mut stretches = reader.recorded(&camera, from, to)?;
                for Playable { epoch, start, end, .. } in grown {
                    let next = Recorded { epoch, start, end, segments: 1, bytes: 0 };
                    timeline::join(&mut stretches, next, 0);
                }
                return Ok(exact(stretches));
            }
            let mut available = BTreeSet::new();
            let mut next = |at| reader.next_video(&camera, at);
            units((from, to), precision, &zone, &mut next, &mut available)?;
            for file in grown {
                let mut within = |at: Timestamp| Ok((at < file.end).then_some(at.max(file.start)));
                units((from, to), precision, &zone, &mut within, &mut available)?;
            }
            Ok(Availability::Calendar { available: available.into_iter().collect() })
        })
        .await
    }
}

fn exact(stretches: Vec<Recorded>) -> Availability {
    let truncated = stretches.len() > STRETCHES_MAX;
    let ranges = stretches.into_iter().take(STRETCHES_MAX);
    let ranges = ranges.map(|one| Stretch { start: one.start, end: one.end }).collect();
    Availability::Exact { ranges, truncated }
}

/// Adds the days, months or years of a zone in which there is video. `next` gives the first moment at or
/// after another at which there is some: it is asked once a unit, however much there is in it.
fn units(
    (from, to): (Timestamp, Timestamp),
    precision: Precision,
    zone: &TimeZone,
    next: &mut dyn FnMut(Timestamp) -> Result<Option<Timestamp>>,
    found: &mut BTreeSet<String>,
) -> Result<()> {
    let mut at = from;
    while let Some(seen) = next(at)?.filter(|seen| *seen < to) {
        let (name, after) = unit(seen, precision, zone);
        found.insert(name);
        at = after.max(seen.offset(1));
        if at >= to {
            break;
        }
    }
    Ok(())
}

/// The name of the unit that `at` lies in, and where the next begins.
fn unit(at: Timestamp, precision: Precision, zone: &TimeZone) -> (String, Timestamp) {
    let local: Zoned = at.civil().to_zoned(zone.clone());
    let date = local.date();
    let (name, first, length) = match precision {
        Precision::Year => (local.strftime("%Y"), date.first_of_year(), 1.year()),
        Precision::Month => (local.strftime("%Y-%m"), date.first_of_month(), 1.month()),
        Precision::Day | Precision::Exact => (local.strftime("%Y-%m-%d"), date, 1.day()),
    };
    let next = first.checked_add(length).and_then(|next| next.to_zoned(zone.clone()));
    (name.to_string(), next.map_or(Timestamp::MAX, |next| next.timestamp().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        serde_json::from_value(text.into()).unwrap()
    }

    #[test]
    fn days_are_those_of_the_zone() {
        // Recorded from late on the 27th to early on the 29th of UTC, and an hour in the year after.
        let recorded = [
            (time("2026-11-27T23:30:00Z"), time("2026-11-29T00:30:00Z")),
            (time("2027-01-01T04:30:00Z"), time("2027-01-01T05:30:00Z")),
        ];
        let mut next = |at: Timestamp| {
            let later = recorded.iter().find(|(_, end)| *end > at);
            Ok(later.map(|(start, _)| (*start).max(at)))
        };
        for (precision, zone, expected) in [
            (Precision::Day, "UTC", vec!["2026-11-27", "2026-11-28", "2026-11-29", "2027-01-01"]),
            (Precision::Day, "Europe/Berlin", vec!["2026-11-28", "2026-11-29", "2027-01-01"]),
            (
                Precision::Day,
                "America/New_York",
                vec!["2026-11-27", "2026-11-28", "2026-12-31", "2027-01-01"],
            ),
            (Precision::Month, "America/New_York", vec!["2026-11", "2026-12", "2027-01"]),
            (Precision::Year, "UTC", vec!["2026", "2027"]),
        ] {
            let zone_name = zone;
            let zone = TimeZone::get(zone).unwrap();
            let mut found = BTreeSet::new();
            let ever = (Timestamp::ZERO, Timestamp::MAX);
            units(ever, precision, &zone, &mut next, &mut found).unwrap();
            assert_eq!(found.into_iter().collect::<Vec<_>>(), expected, "{zone_name}");
        }
        // Only what lies in the range counts.
        let mut found = BTreeSet::new();
        let range = (time("2026-11-28T12:00:00Z"), time("2026-11-29T00:00:00Z"));
        units(range, Precision::Day, &TimeZone::UTC, &mut next, &mut found).unwrap();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["2026-11-28"]);
    }
}
