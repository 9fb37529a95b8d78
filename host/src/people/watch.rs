//! The roll as a running host knows it: read at the start, and whenever its file has changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::{self, Receiver, Sender};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Roll;
use super::file::read;
use crate::base::{Error, Result};

/// The file is looked at so often. It is replaced whole, so what is read is whole.
const LOOK: Duration = Duration::from_secs(1);

/// The roll as it is now, for all who ask.
pub type Known = Receiver<Arc<Roll>>;

/// Looks at the file.
pub struct Watch {
    root: PathBuf,
    /// What was read last, whether or not it could be used.
    seen: Option<Vec<u8>>,
    failing: bool,
    known: Sender<Arc<Roll>>,
}

/// Reads the roll of the store at `root`; the first part is to be run, so that changes are seen.
///
/// # Errors
/// As [`load`](super::load): who may is not known, so nobody should be let in.
pub fn watch(root: &Path) -> Result<(Watch, Known)> {
    let seen = read(root)?;
    let roll = seen.as_deref().map_or_else(|| Ok(Roll::default()), Roll::parse)?;
    let (known, receiver) = watch::channel(Arc::new(roll));
    Ok((Watch { root: root.to_owned(), seen, failing: false, known }, receiver))
}

impl Watch {
    /// Looks until `shutdown`. A file that can't be read or used changes nothing, and is logged once.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                _ = looks.tick() => self.look().await,
            }
        }
    }

    async fn look(&mut self) {
        let root = self.root.clone();
        let text = tokio::task::spawn_blocking(move || read(&root))
            .await
            .unwrap_or_else(|error| Err(Error::bug("read the users").with(error)));
        match text {
            Ok(text) if text == self.seen => self.failing = false,
            Ok(text) => {
                let roll = text.as_deref().map_or_else(|| Ok(Roll::default()), Roll::parse);
                self.seen = text;
                match roll {
                    Ok(roll) => {
                        tracing::info!(
                            users = roll.users().len(),
                            tokens = roll.programs().len(),
                            "users were read anew"
                        );
                        self.known.send_replace(Arc::new(roll));
                    }
                    Err(error) => {
                        tracing::error!("users stay as they were: {}", error.chain());
                    }
                }
            }
            Err(error) if !self.failing => {
                self.failing = true;
                tracing::error!("users stay as they were: {}", error.chain());
            }
            Err(_) => {}
        }
    }
}
