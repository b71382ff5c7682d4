//! Where the names lead that answers give. Whoever can bend a name's address as well could send us into the network that
//! we stand in; so such a name must lead out of it. A host that is configured may be private, and so may a proxy.

use super::proxy::Proxies;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// Asks the system, and lets a private address pass only for names that somebody configured.
pub(super) struct Outward {
    configured: Arc<BTreeSet<String>>,
}

/// What was found is not called.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}, which an answer names, leads to an address of the network that we stand in")]
struct Inward(String);

impl Outward {
    pub(super) fn beside(bases: &[&str], proxies: &Proxies) -> Self {
        let bases = bases.iter().copied().chain(proxies.http.as_deref()).chain(proxies.https.as_deref());
        let hosts = bases.filter_map(|base| Some(Url::parse(base).ok()?.host_str()?.to_lowercase()));
        Self { configured: Arc::new(hosts.collect()) }
    }
}

impl Resolve for Outward {
    fn resolve(&self, name: Name) -> Resolving {
        let configured = self.configured.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed: Addrs = Box::new(outward(&configured, name.as_str(), found)?.into_iter());
            Ok(allowed)
        })
    }
}

/// Of one bad address nothing is believed: the same name gives another one the next time.
fn outward(configured: &BTreeSet<String>, name: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Inward> {
    let name = name.trim_end_matches('.').to_lowercase();
    if configured.contains(&name) || found.iter().all(|found| is_outside(found.ip())) {
        return Ok(found);
    }
    Err(Inward(name))
}

fn is_outside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_outside_v4(address),
        IpAddr::V6(address) => is_outside_v6(address),
    }
}

fn is_outside_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let for_tests = a == 198 && (18..20).contains(&b);
    let special = a == 0 || a >= 224 || (a, b, c) == (192, 0, 0);
    !(address.is_private() || address.is_loopback() || address.is_link_local() || shared || for_tests || special)
}

fn is_outside_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    // Addresses of the older kind in the clothes of the newer: mapped, translated, and 6to4.
    let [.., high, low] = parts;
    let older = match parts {
        [0, 0, 0, 0, 0, 0 | 0xffff, _, _] | [0x64, 0xff9b, ..] => Some((high, low)),
        [0x2002, high, low, ..] => Some((high, low)),
        _ => None,
    };
    if let Some((high, low)) = older {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        return is_outside_v4(Ipv4Addr::new(a, b, c, d));
    }
    parts[0] & 0xe000 == 0x2000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn led(name: &str, addresses: &[&str]) -> Result<Vec<SocketAddr>, Inward> {
        let proxies = Proxies { https: Some("http://proxy.corp:3128".into()), ..Proxies::default() };
        let configured = Outward::beside(&["https://chat.corp/api"], &proxies).configured;
        outward(
            &configured,
            name,
            addresses.iter().map(|address| (address.parse::<IpAddr>().unwrap(), 0).into()).collect(),
        )
    }

    #[test]
    fn a_name_that_an_answer_gives_leads_out_of_our_network() {
        for fine in ["162.159.130.234", "2606:4700::6810:1", "64:ff9b::a29f:82ea", "100.128.0.1", "172.32.0.1"] {
            assert!(led("gateway.discord.gg", &[fine]).is_ok(), "{fine}");
        }
        for bad in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "::127.0.0.1",
        ] {
            assert_eq!(led("gateway.discord.gg", &[bad]), Err(Inward("gateway.discord.gg".into())), "{bad}");
        }
        assert!(led("Gateway.Discord.gg.", &["162.159.130.234", "10.0.0.1"]).is_err(), "one of two is enough");
    }

    #[test]
    fn what_is_configured_may_be_private() {
        for name in ["chat.corp", "CHAT.corp.", "proxy.corp"] {
            assert!(led(name, &["10.0.0.7"]).is_ok(), "{name}");
        }
    }
}
