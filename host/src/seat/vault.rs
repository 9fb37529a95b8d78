//! Snapshots that survive the host: a file for each plugin on each camera.
//!
//! Takes snapshots, the newest counts; a task writes them. A file is written whole under another
//! name, and renamed when it is on the medium: a power cut leaves the one or the other. What is torn all
//! the same is seen by its checksum, and the instance starts clean. A file's first line is JSON, the
//! rest is the plugin's.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::base::Timestamp;
use crate::wasm::limits::SNAPSHOT_BYTES;
use crate::wasm::{Lane, Snapshot};

/// The longest first line.
const HEAD_BYTES: usize = 4 << 10;

/// Whose snapshot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Empty for event sources.
    pub camera: String,
    /// The plugin's name in the configuration.
    pub plugin: String,
}

/// A snapshot, and what must be known to use it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kept {
    pub(super) snapshot: Arc<Snapshot>,
    /// Of the component that saved it.
    pub(super) digest: String,
    /// When the run began that it is of.
    pub(super) run: Timestamp,
    /// Nothing was done after it: the run goes on with it. Else some inputs are missing.
    pub(super) is_last: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Head {
    schema: u32,
    digest: String,
    run: i64,
    last: bool,
    bytes: usize,
    crc32c: u32,
}

/// Where snapshots are. Cheap to clone.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

struct Inner {
    directory: Option<PathBuf>,
    /// What is to be written, or removed; one a seat. Never held across an await.
    waiting: Mutex<BTreeMap<Key, Option<Kept>>>,
    filled: Notify,
}

impl Vault {
    /// In this directory, which is made when it is needed; none: snapshots end with the host.
    pub fn new(directory: Option<PathBuf>) -> Self {
        Self(Arc::new(Inner { directory, waiting: Mutex::default(), filled: Notify::new() }))
    }

    /// What was kept before this host, once: from now on it is not the last word any more. Reads
    /// at most 1 MiB.
    pub(super) fn take(&self, key: &Key) -> Option<Kept> {
        let path = path(self.0.directory.as_ref()?, key);
        // Who sat there a moment ago may not be on the disk yet.
        let waiting = self.waiting().get(key).cloned();
        if let Some(kept) = waiting {
            return self.taken(key, kept);
        }
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => {
                let (camera, plugin) = (&key.camera, &key.plugin);
                tracing::warn!(camera, plugin, "read the snapshot {}: {error}", path.display());
                return None;
            }
        };
        let Some(kept) = decode(&bytes) else {
            let (camera, plugin) = (&key.camera, &key.plugin);
            tracing::warn!(
                camera,
                plugin,
                "the snapshot {} is not whole: not used",
                path.display()
            );
            return None;
        };
        self.taken(key, Some(kept))
    }

    fn taken(&self, key: &Key, kept: Option<Kept>) -> Option<Kept> {
        let kept = kept?;
        if kept.is_last {
            self.keep(key, Kept { is_last: false, ..kept.clone() });
        }
        Some(kept)
    }

    /// Keeps this one. Does not wait.
    pub(super) fn keep(&self, key: &Key, kept: Kept) {
        self.put(key, Some(kept));
    }

    /// Keeps none. Does not wait.
    pub(super) fn forget(&self, key: &Key) {
        self.put(key, None);
    }

    fn put(&self, key: &Key, what: Option<Kept>) {
        if self.0.directory.is_some() {
            self.waiting().insert(key.clone(), what);
            self.0.filled.notify_one();
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, Option<Kept>>> {
        self.0.waiting.lock().expect("no panic under this lock")
    }

    /// Writes what is given to it, on `lane`, until shutdown and all of it then.
    pub async fn run(self, lane: Lane, shutdown: CancellationToken) {
        let Some(directory) = self.0.directory.clone() else { return };
        let mut complained = false;
        loop {
            let next =
                self.waiting().first_key_value().map(|(key, what)| (key.clone(), what.clone()));
            let Some((key, what)) = next else {
                tokio::select! {
                    biased;
                    () = self.0.filled.notified() => continue,
                    () = shutdown.cancelled() => return,
                }
            };
            let file = path(&directory, &key);
            let kept = what.clone();
            let written = lane.run(move || write(&file, kept.as_ref())).await;
            // It is on the disk before it is no more here, so that whoever looks for it finds it.
            let mut waiting = self.waiting();
            if waiting.get(&key) == Some(&what) {
                waiting.remove(&key);
            }
            drop(waiting);
            let why = match written {
                Ok(Ok(())) => {
                    complained = false;
                    continue;
                }
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.chain(),
            };
            // A disk that is full refuses all of them: once is enough.
            if !std::mem::replace(&mut complained, true) {
                let (camera, plugin) = (key.camera, key.plugin);
                tracing::warn!(
                    camera,
                    plugin,
                    "write its snapshot into {}: {why}",
                    directory.display()
                );
            }
        }
    }
}

/// Names are those of the configuration, which are safe; a source has no camera, and no camera's
/// name begins with `_`.
fn path(directory: &Path, key: &Key) -> PathBuf {
    let camera = if key.camera.is_empty() { "_" } else { &key.camera };
    directory.join(camera).join(&key.plugin).with_extension("state")
}

fn write(path: &Path, what: Option<&Kept>) -> std::io::Result<()> {
    let Some(kept) = what else {
        return match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    };
    if let Some(parent) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    let part = path.with_extension("part");
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(&encode(kept))?;
    file.sync_data()?;
    std::fs::rename(&part, path)
}

fn encode(kept: &Kept) -> Vec<u8> {
    let data = &kept.snapshot.data;
    let head = Head {
        schema: kept.snapshot.schema,
        digest: kept.digest.clone(),
        run: kept.run.micros(),
        last: kept.is_last,
        bytes: data.len(),
        crc32c: crc32c::crc32c(data),
    };
    let mut bytes = serde_json::to_vec(&head).expect("a flat structure is JSON");
    bytes.push(b'\n');
    bytes.extend_from_slice(data);
    bytes
}

fn decode(bytes: &[u8]) -> Option<Kept> {
    let end = bytes.iter().take(HEAD_BYTES).position(|byte| *byte == b'\n')?;
    let head: Head = serde_json::from_slice(&bytes[..end]).ok()?;
    let data = &bytes[end + 1..];
    let is_whole = data.len() == head.bytes
        && data.len() <= SNAPSHOT_BYTES
        && crc32c::crc32c(data) == head.crc32c;
    is_whole.then(|| Kept {
        snapshot: Arc::new(Snapshot { schema: head.schema, data: data.to_vec() }),
        digest: head.digest,
        run: Timestamp::from_micros(head.run),
        is_last: head.last,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(data: &[u8], is_last: bool) -> Kept {
        let snapshot = Arc::new(Snapshot { schema: 3, data: data.to_vec() });
        let run = Timestamp::from_micros(5);
        Kept { snapshot, digest: "ab".into(), run, is_last }
    }

    fn key(camera: &str) -> Key {
        Key { camera: camera.into(), plugin: "keep".into() }
    }

    async fn write_all(vault: &Vault) {
        let shutdown = CancellationToken::new();
        shutdown.cancel();
        vault.clone().run(Lane::inline("test"), shutdown).await;
    }

    #[tokio::test]
    async fn what_is_kept_comes_back_once_as_the_last_word() {
        let directory = tempfile::tempdir().unwrap();
        let vault = Vault::new(Some(directory.path().join("state")));
        for camera in ["gate", ""] {
            assert_eq!(vault.take(&key(camera)), None);
            vault.keep(&key(camera), kept(b"old", false));
            vault.keep(&key(camera), kept(b"new\n", true));
        }
        write_all(&vault).await;
        for camera in ["gate", ""] {
            assert_eq!(vault.take(&key(camera)), Some(kept(b"new\n", true)));
        }
        // The host ends without a word: what it did since is not in there.
        write_all(&vault).await;
        assert_eq!(vault.take(&key("gate")), Some(kept(b"new\n", false)));
        vault.forget(&key("gate"));
        write_all(&vault).await;
        assert_eq!(vault.take(&key("gate")), None);
    }

    #[test]
    fn what_is_torn_is_not_used() {
        let bytes = encode(&kept(b"some state", true));
        assert_eq!(decode(&bytes), Some(kept(b"some state", true)));
        for length in 0..bytes.len() {
            assert_eq!(decode(&bytes[..length]), None, "{length}");
        }
        for at in 0..bytes.len() {
            let mut torn = bytes.clone();
            torn[at] ^= 1;
            // A flag or number of the first line may differ; the plugin's own bytes may not.
            if let Some(other) = decode(&torn) {
                assert_eq!(other.snapshot.data, b"some state");
            }
        }
    }
}
