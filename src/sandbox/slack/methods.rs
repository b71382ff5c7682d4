//! The Web API: who calls, with what, and what becomes of it. Refusals are `ok: false` with status 200, as at Slack.

use super::params::Params;
use super::world::{Ephemeral, Message, World};
use super::{Handle, check, reading};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use serde_json::{Value, json};

/// `Err` is Slack's code for the refusal and what goes with it.
pub(super) type Outcome = Result<Value, Value>;

pub(super) fn refuse<T>(code: &str) -> Result<T, Value> {
    Err(json!({"ok": false, "error": code}))
}

pub(super) async fn call(
    State(handle): State<Handle>,
    Path(method): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let granted = handle.with(|world| world.settings.scopes.join(","));
    let outcome = match Params::read(query.as_deref().unwrap_or_default(), &headers, &body) {
        Some(params) => handle.with(|world| perform(world, &method, &headers, &params)),
        None => refuse("invalid_json"),
    };
    ([("x-oauth-scopes", granted)], Json(outcome.unwrap_or_else(|refusal| refusal)))
}

fn perform(world: &mut World, method: &str, headers: &HeaderMap, params: &Params) -> Outcome {
    authenticate(world, headers)?;
    match method {
        "auth.test" => Ok(json!({
            "ok": true, "url": world.settings.url, "team": "Sandbox", "user": "rekey",
            "team_id": world.settings.team, "user_id": world.settings.bot_user, "bot_id": world.settings.bot_id,
        })),
        "chat.postMessage" => scoped(world, "chat:write").and_then(|()| post(world, params)),
        "chat.update" => scoped(world, "chat:write").and_then(|()| update(world, params)),
        "chat.postEphemeral" => scoped(world, "chat:write").and_then(|()| ephemeral(world, params)),
        "chat.getPermalink" => reading::permalink(world, params),
        "users.info" => scoped(world, "users:read").and_then(|()| reading::user(world, params)),
        "conversations.history" => scoped(world, "channels:history").and_then(|()| reading::history(world, params)),
        "conversations.replies" => scoped(world, "channels:history").and_then(|()| reading::replies(world, params)),
        _ => refuse("unknown_method"),
    }
}

fn authenticate(world: &World, headers: &HeaderMap) -> Result<(), Value> {
    let given = headers.get("authorization").and_then(|value| value.to_str().ok());
    match given.and_then(|value| value.strip_prefix("Bearer ")) {
        None => refuse("not_authed"),
        Some(token) if token == world.settings.token => Ok(()),
        Some(_) => refuse("invalid_auth"),
    }
}

fn scoped(world: &World, scope: &str) -> Result<(), Value> {
    if world.settings.scopes.iter().any(|granted| granted == scope) {
        return Ok(());
    }
    Err(json!({"ok": false, "error": "missing_scope", "needed": scope, "provided": world.settings.scopes.join(",")}))
}

/// A channel that the bot may write to.
fn writable(world: &World, channel: &str) -> Result<(), Value> {
    match world.channels.get(channel) {
        None => refuse("channel_not_found"),
        Some(found) if found.archived => refuse("is_archived"),
        Some(found) if !found.members.contains(&world.settings.bot_user) => refuse("not_in_channel"),
        Some(_) => Ok(()),
    }
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

fn post(world: &mut World, params: &Params) -> Outcome {
    let channel = params.text("channel").to_owned();
    writable(world, &channel)?;
    let ((text, blocks), metadata) = (content(params)?, metadata(params)?);
    let ts = world.next_ts();
    let message = Message {
        ts: ts.clone(),
        user: world.settings.bot_user.clone(),
        bot_id: Some(world.settings.bot_id.clone()),
        text,
        blocks: blocks.unwrap_or_default(),
        metadata,
        thread_ts: Some(params.text("thread_ts").to_owned()).filter(|ts| !ts.is_empty()),
        edits: 0,
    };
    let shown = reading::shown(&message, true);
    world.channels.entry(channel.clone()).or_default().messages.push(message);
    Ok(json!({"ok": true, "channel": channel, "ts": ts, "message": shown}))
}

fn update(world: &mut World, params: &Params) -> Outcome {
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
    Ok(json!({"ok": true, "channel": channel, "ts": ts, "text": message.text}))
}

fn ephemeral(world: &mut World, params: &Params) -> Outcome {
    let (channel, user) = (params.text("channel").to_owned(), params.text("user").to_owned());
    writable(world, &channel)?;
    let (text, blocks) = content(params)?;
    if !world.channels.get(&channel).is_some_and(|found| found.members.contains(&user)) {
        return refuse("user_not_in_channel");
    }
    let ts = world.next_ts();
    world.ephemerals.push(Ephemeral { channel, user, text, blocks: blocks.unwrap_or_default() });
    Ok(json!({"ok": true, "message_ts": ts}))
}
