//! Who calls. Room is shared out by address, or by the network where one subscriber has many addresses.

use axum::http::HeaderMap;
use ipnet::IpNet;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Whom a share belongs to: an IPv4 address, or the /64 that one subscriber gets of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Peer(IpAddr);

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) => Self(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into()),
            v4 => Self(v4),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reverse proxies whose word about who calls is taken.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// Those at these addresses and in these networks.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks.into())
    }

    fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Who calls, when `connected` is at the other end: each proxy has added whom it took the request from at the end, so
    /// the last one that is no proxy of ours counts. What stands before that is the caller's own invention.
    pub(super) fn caller(&self, connected: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut nearest = connected;
        let lines = headers.get_all(FORWARDED_FOR).iter().rev();
        let mut hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(',')).map(str::trim);
        while self.trust(nearest) {
            match hops.next().and_then(address) {
                Some(hop) => nearest = hop,
                None => break,
            }
        }
        nearest
    }
}

/// Some proxies add the port.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.split(']').next()).unwrap_or(hop);
    let with_port = || hop.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip());
    bare.parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(connected: &str, lines: &[&str]) -> String {
        let proxies = TrustedProxies::new(["10.0.0.0/24", "2001:db8::/32"].map(|net| net.parse().unwrap()).to_vec());
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        proxies.caller(connected.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn the_last_hop_that_is_no_proxy_of_ours_counts_and_nobody_elses_word() {
        assert_eq!(caller("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(caller("10.0.0.7", &["1.1.1.1, 198.51.100.1, 10.0.0.8"]), "198.51.100.1");
        assert_eq!(caller("10.0.0.7", &["1.1.1.1", "198.51.100.1:4711", "10.0.0.8"]), "198.51.100.1");
        assert_eq!(caller("::ffff:10.0.0.7", &["[2606:4700::1]:443"]), "2606:4700::1");
        assert_eq!(caller("10.0.0.7", &["198.51.100.1, nonsense"]), "10.0.0.7");
        assert_eq!(caller("10.0.0.7", &[]), "10.0.0.7");
        assert_eq!(caller("10.0.0.7", &["10.0.0.9"]), "10.0.0.9");
    }

    #[test]
    fn a_subscriber_of_ipv6_is_one_peer_and_ipv4_in_disguise_is_ipv4() {
        let peer = |text: &str| Peer::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(peer("2001:db8:1:2::1"), peer("2001:db8:1:2:ffff::9"));
        assert_ne!(peer("2001:db8:1:2::1"), peer("2001:db8:1:3::1"));
        assert_eq!(peer("::ffff:192.0.2.1"), peer("192.0.2.1"));
    }
}
