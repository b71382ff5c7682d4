//! `[mail]`: who may hand over expiry mails, and why their sender is believed. Without it mail is not accepted.

use crate::settings::address;
use crate::settings::naming;
use crate::settings::secret_ref::{self, SecretRef};
use crate::settings::section::Section;

pub(super) const KEYS: &[&str] = &[
    "user",
    "password",
    "hmac_secret",
    "senders",
    "trust",
    "authserv_ids",
    "hosts",
    "forwarders",
    "own_addresses",
    "link_gateways",
];

/// Failed tries are limited, so eight characters are not guessed.
const SHORTEST_PASSWORD: usize = 8;
/// A signature can be guessed at elsewhere, without a limit.
const SHORTEST_SECRET: usize = 16;

/// The custom of Rails' relay ingress.
const USER: &str = "actionmailbox";

/// How mail arrives and what is asked of it.
#[derive(Debug)]
pub struct Mail {
    /// User name of HTTP Basic.
    pub user: String,
    /// Passwords of HTTP Basic; empty: Basic is off.
    pub passwords: Vec<SecretRef>,
    /// Secrets of the signature; empty: signatures are off.
    pub hmac_secrets: Vec<SecretRef>,
    /// Addresses and domains that the instance's mails come from.
    pub senders: Vec<String>,
    /// Why `From` is believed.
    pub trust: MailTrust,
    /// Addresses of the instance as its mails write them; empty: the one under `[gitlab]`.
    pub hosts: Vec<String>,
    /// Addresses and domains of people who may pass a mail on.
    pub forwarders: Vec<String>,
    /// The bot's own addresses; mail from them is a loop.
    pub own_addresses: Vec<String>,
    /// Hosts of mail gateways that rewrite links, beside those that everybody knows.
    pub link_gateways: Vec<String>,
}

/// Why the sender of a mail is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailTrust {
    /// Whoever hands the mail over has checked it.
    Ingress,
    /// The topmost `Authentication-Results` of one of these servers says so.
    AuthenticationResults(Vec<String>),
}

pub(super) fn read(section: &Section<'_>) -> Option<Mail> {
    let passwords = secret_ref::several_long(section, "password", SHORTEST_PASSWORD);
    let hmac_secrets = secret_ref::several_long(section, "hmac_secret", SHORTEST_SECRET);
    if !section.has("password") && !section.has("hmac_secret") {
        section.complain("", "nobody could deliver mail; add password or hmac_secret, or remove [mail]");
    }
    Some(Mail {
        user: section.text("user").unwrap_or_else(|| USER.into()),
        passwords,
        hmac_secrets,
        senders: senders(section),
        hosts: address::several(section, "hosts"),
        forwarders: naming::senders(section, "forwarders"),
        own_addresses: naming::senders(section, "own_addresses"),
        link_gateways: section.texts("link_gateways"),
        trust: trust(section)?,
    })
}

fn senders(section: &Section<'_>) -> Vec<String> {
    let senders = naming::senders(section, "senders");
    if senders.is_empty() {
        section.complain("senders", "senders is missing, so no mail is believed; name the address GitLab sends from");
    }
    senders
}

fn trust(section: &Section<'_>) -> Option<MailTrust> {
    let servers = section.texts("authserv_ids");
    let choices = [("ingress", true), ("authentication-results", false)];
    match section.choice("trust", &choices) {
        Some(true) if servers.is_empty() => Some(MailTrust::Ingress),
        Some(true) => {
            section.complain("authserv_ids", "authserv_ids has no use with trust = \"ingress\"; remove one of them");
            None
        }
        Some(false) if servers.is_empty() => {
            section.complain(
                "trust",
                "trust asks for authserv_ids; name your own mail servers there, or \"\" for Microsoft 365",
            );
            None
        }
        Some(false) => Some(MailTrust::AuthenticationResults(servers)),
        None => {
            if !section.has("trust") {
                let hint = "\"ingress\" if whoever delivers has checked the sender, else \"authentication-results\"";
                section.complain("trust", &format!("trust is missing; write {hint}"));
            }
            None
        }
    }
}
