//! Answers and refusals in GitLab's words.

use axum::body::Body;
use axum::http::{HeaderName, Response, StatusCode, header};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

/// What an endpoint answers when all is well.
pub(super) struct Reply {
    pub status: StatusCode,
    pub body: Content,
    pub headers: Vec<(&'static str, String)>,
}

/// The body of an answer.
pub(super) enum Content {
    Json(Value),
    Text(String),
    Nothing,
}

/// An endpoint's outcome.
pub(super) type Answer = Result<Reply, Refusal>;

impl Reply {
    pub fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body: Content::Json(body), headers: Vec::new() }
    }

    pub fn created(body: Value) -> Self {
        Self { status: StatusCode::CREATED, ..Self::ok(body) }
    }

    pub fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: Content::Nothing, headers: Vec::new() }
    }

    pub fn text(body: String) -> Self {
        Self { status: StatusCode::OK, body: Content::Text(body), headers: Vec::new() }
    }
}

/// Why a call was refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub status: StatusCode,
    pub body: Value,
    pub location: Option<String>,
}

impl Refusal {
    fn message(status: StatusCode, text: impl Into<Value>) -> Self {
        Self { status, body: json!({ "message": text.into() }), location: None }
    }

    /// 400 from a service, in its words.
    pub fn bad_request(why: &str) -> Self {
        Self::message(StatusCode::BAD_REQUEST, format!("400 Bad request - {why}"))
    }

    /// 400 from the check of parameters.
    pub fn parameter(why: String) -> Self {
        Self { status: StatusCode::BAD_REQUEST, body: json!({ "error": why }), location: None }
    }

    /// 400 from a record that is not valid.
    pub fn invalid(field: &str, why: &str) -> Self {
        Self::message(StatusCode::BAD_REQUEST, json!({ field: [why] }))
    }

    pub fn unauthorized() -> Self {
        Self::message(StatusCode::UNAUTHORIZED, "401 Unauthorized")
    }

    /// 401 for a token that was good once.
    pub fn invalid_token(why: &str) -> Self {
        let body = json!({ "error": "invalid_token", "error_description": why });
        Self { status: StatusCode::UNAUTHORIZED, body, location: None }
    }

    pub fn insufficient_scope(scope: &str) -> Self {
        let body = json!({
            "error": "insufficient_scope",
            "error_description": "The request requires higher privileges than provided by the access token.",
            "scope": scope,
        });
        Self { status: StatusCode::FORBIDDEN, body, location: None }
    }

    /// 301 for reads under a project's former path, 405 for the rest.
    pub fn moved(read: bool, location: String) -> Self {
        if read {
            let refusal = Self::message(StatusCode::MOVED_PERMANENTLY, "301 Moved Permanently");
            return Self { location: Some(location), ..refusal };
        }
        Self::message(StatusCode::METHOD_NOT_ALLOWED, "Non GET methods are not allowed for moved projects")
    }

    pub fn forbidden() -> Self {
        Self::message(StatusCode::FORBIDDEN, "403 Forbidden")
    }

    pub fn forbidden_because(why: &str) -> Self {
        Self::message(StatusCode::FORBIDDEN, format!("403 Forbidden - {why}"))
    }

    pub fn not_found(what: &str) -> Self {
        let text = if what.is_empty() { "404 Not Found".to_owned() } else { format!("404 {what} Not Found") };
        Self::message(StatusCode::NOT_FOUND, text)
    }

    /// 404 in the words of the routes for personal access tokens.
    pub fn not_found_at_all() -> Self {
        Self::message(StatusCode::NOT_FOUND, "404 Not found")
    }

    /// 413 for a file that is too big.
    pub fn too_large() -> Self {
        Self::message(StatusCode::PAYLOAD_TOO_LARGE, "413 Request Entity Too Large")
    }

    pub fn conflict(why: &str) -> Self {
        Self::message(StatusCode::CONFLICT, why)
    }
}

/// A moment as the API writes it.
pub(super) fn stamp(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// The HTTP form of an outcome.
pub(super) fn response(answer: Answer) -> Response<Body> {
    match answer {
        Ok(reply) => written(reply),
        Err(refusal) => {
            let headers = refusal.location.map(|location| ("location", location)).into_iter().collect();
            written(Reply { status: refusal.status, body: Content::Json(refusal.body), headers })
        }
    }
}

fn written(reply: Reply) -> Response<Body> {
    let (kind, body) = match reply.body {
        Content::Json(value) => (Some("application/json"), Body::from(value.to_string())),
        Content::Text(text) => (Some("text/plain"), Body::from(text)),
        Content::Nothing => (None, Body::empty()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = reply.status;
    let headers = response.headers_mut();
    let kind = kind.map(|kind| (header::CONTENT_TYPE, kind.to_owned()));
    let named = reply.headers.into_iter().map(|(name, value)| (HeaderName::from_static(name), value));
    for (name, value) in kind.into_iter().chain(named) {
        if let Ok(value) = value.parse() {
            headers.insert(name, value);
        }
    }
    response
}
