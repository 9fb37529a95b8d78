//! All of retention against a model (`model.rs`), on a disk of a chosen size: after each sweep
//! exactly that is there which something keeps, less what limits take.

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestCaseError};
use proptest::{collection::vec, prop_assert_eq, proptest};

use super::super::fs::{Disk, Hold};
use super::super::pins::Named;
use super::super::sim::narrow::Narrow;
use super::super::{Answer, Judge, Policy, Store};
use super::model::{File, Model};
use super::*;
use crate::policy::Span;

const NAMES: [&str; 2] = ["gate", "yard"];
const TOTAL: u64 = 64 << 20;
const FLOOR: u64 = 40 << 20;
const DAY: i64 = 86_400;

/// What happens between sweeps. `camera` is one of two, `back` counts its segments from the newest.
#[derive(Clone, Debug)]
enum Step {
    Record {
        camera: usize,
        length: u32,
        continuous: bool,
    },
    Ask {
        camera: usize,
        id: u8,
        start: i64,
        length: i64,
        keep: Option<u64>,
    },
    Answer {
        back: usize,
        keep: u64,
    },
    Pin {
        camera: usize,
        back: usize,
    },
    Unpin {
        at: usize,
    },
    Configure {
        camera: usize,
        keep: Option<u64>,
        files: Option<u64>,
    },
    Wait {
        seconds: i64,
    },
    /// Others leave room for so many files above the floor, or take so many.
    Others {
        files: i64,
    },
    /// The clock jumps ahead, or back again.
    Jump {
        seconds: i64,
    },
    Confirm,
    Restart,
    /// An export begins, and all others end.
    Export {
        camera: usize,
        back: usize,
    },
    /// A file can't be removed, and all others can.
    Stick {
        camera: usize,
        back: usize,
    },
}

fn keep() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![Just(None), Just(Some(0)), (1_u64..900).prop_map(Some)]
}

fn common() -> impl Strategy<Value = Step> {
    let camera = || 0_usize..2;
    prop_oneof![
        6 => (camera(), 1_u32..5, any::<bool>())
            .prop_map(|(camera, length, continuous)| Step::Record { camera, length, continuous }),
        2 => (camera(), any::<u8>(), -400_i64..30, 0_i64..120, keep()).prop_map(
            |(camera, id, start, length, keep)| Step::Ask {
                camera, id: id % 4, start, length, keep
            }
        ),
        1 => (0_usize..6, 0_u64..900).prop_map(|(back, keep)| Step::Answer { back, keep }),
        1 => (camera(), 0_usize..6).prop_map(|(camera, back)| Step::Pin { camera, back }),
        1 => (0_usize..3).prop_map(|at| Step::Unpin { at }),
        2 => (camera(), keep(), proptest::option::of(1_u64..8))
            .prop_map(|(camera, keep, files)| Step::Configure { camera, keep, files }),
        3 => (1_i64..500).prop_map(|seconds| Step::Wait { seconds }),
        1 => (-4_i64..12).prop_map(|files| Step::Others { files }),
    ]
}

fn with_clock() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => common(),
        1 => (700_i64..400 * DAY).prop_map(|seconds| Step::Jump { seconds }),
        1 => (DAY / 3..DAY).prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::Confirm),
        1 => Just(Step::Restart),
    ]
}

fn with_trouble() -> impl Strategy<Value = Step> {
    let one = || (0_usize..2, 0_usize..6);
    prop_oneof![
        8 => common(),
        1 => one().prop_map(|(camera, back)| Step::Export { camera, back }),
        1 => one().prop_map(|(camera, back)| Step::Stick { camera, back }),
    ]
}

/// The store beside the model.
struct Beside {
    root: tempfile::TempDir,
    disk: Narrow,
    clock: Arc<Hands>,
    store: Store,
    judge: Judge,
    next: [u64; 2],
    holds: Vec<Hold>,
}

/// What a file of a second takes, about.
const FILE: u64 = 1500;

fn open_store(root: &Path, disk: &Narrow, clock: &Arc<Hands>, size_max: Option<u64>) -> Store {
    let config = StoreConfig { free_floor: FreeFloor::Bytes(FLOOR), size_max, ..config(root) };
    Store::open(config, Arc::new(disk.clone()), clock.clone(), Metrics::default()).unwrap().0
}

impl Beside {
    async fn new(size_max: Option<u64>) -> Self {
        let (root, disk, clock) = (temporary(), Narrow::new(TOTAL), Hands::at(1000));
        let store = open_store(root.path(), &disk, &clock, size_max);
        for name in NAMES {
            store.camera(name, CameraSettings::default()).unwrap();
        }
        let judge = Self::appoint(&store).await;
        store.sweep_now().await.unwrap();
        Self { root, disk, clock, store, judge, next: [0, 0], holds: Vec::new() }
    }

    /// Nobody waits for a policy that can't be loaded: who does is tested in `answers.rs`.
    async fn appoint(store: &Store) -> Judge {
        let policy = Policy { name: "p".into(), digest: None };
        store.judges("gate", vec![policy]).await.unwrap()[0]
    }

    fn camera(&self, model: &Model, camera: usize) -> CameraSink {
        let keep = model.keeps[camera].map(Duration::from_secs);
        let size_max = model.sizes[camera];
        let settings = CameraSettings { keep, size_max, ..CameraSettings::default() };
        self.store.camera(NAMES[camera], settings).unwrap().0
    }

    fn path(&self, file: &File) -> PathBuf {
        super::super::layout::segment(NAMES[file.camera], at(file.start), file.sequence)
    }

    async fn apply(&mut self, model: &mut Model, step: Step) {
        match step {
            Step::Record { camera, length, continuous } => {
                self.record(model, camera, length, continuous).await;
            }
            Step::Ask { camera, id, start, length, keep } => {
                let (start, end) = (model.wall + start, model.wall + start + length);
                let span = Span {
                    id: format!("{camera}/{id}"),
                    camera: NAMES[camera].into(),
                    policy: "p".into(),
                    start: at(start),
                    end: at(end),
                    keep: keep.map(Duration::from_secs),
                    label: String::new(),
                    because: vec![],
                    correlation: None,
                };
                if self.store.span(span).await.is_ok() {
                    model.ask(camera, id, start, end, keep);
                }
            }
            Step::Answer { back, keep } => {
                let Some(at) = model.back(0, back).filter(|at| model.files[*at].continuous) else {
                    return;
                };
                let file = &mut model.files[at];
                let keep_it = Some(Duration::from_secs(keep));
                let said = Answer { sequence: file.sequence, keep: keep_it };
                self.store.answer(self.judge, vec![said]).await.unwrap();
                file.answer = Some(keep);
            }
            Step::Pin { camera, back } => {
                let Some(found) = model.back(camera, back) else { return };
                let (start, end) = (model.files[found].start, model.files[found].end);
                let named =
                    Named::Range { camera: NAMES[camera].into(), start: at(start), end: at(end) };
                let pin = self.store.pin(named, None).await.unwrap().unwrap();
                model.pins.push((camera, start, end, pin.id));
            }
            Step::Unpin { at } if at < model.pins.len() => {
                let (.., id) = model.pins.remove(at);
                self.store.unpin(Named::Id(id)).await.unwrap();
            }
            Step::Unpin { .. } => {}
            Step::Configure { camera, keep, files } => {
                model.keeps[camera] = keep;
                model.sizes[camera] = files.map(|files| files * FILE);
                self.camera(model, camera);
            }
            Step::Wait { seconds } => self.wait(model, seconds),
            Step::Others { files } => {
                self.disk.set_others(0);
                let own = TOTAL - self.disk.free();
                let left = FLOOR as i64 + files * FILE as i64 + i64::from(files > 8) * (2 << 20);
                self.disk.set_others((TOTAL - own).saturating_sub(left as u64));
            }
            step => self.trouble(model, step).await,
        }
    }

    async fn trouble(&mut self, model: &mut Model, step: Step) {
        match step {
            Step::Jump { seconds } => {
                let by = model.jump.map_or(seconds, |(by, _)| -by);
                model.jump = model.jump.is_none().then_some((by, model.monotonic));
                model.wall += by;
                self.clock.step(by);
            }
            Step::Confirm => {
                self.store.confirm_time().await.unwrap();
                model.jump = None;
            }
            Step::Restart => {
                self.store.shutdown().await;
                self.store =
                    open_store(self.root.path(), &self.disk, &self.clock, model.store_size);
                (0..2).for_each(|camera| drop(self.camera(model, camera)));
                self.judge = Self::appoint(&self.store).await;
            }
            Step::Export { camera, back } => {
                self.holds.clear();
                let found = model.back(camera, back).map(|at| model.files[at].clone());
                let path = found.as_ref().map(|file| self.root.path().join(self.path(file)));
                self.holds.extend(path.and_then(|path| Disk.hold(&path).unwrap()));
                self.set_stuck(model, found);
            }
            Step::Stick { camera, back } => {
                self.holds.clear();
                let found = model.back(camera, back).map(|at| model.files[at].clone());
                self.disk.set_stuck(found.iter().map(|file| self.path(file)).collect());
                self.set_stuck(model, found);
            }
            _ => {}
        }
    }

    /// What could not go is tried again after a minute.
    fn set_stuck(&mut self, model: &mut Model, found: Option<File>) {
        if self.holds.len() == found.iter().len() {
            self.disk.set_stuck(Vec::new());
        }
        model.stuck = found.iter().map(|file| (file.camera, file.sequence)).collect();
        self.wait(model, 61);
    }

    fn wait(&self, model: &mut Model, seconds: i64) {
        model.wall += seconds;
        model.monotonic += seconds;
        let mut hands = self.clock.0.lock().unwrap();
        let length = Duration::from_secs(seconds.unsigned_abs());
        *hands = (hands.0 + length, hands.1 + length);
    }

    async fn record(&mut self, model: &mut Model, camera: usize, length: u32, continuous: bool) {
        if self.disk.free() < FLOOR + (1 << 20) {
            return;
        }
        let (sequence, mut closed) = (self.next[camera], self.store.subscribe_closed());
        self.next[camera] += 1;
        let start = model.wall;
        let mut sink = self.camera(model, camera);
        record(&mut sink, sequence, start, length, continuous).unwrap();
        let bytes = closed.recv().await.unwrap().bytes;
        let end = start + i64::from(length);
        let (closed, answer) = (start, None);
        model.files.push(File { camera, sequence, start, end, closed, bytes, continuous, answer });
    }
}

async fn check(size: Option<u64>, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let store_size = size.map(|files| files * FILE);
    let mut model = Model {
        wall: 1000,
        monotonic: 0,
        jump: None,
        files: Vec::new(),
        spans: Vec::new(),
        pins: Vec::new(),
        keeps: [None; 2],
        sizes: [None; 2],
        store_size,
        stuck: Vec::new(),
    };
    let mut beside = Beside::new(store_size).await;
    for step in steps {
        let what = format!("{step:?}");
        let length = if let Step::Record { length, .. } = step { i64::from(length) } else { 0 };
        beside.apply(&mut model, step).await;
        compare(&beside, &mut model, &what).await?;
        // A file's time passes after it, so that nothing else happens with its close.
        beside.wait(&mut model, length);
        compare(&beside, &mut model, &what).await?;
    }
    beside.holds.clear();
    beside.store.shutdown().await;
    check_agreement(beside.root.path(), "the model");
    Ok(())
}

async fn compare(beside: &Beside, model: &mut Model, what: &str) -> Result<(), TestCaseError> {
    let own: i64 = model.size(|_| true);
    // A look of its own may have been first, or come between a file and its row.
    let free = beside.disk.free_without_video() as i64 - own;
    // That something is stuck is an error, and the rest goes all the same.
    let _ = beside.store.sweep_now().await;
    model.sweep(free, FLOOR as i64);
    let number = |name: &str| NAMES.iter().position(|one| *one == name).unwrap();
    let mut there: Vec<_> = segments(beside.root.path())
        .into_iter()
        .map(|row| (number(&row.camera), row.sequence))
        .collect();
    let mut expected: Vec<_> =
        model.files.iter().map(|file| (file.camera, file.sequence)).collect();
    there.sort_unstable();
    expected.sort_unstable();
    prop_assert_eq!(there, expected, "{}", what);
    Ok(())
}

fn run(test: impl Future<Output = Result<(), TestCaseError>>) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test)
}

proptest! {
    #![proptest_config(Config::with_cases(24))]
    #[test]
    fn what_is_kept_is_what_the_model_keeps(
        size in proptest::option::of(4_u64..20),
        steps in vec(with_clock(), 1..50),
    ) {
        run(check(size, steps))?;
    }

    #[test]
    fn exports_and_stuck_files_do_not_shield_the_others(
        size in proptest::option::of(4_u64..20),
        steps in vec(with_trouble(), 1..50),
    ) {
        run(check(size, steps))?;
    }
}
