//! From a response to a [`Reply`] or a typed failure.

use super::body::{self, Keep, Unread};
use super::dialect::{About, Dialect, Reading, Refused, Told};
use super::error::{CallError, Failure, Status, code_of, message_of};
use super::throttle::asked_to_wait;
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

/// Enough of a refusal to find its words.
const REFUSAL_CAP: usize = 64 << 10;

/// What a redirect says, which is never followed.
const ELSEWHERE: &str = "it points to another address; the base address or a path is outdated";

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
        Failure::status(self.status(), code_of(&self.body), message).explain(&self.label)
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
    /// How refusals are read, if the host has words of its own for them.
    pub(super) dialect: Option<Asked<'a>>,
}

/// A call to a host with a dialect.
pub(super) struct Asked<'a> {
    pub(super) dialect: Dialect,
    pub(super) is_write: bool,
    pub(super) base: &'a str,
}

/// What came instead of an answer.
pub(super) enum Refusal {
    /// It is settled what it was.
    Settled(Failure),
    /// It may be about the credential or about this call.
    Unsettled(Status),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Settled(failure)
    }
}

/// Sorts a response by its status and reads what is wanted of it.
pub(super) async fn take(response: Response, label: &str, wanted: Wanted<'_>) -> Result<Reply, Refusal> {
    let status = response.status();
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(Failure::RateLimited(asked_to_wait(response.headers())).into());
    }
    if status.is_success() {
        return Ok(whole(response, label, wanted.keep).await?);
    }
    if wanted.also.contains(&status.as_u16()) {
        return as_asked(response, label, &wanted).await;
    }
    Err(match wanted.dialect {
        Some(asked) => read_by(&asked, response).await,
        None => usual(response).await.into(),
    })
}

/// A status that its caller asked for, unless it does not come from the host itself.
async fn as_asked(response: Response, label: &str, wanted: &Wanted<'_>) -> Result<Reply, Refusal> {
    let url = response.url().clone();
    let reply = whole(response, label, wanted.keep).await?;
    let Some(asked) = &wanted.dialect else { return Ok(reply) };
    let words = message_of(&reply.body);
    let refused = Refused {
        is_write: asked.is_write,
        path: url.path(),
        base: asked.base,
        origin: &url.origin().ascii_serialization(),
        status: reply.status(),
        headers: &reply.headers,
        location: reply.header(LOCATION.as_str()),
        body: &reply.body,
        words: words.as_deref(),
    };
    match (asked.dialect.read)(&refused) {
        Reading::NotNow { why, mend } => Err(Failure::NotNow(why, mend).into()),
        Reading::No { .. } | Reading::NoOrNobody => Ok(reply),
    }
}

/// A refusal of a host about which nothing special is known.
async fn usual(response: Response) -> Failure {
    let status = response.status();
    if is_unknown(status) {
        return Failure::Unknown(format!("the host answered {}", status.as_u16()));
    }
    if status.is_redirection() {
        return Failure::status(status.as_u16(), None, ELSEWHERE.to_owned());
    }
    let body = body::read(response, Keep::All(REFUSAL_CAP)).await.unwrap_or_default();
    let message = message_of(&body).unwrap_or_else(|| usual_words(status));
    let about = if status == StatusCode::UNAUTHORIZED { About::Credential } else { About::Call };
    let told = Told { about, mend: None };
    Failure::Status(Status { status: status.as_u16(), code: code_of(&body), message, told })
}

/// A refusal in the host's own way of speaking.
async fn read_by(asked: &Asked<'_>, response: Response) -> Refusal {
    let (status, url, headers) = (response.status(), response.url().clone(), response.headers().clone());
    let body = body::read(response, Keep::All(REFUSAL_CAP)).await.unwrap_or_default();
    let words = message_of(&body);
    let refused = Refused {
        is_write: asked.is_write,
        path: url.path(),
        base: asked.base,
        origin: &url.origin().ascii_serialization(),
        status: status.as_u16(),
        headers: &headers,
        location: headers.get(LOCATION).and_then(|value| value.to_str().ok()),
        body: &body,
        words: words.as_deref(),
    };
    let usual = if status.is_redirection() { ELSEWHERE.to_owned() } else { usual_words(status) };
    let said = |better: Option<String>, told: Told| Status {
        status: status.as_u16(),
        code: code_of(&body),
        message: better.or_else(|| words.clone()).unwrap_or(usual),
        told,
    };
    match (asked.dialect.read)(&refused) {
        Reading::NotNow { why, mend } => Failure::NotNow(why, mend).into(),
        _ if is_unknown(status) => Failure::Unknown(format!("the host answered {}", status.as_u16())).into(),
        Reading::No { words: better, told } => Failure::Status(said(better, told)).into(),
        Reading::NoOrNobody => Refusal::Unsettled(said(None, Told { about: About::Credential, mend: None })),
    }
}

/// It may have had its effect.
fn is_unknown(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT
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

fn usual_words(status: StatusCode) -> String {
    status.canonical_reason().unwrap_or("refused").to_owned()
}
