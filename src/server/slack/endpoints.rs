//! The three addresses that Slack calls over HTTP. What is not signed gets 401 and nothing else.

use super::{Answer, Door, command, event as events, interaction as interactions};
use crate::chat::slack::inbound;
use crate::notice::signature;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use std::sync::Arc;

/// More than any genuine request of Slack.
const BODY_LIMIT: usize = 256 << 10;

/// The endpoints below the path of the bot: `/slack/commands`, `/slack/interactions`, `/slack/events`.
pub fn router(door: Arc<Door>) -> Router {
    Router::new()
        .route("/slack/commands", post(on_command))
        .route("/slack/interactions", post(on_interaction))
        .route("/slack/events", post(on_event))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(door)
}

/// A slash command: the answer is for the sender only.
pub async fn slash_command(door: &Arc<Door>, headers: &HeaderMap, body: &[u8]) -> Answer {
    if inbound::is_ssl_check(body) {
        return Answer::nothing();
    }
    if !admits(door, "slack_command", headers, body) {
        return Answer::unsigned();
    }
    command::answer(door, inbound::command(body)).await
}

/// A click or a form.
pub async fn interaction(door: &Arc<Door>, headers: &HeaderMap, body: &[u8]) -> Answer {
    if inbound::is_ssl_check(body) {
        return Answer::nothing();
    }
    if !admits(door, "slack_interaction", headers, body) {
        return Answer::unsigned();
    }
    match inbound::interaction(body) {
        Some(interaction) => interactions::answer(door, interaction).await,
        None => Answer::nothing(),
    }
}

/// An event, or Slack's question whether we are there.
pub async fn event(door: &Arc<Door>, headers: &HeaderMap, body: &[u8]) -> Answer {
    if !admits(door, "slack_event", headers, body) {
        return Answer::unsigned();
    }
    match serde_json::from_slice::<inbound::Event>(body) {
        Ok(event) => events::answer(door, event),
        Err(_) => Answer::nothing(),
    }
}

fn admits(door: &Door, endpoint: &'static str, headers: &HeaderMap, body: &[u8]) -> bool {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (time, given) = (header("x-slack-request-timestamp"), header("x-slack-signature"));
    match signature::slack(&door.keys, time, given, body, door.clock.now()) {
        Ok(_) => true,
        Err(untrusted) => {
            tracing::warn!(endpoint, %untrusted, "a request that is not Slack's was turned away");
            metrics::counter!("rekey_inbound_refused_total", "endpoint" => endpoint, "why" => "signature").increment(1);
            false
        }
    }
}

async fn on_command(State(door): State<Arc<Door>>, headers: HeaderMap, body: Bytes) -> Response {
    respond(slash_command(&door, &headers, &body).await)
}

async fn on_interaction(State(door): State<Arc<Door>>, headers: HeaderMap, body: Bytes) -> Response {
    respond(interaction(&door, &headers, &body).await)
}

async fn on_event(State(door): State<Arc<Door>>, headers: HeaderMap, body: Bytes) -> Response {
    respond(event(&door, &headers, &body).await)
}

fn respond(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    match answer.body {
        Some(body) => (status, axum::Json(body)).into_response(),
        None => status.into_response(),
    }
}
