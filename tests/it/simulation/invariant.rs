//! What must always hold (numbers as in the design), checked after every effect and every commit, and at rest.

use super::call::Job;
use super::ledger::words;
use super::setting::{APPROVAL, GRACE, OLD, seconds};
use super::world::World;
use rekey::rotation::ids::TokenId;
use rekey::rotation::phase::{Outcome, Phase};
use rekey::rotation::token::Strategy;
use std::collections::BTreeSet;

/// I1: with overlap no store ever holds a dead token.
pub fn stores_live(world: &mut World) {
    if !world.setting.overlaps() {
        return;
    }
    let dead = world.stores.iter().position(|value| !world.alive(*value));
    if let Some(store) = dead {
        let value = world.stores[store];
        world.blame(format!("I1: store {store} holds dead token {value}"));
    }
}

/// I2: the request that kills the old token is sent only when nothing holds it, every consumer's job ran and passed with the new one, the new
/// one was used, and the old one was silent.
pub fn old_may_die(world: &mut World) {
    if !world.alive(OLD) || !world.setting.overlaps() {
        return;
    }
    let Some(new) = world.stores.first().copied() else { return };
    if world.stores.iter().any(|value| *value != new || *value == OLD) {
        world.blame("I2: the old token is revoked while the stores disagree or hold it");
    }
    for consumer in 0..world.setting.consumers.len() {
        let proven = world
            .ran
            .iter()
            .any(|ran| ran.consumer == consumer && ran.value == new && ran.passed && ran.outcome == Job::Runs);
        if !proven {
            world.blame(format!("I2: the old token is revoked but consumer {consumer} never passed with the new one"));
        }
    }
    if world.token(new).and_then(|token| token.last_used).is_none() {
        world.blame("I2: the old token is revoked but the new one was never used");
    }
    let silent = world.tokens[0].last_used.into_iter().chain(world.proven_at).max();
    if silent.is_none_or(|since| world.clock < since + GRACE - 1) {
        world.blame("I2: the old token is revoked before it was silent for the grace period");
    }
}

/// I1: a token whose value is lost to us is not revoked while somebody uses it.
pub fn lost_may_die(world: &mut World, token: u64) {
    let used = world.token(token).and_then(|token| token.last_used);
    let since = world.row.stored_at.map(seconds);
    let lately = |used: i64| world.clock < used + GRACE - 1;
    let in_use = used.is_some_and(|used| lately(used) && since.is_some_and(|since| used > since - world.skew));
    if in_use && world.row.lost.contains(&TokenId(token)) {
        world.blame(format!("I1: token {token} is revoked while somebody uses it"));
    }
}

/// I5: one attempt sends at most one request that can make a token.
pub fn sent(world: &mut World, attempt: u32) {
    let slot = attempt as usize;
    if world.sent.len() <= slot {
        world.sent.resize(slot + 1, 0);
    }
    world.sent[slot] += 1;
    if world.sent[slot] > 1 {
        world.blame(format!("I5: attempt {attempt} was sent twice"));
    }
}

/// I6: whoever begins has enough people whom the policy allows, who said yes to exactly this plan, and lately.
pub fn begun(world: &mut World, before: &Phase) {
    let begins = match (before, &world.row.phase) {
        (Phase::Minting { attempt: 1, started: None }, Phase::Minting { started: Some(_), .. }) => {
            world.setting.strategy != Strategy::RevokeFirst
        }
        (Phase::AwaitingApproval | Phase::Scheduled { .. }, Phase::Revoking { .. }) => true,
        _ => false,
    };
    if begins {
        approved(world);
    }
}

fn approved(world: &mut World) {
    let yes: BTreeSet<&str> = world
        .clicks
        .iter()
        .filter(|click| click.current_plan && world.clock < click.at + APPROVAL + 60)
        .map(|click| click.person)
        .filter(|person| world.setting.approvers.contains(person) && world.setting.requester != Some(person))
        .collect();
    if yes.len() < world.quorum.max(1) as usize {
        world.blame(format!("I6: acts on the yes of {yes:?}, {} needed", world.quorum));
    }
}

/// What must hold when nothing will happen any more.
pub fn at_rest(world: &mut World) {
    if world.setting.surface && world.card != world.row.revision {
        world.blame(format!("I9: the card shows revision {}, the row is at {}", world.card, world.row.revision));
    }
    match world.row.phase.clone() {
        Phase::Closed { outcome: Outcome::Done, .. } => done(world),
        Phase::Closed { outcome: Outcome::Abandoned, .. } => abandoned(world),
        Phase::Closed { .. } => untouched(world),
        Phase::Stuck { why, .. } => {
            if [&why.what, &why.safe, &why.todo].into_iter().any(String::is_empty) {
                world.blame("I7: stuck without words");
            }
        }
        Phase::AwaitingApproval if !world.acknowledged => {}
        phase => world.blame(format!("I7: nothing moves any more in {}", phase.name())),
    }
}

/// I3: exactly one live token of ours, in every store.
fn done(world: &mut World) {
    if !world.flying.iter().all(|flying| flying.call.is_harmless_after_done(world)) {
        world.blame(format!("I3: closed while {:?} may still land", world.flying));
    }
    let ours = world.ours();
    let held = ours.len() == 1 && world.stores.iter().all(|value| *value == ours[0]);
    if !held {
        world.blame(format!("I3: done, but ours are {ours:?} and the stores hold {:?}", world.stores));
    }
    if world.alive(OLD) {
        world.blame("I3: done, but the old token lives");
    }
}

/// I3, I9: what lives on is named, and with overlap no store holds a dead token (checked always).
fn abandoned(world: &mut World) {
    let words = words(&world.row);
    for id in world.ours() {
        if !words.contains(&format!("token {id} ")) {
            world.blame(format!("I3: abandoned, and nobody was told that token {id} lives"));
        }
    }
    let claims_old = words.contains("(old)");
    if claims_old && !world.alive(OLD) {
        world.blame("I9: people were told that the old token lives");
    }
}

fn untouched(world: &mut World) {
    let ours = world.ours();
    if !ours.is_empty() || !world.alive(OLD) || world.stores.iter().any(|value| *value != OLD) {
        world.blame(format!("I3: closed untouched, but ours are {ours:?}, stores {:?}", world.stores));
    }
}
