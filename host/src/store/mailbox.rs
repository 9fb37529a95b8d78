//! A queue from many threads and tasks to one thread.
//!
//! Posting never waits, so that nobody upstream of the disk is held up by it. The bound is kept
//! by those who post: bytes a camera for fragments, permits for events, a few letters for each
//! open file for the rest.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// The queue. Ends when it is closed and empty.
pub(super) struct Mailbox<T> {
    inner: Mutex<Inner<T>>,
    changed: Condvar,
}

struct Inner<T> {
    letters: VecDeque<T>,
    closed: bool,
}

/// What came of waiting.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Letters were appended to the given list.
    Some,
    /// The time is over.
    Nothing,
    /// Nothing will come any more.
    Closed,
}

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        let inner = Inner { letters: VecDeque::new(), closed: false };
        Self { inner: Mutex::new(inner), changed: Condvar::new() }
    }
}

impl<T> Mailbox<T> {
    /// Adds a letter and wakes the reader. Gives it back when the box is closed.
    pub(super) fn post(&self, letter: T) -> Result<(), T> {
        self.add(letter)?;
        self.changed.notify_one();
        Ok(())
    }

    /// Adds a letter that can wait until the reader wakes for another.
    pub(super) fn post_idle(&self, letter: T) -> Result<(), T> {
        self.add(letter)
    }

    fn add(&self, letter: T) -> Result<(), T> {
        let mut inner = self.lock();
        if inner.closed {
            return Err(letter);
        }
        inner.letters.push_back(letter);
        Ok(())
    }

    /// Takes no more letters; those that are there are still read.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Nothing more can be posted.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Moves up to `most` letters to `into`, waiting for the first at most `wait` (`None`: for as
    /// long as it takes).
    pub(super) fn take(&self, into: &mut Vec<T>, most: usize, wait: Option<Duration>) -> Taken {
        let mut inner = self.lock();
        if inner.letters.is_empty() && !inner.closed {
            inner = match wait {
                None => self
                    .changed
                    .wait_while(inner, |inner| inner.letters.is_empty() && !inner.closed)
                    .expect("no panic under this lock"),
                Some(wait) => {
                    let idle = |inner: &mut Inner<T>| inner.letters.is_empty() && !inner.closed;
                    self.changed
                        .wait_timeout_while(inner, wait, idle)
                        .expect("no panic under this lock")
                        .0
                }
            };
        }
        if inner.letters.is_empty() {
            return if inner.closed { Taken::Closed } else { Taken::Nothing };
        }
        let count = inner.letters.len().min(most);
        into.extend(inner.letters.drain(..count));
        Taken::Some
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().expect("no panic under this lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_come_in_order_and_the_end_comes_last() {
        let mailbox = Mailbox::default();
        let mut got = Vec::new();
        assert_eq!(mailbox.take(&mut got, 9, Some(Duration::ZERO)), Taken::Nothing);
        for letter in 0..3 {
            mailbox.post(letter).unwrap();
        }
        mailbox.post_idle(3).unwrap();
        mailbox.close();
        assert_eq!(mailbox.post(4), Err(4));
        assert_eq!(mailbox.take(&mut got, 3, None), Taken::Some);
        assert_eq!(mailbox.take(&mut got, 3, None), Taken::Some);
        assert_eq!(mailbox.take(&mut got, 3, None), Taken::Closed);
        assert_eq!(got, [0, 1, 2, 3]);
    }
}
