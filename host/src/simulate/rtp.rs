//! Access units and audio frames to RTP packets (RFC 3550, 6184, 7798, 3640).
//!
//! Packets of one sample are laid into one buffer, each behind the four bytes of RTSP's
//! interleaving, so that TCP sends them with one write and UDP skips four bytes of each.

use bytes::{BufMut, BytesMut};

/// The most payload of one packet: what fits an Ethernet frame with room for tunnels.
const PAYLOAD_BYTES_MAX: usize = 1400;

/// A video stream's dynamic payload type.
pub(super) const VIDEO_PAYLOAD_TYPE: u8 = 96;

/// An audio stream's dynamic payload type.
pub(super) const AUDIO_PAYLOAD_TYPE: u8 = 97;

/// The bytes before each packet: `$`, channel, length.
pub(super) const FRAMING_BYTES: usize = 4;

/// Packets that follow one another in one buffer, each after its framing.
#[derive(Default)]
pub(super) struct Packets {
    pub(super) bytes: BytesMut,
}

impl Packets {
    /// The packets without their framing.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.bytes[..];
        std::iter::from_fn(move || {
            let &[_, _, high, low, ..] = rest else { return None };
            let length = usize::from(u16::from_be_bytes([high, low]));
            let (packet, after) = rest[FRAMING_BYTES..].split_at(length);
            rest = after;
            Some(packet)
        })
    }

    /// Adds a packet of `parts`. A packet never reaches the 64 KiB that its length can say.
    pub(super) fn push(&mut self, channel: u8, parts: &[&[u8]]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        self.bytes.put_u8(b'$');
        self.bytes.put_u8(channel);
        self.bytes.put_u16(u16::try_from(length).expect("a packet fits one Ethernet frame"));
        for part in parts {
            self.bytes.put_slice(part);
        }
    }
}

/// One RTP stream to one client.
pub(super) struct Stream {
    /// The channel of RTSP's interleaving.
    pub(super) channel: u8,
    payload_type: u8,
    /// Identifies the stream.
    pub(super) source: u32,
    /// Of the next packet.
    pub(super) sequence: u16,
    /// What media time 0 is in RTP's wrapping time.
    pub(super) timestamp_base: u32,
    /// Sent so far, wrapping (RFC 3550, section 6.4.1).
    pub(super) packets: u32,
    /// Payload sent so far, wrapping.
    pub(super) octets: u32,
}

impl Stream {
    /// A new stream that begins at random numbers (RFC 3550, section 5.1).
    pub(super) fn new(channel: u8, payload_type: u8, random: &mut fastrand::Rng) -> Self {
        Self {
            channel,
            payload_type,
            source: random.u32(..),
            sequence: random.u16(..),
            timestamp_base: random.u32(..),
            packets: 0,
            octets: 0,
        }
    }

    /// A media time, in ticks of the stream's clock, in RTP's wrapping time.
    pub(super) fn timestamp(&self, ticks: i64) -> u32 {
        // Truncation to 32 bits is what wrapping times are.
        self.timestamp_base.wrapping_add(ticks as u32)
    }

    fn packet(&mut self, packets: &mut Packets, ticks: i64, marker: bool, payload: &[&[u8]]) {
        let mut header = [0_u8; 12];
        header[0] = 0x80;
        header[1] = self.payload_type | u8::from(marker) << 7;
        header[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        header[4..8].copy_from_slice(&self.timestamp(ticks).to_be_bytes());
        header[8..12].copy_from_slice(&self.source.to_be_bytes());
        self.sequence = self.sequence.wrapping_add(1);
        self.packets = self.packets.wrapping_add(1);
        let octets: usize = payload.iter().map(|part| part.len()).sum();
        self.octets = self.octets.wrapping_add(octets as u32);
        let mut parts: [&[u8]; 4] = [&header, &[], &[], &[]];
        parts[1..=payload.len()].copy_from_slice(payload);
        packets.push(self.channel, &parts[..=payload.len()]);
    }

    /// One H.264 access unit: parameter sets go as one STAP-A, large NAL units as FU-A.
    pub(super) fn h264(
        &mut self,
        packets: &mut Packets,
        ticks: i64,
        sets: &[&[u8]],
        nals: &[&[u8]],
    ) {
        let mut aggregate = vec![24 | 0x60];
        for set in sets {
            aggregate.extend(u16::try_from(set.len()).unwrap_or(u16::MAX).to_be_bytes());
            aggregate.extend_from_slice(set);
        }
        if sets.len() > 1 && aggregate.len() <= PAYLOAD_BYTES_MAX {
            self.packet(packets, ticks, false, &[&aggregate]);
        } else {
            sets.iter().for_each(|set| self.h264_nal(packets, ticks, false, set));
        }
        for (index, nal) in nals.iter().enumerate() {
            self.h264_nal(packets, ticks, index + 1 == nals.len(), nal);
        }
    }

    fn h264_nal(&mut self, packets: &mut Packets, ticks: i64, last: bool, nal: &[u8]) {
        if nal.len() <= PAYLOAD_BYTES_MAX {
            return self.packet(packets, ticks, last, &[nal]);
        }
        // RFC 6184, section 5.8: indicator with type 28, then start, end and the true type.
        let indicator = nal[0] & 0xe0 | 28;
        let chunks = nal[1..].chunks(PAYLOAD_BYTES_MAX - 2);
        let count = chunks.len();
        for (index, chunk) in chunks.enumerate() {
            let (first, end) = (index == 0, index + 1 == count);
            let header = u8::from(first) << 7 | u8::from(end) << 6 | nal[0] & 0x1f;
            self.packet(packets, ticks, last && end, &[&[indicator, header], chunk]);
        }
    }

    /// One H.265 access unit, its parameter sets first; large NAL units as FU.
    pub(super) fn h265(
        &mut self,
        packets: &mut Packets,
        ticks: i64,
        sets: &[&[u8]],
        nals: &[&[u8]],
    ) {
        let count = sets.len() + nals.len();
        for (index, nal) in sets.iter().chain(nals).enumerate() {
            self.h265_nal(packets, ticks, index + 1 == count, nal);
        }
    }

    fn h265_nal(&mut self, packets: &mut Packets, ticks: i64, last: bool, nal: &[u8]) {
        let (true, &[high, low, ref body @ ..]) = (nal.len() > PAYLOAD_BYTES_MAX, nal) else {
            return self.packet(packets, ticks, last, &[nal]);
        };
        // RFC 7798, section 4.4.3: the NAL unit's header with type 49, then start, end, true type.
        let kind = high >> 1 & 0x3f;
        let indicator = [high & 0x81 | 49 << 1, low];
        let chunks = body.chunks(PAYLOAD_BYTES_MAX - 3);
        let count = chunks.len();
        for (index, chunk) in chunks.enumerate() {
            let (first, end) = (index == 0, index + 1 == count);
            let header = [u8::from(first) << 7 | u8::from(end) << 6 | kind];
            self.packet(packets, ticks, last && end, &[&indicator, &header, chunk]);
        }
    }

    /// One AAC frame (RFC 3640, mode AAC-hbr): 13 bits of size, 3 of index.
    pub(super) fn aac(&mut self, packets: &mut Packets, ticks: i64, frame: &[u8]) {
        // A frame is at most 6144 bits a channel; what doesn't fit 13 bits is no AAC.
        let Some(size) = u16::try_from(frame.len()).ok().filter(|size| *size < 1 << 13) else {
            return;
        };
        let [high, low] = (size << 3).to_be_bytes();
        let header = [0, 16, high, low];
        let count = frame.len().div_ceil(PAYLOAD_BYTES_MAX - 4);
        // Fragments of a frame carry the size of the whole (section 3.2.3.2).
        for (index, chunk) in frame.chunks(PAYLOAD_BYTES_MAX - 4).enumerate() {
            self.packet(packets, ticks, index + 1 == count, &[&header, chunk]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Stream {
        Stream::new(2, VIDEO_PAYLOAD_TYPE, &mut fastrand::Rng::with_seed(1))
    }

    /// (marker, payload) of each packet.
    fn taken(packets: &Packets) -> Vec<(bool, Vec<u8>)> {
        packets.iter().map(|packet| (packet[1] & 0x80 != 0, packet[12..].to_vec())).collect()
    }

    #[test]
    fn h264_units_come_back_together() {
        let large: Vec<u8> = std::iter::once(0x65).chain((0..4000).map(|n| n as u8)).collect();
        let mut packets = Packets::default();
        stream().h264(&mut packets, 0, &[&[0x67, 1], &[0x68, 2]], &[&[6, 5], &large]);
        let taken = taken(&packets);
        assert_eq!(taken[0].1, [0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 2]);
        assert_eq!(taken[1].1, [6, 5]);
        let mut rebuilt = vec![taken[2].1[0] & 0xe0 | taken[2].1[1] & 0x1f];
        taken[2..].iter().for_each(|(_, payload)| rebuilt.extend_from_slice(&payload[2..]));
        assert_eq!(rebuilt, large);
        let flags: Vec<u8> = taken[2..].iter().map(|(_, payload)| payload[1] >> 6).collect();
        assert_eq!(flags, [2, 0, 1]);
        let markers: Vec<bool> = taken.iter().map(|(marker, _)| *marker).collect();
        assert_eq!(markers, [false, false, false, false, true]);
    }

    #[test]
    fn h265_units_come_back_together() {
        let large: Vec<u8> = [0x26, 1].into_iter().chain((0..3000).map(|n| n as u8)).collect();
        let mut packets = Packets::default();
        stream().h265(&mut packets, 0, &[&[0x40, 1, 9]], &[&large]);
        let taken = taken(&packets);
        assert_eq!(taken[0].1, [0x40, 1, 9]);
        let mut rebuilt = vec![taken[1].1[0] & 0x81 | (taken[1].1[2] & 0x3f) << 1, taken[1].1[1]];
        taken[1..].iter().for_each(|(_, payload)| rebuilt.extend_from_slice(&payload[3..]));
        assert_eq!(rebuilt, large);
        assert!(taken[1..].iter().all(|(_, payload)| payload[0] >> 1 & 0x3f == 49));
    }

    #[test]
    fn numbers_wrap_and_count() {
        let mut stream = stream();
        stream.sequence = u16::MAX;
        stream.timestamp_base = u32::MAX;
        let mut packets = Packets::default();
        stream.aac(&mut packets, 2, &[1, 2, 3]);
        stream.aac(&mut packets, 3, &[4]);
        let all: Vec<&[u8]> = packets.iter().collect();
        assert_eq!(all[0][2..8], [0xff, 0xff, 0, 0, 0, 1]);
        assert_eq!(all[1][2..8], [0, 0, 0, 0, 0, 2]);
        assert_eq!(all[0][12..], [0, 16, 0, 24, 1, 2, 3]);
        assert_eq!((stream.packets, stream.octets), (2, 12));
    }
}
