//! The database lost its memory, or cannot be believed: nobody knows what happened since, so people decide anew.

use super::approval::untouched;
use super::lapse::lapsed_for;
use super::stop::{stuck, what_lives};
use crate::rotation::ids::TokenId;
use crate::rotation::phase::{Phase, Why};
use crate::rotation::record::{Audience, Rotation};
use crate::rotation::refusal::Refusal;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Numbers that were given out in the time that is lost are not given out again: a card of that time may still be about,
/// and its buttons must mean nothing.
const GIVEN_OUT: u32 = 1_000;

/// No yes of before counts. What may have gone on unseen stops for a person.
pub fn doubted(rotation: &mut Rotation, why: &str, behind: bool, now: Timestamp) -> Result<(), Refusal> {
    let begun = !untouched(rotation);
    // Where nothing was decided, people need not hear that an upgrade voids it.
    if rotation.phase.is_closed() || (!behind && !begun && rotation.approvals.is_empty()) {
        return Err(Refusal::not_now(rotation));
    }
    rotation.approvals.clear();
    rotation.saw(now, "rekey", format!("approvals of before are void: {why}"), None);
    rotation.asks_anew = begun;
    if behind || begun {
        rotation.doubted_at = Some(now);
        rotation.stops += GIVEN_OUT;
        rotation.revision += u64::from(GIVEN_OUT);
    }
    match rotation.phase {
        Phase::Stuck { .. } => {
            let text = "rekey lost its memory of what happened here of late. Look at the token and its stores first; it goes \
                        on once all who must approve it have done so again.";
            rotation.announce(now, Audience::Approvers, text);
        }
        _ if begun => stuck(rotation, lost(rotation, why), now),
        _ => lapsed_for(
            rotation,
            "Approvals of before no longer count: rekey cannot tell what happened of late. Please approve again.",
            now,
        ),
    }
    Ok(())
}

fn lost(rotation: &Rotation, why: &str) -> Why {
    Why {
        what: format!("Nobody knows how far this went: {why}"),
        safe: what_lives(rotation),
        todo: "Look at the token and its stores. Then approve again, all who must, and rekey looks for what it made and goes \
               on; or abandon."
            .into(),
        link: None,
        log: None,
    }
}

/// What was made in the time that is lost is ours, and is revoked in the end.
pub fn left_behind(rotation: &mut Rotation, found: &BTreeSet<TokenId>, now: Timestamp) -> Result<(), Refusal> {
    let new: Vec<TokenId> = found.iter().filter(|id| !rotation.lost.contains(id)).copied().collect();
    let may_be =
        rotation.doubted_at.is_some() || matches!(rotation.phase, Phase::Minting { attempt: 1, started: None });
    if new.is_empty() || !may_be {
        return Err(Refusal::Stale);
    }
    for id in new {
        rotation.saw(now, "gitlab", format!("token {id} carries our marker; it was made in a time that is lost"), None);
        rotation.lost.insert(id);
    }
    rotation.quarantine(now);
    Ok(())
}
