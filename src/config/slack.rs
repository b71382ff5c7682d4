//! `[slack]`: the workspace, the channel, the way by which its requests come, and what proves that they do.

use crate::settings::address;
use crate::settings::authority::ca_file;
use crate::settings::secret_ref::{self, SecretRef};
use crate::settings::section::Section;
use std::path::PathBuf;

pub(super) const KEYS: &[&str] =
    &["mode", "token", "signing_secret", "app_token", "app", "team", "channel", "api_url", "ca_file"];

const HTTP: bool = false;
const SOCKET: bool = true;

const API: &str = "https://slack.com/api";

/// The Slack workspace.
#[derive(Debug)]
pub struct Slack {
    /// The bot token, `xoxb-…`.
    pub token: SecretRef,
    /// How clicks and commands come.
    pub mode: SlackMode,
    /// Several while the secret is being replaced; none with a socket.
    pub signing_secrets: Vec<SecretRef>,
    /// Id of the workspace; people of others have no say, even in shared channels.
    pub team: String,
    /// Id of the app, where it is known: requests about another one are turned away.
    pub app: Option<String>,
    /// Id of the channel for cards.
    pub channel: String,
    /// Base of the Web API, without a trailing slash.
    pub api_url: String,
    /// Certificates (PEM) that are trusted for Slack beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// How Slack's requests reach us.
#[derive(Debug)]
pub enum SlackMode {
    /// Slack calls our endpoints and signs.
    Http,
    /// We keep a socket open to Slack; no public address is needed.
    Socket {
        /// The app-level token, `xapp-…`.
        app_token: SecretRef,
    },
}

pub(super) fn read(section: &Section<'_>) -> Option<Slack> {
    let token = secret_ref::required(section, "token", "the bot token (xoxb-)");
    let socket = section.choice("mode", &[("http", HTTP), ("socket", SOCKET)]).unwrap_or(HTTP);
    let signing_secrets = if socket { Vec::new() } else { signing_secrets(section) };
    let mode = if socket { by_socket(section) } else { by_http(section) };
    let team = id(section, "team", &['T', 'E'], "T0123ABCD");
    let channel = id(section, "channel", &['C', 'G'], "C0123ABCD");
    let api_url = address::base(section, "api_url").unwrap_or_else(|| API.into());
    let ca_file = ca_file(section);
    let app = app(section, mode.as_ref());
    Some(Slack { token: token?, mode: mode?, signing_secrets, team: team?, app, channel: channel?, api_url, ca_file })
}

/// As the configuration says, or as the app-level token does, which begins with `xapp-1-A…`.
fn app(section: &Section<'_>, mode: Option<&SlackMode>) -> Option<String> {
    if section.has("app") {
        return id(section, "app", &['A'], "A0123ABCD");
    }
    let Some(SlackMode::Socket { app_token }) = mode else { return None };
    let named = app_token.value.expose().strip_prefix("xapp-")?.split('-').nth(1)?;
    is_id(named, &['A']).then(|| named.to_owned())
}

fn signing_secrets(section: &Section<'_>) -> Vec<SecretRef> {
    if !section.has("signing_secret") {
        section
            .complain("", "signing_secret is missing, so no click could be believed; see Basic Information of the app");
    }
    secret_ref::several(section, "signing_secret")
}

fn by_http(section: &Section<'_>) -> Option<SlackMode> {
    if section.has("app_token") {
        section.complain("app_token", "app_token has no meaning with mode = \"http\"; remove it, or write \"socket\"");
    }
    Some(SlackMode::Http)
}

fn by_socket(section: &Section<'_>) -> Option<SlackMode> {
    if section.has("signing_secret") {
        section.complain("signing_secret", "signing_secret has no meaning with mode = \"socket\"; remove it");
    }
    let what = "the app-level token (xapp-) with the scope connections:write";
    Some(SlackMode::Socket { app_token: secret_ref::required(section, "app_token", what)? })
}

fn id(section: &Section<'_>, key: &str, initials: &[char], example: &str) -> Option<String> {
    let text = section.required(key, &format!("write its id, such as \"{example}\""))?;
    if is_id(&text, initials) {
        return Some(text);
    }
    section.complain(key, &format!("{key} is \"{text}\"; names change hands, so write its id, such as \"{example}\""));
    None
}

/// Whether a text has the form of Slack's ids.
pub(super) fn is_id(text: &str, initials: &[char]) -> bool {
    text.starts_with(initials)
        && text.len() >= 2
        && text.chars().all(|symbol| symbol.is_ascii_uppercase() || symbol.is_ascii_digit())
}
