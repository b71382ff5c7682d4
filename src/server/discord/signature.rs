//! Whether a request is Discord's: Ed25519 over time-stamp and raw body. Discord itself probes with wrong signatures,
//! when an endpoint is registered and ever after, and takes the endpoint away if one is believed.

use crate::notice::signature::{Untrusted, fresh};
use jiff::Timestamp;
use serenity::interactions_endpoint::Verifier;

/// A public key of the application that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a public key is 64 hexadecimal digits, as the developer portal shows it")]
pub struct BadKey;

/// A public key of the application.
#[derive(Clone)]
pub struct Key(Verifier);

impl Key {
    /// From what the developer portal shows.
    pub fn from_hex(text: &str) -> Result<Self, BadKey> {
        let bytes = hex::decode(text.trim()).map_err(|_| BadKey)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| BadKey)?;
        Verifier::try_new(bytes).map(Self).map_err(|_| BadKey)
    }
}

/// Whether a head could belong to a request that [`genuine`] believes: all that can be told without its body.
pub fn head(keys: &[Key], time: Option<&str>, signature: Option<&str>, now: Timestamp) -> Result<(), Untrusted> {
    let time = time.ok_or(Untrusted::Missing("X-Signature-Timestamp"))?;
    let signature = signature.ok_or(Untrusted::Missing("X-Signature-Ed25519"))?;
    if keys.is_empty() {
        return Err(Untrusted::NoSecret);
    }
    if hex::decode(signature).ok().filter(|bytes| bytes.len() == 64).is_none() {
        return Err(Untrusted::Malformed("X-Signature-Ed25519"));
    }
    fresh(time, now)
}

/// Checks signature and age. Any of the keys may have signed.
pub fn genuine(
    keys: &[Key],
    time: Option<&str>,
    signature: Option<&str>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), Untrusted> {
    let time = time.ok_or(Untrusted::Missing("X-Signature-Timestamp"))?;
    let signature = signature.ok_or(Untrusted::Missing("X-Signature-Ed25519"))?;
    if keys.is_empty() {
        return Err(Untrusted::NoSecret);
    }
    if !keys.iter().any(|key| key.0.verify(signature, time, body).is_ok()) {
        return Err(Untrusted::Mismatch);
    }
    fresh(time, now)
}
