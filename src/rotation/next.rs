//! The only way forward. Takes the row and what happened, gives the next row or a refusal; changes nothing itself.

mod approval;
mod died;
mod distributing;
mod doubt;
mod ending;
mod lapse;
mod minting;
mod people;
mod reminding;
mod resume;
mod snoozing;
mod stop;
mod surfaces;
mod verifying;

pub use snoozing::latest_snooze;

pub(super) use stop::restorable;

use super::event::Event;
use super::record::{Rotation, Waiting};
use super::refusal::Refusal;
use jiff::Timestamp;

/// The row after `event`, with `version` one higher, and `revision` one higher if people should see a difference.
/// A refused event changes nothing; the refusal says why in words that may be shown to the person who clicked.
pub fn next(rotation: &Rotation, event: &Event, now: Timestamp) -> Result<Rotation, Refusal> {
    let mut after = rotation.clone();
    apply(&mut after, event, now)?;
    if is_progress(event) {
        after.waiting = None;
    }
    if visible(rotation) != visible(&after) {
        after.revision += 1;
    }
    after.version += 1;
    Ok(after)
}

fn apply(rotation: &mut Rotation, event: &Event, now: Timestamp) -> Result<(), Refusal> {
    match event {
        Event::Replanned { plan, old_last_used } => approval::replanned(rotation, plan, *old_last_used, now),
        Event::Superseded { how } => approval::superseded(rotation, how, now),
        Event::Tick { policy } => approval::tick(rotation, policy, now),
        Event::Postponed { policy, start_at } => lapse::postponed(rotation, policy, *start_at, now),
        Event::Doubted { why, behind } => doubt::doubted(rotation, why, *behind, now),
        Event::LeftBehind { found } => doubt::left_behind(rotation, found, now),
        Event::Withdrawn => approval::withdrawn(rotation, now),
        Event::Incident { person, via, reason, own, plan } => {
            approval::incident(rotation, (person, *own), via, reason, plan, now)
        }
        Event::LeakReported { person, via, reason } => approval::leak_reported(rotation, person, via, reason, now),
        Event::Approve { by, plan, start_at } => approval::approve(rotation, by, plan, *start_at, now),
        Event::Counted { policy, start_at } => approval::counted(rotation, policy, *start_at, now),
        Event::Decline { by, reason } => approval::decline(rotation, by, reason.as_deref(), now),
        Event::Snooze { by, until } => snoozing::snooze(rotation, by, *until, now),
        Event::Retry { by } => people::retry(rotation, by, now),
        Event::Restore { by } => people::restore(rotation, by, now),
        Event::Abandon { by } => people::abandon(rotation, by, now),
        Event::MintStarted { attempt, policy } => minting::started(rotation, *attempt, policy, now),
        Event::Minted { new } => minting::minted(rotation, new, now),
        Event::MintNotSent { attempt } => minting::not_sent(rotation, *attempt),
        Event::MintRefused { attempt, why } => minting::refused(rotation, *attempt, why, now),
        Event::ValueLost { attempt, found } => minting::value_lost(rotation, *attempt, found, now),
        Event::SelfRotateInterrupted { attempt } => minting::self_rotate_interrupted(rotation, *attempt, now),
        Event::UndoKnown { store, undo } => distributing::undo_known(rotation, store, undo),
        Event::StoreDown { store, why } => distributing::down(rotation, store, why),
        Event::Stored { attempt, store, read_back } => distributing::stored(rotation, *attempt, store, *read_back, now),
        Event::StoreRefused { store, why } => distributing::store_refused(rotation, store, why, now),
        Event::StoreConflict { store, why, also, held } => {
            distributing::conflict(rotation, store, why, also, held, now)
        }
        Event::StoreOverwrote { store, why } => distributing::overwrote(rotation, store, why, now),
        Event::StoreSwapped { store, why } => distributing::swapped(rotation, store, why, now),
        Event::Restored { store, untouched } => distributing::restored(rotation, store, *untouched, now),
        Event::RestoreImpossible { store, why } => distributing::restore_impossible(rotation, store, why, now),
        Event::Settled => verifying::settled(rotation, now),
        Event::StoreDrifted { store, holds, held } => verifying::drifted(rotation, store, *holds, *held, now),
        Event::StoreMissing { store } => verifying::store_missing(rotation, store, now),
        Event::ConsumerStarting { consumer, after } => verifying::starting(rotation, consumer, *after, now),
        Event::ConsumerStarted { consumer, run } => verifying::started(rotation, consumer, run, now),
        Event::ConsumerPassed { consumer, run, copies } => verifying::passed(rotation, consumer, run, *copies, now),
        Event::ConsumerFailed { consumer, what, url, log } => {
            verifying::failed(rotation, consumer, what, url.as_deref(), log.as_deref(), now)
        }
        Event::NewSeen { at } => verifying::new_seen(rotation, *at, now),
        Event::OldDied { how } => died::old_died(rotation, how, now),
        Event::NewDied { token, how } => died::new_died(rotation, *token, how, now),
        Event::NewNeverUsed => verifying::new_never_used(rotation, now),
        Event::OldSeen { last_used, ips } => ending::old_seen(rotation, *last_used, ips, now),
        Event::StillUsed { token, last_used, ips } => ending::still_in_use(rotation, *token, *last_used, ips, now),
        Event::Revoked { token } => ending::revoked(rotation, *token, now),
        Event::RevokeRefused { token, why } => ending::revoke_refused(rotation, *token, why, now),
        Event::Reminded { steps, to } => reminding::reminded(rotation, *steps, to, now),
        Event::Probed { found, untidy } => ending::probed(rotation, found, untidy, now),
        Event::Delayed { why } => delayed(rotation, why, now),
        Event::GaveUp { why, at_once } => people::gave_up(rotation, why, *at_once, now),
        Event::Published { surface, reference, url, revision, announced } => {
            surfaces::published(rotation, surface, reference, url.as_deref(), *revision, *announced)
        }
        Event::SurfaceExposed { surface, mended } => surfaces::exposed(rotation, surface, *mended, now),
        Event::SurfaceGone { surface } => surfaces::gone(rotation, surface, now),
    }
}

fn delayed(rotation: &mut Rotation, why: &str, now: Timestamp) -> Result<(), Refusal> {
    if rotation.phase.is_closed() {
        return Err(Refusal::not_now(rotation));
    }
    let since = rotation.waiting.as_ref().map_or(now, |waiting| waiting.since);
    rotation.waiting = Some(Waiting { since, why: why.to_owned() });
    Ok(())
}

/// Reports about surfaces, reminders and trouble say nothing about the work, and neither does what is only meant.
fn is_progress(event: &Event) -> bool {
    let surface = matches!(event, Event::Published { .. } | Event::SurfaceGone { .. } | Event::SurfaceExposed { .. });
    let about_else = surface || matches!(event, Event::UndoKnown { .. });
    let meant = matches!(event, Event::MintStarted { .. } | Event::MintNotSent { .. } | Event::ConsumerStarting { .. });
    let trouble = matches!(event, Event::Delayed { .. } | Event::StoreDown { .. } | Event::Reminded { .. });
    !about_else && !meant && !trouble
}

/// The row without what only machines look at.
fn visible(rotation: &Rotation) -> Rotation {
    Rotation {
        version: 0,
        revision: 0,
        checked_at: Timestamp::UNIX_EPOCH,
        undo: std::collections::BTreeMap::new(),
        surfaces: std::collections::BTreeMap::new(),
        ..rotation.clone()
    }
}
