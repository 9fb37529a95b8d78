//! Lists for people and programs, a page at a time: recordings, files as they lie on disk, and of
//! which years, months, days or moments there is video.

use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::View;
use crate::base::{Result, Timestamp};
use crate::store::timeline::Recorded;
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
        self.read(move |reader| {
            let stretches = reader.recorded(&camera, from, to)?;
            if precision == Precision::Exact {
                return Ok(exact(stretches));
            }
            let available = calendar(stretches, (from, to), precision, &zone);
            Ok(Availability::Calendar { available })
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

/// The days, months or years of a zone in which there is video, in order.
fn calendar(
    stretches: Vec<Recorded>,
    (from, to): (Timestamp, Timestamp),
    precision: Precision,
    zone: &TimeZone,
) -> Vec<String> {
    let mut found = std::collections::BTreeSet::new();
    for one in stretches {
        let (mut at, end) = (one.start.max(from), one.end.min(to));
        // A step is a year, a month or a day of the zone: no stretch is longer than what is stored.
        while at < end {
            let (name, next) = unit(at, precision, zone);
            found.insert(name);
            at = next.max(at.offset(1));
        }
    }
    found.into_iter().collect()
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
