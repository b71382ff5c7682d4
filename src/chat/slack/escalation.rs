//! A reminder in another channel: one small message with the way to the card. Where that channel cannot be written, the
//! card's own thread gets it, with a mention of those who may approve: a reminder must not be lost to a typo.

use super::client::Mark;
use super::mrkdwn::{escape_within, link};
use super::parts::section;
use super::{Message, Slack, blocks};
use crate::chat::ChatError;
use crate::rotation::record::Audience;
use crate::rotation::view::Card;

/// The other channel, if an announcement is for one.
pub(super) fn channel(card: &Card, index: usize) -> Option<&str> {
    match card.announcements.get(index).map(|told| &told.to) {
        Some(Audience::Channel { surface, channel }) if surface.as_str() == "slack" => Some(channel),
        _ => None,
    }
}

/// The words, and where the card and the issue are.
fn message(card: &Card, index: usize) -> Option<Message> {
    let told = card.announcements.get(index)?;
    let names = [("slack", "Card"), ("issue", "Issue")];
    let links = names.iter().filter_map(|(surface, name)| {
        card.links.iter().find(|(known, _)| known == surface).map(|(_, url)| link(name, url))
    });
    let words = format!("🔔 {}", escape_within(&told.text, 2_000));
    let text = std::iter::once(words).chain(links).collect::<Vec<_>>().join(" · ");
    Some(Message { blocks: vec![section(&text)], text })
}

impl Slack {
    /// Says it once, there or in the thread.
    pub(super) async fn escalate(
        &self,
        card: &Card,
        thread: (&str, &str),
        index: usize,
        elsewhere: &str,
        mark: &Mark,
    ) -> Result<(), ChatError> {
        let Some(message) = message(card, index) else { return Ok(()) };
        match self.say_once(elsewhere, card.announcements[index].at.as_second(), &message, mark).await {
            Err(error @ (ChatError::Gone { .. } | ChatError::Closed { .. } | ChatError::Refused { .. })) => {
                tracing::warn!(%error, channel = elsewhere, "a reminder goes to the card's thread instead");
            }
            said => return said,
        }
        let Some(message) = blocks::announcement(card, index, &self.mentions(card)) else { return Ok(()) };
        self.reply_once(thread, &message, mark).await
    }

    async fn say_once(&self, channel: &str, since: i64, message: &Message, mark: &Mark) -> Result<(), ChatError> {
        let oldest = (since - super::SKEW).max(0);
        if self.client.find_in_channel(channel, oldest, mark, self.identity().await?).await?.is_some() {
            return Ok(());
        }
        self.client.post(channel, None, message, mark).await.map(|_| ())
    }
}
