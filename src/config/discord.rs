//! `[discord]`: the server, the channel, the way by which interactions come, and what proves that they do.

use crate::settings::address;
use crate::settings::authority::ca_file;
use crate::settings::secret_ref::{self, SecretRef};
use crate::settings::section::Section;
use std::path::PathBuf;

pub(super) const KEYS: &[&str] =
    &["mode", "token", "application", "public_key", "guild", "channel", "api_url", "ca_file"];

const HTTP: bool = false;
const GATEWAY: bool = true;

const API: &str = "https://discord.com/api/v10";

/// The Discord server.
#[derive(Debug)]
pub struct Discord {
    /// The bot's token.
    pub token: SecretRef,
    /// How clicks and commands come.
    pub mode: DiscordMode,
    /// Id of the application.
    pub application: String,
    /// Id of the server; people of others have no say.
    pub guild: String,
    /// Id of the channel for cards.
    pub channel: String,
    /// Base of the REST API with its version, without a trailing slash.
    pub api_url: String,
    /// Certificates (PEM) that are trusted for Discord beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// How Discord's interactions reach us.
#[derive(Debug, PartialEq, Eq)]
pub enum DiscordMode {
    /// Discord calls our endpoint and signs.
    Http {
        /// In hex; several while the application is being replaced.
        public_keys: Vec<String>,
    },
    /// We keep a connection open to Discord; no public address is needed.
    Gateway,
}

pub(super) fn read(section: &Section<'_>) -> Option<Discord> {
    let token = secret_ref::required(section, "token", "the bot's token");
    let gateway = section.choice("mode", &[("http", HTTP), ("gateway", GATEWAY)]).unwrap_or(HTTP);
    let mode = if gateway { by_gateway(section) } else { by_http(section) };
    let application = id(section, "application", "General Information, Application ID");
    let guild = id(section, "guild", "right-click the server, Copy Server ID");
    let channel = id(section, "channel", "right-click the channel, Copy Channel ID");
    let api_url = address::base(section, "api_url").unwrap_or_else(|| API.into());
    let ca_file = ca_file(section);
    Some(Discord { token: token?, mode, application: application?, guild: guild?, channel: channel?, api_url, ca_file })
}

fn by_http(section: &Section<'_>) -> DiscordMode {
    if !section.has("public_key") {
        let what = "public_key is missing, so no click could be believed; see General Information of the application";
        section.complain("", what);
    }
    let public_keys = section.one_or_many("public_key");
    let is_key = |text: &String| text.len() == 64 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !public_keys.iter().all(is_key) {
        section.complain("public_key", "public_key must be 64 hexadecimal digits, as the developer portal shows it");
    }
    DiscordMode::Http { public_keys }
}

fn by_gateway(section: &Section<'_>) -> DiscordMode {
    if section.has("public_key") {
        section.complain("public_key", "public_key has no meaning with mode = \"gateway\"; remove it");
    }
    DiscordMode::Gateway
}

fn id(section: &Section<'_>, key: &str, where_to_find: &str) -> Option<String> {
    let text = section.required(key, &format!("write its id, all digits, in quotes ({where_to_find})"))?;
    if is_id(&text) {
        return Some(text);
    }
    section.complain(key, &format!("{key} is \"{text}\"; write its id, all digits, in quotes ({where_to_find})"));
    None
}

/// Whether a text has the form of Discord's ids.
pub(super) fn is_id(text: &str) -> bool {
    (15..=20).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit())
}
