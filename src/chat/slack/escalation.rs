//! A reminder in another channel: one small message with the way to the card.

use super::client::Mark;
use super::mrkdwn::{escape_within, link};
use super::parts::section;
use super::{Message, Slack};
use crate::chat::ChatError;
use crate::chat::escalation::Reminder;
use crate::rotation::view::Card;

/// The words, and where the card and the issue are; `None` if the announcement is no reminder for another channel.
pub fn reminder(card: &Card, index: usize) -> Option<Message> {
    let reminder = Reminder::of(card, index, "slack")?;
    let text = reminder.line(&escape_within(reminder.words, 2_000), link);
    Some(Message { blocks: vec![section(&text)], text })
}

impl Slack {
    /// Says it once, there.
    pub(super) async fn remind(
        &self,
        reminder: &Reminder<'_>,
        message: &Message,
        mark: &Mark,
    ) -> Result<(), ChatError> {
        self.say_once(reminder.channel, (reminder.at.as_second() - super::reference::SKEW).max(0), message, mark).await
    }
}
