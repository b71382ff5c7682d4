//! `/healthz` (the process lives and takes connections), `/readyz` (notices can be remembered), `/metrics` (Prometheus).

use super::{Intake, Pulse};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use std::sync::Arc;
use std::time::Duration;

/// Below the second that Kubernetes waits for a probe.
const PATIENCE: Duration = Duration::from_millis(800);

/// What strangers see of a bot without its database.
pub(super) const NOT_READY: (StatusCode, &str) = (StatusCode::SERVICE_UNAVAILABLE, "database\n");

/// Writes all metrics in Prometheus' text format.
pub type Render = Arc<dyn Fn() -> String + Send + Sync>;

pub(super) async fn lives(State(pulse): State<Pulse>) -> (StatusCode, &'static str) {
    match pulse.is_well() {
        true => (StatusCode::OK, "ok\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "no connections are taken\n"),
    }
}

pub(super) async fn ready(State(intake): State<Arc<dyn Intake>>) -> (StatusCode, &'static str) {
    match tokio::time::timeout(PATIENCE, intake.ping()).await {
        Ok(Ok(())) => (StatusCode::OK, "ready\n"),
        Ok(Err(error)) => unready(&error.to_string()),
        Err(_) => unready("the database does not answer"),
    }
}

/// Why is for the log: strangers may see the answer.
fn unready(why: &str) -> (StatusCode, &'static str) {
    tracing::warn!(why, "not ready");
    NOT_READY
}

pub(super) async fn metrics(State(render): State<Render>) -> ([(HeaderName, &'static str); 1], String) {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], render())
}
