//! `POST /hooks/mail`: a whole mail (RFC 5322) from a relay that we know, as `Content-Type: message/rfc822`.
//!
//! The relay proves itself by HTTP Basic, as Rails' relay ingress, or by `X-Rekey-Timestamp` (seconds) and
//! `X-Rekey-Signature` (`v1=` and the hex HMAC-SHA256 over `v1:timestamp:body`). It learns from the status what to do
//! with the mail; `manifests/mail/rekey-pipe.sh` translates for Postfix and Exim:
//!
//! | status | means | pipe exits with |
//! |---|---|---|
//! | 202 | remembered, now or before | 0 |
//! | 200 | read, and of no use: not about tokens, a reply, a look-alike. Never bounced, never repeated | 0 |
//! | 401 | the relay's password or signature is wrong: an error of ours, so the mail waits | 75 |
//! | 400, 413, 415 | no mail, or too big: repeating will not help | 65 |
//! | 408, 429, 5xx | slow line, overload, database away: the mail waits | 75 |

use super::Endpoint;
use super::body::{hand_over, header};
use super::outcome::{self, Refusal};
use super::visit::Visit;
use crate::ledger::Accepted;
use crate::notice::email::{self, MailPolicy, Refused};
use crate::notice::signature::{self, Key, Login};
use crate::notice::{Notice, Source};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, Response, StatusCode};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

const ENDPOINT: &str = "mail";
const SIGNATURE: &str = "x-rekey-signature";
const TIMESTAMP: &str = "x-rekey-timestamp";

/// Whom we take mail from, and which mail we believe.
pub struct Door {
    /// HTTP Basic; several while a password is being changed.
    pub logins: Vec<Login>,
    /// Keys of the signature; several while one is being changed.
    pub keys: Vec<Key>,
    /// What a mail must satisfy.
    pub policy: MailPolicy,
}

pub(super) async fn receive(State(endpoint): State<Arc<Endpoint<Door>>>, request: Request) -> Response<Body> {
    outcome::answer(ENDPOINT, endpoint.take(request).await)
}

impl Endpoint<Door> {
    async fn take(&self, request: Request) -> Result<Accepted, Refusal> {
        let (head, body) = request.into_parts();
        let visit = Visit::of(&head.extensions);
        // Without keys a signature proves nothing, and nobody makes us read a body for it.
        let signed = header(&head.headers, SIGNATURE).filter(|_| !self.door.keys.is_empty());
        let time = header(&head.headers, TIMESTAMP);
        match signed {
            Some(_) => signature::mail_head(&self.door.keys, time, signed, self.intake.now())?,
            None => {
                signature::basic(&self.door.logins, header(&head.headers, AUTHORIZATION.as_str()))?;
                visit.prove();
            }
        }
        let raw = visit.read(body, self.limits.body).await?;
        if signed.is_some() {
            signature::mail(&self.door.keys, time, signed, &raw, self.intake.now())?;
            visit.prove();
        }
        check_type(&head.headers)?;
        self.pass_on(&email::parse(&raw, &self.door.policy).map_err(refusal)?, &raw).await
    }

    /// All of them are remembered, or the mail comes again.
    async fn pass_on(&self, notices: &[Notice], raw: &[u8]) -> Result<Accepted, Refusal> {
        let mut accepted = Err(Refusal::ignored("ignored", "the mail says nothing"));
        for notice in notices {
            match (notice, &accepted) {
                (Notice::Ignored { why }, Err(_)) => accepted = Err(Refusal::ignored("ignored", why)),
                (Notice::Ignored { .. }, Ok(_)) => {}
                _ => {
                    accepted = Ok(hand_over(self.intake.as_ref(), &self.limits, key(notice, raw), notice).await?);
                }
            }
        }
        accepted
    }
}

/// A packed body could be a bomb, and no relay sends one.
fn check_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let unsupported = |why| Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "malformed", why));
    if headers.contains_key(CONTENT_ENCODING) {
        return unsupported("the body is encoded");
    }
    let kind = header(headers, CONTENT_TYPE.as_str()).and_then(|kind| kind.split(';').next());
    match kind {
        Some(kind) if kind.trim().eq_ignore_ascii_case("message/rfc822") => Ok(()),
        _ => unsupported("the body is not declared as message/rfc822"),
    }
}

/// Only what no server can deliver better is an error. Anything else would bounce to a sender who may be forged.
fn refusal(refused: Refused) -> Refusal {
    match refused {
        Refused::TooBig => Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_big", refused),
        Refused::Malformed(_) => Refusal::new(StatusCode::BAD_REQUEST, "malformed", refused),
        Refused::Unauthenticated(_) | Refused::Stranger { .. } | Refused::LookAlike { .. } | Refused::SeveralFrom => {
            Refusal::ignored("forged", refused)
        }
        _ => Refusal::ignored("ignored", refused),
    }
}

/// The same for every delivery of one mail, whatever servers wrote above it. The `Message-ID` alone is the sender's
/// word: with it, one mail could keep another from being heard.
fn key(notice: &Notice, raw: &[u8]) -> String {
    let named = matches!(notice, Notice::Tokens { source: Source::Mail { message_id: Some(_), .. }, .. });
    let mut digest = Sha256::new();
    if !named {
        digest.update(raw);
    }
    digest.update(serde_json::to_vec(notice).unwrap_or_default());
    format!("mail:{}", hex::encode(digest.finalize()))
}
