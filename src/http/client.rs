//! How every HTTP client is made: no redirects (they would carry the credential elsewhere), short connects, one TLS
//! provider.

use super::proxy::Proxies;
use crate::secret::Secret;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Identity};
use std::time::Duration;

/// Why there is no client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadClient {
    /// The extra certificates are not PEM.
    #[error("the extra CA certificates cannot be read; give a PEM file")]
    Certificates,
    /// The client's own certificate is not PEM with its key.
    #[error("the client certificate cannot be read; give a PEM file with the certificate and its private key")]
    Identity,
    /// TLS could not be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Setup(String),
}

/// What a connection needs besides the system's certificates and the proxy of the environment.
#[derive(Default)]
pub struct Tls<'a> {
    /// Certificates (PEM) that are trusted beside the system's.
    pub extra_ca: Option<&'a [u8]>,
    /// What this side proves itself with: certificate and private key in one PEM text.
    pub identity: Option<&'a Secret>,
    /// Never through a proxy, whatever its address.
    pub direct: bool,
}

/// The client that all of [`super::Api`] share. `extra_ca` is trusted beside the system's certificates; a proxy is
/// taken from the environment, but not for what this machine answers itself.
pub fn client(extra_ca: Option<&[u8]>) -> Result<Client, BadClient> {
    client_with(&Tls { extra_ca, ..Tls::default() })
}

/// A client for one connection that needs more than [`client`] gives.
pub fn client_with(tls: &Tls<'_>) -> Result<Client, BadClient> {
    let mut builder = builder(tls.extra_ca, &Proxies::of_environment())?;
    if let Some(pem) = tls.identity {
        builder = builder.identity(Identity::from_pem(pem.expose().as_bytes()).map_err(|_| BadClient::Identity)?);
    }
    if tls.direct {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| BadClient::Setup(error.without_url().to_string()))
}

/// The longest that one request may take; what was sent lands within that time or, as far as anybody can tell, never.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// What all clients have in common.
pub(super) fn builder(extra_ca: Option<&[u8]>, proxies: &Proxies) -> Result<ClientBuilder, BadClient> {
    // A second install fails because there is a provider already, and there is no other provider in this program.
    let _already = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("rekey/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .timeout(TIMEOUT)
        .no_proxy();
    for proxy in proxies.rules() {
        builder = builder.proxy(proxy);
    }
    if let Some(pem) = extra_ca {
        let certificates = Certificate::from_pem_bundle(pem).map_err(|_| BadClient::Certificates)?;
        if certificates.is_empty() {
            return Err(BadClient::Certificates);
        }
        builder = builder.tls_certs_merge(certificates);
    }
    Ok(builder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_can_be_made_twice_and_refuses_certificates_that_are_none() {
        assert!(client(None).is_ok());
        assert!(client(None).is_ok());
        assert_eq!(client(Some(b"not a certificate")).err(), Some(BadClient::Certificates));
        let identity = Secret::new("not a key".into());
        let tls = Tls { identity: Some(&identity), ..Tls::default() };
        assert_eq!(client_with(&tls).err(), Some(BadClient::Identity));
    }
}
