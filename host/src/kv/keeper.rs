//! Where shelves are kept: a private directory with a file for each, and the task that writes.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::file::ShelfFile;
use super::shelf::{Shelf, Unwritten};
use crate::base::{Error, Result};

/// Time between writes: what a power cut may cost.
const INTERVAL: Duration = Duration::from_secs(2);

/// The file of an event source's shelf: no camera has this name.
const NO_CAMERA: &str = "_source";

/// Where an instance finds its shelf. Opened when one is made that was granted it.
#[derive(Clone, Debug)]
pub enum Place {
    /// In memory: it is this one.
    Memory(Shelf),
    /// On disk.
    Disk {
        /// Who keeps it.
        keeper: Keeper,
        /// The plugin's name in the configuration.
        plugin: String,
        /// The camera's; none for event sources.
        camera: Option<String>,
    },
}

impl Place {
    /// The shelf. May block while it is read.
    ///
    /// # Errors
    /// It can't be read.
    pub fn shelf(&self) -> Result<Shelf> {
        match self {
            Self::Memory(shelf) => Ok(shelf.clone()),
            Self::Disk { keeper, plugin, camera } => keeper.shelf(plugin, camera.as_deref()),
        }
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::Memory(Shelf::default())
    }
}

/// Keeps all shelves of a host. Clones are the same one.
#[derive(Clone)]
pub struct Keeper(Arc<Inner>);

struct Inner {
    directory: PathBuf,
    /// By plugin and camera. Held while a file is written, which only the keeper's own task and
    /// the start of a plugin wait for.
    kept: Mutex<BTreeMap<(String, String), Kept>>,
}

struct Kept {
    shelf: Shelf,
    file: ShelfFile,
    /// The last write failed, and that was said.
    failing: bool,
}

impl Keeper {
    /// Keeps them below `directory`, which is made when the first is asked for.
    pub fn new(directory: PathBuf) -> Self {
        Self(Arc::new(Inner { directory, kept: Mutex::default() }))
    }

    /// The shelf of a plugin on a camera (`None`: of an event source), by their names in the
    /// configuration. The same one each time. Blocks while it is read.
    ///
    /// # Errors
    /// The directory can't be made, or the file can't be read.
    pub fn shelf(&self, plugin: &str, camera: Option<&str>) -> Result<Shelf> {
        let camera = camera.unwrap_or(NO_CAMERA);
        let mut kept = self.0.kept.lock().expect("no panic under this lock");
        let key = (plugin.to_owned(), camera.to_owned());
        if let Some(known) = kept.get(&key) {
            return Ok(known.shelf.clone());
        }
        let directory = self.0.directory.join(plugin);
        let path = directory.join(camera).with_extension("kv");
        let opened = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
            .and_then(|()| ShelfFile::open(path.clone()));
        let (file, entries, said) = opened.map_err(|error| {
            Error::retry(format!("plugin {plugin}: open its store {}", path.display())).with(error)
        })?;
        if let Some(said) = said {
            tracing::warn!(plugin, camera, path = %path.display(), "store of a plugin: {said}");
        }
        let shelf = Shelf::kept(entries);
        kept.insert(key, Kept { shelf: shelf.clone(), file, failing: false });
        Ok(shelf)
    }

    /// Writes down what has changed. Blocks. What fails is tried again next time.
    pub fn write(&self) {
        let mut kept = self.0.kept.lock().expect("no panic under this lock");
        for ((plugin, camera), kept) in kept.iter_mut() {
            let Err(error) = kept.write() else { continue };
            kept.shelf.still_unwritten();
            if !std::mem::replace(&mut kept.failing, true) {
                tracing::error!(plugin, camera, %error, "the store of a plugin can't be written");
            }
        }
    }

    /// Writes every two seconds, and once more at the end.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut is_last = false;
        while !is_last {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => is_last = true,
                () = tokio::time::sleep(INTERVAL) => {}
            }
            let keeper = self.clone();
            if tokio::task::spawn_blocking(move || keeper.write()).await.is_err() {
                tracing::error!("writing the stores of plugins panicked, please report it");
            }
        }
    }
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keeper({})", self.0.directory.display())
    }
}

impl Kept {
    fn write(&mut self) -> std::io::Result<()> {
        let Some(mut unwritten) = self.shelf.take_unwritten() else { return Ok(()) };
        if self.file.wants_all(self.shelf.used_bytes()) {
            unwritten = Unwritten::All(self.shelf.entries());
        }
        self.file.write(&unwritten)?;
        self.failing = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const QUOTA: u64 = 1 << 20;

    #[tokio::test(start_paused = true)]
    async fn shelves_survive_a_restart_each_for_itself() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("kv");
        for round in 0_u8..3 {
            let keeper = Keeper::new(directory.clone());
            let end = CancellationToken::new();
            let task = keeper.clone().run(end.clone());
            let work = async {
                for (plugin, camera) in
                    [("plates", Some("gate")), ("plates", Some("yard")), ("doors", None)]
                {
                    let shelf = keeper.shelf(plugin, camera).unwrap();
                    let name = format!("{plugin}/{camera:?}/{round}");
                    let last = shelf.get("last").map(|value| value.to_vec());
                    let before = format!("{plugin}/{camera:?}/{}", round.wrapping_sub(1));
                    assert_eq!(last, (round > 0).then(|| before.into_bytes()));
                    shelf.put("last", name.as_bytes(), QUOTA).unwrap();
                    tokio::time::sleep(INTERVAL * 2).await;
                    shelf.put(&round.to_string(), &[round], QUOTA).unwrap();
                    assert_eq!(shelf.keys("").len(), usize::from(round) + 2);
                }
                end.cancel();
            };
            tokio::join!(task, work);
        }
        let mode = |path: &str| {
            std::fs::metadata(directory.join(path)).unwrap().permissions().mode() & 0o777
        };
        assert_eq!((mode("plates"), mode("plates/gate.kv")), (0o700, 0o600));
        assert_eq!(mode("doors/_source.kv"), 0o600);
    }

    #[test]
    fn what_could_not_be_written_is_written_later() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("kv");
        let keeper = Keeper::new(directory.clone());
        let shelf = keeper.shelf("plates", None).unwrap();
        shelf.put("a", b"1", QUOTA).unwrap();
        std::fs::remove_dir_all(&directory).unwrap();
        keeper.write();
        keeper.write();
        assert!(!directory.exists());
        std::fs::create_dir_all(directory.join("plates")).unwrap();
        keeper.write();
        let again = Keeper::new(directory).shelf("plates", None).unwrap();
        assert_eq!(again.get("a").as_deref(), Some(&b"1"[..]));
    }
}
