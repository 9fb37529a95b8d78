//! Writes down where a candidate and the one in charge differ, a while after it happened: until
//! then spans may still change.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::compare::{Difference, compare};
use super::{DIFFERS, Pair};
use crate::base::clock::Clock;
use crate::base::{Error, Result, Timestamp};
use crate::events::{Attribute, Event, Phase, Value};
use crate::store::{NewEvent, Outcome, Reader, Store};

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(60);

/// What is so old no longer changes: an activation of the usual longest length has been sealed.
const SETTLED: Duration = Duration::from_secs(11 * 60);

/// Looks at the pair until `shutdown`; what happened before the start is not looked at.
pub async fn watch(
    pair: Pair,
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
) {
    let mut from = clock.wall();
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        let to = clock.wall() - SETTLED;
        if to <= from {
            continue;
        }
        let looked = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            looked = look(&pair, &store, from, to, clock.wall()) => looked,
        };
        match looked {
            Ok(()) => from = to,
            // The same time is looked at again.
            Err(error) => tracing::warn!(
                camera = pair.camera,
                plugin = pair.candidate,
                "compare with {}: {}",
                pair.in_charge,
                error.chain()
            ),
        }
    }
}

async fn look(
    pair: &Pair,
    store: &Arc<Store>,
    from: Timestamp,
    to: Timestamp,
    now: Timestamp,
) -> Result<()> {
    let (root, both) = (store.path().to_owned(), pair.clone());
    let work = move || compare(&Reader::open(&root)?, &both, from, to);
    let found = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::bug("compare a candidate").with(error))??;
    for difference in &found.differences {
        tracing::info!(
            camera = pair.camera,
            plugin = pair.candidate,
            in_charge = pair.in_charge,
            start = %difference.range.start,
            end = %difference.range.end,
            "{} {}",
            difference.only.as_str(),
            difference.what
        );
        store.event(told(pair, difference, now)).await?;
    }
    Ok(())
}

fn told(pair: &Pair, difference: &Difference, now: Timestamp) -> NewEvent {
    let text =
        |key: &str, text: &str| Attribute { key: key.into(), value: Value::Text(text.into()) };
    let moment = |key: &str, time: Timestamp| {
        let value = Value::Integer(time.micros());
        Attribute { key: key.into(), value }
    };
    let Difference { only, what, range } = difference;
    let (camera, candidate) = (&pair.camera, &pair.candidate);
    let event = Event {
        id: format!(
            "{camera}/{candidate}/shadow/{}-{}-{what}",
            range.start.micros(),
            only.as_str()
        ),
        kind: DIFFERS.into(),
        phase: Phase::Instant,
        time: range.start,
        confidence: 1.0,
        regions: Vec::new(),
        cameras: vec![camera.clone()],
        correlation: None,
        attributes: vec![
            text("in-charge", &pair.in_charge),
            text("only", only.as_str()),
            text("what", what),
            moment("start", range.start),
            moment("end", range.end),
        ],
    };
    NewEvent {
        event,
        camera: camera.clone(),
        origin: candidate.clone(),
        received: now,
        outcome: Outcome::Noted,
    }
}
