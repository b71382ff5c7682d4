//! Slack's rate limits: so many calls of a method a minute, and one message a second for each channel with short bursts.

use super::params::Params;
use super::world::World;
use jiff::SignedDuration;

/// By how much the messages of one channel may run ahead of one a second: five at once.
const BURST_MILLISECONDS: i128 = 4_000;

/// How long the caller has to wait, if this call is one too many.
pub(super) fn beyond(world: &mut World, method: &str, params: &Params) -> Option<u64> {
    if !world.settings.limits {
        return None;
    }
    match method {
        "chat.postMessage" => channel(world, params.text("channel")),
        _ => minute(world, method),
    }
}

/// When the channel is at rest again tells how much of a burst is left.
fn channel(world: &mut World, channel: &str) -> Option<u64> {
    let now = world.now;
    let rest = world.spent.entry(format!("channel {channel}")).or_insert_with(|| vec![now]);
    let at = rest.first().copied().unwrap_or(now).max(now);
    let ahead = at.duration_since(now).as_millis();
    if ahead > BURST_MILLISECONDS {
        return Some(u64::try_from((ahead - BURST_MILLISECONDS) / 1_000 + 1).unwrap_or(1));
    }
    *rest = vec![at.saturating_add(SignedDuration::from_secs(1)).unwrap_or(at)];
    None
}

fn minute(world: &mut World, method: &str) -> Option<u64> {
    let now = world.now;
    let since = now.saturating_sub(SignedDuration::from_secs(60)).unwrap_or(now);
    let spent = world.spent.entry(method.to_owned()).or_default();
    spent.retain(|at| *at > since);
    if spent.len() >= per_minute(method) {
        let first = spent.first().copied().unwrap_or(now);
        return Some(u64::try_from(60 - now.duration_since(first).as_secs()).unwrap_or(1).max(1));
    }
    spent.push(now);
    None
}

fn per_minute(method: &str) -> usize {
    match method {
        "usergroups.users.list" => 20,
        "chat.update" | "conversations.history" | "conversations.replies" | "conversations.open" => 50,
        _ => 100,
    }
}
