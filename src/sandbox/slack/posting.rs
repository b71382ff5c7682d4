//! Messages: posted, edited, shown to one person.

use super::outcome::{Outcome, refuse};
use super::params::Params;
use super::world::{Ephemeral, Message, World};
use super::{check, reading};
use serde_json::{Value, json};

/// A channel that the bot may write to.
fn writable(world: &World, channel: &str) -> Result<(), Value> {
    match world.channels.get(channel) {
        None => refuse("channel_not_found"),
        Some(found) if found.archived => refuse("is_archived"),
        Some(found) if !found.members.contains(&world.settings.bot_user) => refuse("not_in_channel"),
        Some(_) => Ok(()),
    }
}

/// A channel, or the conversation with the person whose id was given.
fn place(world: &mut World, channel: &str) -> String {
    if world.users.contains_key(channel) { world.direct(channel) } else { channel.to_owned() }
}

/// Text and blocks as Slack would take them.
fn content(params: &Params) -> Result<(String, Option<Vec<Value>>), Value> {
    let text = params.text("text").to_owned();
    let blocks = match params.json("blocks") {
        Some(Value::Array(blocks)) => Some(blocks),
        Some(_) => return refuse("invalid_blocks_format"),
        None => None,
    };
    if text.is_empty() && blocks.as_ref().is_none_or(Vec::is_empty) {
        return refuse("no_text");
    }
    if text.chars().count() > 40_000 {
        return refuse("msg_too_long");
    }
    if let Some(Err(why)) = blocks.as_deref().map(check::blocks) {
        let code = if why == "msg_blocks_too_long" { "msg_blocks_too_long" } else { "invalid_blocks" };
        return Err(json!({
            "ok": false, "error": code, "errors": [why], "response_metadata": {"messages": [format!("[ERROR] {why}")]},
        }));
    }
    Ok((text, blocks))
}

fn metadata(params: &Params) -> Result<Option<Value>, Value> {
    match params.json("metadata") {
        Some(metadata) if check::metadata(&metadata).is_ok() => Ok(Some(metadata)),
        Some(_) => refuse("invalid_metadata_format"),
        None => Ok(None),
    }
}

pub(super) fn post(world: &mut World, params: &Params) -> Outcome {
    let channel = place(world, params.text("channel"));
    writable(world, &channel)?;
    let ((text, blocks), metadata) = (content(params)?, metadata(params)?);
    let thread = Some(params.text("thread_ts").to_owned()).filter(|ts| !ts.is_empty());
    if thread.as_ref().is_some_and(|ts| world.message(&channel, ts).is_none()) {
        return refuse("thread_not_found");
    }
    let ts = world.next_ts();
    let message = Message {
        ts: ts.clone(),
        user: world.settings.bot_user.clone(),
        bot_id: Some(world.settings.bot_id.clone()),
        text,
        blocks: blocks.unwrap_or_default(),
        metadata,
        thread_ts: thread,
        edits: 0,
    };
    let shown = reading::shown(&message, true);
    world.channels.entry(channel.clone()).or_default().messages.push(message);
    Ok(json!({"ok": true, "channel": channel, "ts": ts, "message": shown}))
}

pub(super) fn update(world: &mut World, params: &Params) -> Outcome {
    let (channel, ts) = (params.text("channel"), params.text("ts"));
    writable(world, channel)?;
    let ((text, blocks), metadata) = (content(params)?, metadata(params)?);
    let own = world.settings.bot_id.clone();
    let Some(message) = world.message(channel, ts) else { return refuse("message_not_found") };
    if message.bot_id.as_deref() != Some(&own) {
        return refuse("cant_update_message");
    }
    // Text without blocks takes the old blocks away, as at Slack.
    message.blocks = blocks.unwrap_or_default();
    message.text = text;
    message.edits += 1;
    if metadata.is_some() {
        message.metadata = metadata;
    }
    let shown = reading::shown(message, true);
    Ok(json!({"ok": true, "channel": channel, "ts": ts, "text": message.text, "message": shown}))
}

pub(super) fn delete(world: &mut World, params: &Params) -> Outcome {
    let (channel, ts) = (params.text("channel").to_owned(), params.text("ts").to_owned());
    writable(world, &channel)?;
    let own = world.settings.bot_id.clone();
    let Some(message) = world.message(&channel, &ts) else { return refuse("message_not_found") };
    if message.bot_id.as_deref() != Some(&own) {
        return refuse("cant_delete_message");
    }
    world.remove(&channel, &ts);
    Ok(json!({"ok": true, "channel": channel, "ts": ts}))
}

pub(super) fn ephemeral(world: &mut World, params: &Params) -> Outcome {
    let (channel, user) = (params.text("channel").to_owned(), params.text("user").to_owned());
    writable(world, &channel)?;
    let (text, blocks) = content(params)?;
    if !world.channels.get(&channel).is_some_and(|found| found.members.contains(&user)) {
        return refuse("user_not_in_channel");
    }
    if world.users.get(&user).is_none_or(|user| user.deleted) {
        return refuse("user_not_in_channel");
    }
    let ts = world.next_ts();
    let line = Ephemeral { ts: ts.clone(), channel, user, text, blocks: blocks.unwrap_or_default() };
    world.ephemerals.push(line);
    Ok(json!({"ok": true, "message_ts": ts}))
}
