//! The activation arithmetic: a moment at which something happened goes in, the span that it opens or
//! changes comes out. Pure: knows times and numbers, neither events nor the host.
//!
//! Times and durations are microseconds. An activation is opened by one event (`opened_at`, arrived at
//! `opened_received`), reaches from its `first` event to `end`, and its span is `[first + offset, end)`.
//! The rules, in the order they are tried:
//!
//! 1. `first <= E <= end` and `E < first + maximum`: extends that activation (the latest such), however
//!    late it arrives.
//! 2. No activation begins after E: opens one.
//! 3. The next activation after E opened less than `window` ago and less than `maximum` after E: its
//!    `first` moves back to E.
//! 4. Else E is late: ignored, or an activation of its own between its neighbours.
//!
//! Spans never overlap: an edge that has been announced is respected by the neighbours that come later.
//! A span is announced again only as the contract allows: its start moves back, its end moves forward,
//! or back to now at most. A sealed span does not move at all; what would have extended it opens an
//! activation that starts where it ended.

use wardline_sdk::snapshot::{Reader, Writer};

/// A span may be changed until 60 s after its end; one second is left for the answer to arrive.
const SEALED_AFTER: i64 = 59_000_000;
/// Activations remembered, so that an event of long ago does not record what is recorded already.
const ACTIVATIONS_MAX: usize = 1024;
/// Causes named per span.
const CAUSES_MAX: usize = 64;

/// What becomes of an event before an activation that can no longer move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Late {
    /// A span of its own.
    Record,
    /// Nothing.
    Ignore,
}

/// The parameters of the arithmetic, in microseconds; see [`Rules::check`] for what they must satisfy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How long after it was opened an activation's start may move back.
    pub window: i64,
    /// From the first event to the start of the span; negative is pre-roll.
    pub offset: i64,
    /// From any event to the end of the span, at least.
    pub minimum: i64,
    /// From the first event to the end of the span, at most.
    pub maximum: i64,
    /// Late events.
    pub late: Late,
}

/// One event, as far as the arithmetic goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// When it happened.
    pub happened: i64,
    /// When it arrived.
    pub received: i64,
    /// The present of the media time line.
    pub now: i64,
}

/// `[start, end)`, as announced to the host. Never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edges {
    /// Inclusive.
    pub start: i64,
    /// Exclusive.
    pub end: i64,
}

/// Events close enough to each other to make one span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activation {
    /// Counts activations of a run; names the span.
    pub number: u64,
    opened_at: i64,
    opened_received: i64,
    first: i64,
    end: i64,
    /// What was announced; none while its neighbours leave no room.
    pub edges: Option<Edges>,
    /// What it is called, for people. Empty once sealed.
    pub label: String,
    /// Ids of the events that made it, each once, the first 64. Empty once sealed.
    pub causes: Vec<String>,
}

/// What an event did.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// Opened or changed this activation: announce its edges.
    Changed(&'a Activation),
    /// Counted in an activation whose span did not change.
    Unchanged,
    /// Came too late, and late events are ignored.
    Late,
}

/// The activations of one camera, in order of `first`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activations {
    list: Vec<Activation>,
    opened: u64,
    /// Nothing is recorded before this: what lies there was recorded by activations since forgotten.
    floor: Option<i64>,
}

/// What the user calls minimum and maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// `minimum` or `after`.
    pub minimum: &'static str,
    /// `maximum` or `longest`.
    pub maximum: &'static str,
}

impl Rules {
    /// Refuses numbers that contradict each other, in the words of the user.
    ///
    /// # Errors
    /// A text that names both values.
    pub fn check(&self, words: &Words) -> Result<(), String> {
        let Self { window, offset, minimum, maximum, .. } = *self;
        let show = wardline_sdk::params::Duration::from_micros;
        if window < 0 {
            return Err(format!(
                "evaluation-window {} is negative: 0s or more is meant",
                show(window)
            ));
        }
        if minimum > maximum {
            return Err(format!(
                "{} {} is more than {} {}: a span cannot satisfy both",
                words.minimum,
                show(minimum),
                words.maximum,
                show(maximum)
            ));
        }
        if maximum <= 0 {
            return Err(format!("{} {} leaves nothing to record", words.maximum, show(maximum)));
        }
        if offset >= minimum {
            return Err(format!(
                "offset {} is not less than {} {}: a span would end before it starts",
                show(offset),
                words.minimum,
                show(minimum)
            ));
        }
        Ok(())
    }
}

impl Activations {
    /// Takes one event in, by the rules at the head of this file.
    pub fn observe(
        &mut self,
        rules: &Rules,
        moment: Moment,
        label: &str,
        cause: &str,
    ) -> Outcome<'_> {
        self.forget(moment.now);
        let at = moment.happened;
        let inside = self.list.iter().rposition(|one| {
            one.first <= at && at <= one.end && at < one.first.saturating_add(rules.maximum)
        });
        if let Some(index) = inside
            && !self.list[index].is_sealed(moment.now)
        {
            return self.change(index, rules, moment, cause);
        }
        let next = self.list.partition_point(|one| one.first <= at);
        if inside.is_none()
            && let Some(following) = self.list.get(next)
        {
            let movable = moment.received <= following.opened_received.saturating_add(rules.window)
                && following.opened_at.saturating_sub(rules.maximum) < at;
            if movable && !following.is_sealed(moment.now) {
                return self.change(next, rules, moment, cause);
            }
            if rules.late == Late::Ignore {
                return Outcome::Late;
            }
        }
        self.opened += 1;
        self.list.insert(
            next,
            Activation {
                number: self.opened,
                opened_at: at,
                opened_received: moment.received,
                first: at,
                end: at,
                edges: None,
                label: label.to_owned(),
                causes: Vec::new(),
            },
        );
        self.change(next, rules, moment, cause)
    }

    /// Counts the event in activation `index` and moves its edges as far as its neighbours allow.
    fn change(&mut self, index: usize, rules: &Rules, moment: Moment, cause: &str) -> Outcome<'_> {
        let before =
            self.list[..index].iter().rev().find_map(|one| one.edges).map(|edges| edges.end);
        let after =
            self.list[index + 1..].iter().find_map(|one| one.edges).map(|edges| edges.start);
        let one = &mut self.list[index];
        one.first = one.first.min(moment.happened);
        let last = one.first.saturating_add(rules.maximum);
        one.end = one.end.max(moment.happened.saturating_add(rules.minimum)).min(last);

        let earliest = before.max(self.floor).unwrap_or(i64::MIN);
        let mut start = one.first.saturating_add(rules.offset).max(earliest).max(0);
        let mut end = one.end.min(after.unwrap_or(i64::MAX));
        if let Some(announced) = one.edges {
            // New parameters never give back what is recorded already.
            start = start.min(announced.start);
            end = end.max(announced.end.min(moment.now));
        }
        if one.causes.len() < CAUSES_MAX && !one.causes.iter().any(|known| known == cause) {
            one.causes.push(cause.to_owned());
        }
        let edges = (start < end).then_some(Edges { start, end });
        if edges.is_none() || edges == one.edges {
            return Outcome::Unchanged;
        }
        one.edges = edges;
        Outcome::Changed(&self.list[index])
    }

    /// Writes all activations.
    pub fn save(&self, to: &mut Writer) {
        to.count(self.opened);
        to.maybe_time(self.floor);
        to.count(self.list.len() as u64);
        for one in &self.list {
            one.save(to);
        }
    }

    /// Goes on exactly where another stopped.
    ///
    /// # Errors
    /// What is read contradicts itself, or is cut short.
    pub fn load(from: &mut Reader<'_>) -> Result<Self, String> {
        let (opened, floor) = (from.count()?, from.maybe_time()?);
        let count = from.small(ACTIVATIONS_MAX as u64)?;
        let list: Vec<_> = (0..count).map(|_| Activation::load(from)).collect::<Result<_, _>>()?;
        if !list.is_sorted_by_key(|one| one.first) {
            return Err("the snapshot's activations are not in order".into());
        }
        Ok(Self { list, opened, floor })
    }

    /// Bounds the memory: sealed activations lose what is said only when a span is announced, the
    /// oldest beyond the limit go.
    fn forget(&mut self, now: i64) {
        for one in &mut self.list {
            if !one.causes.is_empty() && one.is_sealed(now) {
                (one.label, one.causes) = (String::new(), Vec::new());
            }
        }
        while self.list.len() >= ACTIVATIONS_MAX {
            let oldest = self.list.remove(0);
            self.floor = self.floor.max(oldest.edges.map(|edges| edges.end));
        }
    }
}

impl Activation {
    fn save(&self, to: &mut Writer) {
        to.count(self.number);
        for time in [self.opened_at, self.opened_received, self.first, self.end] {
            to.time(time);
        }
        to.maybe_time(self.edges.map(|edges| edges.start));
        to.maybe_time(self.edges.map(|edges| edges.end));
        to.text(&self.label);
        to.count(self.causes.len() as u64);
        for cause in &self.causes {
            to.text(cause);
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, String> {
        Ok(Self {
            number: from.count()?,
            opened_at: from.time()?,
            opened_received: from.time()?,
            first: from.time()?,
            end: from.time()?,
            edges: match (from.maybe_time()?, from.maybe_time()?) {
                (Some(start), Some(end)) => Some(Edges { start, end }),
                _ => None,
            },
            label: from.text()?.to_owned(),
            causes: {
                let count = from.small(CAUSES_MAX as u64)?;
                (0..count).map(|_| from.text().map(str::to_owned)).collect::<Result<_, _>>()?
            },
        })
    }

    fn is_sealed(&self, now: i64) -> bool {
        let end = self.edges.map_or(self.end, |edges| edges.end);
        now >= end.saturating_add(SEALED_AFTER)
    }
}

#[cfg(test)]
mod tests;
