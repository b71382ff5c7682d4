//! What people do and see on a surface, whatever it is.

use crate::flow::team::Team;
use async_trait::async_trait;
use rekey::engine::desk::Desk;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::Fault;
use serde_json::Value;
use std::sync::Arc;

/// Which surface, and by which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Issue,
    Slack,
    SlackSocket,
    Discord,
    DiscordGateway,
}

impl Place {
    /// The surface's own name.
    pub fn surface(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Slack | Self::SlackSocket => "slack",
            Self::Discord | Self::DiscordGateway => "discord",
        }
    }
}

/// A call that a surface makes outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// The card is made.
    Post,
    /// The card is edited.
    Edit,
    /// Something is said in its thread.
    Reply,
    /// Any of them.
    Any,
}

/// How people make an end of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// They remove it.
    Removed,
    /// They archive the channel or project.
    Archived,
    /// They show the bot the door.
    Expelled,
}

/// One surface with its people: alice and bob may decide on the token, carol is known, mallory is not.
#[async_trait]
pub trait Bench: Send + Sync {
    /// What this person would press or write now to decide so, ready to be sent; `None` if nobody is invited to.
    fn offer(&self, team: &Team, who: &str, action: Action) -> Option<Value>;

    /// Sends it, for the first time or again. The bot has taken it when this returns.
    async fn send(&self, team: &Team, click: &Value);

    /// What the cards say, oldest first, as the surface got it.
    fn cards(&self, team: &Team) -> Vec<String>;

    /// What was said in the cards' threads.
    fn replies(&self, team: &Team) -> Vec<String>;

    /// What this person was told, on the surface's own way of telling one person.
    fn told(&self, team: &Team, who: &str) -> Vec<String>;

    /// Whom or what the cards and replies ping, refer to or link to, as the surface would read them.
    fn pings(&self, team: &Team) -> Vec<String>;

    /// The next so many calls go wrong; 0: all.
    fn trouble(&self, team: &Team, call: Call, fault: Fault, times: u64);

    /// Trouble is over.
    fn calm(&self, team: &Team);

    /// Until a call is held up.
    async fn held(&self, team: &Team);

    /// What is held up goes on.
    fn release(&self, team: &Team);

    /// What was late arrives.
    async fn land(&self, team: &Team);

    /// People make an end of the card.
    fn end(&self, team: &Team, how: End);

    /// They think better of it; what was removed stays removed.
    fn undo(&self, team: &Team, how: End);

    /// From now on it is against the rules of the place to write or edit there, until [`Bench::calm`].
    fn forbid(&self, team: &Team);

    /// The bot's token holds no more, until [`Bench::calm`] and another process.
    fn revoke(&self, team: &Team);

    /// Calls that the surface got so far.
    fn calls(&self, team: &Team) -> usize;

    /// How this person is mentioned.
    fn mention(&self, who: &str) -> String;

    /// Another channel, which is there from now on; `None` where a surface has no channels.
    fn open_channel(&self) -> Option<String>;

    /// What was said there.
    fn said_there(&self) -> Vec<String>;

    /// A call there goes wrong.
    fn trouble_there(&self, fault: Fault);

    /// People close it to the bot.
    fn close_channel(&self);

    /// Where people type what only the bot reads, if there is such a thing.
    fn forms(&self) -> Option<&dyn Forms> {
        None
    }

    /// Another process is the bot now.
    async fn restarted(&mut self, team: &Team, desk: &Arc<Desk>);
}

/// A surface on which people type commands and fill in forms.
#[async_trait]
pub trait Forms: Send + Sync {
    /// Types a command, without `/rekey`.
    async fn types(&self, who: &str, text: &str);

    /// Presses the one button of the last line that this person was told.
    async fn presses_told(&self, who: &str);

    /// Types a code into the open form and sends it; what is said to that.
    async fn code(&self, who: &str, code: &str) -> String;

    /// Comes back to the form after something was wrong with it.
    async fn again(&self, who: &str);
}
