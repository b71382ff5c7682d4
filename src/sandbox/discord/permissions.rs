//! What the bot may do in a channel: by everybody's role, less what the channel denies it.

use super::refusal::{MISSING_ACCESS, MISSING_PERMISSIONS, Outcome, UNKNOWN_CHANNEL, refuse};
use super::world::{Channel, World};

/// See the channel.
pub const VIEW: u64 = 1 << 10;
/// Write in it.
pub const SEND: u64 = 1 << 11;
/// Show embeds.
pub const EMBED: u64 = 1 << 14;
/// Read what was said before.
pub const HISTORY: u64 = 1 << 16;
/// Notify everybody.
pub const MENTION_EVERYONE: u64 = 1 << 17;
/// Begin public threads.
pub const CREATE_THREADS: u64 = 1 << 35;
/// Write in threads.
pub const SEND_IN_THREADS: u64 = 1 << 38;

/// What everybody's role allows unless changed.
pub(super) const USUAL: u64 = VIEW | SEND | EMBED | HISTORY | CREATE_THREADS | SEND_IN_THREADS;

/// What the bot may do there.
pub(super) fn of_bot(world: &World, channel: &Channel) -> u64 {
    let parent = channel.parent.as_ref().and_then(|parent| world.channels.get(parent));
    let everybody = world.roles.get(&world.settings.guild).map_or(0, |role| role.permissions);
    everybody & !channel.denied & !parent.map_or(0, |parent| parent.denied)
}

/// The channel, if the bot sees it and may do all of `needed`.
pub(super) fn allowed<'w>(world: &'w World, id: &str, needed: u64) -> Outcome<&'w Channel> {
    let Some(channel) = world.channels.get(id) else { return refuse(UNKNOWN_CHANNEL) };
    let granted = of_bot(world, channel);
    if !world.invited || granted & VIEW == 0 {
        return refuse(MISSING_ACCESS);
    }
    if granted & needed != needed {
        return refuse(MISSING_PERMISSIONS);
    }
    Ok(channel)
}
