//! `wardline:plugin/log`: lines of guests in the host's log, cut and counted.

use std::fmt::Write;

use super::cut;
use crate::base::Timestamp;
use crate::events::Value;
use crate::wasm::bindings::wardline::plugin::log;
use crate::wasm::instance::Host;
use crate::wasm::{convert, limits};

/// The log of one instance.
pub(in crate::wasm) struct Lines {
    plugin: String,
    camera: String,
    /// Nothing of it is written.
    muted: bool,
    /// Start of the second that is counted, in media time: a replay drops the same lines.
    second: Timestamp,
    lines: u32,
    dropped: u32,
    /// What the guest last said at level `error` in this call: usually why it panics.
    complaint: Option<String>,
}

impl Lines {
    pub(in crate::wasm) fn new(plugin: &str, camera: Option<&str>, muted: bool) -> Self {
        Self {
            plugin: plugin.to_owned(),
            camera: camera.unwrap_or_default().to_owned(),
            muted,
            second: Timestamp::ZERO,
            lines: 0,
            dropped: 0,
            complaint: None,
        }
    }

    /// From here on nothing is written, or all is again.
    pub(in crate::wasm) fn mute(&mut self, muted: bool) {
        self.muted = muted;
    }

    /// A call begins.
    pub(in crate::wasm) fn begin(&mut self) {
        self.complaint = None;
    }

    /// What the guest said at level `error` last in this call.
    pub(in crate::wasm) fn take_complaint(&mut self) -> Option<String> {
        self.complaint.take()
    }

    fn has_room(&mut self, now: Timestamp) -> bool {
        if !(0..1_000_000).contains(&now.micros_since(self.second)) {
            if self.dropped > 0 && !self.muted {
                let (plugin, camera, dropped) = (&self.plugin, &self.camera, self.dropped);
                tracing::warn!(plugin, camera, dropped, "plugin logs too much, lines were dropped");
            }
            (self.second, self.lines, self.dropped) = (now, 0, 0);
        }
        self.lines += 1;
        let room = self.lines <= limits::LOG_LINES;
        self.dropped += u32::from(!room);
        room && !self.muted
    }

    fn write(&self, level: log::Level, message: &str, fields: &str) {
        let (plugin, camera) = (&self.plugin, &self.camera);
        match level {
            log::Level::Trace => tracing::trace!(plugin, camera, fields, "{message}"),
            log::Level::Debug => tracing::debug!(plugin, camera, fields, "{message}"),
            log::Level::Info => tracing::info!(plugin, camera, fields, "{message}"),
            log::Level::Warn => tracing::warn!(plugin, camera, fields, "{message}"),
            log::Level::Error => tracing::error!(plugin, camera, fields, "{message}"),
        }
    }
}

impl log::Host for Host {
    fn write(&mut self, level: log::Level, message: String, attributes: Vec<log::Attribute>) {
        let message = cut(&message, limits::LOG_BYTES);
        if level == log::Level::Error {
            self.log.complaint = Some(message.to_owned());
        }
        if self.log.has_room(self.clock.now) {
            self.log.write(level, message, &fields(attributes));
        }
    }
}

/// Attributes as `key=value`, as many as fit.
fn fields(attributes: Vec<log::Attribute>) -> String {
    let mut text = String::new();
    for attribute in attributes.into_iter().take(limits::ATTRIBUTES) {
        let key = cut(&attribute.key, limits::NAME_BYTES);
        let space = if text.is_empty() { "" } else { " " };
        let _ = match convert::value_from_guest(attribute.value) {
            Value::Text(value) | Value::Json(value) => write!(text, "{space}{key}={value:?}"),
            Value::Integer(value) => write!(text, "{space}{key}={value}"),
            Value::Number(value) => write!(text, "{space}{key}={value}"),
            Value::Flag(value) => write!(text, "{space}{key}={value}"),
            Value::Bytes(value) => write!(text, "{space}{key}=({} bytes)", value.len()),
        };
        if text.len() > limits::LOG_BYTES {
            return cut(&text, limits::LOG_BYTES).to_owned();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_beyond_the_limit_of_a_second_are_dropped_and_counted() {
        let mut lines = Lines::new("p", Some("gate"), false);
        let now = Timestamp::from_millis(5_000);
        let written = (0..250).filter(|_| lines.has_room(now)).count();
        assert_eq!((written, lines.dropped), (100, 150));
        assert!(lines.has_room(Timestamp::from_millis(6_000)), "a new second");
        assert_eq!(lines.dropped, 0);
        assert!(lines.has_room(Timestamp::from_millis(1_000)), "time may step back");
    }
}
