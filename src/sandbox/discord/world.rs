//! What is in the guild: people, roles, channels, messages, private lines, and what waits for an answer.

use super::model::Ephemeral;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The first millisecond that an id can name.
const EPOCH: i64 = 1_420_070_400_000;

/// Names and secrets of the guild and of the application.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the sandbox itself is; set at the start from the port.
    pub url: String,
    /// Where the bot takes interactions; empty while they go over the Gateway.
    pub bot: String,
    /// The guild.
    pub guild: String,
    /// The application.
    pub application: String,
    /// The application's user.
    pub bot_user: String,
    /// The application's token.
    pub token: String,
    /// From what the key is made with which interactions are signed.
    pub seed: [u8; 32],
    /// Calls that one route of one channel takes in a window, and its length in milliseconds; `None`: more than anybody
    /// needs.
    pub limit: Option<(u32, u64)>,
    /// Between two heartbeats on the Gateway, in milliseconds.
    pub heartbeat: u64,
}

/// Somebody who has an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct User {
    /// Their id.
    pub id: String,
    /// What people call them.
    pub name: String,
    /// Whether they are in the guild.
    pub member: bool,
    /// Ids of their roles in it.
    pub roles: BTreeSet<String>,
    /// Whether they take no direct messages.
    pub closed: bool,
}

/// A role of the guild.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Role {
    /// Its id; that of everybody's role is the guild's.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it allows.
    pub permissions: u64,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// Who wrote it.
    pub author: String,
    /// Markdown.
    pub content: String,
    /// What stands below it.
    pub embeds: Vec<Value>,
    /// Rows of buttons.
    pub components: Vec<Value>,
    /// Whom it notified when it came; `everyone` for all.
    pub pings: Vec<String>,
    /// The message that it answers.
    pub answers: Option<String>,
    /// By what its sender knows it.
    #[serde(skip)]
    pub nonce: Option<String>,
    /// How often it was edited.
    pub edits: u32,
}

/// A channel, or a thread, whose id is that of the message it began with.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Channel {
    /// Without the sign.
    pub name: String,
    /// The channel that a thread is in.
    pub parent: Option<String>,
    /// Whom it is with, if it is a direct message.
    pub recipient: Option<String>,
    /// A thread in which nobody may write any more.
    pub locked: bool,
    /// What is taken here from the bot that its roles allow.
    pub denied: u64,
    /// Oldest first.
    pub messages: Vec<Message>,
}

/// A form that is open before somebody.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Modal {
    /// As the bot sent it: `custom_id`, `title`, `components`.
    pub data: Value,
    pub(super) channel: String,
    pub(super) message: Option<String>,
}

/// Everything.
#[derive(Clone, Debug)]
pub struct World {
    /// Names and secrets.
    pub settings: Settings,
    /// By id.
    pub users: BTreeMap<String, User>,
    /// By id.
    pub roles: BTreeMap<String, Role>,
    /// By id, threads among them.
    pub channels: BTreeMap<String, Channel>,
    /// Oldest first.
    pub ephemerals: Vec<Ephemeral>,
    /// Open forms by user.
    pub modals: BTreeMap<String, Modal>,
    /// The commands of the guild.
    pub commands: Vec<Value>,
    /// Method and path of the calls, oldest first. What is secret in a path is not listed.
    pub calls: Vec<String>,
    /// What was sent with them, and what was answered to interactions (`answer`), oldest first.
    pub sent: Vec<(String, Value)>,
    /// Whether the bot is in the guild.
    pub invited: bool,
    /// Until when a moderator silenced the bot.
    pub silenced: Option<Timestamp>,
    pub(super) interactions: BTreeMap<String, super::model::Interaction>,
    pub(super) buckets: BTreeMap<String, super::model::Bucket>,
    pub(super) now: Timestamp,
    counter: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: String::new(),
            bot: String::new(),
            guild: "1300000000000000099".into(),
            application: "1300000000000000001".into(),
            bot_user: "1300000000000000001".into(),
            token: "MTMwMDAwMDAwMDAwMDAwMDAwMQ.Sandbx.not-a-real-token-of-discord".into(),
            seed: [7; 32],
            limit: None,
            heartbeat: 41_250,
        }
    }
}

impl World {
    /// A guild with one text channel and the people given as (id, name), all of them in it. The bot is in it with what
    /// it needs.
    pub fn new(settings: Settings, channel: (&str, &str), people: &[(&str, &str)]) -> Self {
        let user = |(id, name): &(&str, &str)| {
            let user =
                User { id: (*id).into(), name: (*name).into(), member: true, roles: BTreeSet::new(), closed: false };
            (user.id.clone(), user)
        };
        let everyone =
            Role { id: settings.guild.clone(), name: "@everyone".into(), permissions: super::permissions::USUAL };
        Self {
            roles: [(everyone.id.clone(), everyone)].into(),
            users: people.iter().map(user).collect(),
            channels: [(channel.0.to_owned(), Channel { name: channel.1.into(), ..Channel::default() })].into(),
            ephemerals: Vec::new(),
            modals: BTreeMap::new(),
            commands: Vec::new(),
            calls: Vec::new(),
            sent: Vec::new(),
            invited: true,
            silenced: None,
            interactions: BTreeMap::new(),
            buckets: BTreeMap::new(),
            now: Timestamp::UNIX_EPOCH,
            counter: 0,
            settings,
        }
    }

    /// A person removes a message. Its thread stays.
    pub fn remove(&mut self, channel: &str, id: &str) {
        if let Some(channel) = self.channels.get_mut(channel) {
            channel.messages.retain(|message| message.id != id);
        }
    }

    /// A person, or another bot, says something.
    pub fn say(&mut self, channel: &str, user: &str, content: &str, embeds: Vec<Value>) -> String {
        let mut message = self.new_message(user);
        (message.content, message.embeds) = (content.to_owned(), embeds);
        let id = message.id.clone();
        self.channels.entry(channel.to_owned()).or_default().messages.push(message);
        id
    }

    /// A role with that id and name, given to these people.
    pub fn grant(&mut self, id: &str, name: &str, people: &[&str]) {
        let role = Role { id: id.to_owned(), name: name.to_owned(), permissions: 0 };
        self.roles.insert(role.id.clone(), role);
        for person in people {
            if let Some(user) = self.users.get_mut(*person) {
                user.roles.insert(id.to_owned());
            }
        }
    }

    /// The channel in which a message is.
    pub(super) fn place_of(&self, message: &str) -> Option<String> {
        let has = |channel: &Channel| channel.messages.iter().any(|one| one.id == message);
        self.channels.iter().find(|(_, channel)| has(channel)).map(|(id, _)| id.clone())
    }

    pub(super) fn message(&mut self, channel: &str, id: &str) -> Option<&mut Message> {
        self.channels.get_mut(channel)?.messages.iter_mut().find(|message| message.id == id)
    }

    pub(super) fn new_message(&mut self, author: &str) -> Message {
        Message {
            id: self.new_id(),
            author: author.to_owned(),
            content: String::new(),
            embeds: Vec::new(),
            components: Vec::new(),
            pings: Vec::new(),
            answers: None,
            nonce: None,
            edits: 0,
        }
    }

    /// Ids grow with time, and among those of one moment by their order.
    pub(super) fn new_id(&mut self) -> String {
        self.counter += 1;
        let millis = self.now.as_millisecond().saturating_sub(EPOCH).max(1);
        ((millis << 22) + self.counter as i64 % (1 << 22)).to_string()
    }

    /// How long ago an id was made.
    pub(super) fn age(&self, id: &str) -> SignedDuration {
        let number: i64 = id.parse().unwrap_or_default();
        SignedDuration::from_millis(self.now.as_millisecond() - ((number >> 22) + EPOCH))
    }
}
