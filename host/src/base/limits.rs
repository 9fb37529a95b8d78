//! Limits that bound what the outside can make us do, each with its reason.

use std::time::Duration;

/// Compressed packets between ingest and record, per camera. Far above one key frame of a 4K
/// camera at once; what exceeds it means that the recorder is starved.
pub const INGEST_QUEUE_BYTES: usize = 32 << 20;

/// Compressed packets between ingest and decode, per camera: about two seconds of a busy stream.
/// Analysis that lags further is better served by a fresh key frame.
pub const DECODE_QUEUE_BYTES: usize = 4 << 20;

/// The newest group of pictures of a stream, kept for those who begin to look at it: ten seconds of
/// a 4K camera. Of a longer one nothing is kept, and who comes waits for the next key frame.
pub const LIVE_GROUP_BYTES: usize = 16 << 20;

/// Compressed packets between ingest and what multiplies a stream for its viewers: two groups.
pub const LIVE_QUEUE_BYTES: usize = 2 * LIVE_GROUP_BYTES;

/// Pictures that were made for viewers and are kept: a few hundred, or a day's strips of some cameras.
pub const PICTURE_CACHE_BYTES: usize = 64 << 20;

/// Fragments waiting for the disk, per camera: about a minute at 4 Mbit/s.
pub const DISK_QUEUE_BYTES: usize = 32 << 20;

/// Events or messages waiting for a policy or a source.
pub const EVENT_QUEUE: usize = 256;

/// The largest body a hook accepts. A door sensor needs a few hundred bytes.
pub const HOOK_BODY_BYTES: usize = 256 << 10;

/// How long a hook waits for room in its source's queue before it answers 503.
pub const HOOK_WAIT: Duration = Duration::from_secs(1);

/// Everything must have ended so long after SIGINT or SIGTERM.
pub const SHUTDOWN: Duration = Duration::from_secs(3);

/// A first video unit is on its way to the disk at most so long after it arrived.
pub const FRAGMENT_AGE: Duration = Duration::from_millis(800);

/// Audio that belongs to a file is waited for so long after that file's last video unit.
pub const LATE_AUDIO: Duration = Duration::from_millis(500);

/// The deepest reordering of pictures that H.264 and H.265 allow.
pub const REORDER_DEPTH: usize = 16;

/// Events that one plugin instance may have open at a time.
pub const OPEN_EVENTS: usize = 256;

/// An event that has come through more plugins than this is stored and not heard: no honest chain is
/// that long, and a circle ends.
pub const HOPS_MAX: u32 = 8;

/// An event further than this ahead of the camera's media time line is refused.
pub const EVENT_LEAD: Duration = Duration::from_secs(60);

/// A span can be changed until so long after its end.
pub const SPAN_SEAL: Duration = Duration::from_secs(60);

/// The largest access unit or sample that is taken from a file. A key frame of an 8K camera has
/// a few MiB.
pub const UNIT_BYTES: usize = 16 << 20;

/// All index boxes (`moov`, `moof`) of one MP4 file that is played as a camera: about a day.
pub const MP4_INDEX_BYTES: u64 = 128 << 20;
/// The largest picture that is decoded: 8K. Anything larger is a damaged or hostile stream.
pub const PICTURE_PIXELS: u64 = 8192 * 4608;

/// Pictures that one decoder may keep, by what its stream says: 8K with six references fits.
pub const DECODER_BYTES: u64 = 768 << 20;

/// The largest side of a picture that an analyzer may ask for.
pub const ANALYSIS_SIDE: u32 = 8192;
