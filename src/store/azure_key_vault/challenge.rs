//! What a vault says when it is called without a token: which tenant it belongs to, and for what a token must be.

use crate::http::Reply;
use reqwest::Url;

/// A vault's demand for a token.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    /// The directory that the vault trusts; `None` if it does not say.
    pub(super) tenant: Option<String>,
    /// For what a token must be, without the slash at its end.
    pub(super) resource: String,
}

/// Why no token is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Odd {
    /// It is no demand that a vault makes.
    NoVault,
    /// A token for that could be used elsewhere; the vault is not given one.
    AnotherHost(String),
}

impl Challenge {
    /// Reads `WWW-Authenticate` of a 401 from the vault at `host`.
    pub(super) fn of(reply: &Reply, host: &str) -> Result<Self, Odd> {
        Self::parse(reply.header("www-authenticate").ok_or(Odd::NoVault)?, host)
    }

    fn parse(header: &str, host: &str) -> Result<Self, Odd> {
        let (scheme, parameters) = header.trim().split_once(' ').ok_or(Odd::NoVault)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Odd::NoVault);
        }
        let value = |names: [&str; 2]| {
            let pairs = parameters.split(',').filter_map(|pair| pair.split_once('='));
            let mut found = pairs.filter(|(key, _)| names.contains(&key.trim()));
            found.next().map(|(_, value)| value.trim().trim_matches('"').to_owned())
        };
        let resource = value(["resource", "scope"]).ok_or(Odd::NoVault)?;
        let resource = resource.trim_end_matches("/.default").trim_end_matches('/').to_owned();
        let url = Url::parse(&resource).ok().filter(|url| url.scheme() == "https").ok_or(Odd::NoVault)?;
        if !covers(&host_of(&url), host) {
            return Err(Odd::AnotherHost(host_of(&url)));
        }
        let authority = value(["authorization", "authorization_uri"]).and_then(|text| Url::parse(&text).ok());
        let tenant = authority.and_then(|url| url.path_segments()?.next().map(str::to_owned));
        Ok(Self { tenant: tenant.filter(|tenant| !tenant.is_empty()), resource })
    }
}

/// A token for `vault.azure.net` is for every vault below it, and for nothing else.
fn covers(resource: &str, host: &str) -> bool {
    let host = host.split(':').next().unwrap_or(host).to_lowercase();
    host == resource || host.ends_with(&format!(".{resource}"))
}

/// The host in lower case, without a port.
pub(super) fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

    #[test]
    fn a_vault_says_its_tenant_and_what_a_token_must_be_for() {
        for header in [
            format!(r#"Bearer authorization="https://login.windows.net/{TENANT}", resource="https://vault.azure.net""#),
            format!(r#"bearer authorization_uri="https://login.x/{TENANT}",scope="https://vault.azure.net/.default""#),
        ] {
            let challenge = Challenge::parse(&header, "acme.vault.azure.net:443").unwrap();
            assert_eq!(challenge.resource, "https://vault.azure.net");
            assert_eq!(challenge.tenant.as_deref(), Some(TENANT));
        }
    }

    #[test]
    fn a_token_for_another_host_is_never_asked_for() {
        for resource in ["https://management.azure.com", "https://azure.net.evil.example", "https://zure.net"] {
            let header = format!(r#"Bearer authorization="https://login.x/{TENANT}", resource="{resource}""#);
            let odd = Challenge::parse(&header, "acme.vault.azure.net").unwrap_err();
            assert!(matches!(odd, Odd::AnotherHost(_)), "{resource}");
        }
    }

    #[test]
    fn what_no_vault_says_is_told_apart() {
        for header in
            ["Bearer", "Basic realm=\"x\"", "Bearer authorization=\"https://login.x/t\"", "Bearer resource=\"\""]
        {
            assert_eq!(Challenge::parse(header, "acme.vault.azure.net"), Err(Odd::NoVault), "{header}");
        }
    }
}
