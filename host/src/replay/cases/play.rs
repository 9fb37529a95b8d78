//! A test as a plan: the plugin in its seat, and what comes in.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::format::{Case, Heard, Piece, Post, attributes};
use crate::base::{Error, Result, Timestamp};
use crate::config::{Chain, KEEP_DEFAULT};
use crate::events::{Attribute, Event, Notice, Phase, Value};
use crate::ingest::mp4::Mp4File;
use crate::record::ticks_to_micros;
use crate::replay::{Film, Message, Plan, Seat, Segment};
use crate::store::holds::Until;
use crate::wasm::{self, Engine, Plugin, World};

/// The environment variable that names another folder with clips.
const CLIPS: &str = "WARDLINE_CLIPS";

/// Files that a clip would make.
const SEGMENT: std::time::Duration = std::time::Duration::from_secs(60);

/// A plan, or what is missing for one.
pub(super) enum Planned {
    Plan(Box<Plan>),
    Lacks(String),
}

/// What a test runs.
///
/// # Errors
/// Refuses parameters, analyzers and clips that can't be used.
pub(super) fn plan(
    case: &Case,
    plugin: &Plugin,
    engine: &Engine,
    directory: &Path,
) -> Result<Planned> {
    let start = case.start();
    let mut films = Vec::new();
    let mut end = start;
    if let Some(clip) = &case.clip {
        let Some(path) = find(clip, directory) else {
            return Ok(Planned::Lacks(format!("no clip {}", clip.display())));
        };
        end = start.offset(ticks_to_micros(Mp4File::open(&path)?.length()));
        films.push(Film { path, start: Some(start), continues: false });
    }
    let mut notices: Vec<Notice> = case.hears.iter().map(|heard| notice(heard, case)).collect();
    notices.sort_by_key(|notice| notice.received);
    for (number, notice) in (1..).zip(&mut notices) {
        notice.sequence = number;
        if notice.event.id.is_empty() {
            notice.event.id = format!("{}/{}/test/{number}", case.camera, notice.origin);
        }
    }
    let mut messages: Vec<Message> =
        case.messages.iter().map(|post| message(post, start)).collect();
    messages.sort_by_key(|message| message.received);
    let segments: Vec<Segment> =
        (1..).zip(&case.segments).map(|(number, piece)| segment(number, piece, start)).collect();
    let received = notices.iter().map(|notice| notice.received);
    let received = received.chain(messages.iter().map(|message| message.received));
    let end = received.chain(segments.iter().map(|one| one.end)).fold(end, Timestamp::max);
    let seat = Seat {
        name: plugin.name().to_owned(),
        plugin: plugin.clone(),
        params: plugin.params(&case.params)?,
        chain: Chain::default(),
    };
    let mut plan = Plan {
        camera: case.camera.clone(),
        zone: TimeZone::get(&case.timezone)
            .map_err(|error| Error::refuse(format!("time zone {}", case.timezone)).with(error))?,
        keep: case.keep.map_or(KEEP_DEFAULT, |keep| keep.0),
        keep_max: None,
        hears: Vec::new(),
        start,
        // The last picture and the last notice belong to it.
        end: end.offset(1_000_000),
        run_on: case.run_on(),
        notices,
        messages,
        cut: (!films.is_empty() && segments.is_empty()).then_some(SEGMENT),
        films,
        segments,
        source: None,
        analyzers: helpers(case, engine)?,
        policies: Vec::new(),
    };
    match plugin.world() {
        World::Analyzer => plan.analyzers.push(seat),
        World::Source => plan.source = Some(seat),
        World::Policy => plan.policies.push(seat),
    }
    Ok(Planned::Plan(Box::new(plan)))
}

/// Bundled analyzers, with their usual parameters.
fn helpers(case: &Case, engine: &Engine) -> Result<Vec<Seat>> {
    let load = |name: &String| {
        let bytes = wasm::bundled(name).ok_or_else(|| {
            let known = wasm::BUNDLED.join(", ");
            Error::refuse(format!("test {}: no analyzer `{name}` is bundled: {known}", case.name))
        })?;
        let plugin = Plugin::load(engine, name, bytes)?;
        let params = plugin.params(&serde_json::Value::Null)?;
        Ok(Seat { name: name.clone(), plugin, params, chain: Chain::default() })
    };
    case.analyzers.iter().map(load).collect()
}

/// Beside the manifest, or where the environment says that clips are.
fn find(clip: &Path, directory: &Path) -> Option<PathBuf> {
    let others = std::env::var_os(CLIPS).map(PathBuf::from);
    let folders = std::iter::once(directory.to_owned()).chain(others);
    folders.map(|folder| folder.join(clip)).find(|path| path.is_file())
}

fn notice(heard: &Heard, case: &Case) -> Notice {
    let start = case.start();
    let received = heard.at.from(start);
    let event = Event {
        id: heard.id.clone().unwrap_or_default(),
        kind: heard.kind.clone(),
        phase: heard.phase.unwrap_or(Phase::Instant),
        time: heard.time.map_or(received, |time| time.from(start)),
        confidence: heard.confidence,
        regions: heard.regions.clone(),
        cameras: vec![case.camera.clone()],
        correlation: heard.correlation.clone(),
        attributes: attributes(&heard.attributes),
    };
    let (camera, origin) = (case.camera.clone(), heard.origin.clone());
    Notice { event, camera, origin, received, sequence: 0 }
}

fn message(post: &Post, start: Timestamp) -> Message {
    let prefixed = |prefix: &'static str| {
        move |(name, text): (&String, &String)| Attribute {
            key: format!("{prefix}.{name}"),
            value: Value::Text(text.clone()),
        }
    };
    let headers = post.headers.iter().map(prefixed("header"));
    Message {
        received: post.at.from(start),
        content_type: post.content_type.clone(),
        attributes: headers.chain(post.query.iter().map(prefixed("query"))).collect(),
        body: post.body.clone().into_bytes(),
    }
}

fn segment(sequence: u64, piece: &Piece, start: Timestamp) -> Segment {
    Segment {
        sequence,
        start: piece.from.from(start),
        end: piece.to.from(start),
        bytes: piece.bytes,
        gap_before: piece.gap,
        asked: true,
        held: Until::NEVER,
    }
}
