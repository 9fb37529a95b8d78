//! The inputs since an instance was last saved: what a new one is given to be where it was.
//!
//! Bounded in number and bytes. Pure.

use std::collections::VecDeque;

use crate::wasm::{Kind, Sent};

/// Inputs kept: in half a minute a busy camera has some hundred events.
const INPUTS_MAX: usize = 2048;

/// Bytes kept, of all inputs of one seat.
const BYTES_MAX: usize = 4 << 20;

/// An input, and what came of it.
struct Entry<T: Kind> {
    told: Told<T>,
    /// Its answer had events in it, which others have heard.
    had_events: bool,
}

/// An input that was told, to be told again.
pub(super) struct Told<T: Kind> {
    pub(super) input: T::Input,
    /// What the requests came to that it led to.
    pub(super) asked: Vec<Sent>,
}

impl<T: Kind> Clone for Told<T> {
    fn clone(&self) -> Self {
        Self { input: self.input.clone(), asked: self.asked.clone() }
    }
}

/// Inputs in order.
pub(super) struct Journal<T: Kind> {
    entries: VecDeque<Entry<T>>,
    bytes: usize,
    whole: bool,
}

impl<T: Kind> Journal<T> {
    /// Nothing since. `whole`: that is known.
    pub(super) fn new(whole: bool) -> Self {
        Self { entries: VecDeque::new(), bytes: 0, whole }
    }

    /// An input was answered. What there is no room for ends the journal: a part of it is of no
    /// use.
    pub(super) fn push(&mut self, told: Told<T>, had_events: bool) {
        if !self.whole {
            return;
        }
        let bytes = T::weight(&told.input).and_then(|weight| self.bytes.checked_add(weight));
        match bytes.filter(|bytes| *bytes <= BYTES_MAX && self.entries.len() < INPUTS_MAX) {
            Some(bytes) => {
                self.bytes = bytes;
                self.entries.push_back(Entry { told, had_events });
            }
            None => *self = Self::new(false),
        }
    }

    /// It has all inputs since.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Half of what it holds: time to save, or to do without.
    pub(super) fn is_filling(&self) -> bool {
        self.entries.len() >= INPUTS_MAX / 2 || self.bytes >= BYTES_MAX / 2
    }

    pub(super) fn inputs(&self) -> Vec<Told<T>> {
        self.entries.iter().map(|entry| entry.told.clone()).collect()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (T::Input, bool)> {
        self.entries.iter().map(|entry| (entry.told.input.clone(), entry.had_events))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::Timestamp;
    use crate::wasm::{Analyzer, Message, Source, analyzer, source};

    fn told<T: Kind>(input: T::Input) -> Told<T> {
        Told { input, asked: Vec::new() }
    }

    fn message(bytes: usize) -> Told<Source> {
        told(source::Input::Message(Arc::new(Message {
            topic: "hook:door".into(),
            content_type: String::new(),
            received: Timestamp::ZERO,
            attributes: Vec::new(),
            body: vec![0; bytes],
        })))
    }

    #[test]
    fn it_is_whole_until_it_would_lose_something() {
        let mut journal = Journal::<Source>::new(true);
        for _ in 0..INPUTS_MAX {
            journal.push(message(1), false);
        }
        assert!(journal.is_whole() && journal.is_filling());
        assert_eq!(journal.inputs().len(), INPUTS_MAX);
        journal.push(message(1), false);
        assert!(!journal.is_whole() && journal.inputs().is_empty());
        journal.push(message(1), false);
        assert!(journal.inputs().is_empty(), "no part of it comes back");

        let mut journal = Journal::<Source>::new(true);
        journal.push(message(BYTES_MAX / 2), true);
        assert!(journal.is_filling() && journal.is_whole());
        journal.push(message(BYTES_MAX / 2), true);
        assert!(!journal.is_whole());
    }

    #[test]
    fn pictures_are_too_large_for_it() {
        let mut journal = Journal::<Analyzer>::new(true);
        journal.push(told(analyzer::Input::Units(Arc::new([]))), false);
        assert!(!journal.is_whole());
    }
}
