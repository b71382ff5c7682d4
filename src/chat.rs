//! The port to the places where people talk. A messenger shows cards and answers clicks; it decides nothing.

pub mod discord;
mod escalation;
mod lenient;
pub mod slack;

use crate::rotation::group::Approver;
use crate::rotation::ids::TokenName;
use crate::rotation::view::Card;
use crate::rotation::view::prose::Prose;
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;

/// Whom the configuration lets decide on a token. Who of them may, is found out when they do; here they are only asked.
pub type Approvers = Arc<dyn Fn(&TokenName) -> Vec<Approver> + Send + Sync>;

/// Where a card is, in the messenger's own words, and where a person opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The messenger's name for the message; given back with every edit.
    pub reference: String,
    /// A link for people.
    pub url: Option<String>,
}

/// Whether only those see a card for whom it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// Nobody else does, as far as the messenger has such a thing.
    Kept,
    /// Somebody had opened it to others; it is closed to them again.
    Mended,
    /// Others see it, and the messenger could not change that: nothing more is written there.
    Exposed,
}

/// Why a messenger did not do what it was asked, by what the caller can do.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// Try again, not before `retry_after`.
    #[error("{messenger} is not available: {why}")]
    Unavailable {
        /// Which messenger.
        messenger: String,
        /// In words, without secrets.
        why: String,
        /// The messenger's own wish.
        retry_after: Option<Duration>,
    },
    /// The message itself was removed by people: it never comes back, stop feeding it. A channel that was archived or a
    /// bot that was expelled is no such thing; both may come back.
    #[error("{messenger}: the message is gone: {why}")]
    Gone {
        /// Which messenger.
        messenger: String,
        /// In words.
        why: String,
    },
    /// The channel is not open to the bot: archived, deleted, or it is not in it. Only clients say so; a messenger says
    /// [`ChatError::Refused`] with the way out.
    #[error("{messenger}: the channel is closed to the bot: {why}")]
    Closed {
        /// Which messenger.
        messenger: String,
        /// In its own words.
        why: String,
    },
    /// The message is there, and may not be edited (any more), or is not ours to edit since the bot is another one: what
    /// it shows stays. A messenger replaces it.
    #[error("{messenger}: the message cannot be edited: {why}")]
    Frozen {
        /// Which messenger.
        messenger: String,
        /// In its own words.
        why: String,
    },
    /// The messenger does not take the form of the message. Clients say so; a messenger sends plain words instead.
    #[error("{messenger} does not take the form of the message: {why}")]
    Form {
        /// Which messenger.
        messenger: String,
        /// In its own words.
        why: String,
    },
    /// It will not go well until a person mends something. It may be repeated now and then, to see whether they have.
    #[error("{messenger} refused: {why}")]
    Refused {
        /// Which messenger.
        messenger: String,
        /// In words, with the way out.
        why: String,
    },
}

impl ChatError {
    /// Whether the same words may find another way: the place or the kind of message was refused, not the call.
    pub fn is_about_the_place(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Closed { .. } | Self::Form { .. })
    }

    /// The same of words that go below a message: without the message they can still be said in its channel.
    pub fn is_about_the_thread(&self) -> bool {
        self.is_about_the_place() || matches!(self, Self::Gone { .. })
    }
}

/// A place where people see rotations. Every call may be repeated: a lost answer never makes a second card or a
/// second announcement.
#[async_trait]
pub trait Messenger: Send + Sync {
    /// The surface's name: `slack`, `discord`, `issue`.
    fn name(&self) -> &str;

    /// Makes the card, or edits the one that `reference` names. Without a reference it first looks for a card of the
    /// same rotation, because the answer to an earlier post may have been lost.
    async fn show(&self, card: &Card, reference: Option<&str>) -> Result<Posted, ChatError>;

    /// How far our clock is ahead of the one by which clicks are signed, as its last answer told; `None` where nothing
    /// is signed, or nothing was told.
    fn clock_skew(&self) -> Option<jiff::SignedDuration> {
        None
    }

    /// Looks whether others than its readers can see what `reference` names, and puts that right if it can.
    async fn privacy(&self, _reference: &str) -> Result<Privacy, ChatError> {
        Ok(Privacy::Kept)
    }

    /// Takes a card away that was made beside the one that counts.
    async fn withdraw(&self, reference: &str, counts: &str) -> Result<(), ChatError>;

    /// Delivers announcement number `index` (from 0) of the card in its thread, once, even if called again.
    async fn announce(&self, card: &Card, reference: &str, index: usize) -> Result<(), ChatError>;

    /// Says something to one account alone, in the channel where it was asked, if the messenger has such a thing
    /// without the person's own request at hand. By default it has not, and nothing is said.
    async fn whisper(&self, _channel: Option<&str>, _account: &str, _prose: &Prose) -> Result<(), ChatError> {
        Ok(())
    }
}

/// The card that `known` names, if it stands in another channel than `channel`, where cards go by now.
fn left_behind<'a>(known: Option<&'a str>, channel: &str) -> Option<(&'a str, &'a str)> {
    known.and_then(|known| known.split_once(':')).filter(|(place, _)| *place != channel)
}

/// What is left of an edit whose message leads elsewhere: only what passes is worth another try.
fn unless_it_passes(edited: Result<(), ChatError>) -> Result<(), ChatError> {
    match edited {
        Err(error @ ChatError::Unavailable { .. }) => Err(error),
        _ => Ok(()),
    }
}
