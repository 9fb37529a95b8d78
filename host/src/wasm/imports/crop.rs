//! `wardline:plugin/crop`: parts of the picture that is being analyzed, as it was decoded. Only what
//! was granted is linked.

use crate::decode::{Fit, Image, Request, Scaler};
use crate::events::Area;
use crate::wasm::bindings::wardline::plugin::{crop, types};
use crate::wasm::instance::Host;
use crate::wasm::{convert, limits};

impl crop::Host for Host {
    fn crop(
        &mut self,
        area: types::Area,
        max_width: u32,
        max_height: u32,
        format: types::PixelFormat,
    ) -> Result<crop::Patch, String> {
        let whole = self.picture.as_deref();
        let whole = whole.ok_or("there is a picture to crop only inside `analyze`")?;
        let types::Area { x, y, width, height } = area;
        let format = convert::pixel_format(format);
        let request =
            Request { format, width_max: max_width, height_max: max_height, fit: Fit::Preserve };
        patch(whole, Area { x, y, width, height }, request)
    }
}

fn patch(whole: &Image, area: Area, request: Request) -> Result<crop::Patch, String> {
    let (width, height) = (request.width_max, request.height_max);
    let sides = limits::CROP_SIDE;
    if !sides.contains(&width) || !sides.contains(&height) {
        let (least, most) = (sides.start(), sides.end());
        return Err(format!("{width}x{height}: both sides must be {least} to {most} pixels"));
    }
    let (part, area) = whole.cut(area).ok_or("the area is empty, or outside the picture")?;
    let bytes = request.format.bytes(width.min(part.width), height.min(part.height));
    if bytes > limits::CROP_BYTES {
        let most = limits::CROP_BYTES >> 20;
        return Err(format!("{} MiB of pixels: ask for at most {most} MiB", bytes >> 20));
    }
    let mut pixels = Vec::new();
    let (width, height) = Scaler::new(request).scale(&part, &mut pixels);
    let area = types::Area { x: area.x, y: area.y, width: area.width, height: area.height };
    Ok(crop::Patch { area, width, height, pixels })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Colour, PixelFormat};

    /// 64x32, luma is the column.
    fn picture() -> Image {
        let colour = Colour::from_stream(None, true, 32);
        let y = (0..32).flat_map(|_| 0..64).collect();
        Image { width: 64, height: 32, colour, y, u: vec![128; 512], v: vec![128; 512] }
    }

    fn ask(area: [f32; 4], width_max: u32, height_max: u32) -> Result<crop::Patch, String> {
        let [x, y, width, height] = area;
        let request =
            Request { format: PixelFormat::Gray8, width_max, height_max, fit: Fit::Preserve };
        patch(&picture(), Area { x, y, width, height }, request)
    }

    #[test]
    fn a_part_is_cut_and_never_enlarged() {
        let patch = ask([0.5, 0.5, 0.125, 0.25], 4096, 4096).unwrap();
        assert_eq!((patch.width, patch.height), (8, 8));
        assert_eq!(patch.pixels, [32, 33, 34, 35, 36, 37, 38, 39].repeat(8));
        assert_eq!((patch.area.x, patch.area.width), (0.5, 0.125));
        let smaller = ask([0.0, 0.0, 1.0, 1.0], 16, 16).unwrap();
        assert_eq!((smaller.width, smaller.height, smaller.pixels.len()), (16, 8, 128));
        let clipped = ask([0.875, -1.0, 5.0, 9.0], 64, 64).unwrap();
        assert_eq!((clipped.width, clipped.height), (8, 32));
        assert_eq!((clipped.area.y, clipped.area.width), (0.0, 0.125));
    }

    #[test]
    fn what_cannot_be_cut_is_refused() {
        for area in [
            [0.0, 0.0, 0.0, 1.0],
            [1.0, 0.0, 0.5, 1.0],
            [0.5, 0.5, -0.1, 0.1],
            [f32::NAN, 0.0, 1.0, 1.0],
            [0.0, 0.0, f32::INFINITY, 1.0],
            [2.0, 2.0, 1.0, 1.0],
        ] {
            assert!(ask(area, 64, 64).is_err(), "{area:?}");
        }
        for (width, height) in [(0, 16), (16, 1), (4097, 16), (16, u32::MAX)] {
            let why = ask([0.0, 0.0, 1.0, 1.0], width, height).unwrap_err();
            assert!(why.contains("2 to 4096 pixels"), "{why}");
        }
    }
}
