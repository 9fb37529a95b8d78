//! Says while the picture is bright. This file stands between the host and `light.rs`, which decides.

mod light;

use light::{Light, Said};
use wardline_sdk::{
    Analyzer, Event, Fault, Fit, Pace, Phase, Picture, PictureRequest, PixelFormat, Setup, Wishes,
    params, plugin,
};

/// As `plugin.toml` describes them. The host has checked them and filled in the defaults.
#[derive(serde::Deserialize)]
struct Params {
    level: u8,
}

struct MyPlugin {
    light: Light,
}

plugin!(MyPlugin: analyzer);

impl Analyzer for MyPlugin {
    fn init(setup: &Setup) -> Result<(Self, Wishes), Fault> {
        let params: Params = params::parse(&setup.params)?;
        let pictures = PictureRequest {
            format: PixelFormat::Gray8,
            max_width: 64,
            max_height: 64,
            fit: Fit::Preserve,
            pace: Pace::Fps(2.0),
        };
        let plugin = Self { light: Light::new(params.level) };
        Ok((plugin, Wishes { pictures: Some(pictures), units: false }))
    }

    fn analyze(&mut self, picture: &Picture, pixels: &[u8]) -> Result<Vec<Event>, Fault> {
        if picture.gap {
            // The host has ended what was open.
            self.light.forget();
        }
        let Some((number, said)) = self.light.look(pixels) else { return Ok(Vec::new()) };
        let phase = match said {
            Said::On => Phase::Begin,
            Said::Still => Phase::Update,
            Said::Off => Phase::End,
        };
        Ok(vec![Event::new(number.to_string(), "light", phase, picture.time)])
    }
}
