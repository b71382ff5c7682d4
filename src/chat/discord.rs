//! Discord as a messenger: one message a rotation, edited in place; what should notify people goes into its thread.
//! Discord remembers a nonce for some minutes; after that a card is found by its small print before it is posted again.

mod card;
pub mod client;
mod escalation;
pub mod gateway;
pub mod hooks;
pub mod inbound;
pub mod markdown;
mod message;
pub mod permissions;
pub mod prose;
mod trouble;

pub use card::{ASKS, Decider, announcement, message, offer};
pub use escalation::reminder;
pub use message::Message;

use super::escalation::Reminder;
use super::{Approvers, ChatError, Messenger, Posted, left_behind, unless_it_passes};
use crate::rotation::account::Service;
use crate::rotation::group::{Approver, Group};
use crate::rotation::ids::{PersonId, RotationId};
use crate::rotation::record::Audience;
use crate::rotation::view::prose::Prose;
use crate::rotation::view::{Card, text};
use async_trait::async_trait;
use client::{Client, From, Seen, User, is_last, number};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::OnceCell;
use trouble::with_way_out;

/// Pages that are looked through for a lost message, from each end.
const MOST_PAGES: usize = 20;

/// How far our clock and Discord's may differ, in milliseconds, when looking for a lost message.
const SKEW: u64 = 3_600_000;

/// Cards in a row that replaced each other unseen before we give up.
const MOST_REPLACED: usize = 5;

/// The first millisecond that an id of Discord can name.
const EPOCH: u64 = 1_420_070_400_000;

/// Discord, one channel.
pub struct Discord {
    client: Arc<Client>,
    guild: String,
    channel: String,
    people: BTreeMap<PersonId, String>,
    approvers: Approvers,
    me: OnceCell<User>,
}

impl Discord {
    /// Cards go to `channel` of `guild` (ids). `people` gives the Discord user id of each person.
    pub fn new(
        client: impl Into<Arc<Client>>,
        guild: String,
        channel: String,
        people: BTreeMap<PersonId, String>,
        approvers: Approvers,
    ) -> Self {
        Self { client: client.into(), guild, channel, people, approvers, me: OnceCell::new() }
    }

    async fn me(&self) -> Result<&User, ChatError> {
        self.me.get_or_try_init(|| self.client.me()).await
    }

    fn deciders(&self, card: &Card) -> Vec<Decider> {
        (self.approvers)(&card.token).iter().filter_map(|approver| self.decider(approver, card)).collect()
    }

    fn decider(&self, approver: &Approver, card: &Card) -> Option<Decider> {
        match approver {
            Approver::Person(person) if card.excused.contains(person) => None,
            Approver::Person(person) => self.people.get(person).cloned().map(Decider::User),
            Approver::Group(Group::Discord { role }) => Some(Decider::Role(role.clone())),
            Approver::Group(group) => Some(Decider::Elsewhere(group.in_words())),
        }
    }

    /// Those for whom an announcement is.
    fn mentioned(&self, card: &Card, index: usize) -> Vec<Decider> {
        match card.announcements.get(index).map(|told| &told.to) {
            Some(Audience::Approvers) => {
                let approvers = (self.approvers)(&card.token);
                let awake = approvers.iter().filter(|approver| card.notifies(approver));
                awake.filter_map(|approver| self.decider(approver, card)).collect()
            }
            Some(Audience::Person { person }) => {
                let user = self.people.get(person).cloned().or_else(|| Service::Discord.account_of(person));
                user.map(Decider::User).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// The message of ours that an earlier try may have posted since `born`: soon after that, or lately.
    async fn find(
        &self,
        channel: &str,
        born: &str,
        is_it: impl Fn(&Seen) -> bool + Send,
    ) -> Result<Option<Seen>, ChatError> {
        let me = &self.me().await?.id;
        let mine = |seen: &Seen| seen.author.id == *me && is_it(seen);
        let mut after = born.to_owned();
        for _ in 0..MOST_PAGES {
            let page = self.client.page(channel, &From::After(&after)).await?;
            match page.last() {
                Some(last) => after.clone_from(&last.id),
                None => return Ok(None),
            }
            let last = is_last(&page);
            if let Some(found) = page.into_iter().find(&mine) {
                return Ok(Some(found));
            }
            if last {
                return Ok(None);
            }
        }
        self.find_lately(channel, &after, mine).await
    }

    /// From the newest message back to one that was looked at already.
    async fn find_lately(
        &self,
        channel: &str,
        until: &str,
        mine: impl Fn(&Seen) -> bool,
    ) -> Result<Option<Seen>, ChatError> {
        let mut page = self.client.page(channel, &From::Newest).await?;
        for _ in 0..MOST_PAGES {
            let oldest = page.first().map(|seen| seen.id.clone());
            if let Some(found) = page.into_iter().find(&mine) {
                return Ok(Some(found));
            }
            match oldest {
                Some(oldest) if number(&oldest) > number(until) => {
                    page = self.client.page(channel, &From::Before(&oldest)).await?;
                }
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Posts an announcement to the thread of a card, or to its channel, unless it stands there already.
    async fn tell(&self, channel: &str, card: &str, mark: &str, message: &Message) -> Result<(), ChatError> {
        let last_line = format!("-# {mark}");
        let is_it = |seen: &Seen| seen.content.lines().last() == Some(&last_line);
        if self.find(channel, card, is_it).await?.is_none() {
            self.client.post(channel, message, &nonce(&[mark])).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Messenger for Discord {
    fn name(&self) -> &str {
        "discord"
    }

    fn clock_skew(&self) -> Option<jiff::SignedDuration> {
        self.client.clock_skew()
    }

    async fn show(&self, card: &Card, known: Option<&str>) -> Result<Posted, ChatError> {
        let shown = match left_behind(known, &self.channel) {
            Some(old) => self.bring(card, old).await,
            None => self.show_in_place(card, known).await,
        };
        shown.map_err(|error| with_way_out(error, &self.channel))
    }

    async fn withdraw(&self, reference: &str, _counts: &str) -> Result<(), ChatError> {
        let (channel, id) = parts(reference)?;
        self.client.delete(channel, id).await
    }

    async fn announce(&self, card: &Card, reference: &str, index: usize) -> Result<(), ChatError> {
        let (channel, id) = parts(reference)?;
        self.announce_below(card, (channel, id), index).await.map_err(|error| with_way_out(error, channel))
    }

    /// Discord has no private lines without an interaction at hand, so it is a direct message.
    async fn whisper(&self, _channel: Option<&str>, account: &str, words: &Prose) -> Result<(), ChatError> {
        let message = Message::words(prose::prose(words));
        let nonce = nonce(&["whisper", account, &message.content]);
        self.client.tell(account, &message, &nonce).await
    }
}

impl Discord {
    /// Cards go to another channel by now. The one that stays behind says where it went, and offers nothing. Where the
    /// new channel does not take it, it stays where it is.
    async fn bring(&self, card: &Card, (channel, id): (&str, &str)) -> Result<Posted, ChatError> {
        let posted = match self.show_in_place(card, None).await {
            Err(error) if error.is_about_the_place() => {
                let kept = self.show_in_place(card, Some(&reference(channel, id))).await;
                return kept.map_err(|_| error);
            }
            posted => posted?,
        };
        let message = card::moved(card, &self.channel, posted.url.as_deref());
        unless_it_passes(self.client.edit(channel, id, &message).await)?;
        Ok(posted)
    }

    /// A card that may not be edited shows what is over and buttons that do nothing more, so another takes its place.
    async fn replace(
        &self,
        card: &Card,
        channel: &str,
        id: &str,
        message: &Message,
    ) -> Result<(String, String), ChatError> {
        let mut last = id.to_owned();
        for _ in 0..MOST_REPLACED {
            let message = card::in_place_of(message, card, &last);
            let mark = card::mark_of_card_for(card, &last);
            let is_it = |seen: &Seen| footer(seen).is_some_and(|text| text.starts_with(&mark));
            match self.find(channel, &born(&card.rotation), is_it).await? {
                None => {
                    let nonce = nonce(&[card.rotation.as_str(), "replaces", &last]);
                    let posted = self.client.post(channel, &message, &nonce).await?;
                    return Ok((channel.to_owned(), posted.id));
                }
                Some(seen) => last = seen.id,
            }
            match self.client.edit(channel, &last, &message).await {
                Err(ChatError::Frozen { .. }) => {}
                edited => return edited.map(|()| (channel.to_owned(), last)),
            }
        }
        Err(ChatError::Refused {
            messenger: "discord".into(),
            why: "none of the messages can be edited; let the bot edit what it posts".into(),
        })
    }

    async fn show_in_place(&self, card: &Card, known: Option<&str>) -> Result<Posted, ChatError> {
        let message = message(card, &self.deciders(card));
        let found = match known {
            Some(reference) => Some(reference.to_owned()),
            None => {
                let mark = card::mark_of_card(card);
                let is_it = |seen: &Seen| footer(seen).is_some_and(|text| text.split(" · ").next() == Some(&mark));
                let found = self.find(&self.channel, &born(&card.rotation), is_it).await?;
                found.map(|seen| reference(&self.channel, &seen.id))
            }
        };
        let (channel, id) = match found {
            Some(found) => {
                let (channel, id) = parts(&found)?;
                match self.client.edit(channel, id, &message).await {
                    Err(ChatError::Frozen { .. }) => self.replace(card, channel, id, &message).await?,
                    edited => edited.map(|()| (channel.to_owned(), id.to_owned()))?,
                }
            }
            None => {
                let posted = self.client.post(&self.channel, &message, &nonce(&[card.rotation.as_str()])).await?;
                (self.channel.clone(), posted.id)
            }
        };
        let url = format!("https://discord.com/channels/{}/{channel}/{id}", self.guild);
        Ok(Posted { reference: reference(&channel, &id), url: Some(url) })
    }

    async fn announce_below(&self, card: &Card, (channel, id): (&str, &str), index: usize) -> Result<(), ChatError> {
        let mark = card::mark_of_announcement(card, index);
        let mut asked = self.mentioned(card, index);
        if let (Some(elsewhere), Some(message)) = (Reminder::of(card, index, "discord"), reminder(card, index)) {
            match self.remind(&elsewhere, &message, &mark).await {
                Err(error) if elsewhere.falls_back(&error) => asked = self.deciders(card),
                said => return said,
            }
        }
        let Some(mut message) = announcement(card, index, &asked) else { return Ok(()) };
        let begun = self.client.start_thread(channel, id, &markdown::cut(&text::line(&card.title), 90)).await;
        // A thread that begins with a message has that message's id.
        let told = match begun {
            Ok(()) => self.tell(id, id, &mark, &message).await,
            Err(error) => Err(error),
        };
        match told {
            // It cannot begin, or people removed or locked it, or removed the card: below the card then, at last without
            // pointing at it.
            Err(error) if error.is_about_the_thread() => {
                message.answers = Some(id.to_owned());
                let mut told = self.tell(channel, id, &mark, &message).await;
                if told.as_ref().is_err_and(ChatError::is_about_the_thread) {
                    message.answers = None;
                    told = self.tell(channel, id, &mark, &message).await;
                }
                if told.as_ref().is_err_and(ChatError::is_about_the_thread) { Err(error) } else { told }
            }
            told => told,
        }
    }
}

/// The small print, also of a card in plain words.
fn footer(seen: &Seen) -> Option<&str> {
    let footer = seen.embeds.iter().find_map(|embed| embed.footer.as_ref()).map(|footer| footer.text.as_str());
    footer.or_else(|| seen.content.lines().last()?.strip_prefix("-# "))
}

/// What makes a message the same one: at most 25 characters are allowed, less than an id of ours has.
fn nonce(parts: &[&str]) -> String {
    hex::encode(Sha256::digest(parts.join(" ").as_bytes()))[..25].to_owned()
}

fn reference(channel: &str, id: &str) -> String {
    format!("{channel}:{id}")
}

fn parts(reference: &str) -> Result<(&str, &str), ChatError> {
    reference.split_once(':').ok_or_else(|| ChatError::Refused {
        messenger: "discord".into(),
        why: "the remembered reference is not channel:message; the database was edited".into(),
    })
}

/// The smallest id that a card of this rotation can have. Names are ULIDs, which begin with their time; so do ids of
/// Discord.
fn born(rotation: &RotationId) -> String {
    first_id(ulid::Ulid::from_string(rotation.as_str()).map_or(0, |ulid| ulid.timestamp_ms()))
}

/// The smallest id that anything of that millisecond can have.
fn first_id(millis: u64) -> String {
    (millis.saturating_sub(EPOCH + SKEW) << 22).to_string()
}
