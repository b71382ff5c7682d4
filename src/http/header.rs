//! A secret as a header.

use super::body;
use super::error::Failure;
use crate::secret::Secret;
use reqwest::header::HeaderValue;

/// A secret as a header's value, wiped on drop and never shown.
pub(super) fn secret_header(prefix: &str, secret: &Secret) -> Result<HeaderValue, Failure> {
    let bytes = body::wiped_on_drop(format!("{prefix}{}", secret.expose()).into_bytes());
    let mut value = HeaderValue::from_maybe_shared(bytes)
        .map_err(|_| Failure::not_sent("the credential has characters that no header may carry"))?;
    value.set_sensitive(true);
    Ok(value)
}
