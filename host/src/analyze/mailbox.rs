//! The edge decode -> analyze: one place, the newest wins, and what was dropped is counted.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

/// Places for a few things.
#[derive(Debug)]
struct Slot<T> {
    /// At most `depth`; the oldest first.
    newest: VecDeque<T>,
    depth: usize,
    /// Things replaced before they were taken.
    skipped: u32,
    closed: bool,
}

#[derive(Debug)]
struct Shared<T> {
    /// Never held across an await; guards the slot.
    slot: Mutex<Slot<T>>,
    filled: Notify,
}

/// The side that puts.
#[derive(Debug)]
pub struct Sender<T>(Arc<Shared<T>>);

/// The side that takes.
#[derive(Debug)]
pub struct Receiver<T>(Arc<Shared<T>>);

/// An empty mailbox with one place.
pub fn mailbox<T>() -> (Sender<T>, Receiver<T>) {
    with_depth(1)
}

/// An empty mailbox with `depth` places, at least one. More than one is for who must not miss
/// anything, and has time.
pub fn with_depth<T>(depth: usize) -> (Sender<T>, Receiver<T>) {
    let slot = Slot { newest: VecDeque::new(), depth: depth.max(1), skipped: 0, closed: false };
    let slot = Mutex::new(slot);
    let shared = Arc::new(Shared { slot, filled: Notify::new() });
    (Sender(shared.clone()), Receiver(shared))
}

impl<T> Sender<T> {
    /// Puts the newest; `true` when it replaced the oldest, which nobody took.
    pub fn put(&self, newest: T) -> bool {
        let replaced = {
            let mut slot = self.0.slot.lock().expect("no panic under this lock");
            let replaced = slot.newest.len() >= slot.depth;
            if replaced {
                slot.newest.pop_front();
            }
            slot.newest.push_back(newest);
            slot.skipped += u32::from(replaced);
            replaced
        };
        self.0.filled.notify_one();
        replaced
    }

    /// Nobody will take any more.
    pub fn is_closed(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.slot.lock().expect("no panic under this lock").closed = true;
        self.0.filled.notify_one();
    }
}

impl<T> Receiver<T> {
    /// The newest (of several, the oldest), and how many were replaced since the last one taken;
    /// `None` when nothing will come any more.
    pub async fn take(&self) -> Option<(T, u32)> {
        loop {
            {
                let mut slot = self.0.slot.lock().expect("no panic under this lock");
                if let Some(newest) = slot.newest.pop_front() {
                    return Some((newest, std::mem::take(&mut slot.skipped)));
                }
                if slot.closed {
                    return None;
                }
            }
            self.0.filled.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn newest_wins_and_the_rest_is_counted() {
        let (sender, receiver) = mailbox();
        assert!(!sender.put(1));
        assert!(sender.put(2));
        assert!(sender.put(3));
        assert_eq!(receiver.take().await, Some((3, 2)));
        sender.put(4);
        drop(sender);
        assert_eq!(receiver.take().await, Some((4, 0)));
        assert_eq!(receiver.take().await, None);
    }

    #[tokio::test]
    async fn more_places_keep_the_order() {
        let (sender, receiver) = with_depth(2);
        assert!(!sender.put(1) && !sender.put(2) && sender.put(3));
        assert_eq!(receiver.take().await, Some((2, 1)));
        assert_eq!(receiver.take().await, Some((3, 0)));
    }

    #[test]
    fn a_sender_sees_that_nobody_listens() {
        let (sender, receiver) = mailbox::<u8>();
        assert!(!sender.is_closed());
        drop(receiver);
        assert!(sender.is_closed());
    }
}
