//! What a call suffers on its way, the same for every stand-in: the vendor says only how its own errors look.

use super::faults::{Fault, Faults};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{Response, StatusCode};
use axum::response::{Html, IntoResponse};
use std::time::Duration;

const LARGEST_BODY: usize = 2 << 20;

/// How a vendor's errors look.
#[derive(Clone, Copy)]
pub(super) struct Wording {
    /// The answer to one call too many; seconds to wait.
    pub retry_later: fn(u64) -> Response<Body>,
    /// A server error of this status.
    pub server_error: fn(StatusCode) -> Response<Body>,
}

/// The whole request in memory, so that it can be performed after its caller is gone; or the refusal of a larger one.
pub(super) async fn read_whole(request: Request) -> Result<Request, Response<Body>> {
    let (parts, body) = request.into_parts();
    match to_bytes(body, LARGEST_BODY).await {
        Ok(body) => Ok(Request::from_parts(parts, Body::from(body))),
        Err(_) => Err(StatusCode::PAYLOAD_TOO_LARGE.into_response()),
    }
}

/// What the caller gets; `None` is a broken connection. To be run in a task of its own: a caller that hangs up does
/// not undo what it asked for.
pub(super) async fn undergo(
    faults: &Faults,
    wording: Wording,
    (seq, fault): (u64, Option<Fault>),
    perform: impl Future<Output = Response<Body>> + Send + 'static,
) -> Option<Response<Body>> {
    let status = |code| StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let Some(fault) = fault else { return Some(perform.await) };
    match fault {
        Fault::Delay { milliseconds } => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            Some(perform.await)
        }
        Fault::TooManyRequests { retry_after } => Some((wording.retry_later)(retry_after)),
        Fault::ErrorBefore { status: code } => Some((wording.server_error)(status(code))),
        Fault::ErrorAfter { status: code } => {
            perform.await;
            Some((wording.server_error)(status(code)))
        }
        Fault::CutBefore => None,
        Fault::CutAfter => {
            perform.await;
            None
        }
        Fault::Late => {
            faults.postpone(Box::pin(async move { drop(perform.await) }));
            None
        }
        Fault::Html => Some(Html("<!DOCTYPE html><title>Sign in</title>").into_response()),
        Fault::Page { status: code } => {
            Some((status(code), Html("<!DOCTYPE html><title>Not for you</title>")).into_response())
        }
        Fault::TruncatedJson => Some(half(perform.await).await),
        Fault::Refuse { status: code, body } => Some((status(code), axum::Json(body)).into_response()),
        Fault::HoldBefore => match faults.hold(seq, false).await {
            true => Some(perform.await),
            false => None,
        },
        Fault::HoldAfter => {
            let response = perform.await;
            faults.hold(seq, true).await.then_some(response)
        }
    }
}

async fn half(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    parts.headers.remove("content-length");
    let whole = to_bytes(body, usize::MAX).await.unwrap_or_default();
    Response::from_parts(parts, Body::from(whole.slice(..whole.len() / 2)))
}

/// Breaks the connection, by a body that fails.
pub(super) fn broken() -> Response<Body> {
    let broken: Result<Bytes, std::io::Error> = Err(std::io::ErrorKind::ConnectionReset.into());
    Response::new(Body::from_stream(futures::stream::iter([broken])))
}
