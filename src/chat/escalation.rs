//! A reminder in another channel of a messenger: what it says, and when the card's own thread gets it instead. A reminder
//! must not be lost to a typo in the configuration.

use super::ChatError;
use crate::rotation::record::Audience;
use crate::rotation::view::Card;
use jiff::Timestamp;

/// An announcement that is for another channel.
pub(super) struct Reminder<'a> {
    /// Which channel.
    pub channel: &'a str,
    /// When it was decided to remind.
    pub at: Timestamp,
    /// What is said; may hold foreign text: escape.
    pub words: &'a str,
    /// What is read, and where it leads.
    pub links: Vec<(&'static str, &'a str)>,
}

impl<'a> Reminder<'a> {
    /// If that announcement is one, and for this messenger.
    pub fn of(card: &'a Card, index: usize, messenger: &str) -> Option<Self> {
        let told = card.announcements.get(index)?;
        let Audience::Channel { surface, channel } = &told.to else { return None };
        let way = |name, surface: &str| {
            let link = card.links.iter().find(|(known, _)| known == surface);
            link.map(|(_, url)| (name, url.as_str()))
        };
        let links = way("Card", messenger).into_iter().chain(way("Issue", "issue")).collect();
        let is_ours = surface.as_str() == messenger;
        is_ours.then_some(Self { channel, at: told.at, words: &told.text, links })
    }

    /// One line, of words and links in the messenger's own markup.
    pub fn line(&self, words: &str, link: impl Fn(&str, &str) -> String) -> String {
        let links = self.links.iter().map(|(name, url)| link(name, url));
        std::iter::once(format!("🔔 {words}")).chain(links).collect::<Vec<_>>().join(" · ")
    }

    /// Whether the card's thread gets it, with a mention of those who may approve.
    pub fn falls_back(&self, error: &ChatError) -> bool {
        let for_good = !matches!(error, ChatError::Unavailable { .. });
        if for_good {
            tracing::warn!(%error, channel = self.channel, "a reminder goes to the card's thread instead");
        }
        for_good
    }
}
