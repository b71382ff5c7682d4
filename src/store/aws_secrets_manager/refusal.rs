//! What an error of AWS means here. Nearly all of them come with status 400, so the name decides.

use crate::rotation::ids::StoreId;
use crate::rotation::view::text::{cut, line};
use crate::store::StoreError;
use aws_sdk_secretsmanager::config::http::HttpResponse;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use std::error::Error;
use std::time::Duration;

/// The longest text of AWS's that is passed on, in characters.
const LONGEST: usize = 240;

/// What AWS said, without the type of the call that it was said to.
#[derive(Debug)]
pub(super) struct Refusal {
    how: How,
    code: String,
    words: String,
    retry_after: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// There was an answer.
    Answered(u16),
    /// It is not known whether the call arrived.
    Lost,
    /// No call was made: there are no credentials.
    Nobody,
}

/// The call that was refused.
#[derive(Clone, Copy)]
pub(super) struct Attempted {
    /// As policies name it.
    pub(super) action: &'static str,
    /// Whether readers can see its effect, or its effect is a version.
    pub(super) writes: bool,
}

impl Refusal {
    pub(super) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let response = error.raw_response();
        let retry_after =
            response.and_then(|response| response.headers().get("retry-after")?.parse().ok()).map(Duration::from_secs);
        let (how, words) = match error {
            SdkError::ServiceError(service) => {
                (How::Answered(service.raw().status().as_u16()), error.message().unwrap_or_default().to_owned())
            }
            SdkError::ConstructionFailure(_) => (How::Nobody, causes(error)),
            SdkError::DispatchFailure(failure) if failure.is_other() && failure.as_other().is_none() => {
                (How::Nobody, causes(error))
            }
            _ => (How::Lost, causes(error)),
        };
        Self { how, code: error.code().unwrap_or_default().to_owned(), words, retry_after }
    }

    /// AWS's name for it.
    pub(super) fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// The credentials are refused; others may be there by now.
    pub(super) fn is_of_the_caller(&self) -> bool {
        const CALLER: &[&str] = &[
            "ExpiredTokenException",
            "ExpiredToken",
            "UnrecognizedClientException",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "IncompleteSignature",
            "MissingAuthenticationTokenException",
        ];
        CALLER.contains(&self.code.as_str())
    }

    fn is_throttled(&self) -> bool {
        const THROTTLED: &[&str] =
            &["ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"];
        self.how == How::Answered(429) || THROTTLED.contains(&self.code.as_str())
    }

    /// As the trouble of a store. `section` is the connection whose credentials were used.
    pub(super) fn explain(&self, store: &StoreId, attempted: Attempted, section: &str) -> StoreError {
        let words = cut(&line(&self.words), LONGEST);
        let named = if words.is_empty() { self.code.clone() } else { format!("{}: {words}", self.code) };
        let named = if self.code.is_empty() { words } else { named };
        let lost = |why: String| match attempted.writes {
            true => StoreError::Unknown { store: store.clone(), why },
            false => StoreError::unavailable(store, why),
        };
        match self.how {
            _ if self.is_throttled() => StoreError::Unavailable {
                store: store.clone(),
                retry_after: self.retry_after,
                why: format!("AWS limits requests ({})", attempted.action),
            },
            How::Nobody if !is_for_good(&self.words) => StoreError::unavailable(store, named),
            How::Nobody => StoreError::refused(store, named, credentials(section)),
            How::Lost => lost(format!("{} brought no answer: {named}", attempted.action)),
            How::Answered(500..) => lost(format!("{} brought no usable answer: {named}", attempted.action)),
            How::Answered(status) => {
                let why = if named.is_empty() { format!("AWS answered {status}") } else { named };
                StoreError::refused(store, why, self.mend(attempted, section))
            }
        }
    }

    fn mend(&self, attempted: Attempted, section: &str) -> String {
        let page = "docs/stores/aws_secrets_manager.md";
        match self.code.as_str() {
            _ if self.is_of_the_caller() => credentials(section),
            "AccessDeniedException" if self.words.contains("KMS") || self.words.contains("kms:") => {
                format!("allow kms:Decrypt and kms:GenerateDataKey on the secret's key to the bot ({page})")
            }
            "AccessDeniedException" => {
                format!("allow secretsmanager:{} on the secret to the bot ({page})", attempted.action)
            }
            "DecryptionFailure" | "DecryptionFailureException" | "EncryptionFailure" | "EncryptionFailureException" => {
                "enable the secret's KMS key, and let the bot use it".to_owned()
            }
            "ResourceNotFoundException" => "create the secret, or correct secret and region".to_owned(),
            "LimitExceededException" => "remove versions or labels of the secret that nobody needs".to_owned(),
            _ => "put a value there once by hand to see what AWS objects to".to_owned(),
        }
    }
}

fn credentials(section: &str) -> String {
    format!("check the credentials of {section}, docs/stores/aws_secrets_manager.md")
}

/// What a person must mend, as opposed to a network that is down.
fn is_for_good(words: &str) -> bool {
    const FOR_GOOD: &[&str] = &[
        "AccessDenied",
        "not authorized",
        "ExpiredToken",
        "InvalidIdentityToken",
        "IDPRejectedClaim",
        "ValidationError",
        "InvalidClientTokenId",
        "No such file",
        "could not read file",
        "no providers in chain",
        "could not find source profile",
        "was not defined",
        "not contain",
    ];
    FOR_GOOD.iter().any(|sign| words.contains(sign))
}

/// What the SDK says around every reason.
const WRAPPING: &[&str] = &["dispatch failure", "other", "service error", "failed to construct request"];

/// The whole chain of reasons, each once.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !WRAPPING.contains(&text.as_str()) && !words.iter().any(|earlier| earlier.contains(&text)) {
            words.push(text);
        }
        next = error.source();
    }
    words.join(": ")
}
