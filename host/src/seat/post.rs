//! What a seat is made from, and what it tells its stage.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::facts::Facts;
use super::order::{Offer, Order};
use super::vault::Vault;
use crate::base::Timestamp;
use crate::base::clock::Clock;
use crate::events::Bus;
use crate::wasm::standing::Teller;
use crate::wasm::supervise::{Guest, Said, Trouble};
use crate::wasm::{CallStats, InstanceConfig, Kind, Lane, Sent};

/// What all seats of a host share.
#[derive(Clone)]
pub struct Shared {
    /// Where instances are made and proven.
    pub aside: Lane,
    /// Where snapshots are kept.
    pub vault: Vault,
    /// Where the host's own events go.
    pub bus: Bus,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
}

/// What a seat is made from.
pub struct Post {
    /// Empty for event sources.
    pub camera: String,
    /// The plugin's name in the configuration.
    pub name: String,
    /// Who should be in charge; `None`: it could not be loaded, and `standing` says why.
    pub offer: Option<Offer>,
    /// What an instance is made with.
    pub instance: InstanceConfig,
    /// Where calls run.
    pub lane: Lane,
    /// How it fares.
    pub standing: Teller,
    /// Who is in charge, for those who ask.
    pub facts: watch::Sender<Facts>,
    /// Who else should be.
    pub orders: mpsc::Receiver<Order>,
    /// What all seats share.
    pub shared: Shared,
}

/// Somebody has come to sit.
#[derive(Clone, Debug)]
pub struct Seated<W> {
    /// What it wants to be called with.
    pub wishes: W,
    /// When the run began that it goes on with, or begins: names its events and spans.
    pub run: Timestamp,
    /// It knows of everything that the one before left open.
    pub continues: bool,
}

/// An answer to an input.
pub struct Reply<T: Kind> {
    /// The input.
    pub input: T::Input,
    /// What was said.
    pub said: Said<T::Output>,
    /// What the call took.
    pub stats: CallStats,
    /// What the requests came to that it made.
    pub(super) asked: Vec<Sent>,
    /// Another instance, that is no longer in charge, has answered this input before. Some: and
    /// whether that answer had events, which others have heard.
    pub again: Option<bool>,
}

/// What came of an input.
pub struct Given<T: Kind> {
    /// The last answer of one that is in charge no more.
    pub last_words: Option<Reply<T>>,
    /// The one before is in charge again.
    pub seated: Option<Seated<T::Wishes>>,
    /// Of the one in charge now, in order. One, unless somebody came back.
    pub replies: Vec<Reply<T>>,
    /// The instance is of no further use.
    pub trouble: Option<Trouble>,
}

impl<T: Kind> Given<T> {
    pub(super) fn plain(replies: Vec<Reply<T>>) -> Self {
        Self { last_words: None, seated: None, replies, trouble: None }
    }
}

/// What came of a [`Signal`](super::Signal).
#[allow(clippy::large_enum_variant, reason = "one at a time, and never in a queue")]
pub enum Acted<T: Kind> {
    /// Nothing that matters to a stage.
    Nothing,
    /// The instance has other parameters.
    Reconfigured,
    /// Somebody else is in charge.
    Seated(Seated<T::Wishes>),
    /// The one before is in charge again.
    Given(Given<T>),
    /// Nobody is in charge: make an instance.
    Revived,
}

/// What comes after a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Make another instance now.
    Rebuild,
    /// Nobody will sit until something changes.
    Quarantined,
    /// Nothing: the host is going.
    Shutdown,
}

/// One call, with what it took.
pub(super) async fn ask<T: Kind>(
    guest: &mut Guest<T>,
    input: T::Input,
    again: Option<bool>,
) -> Result<Reply<T>, Trouble> {
    let given = input.clone();
    let said = guest
        .call(move |it| {
            let output = it.give(&given)?;
            Ok((output, it.last_call(), it.take_asked()))
        })
        .await?;
    let (said, stats, asked) = match said {
        Said::Answer((output, stats, asked)) => (Said::Answer(output), stats, asked),
        Said::Declined(fault) => {
            let asked = match guest.call(|it| Ok(it.take_asked())).await? {
                Said::Answer(asked) => asked,
                Said::Declined(_) => Vec::new(),
            };
            (Said::Declined(fault), CallStats::default(), asked)
        }
    };
    Ok(Reply { input, said, stats, asked, again })
}

pub(super) fn has_events<T: Kind>(reply: &Reply<T>) -> bool {
    matches!(&reply.said, Said::Answer(output) if T::has_events(output))
}
