//! `[slack]`: the workspace, the channel and what proves that a click comes from them.

use super::address;
use super::secret_ref::{self, SecretRef};
use super::section::Section;

pub(super) const KEYS: &[&str] = &["token", "signing_secret", "team", "channel", "api_url"];

const API: &str = "https://slack.com/api";

/// The Slack workspace.
#[derive(Debug)]
pub struct Slack {
    /// The bot token, `xoxb-…`.
    pub token: SecretRef,
    /// Several while the secret is being replaced.
    pub signing_secrets: Vec<SecretRef>,
    /// Id of the workspace; people of others have no say, even in shared channels.
    pub team: String,
    /// Id of the channel for cards.
    pub channel: String,
    /// Base of the Web API, without a trailing slash.
    pub api_url: String,
}

pub(super) fn read(section: &Section<'_>) -> Option<Slack> {
    let token = secret_ref::required(section, "token", "the bot token (xoxb-)");
    let signing_secrets = secret_ref::several(section, "signing_secret");
    if !section.has("signing_secret") {
        section
            .complain("", "signing_secret is missing, so no click could be believed; see Basic Information of the app");
    }
    let team = id(section, "team", &['T', 'E'], "T0123ABCD");
    let channel = id(section, "channel", &['C', 'G'], "C0123ABCD");
    let api_url = address::base(section, "api_url").unwrap_or_else(|| API.into());
    Some(Slack { token: token?, signing_secrets, team: team?, channel: channel?, api_url })
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
