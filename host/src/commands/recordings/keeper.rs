//! Who does what a person wants of a store: its running host, by HTTP, or without one this program.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::Process;
use super::super::host::Destination;
use crate::base::{Error, Result, Timestamp};
use crate::cli::Whose;
use crate::events::Event;
use crate::pipeline::deletion_events;
use crate::serve::Confirmed;
use crate::store::{Deletion, Extent, Named, NewEvent, Outcome, Pin, Store, fs};

/// A store, and the way to change it.
pub(super) enum Keeper {
    /// No host has it.
    Store(Box<Store>),
    /// It is asked.
    Host(Destination),
}

impl Keeper {
    /// The host that is named, or else of the store that is named: its host, if one runs.
    pub(super) async fn of(whose: &Whose, process: &Process) -> Result<Self> {
        if let Some(host) = &whose.host {
            return Ok(Self::Host(Destination::at(host)));
        }
        let (path, clock) = (super::store(&whose.source)?, process.clock.clone());
        let shown = path.display().to_string();
        let visit = move || Store::visit(&path, Arc::new(fs::Disk), clock);
        let visited = tokio::task::spawn_blocking(visit)
            .await
            .map_err(|error| Error::bug("open the store").with(error))??;
        match visited {
            Some(store) => Ok(Self::Store(Box::new(store))),
            None if whose.source.is_dir() => Err(Error::refuse(format!(
                "store {shown} has a running host: name its configuration with --source, or its \
                 address with --host"
            ))),
            None => Destination::of(&whose.source).map(Self::Host),
        }
    }

    pub(super) async fn pin(&self, what: Named, label: Option<String>) -> Result<Pin> {
        match self {
            Self::Store(store) => {
                let shown = what.to_string();
                store.pin(what, label).await?.ok_or_else(|| unknown(&shown))
            }
            Self::Host(host) => {
                let named = query(&what, "span").into_iter();
                let pairs = named.chain(label.map(|label| ("label", label)));
                let body: Map<String, Value> =
                    pairs.map(|(key, text)| (key.to_owned(), Value::String(text))).collect();
                host.post("/api/v1/pins", &body).await
            }
        }
    }

    pub(super) async fn unpin(&self, what: Named) -> Result<Vec<Pin>> {
        match self {
            Self::Store(store) => {
                let shown = what.to_string();
                let gone = store.unpin(what).await?;
                if gone.is_empty() { Err(unknown(&shown)) } else { Ok(gone) }
            }
            Self::Host(host) => host.delete("/api/v1/pins", &query(&what, "id")).await,
        }
    }

    pub(super) async fn delete(
        &self,
        what: Named,
        extent: Extent,
        process: &Process,
    ) -> Result<Deletion> {
        match self {
            Self::Store(store) => {
                let shown = what.to_string();
                let mut heard = store.subscribe_deleted();
                let deletion = store.delete(what, extent).await;
                let now = process.clock.wall();
                for (camera, event) in deletion_events(&mut heard, now) {
                    tell(store, camera, event, now).await;
                }
                deletion?.ok_or_else(|| unknown(&shown))
            }
            Self::Host(host) => {
                let mut query = query(&what, "span");
                query.extend((extent == Extent::Look).then(|| ("look", "true".to_owned())));
                host.delete("/api/v1/recordings", &query).await
            }
        }
    }

    pub(super) async fn confirm_time(&self) -> Result<Confirmed> {
        match self {
            Self::Store(store) => store.confirm_time().await.map(|guarded| Confirmed { guarded }),
            Self::Host(host) => host.post("/api/v1/time/confirm", &Map::new()).await,
        }
    }

    /// To be called last: brings everything to the medium.
    pub(super) async fn end(self) {
        if let Self::Store(store) = self {
            store.shutdown().await;
        }
    }
}

fn query(what: &Named, id: &'static str) -> Vec<(&'static str, String)> {
    match what {
        Named::Id(text) => vec![(id, text.clone())],
        Named::Range { camera, start, end } => vec![
            ("camera", camera.clone()),
            ("start", start.civil().to_string()),
            ("end", end.civil().to_string()),
        ],
    }
}

/// What a host would have told of its store. The deletion is done, whatever becomes of this.
async fn tell(store: &Store, camera: String, event: Event, now: Timestamp) {
    let (origin, outcome) = ("host".to_owned(), Outcome::Noted);
    let event = NewEvent { event, camera, origin, received: now, outcome };
    if let Err(error) = store.tell(Some(event), None).await {
        tracing::warn!("no event tells of the deletion: {}", error.chain());
    }
}

fn unknown(what: &str) -> Error {
    Error::refuse(format!("there is no {what}: `wardline recordings list` shows what there is"))
}
