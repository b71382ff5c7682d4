//! A reminder in another channel: a few words with the way to the card. Where that channel cannot be written, the card's
//! own thread gets it, with a mention of those who may approve: a reminder must not be lost to a typo.

use super::card::mark_of_announcement;
use super::markdown::{escape, link};
use super::{Discord, Message, first_id};
use crate::chat::ChatError;
use crate::rotation::record::Audience;
use crate::rotation::view::Card;

/// The other channel, if an announcement is for one.
pub(super) fn channel(card: &Card, index: usize) -> Option<&str> {
    match card.announcements.get(index).map(|told| &told.to) {
        Some(Audience::Channel { surface, channel }) if surface.as_str() == "discord" => Some(channel),
        _ => None,
    }
}

/// The words, where the card and the issue are, and by what it is found again.
fn message(card: &Card, index: usize) -> Option<Message> {
    let told = card.announcements.get(index)?;
    let names = [("discord", "Card"), ("issue", "Issue")];
    let links = names.iter().filter_map(|(surface, name)| {
        card.links.iter().find(|(known, _)| known == surface).map(|(_, url)| link(name, url))
    });
    let words = format!("🔔 {}", escape(&told.text, 900));
    let line = std::iter::once(words).chain(links).collect::<Vec<_>>().join(" · ");
    Some(Message::words(format!("{line}\n-# {}", mark_of_announcement(card, index))))
}

impl Discord {
    /// Says it once, there.
    pub(super) async fn escalate(&self, card: &Card, index: usize, elsewhere: &str) -> Result<(), ChatError> {
        let Some(message) = message(card, index) else { return Ok(()) };
        let told = u64::try_from(card.announcements[index].at.as_millisecond()).unwrap_or_default();
        self.tell(elsewhere, &first_id(told), &mark_of_announcement(card, index), &message).await
    }
}
