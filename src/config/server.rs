//! `[server]`: where the bot listens and how the world reaches it.

use crate::settings::address;
use crate::settings::authority::ca_file;
use crate::settings::section::Section;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

pub(super) const KEYS: &[&str] = &["listen", "public_url", "ca_file", "admin_listen", "trusted_proxies"];

/// Where the bot is reached.
#[derive(Clone, Debug)]
pub struct Server {
    /// Takes webhooks, mails and clicks.
    pub listen: SocketAddr,
    /// How the world outside names us; `doctor` and the messages for people need it.
    pub public_url: Option<String>,
    /// Certificates (PEM) that are trusted beside the system's when `doctor` looks at `public_url`.
    pub ca_file: Option<PathBuf>,
    /// Serves health and metrics apart from the rest; without it health is on `listen`, and metrics are nowhere.
    pub admin_listen: Option<SocketAddr>,
    /// Reverse proxies whose `X-Forwarded-For` says who calls.
    pub trusted_proxies: Vec<IpNet>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            ca_file: None,
            admin_listen: None,
            trusted_proxies: Vec::new(),
        }
    }
}

pub(super) fn read(section: Option<Section<'_>>) -> Server {
    let default = Server::default();
    let Some(section) = section else { return default };
    Server {
        listen: socket(&section, "listen").unwrap_or(default.listen),
        public_url: address::base(&section, "public_url"),
        ca_file: ca_file(&section),
        admin_listen: socket(&section, "admin_listen"),
        trusted_proxies: proxies(&section),
    }
}

fn proxies(section: &Section<'_>) -> Vec<IpNet> {
    let key = "trusted_proxies";
    let named = section.texts(key);
    let read = |(index, text): (usize, &String)| {
        let net = text.parse().ok().or_else(|| text.parse().ok().map(<IpNet as From<IpAddr>>::from));
        let why = match &net {
            None => "is no address; write \"10.0.0.7\" or a network, \"10.0.0.0/24\"",
            Some(net) if net.prefix_len() == 0 => "is everybody; then anybody could claim to be anybody else",
            Some(_) => return net,
        };
        section.complain_item(key, index, &format!("{key}: \"{text}\" {why}"));
        None
    };
    named.iter().enumerate().filter_map(read).collect()
}

fn socket(section: &Section<'_>, key: &str) -> Option<SocketAddr> {
    let text = section.text(key)?;
    let parsed = text.parse().ok();
    if parsed.is_none() {
        section.complain(key, &format!("{key} is \"{text}\"; write an IP address and a port, \"127.0.0.1:8080\""));
    }
    parsed
}
