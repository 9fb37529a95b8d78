//! How packets reach one client: inside its RTSP connection, or as datagrams.

use std::net::{IpAddr, SocketAddr};

use tokio::net::UdpSocket;

use super::message::Request;

/// Pairs of ports tried before a client is told that none is free.
const PORT_PAIRS_TRIED: usize = 32;

/// What a client asked for in SETUP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Inside the connection, on these channels where it named them.
    Interleaved(Option<(u8, u8)>),
    /// To these ports of the client.
    Udp(u16, u16),
}

/// The first transport of a request that can be served (RFC 2326, section 12.39).
pub(super) fn wish(request: &Request) -> Option<Wish> {
    request.header("transport")?.split(',').find_map(|offer| {
        let mut parameters = offer.split(';').map(str::trim);
        let profile = parameters.next()?.to_ascii_uppercase();
        let pair = |name: &str| {
            let value = offer.split(';').find_map(|part| part.trim().strip_prefix(name))?;
            let (first, second) = value.split_once('-').unwrap_or((value, ""));
            let first: u16 = first.parse().ok()?;
            let second =
                if second.is_empty() { first.checked_add(1)? } else { second.parse().ok()? };
            Some((first, second))
        };
        if parameters.any(|part| part.eq_ignore_ascii_case("multicast")) {
            return None;
        }
        match profile.as_str() {
            "RTP/AVP/TCP" => {
                let channels = pair("interleaved=");
                let narrow =
                    |(first, second)| Some((u8::try_from(first).ok()?, u8::try_from(second).ok()?));
                Some(Wish::Interleaved(channels.and_then(narrow)))
            }
            "RTP/AVP" | "RTP/AVP/UDP" => {
                let (rtp, rtcp) = pair("client_port=")?;
                (rtp > 0 && rtcp > 0).then_some(Wish::Udp(rtp, rtcp))
            }
            _ => None,
        }
    })
}

/// Two neighbouring sockets, the first even (RFC 3550, section 11), towards a client's ports.
pub(super) struct UdpPair {
    pub(super) rtp: UdpSocket,
    pub(super) rtcp: UdpSocket,
    /// The port of `rtp`; that of `rtcp` is one more.
    pub(super) port: u16,
}

impl UdpPair {
    /// Opens a pair at `local` towards `remote`.
    pub(super) async fn open(
        local: IpAddr,
        remote: IpAddr,
        ports: (u16, u16),
    ) -> std::io::Result<Self> {
        let mut refused = std::io::Error::other("no two neighbouring UDP ports are free");
        for _ in 0..PORT_PAIRS_TRIED {
            let rtp = UdpSocket::bind(SocketAddr::new(local, 0)).await?;
            let port = rtp.local_addr()?.port();
            let Some(next) = port.checked_add(1).filter(|_| port % 2 == 0) else { continue };
            match UdpSocket::bind(SocketAddr::new(local, next)).await {
                Ok(rtcp) => {
                    rtp.connect(SocketAddr::new(remote, ports.0)).await?;
                    rtcp.connect(SocketAddr::new(remote, ports.1)).await?;
                    return Ok(Self { rtp, rtcp, port });
                }
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::simulate::message::{Message, take};

    fn check(transport: &str, expected: Option<Wish>) {
        let text = format!("SETUP rtsp://h/a RTSP/1.0\r\nTransport: {transport}\r\n\r\n");
        let Ok(Some(Message::Request(request))) = take(&mut BytesMut::from(&text[..])) else {
            panic!("{transport} is no request");
        };
        assert_eq!(wish(&request), expected, "{transport}");
    }

    #[test]
    fn transports() {
        check("RTP/AVP/TCP;unicast;interleaved=2-3", Some(Wish::Interleaved(Some((2, 3)))));
        check("RTP/AVP/TCP;interleaved=300-301", Some(Wish::Interleaved(None)));
        check("RTP/AVP/TCP", Some(Wish::Interleaved(None)));
        check("RTP/AVP;unicast;client_port=5000-5001", Some(Wish::Udp(5000, 5001)));
        check("RTP/AVP/UDP;unicast;client_port=5000", Some(Wish::Udp(5000, 5001)));
        check("RTP/AVP;multicast, RTP/AVP/TCP", Some(Wish::Interleaved(None)));
        check("RTP/AVP;unicast", None);
        check("RTP/AVP;client_port=65535", None);
        check("RTP/AVP;client_port=0-1", None);
        check("RAW/RAW/UDP", None);
    }
}
