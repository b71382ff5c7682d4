//! Reading a body within its limits, and handing over what was made of it.

use super::outcome::Refusal;
use super::{Intake, Limits};
use crate::ledger::Accepted;
use crate::notice::Notice;
use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::http::{HeaderMap, StatusCode};
use http_body_util::LengthLimitError;
use std::error::Error;
use tower_http::timeout::TimeoutError;

/// A header as text; one that is not text counts as missing.
pub(super) fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// The whole body. One that announces too much is not read at all.
pub(super) async fn read(body: Body, limits: &Limits) -> Result<Bytes, Refusal> {
    let announced = body.size_hint().lower();
    if announced > limits.body as u64 {
        return Err(too_big(limits));
    }
    to_bytes(body, limits.body).await.map_err(|error| {
        if caused_by::<LengthLimitError>(&error) {
            too_big(limits)
        } else if caused_by::<TimeoutError>(&error) {
            Refusal::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the body took too long to arrive")
        } else {
            Refusal::new(StatusCode::BAD_REQUEST, "malformed", "the body broke off")
        }
    })
}

/// Waits for the commit, but not for ever.
pub(super) async fn hand_over(
    intake: &dyn Intake,
    limits: &Limits,
    key: String,
    notice: &Notice,
) -> Result<Accepted, Refusal> {
    let accepted = tokio::time::timeout(limits.commit, intake.accept(key, notice)).await;
    Ok(accepted.map_err(|_| Refusal::late(limits.commit))??)
}

fn too_big(limits: &Limits) -> Refusal {
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_big", format!("the body has more than {} bytes", limits.body))
}

fn caused_by<E: Error + 'static>(error: &axum::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<E>() {
            return true;
        }
        cause = error.source();
    }
    false
}
