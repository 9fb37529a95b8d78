//! The model of retention: plain lists in the order of recording, looked through from the start
//! each time. Ranks, limits and the guard of age, as `DESIGN.md` says them, once more and simply.

use super::super::holds;

const DAY: i64 = 86_400;

#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) camera: usize,
    pub(super) sequence: u64,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) closed: i64,
    pub(super) bytes: u64,
    pub(super) continuous: bool,
    pub(super) answer: Option<u64>,
}

/// The model: plain lists in the order of recording, looked through from the start each time.
pub(super) struct Model {
    pub(super) wall: i64,
    pub(super) monotonic: i64,
    /// By how much the clock has jumped ahead, and when.
    pub(super) jump: Option<(i64, i64)>,
    pub(super) files: Vec<File>,
    pub(super) spans: Vec<(usize, u8, i64, i64, Option<u64>)>,
    pub(super) pins: Vec<(usize, i64, i64, String)>,
    pub(super) keeps: [Option<u64>; 2],
    pub(super) sizes: [Option<u64>; 2],
    pub(super) store_size: Option<u64>,
    /// Can't go now.
    pub(super) stuck: Vec<(usize, u64)>,
}

impl Model {
    fn age(&self) -> i64 {
        self.wall - self.jump.map_or(0, |(by, _)| by)
    }

    fn rank(&self, file: &File) -> u8 {
        let (age, keep) = (self.age(), self.keeps[file.camera]);
        let runs = |end: i64, keep: Option<u64>| keep.is_none_or(|keep| end + keep as i64 > age);
        let touches = |from: i64, to: i64| from < to && from < file.end && file.start < to;
        let pinned =
            |pin: &(usize, i64, i64, String)| pin.0 == file.camera && touches(pin.1, pin.2);
        let spans = |span: &(usize, u8, i64, i64, Option<u64>)| {
            let (camera, _, from, to, own) = *span;
            let held = own != Some(0) && runs(to, own.or(keep));
            camera == file.camera && touches(from, to) && held
        };
        let grace = file.closed + holds::GRACE.as_secs() as i64 > age;
        match () {
            () if self.pins.iter().any(pinned) => 3,
            () if self.spans.iter().any(spans) => 2,
            () if grace || (file.continuous && runs(file.end, file.answer.or(keep))) => 1,
            () => 0,
        }
    }

    fn is_stuck(&self, file: &File) -> bool {
        self.stuck.contains(&(file.camera, file.sequence))
    }

    /// Removes what may go until `lacking` of it is gone: least kept first, then first recorded.
    fn relieve(&mut self, of: impl Fn(&File) -> bool, mut lacking: i64) -> i64 {
        let mut freed = 0;
        for rank in 1..=3 {
            let mut at = 0;
            while at < self.files.len() && lacking > 0 {
                let file = &self.files[at];
                if of(file) && self.rank(file) == rank && !self.is_stuck(file) {
                    lacking -= file.bytes as i64;
                    freed += file.bytes as i64;
                    self.files.remove(at);
                } else {
                    at += 1;
                }
            }
        }
        freed
    }

    /// `free` is what the disk had before, `floor` what is to be free.
    pub(super) fn sweep(&mut self, mut free: i64, floor: i64) {
        if self.jump.is_some_and(|(_, at)| self.monotonic - at >= DAY) {
            self.jump = None;
        }
        let (before, files) = (self.size(|_| true), std::mem::take(&mut self.files));
        self.files = files
            .iter()
            .filter(|file| self.rank(file) > 0 || self.is_stuck(file))
            .cloned()
            .collect();
        for camera in 0..2 {
            if let Some(size) = self.sizes[camera] {
                let over = self.size(|file| file.camera == camera) - size as i64;
                self.relieve(|file| file.camera == camera, over);
            }
        }
        if let Some(size) = self.store_size {
            self.relieve(|_| true, self.size(|_| true) - size as i64);
        }
        free += before - self.size(|_| true);
        self.relieve(|_| true, floor - free);
        self.forget_spans();
    }

    /// A span is gone when its hold is over and no video of it is left.
    fn forget_spans(&mut self) {
        let (age, keeps) = (self.age(), self.keeps);
        let files = std::mem::take(&mut self.files);
        self.spans.retain(|(camera, _, from, to, own)| {
            let over = own.or(keeps[*camera]).is_some_and(|keep| to + keep as i64 <= age);
            let touches =
                |file: &File| file.camera == *camera && file.start < *to && *from < file.end;
            to + 60 >= age || !(from >= to || over) || files.iter().any(touches)
        });
        self.files = files;
    }

    pub(super) fn size(&self, of: impl Fn(&File) -> bool) -> i64 {
        self.files.iter().filter(|file| of(file)).map(|file| file.bytes as i64).sum()
    }

    pub(super) fn back(&self, camera: usize, back: usize) -> Option<usize> {
        let mut of = (0..self.files.len()).rev().filter(|at| self.files[*at].camera == camera);
        of.nth(back)
    }

    /// A sealed span is only made longer.
    pub(super) fn ask(&mut self, camera: usize, id: u8, start: i64, end: i64, keep: Option<u64>) {
        let known = self.spans.iter().position(|one| (one.0, one.1) == (camera, id));
        let known = known.map(|at| self.spans.remove(at));
        let sealed = known.filter(|(_, _, _, end, _)| self.wall > end + 60);
        self.spans.push(match sealed {
            None => (camera, id, start, end, keep),
            Some((_, _, from, to, kept)) => {
                let until = |keep: Option<u64>| match keep.or(self.keeps[camera]) {
                    _ if keep == Some(0) => 0,
                    None => u64::MAX,
                    Some(keep) => keep + 1,
                };
                let longer = if until(keep) > until(kept) { keep } else { kept };
                (camera, id, start.min(from), end.max(to), longer)
            }
        });
    }
}
