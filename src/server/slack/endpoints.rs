//! The three addresses that Slack calls over HTTP. What is not signed gets 401 and nothing else.

use super::{Answer, Door, command, event as events, interaction as interactions};
use crate::chat::slack::inbound;
use crate::notice::signature::{self, Untrusted};
use crate::server::body::header;
use crate::server::visit::Visit;
use crate::telemetry::came_in;
use axum::Router;
use axum::body::HttpBody as _;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use std::sync::Arc;

const COMMAND: &str = "slack_command";
const INTERACTION: &str = "slack_interaction";
const EVENT: &str = "slack_event";

/// More than any genuine request of Slack.
const BODY_LIMIT: usize = 256 << 10;

/// More than Slack's question whether our certificate is right, which it does not sign.
const SSL_CHECK_LIMIT: u64 = 256;

/// The endpoints below the path of the bot: `/slack/commands`, `/slack/interactions`, `/slack/events`.
pub fn router(door: Arc<Door>) -> Router {
    Router::new()
        .route("/slack/commands", post(on_command))
        .route("/slack/interactions", post(on_interaction))
        .route("/slack/events", post(on_event))
        .with_state(door)
}

/// A slash command: the answer is for the sender only.
pub async fn slash_command(door: &Arc<Door>, headers: &HeaderMap, body: &[u8]) -> Answer {
    if inbound::is_ssl_check(body) {
        return Answer::nothing();
    }
    if !admits(door, COMMAND, headers, body) {
        return Answer::unsigned();
    }
    command::answer(door, inbound::command(body)).await
}

/// A click or a form.
pub async fn interaction(door: &Arc<Door>, headers: &HeaderMap, body: &[u8]) -> Answer {
    if inbound::is_ssl_check(body) {
        return Answer::nothing();
    }
    if !admits(door, INTERACTION, headers, body) {
        return Answer::unsigned();
    }
    match inbound::interaction(body) {
        Some(interaction) => interactions::answer(door, interaction).await,
        None => Answer::nothing(),
    }
}

/// An event, or Slack's question whether we are there.
pub async fn event(door: &Arc<Door>, headers: &HeaderMap, body: &[u8]) -> Answer {
    if !admits(door, EVENT, headers, body) {
        return Answer::unsigned();
    }
    match serde_json::from_slice::<inbound::Event>(body) {
        Ok(event) => events::answer(door, event),
        Err(_) => Answer::nothing(),
    }
}

fn admits(door: &Door, endpoint: &'static str, headers: &HeaderMap, body: &[u8]) -> bool {
    let [time, given] = signing(headers);
    let checked = signature::slack(&door.keys, time, given, body, door.clock.now());
    checked.map_err(|untrusted| turned_away(endpoint, &untrusted)).is_ok()
}

fn signing(headers: &HeaderMap) -> [Option<&str>; 2] {
    ["x-slack-request-timestamp", "x-slack-signature"].map(|name| header(headers, name))
}

fn turned_away(endpoint: &'static str, untrusted: &Untrusted) {
    tracing::warn!(endpoint, %untrusted, "a request that is not Slack's was turned away");
    metrics::counter!("rekey_inbound_refused_total", "endpoint" => endpoint, "why" => "signature").increment(1);
}

/// Headers and body of a request whose head could be Slack's; nobody else's body is read.
async fn heard(door: &Door, endpoint: &'static str, request: Request) -> Result<(HeaderMap, Vec<u8>), Response> {
    let (head, body) = request.into_parts();
    let ([time, given], now) = (signing(&head.headers), door.clock.now());
    let may_be_ssl_check =
        given.is_none() && endpoint != EVENT && body.size_hint().exact().is_some_and(|bytes| bytes <= SSL_CHECK_LIMIT);
    if !may_be_ssl_check && let Err(untrusted) = signature::slack_head(&door.keys, time, given, now) {
        turned_away(endpoint, &untrusted);
        return Err(StatusCode::UNAUTHORIZED.into_response());
    }
    let visit = Visit::of(&head.extensions);
    let body = visit.read(body, BODY_LIMIT).await.map_err(|refusal| refusal.answer(endpoint))?;
    if signature::slack(&door.keys, time, given, &body, now).is_ok() {
        visit.prove();
        came_in(endpoint);
    }
    Ok((head.headers, body))
}

async fn on_command(State(door): State<Arc<Door>>, request: Request) -> Response {
    match heard(&door, COMMAND, request).await {
        Ok((headers, body)) => respond(slash_command(&door, &headers, &body).await),
        Err(refused) => refused,
    }
}

async fn on_interaction(State(door): State<Arc<Door>>, request: Request) -> Response {
    match heard(&door, INTERACTION, request).await {
        Ok((headers, body)) => respond(interaction(&door, &headers, &body).await),
        Err(refused) => refused,
    }
}

async fn on_event(State(door): State<Arc<Door>>, request: Request) -> Response {
    match heard(&door, EVENT, request).await {
        Ok((headers, body)) => respond(event(&door, &headers, &body).await),
        Err(refused) => refused,
    }
}

fn respond(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    match answer.body {
        Some(body) => (status, axum::Json(body)).into_response(),
        None => status.into_response(),
    }
}
