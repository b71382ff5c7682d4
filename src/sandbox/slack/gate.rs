//! Every API call passes here: it suffers what the faults say, and is performed even if its caller hangs up.

use super::faults::{Fault, pick};
use super::{Handle, lock};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse};
use serde_json::json;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

const LARGEST_BODY: usize = 1 << 20;

/// Calls that wait for a release.
#[derive(Default)]
pub(super) struct Holds {
    waiting: Mutex<Vec<oneshot::Sender<bool>>>,
    arrived: Notify,
}

impl Holds {
    async fn hold(&self) -> bool {
        let (release, released) = oneshot::channel();
        lock(&self.waiting).push(release);
        self.arrived.notify_waiters();
        released.await.unwrap_or(false)
    }

    pub async fn held(&self) {
        loop {
            let arrived = self.arrived.notified();
            if !lock(&self.waiting).is_empty() {
                return;
            }
            arrived.await;
        }
    }

    pub fn release(&self, go_on: bool) {
        for release in lock(&self.waiting).drain(..) {
            // A call whose task is gone needs no release.
            let _ = release.send(go_on);
        }
    }
}

/// The middleware itself.
pub(super) async fn gate(State(handle): State<Handle>, request: Request, next: Next) -> Response<Body> {
    let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    let fault = pick(&mut lock(&handle.0.faults), &method);
    handle.with(|world| world.calls.push(method));
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let perform = next.run(Request::from_parts(parts, Body::from(body)));
    // A task of its own: a caller that hangs up does not undo what it asked for.
    match tokio::spawn(undergo(handle, fault, perform)).await {
        Ok(Some(response)) => response,
        _ => cut(),
    }
}

/// What the caller gets; `None` is a broken connection.
async fn undergo(
    handle: Handle,
    fault: Option<Fault>,
    perform: impl Future<Output = Response<Body>>,
) -> Option<Response<Body>> {
    match fault {
        None => Some(perform.await),
        Some(Fault::Delay { milliseconds }) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            Some(perform.await)
        }
        Some(Fault::TooManyRequests { retry_after }) => Some(retry_later(retry_after)),
        Some(Fault::ErrorBefore { status }) => Some(error(status)),
        Some(Fault::ErrorAfter { status }) => {
            perform.await;
            Some(error(status))
        }
        Some(Fault::CutBefore) => None,
        Some(Fault::CutAfter) => {
            perform.await;
            None
        }
        Some(Fault::Html) => Some(Html("<!DOCTYPE html><title>Sign in</title>").into_response()),
        Some(Fault::Refuse { error }) => Some(axum::Json(json!({"ok": false, "error": error})).into_response()),
        Some(Fault::HoldBefore) => match handle.0.holds.hold().await {
            true => Some(perform.await),
            false => None,
        },
        Some(Fault::HoldAfter) => {
            let response = perform.await;
            handle.0.holds.hold().await.then_some(response)
        }
    }
}

fn retry_later(seconds: u64) -> Response<Body> {
    let headers = [("retry-after", seconds.to_string())];
    (StatusCode::TOO_MANY_REQUESTS, headers, axum::Json(json!({"ok": false, "error": "ratelimited"}))).into_response()
}

fn error(status: u16) -> Response<Body> {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response()
}

/// Breaks the connection by a body that fails.
fn cut() -> Response<Body> {
    let broken: Result<Bytes, std::io::Error> = Err(std::io::ErrorKind::ConnectionReset.into());
    Response::new(Body::from_stream(futures::stream::iter([broken])))
}
