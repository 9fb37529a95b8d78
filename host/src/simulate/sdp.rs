//! The description of a path's media (RFC 8866; parameters of RFC 6184, 7798 and 3640).

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::media::{Format, Media, Track};
use super::rtp::{AUDIO_PAYLOAD_TYPE, VIDEO_PAYLOAD_TYPE};

/// The name that a track's control URL ends with.
pub(super) fn control(track: usize) -> String {
    format!("trackID={track}")
}

/// The answer to DESCRIBE.
pub(super) fn describe(name: &str, media: &Media) -> String {
    let mut text = format!(
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns={name}\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n\
         a=control:*\r\na=range:npt=0-\r\n"
    );
    for (index, track) in media.tracks.iter().enumerate() {
        describe_track(&mut text, track);
        let _ = write!(text, "a=control:{}\r\n", control(index));
    }
    text
}

fn describe_track(text: &mut String, track: &Track) {
    let (video, audio, rate) = (VIDEO_PAYLOAD_TYPE, AUDIO_PAYLOAD_TYPE, track.clock_rate);
    let _ = match &track.format {
        Format::H264(sets) => {
            let coded: Vec<String> = sets.iter().map(|set| STANDARD.encode(set)).collect();
            let level = sets.first().and_then(|sps| sps.get(1..4)).map(hex).unwrap_or_default();
            write!(
                text,
                "m=video 0 RTP/AVP {video}\r\na=rtpmap:{video} H264/{rate}\r\n\
                 a=fmtp:{video} packetization-mode=1;profile-level-id={level};\
                 sprop-parameter-sets={}\r\n",
                coded.join(",")
            )
        }
        Format::H265(sets) => {
            let of = |kind: u8| -> String {
                let wanted = sets.iter().filter(|set| set.first().is_some_and(|b| b >> 1 == kind));
                wanted.map(|set| STANDARD.encode(set)).collect::<Vec<_>>().join(",")
            };
            write!(
                text,
                "m=video 0 RTP/AVP {video}\r\na=rtpmap:{video} H265/{rate}\r\n\
                 a=fmtp:{video} sprop-vps={};sprop-sps={};sprop-pps={}\r\n",
                of(32),
                of(33),
                of(34)
            )
        }
        Format::Aac(config, channels) => write!(
            text,
            "m=audio 0 RTP/AVP {audio}\r\na=rtpmap:{audio} MPEG4-GENERIC/{rate}/{channels}\r\n\
             a=fmtp:{audio} streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;\
             indexlength=3;indexdeltalength=3;config={}\r\n",
            hex(config)
        ),
    };
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn says_what_a_decoder_needs() {
        let track = |format, clock_rate| Track { format, clock_rate, samples: Vec::new() };
        let sets = vec![Bytes::from_static(&[0x67, 0x4d, 0x40, 0x1f]), Bytes::from_static(&[0x68])];
        let text = describe(
            "gate",
            &Media::of(vec![
                track(Format::H264(sets), 90_000),
                track(Format::Aac(Bytes::from_static(&[0x11, 0x90]), 2), 48_000),
            ]),
        );
        for line in [
            "s=gate\r\n",
            "profile-level-id=4d401f;sprop-parameter-sets=Z01AHw==,aA==\r\n",
            "a=rtpmap:97 MPEG4-GENERIC/48000/2\r\n",
            "config=1190\r\na=control:trackID=1\r\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
