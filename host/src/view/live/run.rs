//! One run of a stream, and those who look at it: pieces that are made once and shared by all.
//!
//! A viewer has nothing but its place among the pieces. Who is too slow finds the piece at its
//! place gone, and goes on at the newest key frame; nobody waits for it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use prometheus_client::metrics::counter::Counter;
use tokio::sync::watch;

use super::channel::Presence;
use crate::base::Timestamp;
use crate::ingest::packet::VIDEO_TICKS;
use crate::record::live::{Head, Piece};

/// What lies before the newest key frame is kept for so long, for viewers that are a little slow:
/// together with a group it is what a viewer can be behind.
const BEHIND_TICKS: i64 = 2 * VIDEO_TICKS;

/// Bytes of a run that are kept at most, whatever its groups are like. Where one group alone has
/// more, its start goes too, and who comes waits for the next key frame.
const BYTES_MAX: usize = 32 << 20;

/// Where a viewer begins: a key frame.
#[derive(Clone, Copy)]
pub(super) struct Start {
    next: u64,
    /// UTC of presentation time 0, by that key frame.
    zero: Timestamp,
}

/// A run that viewers can look at.
pub(super) struct Run {
    /// Counts the runs of its channel.
    pub(super) number: u64,
    pub(super) head: Head,
    /// Never held across an await.
    state: Mutex<State>,
    /// The number of the next piece; dropped with the run's end.
    next: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    pieces: VecDeque<Piece>,
    /// The number of the first of them.
    first: u64,
    bytes: usize,
    is_over: bool,
}

impl State {
    fn end(&self) -> u64 {
        self.first + self.pieces.len() as u64
    }

    fn newest_key(&self) -> Option<u64> {
        let at = self.pieces.iter().rposition(|piece| piece.key)?;
        Some(self.first + at as u64)
    }

    fn get(&self, number: u64) -> Option<&Piece> {
        self.pieces.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    fn trim(&mut self) {
        let key = self.newest_key();
        let newest = self.pieces.back().map_or(0, |piece| piece.start_ticks);
        while let Some(front) = self.pieces.front() {
            let old = newest.saturating_sub(front.start_ticks) > BEHIND_TICKS;
            let before_key = key.is_some_and(|key| self.first < key);
            if !(old && before_key) && self.bytes <= BYTES_MAX {
                return;
            }
            self.bytes -= front.data.len();
            self.first += 1;
            self.pieces.pop_front();
        }
    }
}

impl Run {
    pub(super) fn new(number: u64, head: Head) -> Self {
        Self { number, head, state: Mutex::default(), next: watch::channel(0).0 }
    }

    pub(super) fn push(&self, piece: Piece) {
        let next = self.with(|state| {
            state.bytes += piece.data.len();
            state.pieces.push_back(piece);
            state.trim();
            state.end()
        });
        self.next.send_replace(next);
    }

    /// Nothing more comes: viewers get what there is, and then their end.
    pub(super) fn end(&self) {
        self.with(|state| state.is_over = true);
        self.next.send_modify(|_| {});
    }

    /// Where a viewer begins that comes now; `None`: there is no key frame.
    pub(super) fn start(&self) -> Option<Start> {
        self.with(|state| {
            let next = state.newest_key()?;
            Some(Start { next, zero: state.get(next)?.zero })
        })
    }

    /// All pieces from the newest key frame on.
    pub(super) fn newest_group(&self) -> Vec<Piece> {
        self.with(|state| {
            let key = state.newest_key().and_then(|key| key.checked_sub(state.first));
            let from = key.and_then(|at| usize::try_from(at).ok()).unwrap_or(state.pieces.len());
            state.pieces.range(from..).cloned().collect()
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().expect("no panic under this lock"))
    }
}

/// One who looks at a run, from a key frame to its end.
pub struct Viewer {
    run: Arc<Run>,
    /// The number of the piece that is next.
    next: u64,
    /// It must be a key frame.
    awaits_key: bool,
    zero: Timestamp,
    changed: watch::Receiver<u64>,
    skipped: Counter,
    _presence: Presence,
}

impl Viewer {
    /// A viewer that begins there.
    pub(super) fn new(run: Arc<Run>, start: Start, skipped: Counter, presence: Presence) -> Self {
        let Start { next, zero } = start;
        let changed = run.next.subscribe();
        Self { run, next, awaits_key: true, zero, changed, skipped, _presence: presence }
    }

    /// What every player needs first: `ftyp` and `moov`.
    pub fn head(&self) -> &Head {
        &self.run.head
    }

    /// UTC of presentation time 0 of what it gets, as the last key frame has it: a camera's clock drifts.
    pub fn zero(&self) -> Timestamp {
        self.zero
    }

    /// The next piece, as soon as there is one; `None`: the run is over. May be cancelled without loss.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            self.changed.borrow_and_update();
            match self.look() {
                Look::Piece(data) => return Some(data),
                Look::Over => return None,
                // The run is held by this viewer, and so the sender is there.
                Look::Nothing => self.changed.changed().await.ok()?,
            }
        }
    }

    fn look(&mut self) -> Look {
        let Self { run, next, awaits_key, zero, skipped, .. } = self;
        run.with(|state| {
            if *next < state.first {
                let to = state.newest_key().unwrap_or(state.end());
                skipped.inc_by(to - *next);
                (*next, *awaits_key) = (to, true);
            }
            while let Some(piece) = state.get(*next) {
                *next += 1;
                if piece.key || !*awaits_key {
                    *awaits_key = false;
                    if piece.key {
                        *zero = piece.zero;
                    }
                    return Look::Piece(piece.data.clone());
                }
                skipped.inc();
            }
            if state.is_over { Look::Over } else { Look::Nothing }
        })
    }
}

enum Look {
    Piece(Bytes),
    Nothing,
    Over,
}
