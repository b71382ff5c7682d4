//! Whether a request from outside is genuine: pure checks over raw bytes, in constant time, `now` passed in.
//! Every check takes several secrets, because a webhook's own secret is rotated too: old and new hold for a while.

use crate::secret::{self, Secret};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;
use zeroize::Zeroizing;

/// How far a sender's clock may be off, in seconds, either way.
pub const TOLERANCE: i64 = 300;

/// Longest list of signatures that is looked at; a genuine sender sends one or two.
const MOST_SIGNATURES: usize = 8;

/// Why a request is not believed. All of them are answered with 401 and nothing else; this is for our own log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// The sender did not sign at all.
    #[error("the request carries no {0}")]
    Missing(&'static str),
    /// What should be a signature has not the form of one.
    #[error("the {0} of the request cannot be read")]
    Malformed(&'static str),
    /// The time-stamp is too far from now: a replay, or a clock that is wrong.
    #[error("the request's time-stamp is {0} seconds off this machine's clock")]
    Stale(i64),
    /// Well formed, but made with none of our secrets.
    #[error("the signature was made with another secret")]
    Mismatch,
    /// The configuration names no secret, so nobody can be believed.
    #[error("no secret is configured for this endpoint")]
    NoSecret,
}

/// A signing secret from the configuration that is not what its kind demands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// GitLab shows signing tokens as `whsec_` and base64.
    #[error("a signing token is `whsec_` followed by base64")]
    NotBase64,
    /// Anybody can compute with an empty or very short key.
    #[error("a signing secret needs at least 16 bytes")]
    TooShort,
}

/// The key of an HMAC, wiped on drop.
pub struct Key(Zeroizing<Vec<u8>>);

impl Key {
    /// From a GitLab signing token (`whsec_…`), whose base64 is the key.
    pub fn from_signing_token(token: &Secret) -> Result<Self, BadKey> {
        let text = token.expose().trim();
        let text = text.strip_prefix("whsec_").unwrap_or(text);
        Self::of(STANDARD.decode(text).map_err(|_| BadKey::NotBase64)?)
    }

    /// From a secret whose characters are the key, as Slack's signing secret and ours for mail.
    pub fn from_text(secret: &Secret) -> Result<Self, BadKey> {
        Self::of(secret.expose().as_bytes().to_vec())
    }

    fn of(bytes: Vec<u8>) -> Result<Self, BadKey> {
        if bytes.len() < 16 {
            return Err(BadKey::TooShort);
        }
        Ok(Self(Zeroizing::new(bytes)))
    }

    fn mac(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        parts.iter().for_each(|part| mac.update(part));
        mac
    }

    fn made(&self, parts: &[&[u8]], given: &[u8]) -> bool {
        self.mac(parts).verify_slice(given).is_ok()
    }
}

/// A login that an ingress may use.
pub struct Login {
    /// The user name, `actionmailbox` by custom.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// Whether a head could belong to a request that [`standard_webhooks`] believes: all that can be told without its body.
pub fn standard_webhooks_head(
    keys: &[Key],
    id: Option<&str>,
    timestamp: Option<&str>,
    signatures: Option<&str>,
    now: Timestamp,
) -> Result<(), Untrusted> {
    id.ok_or(Untrusted::Missing("webhook-id"))?;
    standard_signatures(signatures)?;
    head(keys, timestamp.ok_or(Untrusted::Missing("webhook-timestamp"))?, now)
}

/// Standard Webhooks, as GitLab signs since 19.0: HMAC over `id.timestamp.body`, several `v1,base64` allowed.
/// Answers which key (by position) made the signature, so that the end of a key's use can be seen.
pub fn standard_webhooks(
    keys: &[Key],
    id: Option<&str>,
    timestamp: Option<&str>,
    signatures: Option<&str>,
    body: &[u8],
    now: Timestamp,
) -> Result<usize, Untrusted> {
    let id = id.ok_or(Untrusted::Missing("webhook-id"))?;
    let timestamp = timestamp.ok_or(Untrusted::Missing("webhook-timestamp"))?;
    let given = standard_signatures(signatures)?;
    let signed: [&[u8]; 5] = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
    let which = first_match(keys, |key| given.iter().fold(false, |found, one| key.made(&signed, one) | found))?;
    fresh(timestamp, now)?;
    Ok(which)
}

fn standard_signatures(signatures: Option<&str>) -> Result<Vec<Vec<u8>>, Untrusted> {
    let signatures = signatures.ok_or(Untrusted::Missing("webhook-signature"))?;
    let decoded = |one: &str| STANDARD.decode(one.strip_prefix("v1,")?).ok();
    let given: Vec<_> = signatures.split_ascii_whitespace().take(MOST_SIGNATURES).filter_map(decoded).collect();
    if given.is_empty() { Err(Untrusted::Malformed("webhook-signature")) } else { Ok(given) }
}

/// Whether a head could belong to a request that [`slack`] believes.
pub fn slack_head(
    keys: &[Key],
    timestamp: Option<&str>,
    signature: Option<&str>,
    now: Timestamp,
) -> Result<(), Untrusted> {
    timestamped_head("v0", keys, timestamp, signature, now)
}

/// Slack's signature: `v0=` and the hex HMAC over `v0:timestamp:body`.
pub fn slack(
    keys: &[Key],
    timestamp: Option<&str>,
    signature: Option<&str>,
    body: &[u8],
    now: Timestamp,
) -> Result<usize, Untrusted> {
    timestamped("v0", keys, timestamp, signature, body, now)
}

/// Whether a head could belong to a request that [`mail`] believes.
pub fn mail_head(
    keys: &[Key],
    timestamp: Option<&str>,
    signature: Option<&str>,
    now: Timestamp,
) -> Result<(), Untrusted> {
    timestamped_head("v1", keys, timestamp, signature, now)
}

/// Our own signature for mail, easy to make with `openssl dgst` in a pipe: `v1=` and the hex HMAC over
/// `v1:timestamp:body`. The version differs from Slack's, so that neither can be replayed as the other.
pub fn mail(
    keys: &[Key],
    timestamp: Option<&str>,
    signature: Option<&str>,
    body: &[u8],
    now: Timestamp,
) -> Result<usize, Untrusted> {
    timestamped("v1", keys, timestamp, signature, body, now)
}

/// What a sender puts into the header for [`mail`]: used by our own tools and tests.
pub fn sign_mail(key: &Key, timestamp: i64, body: &[u8]) -> String {
    let time = timestamp.to_string();
    format!("v1={}", hex::encode(key.mac(&[b"v1:", time.as_bytes(), b":", body]).finalize().into_bytes()))
}

/// A plain shared secret in a header (`X-Gitlab-Token`). Proves less than a signature: no time, no body.
pub fn shared_token(secrets: &[Secret], given: Option<&str>) -> Result<usize, Untrusted> {
    let given = given.ok_or(Untrusted::Missing("X-Gitlab-Token"))?;
    first_match(secrets, |secret| !secret.expose().is_empty() & secret.matches(given.as_bytes()))
}

/// HTTP Basic, as mail relays speak it.
pub fn basic(logins: &[Login], authorization: Option<&str>) -> Result<usize, Untrusted> {
    let header = authorization.ok_or(Untrusted::Missing("Authorization"))?;
    let malformed = || Untrusted::Malformed("Authorization");
    let (scheme, encoded) = header.split_once(' ').ok_or_else(malformed)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(malformed());
    }
    let decoded = Zeroizing::new(STANDARD.decode(encoded.trim()).map_err(|_| malformed())?);
    let colon = decoded.iter().position(|byte| *byte == b':').ok_or_else(malformed)?;
    let (user, password) = (&decoded[..colon], &decoded[colon + 1..]);
    first_match(logins, |login| {
        let user_fits = secret::are_equal(login.user.as_bytes(), user);
        !login.password.expose().is_empty() & login.password.matches(password) & user_fits
    })
}

fn timestamped(
    version: &str,
    keys: &[Key],
    timestamp: Option<&str>,
    signature: Option<&str>,
    body: &[u8],
    now: Timestamp,
) -> Result<usize, Untrusted> {
    let timestamp = timestamp.ok_or(Untrusted::Missing("time-stamp"))?;
    let given = hex_signature(version, signature)?;
    let signed: [&[u8]; 5] = [version.as_bytes(), b":", timestamp.as_bytes(), b":", body];
    let which = first_match(keys, |key| key.made(&signed, &given))?;
    fresh(timestamp, now)?;
    Ok(which)
}

fn timestamped_head(
    version: &str,
    keys: &[Key],
    timestamp: Option<&str>,
    signature: Option<&str>,
    now: Timestamp,
) -> Result<(), Untrusted> {
    hex_signature(version, signature)?;
    head(keys, timestamp.ok_or(Untrusted::Missing("time-stamp"))?, now)
}

/// Nobody is made to wait for a body that could not be believed.
fn head(keys: &[Key], timestamp: &str, now: Timestamp) -> Result<(), Untrusted> {
    if keys.is_empty() {
        return Err(Untrusted::NoSecret);
    }
    fresh(timestamp, now)
}

/// The 32 bytes of a signature such as `v0=` and hex.
fn hex_signature(version: &str, signature: Option<&str>) -> Result<Vec<u8>, Untrusted> {
    let signature = signature.ok_or(Untrusted::Missing("signature"))?;
    let digits = signature.strip_prefix(version).and_then(|rest| rest.strip_prefix('='));
    let given = digits.and_then(|digits| hex::decode(digits).ok()).filter(|given| given.len() == 32);
    given.ok_or(Untrusted::Malformed("signature"))
}

/// Tries every candidate even after a match, so that time does not tell which one it was.
fn first_match<T>(candidates: &[T], fits: impl Fn(&T) -> bool) -> Result<usize, Untrusted> {
    if candidates.is_empty() {
        return Err(Untrusted::NoSecret);
    }
    let fold = |found: Option<usize>, (at, one): (usize, &T)| if fits(one) { found.or(Some(at)) } else { found };
    candidates.iter().enumerate().fold(None, fold).ok_or(Untrusted::Mismatch)
}

/// Whether a time-stamp is near enough to now. The sender is never told which of all checks failed.
pub fn fresh(timestamp: &str, now: Timestamp) -> Result<(), Untrusted> {
    let plain = !timestamp.is_empty() && timestamp.len() <= 12 && timestamp.bytes().all(|byte| byte.is_ascii_digit());
    let sent: i64 = timestamp.parse().ok().filter(|_| plain).ok_or(Untrusted::Malformed("time-stamp"))?;
    let off = now.as_second() - sent;
    if off.abs() > TOLERANCE { Err(Untrusted::Stale(off)) } else { Ok(()) }
}
