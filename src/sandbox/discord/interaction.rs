//! What a person did and what the bot may answer: once within three seconds, more through the webhook for a quarter of
//! an hour. Answers in the response to an endpoint and answers by a call are the same.

use super::call::{Call, Reply};
use super::check;
use super::messages::{fill, shown};
use super::model::{Ephemeral, Interaction, Original, Shown};
use super::permissions::EMBED;
use super::refusal::{
    ACKNOWLEDGED, DEAD_TOKEN, EMPTY_MESSAGE, Outcome, UNKNOWN_INTERACTION, UNKNOWN_MESSAGE, UNKNOWN_WEBHOOK, invalid,
    refuse,
};
use super::world::{Message, Modal, World};
use jiff::SignedDuration;
use serde_json::{Value, json};

/// For the first answer.
const FIRST: SignedDuration = SignedDuration::from_secs(3);
/// For all others.
const LAST: SignedDuration = SignedDuration::from_mins(15);
/// Only the person sees it.
const EPHEMERAL: u64 = 64;

/// What was done.
pub(super) const COMMAND: u64 = 2;
pub(super) const COMPONENT: u64 = 3;
pub(super) const COMPLETE: u64 = 4;
pub(super) const SUBMIT: u64 = 5;

pub(super) fn callback(world: &mut World, id: &str, token: &str, call: &Call<'_>) -> Outcome<Reply> {
    match world.interactions.get(token) {
        Some(known) if known.id == id => answer(world, token, &call.body)?,
        _ => return refuse(UNKNOWN_INTERACTION),
    }
    let with_response = call.query.get("with_response").is_some_and(|wanted| wanted == "true" || wanted == "1");
    Ok(match world.interactions.get(token) {
        Some(known) if with_response => Reply::Body(came_of(known)),
        _ => Reply::Nothing,
    })
}

/// What those are told who ask what came of their answer.
fn came_of(known: &Interaction) -> Value {
    let message = match &known.original {
        Some(Original::Private(id) | Original::Public(id)) => Some(id),
        _ => None,
    };
    let private = matches!(&known.original, Some(Original::Private(_) | Original::Promised { private: true }));
    json!({"interaction": {
        "id": known.id, "type": known.kind, "activity_instance_id": null, "response_message_id": message,
        "response_message_loading": matches!(&known.original, Some(Original::Promised { .. })),
        "response_message_ephemeral": private,
    }})
}

/// Takes the first answer.
pub(super) fn answer(world: &mut World, token: &str, body: &Value) -> Outcome<()> {
    let Some(known) = world.interactions.get(token).cloned() else { return refuse(UNKNOWN_INTERACTION) };
    if known.seen.is_some() {
        return refuse(ACKNOWLEDGED);
    }
    if world.now.duration_since(known.at) > FIRST {
        return refuse(UNKNOWN_INTERACTION);
    }
    let data = &body["data"];
    let from_message = known.source.is_some();
    let (seen, original) = match (body["type"].as_u64(), known.kind) {
        (Some(8), COMPLETE) => {
            check::choices(data)?;
            (Shown::Choices(data["choices"].as_array().cloned().unwrap_or_default()), None)
        }
        (_, COMPLETE) => return invalid("type", "Autocomplete interactions can only be answered with choices"),
        (Some(4), _) => say(world, &known, data)?,
        (Some(5), _) => {
            let private = data["flags"].as_u64().unwrap_or_default() & EPHEMERAL != 0;
            (Shown::Waiting, Some(Original::Promised { private }))
        }
        (Some(6), COMPONENT | SUBMIT) if from_message => (Shown::Nothing, Some(Original::Source)),
        (Some(7), COMPONENT | SUBMIT) if from_message => {
            check::message(data)?;
            change_source(world, &known, data)?;
            (Shown::Nothing, Some(Original::Source))
        }
        (Some(9), COMMAND | COMPONENT) => {
            check::modal(data)?;
            let modal = Modal { data: data.clone(), channel: known.channel.clone(), message: known.source.clone() };
            world.modals.insert(known.user.clone(), modal);
            (Shown::Form(data.clone()), None)
        }
        _ => return invalid("type", "Interaction callback type is invalid for this interaction"),
    };
    if let Some(known) = world.interactions.get_mut(token) {
        (known.seen, known.original) = (Some(seen), original);
    }
    Ok(())
}

/// A message, for the person alone or for everybody.
fn say(world: &mut World, known: &Interaction, data: &Value) -> Outcome<(Shown, Option<Original>)> {
    check::message(data)?;
    let author = world.settings.bot_user.clone();
    let mut message = world.new_message(&author);
    fill(&mut message, data, EMBED);
    if message.content.is_empty() && message.embeds.is_empty() {
        return refuse(EMPTY_MESSAGE);
    }
    if data["flags"].as_u64().unwrap_or_default() & EPHEMERAL == 0 {
        let id = message.id.clone();
        world.channels.entry(known.channel.clone()).or_default().messages.push(message);
        return Ok((Shown::Public(id.clone()), Some(Original::Public(id))));
    }
    let line = private(known, message);
    world.ephemerals.push(line.clone());
    let original = Original::Private(line.id.clone());
    Ok((Shown::Private(line), Some(original)))
}

fn private(known: &Interaction, message: Message) -> Ephemeral {
    let Message { id, content, embeds, components, .. } = message;
    Ephemeral { id, channel: known.channel.clone(), user: known.user.clone(), content, embeds, components }
}

/// The message that the button was on, public or private.
fn change_source(world: &mut World, known: &Interaction, data: &Value) -> Outcome<()> {
    let source = known.source.clone().unwrap_or_default();
    if let Some(line) = world.ephemerals.iter_mut().find(|line| line.id == source) {
        change(line, data);
        return Ok(());
    }
    match world.message(&known.channel, &source) {
        Some(message) => {
            fill(message, data, EMBED);
            message.edits += 1;
            Ok(())
        }
        None => refuse(UNKNOWN_MESSAGE),
    }
}

fn change(line: &mut Ephemeral, data: &Value) {
    if let Some(content) = data["content"].as_str() {
        line.content = content.to_owned();
    }
    for (part, name) in [(&mut line.embeds, "embeds"), (&mut line.components, "components")] {
        if let Some(new) = data[name].as_array() {
            part.clone_from(new);
        }
    }
}

/// The interaction behind a webhook, while its token lives and the first answer was given.
fn behind(world: &World, application: &str, token: &str) -> Outcome<Interaction> {
    let known = world.interactions.get(token).filter(|_| application == world.settings.application);
    match known {
        Some(known) if world.now.duration_since(known.at) > LAST => refuse(DEAD_TOKEN),
        Some(known) if known.seen.is_some() => Ok(known.clone()),
        _ => refuse(UNKNOWN_WEBHOOK),
    }
}

pub(super) fn follow_up(world: &mut World, application: &str, token: &str, body: &Value) -> Outcome<Reply> {
    let known = behind(world, application, token)?;
    let (_, original) = say(world, &known, body)?;
    let author = world.settings.bot_user.clone();
    let mut message = world.new_message(&author);
    fill(&mut message, body, EMBED);
    if let Some(Original::Private(id) | Original::Public(id)) = original {
        message.id = id;
    }
    let mut answer = shown(world, &known.channel, &message);
    answer["flags"] = body["flags"].as_u64().unwrap_or_default().into();
    Ok(Reply::Body(answer))
}

pub(super) fn original(world: &World, application: &str, token: &str) -> Outcome<Reply> {
    let known = behind(world, application, token)?;
    let message = match &known.original {
        Some(Original::Public(id)) => world.channels.get(&known.channel).and_then(|place| {
            place.messages.iter().find(|message| message.id == *id).map(|m| shown(world, &known.channel, m))
        }),
        Some(Original::Private(id)) => world
            .ephemerals
            .iter()
            .find(|line| line.id == *id)
            .map(|line| json!({"id": id, "content": line.content, "flags": EPHEMERAL})),
        _ => None,
    };
    message.map_or_else(|| refuse(UNKNOWN_MESSAGE), |message| Ok(Reply::Body(message)))
}

pub(super) fn edit_original(world: &mut World, application: &str, token: &str, body: &Value) -> Outcome<Reply> {
    let known = behind(world, application, token)?;
    check::message(body)?;
    let original = match known.original.clone() {
        Some(Original::Promised { private }) => {
            let mut data = body.clone();
            data["flags"] = if private { EPHEMERAL } else { 0 }.into();
            let (_, original) = say(world, &known, &data)?;
            original
        }
        Some(Original::Private(id)) => {
            if let Some(line) = world.ephemerals.iter_mut().find(|line| line.id == id) {
                change(line, body);
            }
            known.original.clone()
        }
        Some(Original::Public(id)) => {
            if let Some(message) = world.message(&known.channel, &id) {
                fill(message, body, EMBED);
            }
            known.original.clone()
        }
        Some(Original::Source) => {
            change_source(world, &known, body)?;
            known.original.clone()
        }
        None => return refuse(UNKNOWN_MESSAGE),
    };
    if let Some(known) = world.interactions.get_mut(token) {
        known.original = original;
    }
    Ok(Reply::Body(json!({"id": "0", "channel_id": known.channel, "content": body["content"]})))
}
