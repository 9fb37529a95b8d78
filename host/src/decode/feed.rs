//! One camera's units become its pictures: what to decode, when to give up, where to resume.
//!
//! Takes units in decoding order, gives pictures in presentation order with what the coded stream
//! knows of them. Decides nothing about analyzers.

use std::sync::Arc;

use super::picture::Picture;
use super::thrift::{Pace, Thrift};
use super::timeline::Timeline;
use super::{DecodeError, Decoded, Decoder, EncodedUnit, open};
use crate::ingest::packet::{Access, VideoParameters, VideoUnit};

type Open = fn(&VideoParameters) -> Result<Box<dyn Decoder>, DecodeError>;

/// Decoders that gave up one after the other without a picture between, before the stream counts
/// as unsupported.
const BARREN_MAX: u32 = 3;

/// Decodes one camera's stream.
///
/// - Begins at a key frame. Leading pictures of an open one, which refer to what came before it,
///   are left out.
/// - After an error, or where packets were lost, the decoder is dropped and the next key frame
///   begins anew; the picture that follows has `gap` set.
/// - A stream whose parameters can't be decoded is reported once and then ignored until they
///   change. One that turns out so later is reported once until a picture comes of it.
pub struct Feed {
    open: Open,
    thrift: Thrift,
    decoder: Option<Box<dyn Decoder>>,
    /// The stream in hand: its parameters and session. Another one begins anew.
    stream: Option<(Arc<VideoParameters>, u64)>,
    unsupported: bool,
    barren: u32,
    /// What comes before this in time is not decoded.
    leading_until: Option<i64>,
    timeline: Timeline,
    /// The next picture does not continue the last one.
    broken: bool,
    decoded: Vec<Decoded>,
}

impl Feed {
    /// For a camera whose pictures are wanted at this pace.
    pub fn new(pace: Pace) -> Self {
        Self::with(pace, open)
    }

    fn with(pace: Pace, open: Open) -> Self {
        Self {
            open,
            thrift: Thrift::new(pace),
            decoder: None,
            stream: None,
            unsupported: false,
            barren: 0,
            leading_until: None,
            timeline: Timeline::default(),
            broken: false,
            decoded: Vec::new(),
        }
    }

    /// Changes the pace. A faster one may have to wait for the next key frame.
    pub fn set_pace(&mut self, pace: Pace) {
        self.thrift.set_pace(pace);
    }

    /// The stream is interrupted: gives the pictures held back and begins anew at a key frame.
    pub fn interrupt(&mut self, pictures: &mut Vec<Picture>) {
        if let Some(mut decoder) = self.decoder.take() {
            decoder.flush(&mut self.decoded);
            self.give(pictures);
        }
        self.restart();
    }

    /// Takes the next unit and appends the pictures that are now ready: none, one, or several.
    ///
    /// An error costs pictures until the next key frame, and is to be counted; after
    /// [`DecodeError::Unsupported`] more such errors are not told. The feed can be used on.
    pub fn push(
        &mut self,
        unit: &VideoUnit,
        pictures: &mut Vec<Picture>,
    ) -> Result<(), DecodeError> {
        if !self.stream.as_ref().is_some_and(|(parameters, session)| {
            *session == unit.session
                && (Arc::ptr_eq(parameters, &unit.parameters) || *parameters == unit.parameters)
        }) {
            if self.stream.is_some() {
                self.interrupt(pictures);
            }
            self.stream = Some((unit.parameters.clone(), unit.session));
            self.unsupported = false;
            self.barren = 0;
        }
        if unit.damaged && self.decoder.is_some() {
            self.interrupt(pictures);
        }
        self.timeline.see(unit);
        if self.unsupported || !self.wants(unit) {
            return Ok(());
        }
        let mut decoder = match self.decoder.take() {
            Some(decoder) => decoder,
            None => self.begin(unit)?,
        };
        let encoded = EncodedUnit { data: &unit.data, pts: unit.pts, access: unit.access };
        let result = decoder.decode(encoded, &mut self.decoded);
        if result.is_ok() && self.thrift.is_keys_only() {
            // The next one may be many seconds away, and nothing is shown before this one.
            decoder.flush(&mut self.decoded);
        }
        self.give(pictures);
        if let Err(error) = result {
            self.restart();
            return self.judge(error);
        }
        self.decoder = Some(decoder);
        Ok(())
    }

    fn wants(&mut self, unit: &VideoUnit) -> bool {
        if self.decoder.is_none() && !unit.access.is_key() {
            return false;
        }
        if let Some(key) = self.leading_until
            && unit.pts < key
            && !unit.access.is_key()
        {
            return false;
        }
        self.thrift.wants(unit.pts, unit.access)
    }

    fn begin(&mut self, unit: &VideoUnit) -> Result<Box<dyn Decoder>, DecodeError> {
        self.leading_until = (unit.access == Access::OpenKey).then_some(unit.pts);
        (self.open)(&unit.parameters).inspect_err(|_| {
            self.unsupported = true;
            self.restart();
        })
    }

    fn give(&mut self, pictures: &mut Vec<Picture>) {
        for decoded in self.decoded.drain(..) {
            let Some(shown) = self.timeline.show(decoded.pts) else { continue };
            self.barren = 0;
            pictures.push(Picture {
                sequence: shown.sequence,
                pts: decoded.pts,
                time: shown.time,
                key: shown.key,
                gap: std::mem::take(&mut self.broken),
                image: decoded.image,
            });
        }
    }

    fn restart(&mut self) {
        self.decoder = None;
        self.leading_until = None;
        self.thrift.restart();
        self.timeline.interrupt();
        self.broken = true;
    }

    /// In the midst of a stream a decoder can't tell what it does not support from damage, but
    /// damage passes.
    fn judge(&mut self, error: DecodeError) -> Result<(), DecodeError> {
        self.barren = self.barren.saturating_add(1);
        match error {
            DecodeError::Unsupported(what) if self.barren < BARREN_MAX => {
                Err(DecodeError::Damaged(what))
            }
            DecodeError::Unsupported(_) if self.barren > BARREN_MAX => Ok(()),
            other => Err(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::{Colour, Image};
    use super::*;
    use crate::base::Timestamp;
    use crate::ingest::packet::Codec;

    /// Echoes units; `d` is damaged, `u` unsupported, and so is a stream of zero width at once.
    struct Fake(Vec<Decoded>);

    impl Decoder for Fake {
        fn decode(
            &mut self,
            unit: EncodedUnit<'_>,
            pictures: &mut Vec<Decoded>,
        ) -> Result<(), DecodeError> {
            match unit.data {
                b"d" => return Err(DecodeError::Damaged("as told".into())),
                b"u" => return Err(DecodeError::Unsupported("as told".into())),
                _ => {}
            }
            let colour = Colour::from_stream(None, false, 2);
            let image =
                Image { width: 2, height: 2, colour, y: vec![0; 4], u: vec![0], v: vec![0] };
            // Holds one picture back, as a decoder does that reorders.
            self.0.push(Decoded { pts: unit.pts, image: Arc::new(image) });
            if self.0.len() > 1 {
                pictures.push(self.0.remove(0));
            }
            Ok(())
        }

        fn flush(&mut self, pictures: &mut Vec<Decoded>) {
            pictures.append(&mut self.0);
        }
    }

    fn fake(parameters: &VideoParameters) -> Result<Box<dyn Decoder>, DecodeError> {
        if parameters.width == 0 {
            return Err(DecodeError::Unsupported("as told".into()));
        }
        Ok(Box::new(Fake(Vec::new())))
    }

    fn unit(pts: i64, session: u64, kind: &str) -> VideoUnit {
        let parameters = VideoParameters {
            codec: Codec::H264,
            width: if session == 99 { 0 } else { 2 },
            height: 2,
            rfc6381: String::new(),
            sample_entry: Bytes::new(),
            decoder_config: Bytes::new(),
        };
        VideoUnit {
            parameters: Arc::new(parameters),
            session,
            epoch: 0,
            pts,
            time: Timestamp::from_micros(pts * 100),
            arrived: tokio::time::Instant::now(),
            access: match kind {
                "K" => Access::Key,
                "O" => Access::OpenKey,
                "b" => Access::Disposable,
                _ => Access::Reference,
            },
            damaged: kind == "x",
            data: Bytes::copy_from_slice(kind.as_bytes()),
        }
    }

    /// Pushes `pts session kind` and gives `sequence@pts`, `!` for a gap, `E` for errors.
    fn run(pace: Pace, units: &[(i64, u64, &str)]) -> String {
        let mut feed = Feed::with(pace, fake);
        let mut said = Vec::new();
        for (pts, session, kind) in units {
            let mut pictures = Vec::new();
            let result = feed.push(&unit(*pts, *session, kind), &mut pictures);
            said.extend(pictures.iter().map(show));
            match result {
                Ok(()) => {}
                Err(DecodeError::Damaged(_)) => said.push("damaged".into()),
                Err(DecodeError::Unsupported(_)) => said.push("unsupported".into()),
            }
        }
        let mut pictures = Vec::new();
        feed.interrupt(&mut pictures);
        said.extend(pictures.iter().map(show));
        said.join(" ")
    }

    fn show(picture: &Picture) -> String {
        assert_eq!(picture.time, Timestamp::from_micros(picture.pts * 100));
        let gap = if picture.gap { "!" } else { "" };
        format!("{}@{}{gap}", picture.sequence, picture.pts)
    }

    /// Four key frames, each with a unit that is unsupported, and a fifth that is fine.
    const NO_PICTURE: [(i64, u64, &str); 10] = [
        (1, 0, "K"),
        (2, 0, "u"),
        (3, 0, "K"),
        (4, 0, "u"),
        (5, 0, "K"),
        (6, 0, "u"),
        (7, 0, "K"),
        (8, 0, "u"),
        (9, 0, "K"),
        (10, 0, "P"),
    ];

    #[test]
    fn pictures_and_their_numbers() {
        for (what, pace, units, expected) in [
            (
                "begins at a key frame",
                Pace::Every,
                &[(1, 0, "P"), (2, 0, "K"), (3, 0, "P"), (4, 0, "P")][..],
                "1@2 2@3 3@4",
            ),
            (
                "key frames are given at once, all pictures are counted",
                Pace::KeyFrames,
                &[(1, 0, "K"), (2, 0, "P"), (3, 0, "K"), (4, 0, "P")],
                "0@1 2@3",
            ),
            (
                "an error costs what is left of the group",
                Pace::Every,
                &[(1, 0, "K"), (2, 0, "P"), (3, 0, "d"), (4, 0, "P"), (5, 0, "K"), (6, 0, "P")],
                "0@1 damaged 4@5! 5@6",
            ),
            (
                "and so do lost packets",
                Pace::Every,
                &[(1, 0, "K"), (2, 0, "P"), (3, 0, "x"), (4, 0, "P"), (5, 0, "K")],
                "0@1 1@2 4@5!",
            ),
            (
                "a session begins anew, its times too",
                Pace::Every,
                &[(8, 0, "K"), (9, 0, "P"), (1, 1, "K"), (2, 1, "P")],
                "0@8 1@9 2@1! 3@2",
            ),
            (
                "leading pictures of the first key frame only",
                Pace::Every,
                &[(3, 0, "O"), (1, 0, "b"), (2, 0, "b"), (4, 0, "P"), (7, 0, "O"), (8, 0, "P")],
                "2@3 3@4 4@7 5@8",
            ),
            (
                "unsupported from the start is said once a stream",
                Pace::Every,
                &[(1, 99, "K"), (2, 99, "K"), (3, 1, "K"), (4, 99, "K")],
                "unsupported 2@3! unsupported",
            ),
            (
                "unsupported after pictures is damage at first",
                Pace::Every,
                &[(1, 0, "K"), (2, 0, "u"), (3, 0, "K"), (4, 0, "P"), (5, 0, "P")],
                "damaged 2@3! 3@4 4@5",
            ),
            (
                "and unsupported when no picture ever comes",
                Pace::Every,
                &NO_PICTURE,
                "damaged damaged unsupported 8@9! 9@10",
            ),
        ] {
            assert_eq!(run(pace, units), expected, "{what}");
        }
    }
}
