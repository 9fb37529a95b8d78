//! Says who stays too long: hears a tracker, says `loitering` with the zone. Looks at no picture
//! itself.

pub mod stay;

use std::collections::BTreeMap;

use wardline_sdk::{
    Analyzer, Area, Attribute, Event, Fault, Listener, Notice, Phase, Picture, Setup, Wishes,
    params, plugin,
};

use stay::{Change, Stay};

/// The zone that is there where none is configured.
const EVERYWHERE: &str = "everywhere";

/// A tracker has fewer at a time; more are of ends that were missed.
const TRACKS_MAX: usize = 1024;

/// One camera's watchman.
pub struct Loitering {
    longer_than: i64,
    forget_after: i64,
    zones: Vec<(String, Area)>,
    /// By track: how long it has been in each zone.
    stays: BTreeMap<String, Vec<Stay>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Params {
    longer_than: params::Duration,
    forget_after: params::Duration,
    zones: BTreeMap<String, [f32; 4]>,
}

plugin!(Loitering: analyzer, listener);

impl Analyzer for Loitering {
    fn init(setup: &Setup) -> Result<(Self, Wishes), Fault> {
        let params: Params = params::parse(&setup.params)?;
        let zone = |(name, [x, y, width, height]): (String, [f32; 4])| {
            (name, Area { x, y, width, height })
        };
        let mut zones: Vec<_> = params.zones.into_iter().map(zone).collect();
        if zones.is_empty() {
            zones.push(zone((EVERYWHERE.to_owned(), [0.0, 0.0, 1.0, 1.0])));
        }
        let (longer_than, forget_after) =
            (params.longer_than.micros(), params.forget_after.micros());
        let plugin = Self { longer_than, forget_after, zones, stays: BTreeMap::new() };
        Ok((plugin, Wishes { pictures: None, units: false }))
    }

    fn analyze(&mut self, _: &Picture, _: &[u8]) -> Result<Vec<Event>, Fault> {
        Ok(Vec::new())
    }
}

impl Listener for Loitering {
    fn on_events(&mut self, notices: &[Notice]) -> Result<Vec<Event>, Fault> {
        Ok(notices.iter().flat_map(|notice| self.hear(&notice.event)).collect())
    }
}

impl Loitering {
    fn hear(&mut self, track: &Event) -> Vec<Event> {
        let Some(region) = track.regions.first() else { return Vec::new() };
        // Where it stands: the middle of its lower edge.
        let Area { x, y, width, height } = region.area;
        let (x, y) = (x + width / 2.0, y + height);
        if self.stays.len() >= TRACKS_MAX {
            self.stays.pop_first();
        }
        let fresh = || vec![Stay::default(); self.zones.len()];
        let stays = self.stays.entry(track.id.clone()).or_insert_with(fresh);
        let mut said = Vec::new();
        for ((zone, area), stay) in self.zones.iter().zip(stays) {
            let inside = (area.x..=area.x + area.width).contains(&x)
                && (area.y..=area.y + area.height).contains(&y);
            let change = match track.phase {
                Phase::End => stay.end(),
                _ => stay.see(inside, track.time, self.longer_than, self.forget_after),
            };
            said.extend(change.map(|change| event(change, zone, track)));
        }
        if track.phase == Phase::End {
            self.stays.remove(&track.id);
        }
        said
    }
}

fn event(change: Change, zone: &str, track: &Event) -> Event {
    let (phase, time) = match change {
        Change::Begun => (Phase::Begin, track.time),
        Change::GoesOn => (Phase::Update, track.time),
        Change::Over(last) => (Phase::End, last),
    };
    // The track's own id is unique for ever, and not ours: its last part is enough within this run,
    // with the run before it, since another run of the tracker counts anew.
    let mut parts = track.id.rsplit('/');
    let (number, run) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mut event = Event::new(format!("{zone}-{run}-{number}"), "loitering", phase, time);
    event.regions.clone_from(&track.regions);
    event.correlation.clone_from(&track.correlation);
    event.attributes = vec![Attribute::text("zone", zone)];
    event.attributes.extend(track.attributes.iter().find(|one| one.key == "track").cloned());
    event
}

#[cfg(test)]
mod tests {
    use wardline_sdk::Region;

    use super::*;

    fn hear(plugin: &mut Loitering, phase: Phase, seconds: i64, x: f32) -> Vec<(Phase, String)> {
        let mut event = Event::new("gate/tracker/1/7", "track", phase, seconds * 1_000_000);
        let area = Area { x, y: 0.4, width: 0.1, height: 0.2 };
        event.regions = vec![Region { area, label: None, confidence: 1.0, track: Some(7) }];
        let (camera, origin, received) = ("gate".into(), "tracker".into(), event.time);
        let notice = Notice { event, camera, origin, received, sequence: 1 };
        let said = plugin.on_events(&[notice]).unwrap();
        said.into_iter().map(|event| (event.phase, event.id)).collect()
    }

    #[test]
    fn only_who_stays_in_the_zone_is_told_of() {
        let params = r#"{"longer-than":"10s","forget-after":"3s","zones":{"door":[0,0,0.5,1]}}"#;
        let (name, camera) = ("loitering".to_owned(), Some("gate".to_owned()));
        let setup = Setup { name, camera, video: None, params: params.into(), attributes: vec![] };
        let (mut plugin, _) = Loitering::init(&setup).unwrap();
        let id = "door-1-7".to_owned();
        for (phase, seconds, x, expected) in [
            (Phase::Begin, 0, 0.8, vec![]),
            (Phase::Update, 10, 0.2, vec![]),
            (Phase::Update, 12, 0.2, vec![]),
            (Phase::Update, 14, 0.3, vec![]),
            (Phase::Update, 17, 0.3, vec![]),
            (Phase::Update, 20, 0.3, vec![(Phase::Begin, id.clone())]),
            (Phase::Update, 22, 0.3, vec![(Phase::Update, id.clone())]),
            (Phase::End, 23, 0.3, vec![(Phase::End, id.clone())]),
        ] {
            assert_eq!(hear(&mut plugin, phase, seconds, x), expected, "at {seconds} s");
        }
        assert!(plugin.stays.is_empty());
    }
}
