//! The store, opened as configured, and how it is.

use std::path::PathBuf;
use std::sync::Arc;

use crate::base::clock::Clock;
use crate::base::metrics::Metrics;
use crate::base::{Error, Result};
use crate::config::{self, Config};
use crate::serve::{PlaceHealth, StoreHealth};
use crate::store::plan::{CameraLimits, Limits};
use crate::store::{self, FreeFloor, Recovered, Store};

/// Opens the store that the configuration names; gives what it repaired, too.
pub(super) async fn open(
    config: &Config,
    notes: Option<PathBuf>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
) -> Result<(Arc<Store>, Recovered)> {
    let settings = store::StoreConfig {
        path: config.store.path.clone(),
        sync_interval: config.store.sync,
        event_keep: config.store.event_keep,
        free_floor: floor(config.store.free_floor_bytes),
        size_max: config.store.size_max,
        moving: moving(config.store.moving.as_ref()),
        places: config.stores.iter().map(place).collect(),
        allow_filesystem: config.store.allow_filesystem,
        notes,
        check_rate: config.store.check_rate,
        visit: false,
    };
    let open = move || Store::open(settings, Arc::new(store::fs::Disk), clock, metrics);
    let (store, recovered) = tokio::task::spawn_blocking(open)
        .await
        .map_err(|error| Error::bug("opening the store panicked").with(error))??;
    Ok((Arc::new(store), recovered))
}

/// The limits that the configuration sets, for a look at what they come to.
pub(crate) fn limits(config: &Config) -> Limits {
    let main = store::PlaceConfig {
        name: store::MAIN_NAME.into(),
        path: config.store.path.clone(),
        free_floor: floor(config.store.free_floor_bytes),
        size_max: config.store.size_max,
        moving: moving(config.store.moving.as_ref()),
        allow_filesystem: config.store.allow_filesystem,
    };
    let camera = |camera: &config::Camera| {
        let (keep, size_max) = (Some(camera.keep), camera.size_max);
        (camera.name.clone(), CameraLimits { keep, size_max, store: camera.store.clone() })
    };
    Limits {
        places: std::iter::once(main).chain(config.stores.iter().map(place)).collect(),
        cameras: config.cameras.iter().map(camera).collect(),
        event_keep: config.store.event_keep,
    }
}

fn place(directory: &config::Directory) -> store::PlaceConfig {
    store::PlaceConfig {
        name: directory.name.clone(),
        path: directory.path.clone(),
        free_floor: floor(directory.free_floor_bytes),
        size_max: directory.size_max,
        moving: moving(directory.moving.as_ref()),
        allow_filesystem: directory.allow_filesystem,
    }
}

pub(super) fn floor(bytes: Option<u64>) -> FreeFloor {
    bytes.map_or(FreeFloor::Default, FreeFloor::Bytes)
}

fn moving(moving: Option<&config::Moving>) -> Option<store::Moving> {
    moving.map(|moving| store::Moving { to: moving.to.clone(), after: moving.after })
}

/// How it is; `health` is what the store says of the whole.
pub(super) fn health(store: &Store, health: &store::Health) -> StoreHealth {
    let detail = match health {
        store::Health::Good => None,
        store::Health::Failing(words) => Some(words.clone()),
    };
    let places: Vec<_> = store.places().into_iter().map(place_health).collect();
    StoreHealth {
        healthy: detail.is_none(),
        free_bytes: places.first().and_then(|main| main.free_bytes),
        detail,
        places,
    }
}

fn place_health(status: store::PlaceStatus) -> PlaceHealth {
    PlaceHealth {
        name: status.name,
        path: status.path,
        healthy: status.trouble.is_none(),
        free_bytes: status.free_bytes,
        bytes: status.bytes,
        detail: status.trouble,
    }
}
