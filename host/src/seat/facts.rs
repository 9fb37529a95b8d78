//! Who is in charge of a seat, for those who ask from outside.

use std::time::Duration;

use serde::Serialize;

use super::order::Offer;
use super::sit::Seat;
use crate::base::Timestamp;
use crate::wasm::Kind;

/// Who is in charge, for those who ask.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// The version, from its manifest; `None`: nobody ever was.
    pub version: Option<String>,
    /// Of the component, in hexadecimal digits.
    pub digest: Option<String>,
    /// Of component and parameters together, in hexadecimal digits.
    pub offer: Option<String>,
    /// When its instance was made, or took over.
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
        let plugin = self.offer.as_ref().map(|offer| &offer.plugin);
        self.facts.send_replace(Facts {
            version: plugin.map(|plugin| plugin.manifest().version.clone()),
            digest: plugin.map(|plugin| plugin.digest().to_owned()),
            offer: self.offer.as_ref().map(Offer::digest),
            since: Some(self.shared.clock.wall()),
            on_probation: self.probation.is_some(),
            pause: None,
            reload_failed,
        });
    }

    pub(super) fn tell_reload_failed(&self, why: String) {
        self.facts.send_modify(|facts| facts.reload_failed = Some(why));
    }

    /// Between the last call of the one before and the first that is possible.
    pub(super) fn tell_pause(&self, pause: Duration) {
        self.facts.send_modify(|facts| facts.pause = Some(pause));
    }

    pub(super) fn tell_trusted(&self) {
        self.facts.send_modify(|facts| facts.on_probation = false);
    }
}
