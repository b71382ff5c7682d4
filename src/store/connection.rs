//! What the connections of all stores that speak HTTP have in common: address, trusted certificates, a certificate of
//! their own, time limit. Each store adds how it logs in.

use crate::http::{Api, BadClient, Credential, Throttle, Tls, client_with};
use crate::secret::Secret;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Things that the configuration gives names to.
pub type Named<T> = BTreeMap<String, T>;

/// Calls to one store's host on the way at once.
const IN_FLIGHT: usize = 8;

/// An address and how it is reached.
#[derive(Default)]
pub struct Link {
    /// The base address, https or on this machine.
    pub url: String,
    /// Certificates (PEM) to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Certificate and private key (PEM) that this side shows.
    pub client_certificate: Option<Secret>,
    /// The longest a call may take; ten seconds unless told.
    pub timeout: Option<Duration>,
}

/// A connection that cannot be set up; the text names it and the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadConnection(pub String);

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("url", &self.url).field("ca_file", &self.ca_file).finish_non_exhaustive()
    }
}

impl Link {
    /// An API there. `name` is the section of the configuration, such as `[vault.main]`. Reads the files; calls nobody.
    pub fn open(&self, name: &str, credential: Credential) -> Result<Api, BadConnection> {
        let bad = |why: String| BadConnection(format!("{name} {why}"));
        let read = |path: &PathBuf| {
            std::fs::read(path).map_err(|error| bad(format!("ca_file {} cannot be read: {error}", path.display())))
        };
        let pem = self.ca_file.as_ref().map(read).transpose()?;
        let tls = Tls { extra_ca: pem.as_deref(), identity: self.client_certificate.as_ref(), direct: false };
        let client = client_with(&tls).map_err(|error: BadClient| bad(error.to_string()))?;
        let throttle = Arc::new(Throttle::new(IN_FLIGHT, None));
        let api = Api::new(client, &self.url, credential, throttle).map_err(|error| bad(error.to_string()))?;
        Ok(match self.timeout {
            Some(timeout) => api.with_timeout(timeout).with_patience(timeout),
            None => api,
        })
    }
}
