//! Every call passes here: it is listed, suffers what the faults say, and is performed even if its caller hangs up.

use super::{Handle, rest};
use crate::sandbox::faults::Fault;
use crate::sandbox::gate::{Wording, broken, read_whole, undergo};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::json;

const WORDING: Wording = Wording { retry_later, server_error: |status| status.into_response() };

pub(super) async fn call(State(handle): State<Handle>, request: Request) -> Response<Body> {
    let request = match read_whole(request).await {
        Ok(request) => request,
        Err(refusal) => return refusal,
    };
    let path = named(request.uri().path());
    let fault = handle.0.faults.pick(request.method(), &path, None);
    let seq = handle.with(|world| {
        world.calls.push(format!("{} {path}", request.method()));
        world.calls.len() as u64
    });
    match tokio::spawn(pass(handle, seq, fault, request)).await {
        Ok(Some(response)) => response,
        _ => broken(),
    }
}

async fn pass(handle: Handle, seq: u64, fault: Option<Fault>, request: Request) -> Option<Response<Body>> {
    let perform = rest::serve(State(handle.clone()), request);
    undergo(&handle.0.faults, WORDING, (seq, fault), perform).await
}

/// The path without the tokens that stand in it.
fn named(path: &str) -> String {
    let path = path.trim_start_matches("/api/v10");
    let mut parts: Vec<&str> = path.split('/').collect();
    if let ["", "webhooks" | "interactions", _, token, ..] = parts.as_mut_slice() {
        *token = "TOKEN";
    }
    parts.join("/")
}

fn retry_later(seconds: u64) -> Response<Body> {
    let headers = [("retry-after", seconds.to_string()), ("x-ratelimit-scope", "user".to_owned())];
    let body = json!({"message": "You are being rate limited.", "retry_after": seconds as f64, "global": false});
    (StatusCode::TOO_MANY_REQUESTS, headers, axum::Json(body)).into_response()
}
