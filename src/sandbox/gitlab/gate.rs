//! Every API call passes here: it is listed, suffers what the faults say, and is performed even if its caller hangs up.

use super::auth::credential;
use super::faults::Fault;
use super::handle::Handle;
use super::line::Line;
use super::request::{FullUri, Ignored};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Response, StatusCode};
use axum::middleware::Next;
use axum::response::IntoResponse;
use serde_json::json;
use std::time::Duration;

const LARGEST_BODY: usize = 2 << 20;

/// The middleware itself.
pub(super) async fn gate(State(handle): State<Handle>, request: Request, next: Next) -> Response<Body> {
    let line = request.extensions().get::<ConnectInfo<Line>>().map(|line| line.0.clone());
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let mut request = Request::from_parts(parts, Body::from(body));
    let uri = FullUri(request.uri().clone());
    request.extensions_mut().insert(uri);
    let (seq, fault) = handle.arrive(&request, credential(request.headers()));
    // A task of its own: a caller that hangs up does not undo what it asked for.
    let task = tokio::spawn(undergo(handle.clone(), seq, fault, request, next));
    match task.await {
        Ok(Some(response)) => {
            let status = response.status().as_u16();
            let observed = handle.answered(seq, status);
            with_limits(response, observed, handle.now_seconds())
        }
        _ => cut(line),
    }
}

/// What the caller gets; `None` is a broken connection.
async fn undergo(
    handle: Handle,
    seq: u64,
    fault: Option<Fault>,
    request: Request,
    next: Next,
) -> Option<Response<Body>> {
    let perform = perform(handle.clone(), seq, request, next);
    match fault {
        None => Some(perform.await),
        Some(Fault::Delay { milliseconds }) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            Some(perform.await)
        }
        Some(Fault::TooManyRequests { retry_after }) => Some(retry_later(retry_after)),
        Some(Fault::ErrorBefore { status }) => Some(server_error(status)),
        Some(Fault::ErrorAfter { status }) => {
            perform.await;
            Some(server_error(status))
        }
        Some(Fault::CutBefore) => None,
        Some(Fault::CutAfter) => {
            perform.await;
            None
        }
        Some(Fault::Late) => {
            handle.postpone(Box::pin(async move { drop(perform.await) }));
            None
        }
        Some(Fault::Html) => Some(axum::response::Html("<!DOCTYPE html><title>Sign in</title>").into_response()),
        Some(Fault::TruncatedJson) => Some(half(perform.await).await),
        Some(Fault::HoldBefore) => match handle.hold(seq, false).await {
            true => Some(perform.await),
            false => None,
        },
        Some(Fault::HoldAfter) => {
            let response = perform.await;
            handle.hold(seq, true).await.then_some(response)
        }
    }
}

async fn perform(handle: Handle, seq: u64, request: Request, next: Next) -> Response<Body> {
    let response = next.run(request).await;
    let ignored = response.extensions().get::<Ignored>().map(|ignored| ignored.0.clone()).unwrap_or_default();
    handle.performed(seq, response.status().as_u16(), ignored);
    response
}

fn retry_later(seconds: u64) -> Response<Body> {
    let headers = [("retry-after", seconds.to_string()), ("content-type", "text/plain".to_owned())];
    (StatusCode::TOO_MANY_REQUESTS, headers, "Retry later\n").into_response()
}

fn server_error(status: u16) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match status {
        StatusCode::INTERNAL_SERVER_ERROR => {
            (status, axum::Json(json!({"message": "500 Internal Server Error"}))).into_response()
        }
        // Anything else comes from the proxy in front.
        _ => (status, axum::response::Html("<html><title>GitLab is not responding</title></html>")).into_response(),
    }
}

async fn half(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    parts.headers.remove("content-length");
    let whole = to_bytes(body, usize::MAX).await.unwrap_or_default();
    Response::from_parts(parts, Body::from(whole.slice(..whole.len() / 2)))
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
    match line {
        Some(line) => {
            line.cut();
            Response::new(Body::empty())
        }
        None => {
            let broken: Result<Bytes, std::io::Error> = Err(std::io::ErrorKind::ConnectionReset.into());
            Response::new(Body::from_stream(futures::stream::iter([broken])))
        }
    }
}
