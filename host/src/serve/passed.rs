//! Whose request a proxy passes on: limits and the audit trail are to tell people apart behind one, too.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

const HEADER: &str = "x-forwarded-for";

/// Proxies that are believed: `proxies` in `[http]`.
pub(super) struct Proxies(Vec<IpAddr>);

impl Proxies {
    pub(super) fn new(addresses: &[IpAddr]) -> Self {
        Self(addresses.iter().map(IpAddr::to_canonical).collect())
    }

    /// Whether the one at this address speaks for many.
    pub(super) fn contain(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Who asks over a connection from `connected`. Each proxy writes behind the others whom it was asked
    /// by, so that the nearest one that is no proxy of ours is as far as anything is believed: what
    /// stands before it anybody may have written.
    pub(super) fn asker(&self, connected: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut asker = connected;
        let lines = headers.get_all(HEADER).iter().rev();
        let mut named = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        while self.contain(asker) {
            match named.next().and_then(address) {
                Some(before) => asker = before,
                None => break,
            }
        }
        asker
    }
}

/// An address, as proxies write it: with a port, some of them.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    bare.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    #[test]
    fn the_nearest_stranger_asks() {
        let proxies = Proxies::new(&["10.0.0.1".parse().unwrap(), "::1".parse().unwrap()]);
        for (connected, lines, asker) in [
            ("10.0.0.1", &["203.0.113.9"][..], "203.0.113.9"),
            ("::ffff:10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["203.0.113.9:4711"], "203.0.113.9"),
            ("10.0.0.1", &["[2001:db8::9]:4711"], "2001:db8::9"),
            ("10.0.0.1", &["[2001:db8::9]"], "2001:db8::9"),
            ("10.0.0.1", &["::ffff:203.0.113.9"], "203.0.113.9"),
            // Who asks may write what he likes before the proxy does.
            ("10.0.0.1", &["127.0.0.1, 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["127.0.0.1", "203.0.113.9"], "203.0.113.9"),
            ("::1", &["192.0.2.1, 203.0.113.9,10.0.0.1"], "203.0.113.9"),
            // Somebody who is no proxy of ours is who he is.
            ("192.0.2.7", &["203.0.113.9"], "192.0.2.7"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["unknown"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["10.0.0.1"], "10.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(HEADER, line.parse().unwrap());
            }
            let found = proxies.asker(connected.parse().unwrap(), &headers);
            assert_eq!(found, asker.parse::<IpAddr>().unwrap(), "{connected} {lines:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = address(&text);
        }
    }
}
