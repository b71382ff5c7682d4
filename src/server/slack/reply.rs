//! An answer of the desk as a private message.

use crate::chat::slack::client::{Client, Hooks};
use crate::chat::slack::parts::{actions, button, section};
use crate::chat::slack::{Message, message as card_message, prose};
use crate::engine::desk::words::{NOTED, OPEN, lasting, outline};
use crate::engine::desk::{Answer, Caller, WayBack};
use crate::rotation::view::prose::Prose;
use crate::rotation::wish::Wish;
use async_trait::async_trait;
use std::sync::Arc;

/// A button on a private line.
pub(super) const OFFER: &str = "rekey.offer";

/// The way back to one person: an address that Slack gave with their request. A bearer secret, kept in memory only.
pub struct Way {
    pub(super) hooks: Hooks,
    pub(super) address: String,
    /// Whoever cannot be reached that way is told by the bot's own means.
    pub(super) client: Arc<Client>,
    pub(super) caller: Caller,
}

impl Way {
    /// Says it there, or else by the bot's own means; if that fails too it is logged, since nobody could be told of it.
    pub async fn say(&self, answer: &Answer) {
        if let Err(error) = self.hooks.respond(&self.address, &message(answer)).await {
            tracing::info!(%error, "the way back is closed");
            self.whisper(answer).await;
        }
    }

    async fn whisper(&self, answer: &Answer) {
        let said = words(&lasting(answer));
        let Caller { channel, account, .. } = &self.caller;
        if let Err(error) = self.client.say_privately(channel.as_deref(), account, &said).await {
            tracing::warn!(%error, "an answer could not be shown to the person who asked");
        }
    }

    /// Takes the button away from a private line whose press was committed. One that stays is no harm: it counts once.
    pub async fn take_note(&self) {
        let noted = words(&Prose::words(NOTED));
        if let Err(error) = self.hooks.replace(&self.address, &noted).await {
            tracing::debug!(%error, "a button that was used stays where it is");
        }
    }
}

#[async_trait]
impl WayBack for Way {
    async fn tell(&self, answer: Answer) {
        self.say(&answer).await;
    }
}

/// The message that says it.
pub fn message(answer: &Answer) -> Message {
    match answer {
        Answer::Card(card) => card_message(card, &[]),
        Answer::Offer { prose, label, wish } => with_button(prose, label, wish),
        // Where none can be opened, its button opens one.
        Answer::Form(form) => with_button(&form.intro, OPEN, &form.wish),
        other => words(&outline(other)),
    }
}

fn with_button(prose: &Prose, label: &str, wish: &Wish) -> Message {
    let mut message = words(prose);
    let mut offer = button(OFFER, label, &wish.to_id().unwrap_or_default(), label);
    if matches!(wish, Wish::Decide(_)) {
        offer["style"] = "danger".into();
    }
    message.blocks = vec![section(&message.text), actions("rekey.offer", vec![offer])];
    message
}

/// Words without blocks.
pub fn words(words: &Prose) -> Message {
    Message { text: prose::prose(words), blocks: Vec::new() }
}

/// What is said when a click could not be committed.
pub fn not_remembered() -> Answer {
    Answer::Private(Prose::words("rekey could not remember this click, so nothing happened. Please press it again."))
}

/// What is said when a click was committed after Slack had given up on it.
pub fn counted_late() -> Answer {
    Answer::Private(Prose::words("It took a while, but your click counts. There is no need to press again."))
}
