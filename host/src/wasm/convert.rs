//! Host types as the contract's types, and attribute values both ways. Says nothing about what is
//! allowed: `check` does.

use super::bindings::exports::wardline::plugin::messages;
use super::bindings::wardline::plugin::types;
use super::instance::{InstanceConfig, Setup};
use super::source::Message;
use crate::decode::PixelFormat;
use crate::events::{Area, Attribute, Event, Notice, Phase, Region, Value};

/// What an instance is told at `init`.
pub(super) fn setup(config: &InstanceConfig, setup: &Setup) -> types::Setup {
    types::Setup {
        name: config.name.clone(),
        camera: config.camera.clone(),
        video: setup.video.as_ref().map(|video| types::Video {
            codec: video.codec.clone(),
            width: video.width,
            height: video.height,
            fps: video.fps,
        }),
        params: setup.params.clone(),
        attributes: attributes(&setup.attributes),
    }
}

/// A message without its body.
pub(super) fn message(message: &Message) -> messages::Message {
    messages::Message {
        topic: message.topic.clone(),
        content_type: message.content_type.clone(),
        received: message.received.micros(),
        attributes: attributes(&message.attributes),
    }
}

pub(super) fn notice(notice: &Notice) -> types::Notice {
    types::Notice {
        event: event(&notice.event),
        camera: notice.camera.clone(),
        origin: notice.origin.clone(),
        received: notice.received.micros(),
        sequence: notice.sequence,
    }
}

pub(super) fn event(event: &Event) -> types::Event {
    types::Event {
        id: event.id.clone(),
        kind: event.kind.clone(),
        phase: match event.phase {
            Phase::Instant => types::Phase::Instant,
            Phase::Begin => types::Phase::Begin,
            Phase::Update => types::Phase::Update,
            Phase::End => types::Phase::End,
        },
        time: event.time.micros(),
        confidence: event.confidence,
        regions: event.regions.iter().map(region).collect(),
        cameras: event.cameras.clone(),
        correlation: event.correlation.clone(),
        attributes: attributes(&event.attributes),
    }
}

fn region(region: &Region) -> types::Region {
    let Area { x, y, width, height } = region.area;
    types::Region {
        area: types::Area { x, y, width, height },
        label: region.label.clone(),
        confidence: region.confidence,
        track: region.track,
    }
}

pub(super) fn attributes(attributes: &[Attribute]) -> Vec<types::Attribute> {
    let convert = |attribute: &Attribute| types::Attribute {
        key: attribute.key.clone(),
        value: match &attribute.value {
            Value::Text(text) => types::Value::Text(text.clone()),
            Value::Integer(number) => types::Value::Integer(*number),
            Value::Number(number) => types::Value::Number(*number),
            Value::Flag(flag) => types::Value::Flag(*flag),
            Value::Bytes(bytes) => types::Value::Bytes(bytes.clone()),
            Value::Json(text) => types::Value::Json(text.clone()),
        },
    };
    attributes.iter().map(convert).collect()
}

pub(super) fn value_from_guest(value: types::Value) -> Value {
    match value {
        types::Value::Text(text) => Value::Text(text),
        types::Value::Integer(number) => Value::Integer(number),
        types::Value::Number(number) => Value::Number(number),
        types::Value::Flag(flag) => Value::Flag(flag),
        types::Value::Bytes(bytes) => Value::Bytes(bytes),
        types::Value::Json(text) => Value::Json(text),
    }
}

pub(super) fn pixel_format(format: types::PixelFormat) -> PixelFormat {
    match format {
        types::PixelFormat::Gray8 => PixelFormat::Gray8,
        types::PixelFormat::I420 => PixelFormat::I420,
        types::PixelFormat::Nv12 => PixelFormat::Nv12,
        types::PixelFormat::Rgb24 => PixelFormat::Rgb24,
        types::PixelFormat::Rgba32 => PixelFormat::Rgba32,
    }
}
