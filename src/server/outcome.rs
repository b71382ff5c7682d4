//! What becomes of a notice: one answer, one metric, and one log line unless it is new and good.

use crate::ledger::{Accepted, LedgerError};
use crate::notice::signature::Untrusted;
use crate::telemetry::{INBOUND, came_in};
use axum::body::Body;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Response, StatusCode};
use std::time::Duration;

/// What a sender of something that we have no use for reads.
const IGNORED: &str = "ignored\n";

/// Why a request changes nothing.
#[derive(Debug)]
pub(super) struct Refusal {
    /// For the metric.
    result: &'static str,
    /// For the log. Quotes nothing of the request that was not made plain before.
    why: String,
    /// For the sender.
    status: StatusCode,
    /// When the sender should come again.
    retry_after: Option<u8>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, result: &'static str, why: impl ToString) -> Self {
        Self { result, why: why.to_string(), status, retry_after: None }
    }

    /// Genuine, and of no use: an error would only make the sender repeat it, or switch its hook off.
    pub(super) fn ignored(result: &'static str, why: impl ToString) -> Self {
        Self::new(StatusCode::OK, result, why)
    }

    /// More requests than there is room for.
    pub(super) fn busy() -> Self {
        Self::later("busy", "too many requests at once", 1)
    }

    /// No commit came in time. It may still come, and the repeat will be a duplicate then.
    pub(super) fn late(patience: Duration) -> Self {
        Self::later("unavailable", format!("no commit within {patience:?}"), 5)
    }

    fn later(result: &'static str, why: impl ToString, seconds: u8) -> Self {
        Self { retry_after: Some(seconds), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, result, why) }
    }

    /// Counts it, logs it, and answers the sender.
    pub(super) fn answer(self, endpoint: &'static str) -> Response<Body> {
        let Self { result, why, status, retry_after } = self;
        count(endpoint, result);
        match status {
            StatusCode::OK => tracing::info!(endpoint, result, why, "notice ignored"),
            _ => tracing::warn!(endpoint, result, why, status = status.as_u16(), "notice refused"),
        }
        let text = if status == StatusCode::OK { IGNORED } else { "" };
        let mut response = with_status(status, text);
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(u16::from(seconds)));
        }
        response
    }
}

/// 401 and nothing else, whatever was wrong.
impl From<Untrusted> for Refusal {
    fn from(untrusted: Untrusted) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", untrusted)
    }
}

/// A commit that failed may have happened; the repeat will tell.
impl From<LedgerError> for Refusal {
    fn from(error: LedgerError) -> Self {
        Self::later("unavailable", error, 5)
    }
}

/// The answer to a notice at this endpoint.
pub(super) fn answer(endpoint: &'static str, outcome: Result<Accepted, Refusal>) -> Response<Body> {
    if outcome.is_ok() {
        came_in(endpoint);
    }
    match outcome {
        Ok(Accepted::New) => count(endpoint, "accepted"),
        Ok(Accepted::Duplicate) => {
            count(endpoint, "duplicate");
            tracing::info!(endpoint, "notice known already");
        }
        Err(refusal) => return refusal.answer(endpoint),
    }
    with_status(StatusCode::ACCEPTED, "")
}

fn count(endpoint: &'static str, result: &'static str) {
    metrics::counter!(INBOUND, "endpoint" => endpoint, "result" => result).increment(1);
}

fn with_status(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}
