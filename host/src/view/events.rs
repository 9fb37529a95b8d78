//! Events from their beginning to their end, found by camera, kind, origin, time, zone, confidence and
//! place in the picture; a page at a time.

use std::collections::VecDeque;
use std::fmt;
use std::ops::ControlFlow;
use std::str::FromStr;
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::View;
use crate::base::kinds::Kinds;
use crate::base::{Result, Timestamp};
use crate::events::lifecycle::RENEWAL;
use crate::events::{Area, Attribute, Phase, Region, Value};
use crate::store::history::{Heads, Order};
use crate::store::{Reader, StoredEvent};

/// Events that are looked at for one page: of those that match rarely, a page may have fewer than were
/// asked for, and still a next one.
const LOOKED_MAX: usize = 5_000;

/// Zones in the text of one attribute are separated so.
const ZONE: &str = "zone";

/// An event, from its beginning to its end.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Happening {
    /// Of its beginning: in order of receipt, for ever.
    pub sequence: u64,
    /// Its qualified id.
    #[schema(example = "gate/motion/mwsa11tb/17")]
    pub id: String,
    /// What happened.
    #[schema(example = "motion")]
    pub kind: String,
    /// Where.
    pub camera: String,
    /// Who said it: a plugin's configured name, `camera`, `api` or `host`.
    pub origin: String,
    /// When it began.
    pub start: Timestamp,
    /// When it ended; `None` for what has no length, and while it lasts.
    pub end: Option<Timestamp>,
    /// It lasts.
    pub open: bool,
    /// 0..1, at its strongest.
    pub confidence: f32,
    /// Where in the picture, when it was strongest.
    pub regions: Vec<Region>,
    /// The zones that it touched.
    pub zones: Vec<String>,
    /// Anything else that was said of it last.
    pub attributes: Vec<Attribute>,
    /// What it belongs together with.
    pub correlation: Option<String>,
}

/// Which events.
#[derive(Clone, Debug)]
pub struct Sought {
    /// Of these cameras; `None`: of all.
    pub cameras: Option<Vec<String>>,
    /// Of these kinds; none: of all.
    pub kinds: Vec<Kinds>,
    /// Said by one of these; none: by whomever.
    pub origins: Vec<String>,
    /// That began at or after this,
    pub from: Timestamp,
    /// and before this.
    pub to: Timestamp,
    /// That touched one of these zones; none: wherever.
    pub zones: Vec<String>,
    /// At least so sure.
    pub confidence: Option<f32>,
    /// With a region that overlaps this part of the picture.
    pub area: Option<Area>,
    /// The oldest first.
    pub ascending: bool,
    /// At most so many.
    pub limit: usize,
    /// Those that follow this one.
    pub after: Option<Cursor>,
}

/// A place in a list of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    time: Timestamp,
    sequence: u64,
}

/// Part of a list.
#[derive(Clone, Debug)]
pub struct Events {
    /// In the order that was asked for.
    pub events: Vec<Happening>,
    /// What follows; `None`: nothing.
    pub next: Option<Cursor>,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.time.micros(), self.sequence)
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (micros, sequence) = text.split_once('-').ok_or(())?;
        let time = Timestamp::from_micros(micros.parse().map_err(drop)?);
        Ok(Self { time, sequence: sequence.parse().map_err(drop)? })
    }
}

impl View {
    /// A page of events.
    ///
    /// # Errors
    /// When the index can't be read.
    pub async fn events(self: &Arc<Self>, sought: Sought) -> Result<Events> {
        let now = self.clock().wall();
        self.read(move |reader| find(reader, &sought, now)).await
    }
}

/// The events of one camera that are next in order.
struct Lane<'a> {
    camera: &'a str,
    next: VecDeque<StoredEvent>,
    after: Option<(Timestamp, u64)>,
    /// There are no more than those in `next`.
    over: bool,
}

fn find(reader: &Reader, sought: &Sought, now: Timestamp) -> Result<Events> {
    let cameras = match &sought.cameras {
        None => reader.cameras_with_events()?,
        Some(cameras) => cameras.clone(),
    };
    let after = sought.after.map(|cursor| (cursor.time, cursor.sequence));
    let lane = |camera| Lane { camera, next: VecDeque::new(), after, over: false };
    let mut lanes: Vec<Lane<'_>> = cameras.iter().map(|camera| lane(camera.as_str())).collect();
    let mut found = Events { events: Vec::new(), next: None };
    for _ in 0..LOOKED_MAX {
        let Some(head) = first(reader, sought, &mut lanes)? else {
            found.next = None;
            return Ok(found);
        };
        let cursor = Cursor { time: head.event.time, sequence: head.sequence };
        if found.events.len() >= sought.limit {
            return Ok(found);
        }
        found.next = Some(cursor);
        // Its later phases need not be read.
        if sought.origins.is_empty() || sought.origins.contains(&head.origin) {
            found.events.extend(fold(reader, sought, head, now)?);
        }
    }
    Ok(found)
}

/// Takes the event that comes first of all lanes.
fn first(reader: &Reader, sought: &Sought, lanes: &mut [Lane<'_>]) -> Result<Option<StoredEvent>> {
    for lane in lanes.iter_mut().filter(|lane| lane.next.is_empty() && !lane.over) {
        lane.fill(reader, sought)?;
    }
    let place = |event: &StoredEvent| (event.event.time, event.sequence);
    let ahead = lanes.iter_mut().filter(|lane| !lane.next.is_empty());
    let key = |lane: &&mut Lane<'_>| lane.next.front().map(place);
    let lane = if sought.ascending { ahead.min_by_key(key) } else { ahead.max_by_key(key) };
    Ok(lane.and_then(|lane| lane.next.pop_front()))
}

impl Lane<'_> {
    fn fill(&mut self, reader: &Reader, sought: &Sought) -> Result<()> {
        let most = sought.limit.saturating_add(1);
        let order = if sought.ascending { Order::Ascending } else { Order::Descending };
        let heads = reader.heads(Heads {
            camera: self.camera,
            kinds: &sought.kinds,
            from: sought.from,
            to: sought.to,
            order,
            after: self.after,
            most,
        })?;
        self.over = heads.len() < most;
        self.after = heads.last().map(|last| (last.event.time, last.sequence)).or(self.after);
        self.next = heads.into();
        Ok(())
    }
}

/// One event of its phases, if it is sought.
fn fold(
    reader: &Reader,
    sought: &Sought,
    head: StoredEvent,
    now: Timestamp,
) -> Result<Option<Happening>> {
    let mut touches = sought.touches(&head);
    let mut one = Happening::begun(&head);
    if head.event.phase == Phase::Begin {
        let mut heard = head.event.time;
        reader.life(&head, |phase| {
            heard = heard.max(phase.event.time);
            touches |= sought.touches(&phase);
            let is_over = phase.event.phase == Phase::End;
            one.go_on(phase);
            if is_over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        // An event that is not renewed has ended, also where the host could not say so.
        if one.open && now.since(heard) > 2 * RENEWAL {
            (one.open, one.end) = (false, Some(heard));
        }
    }
    let in_zone = |zone: &String| sought.zones.contains(zone);
    let wanted = touches
        && sought.confidence.is_none_or(|least| one.confidence >= least)
        && (sought.zones.is_empty() || one.zones.iter().any(in_zone));
    Ok(wanted.then_some(one))
}

impl Sought {
    fn touches(&self, event: &StoredEvent) -> bool {
        let overlaps = |area: &Area| event.event.regions.iter().any(|one| meet(&one.area, area));
        self.area.as_ref().is_none_or(overlaps)
    }
}

/// They have a part in common.
fn meet(one: &Area, other: &Area) -> bool {
    let cross = |a: f32, a_size: f32, b: f32, b_size: f32| a < b + b_size && b < a + a_size;
    cross(one.x, one.width, other.x, other.width) && cross(one.y, one.height, other.y, other.height)
}

impl Happening {
    fn begun(head: &StoredEvent) -> Self {
        let event = head.event.clone();
        let zones = zones(&event.attributes);
        Self {
            sequence: head.sequence,
            id: event.id,
            kind: event.kind,
            camera: head.camera.clone(),
            origin: head.origin.clone(),
            start: event.time,
            end: None,
            open: event.phase == Phase::Begin,
            confidence: event.confidence,
            regions: event.regions,
            zones,
            attributes: event.attributes,
            correlation: event.correlation,
        }
    }

    fn go_on(&mut self, phase: StoredEvent) {
        let event = phase.event;
        for zone in zones(&event.attributes) {
            if !self.zones.contains(&zone) {
                self.zones.push(zone);
            }
        }
        if event.confidence > self.confidence || self.regions.is_empty() {
            (self.confidence, self.regions) =
                (self.confidence.max(event.confidence), event.regions);
        }
        self.attributes = event.attributes;
        self.correlation = self.correlation.take().or(event.correlation);
        if event.phase == Phase::End {
            (self.open, self.end) = (false, Some(event.time));
        }
    }
}

/// The zones that an event names: an attribute with their names, and commas between.
fn zones(attributes: &[Attribute]) -> Vec<String> {
    let texts =
        attributes.iter().filter(|one| one.key == ZONE).filter_map(|one| match &one.value {
            Value::Text(text) => Some(text),
            _ => None,
        });
    let names = texts.flat_map(|text| text.split(','));
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
