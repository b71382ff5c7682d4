//! The door for expiry mails. Nothing is sent; what can be seen is whether it could be opened.

use super::finding::Finding;
use crate::app;
use crate::cli::words::list;
use crate::config::Config;

pub(super) fn look(config: &Config) -> Vec<Finding> {
    if let Err(error) = app::check_doors(config) {
        return vec![Finding::fail("secrets", error.to_string(), "put a secret of the right form there")];
    }
    let Some(mail) = &config.mail else {
        return vec![Finding::ok("mail", "no [mail]: expiring tokens are found by the scan alone")];
    };
    let proofs = [(!mail.passwords.is_empty(), "a password"), (!mail.hmac_secrets.is_empty(), "a signature")];
    let by: Vec<&str> = proofs.iter().filter(|proof| proof.0).map(|proof| proof.1).collect();
    let path = match &config.server.public_url {
        Some(url) => format!("{url}/hooks/mail"),
        None => "/hooks/mail".into(),
    };
    let what = format!("{path} takes mails from {}, delivered with {}", list(&mail.senders), by.join(" or "));
    vec![Finding::ok("mail", what)]
}
