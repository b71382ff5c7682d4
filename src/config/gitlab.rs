//! `[gitlab]`: the instance, the bot's own token, and what proves that a webhook is the instance's.

mod proxy;

pub use proxy::GitlabProxy;

use crate::secret;
use crate::settings::address;
use crate::settings::authority::ca_file;
use crate::settings::secret_ref::{self, SecretRef};
use crate::settings::section::Section;
use std::path::PathBuf;

pub(super) use proxy::KEYS as PROXY_KEYS;

pub(super) const KEYS: &[&str] =
    &["url", "token", "ca_file", "token_prefixes", "requests_per_minute", "proxy", "webhook"];
pub(super) const WEBHOOK_KEYS: &[&str] = &["signing_token", "secret_token", "hosts"];

/// GitLab sends it with every webhook, so it is all that tells GitLab from anybody else.
const SHORTEST_TOKEN: usize = 16;

/// gitlab.com allows 2,000 a minute to one user; self-managed instances often less.
const REQUESTS_PER_MINUTE: u32 = 600;

/// The GitLab instance.
#[derive(Debug)]
pub struct Gitlab {
    /// Its address, without a trailing slash.
    pub url: String,
    /// The bot's own token.
    pub token: SecretRef,
    /// Certificates (PEM) that are trusted beside the system's; the file was readable at start.
    pub ca_file: Option<PathBuf>,
    /// How the instance's tokens begin, where an administrator has chosen another prefix than `glpat-`.
    pub token_prefixes: Vec<String>,
    /// What the bot allows itself.
    pub requests_per_minute: u32,
    /// What a proxy before the instance wants to see of every call.
    pub proxy: GitlabProxy,
    /// What proves that a webhook comes from the instance. Both empty: webhooks are not accepted.
    pub webhook: GitlabWebhook,
}

/// How webhooks are known. Several proofs of each kind, so that they can be replaced without a gap.
#[derive(Debug, Default)]
pub struct GitlabWebhook {
    /// Signing tokens (`whsec_…`), GitLab 19.0 and later.
    pub signing_tokens: Vec<SecretRef>,
    /// Secret tokens, sent in a header by every version.
    pub secret_tokens: Vec<SecretRef>,
    /// Addresses of the instance as its webhooks write them; empty: the one under `[gitlab]`.
    pub hosts: Vec<String>,
}

impl Gitlab {
    /// Host and, if it is not the usual one, port: the first part of a rotation's key.
    pub fn host(&self) -> String {
        address::authority(&self.url)
    }
}

pub(super) fn read(section: &Section<'_>) -> Option<Gitlab> {
    if !section.has("url") {
        section.complain("url", "url is missing; write the address of your GitLab, \"https://gitlab.example.com\"");
    }
    let url = address::base(section, "url");
    let token = secret_ref::required(section, "token", "the bot's own token (scope api)");
    let webhook = section.section("webhook", "[gitlab.webhook]".into(), WEBHOOK_KEYS);
    let webhook = webhook.map(|section| read_webhook(&section)).unwrap_or_default();
    let requests = section.number("requests_per_minute", 1..=100_000).and_then(|number| u32::try_from(number).ok());
    let requests_per_minute = requests.unwrap_or(REQUESTS_PER_MINUTE);
    let ca_file = ca_file(section);
    let token_prefixes = section.one_or_many("token_prefixes");
    token_prefixes.iter().for_each(|prefix| secret::expect_prefix(prefix));
    let proxy = section.section("proxy", "[gitlab.proxy]".into(), PROXY_KEYS);
    let proxy = proxy.map(|section| proxy::read(&section)).unwrap_or_default();
    Some(Gitlab { url: url?, token: token?, ca_file, token_prefixes, requests_per_minute, proxy, webhook })
}

fn read_webhook(section: &Section<'_>) -> GitlabWebhook {
    GitlabWebhook {
        signing_tokens: secret_ref::several(section, "signing_token"),
        secret_tokens: secret_ref::several_long(section, "secret_token", SHORTEST_TOKEN),
        hosts: address::several(section, "hosts"),
    }
}
