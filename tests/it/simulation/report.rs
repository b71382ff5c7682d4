//! What a worker reports, and what its task and the row say about whom.

use super::mistake::Mistake;
use super::setting::{at, consumer_id, index};
use super::worker::Task;
use super::world::World;
use rekey::rotation::effect::Effect;
use rekey::rotation::event::Event;
use rekey::rotation::ids::{StoreId, TokenId};
use rekey::rotation::phase::{Minted, Phase, Run, RunRef};
use rekey::secret::Digest;
use std::collections::BTreeSet;

/// GitLab's stamps are passed on as they are, whatever the bot's clock shows.
pub fn stamp(seconds: Option<i64>) -> Option<jiff::Timestamp> {
    seconds.map(at)
}

pub fn published(world: &World, revision: u64, announced: u32) -> Event {
    let told = u32::try_from(world.row.announcements.len()).expect("few announcements");
    let stale = world.has(Mistake::PublishStale);
    let (revision, announced) = if stale { (world.row.revision, told) } else { (revision, announced) };
    Event::Published { surface: "issue".into(), reference: "1".into(), url: None, revision, announced }
}

pub fn stored(task: &Task, read_back: bool) -> Event {
    Event::Stored { attempt: task.attempt, store: StoreId(store(task).to_string()), read_back }
}

pub fn minted(world: &World, attempt: u32, id: u64) -> Event {
    let digest = Digest(format!("digest of {id}"));
    Event::Minted { new: Minted { attempt, id: TokenId(id), digest, expires_at: None, at: world.now() } }
}

pub fn lost(attempt: u32, found: &[u64]) -> Event {
    Event::ValueLost { attempt, found: found.iter().copied().map(TokenId).collect::<BTreeSet<_>>() }
}

pub fn reference(run: usize) -> RunRef {
    RunRef { pipeline: run as u64, job: None, url: String::new() }
}

pub fn run_of(world: &World, consumer: usize) -> Option<&Run> {
    match &world.row.phase {
        Phase::Verifying { runs, .. } => runs.get(&consumer_id(consumer)),
        _ => None,
    }
}

/// How many runs there were before the present one was meant.
pub fn after(world: &World, consumer: usize) -> u64 {
    match run_of(world, consumer) {
        Some(Run::Starting { after: Some(after), .. }) => *after,
        _ => u64::MAX,
    }
}

pub fn new_of(world: &World) -> Option<u64> {
    world.row.phase.minted().map(|new| new.id.0)
}

pub fn attempt(task: &Task) -> u32 {
    match task.effect {
        Effect::Mint { attempt } => attempt,
        _ => 0,
    }
}

pub fn store(task: &Task) -> usize {
    match &task.effect {
        Effect::Write { store } | Effect::RestoreStore { store } => index(store.as_str()),
        _ => 0,
    }
}

pub fn consumer(task: &Task) -> usize {
    match &task.effect {
        Effect::StartConsumer { consumer } | Effect::CheckConsumer { consumer } => index(consumer.as_str()),
        _ => 0,
    }
}

pub fn target(task: &Task) -> u64 {
    match task.effect {
        Effect::Revoke { token } => token.0,
        _ => 0,
    }
}
