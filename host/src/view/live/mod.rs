//! Live view: what a camera sends, as it comes, for any number of viewers.
//!
//! ```text
//! ingest --tap--> channel (muxes once) --pieces--> run --Bytes, shared--> viewer, viewer, ...
//!                                               \-> shelf --> playlist and segments (HLS)
//! ```
//!
//! [`Live`] knows the taps of all cameras. A stream that somebody looks at has a `channel`, a
//! task that is there for as long as somebody looks; nothing is done for the others. Does not depend
//! on what is recorded. Knows no HTTP.

mod channel;
mod run;
mod many;
mod shelf;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use self::channel::Channel;
pub use self::many::VIEWS_MAX;
pub use self::run::Viewer;
use crate::base::metrics::Metrics;
use crate::base::tasks::Tasks;
use crate::ingest::VideoUnit;
use crate::ingest::tap::Tap;

/// How long a viewer waits for a stream that does not come: to connect, and for a key frame.
const START: Duration = Duration::from_secs(8);

/// Segments that one channel may number: years of them.
const NUMBERS: u64 = 1 << 32;

/// Which of a camera's streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// The one that is recorded.
    #[default]
    Main,
    /// The smaller one that is analysed, where the camera has one.
    Second,
}

impl Stream {
    /// The word for it in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Second => "second",
        }
    }

    /// What that word means.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Main, Self::Second].into_iter().find(|stream| stream.as_str() == word)
    }
}

/// The streams of one camera.
#[derive(Clone)]
pub struct Streams {
    /// The one that is recorded.
    pub main: Tap,
    /// The smaller one, where the camera has one.
    pub second: Option<Tap>,
}

impl Streams {
    /// The tap of one of them, where the camera has it.
    pub fn tap(&self, stream: Stream) -> Option<&Tap> {
        match stream {
            Stream::Main => Some(&self.main),
            Stream::Second => self.second.as_ref(),
        }
    }
}

/// Why there is nothing to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such camera now.
    NoCamera,
    /// The camera has no such stream.
    NoStream,
    /// There is no such part of the stream any more.
    Gone,
    /// The camera sends no key frame; try again.
    NothingComes,
}

/// The live view of all cameras. Clones share it.
#[derive(Clone)]
pub struct Live {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    metrics: Metrics,
    tasks: Tasks,
    /// Never held across an await.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    cameras: BTreeMap<String, Streams>,
    /// Of the streams that somebody looks at.
    channels: BTreeMap<(String, Stream), Arc<Channel>>,
    /// How many there were so far.
    begun: u64,
}

impl Live {
    /// No camera yet. Its work runs as tasks among `tasks`, and ends with them.
    pub fn new(metrics: &Metrics, tasks: &Tasks) -> Self {
        let (metrics, tasks) = (metrics.clone(), tasks.clone());
        Self { shared: Arc::new(Shared { metrics, tasks, state: Mutex::default() }) }
    }

    /// A camera has come, or come anew: who looked at it before asks again.
    pub fn add(&self, camera: &str, streams: Streams) {
        self.remove(camera);
        self.shared.with(|state| state.cameras.insert(camera.to_owned(), streams));
    }

    /// A camera has gone.
    pub fn remove(&self, camera: &str) {
        self.shared.with(|state| {
            state.cameras.remove(camera);
            state.channels.retain(|(of, _), channel| {
                if of == camera {
                    channel.stop();
                }
                of != camera
            });
        });
    }

    /// A viewer of a stream, from its newest key frame on.
    ///
    /// # Errors
    /// There is no such stream, or nothing comes of it for some seconds.
    pub async fn watch(&self, camera: &str, stream: Stream) -> Result<Viewer, Refusal> {
        let channel = self.channel(camera, stream)?;
        in_time(Instant::now() + START, channel.viewer()).await
    }

    /// The playlist of a stream for players that want HLS; see `shelf.rs`.
    ///
    /// # Errors
    /// There is no such stream, or nothing comes of it for some seconds.
    pub async fn playlist(&self, camera: &str, stream: Stream) -> Result<String, Refusal> {
        let channel = self.channel(camera, stream)?;
        in_time(Instant::now() + START, channel.playlist(stream)).await
    }

    /// The head of a run that a playlist names.
    ///
    /// # Errors
    /// There is no such stream, or that run is over.
    pub fn head(&self, camera: &str, stream: Stream, run: u64) -> Result<Bytes, Refusal> {
        self.known(camera, stream)?.head(run).ok_or(Refusal::Gone)
    }

    /// The pieces of a segment that a playlist names.
    ///
    /// # Errors
    /// There is no such stream, or the segment is gone.
    pub fn segment(
        &self,
        camera: &str,
        stream: Stream,
        number: u64,
    ) -> Result<Vec<Bytes>, Refusal> {
        self.known(camera, stream)?.segment(number).ok_or(Refusal::Gone)
    }

    /// The streams of a camera, where it is here.
    pub fn streams(&self, camera: &str) -> Option<Streams> {
        self.shared.with(|state| state.cameras.get(camera).cloned())
    }

    /// The newest key frame of a camera's main stream, recorded or not.
    pub fn newest_key(&self, camera: &str) -> Option<VideoUnit> {
        self.streams(camera)?.main.newest_key()
    }

    /// The channel of a stream, which is begun where nobody looks yet.
    fn channel(&self, camera: &str, stream: Stream) -> Result<Arc<Channel>, Refusal> {
        self.shared.with(|state| {
            let streams = state.cameras.get(camera).ok_or(Refusal::NoCamera)?;
            let tap = streams.tap(stream).ok_or(Refusal::NoStream)?;
            let key = (camera.to_owned(), stream);
            if let Some(channel) = state.channels.get(&key) {
                channel.touch();
                return Ok(channel.clone());
            }
            let stop = self.shared.tasks.shutdown().child_token();
            let first = state.begun * NUMBERS;
            state.begun += 1;
            let channel = Arc::new(Channel::new(camera, &self.shared.metrics, first, stop));
            state.channels.insert(key.clone(), channel.clone());
            let task = format!("live view of {camera}, {}", stream.as_str());
            let work = channel::run(channel.clone(), tap.clone(), self.shared.clone(), key);
            self.shared.tasks.spawn(task, work);
            Ok(channel)
        })
    }

    fn known(&self, camera: &str, stream: Stream) -> Result<Arc<Channel>, Refusal> {
        let channel = self.shared.with(|state| {
            if !state.cameras.contains_key(camera) {
                return Err(Refusal::NoCamera);
            }
            state.channels.get(&(camera.to_owned(), stream)).cloned().ok_or(Refusal::Gone)
        })?;
        channel.touch();
        Ok(channel)
    }
}

impl Shared {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().expect("no panic under this lock"))
    }

    /// Forgets a channel that nobody has looked at for long enough; says whether it is so. Nobody can
    /// come in between.
    fn forget_idle(&self, key: &(String, Stream), channel: &Arc<Channel>) -> bool {
        self.with(|state| {
            let idle = channel.is_idle();
            if idle && state.channels.get(key).is_some_and(|known| Arc::ptr_eq(known, channel)) {
                state.channels.remove(key);
            }
            idle
        })
    }
}

async fn in_time<T>(
    deadline: Instant,
    answer: impl Future<Output = Option<T>>,
) -> Result<T, Refusal> {
    let answer = tokio::time::timeout_at(deadline, answer).await;
    answer.ok().flatten().ok_or(Refusal::NothingComes)
}
