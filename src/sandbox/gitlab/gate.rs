//! Every API call passes here: it is listed, suffers what the faults say, and is performed even if its caller hangs up.

use super::auth::credential;
use super::handle::Handle;
use super::line::Line;
use super::request::{FullUri, Ignored};
use crate::sandbox::faults::Fault;
use crate::sandbox::gate::{Wording, broken, read_whole, undergo};
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{Response, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse};
use serde_json::json;

const WORDING: Wording = Wording { retry_later, server_error };

/// The middleware itself.
pub(super) async fn gate(State(handle): State<Handle>, request: Request, next: Next) -> Response<Body> {
    let line = request.extensions().get::<ConnectInfo<Line>>().map(|line| line.0.clone());
    let mut request = match read_whole(request).await {
        Ok(request) => request,
        Err(refusal) => return refusal,
    };
    let uri = FullUri(request.uri().clone());
    request.extensions_mut().insert(uri);
    let (seq, fault) = handle.arrive(&request, credential(request.headers()));
    let task = tokio::spawn(pass(handle.clone(), seq, fault, request, next));
    match task.await {
        Ok(Some(response)) => {
            let status = response.status().as_u16();
            let observed = handle.answered(seq, status);
            with_limits(response, observed, handle.now_seconds())
        }
        _ => cut(line),
    }
}

async fn pass(handle: Handle, seq: u64, fault: Option<Fault>, request: Request, next: Next) -> Option<Response<Body>> {
    let perform = perform(handle.clone(), seq, request, next);
    undergo(handle.trouble(), WORDING, (seq, fault), perform).await
}

async fn perform(handle: Handle, seq: u64, request: Request, next: Next) -> Response<Body> {
    let (bar, is_read_only) = handle.with(|world| (world.settings.bar.clone(), world.settings.read_only));
    let response = match bar.and_then(|bar| bar.refusal(&request)) {
        Some(refusal) => refusal,
        None if is_read_only && !request.method().is_safe() => nothing_written(&handle, &request),
        None => next.run(request).await,
    };
    let ignored = response.extensions().get::<Ignored>().map(|ignored| ignored.0.clone()).unwrap_or_default();
    handle.performed(seq, response.status().as_u16(), ignored);
    response
}

/// GitLab tells what carries JSON in words; anything else it sends to its start page.
fn nothing_written(handle: &Handle, request: &Request) -> Response<Body> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    if kind.starts_with("application/json") {
        let said = json!({"message": "You cannot perform write operations on a read-only instance"});
        return (StatusCode::FORBIDDEN, axum::Json(said)).into_response();
    }
    let start = format!("{}/", handle.with(|world| world.settings.url.clone()));
    (StatusCode::MOVED_PERMANENTLY, [(LOCATION, start)], Html("You are being redirected.")).into_response()
}

fn retry_later(seconds: u64) -> Response<Body> {
    let headers = [("retry-after", seconds.to_string()), ("content-type", "text/plain".to_owned())];
    (StatusCode::TOO_MANY_REQUESTS, headers, "Retry later\n").into_response()
}

fn server_error(status: StatusCode) -> Response<Body> {
    match status {
        StatusCode::INTERNAL_SERVER_ERROR => {
            (status, axum::Json(json!({"message": "500 Internal Server Error"}))).into_response()
        }
        status if status.is_client_error() => {
            let said = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("Refused"));
            (status, axum::Json(json!({ "message": said }))).into_response()
        }
        // Anything else comes from the proxy in front.
        _ => (status, Html("<html><title>GitLab is not responding</title></html>")).into_response(),
    }
}

fn with_limits(mut response: Response<Body>, observed: usize, now: i64) -> Response<Body> {
    let numbers = [
        ("ratelimit-limit", 2000),
        ("ratelimit-observed", observed as i64),
        ("ratelimit-remaining", 2000 - observed as i64),
        ("ratelimit-reset", now - now.rem_euclid(60) + 60),
    ];
    for (name, number) in numbers {
        response.headers_mut().insert(name, number.into());
    }
    let name = axum::http::HeaderValue::from_static("throttle_authenticated_api");
    response.headers_mut().insert("ratelimit-name", name);
    response
}

/// Breaks the connection; on a server that is not ours, by a body that fails.
fn cut(line: Option<Line>) -> Response<Body> {
    let Some(line) = line else { return broken() };
    line.cut();
    Response::new(Body::empty())
}
