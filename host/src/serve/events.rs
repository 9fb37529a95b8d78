//! Events: found, and told as they come.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::stream::{self, Stream, StreamExt};
use serde::Serialize;
use tokio::sync::watch;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::Visitor;
use super::extract::{Asked, limit, stretch};
use super::host::Host;
use super::openapi::described;
use super::problem::{Problem, problem};
use crate::base::Timestamp;
use crate::base::kinds::Kinds;
use crate::events::{self, Area, Notice};
use crate::store::{Outcome, StoredEvent};
use crate::view::View;
use crate::view::events::{Happening, Sought};

/// A sign of life so often.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Events that are read from the index at a time, for one who is behind.
const BATCH: usize = 100;

/// Cameras, kinds, origins or zones that one request names at most.
const NAMES_MAX: usize = 100;

pub(super) fn router() -> OpenApiRouter<Arc<View>> {
    OpenApiRouter::default().routes(routes!(events))
}

pub(super) fn stream_router<H: Host>() -> OpenApiRouter<(Arc<H>, Arc<View>)> {
    OpenApiRouter::default().routes(described::<__path_stream, _>(get(stream::<H>)))
}

/// Which events. Described here; read by hand, since names may repeat.
#[derive(Default, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Of this camera; may repeat.
    camera: Vec<String>,
    /// Of this kind, or `door.*`, or `*`; may repeat.
    #[param(value_type = Vec<String>, example = "motion")]
    kind: Vec<Kinds>,
    /// Said by this one: a plugin's configured name, `camera`, `api` or `host`; may repeat.
    origin: Vec<String>,
    /// That began at or after this.
    from: Option<Timestamp>,
    /// That began before this.
    to: Option<Timestamp>,
    /// That touched this zone; may repeat.
    zone: Vec<String>,
    /// At least so sure, 0..1.
    #[param(minimum = 0, maximum = 1)]
    confidence: Option<f32>,
    /// With a region that overlaps this rectangle: `x,y,width,height`, in parts (0..1) of the picture.
    #[param(value_type = Option<String>, example = "0.1,0.5,0.3,0.2")]
    area: Option<Area>,
    /// `asc`: the oldest first; `desc`, as it is where nothing is said: the newest first.
    #[param(inline)]
    order: Option<Order>,
    /// At most so many: 100 where it is left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// `next` of the answer before.
    cursor: Option<String>,
}

/// Which come first.
#[derive(Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
enum Order {
    /// The oldest.
    Asc,
    /// The newest.
    Desc,
}

type Pairs = Vec<(String, String)>;

impl Wanted {
    fn read(pairs: Pairs) -> Result<Self, Problem> {
        let mut wanted = Self::default();
        for (key, value) in pairs {
            let bad = |why: &str| problem(StatusCode::BAD_REQUEST, format!("`{key}`: {why}"));
            let time = |text: &str| {
                serde_json::from_value::<Timestamp>(text.into())
                    .map_err(|_| bad("not a time: write one as 2026-11-28T22:00:00Z"))
            };
            match key.as_str() {
                "camera" => wanted.camera.push(value),
                "kind" => {
                    let kinds = Kinds::parse(&value);
                    wanted.kind.push(kinds.ok_or_else(|| bad("no kind, as `motion` or `door.*`"))?);
                }
                "origin" => wanted.origin.push(value),
                "zone" => wanted.zone.push(value),
                "from" => wanted.from = Some(time(&value)?),
                "to" => wanted.to = Some(time(&value)?),
                "confidence" => {
                    let number = value.parse().ok().filter(|part| (0.0..=1.0).contains(part));
                    wanted.confidence = Some(number.ok_or_else(|| bad("not between 0 and 1"))?);
                }
                "area" => {
                    let why =
                        "not a rectangle in the picture: write x,y,width,height in parts of it";
                    wanted.area = Some(area(&value).ok_or_else(|| bad(why))?);
                }
                "order" => match value.as_str() {
                    "asc" => wanted.order = Some(Order::Asc),
                    "desc" => wanted.order = Some(Order::Desc),
                    _ => return Err(bad("neither `asc` nor `desc`")),
                },
                "limit" => wanted.limit = Some(value.parse().map_err(|_| bad("not a number"))?),
                "cursor" => wanted.cursor = Some(value),
                _ => return Err(bad("there is no such parameter")),
            }
        }
        let named =
            [wanted.camera.len(), wanted.kind.len(), wanted.origin.len(), wanted.zone.len()];
        if named.iter().any(|count| *count > NAMES_MAX) {
            let why = format!("more than {NAMES_MAX} cameras, kinds, origins or zones are named");
            return Err(problem(StatusCode::BAD_REQUEST, why));
        }
        Ok(wanted)
    }

    fn sought(self) -> Result<Sought, Problem> {
        let (from, to) =
            stretch(self.from.unwrap_or(Timestamp::ZERO), self.to.unwrap_or(Timestamp::MAX))?;
        let wrong = || problem(StatusCode::BAD_REQUEST, "`cursor` is none that was given out");
        let after = self.cursor.map(|text| text.parse()).transpose().map_err(|()| wrong())?;
        Ok(Sought {
            cameras: (!self.camera.is_empty()).then_some(self.camera),
            kinds: self.kind,
            origins: self.origin,
            from,
            to,
            zones: self.zone,
            confidence: self.confidence,
            area: self.area,
            ascending: self.order == Some(Order::Asc),
            limit: limit(self.limit)?,
            after,
        })
    }
}

/// A rectangle that lies in the picture and is not empty.
fn area(text: &str) -> Option<Area> {
    let numbers: Vec<f32> = text.split(',').map_while(|part| part.trim().parse().ok()).collect();
    let [x, y, width, height] = numbers[..] else { return None };
    let is_whole = text.split(',').count() == 4;
    let inside = |from: f32, size: f32| from >= 0.0 && size > 0.0 && from + size <= 1.001;
    (is_whole && inside(x, width) && inside(y, height)).then_some(Area { x, y, width, height })
}

/// A part of the events.
#[derive(Serialize, ToSchema)]
struct Page {
    /// In the order that was asked for.
    events: Vec<Happening>,
    /// The `cursor` of what follows. A page of what is rare may be short, or empty, and have one.
    next: Option<String>,
}

/// Events from their beginning to their end. "Motion here" is `kind=motion&area=`.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "events",
    params(Wanted),
    responses(
        (status = 200, description = "A page of them", body = Page),
        (status = 400, description = "The query is wrong", body = Problem),
    )
)]
async fn events(
    State(view): State<Arc<View>>,
    visitor: Visitor,
    Asked(pairs): Asked<Pairs>,
) -> Result<Json<Page>, Problem> {
    let mut sought = Wanted::read(pairs)?.sought()?;
    if let (Some(only), None) = (visitor.only(), &sought.cameras) {
        sought.cameras = Some(only.iter().cloned().collect());
    }
    let mut found = view.events(sought).await?;
    found.events.retain(|event| visitor.hears(&event.camera, &event.kind));
    for event in &mut found.events {
        event.correlation.take_if(|id| !visitor.knows(id));
    }
    let next = found.next.map(|cursor| cursor.to_string());
    Ok(Json(Page { events: found.events, next }))
}

/// Events as they come, as server-sent events: `id` is the event's sequence, `data` the event. The first
/// `id`, after which they come, is said at once. Whoever was away and says which he heard last is told
/// what he missed first.
#[utoipa::path(
    get,
    path = "/api/v1/events/stream",
    tag = "events",
    params(
        ("camera" = Option<Vec<String>>, Query, description = "Of this camera; may repeat"),
        ("kind" = Option<Vec<String>>, Query,
            description = "Of this kind, or `door.*`, or `*`; may repeat"),
        ("last-event-id" = Option<u64>, Query,
            description = "The `id` that was heard last, for those who can't send the header"),
        ("last-event-id" = Option<u64>, Header,
            description = "The `id` that was heard last: it counts where both are sent"),
    ),
    responses(
        (status = 200, description = "Goes on for ever", body = Notice,
            content_type = "text/event-stream"),
        (status = 400, description = "The query is wrong", body = Problem),
    )
)]
async fn stream<H: Host>(
    State((host, view)): State<(Arc<H>, Arc<View>)>,
    visitor: Visitor,
    headers: HeaderMap,
    Asked(mut pairs): Asked<Pairs>,
) -> Result<Response, Problem> {
    let asked = pairs.extract_if(.., |(key, _)| key == LAST).last().map(|(_, id)| id);
    let others = pairs.iter().find(|(key, _)| key != "camera" && key != "kind");
    if let Some((key, _)) = others {
        let why = format!("`{key}`: there is no such parameter");
        return Err(problem(StatusCode::BAD_REQUEST, why));
    }
    let Wanted { camera, kind, .. } = Wanted::read(pairs)?;
    let newest = host.newest_event();
    // A browser that connects anew sends the header; the address is still that of its first time.
    let sent = headers.get(LAST).map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
    let last = match sent.or(asked) {
        Some(id) => {
            let wrong = |_| problem(StatusCode::BAD_REQUEST, "`last-event-id` is no sequence");
            id.trim().parse().map_err(wrong)?
        }
        None => view.read(crate::store::Reader::newest_event).await?,
    };
    let (cameras, kinds, waiting) = (camera, kind, Vec::new());
    let teller = Teller { view, visitor, newest, last, cameras, kinds, waiting };
    // Who is cut off before the first event goes on from here.
    let begin = Event::default().id(last.to_string());
    let told = stream::once(async { Ok(begin) }).chain(teller.tell());
    Ok(Sse::new(told).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

/// The sequence that was heard last.
const LAST: &str = "last-event-id";

/// Tells one client of events, from the index: the bus only says that there are new ones. So a slow
/// client costs nothing but its connection, and misses nothing.
struct Teller {
    view: Arc<View>,
    visitor: Visitor,
    newest: watch::Receiver<u64>,
    /// The sequence up to which the index was read.
    last: u64,
    cameras: Vec<String>,
    kinds: Vec<Kinds>,
    /// Read, and not yet told; the next one stands last.
    waiting: Vec<StoredEvent>,
}

impl Teller {
    fn tell(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, async |mut teller| {
            let event = teller.next().await?;
            Some((Ok(event), teller))
        })
    }

    /// The next event; `None`: the host is ending.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop() {
                return Some(shown(event, &self.visitor));
            }
            // Marked as seen before the index is read: what comes meanwhile wakes again.
            self.newest.borrow_and_update();
            let last = self.last;
            let read = self.view.read(move |reader| reader.events_after(last, BATCH)).await;
            match read {
                Ok(events) if events.is_empty() => tokio::select! {
                    biased;
                    () = self.view.closed() => return None,
                    changed = self.newest.changed() => changed.ok()?,
                },
                Ok(events) => {
                    self.last = events.last().map_or(last, |event| event.sequence);
                    self.waiting = events.into_iter().rev().filter(|it| self.hears(it)).collect();
                }
                Err(error) => {
                    tracing::warn!(error = error.chain(), "events on their way to a client");
                    return None;
                }
            }
        }
    }

    fn hears(&self, event: &StoredEvent) -> bool {
        let camera = self.cameras.is_empty() || self.cameras.contains(&event.camera);
        let kind = &event.event.kind;
        let kind = self.kinds.is_empty() || self.kinds.iter().any(|kinds| kinds.contains(kind));
        let may = self.visitor.hears(&event.camera, &event.event.kind);
        may && camera && kind && !matches!(event.outcome, Outcome::Refused(_))
    }
}

fn shown(stored: StoredEvent, visitor: &Visitor) -> Event {
    let StoredEvent { sequence, camera, origin, received, mut event, .. } = stored;
    hide(&mut event, visitor);
    let notice = Notice { event, camera, origin, received, sequence };
    let data = serde_json::to_string(&notice).expect("an event that was read from JSON");
    Event::default().id(sequence.to_string()).event("notice").data(data)
}

/// Other cameras may have heard it, or led to it: who does not see these is not told of them.
fn hide(event: &mut events::Event, visitor: &Visitor) {
    event.correlation.take_if(|id| !visitor.knows(id));
    event.cameras.retain(|camera| visitor.sees(camera));
}

#[cfg(test)]
mod tests;
