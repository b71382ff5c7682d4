//! Reading what is there: the bot itself, its application, the guild, its roles, members and channels.

use super::call::Reply;
use super::refusal::{MISSING_ACCESS, Outcome, UNKNOWN_GUILD, UNKNOWN_MEMBER, refuse};
use super::world::{Channel, User, World};
use super::{rights, signing};
use serde_json::{Value, json};

pub(super) fn me(world: &World) -> Outcome<Reply> {
    Ok(Reply::Body(bot(world)))
}

pub(super) fn bot(world: &World) -> Value {
    json!({"id": world.settings.bot_user, "username": "rekey", "discriminator": "0000", "global_name": null,
           "avatar": null, "bot": true, "public_flags": 0})
}

pub(super) fn application(world: &World) -> Outcome<Reply> {
    let endpoint = match world.settings.bot.as_str() {
        "" => Value::Null,
        bot => format!("{bot}/discord/interactions").into(),
    };
    Ok(Reply::Body(json!({
        "id": world.settings.application, "name": "rekey", "description": "", "icon": null, "bot_public": false,
        "bot_require_code_grant": false, "flags": 0,
        "owner": {"id": "1300000000000000002", "username": "owner", "global_name": null, "avatar": null, "discriminator": "0"},
        "verify_key": signing::public_key(&world.settings.seed), "interactions_endpoint_url": endpoint,
    })))
}

pub(super) fn gateway(world: &World) -> Outcome<Reply> {
    let url = format!("{}/gateway", world.settings.url.replacen("http", "ws", 1));
    let limit = json!({"total": 1_000, "remaining": 999, "reset_after": 14_400_000, "max_concurrency": 1});
    Ok(Reply::Body(json!({"url": url, "shards": 1, "session_start_limit": limit})))
}

fn own<'w>(world: &'w World, guild: &str) -> Outcome<&'w World> {
    match guild == world.settings.guild {
        false => refuse(UNKNOWN_GUILD),
        true if !world.invited => refuse(MISSING_ACCESS),
        true => Ok(world),
    }
}

pub(super) fn guild(world: &World, guild: &str) -> Outcome<Reply> {
    own(world, guild)?;
    Ok(Reply::Body(json!({"id": guild, "name": "Sandbox", "owner_id": "1300000000000000002"})))
}

pub(super) fn roles(world: &World, guild: &str) -> Outcome<Reply> {
    let roles = own(world, guild)?.roles.values().map(|role| {
        json!({"id": role.id, "name": role.name, "permissions": role.permissions.to_string(), "position": 0,
               "managed": false, "mentionable": false, "hoist": false, "color": 0, "flags": 0})
    });
    Ok(Reply::Body(roles.collect()))
}

pub(super) fn member(world: &World, guild: &str, user: &str) -> Outcome<Reply> {
    let world = own(world, guild)?;
    if user == world.settings.bot_user {
        return Ok(Reply::Body(json!({"user": bot(world), "roles": [], "flags": 0, "deaf": false, "mute": false,
                                     "communication_disabled_until": world.silenced})));
    }
    match world.users.get(user).filter(|user| user.member) {
        Some(user) => Ok(Reply::Body(shown_member(world, user))),
        None => refuse(UNKNOWN_MEMBER),
    }
}

/// A member as the API and interactions show it.
pub(super) fn shown_member(world: &World, user: &User) -> Value {
    let everybody = world.roles.get(&world.settings.guild).map_or(0, |role| role.permissions);
    json!({"user": shown_user(user), "roles": user.roles, "nick": null, "avatar": null, "premium_since": null,
           "permissions": everybody.to_string(), "pending": false, "mute": false, "deaf": false, "flags": 0,
           "joined_at": "2025-05-16T22:51:16.692000+00:00", "communication_disabled_until": null})
}

pub(super) fn shown_user(user: &User) -> Value {
    json!({"id": user.id, "username": user.name, "global_name": user.name, "avatar": null, "discriminator": "0",
           "public_flags": 0})
}

pub(super) fn channel(world: &World, id: &str) -> Outcome<Reply> {
    let channel = rights::allowed(world, id, 0)?;
    Ok(Reply::Body(shown_channel(world, id, channel)))
}

/// A channel or thread as the API shows it.
pub(super) fn shown_channel(world: &World, id: &str, channel: &Channel) -> Value {
    let denied = json!({"id": world.settings.bot_user, "type": 1, "allow": "0", "deny": channel.denied.to_string()});
    let overwrites: Vec<&Value> = [&denied].into_iter().filter(|_| channel.denied != 0).collect();
    if channel.parent.is_some() {
        return shown_thread(world, id, channel);
    }
    json!({"id": id, "type": 0, "guild_id": world.settings.guild, "name": channel.name, "parent_id": null,
           "permission_overwrites": overwrites, "position": 0, "nsfw": false, "flags": 0})
}

fn shown_thread(world: &World, id: &str, thread: &Channel) -> Value {
    json!({"id": id, "type": 11, "guild_id": world.settings.guild, "name": thread.name, "parent_id": thread.parent,
           "owner_id": world.settings.bot_user, "message_count": thread.messages.len(), "member_count": 1,
           "total_message_sent": thread.messages.len(), "rate_limit_per_user": 0, "flags": 0,
           "thread_metadata": {"archived": false, "auto_archive_duration": 1_440, "locked": thread.locked,
                               "archive_timestamp": "2025-05-16T22:51:16.692000+00:00"}})
}
