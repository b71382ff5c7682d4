//! `POST /hooks/gitlab`: webhooks of the instance. GitLab switches a hook off that answers with errors (for minutes
//! after four in a row, for good after forty), so whatever is genuine gets 2xx, of use or not.

use super::Endpoint;
use super::body::{hand_over, header};
use super::outcome::{self, Refusal};
use super::visit::Visit;
use crate::ledger::Accepted;
use crate::notice::signature::{self, Key, Untrusted};
use crate::notice::{Notice, webhook};
use crate::secret::Secret;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

const ENDPOINT: &str = "gitlab";

/// Whom we believe. Without keys and tokens, nobody.
pub struct Door {
    /// Signing tokens, several while one is being changed. If there are any, every request must be signed: a plain
    /// token can be replayed by whoever sees it once. GitLab sends both, so configure the signature there first.
    pub keys: Vec<Key>,
    /// Secret tokens for `X-Gitlab-Token`, several while one is being changed.
    pub tokens: Vec<Secret>,
    /// Hosts (and ports, unless they are the scheme's own) by which the instance's webhooks name it.
    pub hosts: Vec<String>,
    /// The one by which we call it.
    pub known_as: String,
}

pub(super) async fn receive(State(endpoint): State<Arc<Endpoint<Door>>>, request: Request) -> Response<Body> {
    outcome::answer(ENDPOINT, endpoint.take(request).await)
}

impl Endpoint<Door> {
    async fn take(&self, request: Request) -> Result<Accepted, Refusal> {
        let (head, body) = request.into_parts();
        let (headers, visit) = (&head.headers, Visit::of(&head.extensions));
        if self.door.keys.is_empty() {
            signature::shared_token(&self.door.tokens, header(headers, "x-gitlab-token"))?;
            visit.prove();
        } else {
            let [id, time, signatures] = signing(headers);
            signature::standard_webhooks_head(&self.door.keys, id, time, signatures, self.intake.now())?;
        }
        // A body above the limit is 413 although GitLab counts that as an error: who sent it is known only after
        // reading it all, and polling finds out what such a huge pipeline had to say.
        let raw = visit.read(body, self.limits.body).await?;
        if !self.door.keys.is_empty() {
            self.check_signature(headers, &raw)?;
            visit.prove();
        }
        let event = header(headers, "x-gitlab-event").unwrap_or_default();
        let mut notice = webhook::parse(event, header(headers, "x-gitlab-instance"), &raw)
            .map_err(|malformed| Refusal::ignored("malformed", malformed))?;
        self.recognise(&mut notice)?;
        hand_over(self.intake.as_ref(), &self.limits, self.key(headers, &raw), &notice).await
    }

    fn check_signature(&self, headers: &HeaderMap, raw: &[u8]) -> Result<usize, Untrusted> {
        let [id, time, signatures] = signing(headers);
        signature::standard_webhooks(&self.door.keys, id, time, signatures, raw, self.intake.now())
    }

    /// Only what our instance says is of use; from here on it goes by the name under which we call it.
    fn recognise(&self, notice: &mut Notice) -> Result<(), Refusal> {
        let host = match notice {
            Notice::Ignored { why } => return Err(Refusal::ignored("ignored", why)),
            Notice::Tokens { host, .. }
            | Notice::TokenExpiring { host, .. }
            | Notice::Pipeline { host, .. }
            | Notice::Job { host, .. }
            | Notice::Comment { host, .. } => host,
        };
        if !self.door.hosts.contains(host) {
            let known = self.door.hosts.join(", ");
            let mend = "if that is another name of it, add it to [gitlab.webhook] hosts";
            let why = format!("the event is from {host}, not from our gitlab ({known}); {mend}");
            return Err(Refusal::ignored("foreign", why));
        }
        host.clone_from(&self.door.known_as);
        Ok(())
    }

    /// The same for every delivery of one event. Only a signature covers the id; without one the body is the key, so
    /// that a copy with another id is still a copy.
    fn key(&self, headers: &HeaderMap, raw: &[u8]) -> String {
        let signed = header(headers, "webhook-id").filter(|_| !self.door.keys.is_empty());
        let same = signed.map_or(raw, str::as_bytes);
        format!("gitlab:{}", hex::encode(Sha256::digest(same)))
    }
}

/// What a signature is made of besides the body.
fn signing(headers: &HeaderMap) -> [Option<&str>; 3] {
    ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| header(headers, name))
}
