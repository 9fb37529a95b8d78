//! Live view: an endless answer for players that are fed by a page, and HLS for those that are not.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Asked, At};
use super::problem::{Problem, problem};
use crate::view::live::{Live, Refusal, Stream, VIEWS_MAX, Viewer};

/// What comes now is of no use later.
const NOT_KEPT: HeaderValue = HeaderValue::from_static("no-store");

pub(super) fn router() -> OpenApiRouter<Live> {
    OpenApiRouter::default()
        .routes(routes!(live_mp4))
        .routes(routes!(live_many))
        .routes(routes!(live_playlist))
        .routes(routes!(live_piece))
}

/// Which stream.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Which {
    /// `main` (the one that is recorded; the default) or `second` (the smaller one of the camera's
    /// `analysis-url`, which is connected to while somebody looks at it).
    stream: Option<String>,
}

impl Which {
    fn stream(&self) -> Result<Stream, Problem> {
        let Some(word) = &self.stream else { return Ok(Stream::Main) };
        let wrong = || problem(StatusCode::BAD_REQUEST, "`stream` is `main` or `second`");
        Stream::from_word(word).ok_or_else(wrong)
    }
}

fn refused(camera: &str, stream: Stream, refusal: Refusal) -> Problem {
    let (status, why) = match refusal {
        Refusal::NoCamera => (StatusCode::NOT_FOUND, format!("there is no camera `{camera}` now")),
        Refusal::NoStream => {
            (StatusCode::NOT_FOUND, format!("camera `{camera}` has no second stream"))
        }
        Refusal::Gone => {
            (StatusCode::NOT_FOUND, "there is no such part of the stream any more".into())
        }
        Refusal::NothingComes => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("camera `{camera}` sends no video ({}): try again", stream.as_str()),
        ),
    };
    problem(status, why)
}

/// What the camera sends now, as one endless fragmented MP4, for Media Source. Begins at the newest key
/// frame. The answer ends where one head serves no more (the camera was away, or has changed): ask
/// again. Who reads too slowly loses frames, up to the next key frame.
#[utoipa::path(
    get,
    path = "/api/v1/cameras/{camera}/live.mp4",
    tag = "video",
    params(("camera" = String, Path, description = "Its name"), Which),
    responses(
        (status = 200, description = "Endless", body = Vec<u8>, content_type = "video/mp4", headers(
            ("x-wardline-codecs" = String, description = "The `codecs` parameter of RFC 6381"),
            ("x-wardline-start" = String, description = "UTC of presentation time 0 at the first picture, \
                RFC 3339; a `prft` box before each key frame says how it moves"),
        )),
        (status = 404, description = "There is no such camera or stream", body = Problem),
        (status = 503, description = "The camera sends nothing; try again", body = Problem),
    )
)]
async fn live_mp4(
    State(live): State<Live>,
    At(camera): At<String>,
    Asked(which): Asked<Which>,
) -> Result<Response, Problem> {
    let stream = which.stream()?;
    let viewer = live.watch(&camera, stream).await;
    let viewer = viewer.map_err(|refusal| refused(&camera, stream, refusal))?;
    let codecs = viewer.head().codecs();
    let mut headers = HeaderMap::new();
    let mut put = |name: &'static str, value: String| {
        // What a camera says of its codec may hold anything; without it a page can't play anyway.
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    put("content-type", format!("video/mp4; codecs=\"{codecs}\""));
    put("x-wardline-codecs", codecs);
    put("x-wardline-start", viewer.zero().to_string());
    headers.insert(header::CACHE_CONTROL, NOT_KEPT);
    let head = viewer.head().data.clone();
    let pieces = stream::unfold(viewer, async |mut viewer: Viewer| {
        let piece = viewer.next().await?;
        Some((piece, viewer))
    });
    Ok((headers, body(stream::once(async { head }).chain(pieces))).into_response())
}

fn body(pieces: impl stream::Stream<Item = Bytes> + Send + 'static) -> Body {
    Body::from_stream(pieces.map(Ok::<_, std::convert::Infallible>))
}

/// What several cameras send now, over one answer: for a page that shows many. Records of `u8 view` (its
/// place in the query, from 0), `u8 kind`, `u32 length` (big endian) and the payload. Kind 0, a run begins:
/// JSON with `codecs`, `start` (UTC of presentation time 0) and `stream`; said again while it goes on where
/// `start` has moved, as clocks of cameras drift. Kind 1, bytes of it: as `live.mp4`. Kind 2, it is over or there is none: JSON with the `reason`; the next begins by itself.
#[utoipa::path(
    get,
    path = "/api/v1/live",
    tag = "video",
    params(("view" = Vec<String>, Query, description = "`camera:main` or `camera:second`, up to 64")),
    responses(
        (status = 200, description = "Endless", body = Vec<u8>,
            content_type = "application/octet-stream"),
        (status = 400, description = "The query is wrong", body = Problem),
        (status = 404, description = "There is no such camera or stream", body = Problem),
    )
)]
async fn live_many(
    State(live): State<Live>,
    Asked(query): Asked<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let bad = |why: String| problem(StatusCode::BAD_REQUEST, why);
    if query.is_empty() || query.len() > VIEWS_MAX {
        return Err(bad(format!("`view` is wanted 1 to {VIEWS_MAX} times")));
    }
    let view = |(key, value): (String, String)| {
        if key != "view" {
            return Err(bad(format!("there is no `{key}`, only `view`")));
        }
        let (camera, word) = value.rsplit_once(':').unwrap_or((&value, "main"));
        let stream = Stream::from_word(word);
        let stream =
            stream.ok_or_else(|| bad(format!("`{value}`: a stream is `main` or `second`")))?;
        let streams = live.streams(camera).ok_or(Refusal::NoCamera);
        let there =
            streams.and_then(|streams| streams.tap(stream).map(|_| ()).ok_or(Refusal::NoStream));
        there.map_err(|refusal| refused(camera, stream, refusal))?;
        Ok((camera.to_owned(), stream))
    };
    let views = query.into_iter().map(view).collect::<Result<_, _>>()?;
    let kind = HeaderValue::from_static("application/octet-stream");
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, NOT_KEPT)];
    Ok((headers, body(live.many(views))).into_response())
}

/// What the camera sends now, as a live HLS playlist (RFC 8216), for players that have nothing else. It
/// is some seconds behind: `live.mp4` is not.
#[utoipa::path(
    get,
    path = "/api/v1/cameras/{camera}/live.m3u8",
    tag = "video",
    params(("camera" = String, Path, description = "Its name"), Which),
    responses(
        (status = 200, description = "Media segments are named relative to it", body = String,
            content_type = "application/vnd.apple.mpegurl"),
        (status = 404, description = "There is no such camera or stream", body = Problem),
        (status = 503, description = "The camera sends nothing; try again", body = Problem),
    )
)]
async fn live_playlist(
    State(live): State<Live>,
    At(camera): At<String>,
    Asked(which): Asked<Which>,
) -> Result<Response, Problem> {
    let stream = which.stream()?;
    let text = live.playlist(&camera, stream).await;
    let text = text.map_err(|refusal| refused(&camera, stream, refusal))?;
    let kind = HeaderValue::from_static("application/vnd.apple.mpegurl");
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, NOT_KEPT)];
    Ok((headers, text).into_response())
}

/// What such a playlist names.
#[utoipa::path(
    get,
    path = "/api/v1/cameras/{camera}/live/{stream}/{run}/{name}",
    tag = "video",
    params(
        ("camera" = String, Path, description = "Its name"),
        ("stream" = String, Path, description = "As a playlist has it"),
        ("run" = u64, Path, description = "As a playlist has it"),
        ("name" = String, Path, description = "As a playlist has it"),
    ),
    responses(
        (status = 200, description = "An initialization or media segment", body = Vec<u8>,
            content_type = "video/mp4"),
        (status = 404, description = "It is not there (any more)", body = Problem),
    )
)]
async fn live_piece(
    State(live): State<Live>,
    At((camera, stream, run, name)): At<(String, String, u64, String)>,
) -> Result<Response, Problem> {
    let stream = Stream::from_word(&stream);
    let stream = stream.ok_or_else(|| refused(&camera, Stream::Main, Refusal::Gone))?;
    let pieces = match name.as_str() {
        "init.mp4" => live.head(&camera, stream, run).map(|head| vec![head]),
        name => {
            let number = name.strip_suffix(".m4s").and_then(|number| number.parse().ok());
            number.ok_or(Refusal::Gone).and_then(|number| live.segment(&camera, stream, number))
        }
    };
    let pieces = pieces.map_err(|refusal| refused(&camera, stream, refusal))?;
    let length: usize = pieces.iter().map(Bytes::len).sum();
    let kind = HeaderValue::from_static("video/mp4");
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, NOT_KEPT),
        (header::CONTENT_LENGTH, HeaderValue::from(length)),
    ];
    Ok((headers, body(stream::iter(pieces))).into_response())
}
