//! Targets: what a guest answers, and what it calls. Everything is refused with words, or keeps
//! within the contract's limits.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::bindings::exports::wardline::plugin::{analyzer, event_source, recording_policy};
use super::bindings::wardline::plugin::{clock, crop, http, kv, log, metrics, types};
use super::check;
use super::grants::{METHODS, Reach};
use super::instance::Host;
use super::{convert, limits};
use crate::base::Timestamp;
use crate::base::metrics::Metrics;
use crate::decode::{Colour, Image};
use crate::fuzzing::Dice;

fn value(dice: &mut Dice<'_>) -> types::Value {
    match dice.one_of(6) {
        0 => types::Value::Text(dice.text()),
        1 => types::Value::Integer(dice.i64()),
        2 => types::Value::Number(dice.f64()),
        3 => types::Value::Flag(dice.flag()),
        4 => types::Value::Bytes(dice.text().into_bytes()),
        _ => types::Value::Json(dice.text()),
    }
}

fn attribute(dice: &mut Dice<'_>) -> types::Attribute {
    types::Attribute { key: dice.text(), value: value(dice) }
}

fn region(dice: &mut Dice<'_>) -> types::Region {
    let area = types::Area { x: dice.f32(), y: dice.f32(), width: dice.f32(), height: dice.f32() };
    types::Region {
        area,
        label: dice.maybe(Dice::text),
        confidence: dice.f32(),
        track: dice.maybe(Dice::u64),
    }
}

fn event(dice: &mut Dice<'_>) -> types::Event {
    types::Event {
        id: dice.text(),
        kind: dice.text(),
        phase: match dice.one_of(4) {
            0 => types::Phase::Instant,
            1 => types::Phase::Begin,
            2 => types::Phase::Update,
            _ => types::Phase::End,
        },
        time: dice.i64(),
        confidence: dice.f32(),
        regions: dice.list(region),
        cameras: dice.list(Dice::text),
        correlation: dice.maybe(Dice::text),
        attributes: dice.list(attribute),
    }
}

/// Events that were taken are what the contract says of events.
pub(crate) fn events(data: &[u8]) {
    let mut dice = Dice::of(data);
    let Ok((events, _)) = check::events(dice.list(event)) else { return };
    assert!(events.len() <= limits::EVENTS);
    for event in events {
        assert!(!event.id.is_empty() && event.id.len() <= limits::NAME_BYTES);
        assert!(!event.kind.is_empty() && event.kind.len() <= limits::KIND_BYTES);
        assert!((0.0..=1.0).contains(&event.confidence));
        assert!(event.time <= Timestamp::MAX);
        assert!(event.attributes.len() <= limits::ATTRIBUTES);
        for region in event.regions {
            let area = region.area;
            assert!((0.0..=1.0).contains(&region.confidence));
            assert!(area.x >= 0.0 && area.y >= 0.0 && area.width >= 0.0 && area.height >= 0.0);
            assert!(area.x + area.width <= 1.0 + f32::EPSILON);
            assert!(area.y + area.height <= 1.0 + f32::EPSILON);
        }
    }
}

fn span(dice: &mut Dice<'_>) -> recording_policy::Span {
    recording_policy::Span {
        id: dice.text(),
        start: dice.i64(),
        end: dice.i64(),
        keep: dice.maybe(Dice::i64),
        label: dice.text(),
        because: dice.list(Dice::text),
        attributes: dice.list(attribute),
    }
}

fn picture_request(dice: &mut Dice<'_>) -> analyzer::PictureRequest {
    analyzer::PictureRequest {
        format: pixel_format(dice),
        max_width: dice.u32() >> 20,
        max_height: dice.u32() >> 20,
        fit: match dice.one_of(3) {
            0 => analyzer::Fit::Preserve,
            1 => analyzer::Fit::Stretch,
            _ => analyzer::Fit::Pad,
        },
        pace: match dice.one_of(3) {
            0 => analyzer::Pace::Every,
            1 => analyzer::Pace::KeyFrames,
            _ => analyzer::Pace::Fps(dice.f32()),
        },
    }
}

/// Wishes, sources' specs, policies' answers and holds.
pub(crate) fn answers(data: &[u8]) {
    let mut dice = Dice::of(data);
    match dice.one_of(4) {
        0 => {
            let pictures = dice.maybe(picture_request);
            let wishes = analyzer::Wishes { pictures, units: dice.flag() };
            if let Ok(wishes) = check::wishes(wishes)
                && let Some(request) = wishes.pictures
            {
                assert!((16..=4096).contains(&request.max_width));
                assert!((16..=4096).contains(&request.max_height));
            }
        }
        1 => {
            let (topics, tick) = (dice.list(Dice::text), dice.maybe(Dice::i64));
            if let Ok(spec) = check::source_spec(event_source::SourceSpec { topics, tick }) {
                assert!(spec.topics.len() <= limits::TOPICS);
                assert!(spec.tick.is_none_or(|tick| tick >= limits::TICK_MIN));
            }
        }
        2 => {
            let now = Timestamp::from_micros(dice.i64());
            let answer = recording_policy::Answer {
                spans: dice.list(span),
                wake: dice.maybe(Dice::i64),
                events: dice.list(event),
            };
            let Ok((answer, _)) = check::policy_answer(answer, now) else { return };
            assert!(answer.spans.len() <= limits::SPANS);
            for span in answer.spans {
                assert!(span.start <= span.end);
                assert!(span.end.since(span.start) <= limits::SPAN_LENGTH);
                assert!(span.start.since(now) <= limits::SPAN_LEAD);
            }
        }
        _ => {
            let _ = check::hold(dice.maybe(Dice::i64));
        }
    }
}

fn pixel_format(dice: &mut Dice<'_>) -> types::PixelFormat {
    match dice.one_of(5) {
        0 => types::PixelFormat::Gray8,
        1 => types::PixelFormat::I420,
        2 => types::PixelFormat::Nv12,
        3 => types::PixelFormat::Rgb24,
        _ => types::PixelFormat::Rgba32,
    }
}

/// A call of `kv`: what is kept stays within the quota, and is what was put.
fn keep(host: &mut Host, dice: &mut Dice<'_>) {
    let key = dice.text();
    match dice.one_of(4) {
        0 => drop(kv::Host::get(host, key)),
        1 => {
            let value = dice.text().into_bytes();
            if kv::Host::put(host, key.clone(), value.clone()).is_ok() {
                assert_eq!(kv::Host::get(host, key), Some(value));
            }
        }
        2 => {
            kv::Host::remove(host, key.clone());
            assert_eq!(kv::Host::get(host, key), None);
        }
        _ => {
            let keys = kv::Host::keys(host, key.clone());
            assert!(keys.iter().all(|known| known.starts_with(&key)));
            let held = keys.iter().filter_map(|known| kv::Host::get(host, known.clone()));
            let held: usize = held.map(|value| value.len()).sum();
            assert!(held as u64 <= host.kv.quota_bytes, "{held} bytes are kept");
        }
    }
}

/// A call of `crop`: what comes back is as large as it says.
fn cut(host: &mut Host, dice: &mut Dice<'_>) {
    let area = types::Area { x: dice.f32(), y: dice.f32(), width: dice.f32(), height: dice.f32() };
    let (width, height) = (dice.u32() >> 24, dice.u32() >> 24);
    let format = pixel_format(dice);
    if let Ok(patch) = crop::Host::crop(host, area, width, height, format) {
        assert!(patch.width <= width && patch.height <= height);
        let bytes = convert::pixel_format(format).bytes(patch.width, patch.height);
        assert_eq!(patch.pixels.len(), bytes);
    }
}

/// A call of `http`: nothing goes out to where nothing was granted.
fn ask(host: &mut Host, dice: &mut Dice<'_>) {
    let request = http::Request {
        method: dice.text(),
        url: dice.text(),
        headers: dice.list(|dice| (dice.text(), dice.text())),
        timeout: dice.i64(),
    };
    assert!(http::Host::send(host, request, dice.text().into_bytes()).is_err());
}

/// Calls of a guest, as many as it likes: what it keeps, shows and writes stays within its bounds.
pub(crate) fn imports(data: &[u8]) {
    let mut dice = Dice::of(data);
    let figures = Metrics::default();
    let zone = TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC);
    let mut host = Host::for_fuzzing(&figures, zone);
    host.http.reach = vec![Reach {
        methods: METHODS.into_iter().collect(),
        origin: Some("https://example.com".into()),
    }];
    let colour = Colour::from_stream(None, true, 32);
    let (y, u, v) = (vec![7; 64 * 32], vec![128; 512], vec![128; 512]);
    host.picture = Some(Arc::new(Image { width: 64, height: 32, colour, y, u, v }));
    while !dice.is_empty() {
        match dice.one_of(8) {
            0 => {
                let level = match dice.one_of(5) {
                    0 => log::Level::Trace,
                    1 => log::Level::Debug,
                    2 => log::Level::Info,
                    3 => log::Level::Warn,
                    _ => log::Level::Error,
                };
                log::Host::write(&mut host, level, dice.text(), dice.list(attribute));
                let complaint = host.log.take_complaint().unwrap_or_default();
                assert!(complaint.len() <= limits::LOG_BYTES);
            }
            1 => metrics::Host::set(&mut host, dice.text(), dice.f64()),
            2 => metrics::Host::add(&mut host, dice.text(), dice.f64()),
            3 => {
                let civil = clock::Host::local(&mut host, dice.i64());
                assert!((1..=12).contains(&civil.month) && (1..=31).contains(&civil.day));
                assert!(civil.hour < 24 && (1..=7).contains(&civil.weekday));
            }
            4 => keep(&mut host, &mut dice),
            5 => cut(&mut host, &mut dice),
            6 => ask(&mut host, &mut dice),
            _ => host.clock.now = Timestamp::from_micros(dice.i64()),
        }
    }
    let shown = figures.text();
    let lines = shown.lines().filter(|line| line.starts_with("wardline_plugin_value{")).count();
    assert!(lines <= limits::METRICS, "{lines} figures");
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let text = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
    let event = || {
        let mut event = [text("door-1"), text("door.opened"), vec![0]].concat();
        // Time, confidence, a region, a camera, no correlation, an attribute.
        event.extend([120, 0, 0, 0, 9]);
        event.extend(0.5_f32.to_be_bytes());
        event.push(1);
        event.extend([0.1_f32, 0.2, 0.3, 0.4].iter().flat_map(|edge| edge.to_be_bytes()));
        event.extend([0]);
        event.extend(0.5_f32.to_be_bytes());
        event.extend([0]);
        event.extend([1]);
        event.extend(text("gate"));
        event.extend([0, 1]);
        event.extend(text("score"));
        event.extend([1, 2, 0, 0, 0, 7]);
        event
    };
    let span = [
        text("s-1"),
        vec![120, 0, 0, 0, 9, 120, 0, 0x10, 0, 0, 1, 2, 0, 0, 0, 9],
        text("a label"),
        vec![1],
        text("gate/door/1/a"),
        vec![0],
    ]
    .concat();
    let policy = [vec![2, 120, 0, 0, 0, 1, 1], span, vec![0, 1], event()].concat();
    let wishes = vec![0, 1, 2, 0x28, 0, 0, 0, 0x1e, 0, 0, 0, 1, 2, 0x40, 0xa0, 0, 0, 1];
    let source = [vec![1, 2], text("a/b"), text("c"), vec![1, 2, 0, 0x98, 0x96, 0x80]].concat();
    let calls = [
        vec![1],
        text("score"),
        1.5_f64.to_be_bytes().to_vec(),
        vec![2],
        text("count"),
        2.0_f64.to_be_bytes().to_vec(),
        vec![0, 4],
        text("it failed"),
        vec![0, 3, 120, 0, 0, 0, 1, 7, 120, 0, 0, 0, 5, 4],
        text("key"),
        vec![1],
        text("value"),
        vec![4],
        text("k"),
        vec![3, 5],
        [0.1_f32, 0.2, 0.5, 0.5].iter().flat_map(|edge| edge.to_be_bytes()).collect(),
        vec![0x40, 0, 0, 0, 0x40, 0, 0, 0, 3, 6],
        text("GET"),
        text("https://example.com/x"),
        vec![1],
        text("accept"),
        text("*/*"),
        vec![2, 0, 0x98, 0x96, 0x80, 0],
    ]
    .concat();
    vec![[vec![1], event()].concat(), policy, wishes, source, calls]
}
