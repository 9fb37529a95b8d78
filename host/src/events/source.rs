//! One configured event source: messages and events of others in, events out, whoever is in charge.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::lifecycle::Lifecycle;
use super::{Attribute, Bus, Event, Follower, Notice, Publish};
use crate::base::clock::{Clock, sleep_until};
use crate::base::{Kind, Result, limits};
use crate::fetch::{self, Answer, Answers};
use crate::seat::{self, Acted, After, Given, Seat, Seated, Signal};
use crate::wasm::source::Input;
use crate::wasm::supervise::{End, Said, Trouble};
use crate::wasm::{self, Cause, SourceSpec};

/// A message for a source, and where its answer goes.
#[derive(Debug)]
pub struct Delivery {
    /// `application/json` and the like; empty when the sender did not say.
    pub content_type: String,
    /// Headers and query: `header.<name>`, `query.<name>`.
    pub attributes: Vec<Attribute>,
    /// The body.
    pub body: Bytes,
    /// What becomes of it, to who waits for that; `None`: nobody does.
    pub answer: Option<oneshot::Sender<Reply>>,
}

impl Delivery {
    /// The same message for somebody whose answer nobody waits for.
    pub fn copy(&self) -> Self {
        Self {
            content_type: self.content_type.clone(),
            attributes: self.attributes.clone(),
            body: self.body.clone(),
            answer: None,
        }
    }

    /// Who sent it was told that it failed, and may have sent it once more.
    fn is_given_up(&self) -> bool {
        self.answer.as_ref().is_some_and(oneshot::Sender::is_closed)
    }

    fn reply(self, reply: Reply) {
        if let Some(answer) = self.answer {
            // Nobody waits any more: fine.
            let _gone = answer.send(reply);
        }
    }
}

/// What became of a message.
#[derive(Debug)]
pub enum Reply {
    /// It was understood; these events are stored.
    Stored(Vec<Notice>),
    /// It was not understood, or names what does not exist.
    Rejected(String),
    /// The source, the index or a policy's queue is not there for it now.
    Unavailable(String),
}

/// What one source needs.
pub struct Source {
    /// Its name in the configuration.
    pub name: String,
    /// The cameras that its events mean when they name none.
    pub cameras: Vec<String>,
    /// Who is in charge.
    pub seat: Seat<wasm::Source>,
    /// Its messages.
    pub messages: mpsc::Receiver<Delivery>,
    /// What it hears of those it comes after; `None`: it comes after nobody.
    pub follower: Option<Follower>,
    /// Answers to what it asks.
    pub answers: Answers,
    /// Where its events go.
    pub bus: Bus,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// What an instance left open that is to be made anew. Starts empty.
    pub open: Option<Lifecycle>,
}

/// One life of an instance.
struct Life {
    events: Lifecycle,
    /// It has subscribed its hook.
    hooked: bool,
    tick: Option<Duration>,
    next_tick: Option<Instant>,
}

impl Source {
    /// Serves messages until shutdown.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut next = self.seat.first();
        loop {
            if next == After::Quarantined {
                self.end_open().await;
                next = self.idle(&shutdown).await;
            }
            if next == After::Shutdown {
                return;
            }
            let end = self.run_once(&shutdown).await;
            next = self.seat.after(end, &shutdown).await;
        }
    }

    /// Nobody is in charge, until something changes.
    async fn idle(&mut self, shutdown: &CancellationToken) -> After {
        loop {
            let signal = tokio::select! {
                biased;
                () = shutdown.cancelled() => return After::Shutdown,
                signal = self.seat.signal() => signal,
                () = refuse(&mut self.messages, &self.name) => continue,
            };
            if self.seat.is_filled_by(signal).await {
                return After::Rebuild;
            }
        }
    }

    async fn run_once(&mut self, shutdown: &CancellationToken) -> End {
        let seated = match self.seat.sit(None).await {
            Ok(seated) => seated,
            Err(trouble) => return End::Trouble(trouble),
        };
        let events = match self.open.take_if(|_| seated.continues) {
            Some(open) => open,
            None => {
                self.end_open().await;
                Lifecycle::new(None, &self.name, seated.run)
            }
        };
        let mut life = Life { events, hooked: false, tick: None, next_tick: None };
        life.wish(&seated.wishes, &self.seat.hook());
        let end = self.serve(&mut life, shutdown).await;
        self.open = Some(life.events);
        if matches!(end, End::Shutdown) {
            self.end_open().await;
        }
        end
    }

    async fn serve(&mut self, life: &mut Life, shutdown: &CancellationToken) -> End {
        loop {
            // Ahead of the select: a flood of messages must not put these off.
            for event in life.events.expire(Instant::now()) {
                self.publish(event).await;
            }
            let renewal = life.events.deadline();
            let step = if life.next_tick.is_some_and(|tick| tick <= Instant::now()) {
                self.on_tick(life).await
            } else {
                tokio::select! {
                    biased;
                    () = shutdown.cancelled() => return End::Shutdown,
                    signal = self.seat.signal() => self.on_signal(life, signal).await,
                    delivery = self.messages.recv() => match delivery {
                        None => return End::Shutdown,
                        Some(delivery) => self.on_message(life, delivery).await,
                    },
                    notices = next(self.follower.as_mut()) => self.on_events(life, notices).await,
                    answer = fetch::next(&mut self.answers) => self.on_answer(life, answer).await,
                    () = sleep_until(life.next_tick) => Ok(()),
                    () = sleep_until(renewal) => Ok(()),
                }
            };
            if let Err(trouble) = step {
                return End::Trouble(trouble);
            }
        }
    }

    async fn on_signal(
        &mut self,
        life: &mut Life,
        signal: Signal<wasm::Source>,
    ) -> Result<(), Trouble> {
        match self.seat.act(signal).await? {
            Acted::Nothing | Acted::Revived | Acted::Reconfigured => Ok(()),
            Acted::Seated(seated) => {
                self.seated(life, &seated).await;
                Ok(())
            }
            Acted::Given(given) => self.took(life, given).await.map(drop),
        }
    }

    /// Somebody else is in charge.
    async fn seated(&self, life: &mut Life, seated: &Seated<SourceSpec>) {
        if !seated.continues {
            self.end_all(life).await;
            life.events = Lifecycle::new(None, &self.name, seated.run);
        }
        life.wish(&seated.wishes, &self.seat.hook());
    }

    async fn on_tick(&mut self, life: &mut Life) -> Result<(), Trouble> {
        life.next_tick = life.tick.map(|tick| Instant::now() + tick);
        let given = self.seat.give(Input::Tick(self.clock.wall())).await?;
        self.took(life, given).await.map(drop)
    }

    async fn on_events(&mut self, life: &mut Life, notices: Vec<Notice>) -> Result<(), Trouble> {
        life.events.heard(notices.iter().map(|notice| &notice.event));
        let latest = notices.iter().map(|notice| notice.event.time).max();
        let Some(now) = latest.filter(|_| self.seat.listens()) else { return Ok(()) };
        let given = self.seat.give(Input::Events(notices.into(), now)).await?;
        self.took(life, given).await.map(drop)
    }

    async fn on_message(&mut self, life: &mut Life, delivery: Delivery) -> Result<(), Trouble> {
        if delivery.is_given_up() {
            return Ok(());
        }
        if !life.hooked {
            let reason = format!("source {} takes nothing that is posted", self.name);
            delivery.reply(Reply::Rejected(reason));
            return Ok(());
        }
        let headers = self.seat.grants().headers;
        let is_seen = |attribute: &Attribute| {
            attribute.key.strip_prefix("header.").is_none_or(|name| headers.contains(name))
        };
        let message = wasm::Message {
            topic: self.seat.hook(),
            content_type: delivery.content_type.clone(),
            received: self.clock.wall(),
            attributes: delivery.attributes.iter().filter(|one| is_seen(one)).cloned().collect(),
            body: delivery.body.to_vec(),
        };
        let given = match self.seat.give(Input::Message(Arc::new(message))).await {
            Ok(given) => self.took(life, given).await,
            Err(trouble) => Err(trouble),
        };
        let (reply, result) = match given {
            Ok(reply) => (reply, Ok(())),
            Err(trouble) => (Reply::Unavailable(trouble.to_string()), Err(trouble)),
        };
        delivery.reply(reply);
        result
    }

    /// What was asked is answered; nobody waits for what the source makes of it.
    async fn on_answer(&mut self, life: &mut Life, answer: Answer) -> Result<(), Trouble> {
        let message = wasm::Message::answer(answer, self.clock.wall());
        let given = self.seat.give(Input::Message(Arc::new(message))).await?;
        match self.took(life, given).await? {
            Reply::Stored(_) => {}
            Reply::Rejected(why) | Reply::Unavailable(why) => {
                tracing::warn!(plugin = self.name, "what it makes of an answer is lost: {why}");
            }
        }
        Ok(())
    }

    /// Does what was said, in order; gives what became of the last input.
    async fn took(
        &mut self,
        life: &mut Life,
        given: Given<wasm::Source>,
    ) -> Result<Reply, Trouble> {
        let mut reply = Reply::Stored(Vec::new());
        if let Some(said) = given.last_words {
            reply = self.said(life, said).await;
        }
        if let Some(seated) = given.seated {
            self.seated(life, &seated).await;
        }
        for said in given.replies {
            // Others have heard of this already, from one that is in charge no more.
            let is_known = said.again == Some(true);
            let is_new = said.again.is_none();
            if !is_known {
                let said = self.said(life, said).await;
                reply = if is_new { said } else { reply };
            }
        }
        given.trouble.map_or(Ok(reply), Err)
    }

    async fn said(&mut self, life: &mut Life, reply: seat::Reply<wasm::Source>) -> Reply {
        match (reply.said, &reply.input) {
            (Said::Answer(events), Input::Message(_)) => self.publish_all(life, events).await,
            (Said::Answer(events), _) => {
                for event in self.seat.affordable(events) {
                    if let Some(event) = life.events.accept(event, Instant::now()) {
                        self.publish(event).await;
                    }
                }
                Reply::Stored(Vec::new())
            }
            (Said::Declined(fault), _) => match fault.cause {
                Cause::Rejected(reason) => Reply::Rejected(reason),
                _ => Reply::Unavailable(fault.to_string()),
            },
        }
    }

    async fn end_open(&mut self) {
        for event in self.open.take().into_iter().flat_map(|mut open| open.end_all()) {
            self.publish(event).await;
        }
    }

    async fn end_all(&self, life: &mut Life) {
        for event in life.events.end_all() {
            self.publish(event).await;
        }
    }

    /// All of it or nothing, unless the index fails: a sender that is told to send it again would have
    /// it stored twice.
    async fn publish_all(&mut self, life: &mut Life, events: Vec<Event>) -> Reply {
        let events = self.seat.affordable(events);
        match self.publish_each(life, events).await {
            Ok(notices) => Reply::Stored(notices),
            Err(error) if error.kind() == Kind::Refuse => Reply::Rejected(error.chain()),
            Err(error) => Reply::Unavailable(error.chain()),
        }
    }

    async fn publish_each(&self, life: &mut Life, events: Vec<Event>) -> Result<Vec<Notice>> {
        let meant: Vec<&str> = events.iter().flat_map(|event| self.meant(event)).collect();
        self.bus.room(&self.name, &meant, limits::HOOK_WAIT).await?;
        // One that can't be stands alone in the index, with the reason.
        let events = match events.iter().find(|event| self.bus.is_ahead(event)) {
            Some(event) => vec![event.clone()],
            None => events,
        };
        let now = Instant::now();
        let mut notices = Vec::new();
        for event in events {
            let Some(event) = life.events.accept(event, now) else { continue };
            for camera in self.meant(&event) {
                let by = Publish { origin: &self.name, camera };
                notices.push(self.bus.publish(by, event.clone()).await?);
            }
        }
        Ok(notices)
    }

    /// The cameras that an event is about.
    fn meant<'a>(&'a self, event: &'a Event) -> impl Iterator<Item = &'a str> {
        let named = if event.cameras.is_empty() { &self.cameras } else { &event.cameras };
        named.iter().map(String::as_str)
    }

    /// For what nobody waits to hear about.
    async fn publish(&self, event: Event) {
        for camera in self.meant(&event) {
            let by = Publish { origin: &self.name, camera };
            if let Err(error) = self.bus.publish(by, event.clone()).await {
                tracing::warn!(camera, plugin = self.name, "{}", error.chain());
            }
        }
    }
}

impl Life {
    fn wish(&mut self, wishes: &SourceSpec, hook: &str) {
        self.hooked = wishes.topics.iter().any(|topic| topic == hook);
        let tick = wishes.tick;
        if self.tick != tick {
            (self.tick, self.next_tick) = (tick, tick.map(|tick| Instant::now() + tick));
        }
    }
}

/// Answers a message that nobody will read.
async fn refuse(messages: &mut mpsc::Receiver<Delivery>, name: &str) {
    let Some(delivery) = messages.recv().await else { return std::future::pending().await };
    let reason = format!("source {name} is quarantined or could not be loaded: see the log");
    delivery.reply(Reply::Unavailable(reason));
}

/// What others have said, as many events as fit into a call.
async fn next(follower: Option<&mut Follower>) -> Vec<Notice> {
    let heard = match follower {
        Some(follower) => follower.next(limits::EVENT_QUEUE).await,
        None => None,
    };
    match heard {
        Some(heard) => heard,
        None => std::future::pending().await,
    }
}
