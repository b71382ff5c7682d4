//! What people do: press buttons and type commands. Each becomes a request as Slack makes it, delivered by whichever way
//! the app has chosen. Forms and the home tab stand beside.

use super::door::{Door, NoAnswer};
use super::world::{Ephemeral, User, World};
use super::{Handle, check};
use serde_json::{Value, json};

impl Handle {
    /// Presses a button of a message. What the bot answers is shown to the person alone.
    pub async fn press(&self, user: &str, ts: &str, action_id: &str) -> Result<(), NoAnswer> {
        let payload = self.with(|world| click(world, user, ts, action_id))?;
        self.send_click(&payload).await
    }

    /// Sends a click as it is: for clicks that come late, twice, or forged in their content.
    pub async fn send_click(&self, payload: &Value) -> Result<(), NoAnswer> {
        self.deliver(Door::Interactions, payload).await.map(|_| ())
    }

    /// The click as Slack would send it.
    pub fn click(&self, user: &str, ts: &str, action_id: &str) -> Result<Value, NoAnswer> {
        self.with(|world| click(world, user, ts, action_id))
    }

    /// The trigger of something that a person does now, for whoever wants to open a form by hand.
    pub fn click_trigger(&self, user: &str) -> String {
        self.with(|world| world.new_trigger(user))
    }

    /// Types `/rekey <text>` in a channel. The answer, which only the person sees.
    pub async fn command(&self, user: &str, channel: &str, text: &str) -> Result<Value, NoAnswer> {
        let payload = self.with(|world| typed(world, user, channel, text))?;
        let answer = self.deliver(Door::Commands, &payload).await?;
        let (text, blocks) = (answer["text"].as_str().unwrap_or_default().to_owned(), answer["blocks"].as_array());
        let blocks = blocks.cloned().unwrap_or_default();
        if let Err(why) = check::blocks(&blocks) {
            return Err(NoAnswer::Failed(why));
        }
        if !text.is_empty() {
            self.with(|world| {
                let (ts, channel, user) = (world.next_ts(), channel.to_owned(), user.to_owned());
                world.ephemerals.push(Ephemeral { ts, channel, user, text, blocks });
            });
        }
        Ok(answer)
    }
}

fn person(world: &World, user: &str) -> Result<User, NoAnswer> {
    world.users.get(user).cloned().ok_or_else(|| NoAnswer::Nobody(user.to_owned()))
}

/// What all interactions have in common.
pub(super) fn payload(world: &mut World, user: &str, kind: &str) -> Result<Value, NoAnswer> {
    let user = person(world, user)?;
    let trigger = world.new_trigger(&user.id);
    Ok(json!({
        "type": kind,
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team,
                 "is_stranger": user.is_stranger},
        "api_app_id": "A0APP00001",
        "token": "legacy-verification-token",
        "trigger_id": trigger,
        "team": {"id": world.settings.team, "domain": "sandbox"},
        "enterprise": null,
        "is_enterprise_install": false,
    }))
}

fn click(world: &mut World, user: &str, ts: &str, action_id: &str) -> Result<Value, NoAnswer> {
    let no_button = || NoAnswer::NoButton(action_id.to_owned());
    let mut payload = payload(world, user, "block_actions")?;
    let (channel, blocks, shown) = seen(world, user, ts).ok_or_else(no_button)?;
    let pressed = button(&Value::Array(blocks), action_id).ok_or_else(no_button)?;
    let is_ephemeral = shown.is_null();
    let mut more = json!({
        "container": {"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": is_ephemeral},
        "channel": {"id": channel, "name": "sandbox"},
        "state": {"values": {}},
        "response_url": world.new_hook(&channel, user, Some(ts)),
        "actions": [pressed],
    });
    if !is_ephemeral {
        more["message"] = shown;
    }
    for (name, value) in more.as_object().into_iter().flatten() {
        payload[name] = value.clone();
    }
    Ok(payload)
}

/// A message by its name: its channel, its blocks, and itself. Of a line for one person Slack sends no message.
fn seen(world: &mut World, user: &str, ts: &str) -> Option<(String, Vec<Value>, Value)> {
    let own = world.ephemerals.iter().find(|line| line.ts == ts && line.user == user);
    if let Some(line) = own {
        return Some((line.channel.clone(), line.blocks.clone(), Value::Null));
    }
    let place = world.channels.iter().find(|(_, place)| place.messages.iter().any(|message| message.ts == ts));
    let channel = place.map(|(id, _)| id.clone())?;
    let message = world.message(&channel, ts)?;
    Some((channel.clone(), message.blocks.clone(), super::reading::shown(message, true)))
}

pub(super) fn button(blocks: &Value, action_id: &str) -> Option<Value> {
    let named = |one: &&Value| one["action_id"] == action_id;
    let (block, element) = blocks.as_array()?.iter().find_map(|block| {
        let inside = block["elements"].as_array().into_iter().flatten().chain(block.get("accessory"));
        inside.into_iter().find(named).map(|element| (block, element))
    })?;
    let mut pressed = element.clone();
    pressed["block_id"] = block["block_id"].clone();
    pressed["action_ts"] = "1763712060.123456".into();
    Some(pressed)
}

fn typed(world: &mut World, user: &str, channel: &str, text: &str) -> Result<Value, NoAnswer> {
    let user = person(world, user)?;
    Ok(json!({
        "token": "legacy-verification-token",
        "team_id": user.team,
        "team_domain": "sandbox",
        "channel_id": channel,
        "channel_name": "sandbox",
        "user_id": user.id,
        "user_name": user.name,
        "command": "/rekey",
        "text": text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
        "api_app_id": "A0APP00001",
        "is_enterprise_install": "false",
        "response_url": world.new_hook(channel, &user.id, None),
        "trigger_id": world.new_trigger(&user.id),
    }))
}
