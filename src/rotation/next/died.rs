//! A new token that somebody kills before the rotation is over: what the stores hold is dead, so nothing more is revoked,
//! and only another token helps.

use super::stop::stuck;
use crate::rotation::ids::TokenId;
use crate::rotation::phase::{AfterRevoke, Outcome, Phase, Why};
use crate::rotation::record::Rotation;
use crate::rotation::refusal::Refusal;
use crate::rotation::token::Strategy;
use jiff::Timestamp;

/// A person hears of it at once; their retry makes another token, where one can be made beside the old one.
pub fn new_died(rotation: &mut Rotation, token: TokenId, how: &str, now: Timestamp) -> Result<(), Refusal> {
    if !matches!(rotation.phase, Phase::Verifying { .. } | Phase::Grace { .. } | Phase::Revoking { .. }) {
        return Err(Refusal::not_now(rotation));
    }
    let Some(new) = rotation.phase.minted().filter(|new| new.id == token).cloned() else { return Err(Refusal::Stale) };
    let can_make = matches!(rotation.plan.strategy, Strategy::Overlap | Strategy::RevokeFirst);
    let why = Why {
        what: format!("The new token {token} {how}, and the stores hold it."),
        safe: if old_lives(rotation, now) {
            "The old token still works; it is not revoked.".into()
        } else {
            "Nothing works until the stores hold another token; nothing more was revoked.".into()
        },
        todo: if can_make {
            "Find out who did that. Retry makes another token and writes it to all stores. Or abandon.".into()
        } else {
            "Find out who did that. Make a token by hand, put it into the stores named in the plan, then abandon. \
             Retry looks at the token once more."
                .into()
        },
        link: None,
        log: None,
    };
    if can_make {
        // Its value, where a store still has it, is ours to write over.
        rotation.lost.insert(new.id);
        rotation.lost_digests.insert(new.digest);
        rotation.quarantine(now);
        rotation.phase = Phase::Minting { attempt: new.attempt + 1, started: None };
    }
    stuck(rotation, why, now);
    Ok(())
}

/// The old token died while its value was being put back, or before what replaced it was given up: only another token
/// helps, and what was made stays until the stores hold that one.
pub fn old_died(rotation: &mut Rotation, how: &str, now: Timestamp) -> Result<(), Refusal> {
    let (new, restored) = match rotation.phase.clone() {
        Phase::Restoring { new, .. } => (Some(new), false),
        Phase::Revoking { new: None, then: AfterRevoke::Close(Outcome::Abandoned), .. } => {
            (None, rotation.was_restored())
        }
        _ => return Err(Refusal::not_now(rotation)),
    };
    if new.is_none() && !restored {
        return Err(Refusal::Stale);
    }
    let old = rotation.plan.old.id;
    let holders = if restored { "the stores hold it again" } else { "stores may hold it again" };
    let why = Why {
        what: format!("The old token {old} {how}, and {holders}."),
        safe: "Nothing that rekey made was revoked.".into(),
        todo: "Find out who did that. Retry makes another token and writes it to all stores. Or abandon.".into(),
        link: None,
        log: None,
    };
    rotation.old_died = true;
    let mut made = rotation.attempts;
    if let Some(new) = new {
        made = made.max(new.attempt);
        rotation.lost.insert(new.id);
        rotation.lost_digests.insert(new.digest);
    }
    let horizon = rotation.quarantine(now);
    super::minting::wait_for_writes(rotation, horizon);
    rotation.phase = Phase::Minting { attempt: made + 1, started: None };
    stuck(rotation, why, now);
    Ok(())
}

fn old_lives(rotation: &Rotation, now: Timestamp) -> bool {
    let kept = match &rotation.phase {
        Phase::Revoking { pending, .. } => pending.contains(&rotation.plan.old.id),
        _ => true,
    };
    rotation.plan.overlaps() && kept && !rotation.old_is_dead(now)
}
