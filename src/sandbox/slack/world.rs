//! What is in the workspace: people, channels, messages, private lines.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Names and secrets of the workspace and of the app.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the sandbox itself is; set at the start from the port.
    pub url: String,
    /// Where the bot listens, without a slash at the end; set before anybody clicks.
    pub bot: String,
    /// The workspace.
    pub team: String,
    /// The organisation for which the app was installed, if it was.
    pub organisation: Option<String>,
    /// The app's user.
    pub bot_user: String,
    /// The app's bot.
    pub bot_id: String,
    /// The app's token.
    pub token: String,
    /// The app-level token, for sockets.
    pub app_token: String,
    /// Whether clicks, commands and events go over sockets that the bot opens.
    pub socket_mode: bool,
    /// Whether calls beyond Slack's rate limits get 429.
    pub limits: bool,
    /// With what clicks and commands are signed.
    pub signing_secret: String,
    /// Bot scopes that were granted.
    pub scopes: Vec<String>,
}

/// Somebody in the workspace or, in shared channels, of another one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct User {
    /// `U…`.
    pub id: String,
    /// What people call them.
    pub name: String,
    /// Their own workspace.
    pub team: String,
    /// Of another organisation.
    pub is_stranger: bool,
    /// A guest of some channels.
    pub is_restricted: bool,
    /// A guest of one channel.
    pub is_ultra_restricted: bool,
    /// Deactivated.
    pub deleted: bool,
}

/// A message or a reply.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Message {
    /// Its name within the channel.
    pub ts: String,
    /// Who wrote it.
    pub user: String,
    /// The bot that wrote it.
    pub bot_id: Option<String>,
    /// Fallback.
    pub text: String,
    /// Block Kit.
    pub blocks: Vec<Value>,
    /// What apps can read.
    pub metadata: Option<Value>,
    /// The message it replies to.
    pub thread_ts: Option<String>,
    /// How often it was edited.
    pub edits: u32,
}

/// A place where people talk.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Channel {
    /// Without the sign.
    pub name: String,
    /// Nobody can post any more.
    pub archived: bool,
    /// Who is in it, the bot among them.
    pub members: Vec<String>,
    /// Oldest first.
    pub messages: Vec<Message>,
}

/// A line that one person saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ephemeral {
    /// Its name.
    pub ts: String,
    /// Where.
    pub channel: String,
    /// Who.
    pub user: String,
    /// What.
    pub text: String,
    /// Block Kit.
    pub blocks: Vec<Value>,
}

/// A modal or a home tab at somebody's screen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct View {
    /// `V…`.
    pub id: String,
    /// At whose screen.
    pub user: String,
    /// Its version.
    pub hash: String,
    /// As the bot gave it.
    pub content: Value,
}

/// What a person did that lets the bot open a modal, once and soon.
#[derive(Clone, Debug)]
pub(super) struct Trigger {
    pub user: String,
    pub at: Timestamp,
    pub used: bool,
}

/// Where an answer to a click or command may be sent, five times.
#[derive(Clone, Debug)]
pub(super) struct Hook {
    pub channel: String,
    pub user: String,
    /// The private line on which it was pressed, which an answer may replace.
    pub on: Option<String>,
    pub uses: u32,
    pub since: Timestamp,
}

/// Everything.
#[derive(Clone, Debug)]
pub struct World {
    /// Names and secrets.
    pub settings: Settings,
    /// By id.
    pub users: BTreeMap<String, User>,
    /// By id.
    pub channels: BTreeMap<String, Channel>,
    /// Oldest first.
    pub ephemerals: Vec<Ephemeral>,
    /// User groups and who is in them.
    pub groups: BTreeMap<String, Vec<String>>,
    /// Channels in which people of another organisation are.
    pub shared: BTreeSet<String>,
    /// Open modals and home tabs, by id.
    pub views: BTreeMap<String, View>,
    /// Methods called, oldest first.
    pub calls: Vec<String>,
    pub(super) triggers: BTreeMap<String, Trigger>,
    pub(super) tickets: Vec<String>,
    pub(super) spent: BTreeMap<String, Vec<Timestamp>>,
    pub(super) hooks: BTreeMap<String, Hook>,
    pub(super) now: Timestamp,
    pub(super) counter: u64,
}

impl Default for Settings {
    fn default() -> Self {
        let scopes = [
            "commands",
            "chat:write",
            "channels:history",
            "groups:history",
            "im:write",
            "users:read",
            "usergroups:read",
        ];
        Self {
            url: String::new(),
            bot: String::new(),
            team: "T0TEAM0001".into(),
            organisation: None,
            bot_user: "U0BOT00001".into(),
            bot_id: "B0BOT00001".into(),
            token: "xoxb-sandbox-0001-bot".into(),
            app_token: "xapp-1-sandbox-0001-app".into(),
            socket_mode: false,
            limits: false,
            signing_secret: "5a6e0d9b7c8f4a1e2d3c4b5a69788796".into(),
            scopes: scopes.map(str::to_owned).to_vec(),
        }
    }
}

impl World {
    /// A workspace with one channel and the people given as (id, name), all of them in it.
    pub fn new(settings: Settings, channel: (&str, &str), people: &[(&str, &str)]) -> Self {
        let team = settings.team.clone();
        let user = |(id, name): &(&str, &str)| {
            let user = User { id: (*id).into(), name: (*name).into(), team: team.clone(), ..User::default() };
            (user.id.clone(), user)
        };
        let users: BTreeMap<String, User> = people.iter().map(user).collect();
        let mut members: Vec<String> = users.keys().cloned().collect();
        members.push(settings.bot_user.clone());
        let place = Channel { name: channel.1.into(), members, ..Channel::default() };
        Self {
            settings,
            users,
            channels: [(channel.0.to_owned(), place)].into(),
            ephemerals: Vec::new(),
            groups: BTreeMap::new(),
            shared: BTreeSet::new(),
            views: BTreeMap::new(),
            calls: Vec::new(),
            triggers: BTreeMap::new(),
            tickets: Vec::new(),
            spent: BTreeMap::new(),
            hooks: BTreeMap::new(),
            now: Timestamp::UNIX_EPOCH,
            counter: 0,
        }
    }

    /// A person removes a message and what hangs on it stays without a head.
    pub fn remove(&mut self, channel: &str, ts: &str) {
        if let Some(channel) = self.channels.get_mut(channel) {
            channel.messages.retain(|message| message.ts != ts);
        }
    }

    /// A person, or another app, says something.
    pub fn say(&mut self, channel: &str, user: &str, text: &str, metadata: Option<Value>) -> String {
        let ts = self.next_ts();
        let (text, user) = (text.to_owned(), user.to_owned());
        let message =
            Message { ts: ts.clone(), user, bot_id: None, text, blocks: vec![], metadata, thread_ts: None, edits: 0 };
        self.channels.entry(channel.to_owned()).or_default().messages.push(message);
        ts
    }

    pub(super) fn next_ts(&mut self) -> String {
        self.counter += 1;
        format!("{}.{:06}", self.now.as_second(), self.counter)
    }

    pub(super) fn message(&mut self, channel: &str, ts: &str) -> Option<&mut Message> {
        self.channels.get_mut(channel)?.messages.iter_mut().find(|message| message.ts == ts)
    }

    /// An address for the answer to something that a person did.
    pub(super) fn new_hook(&mut self, channel: &str, user: &str, on: Option<&str>) -> String {
        self.counter += 1;
        let id = format!("{:06}{:x}", self.counter, self.now.as_microsecond());
        let hook =
            Hook { channel: channel.into(), user: user.into(), on: on.map(str::to_owned), uses: 0, since: self.now };
        self.hooks.insert(id.clone(), hook);
        format!("{}/hooks/actions/{}/{id}", self.settings.url, self.settings.team)
    }

    /// The name of something that a person did just now.
    pub(super) fn new_trigger(&mut self, user: &str) -> String {
        self.counter += 1;
        let id = format!("{}.{}.sandbox", self.counter, self.now.as_second());
        self.triggers.insert(id.clone(), Trigger { user: user.to_owned(), at: self.now, used: false });
        id
    }

    /// The conversation with one person, made when it is first needed.
    pub(super) fn direct(&mut self, user: &str) -> String {
        let id = format!("D{}", user.trim_start_matches(['U', 'W']));
        let members = vec![user.to_owned(), self.settings.bot_user.clone()];
        let place = Channel { name: "direct".into(), members, ..Channel::default() };
        self.channels.entry(id.clone()).or_insert(place);
        id
    }
}
