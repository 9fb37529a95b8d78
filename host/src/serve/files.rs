//! Whole files, sent in parts where parts are asked for (RFC 9110).

use std::ops::Range;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::problem::problem;
use super::ranges::{Extent, extent, is_known};

/// What of a file a client wants.
pub(super) struct Part {
    tag: String,
    length: u64,
    /// `None`: nothing, it has the file.
    extent: Option<Extent>,
}

/// What a request wants of a file of `length` bytes with this strong tag.
pub(super) fn part(headers: &HeaderMap, tag: &str, length: u64) -> Part {
    let extent = (!is_known(headers, tag)).then(|| extent(headers, tag, length));
    Part { tag: tag.to_owned(), length, extent }
}

impl Part {
    /// The answer: MP4, with these headers beside its own, of the bytes that `body` sends.
    pub(super) fn answer(
        self,
        mut headers: HeaderMap,
        body: impl FnOnce(Range<u64>) -> Body,
    ) -> Response {
        let Self { tag, length, extent } = self;
        put(&mut headers, header::ETAG, &tag);
        put(&mut headers, header::ACCEPT_RANGES, "bytes");
        let Some(extent) = extent else {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        };
        if let Some(range) = extent.content_range(length) {
            put(&mut headers, header::CONTENT_RANGE, &range);
        }
        if extent == Extent::Beyond {
            let why = format!("the file has {length} bytes");
            return (headers, problem(StatusCode::RANGE_NOT_SATISFIABLE, why)).into_response();
        }
        let bytes = extent.bytes(length);
        put(&mut headers, header::CONTENT_TYPE, "video/mp4");
        put(&mut headers, header::CONTENT_LENGTH, &(bytes.end - bytes.start).to_string());
        (extent.status(), headers, body(bytes)).into_response()
    }
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    let value = HeaderValue::from_str(value).expect("digits and words");
    headers.insert(name, value);
}
