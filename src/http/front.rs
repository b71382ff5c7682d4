//! What a proxy that stands before a host wants to see of whoever calls. It goes with every call, beside the credential
//! and whosever that is.

use super::error::Failure;
use super::header::secret_header;
use crate::secret::{Secret, SecretFile};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName};
use std::sync::Arc;
use zeroize::Zeroizing;

/// A secret for the proxy.
pub enum Shown {
    /// Known since the start.
    Given(Secret),
    /// In a file that may be replaced while we run.
    Read(SecretFile),
}

/// What the proxy asks for. Nothing of it is a header that the host's own credential needs.
#[derive(Default)]
pub struct Front {
    /// User and password of HTTP Basic.
    pub login: Option<(String, Shown)>,
    /// Further headers.
    pub headers: Vec<(HeaderName, Shown)>,
}

impl Shown {
    fn current(&self) -> Arc<Secret> {
        match self {
            Self::Given(secret) => Arc::new(secret.duplicate()),
            Self::Read(file) => file.current(),
        }
    }
}

impl Front {
    /// Puts on a request what the proxy asks for.
    pub(super) fn furnish(&self, headers: &mut HeaderMap) -> Result<(), Failure> {
        for (name, value) in &self.headers {
            headers.insert(name, secret_header("", &value.current())?);
        }
        if let Some((user, password)) = &self.login {
            let plain = Zeroizing::new(format!("{user}:{}", password.current().expose()));
            let login = Secret::new(STANDARD.encode(plain.as_bytes()));
            headers.insert(AUTHORIZATION, secret_header("Basic ", &login)?);
        }
        Ok(())
    }
}
