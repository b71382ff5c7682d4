//! The few methods of Slack's Web API that we use. Slack answers 200 also when it refuses; here a refusal becomes an
//! error sorted by what the caller can do.

use super::blocks::Message;
use crate::chat::ChatError;
use crate::http::{Api, Call, CallError};
use crate::secret::Secret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Messages a page; Slack's own advice.
const PAGE: u32 = 200;

/// Pages that are looked through for a lost card, newest first.
const MOST_PAGES: usize = 25;

/// Who we are.
#[derive(Clone, Debug, Deserialize)]
pub struct Identity {
    /// The workspace.
    pub team_id: String,
    /// Our user.
    pub user_id: String,
    /// Our bot, by which our own messages are known.
    #[serde(default)]
    pub bot_id: Option<String>,
}

/// A message as far as it matters for finding our own.
#[derive(Clone, Debug, Deserialize)]
pub struct Seen {
    /// Its name within the channel.
    pub ts: String,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    bot_id: Option<String>,
    #[serde(default)]
    metadata: Value,
}

/// Somebody whose id the configuration names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Member {
    /// What others call them.
    #[serde(default)]
    pub name: String,
    /// Their own workspace.
    #[serde(default)]
    pub team_id: String,
    /// Gone from the workspace.
    #[serde(default)]
    pub deleted: bool,
}

#[derive(Deserialize)]
struct MemberAnswer {
    user: Member,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    messages: Vec<Seen>,
    #[serde(default)]
    response_metadata: Option<Next>,
}

#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next_cursor: String,
}

#[derive(Deserialize)]
struct Sent {
    ts: String,
    channel: String,
}

#[derive(Deserialize)]
struct Permalink {
    permalink: String,
}

/// What marks a message as ours: a kind and strings by which it is found again. Other apps can read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The event type.
    pub kind: &'static str,
    /// Names and values, ids only.
    pub payload: Vec<(&'static str, String)>,
}

impl Mark {
    fn json(&self) -> Value {
        let payload: serde_json::Map<String, Value> =
            self.payload.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into())).collect();
        json!({"event_type": self.kind, "event_payload": payload})
    }

    /// Slack gives numbers back as numbers if an app sent them so; both are understood.
    fn is_on(&self, seen: &Seen) -> bool {
        seen.metadata["event_type"] == self.kind
            && self.payload.iter().all(|(name, value)| match &seen.metadata["event_payload"][*name] {
                Value::String(text) => text == value,
                Value::Number(number) => number.to_string() == *value,
                _ => false,
            })
    }
}

impl Seen {
    /// Anybody can put our marks on a message; only our own messages count.
    pub fn is_by(&self, who: &Identity) -> bool {
        self.user.as_deref() == Some(&who.user_id) || (who.bot_id.is_some() && self.bot_id == who.bot_id)
    }
}

/// Slack's Web API with one bot token.
pub struct Client {
    api: Api,
}

impl Client {
    /// A client over an [`Api`] whose base ends in `/api` and whose credential is the bot token.
    pub fn new(api: Api) -> Self {
        Self { api }
    }

    /// Who we are: proves the token.
    pub async fn auth_test(&self) -> Result<Identity, ChatError> {
        self.ask(Call::post("/auth.test").json(&json!({}))).await
    }

    /// The scopes that the app was granted; `None` if Slack does not say.
    pub async fn scopes(&self) -> Result<Option<Vec<String>>, ChatError> {
        let call = Call::post("/auth.test").json(&json!({}));
        let reply = self.api.call(&call).await.map_err(|error| failed(&error))?;
        let granted = reply.header("x-oauth-scopes");
        Ok(granted.map(|scopes| scopes.split(',').map(|scope| scope.trim().to_owned()).collect()))
    }

    /// Whether the bot can read back what it posts to a channel, as it must after a lost answer.
    pub async fn can_read(&self, channel: &str) -> Result<(), ChatError> {
        let call = Call::get("/conversations.history").query("channel", channel).query("limit", 1);
        self.ask::<Page>(call).await.map(drop)
    }

    /// A member of the workspace. Needs the scope `users:read`.
    pub async fn member(&self, id: &str) -> Result<Member, ChatError> {
        let answer: MemberAnswer = self.ask(Call::get("/users.info").query("user", id)).await?;
        Ok(answer.user)
    }

    /// Posts to a channel, or into the thread of a message. May have happened even if it fails: look before repeating.
    pub async fn post(
        &self,
        channel: &str,
        thread: Option<&str>,
        message: &Message,
        mark: &Mark,
    ) -> Result<(String, String), ChatError> {
        let mut body = json!({
            "channel": channel,
            "text": message.text,
            "blocks": message.blocks,
            "metadata": mark.json(),
            "unfurl_links": false,
            "unfurl_media": false,
        });
        if let Some(thread) = thread {
            body["thread_ts"] = thread.into();
        }
        let sent: Sent = self.ask(Call::post("/chat.postMessage").json(&body)).await?;
        Ok((sent.channel, sent.ts))
    }

    /// Replaces a message of ours. Always with blocks and text: without blocks Slack would drop the old ones.
    pub async fn update(&self, channel: &str, ts: &str, message: &Message, mark: &Mark) -> Result<(), ChatError> {
        let body = json!({
            "channel": channel,
            "ts": ts,
            "text": message.text,
            "blocks": message.blocks,
            "metadata": mark.json(),
        });
        let _sent: Value = self.ask(Call::post("/chat.update").json(&body)).await?;
        Ok(())
    }

    /// Shows a line to one person in a channel. Nothing keeps it; for refusals only.
    pub async fn post_ephemeral(&self, channel: &str, user: &str, text: &str) -> Result<(), ChatError> {
        let body = json!({"channel": channel, "user": user, "text": text});
        let _sent: Value = self.ask(Call::post("/chat.postEphemeral").json(&body)).await?;
        Ok(())
    }

    /// Where a person opens a message.
    pub async fn permalink(&self, channel: &str, ts: &str) -> Result<String, ChatError> {
        let call = Call::get("/chat.getPermalink").query("channel", channel).query("message_ts", ts);
        let answer: Permalink = self.ask(call).await?;
        Ok(answer.permalink)
    }

    /// The newest message of ours in a channel with that mark, not older than `oldest` (seconds).
    pub async fn find_in_channel(
        &self,
        channel: &str,
        oldest: i64,
        mark: &Mark,
        who: &Identity,
    ) -> Result<Option<Seen>, ChatError> {
        self.find(mark, who, || Call::get("/conversations.history").query("channel", channel).query("oldest", oldest))
            .await
    }

    /// Our reply with that mark in the thread of a message.
    pub async fn find_in_thread(
        &self,
        channel: &str,
        ts: &str,
        mark: &Mark,
        who: &Identity,
    ) -> Result<Option<Seen>, ChatError> {
        self.find(mark, who, || Call::get("/conversations.replies").query("channel", channel).query("ts", ts)).await
    }

    async fn find(
        &self,
        mark: &Mark,
        who: &Identity,
        call: impl Fn() -> Call<'static>,
    ) -> Result<Option<Seen>, ChatError> {
        let mut cursor: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let call = call().query("include_all_metadata", true).query("limit", PAGE).maybe("cursor", cursor.as_ref());
            let page: Page = self.ask(call).await?;
            if let Some(seen) = page.messages.into_iter().find(|seen| seen.is_by(who) && mark.is_on(seen)) {
                return Ok(Some(seen));
            }
            cursor = page.response_metadata.map(|next| next.next_cursor).filter(|cursor| !cursor.is_empty());
            if cursor.is_none() {
                break;
            }
        }
        Ok(None)
    }

    async fn ask<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, ChatError> {
        let reply = self.api.call(&call).await.map_err(|error| failed(&error))?;
        let answer: Value = reply.json().map_err(|error| failed(&error))?;
        if answer["ok"] != true {
            return Err(refused(&answer));
        }
        serde_json::from_value(answer).map_err(|_| failed(&reply.nonsense("a field is missing")))
    }
}

/// The way back that Slack gives with each command and click. Its addresses are secrets that expire.
#[derive(Clone)]
pub struct Hooks {
    api: Arc<Api>,
    base: String,
}

impl Hooks {
    /// Addresses below `base` (`https://hooks.slack.com`) are believed, no others. `api` has the same base and no
    /// credential.
    pub fn new(api: Api, base: &str) -> Self {
        Self { api: Arc::new(api), base: format!("{}/", base.trim_end_matches('/')) }
    }

    /// Shows a message to the person who typed or clicked, and to nobody else.
    pub async fn respond(&self, response_url: &str, message: &Message) -> Result<(), ChatError> {
        let Some(path) = response_url.strip_prefix(&self.base) else {
            return Err(ChatError::Refused {
                messenger: "slack".into(),
                why: "the address to answer to is not one of Slack's".into(),
            });
        };
        let path = format!("/{path}");
        let mut body = json!({"response_type": "ephemeral", "replace_original": false, "text": message.text});
        if !message.blocks.is_empty() {
            body["blocks"] = message.blocks.clone().into();
        }
        let address = Secret::new(path.clone());
        let call = Call::post(path).json(&body).hiding(&address);
        self.api.call(&call).await.map(|_| ()).map_err(|error| failed(&error))
    }
}

fn failed(error: &CallError) -> ChatError {
    let (messenger, why) = ("slack".to_owned(), error.to_string());
    let wait = error.retry_after();
    match error.status() {
        Some(404 | 410) => ChatError::Gone { messenger, why },
        Some(_) => ChatError::Refused { messenger, why },
        None => ChatError::Unavailable { messenger, why, retry_after: (!wait.is_zero()).then_some(wait) },
    }
}

/// Slack's own word for its refusal, and what to do about it.
fn refused(answer: &Value) -> ChatError {
    let messenger = "slack".to_owned();
    let error = word(&answer["error"]);
    let mend = match error.as_str() {
        "message_not_found"
        | "thread_not_found"
        | "channel_not_found"
        | "is_archived"
        | "not_in_channel"
        | "cant_update_message"
        | "message_deleted" => return ChatError::Gone { messenger, why: error },
        "ratelimited" | "rate_limited" => {
            return ChatError::Unavailable { messenger, why: error, retry_after: Some(Duration::from_secs(30)) };
        }
        "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" | "team_added_to_org" | "" => {
            return ChatError::Unavailable { messenger, why: error, retry_after: None };
        }
        "invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive" => {
            "install the app again and give its new bot token".to_owned()
        }
        "missing_scope" => {
            format!("add the scope {} to the app and install it again", word(&answer["needed"]))
        }
        "user_not_found" | "users_not_found" => "correct the id (profile, Copy member ID)".into(),
        "restricted_action" | "ekm_access_denied" => "an administrator of the workspace must let the app post".into(),
        _ => "this is a fault of rekey; please report it".into(),
    };
    ChatError::Refused { messenger, why: format!("{error}; {mend}") }
}

/// A code from Slack, never more than a code.
fn word(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    text.chars().filter(|c| c.is_ascii_alphanumeric() || "_:.,".contains(*c)).take(80).collect()
}
