//! Making the new token, once per attempt, whatever happens to the answer.

use super::lapse;
use super::stop::{old_is_safe, stuck};
use crate::rotation::ids::TokenId;
use crate::rotation::phase::{Minted, Phase, Why};
use crate::rotation::policy::Policy;
use crate::rotation::record::Rotation;
use crate::rotation::refusal::Refusal;
use crate::rotation::token::Strategy;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// More lost values than this is no accident.
pub const MAX_ATTEMPTS: u32 = 5;

/// Writes the intent down. The right to start is looked at once more: a role may have been withdrawn meanwhile.
pub fn started(rotation: &mut Rotation, attempt: u32, policy: &Policy, now: Timestamp) -> Result<(), Refusal> {
    if rotation.phase != (Phase::Minting { attempt, started: None }) {
        return Err(stale(rotation));
    }
    if rotation.mint_from.is_some_and(|from| now < from) {
        return Err(Refusal::TooEarly);
    }
    let first = attempt == 1 && rotation.plan.strategy != Strategy::RevokeFirst;
    if first {
        let counting = policy.counting(&rotation.approvals, &rotation.plan.hash(), rotation.requester(), now);
        if counting.len() < policy.needed() {
            lapse::lapse(rotation, now);
            return Ok(());
        }
    }
    rotation.attempts = rotation.attempts.max(attempt);
    rotation.phase = Phase::Minting { attempt, started: Some(now) };
    Ok(())
}

/// The value is in custody: stores are written next.
pub fn minted(rotation: &mut Rotation, new: &Minted, now: Timestamp) -> Result<(), Refusal> {
    if !matches!(rotation.phase, Phase::Minting { attempt, started: Some(_) } if attempt == new.attempt) {
        return Err(stale(rotation));
    }
    let expiry = new.expires_at.map_or_else(|| "never expires".into(), |date| format!("expires {date}"));
    let sooner = new.expires_at.zip(rotation.plan.new.expires_at).is_some_and(|(got, planned)| got < planned);
    let expiry = if sooner { format!("{expiry}, sooner than planned: GitLab allows no more") } else { expiry };
    rotation.saw(now, "gitlab", format!("new token {} made, {expiry}", new.id), None);
    if rotation.plan.rotates() {
        rotation.saw(now, "gitlab", format!("old token {} died in the same instant", rotation.plan.old.id), None);
    }
    rotation.lost.remove(&new.id);
    rotation.made.insert(new.id, new.digest.clone());
    // A twin of the request may still be on its way, and make a token that nobody holds.
    rotation.quarantine(now);
    let pending = rotation.plan.stores.iter().map(|store| store.id.clone()).collect::<Vec<_>>();
    rotation.phase = Phase::Distributing { new: new.clone(), pending, down: BTreeMap::new() };
    if rotation.plan.stores.is_empty() {
        super::distributing::all_stored(rotation, new.clone(), now);
    }
    Ok(())
}

/// The request certainly had no effect: the same attempt may be sent again.
pub fn not_sent(rotation: &mut Rotation, attempt: u32) -> Result<(), Refusal> {
    match rotation.phase {
        Phase::Minting { attempt: present, started: Some(_) } if present == attempt => {
            rotation.phase = Phase::Minting { attempt, started: None };
            Ok(())
        }
        _ => Err(stale(rotation)),
    }
}

/// GitLab's no is final.
pub fn refused(rotation: &mut Rotation, attempt: u32, why: &str, now: Timestamp) -> Result<(), Refusal> {
    if !matches!(rotation.phase, Phase::Minting { attempt: present, .. } if present == attempt) {
        return Err(stale(rotation));
    }
    let why = Why {
        what: format!("GitLab refused to make the new token: {why}"),
        safe: old_is_safe(rotation),
        todo: "Mend what GitLab names (rights of the bot's token, limits of the instance), then retry, or abandon."
            .into(),
        link: None,
        log: None,
    };
    rotation.phase = Phase::Minting { attempt, started: None };
    stuck(rotation, why, now);
    Ok(())
}

/// Nobody holds the value: the token joins those to revoke at the end, and another attempt is made.
pub fn value_lost(
    rotation: &mut Rotation,
    attempt: u32,
    found: &BTreeSet<TokenId>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let (written, new) = match &rotation.phase {
        Phase::Minting { attempt: present, started: Some(_) } if *present == attempt => (false, None),
        Phase::Distributing { new, .. } if new.attempt == attempt => (true, Some(new.clone())),
        _ => return Err(stale(rotation)),
    };
    if rotation.plan.strategy == Strategy::SelfRotate {
        // The next attempt would present the dead value that a store still holds.
        stuck_without_value(rotation, now);
        return Ok(());
    }
    if let Some(new) = new {
        rotation.lost.insert(new.id);
        rotation.lost_digests.insert(new.digest);
    }
    // The first attempt rotates the old token, so any other proves that it landed. A later one rotates a successor,
    // and what is found may be that one.
    let landed = attempt == 1 && found.iter().any(|id| *id != rotation.plan.old.id);
    rotation.lost.extend(found.iter().filter(|id| **id != rotation.plan.old.id));
    rotation.saw(now, "rekey", format!("the value of attempt {attempt} was lost; nobody can use it"), None);
    let horizon = rotation.quarantine(now);
    if written {
        rotation.switched_at = rotation.switched_at.or(Some(now));
        wait_for_writes(rotation, horizon);
    } else if rotation.plan.rotates() && !landed {
        // Two rotates of one token are reuse, which kills the family: the first must have landed or died.
        rotation.mint_from = rotation.mint_from.max(Some(horizon));
    }
    again(rotation, attempt, now);
    Ok(())
}

/// Writes of a lost attempt may land until `horizon`. Stores that can be read are read again then; for those that
/// cannot, the next attempt has to wait, so that its write is the last.
pub fn wait_for_writes(rotation: &mut Rotation, horizon: Timestamp) {
    rotation.settle_at = rotation.settle_at.max(Some(horizon));
    if rotation.plan.has_blind_stores() {
        rotation.mint_from = rotation.mint_from.max(Some(horizon));
    }
}

/// A token's own rotate cannot be repeated: presenting the dead value would kill the whole family.
pub fn self_rotate_interrupted(rotation: &mut Rotation, attempt: u32, now: Timestamp) -> Result<(), Refusal> {
    if !matches!(rotation.phase, Phase::Minting { attempt: present, started: Some(_) } if present == attempt) {
        return Err(stale(rotation));
    }
    stuck_without_value(rotation, now);
    Ok(())
}

fn stuck_without_value(rotation: &mut Rotation, now: Timestamp) {
    let why = Why {
        what: "The value that the token's own rotate gave was lost.".into(),
        safe: "The old value is dead; only a store written before may hold the new one.".into(),
        todo: "Sign in as the token's user, make a token by hand, put it into the stores named in the plan, then abandon \
               this rotation. Retry looks once more whether a store has the new value, or whether the old one lives after \
               all."
            .into(),
        link: None,
        log: None,
    };
    stuck(rotation, why, now);
}

/// The next attempt, or Stuck when there were too many.
pub fn again(rotation: &mut Rotation, attempt: u32, now: Timestamp) {
    rotation.phase = Phase::Minting { attempt: attempt + 1, started: None };
    if attempt >= MAX_ATTEMPTS {
        let why = Why {
            what: format!("The new token's value was lost {attempt} times."),
            safe: old_is_safe(rotation),
            todo: "Find out why the bot dies or the answers are lost, then retry, or abandon.".into(),
            link: None,
            log: None,
        };
        stuck(rotation, why, now);
    }
}

fn stale(rotation: &Rotation) -> Refusal {
    match rotation.phase {
        Phase::Minting { .. } | Phase::Distributing { .. } => Refusal::Stale,
        _ => Refusal::not_now(rotation),
    }
}
