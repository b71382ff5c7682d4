//! What comes over the socket, through the same functions as what comes to the endpoints.

use super::{Answer, Door, command, event, interaction};
use crate::chat::slack::inbound::from_socket;
use crate::chat::slack::socket::{Envelope, Kind, NotAccepted, Receiver};
use async_trait::async_trait;
use serde_json::Value;
use std::sync::Arc;

/// The door as a socket sees it.
pub struct Envelopes(pub Arc<Door>);

#[async_trait]
impl Receiver for Envelopes {
    async fn receive(&self, envelope: Envelope) -> Result<Option<Value>, NotAccepted> {
        let (door, payload) = (&self.0, envelope.payload);
        let answer = match envelope.kind {
            Kind::Command => match from_socket(payload) {
                Some(command) => command::answer(door, command).await,
                None => Answer::nothing(),
            },
            Kind::Interaction => match from_socket(payload) {
                Some(interaction) => interaction::answer(door, interaction).await,
                None => Answer::nothing(),
            },
            Kind::Event => from_socket(payload).map_or_else(Answer::nothing, |event| event::answer(door, event)),
        };
        if answer.status == 200 { Ok(answer.body) } else { Err(NotAccepted) }
    }
}
