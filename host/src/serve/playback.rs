//! HLS playback: playlists, and the pieces of files that they name.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream::try_unfold;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Asked, At, stretch};
use super::problem::{Problem, problem};
use crate::base::Timestamp;
use crate::config::parse_duration;
use crate::view::View;
use crate::view::media::{Delivery, Piece};
use crate::view::playlist::{Pictures, Wanted};

/// What files say does not change; but video can be deleted, so a browser may keep what it fetched for
/// so long only.
pub(super) const KEPT: &str = "private, max-age=3600";

/// Key frames of a playlist are so far apart at most, where that is asked for.
const STEP_MAX: Duration = Duration::from_secs(3600);

pub(super) fn router() -> OpenApiRouter<Arc<View>> {
    OpenApiRouter::default().routes(routes!(playlist)).routes(routes!(piece))
}

/// Which video.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Range {
    /// Begins at or before this; players start here.
    from: Timestamp,
    /// Ends at or after this.
    to: Timestamp,
    /// Only key frames, each shown until the next, without sound: for speeds above 4x and for going
    /// backwards.
    keys: Option<bool>,
    /// With `keys`: at least so far apart, as `5s`.
    #[param(example = "5s")]
    step: Option<String>,
}

/// An HLS playlist (RFC 8216) of a stretch of video, as it lies on disk. `EXT-X-PROGRAM-DATE-TIME` tells
/// its time, `EXT-X-DISCONTINUITY` where video is missing or of another form. What still grows is in it
/// as far as it is written.
#[utoipa::path(
    get,
    path = "/api/v1/cameras/{camera}/playback.m3u8",
    tag = "video",
    params(("camera" = String, Path, description = "Its name"), Range),
    responses(
        (status = 200, description = "Media segments are named relative to it", body = String,
            content_type = "application/vnd.apple.mpegurl"),
        (status = 400, description = "The query is wrong, or the range too long", body = Problem),
        (status = 404, description = "There is no video of that time", body = Problem),
    )
)]
async fn playlist(
    State(view): State<Arc<View>>,
    At(camera): At<String>,
    Asked(range): Asked<Range>,
) -> Result<Response, Problem> {
    let (from, to) = stretch(range.from, range.to)?;
    let pictures = pictures(range.keys, range.step.as_deref())?;
    let nothing = format!("there is no video of camera `{camera}` between {from} and {to}");
    let text = view.playlist(camera, Wanted { from, to, pictures }).await?;
    let text = text.ok_or_else(|| problem(StatusCode::NOT_FOUND, nothing))?;
    let kind = "application/vnd.apple.mpegurl";
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "private, no-cache")];
    Ok((headers, text).into_response())
}

fn pictures(keys: Option<bool>, step: Option<&str>) -> Result<Pictures, Problem> {
    let bad = |why: String| problem(StatusCode::BAD_REQUEST, why);
    let step = step.map(parse_duration).transpose().map_err(|why| bad(format!("`step`: {why}")))?;
    match (keys.unwrap_or(false), step) {
        (false, None) => Ok(Pictures::All),
        (false, Some(_)) => Err(bad("`step` needs `keys=true`".into())),
        (true, step) if step.is_some_and(|step| step > STEP_MAX) => {
            Err(bad("`step` is longer than an hour".into()))
        }
        (true, step) => Ok(Pictures::Keys(step.unwrap_or_default())),
    }
}

/// What a playlist names: `init.mp4`, `keys.mp4`, or bytes of a file.
#[utoipa::path(
    get,
    path = "/api/v1/cameras/{camera}/hls/{sequence}/{name}",
    tag = "video",
    params(
        ("camera" = String, Path, description = "Its name"),
        ("sequence" = u64, Path, description = "Of a file of the camera"),
        ("name" = String, Path, description = "As a playlist has it"),
        ("head" = Option<String>, Query,
            description = "As a playlist has it: tells equal names apart, for what keeps answers"),
    ),
    responses(
        (status = 200, description = "An initialization or media segment", body = Vec<u8>,
            content_type = "video/mp4"),
        (status = 404, description = "It is not there (any more)", body = Problem),
    )
)]
async fn piece(
    State(view): State<Arc<View>>,
    At((camera, sequence, name)): At<(String, u64, String)>,
) -> Result<Response, Problem> {
    let nothing = || problem(StatusCode::NOT_FOUND, "there is no such piece of video (any more)");
    let piece = named(&name).ok_or_else(nothing)?;
    let delivery = view.piece(camera, sequence, piece).await?.ok_or_else(nothing)?;
    let headers = [
        (header::CONTENT_TYPE, "video/mp4".to_owned()),
        (header::CACHE_CONTROL, KEPT.to_owned()),
        (header::CONTENT_LENGTH, delivery.length().to_string()),
    ];
    Ok((headers, body(delivery)).into_response())
}

/// What a name in a playlist means; `None`: no playlist has such a name.
pub(crate) fn named(name: &str) -> Option<Piece> {
    match name {
        "init.mp4" => return Some(Piece::Head),
        "keys.mp4" => return Some(Piece::SilentHead),
        _ => {}
    }
    let mut numbers = name.strip_suffix(".m4s")?.split('-');
    let mut number =
        || numbers.next().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let (offset, length) = (number()?.parse::<u64>().ok()?, number()?.parse().ok()?);
    let range = offset..offset.checked_add(length)?;
    match (number(), numbers.next()) {
        (None, None) => Some(Piece::Fragments(range)),
        (Some(ticks), None) => Some(Piece::Key(range, ticks.parse().ok()?)),
        _ => None,
    }
}

/// Sends as the client takes it.
pub(super) fn body(delivery: Delivery) -> Body {
    let next = async |mut delivery: Delivery| match delivery.next().await {
        Ok(bytes) => Ok(bytes.map(|bytes| (bytes, delivery))),
        Err(error) => {
            // The answer has begun: it can only be cut off.
            tracing::warn!(error = error.chain(), "video on its way to a client");
            Err(error)
        }
    };
    Body::from_stream(try_unfold(delivery, next))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::*;

    #[test]
    fn names_mean_pieces() {
        for (name, piece) in [
            ("init.mp4", Some(Piece::Head)),
            ("keys.mp4", Some(Piece::SilentHead)),
            ("1200-48213.m4s", Some(Piece::Fragments(1200..49_413))),
            ("1200-48213-180000.m4s", Some(Piece::Key(1200..49_413, 180_000))),
            ("1200.m4s", None),
            ("1200-.m4s", None),
            ("-1.m4s", None),
            ("1200-1-1-1.m4s", None),
            ("+1-2.m4s", None),
            ("1-18446744073709551615.m4s", None),
            ("1-2-4294967296.m4s", None),
            ("../init.mp4", None),
            ("1-2.mp4", None),
        ] {
            assert_eq!(named(name), piece, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_read_without_panic(name: String, numbers in "[0-9-]{0,40}\\.m4s") {
            let _ = (named(&name), named(&numbers));
        }
    }
}
