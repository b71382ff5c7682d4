//! The few routes of Discord's REST API that we use, with the bot's token. Discord counts calls per route and channel,
//! so each call names its bucket.

use super::markdown::is_id;
use super::message::Message;
use super::trouble::{bad_id, failed};
use crate::chat::ChatError;
use crate::http::{Api, BadAnswer, Call, Reply};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// What Discord wants to be called with.
pub const USER_AGENT: &str = concat!("DiscordBot (https://rekey.example, ", env!("CARGO_PKG_VERSION"), ")");

/// Where Discord itself may lead us.
const FAMILY: &[&str] = &["discord.gg", "discord.com"];

/// Messages a page, Discord's most.
const PAGE: usize = 100;

/// How long a thread stays in the list of a channel without a word, in minutes: the longest that is allowed.
const THREAD_MINUTES: u32 = 10_080;

/// Somebody, or the bot itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct User {
    /// Their id.
    pub id: String,
    /// What they call themselves; for people to read, never to trust.
    pub username: String,
    /// Not a person.
    pub bot: bool,
}

/// A message as far as it matters for finding our own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Seen {
    /// Its id, which grows with time.
    pub id: String,
    /// Who wrote it.
    pub author: User,
    /// What it says.
    pub content: String,
    /// What stands below it.
    pub embeds: Vec<SeenEmbed>,
}

/// An embed of which only the footer is read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SeenEmbed {
    /// The small print.
    pub footer: Option<SeenFooter>,
}

/// The small print below an embed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SeenFooter {
    /// Its words.
    pub text: String,
}

/// A member of the guild.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Member {
    /// Who.
    pub user: User,
    /// Ids of their roles.
    pub roles: Vec<String>,
    /// Until when a time-out keeps them from saying anything.
    pub communication_disabled_until: Option<String>,
}

/// A role of the guild.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Role {
    /// Its id; that of the role that everybody has is the guild's.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it allows, as a number in text.
    pub permissions: String,
    /// Whether everybody may mention it.
    #[serde(default)]
    pub mentionable: bool,
}

/// What a channel allows or denies to a role or a member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Overwrite {
    /// The role or the member.
    pub id: String,
    /// As in [`Role::permissions`].
    pub allow: String,
    /// As in [`Role::permissions`].
    pub deny: String,
}

/// A channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Channel {
    /// Its id.
    pub id: String,
    /// The guild it is in.
    pub guild_id: Option<String>,
    /// 0 is a text channel, 5 an announcement channel.
    #[serde(rename = "type")]
    pub kind: u32,
    /// What people call it.
    pub name: String,
    /// Exceptions to what roles allow.
    pub permission_overwrites: Vec<Overwrite>,
}

/// The application of the bot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Application {
    /// Its id.
    pub id: String,
    /// What its interactions are signed with, in hex.
    pub verify_key: String,
    /// Where Discord sends interactions; without it they come over the Gateway.
    pub interactions_endpoint_url: Option<String>,
}

/// Where the Gateway is, and how often we may start there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct GatewayAddress {
    /// `wss://…`
    pub url: String,
}

/// Discord's REST API with one bot token.
pub struct Client {
    api: Api,
}

impl Client {
    /// A client over an [`Api`] whose base ends in `/api/v10`, whose credential is the bot token and whose user agent is
    /// [`USER_AGENT`].
    pub fn new(api: Api) -> Self {
        Self { api }
    }

    /// How far this machine's clock is ahead of Discord's, as far as its last answer tells.
    pub fn clock_skew(&self) -> Option<jiff::SignedDuration> {
        self.api.clock_skew()
    }

    /// Who we are: proves the token.
    pub async fn me(&self) -> Result<User, ChatError> {
        self.read("/users/@me".into()).await
    }

    /// Our application.
    pub async fn application(&self) -> Result<Application, ChatError> {
        self.read("/applications/@me".into()).await
    }

    /// A channel, if we can see it.
    pub async fn channel(&self, channel: &str) -> Result<Channel, ChatError> {
        self.read(format!("/channels/{}", id(channel)?)).await
    }

    /// The roles of a guild.
    pub async fn roles(&self, guild: &str) -> Result<Vec<Role>, ChatError> {
        self.read(format!("/guilds/{}/roles", id(guild)?)).await
    }

    /// A member with their roles as they are now; `None` if they are no member.
    pub async fn member(&self, guild: &str, user: &str) -> Result<Option<Member>, ChatError> {
        let path = format!("/guilds/{}/members/{}", id(guild)?, id(user)?);
        let call = Call::get(path).bucket(format!("members {guild}"));
        match self.api.read(&call).await {
            Ok(reply) => parsed(&reply).map(Some),
            // 10007: unknown member. Any other 404 (a guild that we left) proves nothing about the person.
            Err(error) if error.code() == Some(10_007) => Ok(None),
            Err(error) => Err(failed(&error)),
        }
    }

    /// An address that Discord named, if it is Discord's own.
    pub fn answered(&self, address: &str) -> Result<String, BadAnswer> {
        self.api.answered(address, FAMILY)
    }

    /// Where the Gateway is.
    pub async fn gateway(&self) -> Result<GatewayAddress, ChatError> {
        self.read("/gateway/bot".into()).await
    }

    /// Posts a message. If the same `nonce` was used in the past minutes, nothing is posted and that message is
    /// answered; later, look before repeating.
    pub async fn post(&self, channel: &str, message: &Message, nonce: &str) -> Result<Seen, ChatError> {
        let path = format!("/channels/{}/messages", id(channel)?);
        let post =
            |message: &Message| Call::post(path.clone()).json(&once(message, nonce)).bucket(format!("post {channel}"));
        match self.ask(post(message)).await {
            Err(ChatError::Form { why, .. }) => self.ask(post(&in_words(message, &why))).await,
            posted => posted,
        }
    }

    /// Says something to one person in a direct message. Somebody who takes none hears nothing; that is no error.
    pub async fn tell(&self, user: &str, message: &Message, nonce: &str) -> Result<(), ChatError> {
        let call = Call::post("/users/@me/channels").json(&json!({"recipient_id": id(user)?})).bucket("direct");
        let channel: Channel = self.ask(call).await?;
        let path = format!("/channels/{}/messages", id(&channel.id)?);
        match self.api.call(&Call::post(path).json(&once(message, nonce)).bucket(format!("post {}", channel.id))).await
        {
            Ok(_) => Ok(()),
            // 50007: they do not let the server's members write to them.
            Err(error) if error.code() == Some(50_007) => Ok(()),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Replaces a message of ours, whole.
    pub async fn edit(&self, channel: &str, message: &str, with: &Message) -> Result<(), ChatError> {
        let path = format!("/channels/{}/messages/{}", id(channel)?, id(message)?);
        let edit = |with: &Message| Call::patch(path.clone()).json(&with.body()).bucket(format!("edit {channel}"));
        let edited: Result<Seen, ChatError> = match self.ask(edit(with)).await {
            Err(ChatError::Form { why, .. }) => self.ask(edit(&in_words(with, &why))).await,
            edited => edited,
        };
        edited.map(drop)
    }

    /// Removes a message of ours.
    pub async fn delete(&self, channel: &str, message: &str) -> Result<(), ChatError> {
        let path = format!("/channels/{}/messages/{}", id(channel)?, id(message)?);
        let call = Call::delete(path).bucket(format!("delete {channel}"));
        self.api.call(&call).await.map(drop).map_err(|error| failed(&error))
    }

    /// Begins the thread of a message. Its id is the message's own. A thread that exists already is no error.
    pub async fn start_thread(&self, channel: &str, message: &str, name: &str) -> Result<(), ChatError> {
        let path = format!("/channels/{}/messages/{}/threads", id(channel)?, id(message)?);
        let body = json!({"name": name, "auto_archive_duration": THREAD_MINUTES});
        let call = Call::post(path).json(&body).bucket(format!("thread {channel}"));
        match self.api.call(&call).await {
            Ok(_) => Ok(()),
            // 160004: there is one.
            Err(error) if error.code() == Some(160_004) => Ok(()),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Up to 100 messages that came right after that id, oldest first; or the newest before it.
    pub async fn page(&self, channel: &str, from: &From<'_>) -> Result<Vec<Seen>, ChatError> {
        let path = format!("/channels/{}/messages", id(channel)?);
        let call = Call::get(path).query("limit", PAGE).bucket(format!("read {channel}"));
        let call = match from {
            From::After(id) => call.query("after", id),
            From::Before(id) => call.query("before", id),
            From::Newest => call,
        };
        let mut seen: Vec<Seen> =
            self.api.read(&call).await.map_err(|error| failed(&error)).and_then(|r| parsed(&r))?;
        seen.sort_by_key(|seen| number(&seen.id));
        Ok(seen)
    }

    /// The commands of the guild as Discord has them.
    pub async fn commands(&self, application: &str, guild: &str) -> Result<Vec<Value>, ChatError> {
        self.read(format!("/applications/{}/guilds/{}/commands", id(application)?, id(guild)?)).await
    }

    /// Replaces all commands of the guild. Repeating it changes nothing.
    pub async fn put_commands(
        &self,
        application: &str,
        guild: &str,
        commands: &[Value],
    ) -> Result<Vec<Value>, ChatError> {
        let path = format!("/applications/{}/guilds/{}/commands", id(application)?, id(guild)?);
        self.ask(Call::put(path).json(&commands).bucket(format!("commands {guild}"))).await
    }

    /// Reads, and repeats it while the trouble is a passing one.
    async fn read<T: DeserializeOwned>(&self, path: String) -> Result<T, ChatError> {
        let call = Call::get(path.clone()).bucket(path);
        parsed(&self.api.read(&call).await.map_err(|error| failed(&error))?)
    }

    async fn ask<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, ChatError> {
        parsed(&self.api.call(&call).await.map_err(|error| failed(&error))?)
    }
}

/// Which page of a channel's messages.
pub enum From<'a> {
    /// Right after that id.
    After(&'a str),
    /// Right before that id.
    Before(&'a str),
    /// The newest.
    Newest,
}

/// Whether a page is the last in its direction.
pub fn is_last(page: &[Seen]) -> bool {
    page.len() < PAGE
}

/// Ids are numbers in text, and grow with time.
pub fn number(id: &str) -> u64 {
    id.parse().unwrap_or_default()
}

fn in_words(message: &Message, why: &str) -> Message {
    tracing::warn!(why, "Discord does not take a message, so it goes out in plain words; please report it");
    message.plain()
}

/// The body of a message that is posted once, even if it is sent twice within minutes.
fn once(message: &Message, nonce: &str) -> Value {
    let mut body = message.body();
    body["nonce"] = nonce.into();
    body["enforce_nonce"] = true.into();
    body
}

fn parsed<T: DeserializeOwned>(reply: &Reply) -> Result<T, ChatError> {
    reply.json().map_err(|error| failed(&error))
}

/// Ids stand in paths, so nothing else may.
fn id(text: &str) -> Result<&str, ChatError> {
    if is_id(text) { Ok(text) } else { Err(bad_id(text)) }
}
