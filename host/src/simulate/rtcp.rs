//! RTCP of a sender: reports and the goodbye (RFC 3550, sections 6.4.1, 6.5, 6.6).

use super::rtp::Stream;
use crate::base::Timestamp;

/// Seconds from NTP's origin (1900) to the Unix epoch.
const NTP_OFFSET_SECONDS: u64 = 2_208_988_800;

/// The name of the sender, equal for all its streams, so that they can be synchronised.
const CNAME: &[u8; 8] = b"wardline";

/// A sender report that says: media time `ticks` is shown at `wall`.
pub(super) fn report(stream: &Stream, wall: Timestamp, ticks: i64) -> Vec<u8> {
    let micros = wall.micros().unsigned_abs();
    let seconds = (micros / 1_000_000 + NTP_OFFSET_SECONDS) as u32;
    let fraction = (((micros % 1_000_000) << 32) / 1_000_000) as u32;
    let mut packet = vec![0x80, 200, 0, 6];
    let numbers =
        [stream.source, seconds, fraction, stream.timestamp(ticks), stream.packets, stream.octets];
    numbers.iter().for_each(|number| packet.extend(number.to_be_bytes()));
    // One chunk of source description: the source, item 1 (CNAME), its length, text, two zeros.
    packet.extend([0x81, 202, 0, 4]);
    packet.extend(stream.source.to_be_bytes());
    packet.extend([1, CNAME.len() as u8]);
    packet.extend(CNAME);
    packet.extend([0, 0]);
    packet
}

/// A report, as every compound packet has to begin with one, and BYE.
pub(super) fn goodbye(stream: &Stream, wall: Timestamp, ticks: i64) -> Vec<u8> {
    let mut packet = report(stream, wall, ticks);
    packet.extend([0x81, 203, 0, 1]);
    packet.extend(stream.source.to_be_bytes());
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_say_what_follows() {
        let stream = Stream::new(0, 96, &mut fastrand::Rng::with_seed(1));
        let packet = goodbye(&stream, Timestamp::from_millis(1500), 90);
        let (mut rest, mut kinds) = (&packet[..], Vec::new());
        while let &[_, kind, high, low, ..] = rest {
            kinds.push(kind);
            rest = &rest[4 * (1 + usize::from(u16::from_be_bytes([high, low])))..];
        }
        assert_eq!(kinds, [200, 202, 203]);
        assert!(rest.is_empty());
        assert_eq!(packet[8..16], [0x83, 0xaa, 0x7e, 0x81, 0x80, 0, 0, 0]);
    }
}
