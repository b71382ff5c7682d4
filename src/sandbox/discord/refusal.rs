//! How Discord says no: a status, a number, words, and for a body that is wrong where in it.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A no.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    pub status: u16,
    pub body: Value,
}

pub(super) type Outcome<T> = Result<T, Refusal>;

/// Status, number, words.
pub(super) type Known = (u16, u64, &'static str);

pub(super) const UNAUTHORIZED: Known = (401, 0, "401: Unauthorized");
pub(super) const NO_ROUTE: Known = (404, 0, "404: Not Found");
pub(super) const UNKNOWN_APPLICATION: Known = (404, 10_002, "Unknown Application");
pub(super) const UNKNOWN_CHANNEL: Known = (404, 10_003, "Unknown Channel");
pub(super) const UNKNOWN_GUILD: Known = (404, 10_004, "Unknown Guild");
pub(super) const UNKNOWN_MEMBER: Known = (404, 10_007, "Unknown Member");
pub(super) const UNKNOWN_MESSAGE: Known = (404, 10_008, "Unknown Message");
pub(super) const UNKNOWN_WEBHOOK: Known = (404, 10_015, "Unknown Webhook");
pub(super) const UNKNOWN_INTERACTION: Known = (404, 10_062, "Unknown interaction");
pub(super) const ACKNOWLEDGED: Known = (400, 40_060, "Interaction has already been acknowledged.");
pub(super) const MISSING_ACCESS: Known = (403, 50_001, "Missing Access");
pub(super) const NOT_THE_AUTHOR: Known = (403, 50_005, "Cannot edit a message authored by another user");
pub(super) const EMPTY_MESSAGE: Known = (400, 50_006, "Cannot send an empty message");
pub(super) const MISSING_PERMISSIONS: Known = (403, 50_013, "Missing Permissions");
pub(super) const DEAD_TOKEN: Known = (401, 50_027, "Invalid Webhook Token");
pub(super) const ARCHIVED: Known = (400, 50_083, "Thread is archived");
pub(super) const HAS_THREAD: Known = (400, 160_004, "A thread has already been created for this message");

/// A no of the well-known kind.
pub(super) fn refuse<T>((status, code, message): Known) -> Outcome<T> {
    Err(Refusal { status, body: json!({"message": message, "code": code}) })
}

/// A no to what the body says at `place`.
pub(super) fn invalid<T>(place: &str, why: &str) -> Outcome<T> {
    let errors = place
        .split('.')
        .rev()
        .fold(json!({"_errors": [{"code": "INVALID", "message": why}]}), |inner, name| json!({name: inner}));
    Err(Refusal { status: 400, body: json!({"message": "Invalid Form Body", "code": 50_035, "errors": errors}) })
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        (status, Json(self.body)).into_response()
    }
}
