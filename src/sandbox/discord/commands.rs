//! The commands of the guild: replaced all at once, refused where Discord refuses, and what a person may type by them.

use super::call::Reply;
use super::refusal::{Outcome, UNKNOWN_APPLICATION, UNKNOWN_GUILD, invalid, refuse};
use super::world::World;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Options of kinds that hold a value.
const VALUES: std::ops::RangeInclusive<u64> = 3..=11;

fn own(world: &World, application: &str, guild: &str) -> Outcome<()> {
    if application != world.settings.application {
        return refuse(UNKNOWN_APPLICATION);
    }
    if guild == world.settings.guild { Ok(()) } else { refuse(UNKNOWN_GUILD) }
}

pub(super) fn list(world: &World, application: &str, guild: &str) -> Outcome<Reply> {
    own(world, application, guild)?;
    Ok(Reply::Body(world.commands.clone().into()))
}

pub(super) fn put(world: &mut World, application: &str, guild: &str, body: &Value) -> Outcome<Reply> {
    own(world, application, guild)?;
    let Some(commands) = body.as_array() else { return invalid("_", "Only lists may be used here") };
    if commands.len() > 100 {
        return invalid("_", "Must be 100 or fewer in length.");
    }
    names_differ(commands)?;
    commands.iter().try_for_each(command)?;
    let kept: Vec<Value> = commands.iter().map(|command| stored(world, command)).collect();
    world.commands.clone_from(&kept);
    Ok(Reply::Body(kept.into()))
}

/// As Discord gives it back: with an id, a version, and its own defaults.
fn stored(world: &mut World, command: &Value) -> Value {
    let known = world.commands.iter().find(|known| known["name"] == command["name"]).map(|known| known["id"].clone());
    let mut stored = command.clone();
    stored["id"] = known.unwrap_or_else(|| world.new_id().into());
    stored["version"] = world.new_id().into();
    stored["application_id"] = world.settings.application.clone().into();
    stored["guild_id"] = world.settings.guild.clone().into();
    for (name, default) in [("type", json!(1)), ("nsfw", json!(false)), ("default_member_permissions", Value::Null)] {
        if stored.get(name).is_none() {
            stored[name] = default;
        }
    }
    stored
}

fn command(command: &Value) -> Outcome<()> {
    named(command)?;
    options(&command["options"], 0)
}

fn named(command: &Value) -> Outcome<()> {
    let name = command["name"].as_str().unwrap_or_default();
    let plain = |c: char| c.is_alphanumeric() && !c.is_uppercase() || "-_'".contains(c);
    if !(1..=32).contains(&name.chars().count()) || !name.chars().all(plain) {
        return invalid("name", "Command name is invalid");
    }
    let length = command["description"].as_str().unwrap_or_default().chars().count();
    if !(1..=100).contains(&length) {
        return invalid("description", "Must be between 1 and 100 in length.");
    }
    Ok(())
}

fn names_differ(all: &[Value]) -> Outcome<()> {
    let mut names = BTreeSet::new();
    match all.iter().find(|one| !names.insert(one["name"].as_str())) {
        Some(_) => invalid("name", "Application command names must be unique"),
        None => Ok(()),
    }
}

fn options(given: &Value, depth: u8) -> Outcome<()> {
    let all = given.as_array().map_or(&[][..], Vec::as_slice);
    if all.len() > 25 {
        return invalid("options", "Must be 25 or fewer in length.");
    }
    names_differ(all)?;
    let mut optional = false;
    for option in all {
        named(option)?;
        match option["type"].as_u64() {
            Some(1 | 2) if depth < 2 => options(&option["options"], depth + 1)?,
            Some(kind) if VALUES.contains(&kind) => {
                if option["required"] == true && optional {
                    return invalid("options", "Required options must be placed before non-required options");
                }
                optional |= option["required"] != true;
                value(option)?;
            }
            _ => return invalid("options.type", "Unknown option type"),
        }
    }
    Ok(())
}

fn value(option: &Value) -> Outcome<()> {
    let choices = option["choices"].as_array().map_or(0, Vec::len);
    if choices > 25 {
        return invalid("choices", "Must be 25 or fewer in length.");
    }
    if choices > 0 && option["autocomplete"] == true {
        return invalid("autocomplete", "Autocomplete options cannot have choices");
    }
    Ok(())
}

/// The `data` of the interaction when somebody types this; the last option takes all that is left. While they still
/// type, `focused` marks the option they are in.
pub(super) fn typed(world: &World, text: &str, focused: bool) -> Option<Value> {
    let (name, rest) = split(text.strip_prefix('/')?);
    let command = world.commands.iter().find(|command| command["name"] == name)?;
    let (verb, rest) = split(rest);
    let sub = command["options"].as_array()?.iter().find(|option| option["type"] == 1 && option["name"] == verb)?;
    let known = sub["options"].as_array().map_or(&[][..], Vec::as_slice);
    let mut values = Vec::new();
    let mut rest = rest;
    for (number, option) in known.iter().enumerate() {
        let (word, after) = if number + 1 == known.len() { (rest, "") } else { split(rest) };
        // An option that nothing was typed for is there only while the person is in it.
        if !word.is_empty() || focused && (number == 0 || text.ends_with(' ')) {
            values.push(json!({"name": option["name"], "type": option["type"], "value": word}));
        }
        if word.is_empty() {
            break;
        }
        rest = after;
    }
    let missing = known.iter().skip(values.len()).any(|option| option["required"] == true);
    match values.last_mut() {
        Some(last) if focused => last["focused"] = true.into(),
        _ if focused || missing => return None,
        _ => {}
    }
    let sub = json!({"name": verb, "type": 1, "options": values});
    Some(json!({"id": command["id"], "name": name, "type": 1, "options": [sub]}))
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_once(' ').map_or((text, ""), |(word, rest)| (word, rest.trim_start()))
}
