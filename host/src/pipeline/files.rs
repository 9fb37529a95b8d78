//! Looks at the files of plugins while the host runs, and has those loaded anew that have changed: the
//! component, or the signature beside it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::plugins;
use super::swaps::Swaps;
use crate::base::Result;
use crate::config::{self, Component};
use crate::seat::By;
use crate::wasm;

/// How often files are looked at.
const LOOK: Duration = Duration::from_millis(500);

/// A file that was the same for so long is whole.
const SETTLED: Duration = Duration::from_millis(200);

/// What is seen of a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sight {
    changed: (i64, i64),
    inode: u64,
    bytes: u64,
}

/// What is seen of a plugin's files: of its component, and of the signature, where there is one.
type Sights = (Sight, Option<Sight>);

/// What a file holds that has changed.
enum Settled {
    /// Another component.
    Other,
    /// The one in force.
    Known,
    /// It is being written.
    Not,
}

/// Who looks.
pub(super) struct Files {
    swaps: Arc<Swaps>,
    seen: BTreeMap<String, Option<Sights>>,
    /// Nothing was looked at yet.
    is_first: bool,
}

impl Files {
    pub(super) fn new(swaps: Arc<Swaps>) -> Self {
        Self { swaps, seen: BTreeMap::new(), is_first: true }
    }

    /// Has plugins loaded anew when their files have changed, until shutdown.
    pub(super) async fn watch(mut self, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = self.look() => {}
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    pub(super) async fn look(&mut self) {
        let file = |plugin: config::Plugin| match plugin.component {
            Component::File(path) => Some((plugin.name, path)),
            Component::Bundled(_) => None,
        };
        for (name, path) in self.swaps.plugins().await.into_iter().filter_map(file) {
            let now = self.sights(&path).await;
            // One that has no file just now is being replaced.
            if now.is_none() {
                continue;
            }
            match self.seen.insert(name.clone(), now) {
                Some(old) if old == now => continue,
                // What could not be loaded at the start has been told.
                None if self.is_first && self.swaps.digest(&name).await.is_none() => continue,
                // It may have changed while it was compiled.
                _ => {}
            }
            match self.settled(&name, &path).await {
                Ok(Settled::Other) => {
                    // In Python it is half a minute until there is more to say.
                    tracing::info!(plugin = name, "its file has changed: it is loaded anew");
                    drop(self.swaps.reload(&name, By::Watch).await);
                }
                Ok(Settled::Known) => {}
                // To be looked at again.
                Ok(Settled::Not) => drop(self.seen.insert(name, None)),
                Err(error) => tracing::warn!(plugin = name, "{}", error.chain()),
            }
        }
        self.is_first = false;
    }

    async fn sights(&self, path: &Path) -> Option<Sights> {
        let (component, signature) = (path.to_owned(), plugins::signature_of(path));
        let look = move || Some((sight(&component)?, sight(&signature)));
        self.swaps.shared().aside.run(look).await.ok().flatten()
    }

    /// Whether the file holds another component than the one in force, and is not being written.
    async fn settled(&self, name: &str, path: &Path) -> Result<Settled> {
        let component = Component::File(path.to_owned());
        let before = self.digest(name, &component).await?;
        if self.swaps.digest(name).await.as_ref() == Some(&before) {
            return Ok(Settled::Known);
        }
        tokio::time::sleep(SETTLED).await;
        let after = self.digest(name, &component).await?;
        Ok(if after == before { Settled::Other } else { Settled::Not })
    }

    async fn digest(&self, name: &str, component: &Component) -> Result<String> {
        let (name, component) = (name.to_owned(), component.clone());
        let read = move || plugins::bytes(&name, &component).map(|bytes| wasm::digest(&bytes));
        self.swaps.shared().aside.run(read).await?
    }
}

fn sight(path: &Path) -> Option<Sight> {
    use std::os::unix::fs::MetadataExt;
    let about = std::fs::metadata(path).ok()?;
    Some(Sight {
        changed: (about.mtime(), about.mtime_nsec()),
        inode: about.ino(),
        bytes: about.len(),
    })
}
