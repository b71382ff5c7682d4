//! Who is who: accounts, user groups, conversations with one person.

use super::outcome::{Outcome, refuse};
use super::params::Params;
use super::world::World;
use serde_json::json;

pub(super) fn user(world: &mut World, params: &Params) -> Outcome {
    let Some(user) = world.users.get(params.text("user")) else { return refuse("user_not_found") };
    Ok(json!({"ok": true, "user": {
        "id": user.id,
        "name": user.name,
        "real_name": user.name,
        "team_id": user.team,
        "deleted": user.deleted,
        "is_bot": user.id == world.settings.bot_user,
        "is_restricted": user.is_restricted,
        "is_ultra_restricted": user.is_ultra_restricted,
        "is_stranger": user.is_stranger,
        "tz": "Europe/Berlin",
        "tz_offset": 3_600,
        "profile": {"display_name": user.name},
    }}))
}

pub(super) fn conversation(world: &mut World, params: &Params) -> Outcome {
    let id = params.text("channel");
    let Some(channel) = world.channels.get(id) else { return refuse("channel_not_found") };
    let shared = world.shared.contains(id);
    Ok(json!({"ok": true, "channel": {
        "id": id, "name": channel.name, "is_archived": channel.archived, "is_shared": shared, "is_ext_shared": shared,
        "is_org_shared": false, "is_pending_ext_shared": false,
    }}))
}

pub(super) fn group(world: &mut World, params: &Params) -> Outcome {
    match world.groups.get(params.text("usergroup")) {
        Some(users) => Ok(json!({"ok": true, "users": users})),
        None => refuse("no_such_subteam"),
    }
}

pub(super) fn open(world: &mut World, params: &Params) -> Outcome {
    let user = params.text("users").to_owned();
    match world.users.get(&user) {
        None => refuse("users_not_found"),
        Some(user) if user.deleted => refuse("user_disabled"),
        Some(_) => Ok(json!({"ok": true, "channel": {"id": world.direct(&user)}})),
    }
}
