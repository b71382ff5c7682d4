//! Messages: posting, editing, and finding one again whose answer was lost.

use super::refusal::{is_about_metadata, unavailable};
use super::{Client, Identity, Mark, Seen, method};
use crate::chat::ChatError;
use crate::chat::slack::Message;
use crate::http::Call;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// Messages on the first page; Slack's own advice.
const FIRST_PAGE: u32 = 200;

/// Messages on every other page; the most that Slack gives.
const PAGE: u32 = 999;

/// Characters of a message without blocks; Slack cuts what is longer than 4,000.
const LONGEST_WORDS: usize = 3_500;

/// How long a lost message is looked for at one go: less than what is left of a lease.
const SEARCH: Duration = Duration::from_secs(30);

/// How long a message may still be on its way after its answer was lost.
const LANDING: Duration = Duration::from_secs(30);

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

#[derive(Deserialize)]
struct Direct {
    channel: Place,
}

#[derive(Deserialize)]
struct Place {
    id: String,
}

/// A channel as Slack knows it.
#[derive(Deserialize)]
struct Conversation {
    channel: Sharing,
}

/// Who else is let in: Slack Connect.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Sharing {
    is_ext_shared: bool,
    is_pending_ext_shared: bool,
}

impl Client {
    /// Whether the bot can read back what it posts to a channel, as it must after a lost answer.
    pub async fn can_read(&self, channel: &str) -> Result<(), ChatError> {
        let call = method::HISTORY.get().query("channel", channel).query("limit", 1);
        self.ask::<Page>(call).await.map(drop)
    }

    /// Whether people of another organisation are in a channel, or will be. The bot may lack the right to know.
    pub async fn is_shared(&self, channel: &str) -> Result<bool, ChatError> {
        let call = method::INFO.get().query("channel", channel);
        let Conversation { channel } = self.ask(call).await?;
        Ok(channel.is_ext_shared || channel.is_pending_ext_shared)
    }

    /// Posts to a channel, or into the thread of a message; gives the channel's id and the message's name. May have
    /// happened even if it fails: look before repeating.
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
        self.turn(channel).await?;
        let sent = match self.ask(method::POST.post().json(&body)).await {
            Err(ChatError::Form { why, .. }) => self.ask(method::POST.post().json(&plain(body, &why))).await,
            sent => sent,
        };
        let sent: Sent = sent.map_err(perhaps_on_its_way)?;
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
        let sent: Result<Value, ChatError> = match self.ask(method::UPDATE.post().json(&body)).await {
            Err(ChatError::Form { why, .. }) => self.ask(method::UPDATE.post().json(&plain(body, &why))).await,
            sent => sent,
        };
        sent.map(drop)
    }

    /// Removes a message of ours.
    pub async fn delete(&self, channel: &str, ts: &str) -> Result<(), ChatError> {
        let call = method::DELETE.post().json(&json!({"channel": channel, "ts": ts}));
        self.ask::<Value>(call).await.map(drop)
    }

    /// Shows a message to one person in a channel that they are in. Nothing keeps it, nothing can edit it.
    pub async fn post_ephemeral(&self, channel: &str, user: &str, message: &Message) -> Result<(), ChatError> {
        let mut body = json!({"channel": channel, "user": user, "text": message.text});
        if !message.blocks.is_empty() {
            body["blocks"] = message.blocks.clone().into();
        }
        let _sent: Value = self.ask(method::POST_EPHEMERAL.post().json(&body)).await?;
        Ok(())
    }

    /// To the person alone, in the channel if they are in it, else in the conversation with the app.
    pub async fn say_privately(
        &self,
        channel: Option<&str>,
        account: &str,
        message: &Message,
    ) -> Result<(), ChatError> {
        if let Some(channel) = channel
            && self.post_ephemeral(channel, account, message).await.is_ok()
        {
            return Ok(());
        }
        let direct = self.direct(account).await?;
        let mark = Mark { kind: "rekey_private", payload: Vec::new() };
        self.post(&direct, None, message, &mark).await.map(|_| ())
    }

    /// The channel of the conversation with one person; the same each time.
    pub async fn direct(&self, user: &str) -> Result<String, ChatError> {
        let call = method::OPEN_DIRECT.post().json(&json!({"users": user}));
        let opened: Direct = self.ask(call).await?;
        Ok(opened.channel.id)
    }

    /// Where a person opens a message.
    pub async fn permalink(&self, channel: &str, ts: &str) -> Result<String, ChatError> {
        let call = method::PERMALINK.get().query("channel", channel).query("message_ts", ts);
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
        let page = || method::HISTORY.get().query("channel", channel).query("oldest", oldest);
        self.find(mark, who, page).await
    }

    /// Our reply with that mark in the thread of a message.
    pub async fn find_in_thread(
        &self,
        channel: &str,
        ts: &str,
        mark: &Mark,
        who: &Identity,
    ) -> Result<Option<Seen>, ChatError> {
        let page = || method::REPLIES.get().query("channel", channel).query("ts", ts);
        self.find(mark, who, page).await
    }

    async fn find(
        &self,
        mark: &Mark,
        who: &Identity,
        page: impl Fn() -> Call<'static>,
    ) -> Result<Option<Seen>, ChatError> {
        let started = Instant::now();
        let mut cursor: Option<String> = None;
        while started.elapsed() < SEARCH {
            let size = if cursor.is_none() { FIRST_PAGE } else { PAGE };
            let call = page().query("include_all_metadata", true).query("limit", size).maybe("cursor", cursor.as_ref());
            let found: Page = self.ask(call).await?;
            if let Some(seen) = found.messages.into_iter().find(|seen| seen.is_by(who) && mark.is_on(seen)) {
                return Ok(Some(seen));
            }
            cursor = found.response_metadata.map(|next| next.next_cursor).filter(|cursor| !cursor.is_empty());
            if cursor.is_none() {
                return Ok(None);
            }
        }
        Err(unavailable("looking for a message whose answer was lost takes too long", None))
    }
}

/// The words of a message without its blocks: a card in plain words is better than none.
fn plain(mut body: Value, why: &str) -> Value {
    tracing::warn!(why, "Slack does not take the form of a message, so it goes out in plain words; please report it");
    // Without it a message whose answer is lost is not found again; that is better than none, too.
    if is_about_metadata(why)
        && let Some(parts) = body.as_object_mut()
    {
        parts.remove("metadata");
    }
    let mut lines = Vec::new();
    for block in body["blocks"].as_array().into_iter().flatten() {
        let own = std::iter::once(&block["text"]).chain(block["fields"].as_array().into_iter().flatten());
        let all = own.chain(block["elements"].as_array().into_iter().flatten().filter(|part| part["type"] == "mrkdwn"));
        lines.extend(all.filter_map(|part| part["text"].as_str()).map(str::to_owned));
    }
    let buttons = body["blocks"].as_array().into_iter().flatten().any(|block| block["type"] == "actions");
    lines.extend(buttons.then(|| "Decide with `/rekey`: it lists what can be said.".to_owned()));
    if !lines.is_empty() {
        body["text"] = lines.join("\n").chars().take(LONGEST_WORDS).collect::<String>().into();
    }
    body["blocks"] = json!([]);
    body
}

/// A message whose answer was lost may land later than that: whoever looks for it too early posts it twice.
fn perhaps_on_its_way(error: ChatError) -> ChatError {
    match error {
        ChatError::Unavailable { why, retry_after: None, .. } => unavailable(why, Some(LANDING)),
        other => other,
    }
}
