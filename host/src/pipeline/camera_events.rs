//! The host's own events about a camera: `camera.online`, `camera.offline`, `clock.stepped`.

use std::sync::{Arc, Mutex};

use super::status;
use crate::base::Timestamp;
use crate::events::{Attribute, Event, Phase, Value};
use crate::ingest::{GapReason, Item};

/// An event of the host that is complete in itself.
pub(super) fn instant(
    id: String,
    kind: &str,
    time: Timestamp,
    attributes: Vec<Attribute>,
) -> Event {
    Event {
        id,
        kind: kind.into(),
        phase: Phase::Instant,
        time,
        confidence: 1.0,
        regions: Vec::new(),
        cameras: Vec::new(),
        correlation: None,
        attributes,
    }
}

/// Tells from what flows whether a camera is there.
pub(super) struct Connection {
    camera: String,
    /// What those see who ask.
    shown: Arc<Mutex<status::Connection>>,
    online: bool,
    epoch: Option<u32>,
    /// It was said that the camera alternates between parameter sets.
    alternates: bool,
}

impl Connection {
    /// `epoch`: of the video that the camera has on disk already.
    pub(super) fn new(
        camera: &str,
        shown: Arc<Mutex<status::Connection>>,
        epoch: Option<u32>,
    ) -> Self {
        Self { camera: camera.into(), shown, online: false, epoch, alternates: false }
    }

    /// An event where the item changes something.
    pub(super) fn observe(&mut self, item: &Item, now: Timestamp) -> Option<Event> {
        match item {
            Item::Video(unit)
                if self.epoch.replace(unit.epoch).is_some_and(|old| old != unit.epoch) =>
            {
                Some(self.event("clock.stepped", unit.time, Vec::new()))
            }
            Item::Video(unit) if unit.parameters.is_collected() && !self.alternates => {
                self.alternates = true;
                let camera = &self.camera;
                tracing::warn!(
                    camera,
                    "the camera goes to and fro between parameter sets: they are collected in one \
                     sample entry; look for new firmware, or for another setting of its encoder"
                );
                Some(self.event("camera.parameters-alternate", unit.time, Vec::new()))
            }
            Item::Video(unit) if !self.online => {
                self.show(true, unit.time, None);
                Some(self.event("camera.online", unit.time, Vec::new()))
            }
            Item::Gap(gap) if is_absence(gap.reason) => {
                let was_online = self.online;
                self.show(false, now, Some(gap.detail.clone()));
                let text = |key: &str, text: &str| Attribute {
                    key: key.into(),
                    value: Value::Text(text.into()),
                };
                let attributes =
                    vec![text("reason", gap.reason.as_str()), text("detail", &gap.detail)];
                was_online.then(|| self.event("camera.offline", now, attributes))
            }
            _ => None,
        }
    }

    fn show(&mut self, connected: bool, since: Timestamp, detail: Option<String>) {
        let mut shown = self.shown.lock().expect("no panic under this lock");
        if self.online != connected || shown.since.is_none() {
            shown.since = Some(since);
        }
        shown.connected = connected;
        shown.detail = detail;
        self.online = connected;
    }

    fn event(&self, kind: &str, time: Timestamp, attributes: Vec<Attribute>) -> Event {
        instant(format!("{}/host/{kind}/{}", self.camera, time.micros()), kind, time, attributes)
    }
}

fn is_absence(reason: GapReason) -> bool {
    matches!(reason, GapReason::Offline | GapReason::Silent | GapReason::Ended)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::Gap;

    #[test]
    fn a_camera_that_was_never_there_does_not_leave() {
        let shown = Arc::new(Mutex::new(status::Connection::default()));
        let mut connection = Connection::new("gate", shown.clone(), None);
        let gap = Item::Gap(Gap { reason: GapReason::Offline, detail: "refused".into() });
        assert!(connection.observe(&gap, Timestamp::ZERO).is_none());
        connection.online = true;
        let event = connection.observe(&gap, Timestamp::from_millis(1)).unwrap();
        assert_eq!(event.kind, "camera.offline");
        assert_eq!(event.attributes[0].value, Value::Text("offline".into()));
        assert!(connection.observe(&gap, Timestamp::from_millis(2)).is_none());
        let shown = shown.lock().unwrap().clone();
        assert!(!shown.connected);
        assert_eq!(
            (shown.since, shown.detail),
            (Some(Timestamp::from_millis(1)), Some("refused".into()))
        );
    }
}
