//! Addresses that an answer names: where a websocket is, where to go on, where a key lies. Whoever can bend one answer
//! could send us, and what we carry, anywhere; so they are held to what was configured. A configured host may be
//! private; one that is only named may not.

use reqwest::Url;
use std::net::IpAddr;

/// Why an address that an answer names is not called. The address itself may be a ticket and is not shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAnswer {
    /// It is no address, not encrypted, or has parts that none should have.
    #[error("the answer names an address that cannot be used")]
    NoAddress,
    /// It leads to a host that nobody configured.
    #[error("the answer names the host {0}, which does not belong to the one that is configured")]
    Elsewhere(String),
}

/// The address, if it leads to the host of `base` or, encrypted, to one of the domains in `family` or below it.
pub(super) fn checked(address: &str, base: &Url, family: &[&str]) -> Result<Url, BadAnswer> {
    let url = Url::parse(address).map_err(|_| BadAnswer::NoAddress)?;
    let host = url.host_str().unwrap_or_default().trim_end_matches('.').to_lowercase();
    if host.is_empty() || !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(BadAnswer::NoAddress);
    }
    let encrypted = matches!(url.scheme(), "https" | "wss");
    // Unencrypted only where the configured host, which is this machine then, is spoken to that way.
    if base.host_str() == Some(host.as_str())
        && (encrypted || (base.scheme() == "http" && matches!(url.scheme(), "http" | "ws")))
    {
        return Ok(url);
    }
    if !encrypted {
        return Err(BadAnswer::NoAddress);
    }
    let is_number = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let belongs = |domain: &&str| host == **domain || host.ends_with(&format!(".{domain}"));
    if is_number || !family.iter().any(belongs) {
        return Err(BadAnswer::Elsewhere(host));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DISCORD: &[&str] = &["discord.gg", "discord.com"];

    fn led(address: &str, base: &str) -> Result<Url, BadAnswer> {
        checked(address, &Url::parse(base).unwrap(), DISCORD)
    }

    #[test]
    fn an_answer_leads_to_what_was_configured_and_to_its_family() {
        let base = "https://discord.com/api/v10";
        for fine in ["wss://gateway.discord.gg", "wss://gateway-us-east1-b.discord.gg/?v=10", "https://discord.com/x"] {
            assert!(led(fine, base).is_ok(), "{fine}");
        }
        assert!(led("ws://127.0.0.1:9", "http://127.0.0.1:8/api").is_ok());
        assert!(led("wss://10.0.0.7/socket", "https://10.0.0.7/api").is_ok(), "a configured host may be private");
    }

    #[test]
    fn an_answer_leads_nowhere_else() {
        let base = "https://discord.com/api/v10";
        for (bad, host) in [
            ("wss://discord.gg.evil.example", "discord.gg.evil.example"),
            ("wss://evildiscord.gg", "evildiscord.gg"),
            ("wss://169.254.169.254/latest", "169.254.169.254"),
            ("wss://[::1]/", "[::1]"),
            ("wss://2130706433/", "127.0.0.1"),
            ("wss://localhost/", "localhost"),
        ] {
            assert_eq!(led(bad, base), Err(BadAnswer::Elsewhere(host.into())), "{bad}");
        }
        for bad in ["ws://gateway.discord.gg", "wss://u:p@gateway.discord.gg", "nonsense", "file:///etc/passwd"] {
            assert_eq!(led(bad, base), Err(BadAnswer::NoAddress), "{bad}");
        }
        assert!(led("ws://127.0.0.2:9", "http://127.0.0.1:8/api").is_err(), "another host of this machine");
    }
}
