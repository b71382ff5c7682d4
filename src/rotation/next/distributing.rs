//! Writing the stores, in the plan's order, and putting the previous value back.

use super::ending;
use super::people::stuck;
use crate::rotation::ids::StoreId;
use crate::rotation::phase::{Minted, Phase, Run, Why};
use crate::rotation::record::Rotation;
use crate::rotation::refusal::Refusal;
use jiff::Timestamp;

/// A store holds the new value.
pub fn stored(
    rotation: &mut Rotation,
    attempt: u32,
    store: &StoreId,
    read_back: bool,
    now: Timestamp,
) -> Result<(), Refusal> {
    let Phase::Distributing { new, pending } = &mut rotation.phase else {
        return Err(Refusal::not_now(rotation));
    };
    if new.attempt != attempt || !pending.contains(store) {
        return Err(Refusal::Stale);
    }
    pending.retain(|id| id != store);
    let (new, done) = (new.clone(), pending.is_empty());
    let how = if read_back { "written and read back" } else { "written (cannot be read back)" };
    rotation.saw(now, store.as_str(), how, None);
    rotation.switched_at = rotation.switched_at.or(Some(now));
    if done {
        all_stored(rotation, new, now);
    }
    Ok(())
}

/// Every store holds the new value: it is proven next.
pub fn all_stored(rotation: &mut Rotation, new: Minted, now: Timestamp) {
    let runs = rotation.plan.consumers.iter().map(|consumer| (consumer.id.clone(), Run::Pending)).collect();
    let passed_at = rotation.plan.consumers.is_empty().then_some(now);
    rotation.new_last_used = None;
    // A proxy may still deliver a twin of the create or of a write: nothing is revoked before that is impossible.
    rotation.quarantine(now);
    rotation.stored_at = Some(now);
    rotation.phase = Phase::Verifying { new, runs, passed_at };
}

/// A store that will not take the value stops the rotation; both tokens live.
pub fn store_refused(rotation: &mut Rotation, store: &StoreId, why: &str, now: Timestamp) -> Result<(), Refusal> {
    let Phase::Distributing { pending, .. } = &rotation.phase else {
        return Err(Refusal::not_now(rotation));
    };
    if !pending.contains(store) {
        return Err(Refusal::Stale);
    }
    let total = rotation.plan.stores.len();
    let held = total - pending.len();
    let why = Why {
        what: format!("{store} did not take the new value: {why}"),
        safe: format!("{} {held} of {total} stores hold the new value, which works too.", safe_now(rotation)),
        todo: "Mend the store and retry, restore the previous value, or abandon.".into(),
        link: None,
        log: None,
    };
    stuck(rotation, why, now);
    Ok(())
}

/// What lives once something was minted.
pub fn safe_now(rotation: &Rotation) -> &'static str {
    if rotation.plan.overlaps() {
        "The old token still works."
    } else {
        "The old token is dead: consumers of stores not yet written fail."
    }
}

/// A store holds the previous value again; once all do, what we minted is given up.
pub fn restored(rotation: &mut Rotation, store: &StoreId, now: Timestamp) -> Result<(), Refusal> {
    let Phase::Restoring { new, pending } = &mut rotation.phase else {
        return Err(Refusal::not_now(rotation));
    };
    if !pending.contains(store) {
        return Err(Refusal::Stale);
    }
    pending.retain(|id| id != store);
    let (new, done) = (new.clone(), pending.is_empty());
    rotation.saw(now, store.as_str(), "previous value restored", None);
    if done {
        ending::give_up_new(rotation, &new, now);
    }
    Ok(())
}

/// Some store keeps the new value: both tokens stay.
pub fn restore_impossible(rotation: &mut Rotation, store: &StoreId, why: &str, now: Timestamp) -> Result<(), Refusal> {
    let Phase::Restoring { pending, .. } = &rotation.phase else {
        return Err(Refusal::not_now(rotation));
    };
    if !pending.contains(store) {
        return Err(Refusal::Stale);
    }
    let why = Why {
        what: format!("{store} cannot get its previous value back: {why}"),
        safe: "Both tokens still work.".into(),
        todo: "Put the old value back by hand and retry, or abandon and keep both tokens.".into(),
        link: None,
        log: None,
    };
    stuck(rotation, why, now);
    Ok(())
}
