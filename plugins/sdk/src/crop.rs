//! A closer look at the picture that is being analyzed, as it was decoded. Granted: the manifest asks
//! for `crop`, and the operator allows it.

use crate::{Area, PixelFormat};

pub use crate::bindings::granted::wardline::plugin::crop::Patch;

/// A part of the picture, at most so many pixels wide and high (2 to 4096), never enlarged. Only
/// inside `analyze`; on native targets there is no picture.
///
/// # Errors
/// Why there is nothing to be had: outside `analyze`, an empty area, more than 16 MiB.
pub fn crop(
    area: Area,
    max_width: u32,
    max_height: u32,
    format: PixelFormat,
) -> Result<Patch, String> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::granted::wardline::plugin::crop::crop(
        area, max_width, max_height, format,
    );
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = (area, max_width, max_height, format);
        Err("there is no picture on native targets".into())
    }
}
