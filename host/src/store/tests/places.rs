//! Places that are not where they should be, and cameras that record to one of several.

use std::fs;

use super::super::fs::Disk;
use super::moving::{check_places, open_two, two};
use super::*;

const DAY: i64 = 86_400;

fn camera(store: &Store, name: &str, place: &str) -> CameraSink {
    let place = store.place(place).unwrap();
    let keep = Some(Duration::from_secs(60));
    let settings = CameraSettings { keep, place, ..CameraSettings::default() };
    store.camera(name, settings).unwrap().0
}

fn start_of(config: StoreConfig) -> crate::base::Result<(Store, Recovered)> {
    Store::open(config, Arc::new(Disk), Hands::at(100), Metrics::default())
}

/// The disk of the large store is unmounted: its empty mount point is left.
fn unmount(root: &Path) {
    fs::rename(root.join("large"), root.join("away")).unwrap();
    fs::create_dir(root.join("large")).unwrap();
}

fn mount(root: &Path) {
    fs::remove_dir(root.join("large")).unwrap();
    fs::rename(root.join("away"), root.join("large")).unwrap();
}

#[tokio::test]
async fn a_camera_is_recorded_to_the_store_that_it_names() {
    let root = tempfile::tempdir().unwrap();
    let store = open_two(root.path(), Disk, &Hands::at(0));
    assert_eq!(store.place("nowhere"), None);
    let mut closed = store.subscribe_closed();
    record(&mut camera(&store, "gate", "large"), 0, 0, 3, true).unwrap();
    closed.recv().await.unwrap();
    record(&mut camera(&store, "gate", "main"), 1, 10, 3, true).unwrap();
    closed.recv().await.unwrap();
    assert_eq!(check_places(root.path(), "recorded"), [1, 0]);
}

#[tokio::test]
async fn an_empty_mount_point_is_not_recorded_to_and_other_cameras_go_on() {
    let root = tempfile::tempdir().unwrap();
    let clock = Hands::at(0);
    let store = open_two(root.path(), Disk, &clock);
    let mut health = store.health();
    let mut closed = store.subscribe_closed();
    let (mut gate, mut door) = (camera(&store, "gate", "large"), camera(&store, "door", "main"));
    record(&mut gate, 0, 0, 3, true).unwrap();
    closed.recv().await.unwrap();
    unmount(root.path());
    // Refused in its own time: the camera's door does not wait for the disk.
    let _ = record(&mut gate, 1, 10, 3, true);
    health.wait_for(|health| *health != super::super::Health::Good).await.unwrap();
    record(&mut door, 0, 10, 3, true).unwrap();
    assert_eq!(closed.recv().await.unwrap().camera, "door");
    assert_eq!(fs::read_dir(root.path().join("large")).unwrap().count(), 0);
    // What lies there waits for its disk, however old it is.
    clock.set(DAY);
    assert_eq!(store.sweep_now().await.unwrap().segments, 1, "the door's");
    assert_eq!(segments(&root.path().join("fast")).len(), 1);
    mount(root.path());
    record(&mut gate, 2, DAY, 3, true).unwrap();
    assert_eq!(closed.recv().await.unwrap().sequence, 2);
    health.wait_for(|health| *health == super::super::Health::Good).await.unwrap();
    assert_eq!(store.sweep_now().await.unwrap().segments, 1);
    assert_eq!(check_places(root.path(), "mounted again"), [1]);
}

#[tokio::test]
async fn a_place_that_was_there_before_must_be_there() {
    let root = tempfile::tempdir().unwrap();
    drop(open_two(root.path(), Disk, &Hands::at(0)));
    unmount(root.path());
    let refused = |config| start_of(config).err().expect("refused").chain();
    let message = refused(two(root.path()));
    assert!(message.contains("mount its disk"), "{message}");
    assert_eq!(fs::read_dir(root.path().join("large")).unwrap().count(), 0);
    // Another store's place, and another store itself.
    let other = tempfile::tempdir().unwrap();
    drop(open_two(other.path(), Disk, &Hands::at(0)));
    for path in ["large", "fast"] {
        let mut config = two(root.path());
        config.places[0].path = other.path().join(path);
        let message = refused(config);
        assert!(message.contains("another store"), "{message}");
    }
    let message = refused(config(&other.path().join("large")));
    assert!(message.contains("is none itself"), "{message}");
    // The same disk elsewhere, and under another name, is the same place.
    let mut moved = two(root.path());
    moved.places[0].path = root.path().join("away");
    moved.places[0].name = "big".into();
    moved.moving = None;
    let store = start_of(moved).unwrap().0;
    assert_eq!(store.place("big"), Some(PlaceId(1)));
    assert_eq!(store.place("large"), None);
}

#[tokio::test]
async fn what_lies_in_a_place_that_is_named_no_more_is_still_retained() {
    let root = tempfile::tempdir().unwrap();
    let clock = Hands::at(0);
    let store = open_two(root.path(), Disk, &clock);
    let mut closed = store.subscribe_closed();
    record(&mut camera(&store, "gate", "large"), 0, 0, 3, true).unwrap();
    closed.recv().await.unwrap();
    store.shutdown().await;
    let alone = || {
        Store::open(
            config(&root.path().join("fast")),
            Arc::new(Disk),
            clock.clone(),
            Metrics::default(),
        )
    };
    clock.set(DAY);
    unmount(root.path());
    let (store, recovered) = alone().unwrap();
    assert!(recovered.repairs.is_empty());
    assert_eq!((store.place("large"), store.places().len()), (None, 2));
    assert_eq!(store.sweep_now().await.unwrap().segments, 0);
    store.shutdown().await;
    mount(root.path());
    let (store, _) = alone().unwrap();
    store.confirm_time().await.unwrap().expect("a day without a host is a jump of the clock");
    assert_eq!(store.sweep_now().await.unwrap().segments, 1);
    assert!(check_places(root.path(), "retained").is_empty());
    store.shutdown().await;
    assert_eq!(alone().unwrap().0.places().len(), 1, "an empty place is forgotten");
}

/// `R`efused or taken (`.`): the index and a further place on a filesystem, and both again where it
/// is allowed.
#[tokio::test]
async fn a_store_is_made_only_where_it_can_be_kept() {
    const FAT: u32 = 0x4d44;
    const NFS: u32 = 0x6969;
    const EXT4: u32 = 0xef53;
    for (magic, expected) in [(FAT, "RR.."), (NFS, "R..."), (EXT4, "....")] {
        let mut answers = String::new();
        for (further, allowed) in [(false, false), (true, false), (false, true), (true, true)] {
            let root = tempfile::tempdir().unwrap();
            let fs = Faulty::new(Fault::None);
            let config = match further {
                false => {
                    StoreConfig { allow_filesystem: allowed, ..config(&root.path().join("a")) }
                }
                true => {
                    let mut config = two(root.path());
                    config.allow_filesystem = true;
                    config.places[0].allow_filesystem = allowed;
                    config
                }
            };
            fs.set_magic(magic);
            match Store::open(config, Arc::new(fs), Hands::at(0), Metrics::default()) {
                Ok((store, _)) => {
                    answers.push('.');
                    store.shutdown().await;
                }
                Err(error) => {
                    answers.push('R');
                    assert!(error.chain().contains("allow-filesystem"), "{}", error.chain());
                    let made = root.path().join(if further { "large" } else { "a" });
                    assert!(!made.exists(), "nothing is made before it is refused");
                }
            }
        }
        assert_eq!(answers, expected, "{magic:x}");
    }
}
