//! Several streams over one answer: a browser opens few connections to a host, and a grid of cameras
//! would take them all.
//!
//! A record is `u8 view, u8 kind, u32 length (big endian), payload`. Each view is a viewer of its own:
//! one that can't be shown for a while says why, and goes on by itself.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures::stream::{self, StreamExt};
use serde_json::json;

use super::{Live, Refusal, Stream, Viewer};
use crate::base::Timestamp;

/// Streams of one answer.
pub const VIEWS_MAX: usize = 64;

/// After a refusal that came at once, before the stream is asked for again.
const PAUSE: Duration = Duration::from_secs(5);

/// A `start` that differs less from the one that was said is not said again, in microseconds.
const DRIFT: i64 = 1000;

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A run begins: JSON with `codecs`, `start` (UTC of presentation time 0) and `stream`. Said again
    /// where it is not over: it goes on, and `start` is another from here on.
    Begin = 0,
    /// Bytes of it: its head first, then whole pieces.
    Bytes = 1,
    /// It is over, or there is none yet: JSON with the `reason`.
    Over = 2,
}

/// One stream of the answer.
struct View {
    number: u8,
    live: Live,
    camera: String,
    stream: Stream,
    stage: Stage,
}

enum Stage {
    /// Nothing is shown.
    Asking,
    /// A refusal was told: not at once again.
    Refused,
    /// A run was announced.
    Begun(Viewer),
    /// The head of the run was given; with the `start` that was said last.
    Playing(Viewer, Timestamp),
}

impl Live {
    /// All records of these views, of which there are at most [`VIEWS_MAX`], as they come. Never ends
    /// by itself. Parts of a record follow one another.
    pub fn many(&self, views: Vec<(String, Stream)>) -> impl stream::Stream<Item = Bytes> + use<> {
        let live = self.clone();
        let view = move |(number, (camera, stream))| {
            let (live, stage) = (live.clone(), Stage::Asking);
            let view = View { number, live, camera, stream, stage };
            stream::unfold(view, View::next).boxed()
        };
        stream::select_all((0..=u8::MAX).zip(views).map(view)).flat_map(stream::iter)
    }
}

impl View {
    async fn next(mut self) -> Option<(Vec<Bytes>, Self)> {
        let mut records = Vec::with_capacity(2);
        let (kind, payload) = match std::mem::replace(&mut self.stage, Stage::Asking) {
            stage @ (Stage::Asking | Stage::Refused) => {
                if matches!(stage, Stage::Refused) {
                    tokio::time::sleep(PAUSE).await;
                }
                match self.live.watch(&self.camera, self.stream).await {
                    Ok(viewer) => {
                        let begin = self.begin(&viewer);
                        self.stage = Stage::Begun(viewer);
                        begin
                    }
                    Err(refusal) => {
                        let waited = refusal == Refusal::NothingComes;
                        self.stage = if waited { Stage::Asking } else { Stage::Refused };
                        let reason = match refusal {
                            Refusal::NothingComes => "the camera sends no video",
                            Refusal::NoCamera => "there is no such camera now",
                            Refusal::NoStream | Refusal::Gone => "there is no such stream",
                        };
                        over(reason)
                    }
                }
            }
            Stage::Begun(viewer) => {
                let (head, start) = (viewer.head().data.clone(), viewer.zero());
                self.stage = Stage::Playing(viewer, start);
                (Kind::Bytes, head)
            }
            Stage::Playing(mut viewer, mut start) => match viewer.next().await {
                Some(piece) => {
                    if viewer.zero().micros_since(start).abs() >= DRIFT {
                        start = viewer.zero();
                        let (kind, payload) = self.begin(&viewer);
                        records.extend(record(self.number, kind, payload));
                    }
                    self.stage = Stage::Playing(viewer, start);
                    (Kind::Bytes, piece)
                }
                None => over("the stream was interrupted"),
            },
        };
        records.extend(record(self.number, kind, payload));
        Some((records, self))
    }

    fn begin(&self, viewer: &Viewer) -> (Kind, Bytes) {
        let (codecs, start) = (viewer.head().codecs(), viewer.zero());
        let begin = json!({"codecs": codecs, "start": start, "stream": self.stream.as_str()});
        (Kind::Begin, begin.to_string().into())
    }
}

fn over(reason: &str) -> (Kind, Bytes) {
    (Kind::Over, json!({"reason": reason}).to_string().into())
}

/// Its head, and its payload, which is not copied.
fn record(view: u8, kind: Kind, payload: Bytes) -> [Bytes; 2] {
    let mut head = BytesMut::with_capacity(6);
    head.put_u8(view);
    head.put_u8(kind as u8);
    head.put_u32(u32::try_from(payload.len()).expect("a fragment is far below 2 GiB"));
    [head.freeze(), payload]
}
