//! A reminder in another channel: a few words with the way to the card.

use super::card::mark_of_announcement;
use super::markdown::{escape, link};
use super::{Discord, Message, first_id};
use crate::chat::ChatError;
use crate::chat::escalation::Reminder;
use crate::rotation::view::Card;

/// The words, where the card and the issue are, and by what it is found again; `None` if the announcement is no reminder
/// for another channel.
pub fn reminder(card: &Card, index: usize) -> Option<Message> {
    let reminder = Reminder::of(card, index, "discord")?;
    let line = reminder.line(&escape(reminder.words, 900), link);
    Some(Message::words(format!("{line}\n-# {}", mark_of_announcement(card, index))))
}

impl Discord {
    /// Says it once, there.
    pub(super) async fn remind(&self, reminder: &Reminder<'_>, message: &Message, mark: &str) -> Result<(), ChatError> {
        let told = u64::try_from(reminder.at.as_millisecond()).unwrap_or_default();
        self.tell(reminder.channel, &first_id(told), mark, message).await
    }
}
