//! A stop: what people are told, what still works, and what they can do from there.

use crate::rotation::phase::{AfterRevoke, Phase, Why};
use crate::rotation::record::{Audience, Rotation};
use crate::rotation::token::Strategy;
use crate::rotation::view::text::sentence;
use jiff::Timestamp;

/// Remembers where it stood and tells people.
pub fn stuck(rotation: &mut Rotation, why: Why, now: Timestamp) {
    let at = Box::new(rotation.phase.clone());
    rotation.announce(now, Audience::Approvers, format!("Stuck. {} {}", sentence(&why.what), sentence(&why.todo)));
    rotation.phase = Phase::Stuck { at, why };
    rotation.stops += 1;
    rotation.ask(now);
}

/// Whether the previous value can be asked for from there.
pub fn restorable(rotation: &Rotation, at: &Phase) -> bool {
    let past = matches!(at, Phase::Revoking { .. } | Phase::Closing { .. });
    rotation.plan.overlaps() && at.minted().is_some() && !past
}

/// What can be done besides a retry, from where it stands: the buttons offer the same.
pub fn other_ways(rotation: &Rotation, now: Timestamp) -> &'static str {
    if restorable(rotation, &rotation.phase) && !rotation.old_is_dead(now) {
        "restore the previous value, or abandon"
    } else {
        "or abandon"
    }
}

/// What still works, wherever it stands.
pub fn what_lives(rotation: &Rotation) -> String {
    match &rotation.phase {
        Phase::AwaitingApproval | Phase::Scheduled { .. } => "Nothing was changed yet.".into(),
        Phase::Minting { .. } | Phase::Revoking { new: None, then: AfterRevoke::Mint, .. } => old_is_safe(rotation),
        Phase::Revoking { .. } | Phase::Closing { .. } => {
            "What the stores hold works; nothing of it is revoked.".into()
        }
        _ if rotation.plan.overlaps() => "Both tokens work; nothing was revoked that is still needed.".into(),
        _ => "The new token works; the old one is dead.".into(),
    }
}

/// How far the new value got.
pub fn held(rotation: &Rotation, lacking: usize) -> String {
    let total = rotation.plan.stores.len();
    format!("{} of {total} stores hold the new value, which works too.", total - lacking)
}

/// What lives once something was minted.
pub fn safe_now(rotation: &Rotation, now: Timestamp) -> &'static str {
    if rotation.old_is_dead(now) {
        "The old token is dead."
    } else if rotation.plan.overlaps() {
        "The old token still works."
    } else {
        "The old token is dead: consumers of stores not yet written fail."
    }
}

/// What an approver may rely on while the new token is not proven.
pub fn old_is_safe(rotation: &Rotation) -> String {
    match rotation.plan.strategy {
        Strategy::Overlap if rotation.old_died => "The old token is dead; nothing more was revoked.".into(),
        Strategy::Overlap => "The old token still works; nothing was revoked.".into(),
        Strategy::RevokeFirst => "The old token is revoked or about to be; its consumers have no working token.".into(),
        Strategy::InPlace | Strategy::SelfRotate => {
            "If the rotate took effect the old value is dead; otherwise it still works.".into()
        }
    }
}
