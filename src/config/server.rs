//! `[server]`: where the bot listens and how the world reaches it.

use super::address;
use super::section::Section;
use std::net::SocketAddr;

pub(super) const KEYS: &[&str] = &["listen", "public_url", "admin_listen"];

/// Where the bot is reached.
#[derive(Clone, Debug)]
pub struct Server {
    /// Takes webhooks, mails and clicks.
    pub listen: SocketAddr,
    /// How the world outside names us; `doctor` and the messages for people need it.
    pub public_url: Option<String>,
    /// Serves health and metrics apart from the rest; without it health is on `listen`, and metrics are nowhere.
    pub admin_listen: Option<SocketAddr>,
}

impl Default for Server {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8080)), public_url: None, admin_listen: None }
    }
}

pub(super) fn read(section: Option<Section<'_>>) -> Server {
    let default = Server::default();
    let Some(section) = section else { return default };
    Server {
        listen: socket(&section, "listen").unwrap_or(default.listen),
        public_url: address::base(&section, "public_url"),
        admin_listen: socket(&section, "admin_listen"),
    }
}

fn socket(section: &Section<'_>, key: &str) -> Option<SocketAddr> {
    let text = section.text(key)?;
    let parsed = text.parse().ok();
    if parsed.is_none() {
        section.complain(key, &format!("{key} is \"{text}\"; write an IP address and a port, \"127.0.0.1:8080\""));
    }
    parsed
}
