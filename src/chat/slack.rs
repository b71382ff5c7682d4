//! Slack as a messenger: one message a rotation, edited in place; what should notify people goes into its thread.
//! Slack has no idempotency keys, so every message carries metadata by which it is found before it is posted again.

mod blocks;
pub mod client;
mod escalation;
pub mod inbound;
pub mod mrkdwn;
pub mod parts;
pub mod prose;
mod reference;
pub mod socket;

pub use blocks::{Message, announcement, message};
pub use escalation::reminder;

use super::escalation::Reminder;
use super::{Approvers, ChatError, Messenger, Posted, left_behind, unless_it_passes};
use crate::rotation::account::Service;
use crate::rotation::group::{Approver, Group};
use crate::rotation::ids::PersonId;
use crate::rotation::record::Audience;
use crate::rotation::view::Card;
use crate::rotation::view::prose::Prose;
use async_trait::async_trait;
use client::{Client, Identity, Mark, with_way_out};
use reference::{born, card_mark, parts as parts_of, reference};

/// What to do about a token that ends by itself.
pub const TOKEN_ROTATION: &str = client::TOKEN_ROTATION;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Cards in a row that replaced each other unseen before we give up.
const MOST_REPLACED: usize = 5;

/// Slack, one channel.
pub struct Slack {
    client: Arc<Client>,
    channel: String,
    people: BTreeMap<PersonId, String>,
    approvers: Approvers,
    identity: OnceCell<Identity>,
}

impl Slack {
    /// Cards go to `channel` (an id such as `C0OPS00001`). `people` gives the Slack user id of each person.
    pub fn new(
        client: impl Into<Arc<Client>>,
        channel: String,
        people: BTreeMap<PersonId, String>,
        approvers: Approvers,
    ) -> Self {
        Self { client: client.into(), channel, people, approvers, identity: OnceCell::new() }
    }

    /// The methods beneath.
    pub fn client(&self) -> &Client {
        &self.client
    }

    async fn identity(&self) -> Result<&Identity, ChatError> {
        self.identity.get_or_try_init(|| self.client.auth_test()).await
    }

    /// Those whom Slack can notify.
    fn mentions(&self, card: &Card) -> Vec<String> {
        let approvers = (self.approvers)(&card.token);
        let awake = approvers.iter().filter(|approver| card.notifies(approver));
        awake.filter_map(|approver| self.mention(approver, card)).collect()
    }

    /// Those, and groups of which Slack knows nothing, in words.
    fn deciders(&self, card: &Card) -> Vec<String> {
        let elsewhere = |approver: &Approver| match approver {
            Approver::Group(group) => Some(mrkdwn::escape(&group.in_words())),
            Approver::Person(_) => None,
        };
        let approvers = (self.approvers)(&card.token);
        approvers.iter().filter_map(|approver| self.mention(approver, card).or_else(|| elsewhere(approver))).collect()
    }

    fn mention(&self, approver: &Approver, card: &Card) -> Option<String> {
        match approver {
            Approver::Person(person) if card.excused.contains(person) => None,
            Approver::Person(person) => mrkdwn::mention(self.people.get(person)?),
            Approver::Group(Group::Slack { id }) => mrkdwn::mention_group(id),
            Approver::Group(_) => None,
        }
    }

    /// Those for whom an announcement is.
    fn mentioned(&self, card: &Card, index: usize) -> Vec<String> {
        match card.announcements.get(index).map(|told| &told.to) {
            Some(Audience::Approvers) => self.mentions(card),
            Some(Audience::Person { person }) => {
                let user = self.people.get(person).cloned().or_else(|| Service::Slack.account_of(person));
                user.and_then(|user| mrkdwn::mention(&user)).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// The card that an earlier try may have posted.
    async fn find(&self, card: &Card, mark: &Mark) -> Result<Option<String>, ChatError> {
        let oldest = born(&card.rotation);
        let seen = self.client.find_in_channel(&self.channel, oldest, mark, self.identity().await?).await?;
        Ok(seen.map(|seen| reference(&self.channel, &seen.ts)))
    }

    /// The address is a convenience: without it the card is still posted.
    async fn url(&self, channel: &str, ts: &str) -> Option<String> {
        self.client.permalink(channel, ts).await.ok()
    }
}

#[async_trait]
impl Messenger for Slack {
    fn name(&self) -> &str {
        "slack"
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
        let (channel, ts) = parts_of(reference)?;
        self.client.delete(channel, ts).await
    }

    async fn announce(&self, card: &Card, reference: &str, index: usize) -> Result<(), ChatError> {
        let thread = parts_of(reference)?;
        self.announce_below(card, thread, index).await.map_err(|error| with_way_out(error, thread.0))
    }

    async fn whisper(&self, channel: Option<&str>, account: &str, prose: &Prose) -> Result<(), ChatError> {
        let message = Message { text: prose::prose(prose), blocks: Vec::new() };
        self.client.say_privately(channel, account, &message).await
    }
}

impl Slack {
    /// Cards go to another channel by now. The one that stays behind says where it went, and offers nothing. Where the
    /// new channel does not take it, it stays where it is.
    async fn bring(&self, card: &Card, (channel, ts): (&str, &str)) -> Result<Posted, ChatError> {
        let posted = match self.show_in_place(card, None).await {
            Err(error) if error.is_about_the_place() => {
                let kept = self.show_in_place(card, Some(&reference(channel, ts))).await;
                return kept.map_err(|_| error);
            }
            posted => posted?,
        };
        // Slack may know one channel by two ids.
        if parts_of(&posted.reference)?.1 != ts {
            let message = blocks::moved(card, &self.channel, posted.url.as_deref());
            unless_it_passes(self.client.update(channel, ts, &message, &card_mark(card)).await)?;
        }
        Ok(posted)
    }

    async fn show_in_place(&self, card: &Card, known: Option<&str>) -> Result<Posted, ChatError> {
        let (message, mark) = (blocks::message(card, &self.deciders(card)), card_mark(card));
        let found = match known {
            Some(reference) => Some(reference.to_owned()),
            None => self.find(card, &mark).await?,
        };
        let (channel, ts) = match found {
            Some(found) => {
                let (channel, ts) = parts_of(&found)?;
                match self.client.update(channel, ts, &message, &mark).await {
                    Err(ChatError::Frozen { .. }) => self.replace(card, channel, ts, &message).await?,
                    updated => updated.map(|()| (channel.to_owned(), ts.to_owned()))?,
                }
            }
            None => self.client.post(&self.channel, None, &message, &mark).await?,
        };
        let url = self.url(&channel, &ts).await;
        Ok(Posted { reference: reference(&channel, &ts), url })
    }

    /// A card that may not be edited shows what is over and buttons that do nothing more, so another takes its place.
    async fn replace(
        &self,
        card: &Card,
        channel: &str,
        ts: &str,
        message: &Message,
    ) -> Result<(String, String), ChatError> {
        let mut last = ts.to_owned();
        for _ in 0..MOST_REPLACED {
            let mut mark = card_mark(card);
            mark.payload.push(("replaces", last.clone()));
            let oldest = born(&card.rotation);
            match self.client.find_in_channel(channel, oldest, &mark, self.identity().await?).await? {
                None => return self.client.post(channel, None, message, &mark).await,
                Some(seen) => last = seen.ts,
            }
            match self.client.update(channel, &last, message, &mark).await {
                Err(ChatError::Frozen { .. }) => {}
                updated => return updated.map(|()| (channel.to_owned(), last)),
            }
        }
        Err(ChatError::Refused {
            messenger: "slack".into(),
            why: "edit_window_closed; an administrator of the workspace must let messages be edited".into(),
        })
    }

    async fn announce_below(&self, card: &Card, thread: (&str, &str), index: usize) -> Result<(), ChatError> {
        let mark = Mark {
            kind: "rekey_announcement",
            payload: vec![("rotation", card.rotation.0.clone()), ("index", index.to_string())],
        };
        let mut asked = self.mentioned(card, index);
        if let (Some(elsewhere), Some(message)) = (Reminder::of(card, index, "slack"), reminder(card, index)) {
            match self.remind(&elsewhere, &message, &mark).await {
                Err(error) if elsewhere.falls_back(&error) => asked = self.mentions(card),
                said => return said,
            }
        }
        let Some(message) = blocks::announcement(card, index, &asked) else { return Ok(()) };
        match self.reply_once(thread, &message, &mark).await {
            // There are channels without threads, and people remove cards; the channel is where it stands or stood.
            Err(error) if error.is_about_the_thread() => {
                match self.say_once(thread.0, born(&card.rotation), &message, &mark).await {
                    Err(again) if again.is_about_the_thread() => Err(error),
                    told => told,
                }
            }
            told => told,
        }
    }

    /// A message in a channel, once, even if called again.
    async fn say_once(&self, channel: &str, oldest: i64, message: &Message, mark: &Mark) -> Result<(), ChatError> {
        if self.client.find_in_channel(channel, oldest, mark, self.identity().await?).await?.is_some() {
            return Ok(());
        }
        self.client.post(channel, None, message, mark).await.map(drop)
    }

    /// A reply in the card's thread, once, even if called again.
    async fn reply_once(&self, (channel, ts): (&str, &str), message: &Message, mark: &Mark) -> Result<(), ChatError> {
        if self.client.find_in_thread(channel, ts, mark, self.identity().await?).await?.is_some() {
            return Ok(());
        }
        self.client.post(channel, Some(ts), message, mark).await.map(|_| ())
    }
}
