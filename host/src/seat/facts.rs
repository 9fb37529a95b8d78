//! Who is in charge of a seat, for those who ask from outside.

use std::time::Duration;

use super::order::Offer;
use super::sit::Seat;
use crate::base::Timestamp;
use crate::wasm::Kind;

/// Who is in charge, for those who ask.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Who is, or is to be as soon as an instance is made; `None`: nobody.
    pub offer: Option<Offer>,
    /// When its instance was made, or took over; `None`: that is to come.
    pub since: Option<Timestamp>,
    /// The one before stands by.
    pub on_probation: bool,
    /// How long inputs waited when it took over; `None`: it was the first.
    pub pause: Option<Duration>,
    /// Why the last reload came to nothing; `None`: it came to something.
    pub reload_failed: Option<String>,
}

impl<T: Kind> Seat<T> {
    /// Who is in charge now. `reload_failed`: what is known of the last reload.
    pub(super) fn tell_facts(&self, reload_failed: Option<String>) {
        self.facts.send_replace(Facts {
            offer: self.offer.clone(),
            since: Some(self.shared.clock.wall()),
            on_probation: self.probation.is_some(),
            pause: None,
            reload_failed,
        });
    }

    pub(super) fn tell_reload_failed(&self, why: String) {
        self.facts.send_modify(|facts| facts.reload_failed = Some(why));
    }

    /// What is wanted is in charge: whatever came of another offer is no more of interest.
    pub(super) fn tell_unchanged(&self) {
        self.facts.send_modify(|facts| facts.reload_failed = None);
    }

    /// Between the last call of the one before and the first that is possible.
    pub(super) fn tell_pause(&self, pause: Duration) {
        self.facts.send_modify(|facts| facts.pause = Some(pause));
    }

    pub(super) fn tell_trusted(&self) {
        self.facts.send_modify(|facts| facts.on_probation = false);
    }
}
