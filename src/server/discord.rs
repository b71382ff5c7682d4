//! Discord's endpoint for interactions: each request is checked over its raw bytes, handed to the desk and answered
//! within Discord's three seconds. Interactions that come over the Gateway take the same way from [`answer`] on.

pub mod commands;
mod interaction;
pub mod reply;
pub mod signature;

pub use interaction::answer;
pub use signature::{BadKey, Key};

use crate::chat::discord::gateway::Ear;
use crate::chat::discord::hooks::Hooks;
use crate::chat::discord::inbound::{self, Interaction};
use crate::clock::Clock;
use crate::engine::desk::Desk;
use crate::notice::signature::Untrusted;
use crate::secret::Secret;
use crate::server::body::header;
use crate::server::visit::Visit;
use crate::telemetry::came_in;
use async_trait::async_trait;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use jiff::SignedDuration;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

const ENDPOINT: &str = "discord";

/// More than any genuine request of Discord.
const BODY_LIMIT: usize = 128 << 10;

/// Discord waits three seconds. Before this begins, an eighth of it may pass with the question whether it is a repeat, and
/// a quarter with the one whether a form is needed; the rest is for the way back.
pub const PATIENCE: Duration = Duration::from_millis(1_750);

/// Discord takes no first answer after three seconds. What is older than this, clocks that differ a little allowed for, is
/// not done behind the back of its person.
const OLDEST: SignedDuration = SignedDuration::from_secs(15);

/// A decision needs no answer, since the card tells; but its person has turned away by then, or pressed again.
const OLDEST_DECISION: SignedDuration = SignedDuration::from_secs(60);

/// Who may come in, and where they are led.
pub struct Door {
    /// Public keys of the application.
    pub keys: Vec<Key>,
    /// The one guild whose people are believed.
    pub guild: String,
    /// The application that we are.
    pub application: String,
    /// Where cards are: what decides on a card comes from there.
    pub channel: String,
    /// Who answers.
    pub desk: Arc<Desk>,
    /// The way back after the first answer.
    pub hooks: Hooks,
    /// For the age of requests.
    pub clock: Arc<dyn Clock>,
    /// How long an answer may take before "thinking" is shown instead; [`PATIENCE`] in production.
    pub patience: Duration,
}

/// What a request gets: 401 and nothing else, or 200 and an answer.
pub async fn receive(door: &Arc<Door>, headers: &HeaderMap, body: &[u8]) -> Result<Value, StatusCode> {
    door.admits(headers, body)?;
    heed(door, body).await
}

/// What is known to be Discord's.
async fn heed(door: &Arc<Door>, body: &[u8]) -> Result<Value, StatusCode> {
    match inbound::interaction(body) {
        Some(interaction) if door.hears_first(&interaction).await => Ok(answer(door, &interaction).await),
        Some(repeat) => Ok(reply::repeated(repeat.kind)),
        None => Err(StatusCode::BAD_REQUEST),
    }
}

/// The same door for what comes over the Gateway, which has proven itself by its connection.
pub struct Listener(pub Arc<Door>);

#[async_trait]
impl Ear for Listener {
    async fn hear(&self, interaction: Interaction) {
        if let Some(age) = self.0.lapsed(&interaction) {
            return self.0.leave_alone(&interaction, age).await;
        }
        if !self.0.hears_first(&interaction).await {
            return;
        }
        let said = answer(&self.0, &interaction).await;
        let token = Secret::new(interaction.token.clone());
        if let Err(error) = self.0.hooks.callback(&interaction.id, &token, &said).await {
            tracing::warn!(%error, "an interaction could not be answered");
        }
    }
}

impl Door {
    fn admits(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), StatusCode> {
        let [time, given] = signing(headers);
        signature::genuine(&self.keys, time, given, body, self.clock.now()).map_err(|untrusted| turned_away(&untrusted))
    }

    /// Whether this is no repeat of something that was heard before, by whatever replica.
    async fn hears_first(&self, interaction: &Interaction) -> bool {
        !interaction::counts_once(interaction) || self.is_mine(interaction).await
    }

    /// A database that hangs must not make the first answer late.
    async fn is_mine(&self, interaction: &Interaction) -> bool {
        let key = format!("interaction:{}", interaction.id);
        let caller = interaction::caller(interaction);
        timeout(self.patience / 8, self.desk.is_mine(&caller, &key)).await.unwrap_or(true)
    }

    /// How old something is whose person has seen Discord say that it failed. What broke off over the Gateway is heard
    /// again once the connection is resumed, however late that is.
    fn lapsed(&self, interaction: &Interaction) -> Option<SignedDuration> {
        let age = self.clock.now().duration_since(interaction.done_at()?);
        let oldest = if interaction::is_decision(interaction) { OLDEST_DECISION } else { OLDEST };
        (age > oldest).then_some(age)
    }

    /// Not done, but journalled, and said to the person by one of the replicas.
    async fn leave_alone(&self, interaction: &Interaction, age: SignedDuration) {
        let seconds = age.as_secs();
        tracing::warn!(
            seconds,
            "something that a person did was heard too late; if that is always so, this machine's clock is wrong"
        );
        if let Some(ask) = interaction::what_was_asked(interaction)
            && self.is_mine(interaction).await
        {
            self.desk.leave_alone(&ask, reply::heard_late(seconds)).await;
        }
    }
}

/// The endpoint below the path of the bot: `/discord/interactions`.
pub fn router(door: Arc<Door>) -> Router {
    Router::new().route("/discord/interactions", post(on_interaction)).with_state(door)
}

async fn on_interaction(State(door): State<Arc<Door>>, request: Request) -> Response {
    match take(&door, request).await {
        Ok(answer) => axum::Json(answer).into_response(),
        Err(refused) => refused,
    }
}

/// Nobody's body is read whose head could not be Discord's.
async fn take(door: &Arc<Door>, request: Request) -> Result<Value, Response> {
    let (head, body) = request.into_parts();
    let ([time, given], visit) = (signing(&head.headers), Visit::of(&head.extensions));
    let may_be = signature::head(&door.keys, time, given, door.clock.now());
    may_be.map_err(|untrusted| turned_away(&untrusted).into_response())?;
    let body = visit.read(body, BODY_LIMIT).await.map_err(|refusal| refusal.answer(ENDPOINT))?;
    door.admits(&head.headers, &body).map_err(IntoResponse::into_response)?;
    visit.prove();
    came_in(ENDPOINT);
    heed(door, &body).await.map_err(IntoResponse::into_response)
}

fn signing(headers: &HeaderMap) -> [Option<&str>; 2] {
    ["x-signature-timestamp", "x-signature-ed25519"].map(|name| header(headers, name))
}

fn turned_away(untrusted: &Untrusted) -> StatusCode {
    tracing::warn!(endpoint = ENDPOINT, %untrusted, "a request that is not Discord's was turned away");
    metrics::counter!("rekey_inbound_refused_total", "endpoint" => ENDPOINT, "why" => "signature").increment(1);
    StatusCode::UNAUTHORIZED
}
