//! Who hears what: the listeners of a bus, who come and go while it runs.
//!
//! Two kinds. A *judge* (a policy) hears all of its camera, and of other cameras what it was told
//! to hear; when its queue is full, who says events waits. A *follower* (an analyzer or source that
//! comes after others) hears those others; when its queue is full it misses events and is told so,
//! so that a dear analyzer that is down holds up no cheap one, and no circle can stand still.
//! Whoever drops its queue has left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use tokio::sync::mpsc;

use super::Notice;
use crate::base::kinds::{Kinds, KindsOf};
use crate::base::limits;

/// What a listener gets, in order of the events' receipt.
#[derive(Clone, Debug)]
pub enum Heard {
    /// An event.
    Notice(Box<Notice>),
    /// A segment of its camera is on disk for good: the store knows what is to be asked.
    Closed,
}

/// The queue of an analyzer or source that comes after others.
#[derive(Debug)]
pub struct Follower {
    queue: mpsc::Receiver<Heard>,
    missed: Arc<AtomicU64>,
}

impl Follower {
    /// What was said since the last time, at least one event and at most so many; waits for it.
    /// `None`: nothing will be said any more.
    pub async fn next(&mut self, notices_max: usize) -> Option<Vec<Notice>> {
        let mut heard = Vec::new();
        self.queue.recv_many(&mut heard, notices_max).await;
        (!heard.is_empty()).then(|| notices(heard))
    }

    /// What was said already and not taken yet, at most so many.
    pub fn waiting(&mut self, notices_max: usize) -> Vec<Notice> {
        let heard = std::iter::from_fn(|| self.queue.try_recv().ok()).take(notices_max);
        notices(heard.collect())
    }

    /// How many events it has missed since it was asked last: what it takes to be open may be over.
    pub fn missed(&self) -> u64 {
        self.missed.swap(0, Ordering::Relaxed)
    }
}

fn notices(heard: Vec<Heard>) -> Vec<Notice> {
    let notice = |heard| match heard {
        Heard::Notice(notice) => Some(*notice),
        Heard::Closed => None,
    };
    heard.into_iter().filter_map(notice).collect()
}

/// The queue of one listener, which may hear several cameras.
#[derive(Debug)]
pub(super) struct Ear {
    /// Its own events are not given back to it.
    pub(super) name: String,
    pub(super) queue: mpsc::Sender<Heard>,
    /// Of a judge: those who wait for room, one after the other, so that none overtakes another.
    line: tokio::sync::Mutex<()>,
    /// Of a follower: events that it has missed.
    missed: Option<Arc<AtomicU64>>,
}

/// What came of offering an event to a listener.
pub(super) enum Offered {
    /// It has it, or is gone.
    Taken,
    /// A follower misses it.
    Missed,
    /// A judge has no room: this ends when it has taken it. Its place in the order is sure.
    Late(BoxFuture<'static, ()>),
}

impl Ear {
    /// Offers an event. Does not wait. Whoever offers the next event must do so after this.
    pub(super) async fn offer(self: &Arc<Self>, notice: &Notice) -> Offered {
        let heard = Heard::Notice(Box::new(notice.clone()));
        let heard = match self.line.try_lock().map(|_first| self.queue.try_send(heard)) {
            Ok(Ok(()) | Err(mpsc::error::TrySendError::Closed(_))) => return Offered::Taken,
            Ok(Err(mpsc::error::TrySendError::Full(heard))) => heard,
            // Others wait already.
            Err(_) => Heard::Notice(Box::new(notice.clone())),
        };
        if let Some(missed) = &self.missed {
            missed.fetch_add(1, Ordering::Relaxed);
            return Offered::Missed;
        }
        let ear = self.clone();
        let mut late: BoxFuture<'static, ()> = Box::pin(async move {
            let _place = ear.line.lock().await;
            // A judge that is gone has ended with its camera: the stored row remains.
            let _gone = ear.queue.send(heard).await;
        });
        // Polled once, it stands in the line.
        match futures::poll!(&mut late) {
            std::task::Poll::Ready(()) => Offered::Taken,
            std::task::Poll::Pending => Offered::Late(late),
        }
    }
}

/// What a listener hears of one camera.
#[derive(Debug)]
enum Interest {
    /// All, and its closed segments: a policy of it.
    Judge,
    /// These kinds, but nothing that its policies say: a policy of another camera.
    Neighbour(Vec<Kinds>),
    /// Of these plugins these kinds.
    After(Arc<[KindsOf]>),
}

/// A listener, where it listens.
#[derive(Debug)]
pub(super) struct Seat {
    interest: Interest,
    pub(super) ear: Arc<Ear>,
}

impl Seat {
    pub(super) fn is_judge(&self) -> bool {
        matches!(self.interest, Interest::Judge)
    }

    /// Whether it hears a notice of this camera. `judged`: one of the camera's policies said it.
    pub(super) fn hears(&self, notice: &Notice, judged: bool) -> bool {
        let kind = &notice.event.kind;
        let heard = match &self.interest {
            Interest::Judge => true,
            Interest::Neighbour(kinds) => !judged && kinds.iter().any(|one| one.contains(kind)),
            Interest::After(after) => {
                after.iter().any(|one| one.name == notice.origin && one.kinds.contains(kind))
            }
        };
        heard && self.ear.name != notice.origin
    }
}

/// The cameras, and who listens to each. A list is replaced, never changed: who says an event
/// keeps the one that he began with.
#[derive(Debug, Default)]
pub(super) struct Roster(Mutex<Lists>);

#[derive(Debug, Default)]
struct Lists {
    cameras: BTreeSet<String>,
    /// By camera; one that is not there (yet) may have listeners.
    seats: BTreeMap<String, Arc<[Arc<Seat>]>>,
}

impl Roster {
    pub(super) fn add_camera(&self, camera: &str) {
        self.lists().cameras.insert(camera.into());
    }

    pub(super) fn remove_camera(&self, camera: &str) {
        self.lists().cameras.remove(camera);
    }

    /// Who listens to a camera; `Err`: there is none of that name, but these.
    pub(super) fn of(&self, camera: &str) -> Result<Arc<[Arc<Seat>]>, Vec<String>> {
        let lists = self.lists();
        if !lists.cameras.contains(camera) {
            return Err(lists.cameras.iter().cloned().collect());
        }
        Ok(lists.seats.get(camera).cloned().unwrap_or_default())
    }

    /// A policy of `camera`, which hears others, too.
    pub(super) fn judge(
        &self,
        name: &str,
        camera: &str,
        hears: &[KindsOf],
    ) -> mpsc::Receiver<Heard> {
        let (ear, queue) = ear(name, None);
        self.seat(&ear, [(camera, Interest::Judge)].into_iter().chain(neighbours(camera, hears)));
        queue
    }

    /// The policies of `camera` hear these of others from now on, and no more of those before.
    pub(super) fn rehear(&self, camera: &str, hears: &[KindsOf]) {
        let judges: Vec<Arc<Ear>> = {
            let mut lists = self.lists();
            let own = lists.seats.get(camera).cloned().unwrap_or_default();
            let judges = own.iter().filter(|seat| seat.is_judge()).map(|seat| seat.ear.clone());
            let judges: Vec<_> = judges.collect();
            let is_theirs = |seat: &Arc<Seat>| {
                let is_neighbour = matches!(seat.interest, Interest::Neighbour(_));
                is_neighbour && judges.iter().any(|ear| Arc::ptr_eq(ear, &seat.ear))
            };
            for list in lists.seats.values_mut() {
                *list = list.iter().filter(|seat| !is_theirs(seat)).cloned().collect();
            }
            judges
        };
        judges.iter().for_each(|ear| self.seat(ear, neighbours(camera, hears)));
    }

    /// An analyzer or source that comes after others, on these cameras.
    pub(super) fn follower(&self, name: &str, cameras: &[&str], after: &[KindsOf]) -> Follower {
        let missed = Arc::new(AtomicU64::new(0));
        let (ear, queue) = ear(name, Some(missed.clone()));
        let after: Arc<[KindsOf]> = after.into();
        self.seat(&ear, cameras.iter().map(|camera| (*camera, Interest::After(after.clone()))));
        Follower { queue, missed }
    }

    fn seat<'a>(&self, ear: &Arc<Ear>, seats: impl IntoIterator<Item = (&'a str, Interest)>) {
        let mut lists = self.lists();
        for (camera, interest) in seats {
            let old = lists.seats.remove(camera).unwrap_or_default();
            let staying = old.iter().filter(|seat| !seat.ear.queue.is_closed()).cloned();
            let new = Arc::new(Seat { interest, ear: ear.clone() });
            let list = staying.chain(std::iter::once(new)).collect();
            lists.seats.insert(camera.into(), list);
        }
    }

    fn lists(&self) -> std::sync::MutexGuard<'_, Lists> {
        self.0.lock().expect("no panic under this lock")
    }
}

/// What the policies of `camera` hear of others.
fn neighbours<'a>(camera: &str, hears: &'a [KindsOf]) -> BTreeMap<&'a str, Interest> {
    let mut seats = BTreeMap::new();
    for other in hears.iter().filter(|other| other.name != camera) {
        let seat = seats.entry(other.name.as_str()).or_insert(Interest::Neighbour(Vec::new()));
        if let Interest::Neighbour(kinds) = seat {
            kinds.push(other.kinds.clone());
        }
    }
    seats
}

fn ear(name: &str, missed: Option<Arc<AtomicU64>>) -> (Arc<Ear>, mpsc::Receiver<Heard>) {
    let (queue, heard) = mpsc::channel(limits::EVENT_QUEUE);
    let line = tokio::sync::Mutex::new(());
    (Arc::new(Ear { name: name.into(), queue, line, missed }), heard)
}
