//! What people do: press buttons and type commands. Each becomes a request that is signed as Slack signs, and that
//! must be answered within three seconds.

use super::Handle;
use super::world::{Ephemeral, User, World};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use std::time::Duration;

/// Slack's patience.
const DEADLINE: Duration = Duration::from_secs(3);

/// Why a click or a command had no answer, as the person would see it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The button is not there (any more).
    #[error("there is no button {0}")]
    NoButton(String),
    /// No such person.
    #[error("there is nobody called {0}")]
    Nobody(String),
    /// The bot did not answer in time, or not with 200.
    #[error("the app did not respond: {0}")]
    Failed(String),
}

impl Handle {
    /// Presses a button of a message. What the bot answers is shown to the person alone.
    pub async fn press(&self, user: &str, ts: &str, action_id: &str) -> Result<(), NoAnswer> {
        let payload = self.with(|world| click(world, user, ts, action_id))?;
        self.send_click(&payload).await
    }

    /// Sends a click as it is: for clicks that come late, twice, or forged in their content.
    pub async fn send_click(&self, payload: &Value) -> Result<(), NoAnswer> {
        let body =
            form_urlencoded::Serializer::new(String::new()).append_pair("payload", &payload.to_string()).finish();
        self.deliver("/slack/interactions", body).await.map(|_| ())
    }

    /// The click as Slack would send it.
    pub fn click(&self, user: &str, ts: &str, action_id: &str) -> Result<Value, NoAnswer> {
        self.with(|world| click(world, user, ts, action_id))
    }

    /// Types `/rekey <text>` in a channel. The answer, which only the person sees.
    pub async fn command(&self, user: &str, channel: &str, text: &str) -> Result<Value, NoAnswer> {
        let body = self.with(|world| typed(world, user, channel, text))?;
        let answer = self.deliver("/slack/commands", body).await?;
        let (text, blocks) = (answer["text"].as_str().unwrap_or_default().to_owned(), answer["blocks"].as_array());
        let blocks = blocks.cloned().unwrap_or_default();
        if !text.is_empty() {
            let line = Ephemeral { channel: channel.to_owned(), user: user.to_owned(), text, blocks };
            self.with(|world| world.ephemerals.push(line));
        }
        Ok(answer)
    }

    async fn deliver(&self, path: &str, body: String) -> Result<Value, NoAnswer> {
        let (url, time, signature) = self.with(|world| {
            let time = world.now.as_second().to_string();
            let signature = sign(&world.settings.signing_secret, &time, &body);
            (format!("{}{path}", world.settings.bot), time, signature)
        });
        let request = self.0.http.post(url).timeout(DEADLINE).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let request = request.header("x-slack-request-timestamp", time).header("x-slack-signature", signature);
        let failed = |error: reqwest::Error| NoAnswer::Failed(error.without_url().to_string());
        let response = request.send().await.map_err(failed)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(NoAnswer::Failed(response.status().to_string()));
        }
        let body = response.bytes().await.map_err(failed)?;
        Ok(serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
}

/// Slack's signature, made independently of how the bot checks it.
fn sign(secret: &str, time: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("v0:{time}:{body}").as_bytes());
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

fn person(world: &World, user: &str) -> Result<User, NoAnswer> {
    world.users.get(user).cloned().ok_or_else(|| NoAnswer::Nobody(user.to_owned()))
}

fn click(world: &mut World, user: &str, ts: &str, action_id: &str) -> Result<Value, NoAnswer> {
    let user = person(world, user)?;
    let no_button = || NoAnswer::NoButton(action_id.to_owned());
    let place = world.channels.iter().find(|(_, place)| place.messages.iter().any(|message| message.ts == ts));
    let channel = place.map(|(id, _)| id.clone()).ok_or_else(no_button)?;
    let message = world.message(&channel, ts).cloned().ok_or_else(no_button)?;
    let pressed = button(&message.blocks, action_id).ok_or_else(no_button)?;
    let response_url = world.new_hook(&channel, &user.id);
    let (team, counter) = (world.settings.team.clone(), world.counter);
    Ok(json!({
        "type": "block_actions",
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team,
                 "is_stranger": user.is_stranger},
        "api_app_id": "A0APP00001",
        "token": "legacy-verification-token",
        "container": {"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": false},
        "trigger_id": format!("{counter}.{}.sandbox", world.now.as_second()),
        "team": {"id": team, "domain": "sandbox"},
        "enterprise": null,
        "is_enterprise_install": false,
        "channel": {"id": channel, "name": "sandbox"},
        "message": super::reading::shown(&message, true),
        "state": {"values": {}},
        "response_url": response_url,
        "actions": [pressed],
    }))
}

fn button(blocks: &[Value], action_id: &str) -> Option<Value> {
    let block = blocks.iter().find(|block| has_button(block, action_id))?;
    let mut pressed = block["elements"].as_array()?.iter().find(|one| one["action_id"] == action_id)?.clone();
    pressed["block_id"] = block["block_id"].clone();
    pressed["action_ts"] = "1763712060.123456".into();
    Some(pressed)
}

fn has_button(block: &Value, action_id: &str) -> bool {
    block["elements"].as_array().is_some_and(|elements| elements.iter().any(|one| one["action_id"] == action_id))
}

fn typed(world: &mut World, user: &str, channel: &str, text: &str) -> Result<String, NoAnswer> {
    let user = person(world, user)?;
    let response_url = world.new_hook(channel, &user.id);
    let trigger = format!("{}.{}.sandbox", world.counter, world.now.as_second());
    Ok(form_urlencoded::Serializer::new(String::new())
        .append_pair("token", "legacy-verification-token")
        .append_pair("team_id", &user.team)
        .append_pair("channel_id", channel)
        .append_pair("user_id", &user.id)
        .append_pair("user_name", &user.name)
        .append_pair("command", "/rekey")
        .append_pair("text", text)
        .append_pair("response_url", &response_url)
        .append_pair("trigger_id", &trigger)
        .finish())
}
