//! Messages and threads: written, edited, read back, removed.

use super::call::{Call, Reply};
use super::permissions::{CREATE_THREADS, EMBED, HISTORY, MENTION_EVERYONE, SEND, SEND_IN_THREADS};
use super::refusal::{
    ARCHIVED, CLOSED, EMPTY_MESSAGE, HAS_THREAD, NOT_THE_AUTHOR, Outcome, UNKNOWN_MESSAGE, UNKNOWN_USER, invalid,
    refuse,
};
use super::rights::{self, allowed};
use super::world::{Channel, Message, World};
use super::{check, guild};
use jiff::SignedDuration;
use serde_json::{Value, json};

/// How long a nonce is remembered.
const NONCE: SignedDuration = SignedDuration::from_mins(5);

pub(super) fn create(world: &mut World, channel: &str, body: &Value) -> Outcome<Reply> {
    let place = writable(world, channel)?;
    let may = rights::of_bot(world, place);
    check::message(body)?;
    let nonce = body["nonce"].as_str().map(str::to_owned);
    if body["enforce_nonce"] == true
        && let Some(known) = place.messages.iter().find(|message| message.nonce.is_some() && message.nonce == nonce)
        && world.age(&known.id) < NONCE
    {
        return Ok(Reply::Body(shown(world, channel, known)));
    }
    let answers = body["message_reference"]["message_id"].as_str().map(str::to_owned);
    if let Some(answers) = &answers
        && !place.messages.iter().any(|message| message.id == *answers)
    {
        return invalid("message_reference", "Unknown message");
    }
    let author = world.settings.bot_user.clone();
    let mut message = Message { nonce, answers, ..world.new_message(&author) };
    fill(&mut message, body, may);
    if message.content.is_empty() && message.embeds.is_empty() {
        return refuse(EMPTY_MESSAGE);
    }
    message.pings = pings(body, may);
    let answer = shown(world, channel, &message);
    world.channels.entry(channel.to_owned()).or_default().messages.push(message);
    Ok(Reply::Body(answer))
}

pub(super) fn edit(world: &mut World, channel: &str, id: &str, body: &Value) -> Outcome<Reply> {
    let may = rights::of_bot(world, allowed(world, channel, 0)?);
    let own = world.settings.bot_user.clone();
    let Some(message) = world.message(channel, id) else { return refuse(UNKNOWN_MESSAGE) };
    if message.author != own {
        return refuse(NOT_THE_AUTHOR);
    }
    check::message(body)?;
    fill(message, body, may);
    message.edits += 1;
    let message = message.clone();
    Ok(Reply::Body(shown(world, channel, &message)))
}

pub(super) fn delete(world: &mut World, channel: &str, id: &str) -> Outcome<Reply> {
    allowed(world, channel, 0)?;
    let own = world.settings.bot_user.clone();
    match world.message(channel, id) {
        None => refuse(UNKNOWN_MESSAGE),
        Some(message) if message.author != own => refuse(NOT_THE_AUTHOR),
        Some(_) => {
            world.remove(channel, id);
            Ok(Reply::Nothing)
        }
    }
}

pub(super) fn get(world: &World, channel: &str, id: &str) -> Outcome<Reply> {
    let place = allowed(world, channel, HISTORY)?;
    match place.messages.iter().find(|message| message.id == id) {
        Some(message) => Ok(Reply::Body(shown(world, channel, message))),
        None => refuse(UNKNOWN_MESSAGE),
    }
}

/// Newest first, also when those after an id were asked for. Without the right to read there is nothing to read.
pub(super) fn list(world: &World, channel: &str, call: &Call<'_>) -> Outcome<Reply> {
    let place = allowed(world, channel, 0)?;
    let limit = call.number("limit").unwrap_or(50);
    if !(1..=100).contains(&limit) {
        return invalid("limit", "int value should be between 1 and 100.");
    }
    let limit = limit as usize;
    if rights::of_bot(world, place) & HISTORY == 0 {
        return Ok(Reply::Body(json!([])));
    }
    let number = |message: &Message| message.id.parse::<u64>().unwrap_or_default();
    let mut found: Vec<&Message> = place.messages.iter().collect();
    found.sort_by_key(|message| number(message));
    match (call.number("after"), call.number("before")) {
        (Some(after), _) => {
            found.retain(|message| number(message) > after);
            found.truncate(limit);
        }
        (None, before) => {
            found.retain(|message| before.is_none_or(|before| number(message) < before));
            found.drain(..found.len().saturating_sub(limit));
        }
    }
    Ok(Reply::Body(found.into_iter().rev().map(|message| shown(world, channel, message)).collect()))
}

pub(super) fn thread(world: &mut World, channel: &str, id: &str, body: &Value) -> Outcome<Reply> {
    let place = allowed(world, channel, CREATE_THREADS)?;
    if !place.messages.iter().any(|message| message.id == id) {
        return refuse(UNKNOWN_MESSAGE);
    }
    let name = body["name"].as_str().unwrap_or_default();
    if !(1..=100).contains(&name.chars().count()) {
        return invalid("name", "Must be between 1 and 100 in length.");
    }
    if !matches!(body["auto_archive_duration"].as_u64(), None | Some(60 | 1_440 | 4_320 | 10_080)) {
        return invalid("auto_archive_duration", "Value must be one of (60, 1440, 4320, 10080).");
    }
    if world.channels.contains_key(id) {
        return refuse(HAS_THREAD);
    }
    let thread = Channel { name: name.to_owned(), parent: Some(channel.to_owned()), ..Channel::default() };
    let answer = guild::shown_channel(world, id, &thread);
    world.channels.insert(id.to_owned(), thread);
    Ok(Reply::Body(answer))
}

/// A channel or thread that the bot may write to.
fn writable<'w>(world: &'w World, channel: &str) -> Outcome<&'w Channel> {
    let place = allowed(world, channel, 0)?;
    let place = allowed(world, channel, if place.parent.is_some() { SEND_IN_THREADS } else { SEND })?;
    let recipient = place.recipient.as_ref().and_then(|recipient| world.users.get(recipient));
    match recipient {
        Some(user) if user.closed => refuse(CLOSED),
        _ if place.locked => refuse(ARCHIVED),
        _ => Ok(place),
    }
}

/// The channel for direct messages with somebody; always the same.
pub(super) fn direct(world: &mut World, body: &Value) -> Outcome<Reply> {
    let user = body["recipient_id"].as_str().unwrap_or_default();
    if !world.users.contains_key(user) {
        return refuse(UNKNOWN_USER);
    }
    let known = world.channels.iter().find(|(_, channel)| channel.recipient.as_deref() == Some(user));
    let id = match known {
        Some((id, _)) => id.clone(),
        None => {
            let id = world.new_id();
            let channel = Channel { recipient: Some(user.to_owned()), ..Channel::default() };
            world.channels.insert(id.clone(), channel);
            id
        }
    };
    Ok(Reply::Body(json!({"id": id, "type": 1, "recipients": [{"id": user}]})))
}

/// Puts the parts that are named into the message; what is not named stays. Embeds need a right of their own and are
/// dropped without a word.
pub(super) fn fill(message: &mut Message, body: &Value, may: u64) {
    if let Some(content) = body.get("content") {
        message.content = content.as_str().unwrap_or_default().trim().to_owned();
    }
    if let Some(embeds) = body["embeds"].as_array() {
        message.embeds = if may & EMBED == 0 { Vec::new() } else { embeds.clone() };
    }
    if let Some(components) = body["components"].as_array() {
        message.components = components.clone();
    }
}

/// Whom a new message notifies: those whom its words mention, as far as `allowed_mentions` lets it.
fn pings(body: &Value, may: u64) -> Vec<String> {
    let (content, allowed) = (body["content"].as_str().unwrap_or_default(), &body["allowed_mentions"]);
    let has = |list: &Value, wanted: &str| list.as_array().is_some_and(|all| all.iter().any(|one| one == wanted));
    let open = |kind: &str| allowed.is_null() || has(&allowed["parse"], kind);
    let mut pings = Vec::new();
    let everybody = content.contains("@everyone") || content.contains("@here");
    if everybody && open("everyone") && may & MENTION_EVERYONE != 0 {
        pings.push("everyone".to_owned());
    }
    for (sigil, kind) in [("<@&", "roles"), ("<@", "users")] {
        let ids = content.split(sigil).skip(1).filter_map(|rest| rest.split_once('>')).map(|(id, _)| id);
        let ids = ids.filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()));
        pings.extend(ids.filter(|id| open(kind) || has(&allowed[kind], id)).map(str::to_owned));
    }
    pings
}

/// A message as the API shows it.
pub(super) fn shown(world: &World, channel: &str, message: &Message) -> Value {
    let author = match world.users.get(&message.author) {
        Some(user) => guild::shown_user(user),
        None if message.author == world.settings.bot_user => guild::bot(world),
        None => json!({"id": message.author, "username": "somebody", "discriminator": "0", "bot": true}),
    };
    let mut shown = json!({
        "id": message.id, "type": if message.answers.is_some() { 19 } else { 0 }, "channel_id": channel,
        "author": author, "content": message.content, "embeds": message.embeds, "components": message.components,
        "attachments": [], "mentions": [], "mention_roles": [], "mention_everyone": false, "pinned": false,
        "tts": false, "flags": 0, "timestamp": "2026-11-21T10:00:00.000000+00:00",
        "edited_timestamp": (message.edits > 0).then_some("2026-11-21T10:00:00.000000+00:00"),
    });
    if let Some(answers) = &message.answers {
        shown["message_reference"] = json!({"type": 0, "message_id": answers, "channel_id": channel});
    }
    shown
}
