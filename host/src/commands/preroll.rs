//! Whether the pre-roll ring of a camera has bytes enough for its seconds, by what the camera
//! sent of late: read from the index, where there is one.

use std::time::Duration;

use crate::base::Timestamp;
use crate::base::clock::{Clock, System};
use crate::config::{Camera, Config, Mode, show_duration};
use crate::store::query::{Filter, Reader};

/// Video of so long tells the bit rate.
const RECENT: Duration = Duration::from_secs(86_400);

/// A warning for each camera whose ring bytes bound before its seconds do.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    // Without a store, or with one that can't be read, nothing is known yet.
    let Ok(reader) = Reader::open(&config.store.path) else { return Vec::new() };
    let since = System.wall() - RECENT;
    let by_events = config.cameras.iter().filter(|camera| camera.mode == Mode::Events);
    by_events.filter_map(|camera| warning(camera, rate(&reader, &camera.name, since)?)).collect()
}

/// Bytes a second.
fn rate(reader: &Reader, camera: &str, since: Timestamp) -> Option<u64> {
    let filter = Filter { camera: Some(camera.into()), since: Some(since), until: None };
    let segments = reader.segments(&filter).ok()?;
    let bytes: u64 = segments.iter().map(|segment| segment.bytes).sum();
    let length: Duration = segments.iter().map(|segment| segment.end.since(segment.start)).sum();
    bytes.checked_div(length.as_secs())
}

fn warning(camera: &Camera, bytes_a_second: u64) -> Option<String> {
    let needed = bytes_a_second.saturating_mul(camera.preroll.as_secs());
    if needed <= camera.preroll_bytes {
        return None;
    }
    let seconds = camera.preroll_bytes / bytes_a_second.max(1);
    Some(format!(
        "camera `{}` sent {} kbit/s of late: its `preroll-bytes` hold {}, not the {} of its \
         `preroll`: set them to {} MiB or more",
        camera.name,
        bytes_a_second / 125,
        show_duration(Duration::from_secs(seconds)),
        show_duration(camera.preroll),
        needed.div_ceil(1 << 20)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_do_not_suffice_are_named() {
        let text = "[plugins.p]\ncomponent = \"policy-pre-post\"\n[store]\npath = \"r\"\n[cameras.gate]\nurl = \"rtsp://x/\"\nmode = \"events\"\n\
                    policies = [\"p\"]\npreroll = \"1m\"\npreroll-bytes = \"64MiB\"\n";
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wardline.toml");
        std::fs::write(&path, text).unwrap();
        let config = crate::config::load(&path).unwrap();
        assert!(warnings(&config).is_empty(), "there is no store");
        let camera = &config.cameras[0];
        for (kbit, expected) in
            [(2_000, None), (8_900, None), (12_000, Some("hold 44s, not the 1m"))]
        {
            let said = warning(camera, kbit * 125);
            match expected {
                None => assert_eq!(said, None, "{kbit}"),
                Some(part) => {
                    assert!(said.as_ref().is_some_and(|said| said.contains(part)), "{said:?}")
                }
            }
        }
    }
}
