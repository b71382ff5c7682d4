//! Slack's three endpoints: commands, clicks, events. Each checks the signature over the raw bytes, hands over to the
//! [`Desk`] and answers within Slack's three seconds.

mod command;
mod interaction;
mod reply;

use crate::chat::slack::client::Hooks;
use crate::chat::slack::{Message, inbound};
use crate::clock::Clock;
use crate::engine::desk::Desk;
use crate::notice::signature::{self, Key};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// More than any genuine request of Slack.
const BODY_LIMIT: usize = 64 << 10;

/// Slack waits three seconds; the rest is for the way back.
pub const PATIENCE: Duration = Duration::from_millis(2_300);

/// Who may come in, and where they are led.
pub struct Door {
    /// Signing secrets, old and new during a change.
    pub keys: Vec<Key>,
    /// Who answers.
    pub desk: Arc<Desk>,
    /// The way back after the answer, and for private lines about a click.
    pub hooks: Hooks,
    /// For the age of requests.
    pub clock: Arc<dyn Clock>,
    /// How long an answer may take before "working on it" is said instead; [`PATIENCE`] in production.
    pub patience: Duration,
}

/// What Slack gets back.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// 200, or 401 and nothing else.
    pub status: u16,
    /// A message only the sender sees, or nothing.
    pub body: Option<Value>,
}

impl Answer {
    fn nothing() -> Self {
        Self { status: 200, body: None }
    }

    fn unsigned() -> Self {
        Self { status: 401, body: None }
    }

    fn private(message: &Message) -> Self {
        let mut body = json!({"response_type": "ephemeral", "text": message.text});
        if !message.blocks.is_empty() {
            body["blocks"] = message.blocks.clone().into();
        }
        Self { status: 200, body: Some(body) }
    }
}

impl Door {
    fn admits(&self, endpoint: &'static str, headers: &HeaderMap, body: &[u8]) -> bool {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (time, given) = (header("x-slack-request-timestamp"), header("x-slack-signature"));
        match signature::slack(&self.keys, time, given, body, self.clock.now()) {
            Ok(_) => true,
            Err(untrusted) => {
                tracing::warn!(endpoint, %untrusted, "a request that is not Slack's was turned away");
                turned_away(endpoint, "signature");
                false
            }
        }
    }

    fn way_back(&self, address: &str) -> reply::Way {
        reply::Way { hooks: self.hooks.clone(), address: address.to_owned() }
    }
}

fn turned_away(endpoint: &'static str, why: &'static str) {
    metrics::counter!("rekey_inbound_refused_total", "endpoint" => endpoint, "why" => why).increment(1);
}

/// A slash command: the answer is for the sender only.
pub async fn command(door: &Arc<Door>, headers: &HeaderMap, body: &[u8]) -> Answer {
    if inbound::is_ssl_check(body) {
        return Answer::nothing();
    }
    if !door.admits("slack_command", headers, body) {
        return Answer::unsigned();
    }
    command::answer(door, inbound::command(body)).await
}

/// A click: acknowledged with nothing; who may not do that is told privately, all others see the card change.
pub async fn interaction(door: &Arc<Door>, headers: &HeaderMap, body: &[u8]) -> Answer {
    if inbound::is_ssl_check(body) {
        return Answer::nothing();
    }
    if !door.admits("slack_interaction", headers, body) {
        return Answer::unsigned();
    }
    match inbound::interaction(body) {
        Some(interaction) => interaction::answer(door, interaction).await,
        None => Answer::nothing(),
    }
}

/// An event: we subscribe to none, but answer when Slack asks whether we are there.
pub fn event(door: &Arc<Door>, headers: &HeaderMap, body: &[u8]) -> Answer {
    if !door.admits("slack_event", headers, body) {
        return Answer::unsigned();
    }
    match serde_json::from_slice::<inbound::Event>(body) {
        Ok(event) if event.kind == "url_verification" => {
            Answer { status: 200, body: Some(json!({"challenge": event.challenge})) }
        }
        _ => Answer::nothing(),
    }
}

/// The endpoints below the path of the bot: `/slack/commands`, `/slack/interactions`, `/slack/events`.
pub fn router(door: Arc<Door>) -> Router {
    Router::new()
        .route("/slack/commands", post(on_command))
        .route("/slack/interactions", post(on_interaction))
        .route("/slack/events", post(on_event))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(door)
}

async fn on_command(State(door): State<Arc<Door>>, headers: HeaderMap, body: Bytes) -> Response {
    respond(command(&door, &headers, &body).await)
}

async fn on_interaction(State(door): State<Arc<Door>>, headers: HeaderMap, body: Bytes) -> Response {
    respond(interaction(&door, &headers, &body).await)
}

async fn on_event(State(door): State<Arc<Door>>, headers: HeaderMap, body: Bytes) -> Response {
    respond(event(&door, &headers, &body))
}

fn respond(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    match answer.body {
        Some(body) => (status, axum::Json(body)).into_response(),
        None => status.into_response(),
    }
}
