//! Slack's requests: commands, clicks, forms and events, whichever way they come. Over HTTP each is checked by its
//! signature over the raw bytes, over a socket by the socket; then all go through the same functions, which hand over
//! to the [`Desk`] and answer within Slack's three seconds.

mod caller;
mod command;
mod endpoints;
mod event;
pub mod home;
mod interaction;
pub mod modal;
pub mod reply;
mod socket;

pub use endpoints::{event, interaction, router, slash_command};
pub use socket::Envelopes;

use crate::chat::slack::Message;
use crate::chat::slack::client::{Client, Hooks};
use crate::clock::Clock;
use crate::engine::desk::{Ask, Caller, Desk};
use crate::notice::signature::Key;
use crate::rotation::wish::Wish;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Slack waits three seconds; the rest is for the way back.
pub const PATIENCE: Duration = Duration::from_millis(2_300);

/// Who may come in, and where they are led.
pub struct Door {
    /// Signing secrets, old and new during a change; none where a socket is the authentication.
    pub keys: Vec<Key>,
    /// The workspace (`T…`) or organisation (`E…`) whose people are believed.
    pub team: String,
    /// The app that we are, where it is known.
    pub app: Option<String>,
    /// Where cards are: what decides on a card comes from there.
    pub channel: String,
    /// Who answers.
    pub desk: Arc<Desk>,
    /// The way back after the answer, and for private lines about a click.
    pub hooks: Hooks,
    /// For forms and home tabs.
    pub client: Arc<Client>,
    /// For the age of requests.
    pub clock: Arc<dyn Clock>,
    /// How long an answer may take before "working on it" is said instead; [`PATIENCE`] in production.
    pub patience: Duration,
}

/// What Slack gets back.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// 200; 401 and nothing else; or 503, when the request could not be remembered.
    pub status: u16,
    /// A message that only the sender sees, what a form does next, or nothing.
    pub body: Option<Value>,
}

impl Answer {
    fn nothing() -> Self {
        Self { status: 200, body: None }
    }

    fn unsigned() -> Self {
        Self { status: 401, body: None }
    }

    /// The person sees that it failed, and may press again.
    fn not_taken() -> Self {
        Self { status: 503, body: None }
    }

    fn with(body: Value) -> Self {
        Self { status: 200, body: Some(body) }
    }

    /// A message that only the sender of a command sees.
    pub fn private(message: &Message) -> Self {
        let mut body = json!({"response_type": "ephemeral", "text": message.text});
        if !message.blocks.is_empty() {
            body["blocks"] = message.blocks.clone().into();
        }
        Self::with(body)
    }
}

impl Door {
    fn way_back(&self, address: &str, caller: &Caller) -> reply::Way {
        let (hooks, client) = (self.hooks.clone(), self.client.clone());
        reply::Way { hooks, address: address.to_owned(), client, caller: caller.clone() }
    }

    /// Whether the app is ours. Over HTTP the signing secret, which is one app's alone, stands for it where it is not named.
    fn is_ours(&self, app: &str, endpoint: &'static str) -> bool {
        let ours = self.app.as_ref().is_none_or(|ours| ours == app);
        if !ours {
            tracing::warn!(endpoint, app, "a request about another app of Slack's was turned away");
            metrics::counter!("rekey_inbound_refused_total", "endpoint" => endpoint, "why" => "app").increment(1);
        }
        ours
    }

    /// Whether this is no repeat of a request that asks for something and was heard before, by whatever replica. Decisions
    /// are told apart where they are remembered.
    async fn hears_first(&self, ask: &Ask) -> bool {
        matches!(ask.wish, Wish::Decide(_))
            || ask.key.is_empty()
            || self.desk.is_mine(&ask.caller, &format!("slack:{}", ask.key)).await
    }
}
