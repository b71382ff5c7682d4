//! Every API call passes here: it is listed, suffers what the faults say, and is performed even if its caller hangs up.

use super::Handle;
use crate::sandbox::faults::Fault;
use crate::sandbox::gate::{Wording, broken, read_whole, undergo};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use axum::middleware::Next;
use axum::response::IntoResponse;
use serde_json::json;

const WORDING: Wording = Wording { retry_later, server_error: |status| status.into_response() };

/// The middleware itself.
pub(super) async fn gate(State(handle): State<Handle>, request: Request, next: Next) -> Response<Body> {
    let request = match read_whole(request).await {
        Ok(request) => request,
        Err(refusal) => return refusal,
    };
    let fault = handle.0.faults.pick(request.method(), request.uri().path(), None);
    let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    let seq = handle.with(|world| {
        world.calls.push(method);
        world.calls.len() as u64
    });
    match tokio::spawn(pass(handle, seq, fault, request, next)).await {
        Ok(Some(response)) => response,
        _ => broken(),
    }
}

async fn pass(handle: Handle, seq: u64, fault: Option<Fault>, request: Request, next: Next) -> Option<Response<Body>> {
    undergo(&handle.0.faults, WORDING, (seq, fault), next.run(request)).await
}

pub(super) fn retry_later(seconds: u64) -> Response<Body> {
    let headers = [("retry-after", seconds.to_string())];
    (StatusCode::TOO_MANY_REQUESTS, headers, axum::Json(json!({"ok": false, "error": "ratelimited"}))).into_response()
}
