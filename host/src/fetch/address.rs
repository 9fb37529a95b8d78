//! Which addresses a name may stand for.
//!
//! A grant names a host, and whoever answers for that name in DNS could let it stand for a machine
//! behind the operator's firewall. So:
//!
//! - An address in a URL (`http://10.0.0.7:8123`) is what the operator wrote: it is reached.
//! - `localhost` is this machine.
//! - A name of the local network (without a dot, or below one of [`LOCAL`]) is any address but this
//!   machine's own and link-local ones, behind which clouds keep their secrets.
//! - Any other name is a public address, or none.
//!
//! The addresses that were looked at are the ones that are connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// What names of local networks end with.
const LOCAL: [&str; 6] = [".local", ".lan", ".home", ".home.arpa", ".internal", ".localdomain"];

/// Looks names up, and leaves out what they may not stand for.
#[derive(Debug)]
pub(super) struct Guarded;

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        keep(uri, &found)
    }
}

/// Of the addresses that were found for `uri`, those that it may stand for: at least one.
pub(super) fn keep(
    uri: &Uri,
    found: &ResolvedSocketAddrs,
) -> Result<ResolvedSocketAddrs, ureq::Error> {
    let host = uri.host().unwrap_or_default();
    let mut kept = Guarded.empty();
    for address in found.iter().filter(|address| may_be(host, address.ip())) {
        kept.push(*address);
    }
    if kept.is_empty() {
        let why = format!("`{host}` stands for an address that its grant does not reach");
        return Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, why).into());
    }
    Ok(kept)
}

/// Whether `host`, as it stands in a URL, may be at `ip`.
fn may_be(host: &str, ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(literal) = bare.parse::<IpAddr>() {
        return literal.to_canonical() == ip;
    }
    if host == "localhost" || host.ends_with(".localhost") {
        return ip.is_loopback();
    }
    if !host.contains('.') || LOCAL.iter().any(|end| host.ends_with(end)) {
        return is_private(ip) || is_public(ip);
    }
    is_public(ip)
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private(),
        IpAddr::V6(ip) => ip.is_unique_local(),
    }
}

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

/// None of the special-purpose addresses (IANA registry, RFC 6890).
fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 168, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (198, 18..=19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !special
}

/// Global unicast, without what is for documents, and without tunnels that lead to any IPv4 address.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [first, second, ..] = ip.segments();
    let nat64 = [0x64, 0xff9b, 0, 0, 0, 0];
    if ip.segments()[..6] == nat64 {
        let [.., a, b, c, d] = ip.octets();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    let special = match first {
        // 2001::/23 holds Teredo and others; 2001:db8::/32 is for documents.
        0x2001 => second < 0x200 || second == 0xdb8,
        // 6to4.
        0x2002 => true,
        0x3fff => second < 0x1000,
        _ => false,
    };
    first & 0xe000 == 0x2000 && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_what_they_may() {
        for (host, ip, may) in [
            ("a.example.com", "93.184.216.34", true),
            ("a.example.com", "2606:2800:220:1::1", true),
            ("a.example.com", "10.0.0.7", false),
            ("a.example.com", "192.168.1.1", false),
            ("a.example.com", "172.31.0.1", false),
            ("a.example.com", "172.32.0.1", true),
            ("a.example.com", "100.64.0.1", false),
            ("a.example.com", "127.0.0.1", false),
            ("a.example.com", "0.0.0.0", false),
            ("a.example.com", "169.254.169.254", false),
            ("a.example.com", "224.0.0.1", false),
            ("a.example.com", "255.255.255.255", false),
            ("a.example.com", "::1", false),
            ("a.example.com", "::", false),
            ("a.example.com", "::ffff:10.0.0.7", false),
            ("a.example.com", "::ffff:93.184.216.34", true),
            ("a.example.com", "64:ff9b::a00:7", false),
            ("a.example.com", "64:ff9b::5db8:d822", true),
            ("a.example.com", "2002:a00:7::1", false),
            ("a.example.com", "2001:0:a00:7::1", false),
            ("a.example.com", "2001:4860:4860::8888", true),
            ("a.example.com", "fd00::1", false),
            ("a.example.com", "fe80::1", false),
            ("nas", "192.168.1.5", true),
            ("ha.local", "10.0.0.7", true),
            ("ha.home.arpa", "fd00::7", true),
            ("ha.local", "127.0.0.1", false),
            ("ha.local", "169.254.169.254", false),
            ("metadata.google.internal", "169.254.169.254", false),
            ("evil-local", "127.0.0.1", false),
            ("localhost", "127.0.0.1", true),
            ("localhost", "::1", true),
            ("localhost", "10.0.0.7", false),
            ("localhost.example.com", "127.0.0.1", false),
            ("10.0.0.7", "10.0.0.7", true),
            ("10.0.0.7", "10.0.0.8", false),
            ("[fd00::1]", "fd00::1", true),
            ("127.0.0.1", "127.0.0.1", true),
        ] {
            assert_eq!(may_be(host, ip.parse().unwrap()), may, "{host} at {ip}");
        }
    }
}
