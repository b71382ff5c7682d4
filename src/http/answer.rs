//! From a response to a [`Reply`] or a typed failure.

use super::body::{self, Keep, Unread};
use super::error::{CallError, Failure, code_of, message_of};
use super::throttle::asked_to_wait;
use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

/// Enough of a refusal to find its words.
const REFUSAL_CAP: usize = 64 << 10;

/// An answer 2xx, or of a status that its caller asked for. Its body is wiped on drop.
pub struct Reply {
    label: String,
    status: StatusCode,
    headers: HeaderMap,
    body: Zeroizing<Vec<u8>>,
}

impl Reply {
    /// The status: 200 to 299, or one of those given to [`Call::answers`](super::Call::answers).
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// A header that is readable text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The bytes of the body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as JSON of that shape. The parser's own message is not passed on: it may quote the body.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            self.nonsense(&format!("not the expected JSON ({place})"))
        })
    }

    /// The refusal that an answer with this status would have been, had its caller not asked for it.
    pub fn refusal(&self) -> CallError {
        let message = message_of(&self.body).unwrap_or_else(|| usual_words(self.status));
        Failure::Status(self.status(), code_of(&self.body), message).explain(&self.label)
    }

    /// What the host says in the body, if it is JSON of a usual shape; not cleaned, and not to be shown as it is.
    pub fn message(&self) -> Option<String> {
        message_of(&self.body)
    }

    /// The error for an answer whose JSON is well formed and still cannot be right.
    pub fn nonsense(&self, why: &str) -> CallError {
        Failure::Nonsense(why.to_owned()).explain(&self.label)
    }
}

/// What the caller wants of an answer.
pub(super) struct Wanted<'a> {
    pub(super) keep: Keep,
    /// Statuses that are answers and not errors.
    pub(super) also: &'a [u16],
}

/// Sorts a response by its status and reads what is wanted of it.
pub(super) async fn take(response: Response, label: &str, wanted: Wanted<'_>) -> Result<Reply, Failure> {
    let status = response.status();
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(Failure::RateLimited(asked_to_wait(response.headers())));
    }
    if wanted.also.contains(&status.as_u16()) {
        whole(response, label, wanted.keep).await
    } else {
        usual(response, label, wanted.keep).await
    }
}

/// Only 2xx is an answer.
async fn usual(response: Response, label: &str, keep: Keep) -> Result<Reply, Failure> {
    let status = response.status();
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        return Err(Failure::Unknown(format!("the host answered {}", status.as_u16())));
    }
    if status.is_redirection() {
        let why = "it points to another address; the base address or a path is outdated";
        return Err(Failure::Status(status.as_u16(), None, why.to_owned()));
    }
    if !status.is_success() {
        return Err(refusal(response, status).await);
    }
    whole(response, label, keep).await
}

async fn whole(response: Response, label: &str, keep: Keep) -> Result<Reply, Failure> {
    let (status, headers) = (response.status(), response.headers().clone());
    match body::read(response, keep).await {
        Ok(body) => Ok(Reply { label: label.to_owned(), status, headers, body }),
        Err(Unread::TooBig(cap)) => Err(Failure::Nonsense(format!("more than {cap} bytes"))),
        Err(Unread::Broken(error)) if error.is_timeout() => Err(Failure::Unknown("it took too long".to_owned())),
        Err(Unread::Broken(_)) => Err(Failure::Unknown("the answer broke off".to_owned())),
    }
}

async fn refusal(response: Response, status: StatusCode) -> Failure {
    let body = body::read(response, Keep::All(REFUSAL_CAP)).await.unwrap_or_default();
    let message = message_of(&body).unwrap_or_else(|| usual_words(status));
    Failure::Status(status.as_u16(), code_of(&body), message)
}

fn usual_words(status: StatusCode) -> String {
    status.canonical_reason().unwrap_or("refused").to_owned()
}
