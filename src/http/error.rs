//! What went wrong with a call, sorted by what its caller can do. Texts name method and path, never query or body.

use super::dialect::{About, Told};
use crate::secret::hide;
use std::time::Duration;

/// Longest text of a host that is passed on, in characters.
const LONGEST: usize = 200;

/// Why a call brought no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// It certainly had no effect.
    #[error("{call} was not sent: {why}")]
    NotSent {
        /// Method and path.
        call: String,
        /// What kept it.
        why: String,
    },
    /// It may have had its effect, now or later. A write must not be repeated before looking.
    #[error("{call} brought no usable answer: {why}")]
    Unknown {
        /// Method and path.
        call: String,
        /// What was seen instead.
        why: String,
    },
    /// It had no effect; the host asks for patience.
    #[error("{call} must wait {} s: the host limits requests", retry_after.as_secs())]
    RateLimited {
        /// Method and path.
        call: String,
        /// How long to wait before trying again.
        retry_after: Duration,
    },
    /// It had no effect, and nothing is wrong with it: the host takes no such calls for now (maintenance, a ban, a
    /// proxy that answered in its stead).
    #[error("{call} had no effect: {why}")]
    NotNow {
        /// Method and path.
        call: String,
        /// What holds it up.
        why: String,
        /// What a person can do if it does not pass by itself.
        mend: &'static str,
    },
    /// The host understood and said no.
    #[error("{call} was answered {status}: {message}")]
    Status {
        /// Method and path.
        call: String,
        /// The HTTP status, 3xx or 4xx.
        status: u16,
        /// The host's own number for what is wrong, where it has such numbers.
        code: Option<u64>,
        /// The host's own words, cleaned.
        message: String,
        /// What those words mean, where the host's dialect is known.
        told: Told,
    },
    /// The host said yes in a way that cannot be understood. A write had its effect.
    #[error("{call} was answered with nonsense: {why}")]
    Nonsense {
        /// Method and path.
        call: String,
        /// What is wrong with the answer.
        why: String,
    },
}

impl CallError {
    /// Whether the same call may go well a little later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::NotSent { .. } | Self::Unknown { .. } | Self::RateLimited { .. } | Self::NotNow { .. })
    }

    /// Whether it certainly had no effect and may simply be made again later.
    pub fn had_no_effect(&self) -> bool {
        matches!(self, Self::NotSent { .. } | Self::RateLimited { .. } | Self::NotNow { .. })
    }

    /// Whether what was asked for is wrong, and stays wrong however often it is asked for.
    pub fn is_about_the_request(&self) -> bool {
        matches!(self.status(), Some(400 | 422))
    }

    /// Whom a refusal concerns.
    pub fn about(&self) -> About {
        match self {
            Self::Status { told, .. } => told.about,
            _ => About::Call,
        }
    }

    /// Whether every call is refused like that until a person mends the credential or the account behind it.
    pub fn bars_everything(&self) -> bool {
        self.about() != About::Call
    }

    /// What a person can do about it, where the host's words tell.
    pub fn mend(&self) -> Option<&'static str> {
        match self {
            Self::Status { told, .. } => told.mend,
            Self::NotNow { mend, .. } => Some(mend),
            _ => None,
        }
    }

    /// Method and path.
    pub fn call(&self) -> &str {
        match self {
            Self::NotSent { call, .. }
            | Self::Unknown { call, .. }
            | Self::RateLimited { call, .. }
            | Self::NotNow { call, .. }
            | Self::Status { call, .. }
            | Self::Nonsense { call, .. } => call,
        }
    }

    /// The host's words alone, for a sentence of its own.
    pub fn words(&self) -> String {
        match self {
            Self::Status { message, .. } => message.clone(),
            Self::NotNow { why, .. } => why.clone(),
            other => other.to_string(),
        }
    }

    /// How long the host asked to wait; zero if it did not.
    pub fn retry_after(&self) -> Duration {
        match self {
            Self::RateLimited { retry_after, .. } => *retry_after,
            _ => Duration::ZERO,
        }
    }

    /// The host's own number for a definite refusal.
    pub fn code(&self) -> Option<u64> {
        match self {
            Self::Status { code, .. } => *code,
            _ => None,
        }
    }

    /// The status of a definite refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// A [`CallError`] that does not know yet which call it belongs to.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    NotSent(String),
    Unknown(String),
    RateLimited(Duration),
    NotNow(String, &'static str),
    Status(Status),
    Nonsense(String),
}

/// A definite refusal.
#[derive(Clone, Debug)]
pub(super) struct Status {
    pub(super) status: u16,
    pub(super) code: Option<u64>,
    pub(super) message: String,
    pub(super) told: Told,
}

impl Failure {
    /// A refusal that nobody but the host itself explains.
    pub(super) fn status(status: u16, code: Option<u64>, message: String) -> Self {
        Self::Status(Status { status, code, message, told: Told::default() })
    }

    pub(super) fn not_sent(why: &str) -> Self {
        Self::NotSent(why.to_owned())
    }

    /// A call that never got far enough to have an effect is told apart from one that may have.
    pub(super) fn of_transport(error: reqwest::Error) -> Self {
        let never_left = error.is_connect() || error.is_builder();
        let host = error.url().filter(|_| error.is_connect()).and_then(|url| {
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            Some(format!("{}{port}", url.host_str()?))
        });
        let why = if error.is_timeout() { "it took too long".to_owned() } else { cause(&error.without_url()) };
        let why = host.map_or_else(|| why.clone(), |host| format!("{host}: {why}"));
        if never_left { Self::NotSent(why) } else { Self::Unknown(why) }
    }

    /// The error for the call, with every secret taken out of the host's words.
    pub(super) fn explain(self, label: &str) -> CallError {
        let call = clean(label);
        match self {
            Self::NotSent(why) => CallError::NotSent { call, why: clean(&why) },
            Self::Unknown(why) => CallError::Unknown { call, why: clean(&why) },
            Self::RateLimited(retry_after) => CallError::RateLimited { call, retry_after },
            Self::NotNow(why, mend) => CallError::NotNow { call, why: clean(&why), mend },
            Self::Status(Status { status, code, message, told }) => {
                CallError::Status { call, status, code, message: clean(&message), told }
            }
            Self::Nonsense(why) => CallError::Nonsense { call, why: clean(&why) },
        }
    }
}

/// The innermost reason: the outer ones only say that a request failed.
pub(super) fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    // The number of a system's error says nothing that its words do not.
    let words = innermost.to_string();
    words.split(" (os error ").next().unwrap_or_default().to_owned()
}

/// Text from outside made fit to show: no secrets, no invisible or control characters, not too long.
fn clean(text: &str) -> String {
    // Far more than is shown, so that nothing is cut in two that would be found whole.
    let text: String = text.chars().take(16 * LONGEST).collect();
    hide(&text).chars().filter(|c| !is_invisible(*c)).take(LONGEST).collect()
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// What a host says in the body of a refusal, under the keys by which GitLab, Slack, Vault and the clouds
/// say it, or as plain text.
pub(super) fn message_of(body: &[u8]) -> Option<String> {
    let Ok(answer) = serde_json::from_slice::<serde_json::Value>(body) else { return plain(body) };
    let parts: Vec<String> = ["message", "error", "error_description", "errors"]
        .iter()
        .filter_map(|key| answer.get(key))
        .map(|found| explained(found).unwrap_or_else(|| flat(found)))
        .filter(|text| !text.is_empty())
        .collect();
    (!parts.is_empty()).then(|| parts.join(": "))
}

/// One line of text, as Fortanix says what is wrong; pages of proxies are no words of the host.
fn plain(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let is_line = !text.is_empty() && !text.starts_with('<') && !text.contains('\n');
    is_line.then(|| text.to_owned())
}

/// Google and Azure put name and words of what is wrong into an object of their own.
fn explained(error: &serde_json::Value) -> Option<String> {
    let message = error.get("message")?.as_str()?;
    let name = ["status", "code"].iter().find_map(|key| error.get(key)?.as_str());
    Some(name.map_or_else(|| message.to_owned(), |name| format!("{name}: {message}")))
}

/// The number by which a host (Discord) names what is wrong.
pub(super) fn code_of(body: &[u8]) -> Option<u64> {
    serde_json::from_slice::<serde_json::Value>(body).ok()?.get("code")?.as_u64()
}

fn flat(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(flat).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| format!("{key} {}", flat(value))).collect::<Vec<_>>().join(", ")
        }
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn the_words_of_a_refusal_are_found_in_each_shape() {
        for (body, words) in [
            (r#"{"message":"401 Unauthorized"}"#, "401 Unauthorized"),
            (r#"{"message":{"expires_at":["must be before 2027-01-01"]}}"#, "expires_at must be before 2027-01-01"),
            (
                r#"{"error":"invalid_token","error_description":"Token was revoked."}"#,
                "invalid_token: Token was revoked.",
            ),
            (r#"{"errors":["permission denied"]}"#, "permission denied"),
            (
                r#"{"error":{"code":403,"message":"No.","status":"PERMISSION_DENIED","details":[]}}"#,
                "PERMISSION_DENIED: No.",
            ),
            (r#"{"error":{"code":"Forbidden","message":"No.","innererror":{"code":"x"}}}"#, "Forbidden: No."),
        ] {
            assert_eq!(message_of(body.as_bytes()).as_deref(), Some(words));
        }
        assert_eq!(message_of(b"sobject does not exist\n").as_deref(), Some("sobject does not exist"));
        for page in [b"<html>Retry later</html>".as_slice(), b"", b"two\nlines", b"\xff"] {
            assert_eq!(message_of(page), None);
        }
    }

    #[test]
    fn nothing_hostile_survives_in_an_error() {
        let odd = Secret::new("no-known-prefix".into());
        let text =
            format!("a\u{202e}b\u{1b}[31m glp\u{200b}at-AbCdEfGhIjKlMnOpQrSt no-known-prefix {}", "x".repeat(500));
        let error = Failure::status(400, None, text).explain("PUT /x").to_string();
        assert!(error.starts_with("PUT /x was answered 400: ab[31m [MASKED] [MASKED] xxx"), "{error}");
        assert_eq!(odd.expose(), "no-known-prefix", "it is known as long as it lives");
        assert!(error.chars().count() < 240);
    }

    #[test]
    fn a_document_of_several_lines_is_hidden_too() {
        let document = Secret::new("machine x\n  password no-known-prefix\n".into());
        let text = format!("unexpected {}", document.expose());
        let error = Failure::status(400, None, text).explain("PUT /x").to_string();
        assert_eq!(error, "PUT /x was answered 400: unexpected machine x  password [MASKED]");
    }
}
