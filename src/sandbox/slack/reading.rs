//! Reading back: history, threads, links.

use super::outcome::{Outcome, refuse};
use super::params::Params;
use super::world::{Message, World};
use serde_json::{Value, json};

/// A message as the API shows it; metadata only for those who ask.
pub(super) fn shown(message: &Message, with_metadata: bool) -> Value {
    let mut shown = json!({
        "type": "message", "ts": message.ts, "user": message.user, "text": message.text, "blocks": message.blocks,
    });
    if let Some(bot) = &message.bot_id {
        shown["bot_id"] = bot.as_str().into();
    }
    if let Some(thread) = &message.thread_ts {
        shown["thread_ts"] = thread.as_str().into();
    }
    if let Some(metadata) = message.metadata.as_ref().filter(|_| with_metadata) {
        shown["metadata"] = metadata.clone();
    }
    shown
}

/// Messages without their replies, newest first.
pub(super) fn history(world: &mut World, params: &Params) -> Outcome {
    let Some(channel) = world.channels.get(params.text("channel")) else { return refuse("channel_not_found") };
    if !channel.members.contains(&world.settings.bot_user) {
        return refuse("not_in_channel");
    }
    let oldest: f64 = params.text("oldest").parse().unwrap_or_default();
    let recent = |message: &&Message| message.ts.parse::<f64>().is_ok_and(|at| at > oldest);
    let heads = channel.messages.iter().rev().filter(|message| message.thread_ts.is_none()).filter(recent);
    page(heads.collect(), params)
}

/// A message and its replies, oldest first.
pub(super) fn replies(world: &mut World, params: &Params) -> Outcome {
    let Some(channel) = world.channels.get(params.text("channel")) else { return refuse("channel_not_found") };
    let ts = params.text("ts");
    if !channel.messages.iter().any(|message| message.ts == ts) {
        return refuse("thread_not_found");
    }
    let belongs = |message: &&Message| message.ts == ts || message.thread_ts.as_deref() == Some(ts);
    page(channel.messages.iter().filter(belongs).collect(), params)
}

pub(super) fn permalink(world: &mut World, params: &Params) -> Outcome {
    let (channel, ts) = (params.text("channel"), params.text("message_ts"));
    let Some(found) = world.channels.get(channel) else { return refuse("channel_not_found") };
    if !found.messages.iter().any(|message| message.ts == ts) {
        return refuse("message_not_found");
    }
    let link = format!("{}/archives/{channel}/p{}", world.settings.url, ts.replace('.', ""));
    Ok(json!({"ok": true, "channel": channel, "permalink": link}))
}

fn page(messages: Vec<&Message>, params: &Params) -> Outcome {
    let start: usize = match params.text("cursor") {
        "" => 0,
        cursor => match cursor.strip_prefix("next:").and_then(|number| number.parse().ok()) {
            Some(start) => start,
            None => return refuse("invalid_cursor"),
        },
    };
    let limit = if params.has("limit") { params.number("limit").unwrap_or_default() } else { 100 };
    if !(1..=999).contains(&limit) {
        return refuse("invalid_limit");
    }
    let with_metadata = params.flag("include_all_metadata");
    let one: Vec<Value> =
        messages.iter().skip(start).take(limit).map(|message| shown(message, with_metadata)).collect();
    let more = start + limit < messages.len();
    let next = if more { format!("next:{}", start + limit) } else { String::new() };
    Ok(json!({"ok": true, "messages": one, "has_more": more, "response_metadata": {"next_cursor": next}}))
}
