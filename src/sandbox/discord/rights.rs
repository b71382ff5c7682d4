//! What the bot may do in a channel: by everybody's role, less what the channel denies it.

use super::permissions::{USUAL, VIEW};
use super::refusal::{MISSING_ACCESS, MISSING_PERMISSIONS, Outcome, UNKNOWN_CHANNEL, refuse};
use super::world::{Channel, World};

/// What the bot may do there.
pub(super) fn of_bot(world: &World, channel: &Channel) -> u64 {
    if channel.recipient.is_some() {
        return USUAL;
    }
    let parent = channel.parent.as_ref().and_then(|parent| world.channels.get(parent));
    let everybody = world.roles.get(&world.settings.guild).map_or(0, |role| role.permissions);
    everybody & !channel.denied & !parent.map_or(0, |parent| parent.denied)
}

/// The channel, if the bot sees it and may do all of `needed`.
pub(super) fn allowed<'w>(world: &'w World, id: &str, needed: u64) -> Outcome<&'w Channel> {
    let Some(channel) = world.channels.get(id) else { return refuse(UNKNOWN_CHANNEL) };
    let granted = of_bot(world, channel);
    if (!world.invited && channel.recipient.is_none()) || granted & VIEW == 0 {
        return refuse(MISSING_ACCESS);
    }
    if granted & needed != needed {
        return refuse(MISSING_PERMISSIONS);
    }
    Ok(channel)
}
