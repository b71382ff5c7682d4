//! Writing the stores, in the plan's order, and putting the previous value back.

use super::ending;
use super::stop::{held, old_is_safe, other_ways, safe_now, stuck};
use crate::rotation::ids::StoreId;
use crate::rotation::phase::{Minted, Phase, Run, Why};
use crate::rotation::record::{PREVIOUS_RESTORED, Rotation};
use crate::rotation::refusal::Refusal;
use crate::rotation::store::Undo;
use crate::rotation::token::Strategy;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A store holds the new value.
pub fn stored(
    rotation: &mut Rotation,
    attempt: u32,
    store: &StoreId,
    read_back: bool,
    now: Timestamp,
) -> Result<(), Refusal> {
    let Phase::Distributing { new, pending, down } = &mut rotation.phase else {
        return Err(Refusal::not_now(rotation));
    };
    if new.attempt != attempt || !pending.contains(store) {
        return Err(Refusal::Stale);
    }
    pending.retain(|id| id != store);
    down.remove(store);
    rotation.overwrite.remove(store);
    let (new, done) = (new.clone(), pending.is_empty());
    let how = if read_back { "written and read back" } else { "written (cannot be read back)" };
    rotation.saw(now, store.as_str(), how, None);
    rotation.switched_at = rotation.switched_at.or(Some(now));
    if done {
        all_stored(rotation, new, now);
    }
    Ok(())
}

/// The first look counts: what a store held before anything of ours.
pub fn undo_known(rotation: &mut Rotation, store: &StoreId, undo: &Undo) -> Result<(), Refusal> {
    let unwritten = match &rotation.phase {
        Phase::Minting { started, .. } => started.is_none(),
        Phase::Distributing { pending, .. } => pending.contains(store),
        _ => false,
    };
    if !unwritten {
        return Err(Refusal::not_now(rotation));
    }
    rotation.undo.entry(store.clone()).or_insert_with(|| undo.clone());
    Ok(())
}

/// The others go first; they stay valid whatever becomes of this one.
pub fn down(rotation: &mut Rotation, store: &StoreId, why: &str) -> Result<(), Refusal> {
    let Phase::Distributing { pending, down, .. } = &mut rotation.phase else {
        return Err(Refusal::not_now(rotation));
    };
    let Some(place) = pending.iter().position(|id| id == store) else { return Err(Refusal::Stale) };
    let store = pending.remove(place);
    pending.push(store.clone());
    down.insert(store, why.to_owned());
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
    let what = format!("{store} stops the rotation: {why}");
    not_written(rotation, store, what, "Mend the store and retry", false, now)
}

/// Somebody else's value is there: nothing of theirs is overwritten unless a person says so.
pub fn conflict(
    rotation: &mut Rotation,
    store: &StoreId,
    why: &str,
    also: &[StoreId],
    held: &BTreeMap<StoreId, u16>,
    now: Timestamp,
) -> Result<(), Refusal> {
    match rotation.phase {
        Phase::Restoring { .. } => {
            let why = format!("somebody else changed it meanwhile: {why}");
            return restore_impossible(rotation, store, &why, now);
        }
        Phase::Minting { attempt, started: None } => {
            let stores: Vec<&str> = also.iter().chain([store]).map(StoreId::as_str).collect();
            occupied(rotation, &stores.join(" and "), why, attempt, now);
        }
        _ => {
            let what = format!("{store} was changed by somebody else, so it was not overwritten: {why}");
            let todo = "Find out who writes there. Retry to overwrite what is there now";
            not_written(rotation, store, what, todo, false, now)?;
        }
    }
    for store in also.iter().chain([store]) {
        rotation.overwrite.remove(store);
        rotation.foreign.remove(store);
        rotation.contested.insert(store.clone());
    }
    rotation.foreign.extend(held.clone());
    Ok(())
}

fn occupied(rotation: &mut Rotation, stores: &str, why: &str, attempt: u32, now: Timestamp) {
    let first = attempt == 1 && rotation.plan.strategy != Strategy::RevokeFirst;
    let why = Why {
        what: format!("{stores} cannot be written without asking: {why}"),
        safe: if first { "Nothing was changed yet.".into() } else { old_is_safe(rotation) },
        todo: "Find out whose value that is. Retry to overwrite it, or abandon.".into(),
        link: None,
        log: None,
    };
    stuck(rotation, why, now);
}

/// The place is another one than people approved. Nothing is written there, however often somebody retries: a new plan
/// names the place as it is now.
pub fn swapped(rotation: &mut Rotation, store: &StoreId, why: &str, now: Timestamp) -> Result<(), Refusal> {
    let what = format!("{store} is not the place that was approved: {why}");
    let todo = match rotation.phase {
        Phase::Restoring { .. } => return restore_impossible(rotation, store, &what, now),
        Phase::Distributing { .. } => {
            let todo = "Find out who changed it. Put the place back and retry";
            return not_written(rotation, store, what, todo, false, now);
        }
        Phase::Minting { started: None, .. } => {
            "Find out who changed it. Put the place back and retry, or abandon and ask for another rotation, whose plan \
             names the place as it is now."
        }
        Phase::Verifying { .. } | Phase::Grace { .. } | Phase::Revoking { .. } => {
            "Find out who changed it. Put the place back and retry, or abandon."
        }
        _ => return Err(Refusal::not_now(rotation)),
    };
    let safe = match rotation.phase {
        Phase::Minting { attempt: 1, .. } if rotation.plan.strategy != Strategy::RevokeFirst => {
            "Nothing was changed yet.".into()
        }
        Phase::Minting { .. } => old_is_safe(rotation),
        _ => "Nothing was revoked since.".into(),
    };
    stuck(rotation, Why { what, safe, todo: todo.to_owned(), link: None, log: None }, now);
    Ok(())
}

/// A store took the value in the same moment as somebody else's: theirs may be lost, and a person must know.
pub fn overwrote(rotation: &mut Rotation, store: &StoreId, why: &str, now: Timestamp) -> Result<(), Refusal> {
    let what = format!("{store} took the new value, but somebody else wrote there in the same moment: {why}");
    let todo = "Find out what they wrote: it may be lost. Retry to go on with the new value";
    not_written(rotation, store, what, todo, true, now)
}

/// `todo` says what a retry needs. `holds_it`: this store has the value all the same.
fn not_written(
    rotation: &mut Rotation,
    store: &StoreId,
    what: String,
    todo: &str,
    holds_it: bool,
    now: Timestamp,
) -> Result<(), Refusal> {
    let Phase::Distributing { pending, .. } = &rotation.phase else {
        return Err(Refusal::not_now(rotation));
    };
    if !pending.contains(store) {
        return Err(Refusal::Stale);
    }
    let safe = format!("{} {}", safe_now(rotation, now), held(rotation, pending.len() - usize::from(holds_it)));
    let todo = format!("{todo}, {}.", other_ways(rotation, now));
    stuck(rotation, Why { what, safe, todo, link: None, log: None }, now);
    Ok(())
}

/// A store holds the previous value again; once all do, what we minted is given up.
pub fn restored(rotation: &mut Rotation, store: &StoreId, untouched: bool, now: Timestamp) -> Result<(), Refusal> {
    let Phase::Restoring { new, pending } = &mut rotation.phase else {
        return Err(Refusal::not_now(rotation));
    };
    if !pending.contains(store) {
        return Err(Refusal::Stale);
    }
    pending.retain(|id| id != store);
    let (new, done) = (new.clone(), pending.is_empty());
    let how = if untouched { "was never written" } else { PREVIOUS_RESTORED };
    rotation.saw(now, store.as_str(), how, None);
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
        safe: "No token was revoked.".into(),
        todo: "Put the previous value back by hand and retry, or abandon and keep both tokens.".into(),
        link: None,
        log: None,
    };
    stuck(rotation, why, now);
    Ok(())
}
