//! What people can do with a rotation that cannot go on by itself.

use super::approval::{allowed, confirmed, not_own_request, on_shell, with_code};
use super::ending;
use super::resume::go_on;
use super::stop::{held, other_ways, stuck, what_lives};
use crate::rotation::decider::Decider;
use crate::rotation::ids::{StoreId, TokenId};
use crate::rotation::phase::{AfterRevoke, Outcome, Phase, Why};
use crate::rotation::plan::PlannedStore;
use crate::rotation::record::{Audience, Rotation};
use crate::rotation::refusal::Refusal;
use crate::rotation::view::text::sentence;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Retries are used up.
pub fn gave_up(rotation: &mut Rotation, why: &str, at_once: bool, now: Timestamp) -> Result<(), Refusal> {
    if matches!(rotation.phase, Phase::Closed { .. } | Phase::Stuck { .. }) {
        return Err(Refusal::not_now(rotation));
    }
    let mut safe = what_lives(rotation);
    if let Phase::Distributing { pending, .. } = &rotation.phase {
        safe = format!("{safe} {}", held(rotation, pending.len()));
    }
    let down = all_that_is_down(&rotation.phase, why);
    let why = Why {
        what: match at_once {
            true => format!("It will not pass by itself: {down}"),
            false => format!("Tried for a long time without success: {down}"),
        },
        safe,
        todo: format!("Mend what is named and retry, {}.", other_ways(rotation, now)),
        link: None,
        log: None,
    };
    stuck(rotation, why, now);
    Ok(())
}

/// Every store that lacks the value has a reason of its own.
fn all_that_is_down(phase: &Phase, why: &str) -> String {
    match phase {
        Phase::Distributing { down, .. } if down.len() > 1 => down.values().cloned().collect::<Vec<_>>().join("; "),
        _ => why.to_owned(),
    }
}

/// Refuses people who saw an earlier stop: why it stands still is another matter now.
fn this_stop(rotation: &Rotation, by: &Decider) -> Result<(), Refusal> {
    if by.stop.is_none_or(|seen| seen == rotation.stops) { Ok(()) } else { Err(Refusal::EarlierStop) }
}

/// Goes back to where it stood; what is owed is computed again.
pub fn retry(rotation: &mut Rotation, by: &Decider, now: Timestamp) -> Result<(), Refusal> {
    let Phase::Stuck { at, .. } = rotation.phase.clone() else {
        return Err(Refusal::not_now(rotation));
    };
    allowed(by)?;
    this_stop(rotation, by)?;
    not_before_approval(rotation)?;
    if rotation.retry_overwrites() {
        // What somebody else put there is as gone as what a plan overwrites.
        not_own_request(rotation, by)?;
        confirmed(by)?;
    }
    rotation.saw(now, &by.via, format!("{} asked to try again{}", by.person, on_shell(by)), None);
    go_on(rotation, *at, now);
    Ok(())
}

/// What one person may decide on a stop is not enough where nobody knows any more what was approved.
fn not_before_approval(rotation: &Rotation) -> Result<(), Refusal> {
    if !rotation.asks_anew {
        return Ok(());
    }
    let why =
        "rekey lost its memory of this rotation, so all who must approve it approve it again first; or abandon it";
    Err(Refusal::Impossible { why: why.into() })
}

/// Puts the previous value back, while the old token lives.
pub fn restore(rotation: &mut Rotation, by: &Decider, now: Timestamp) -> Result<(), Refusal> {
    let Phase::Stuck { at, why } = &rotation.phase.clone() else {
        return Err(Refusal::not_now(rotation));
    };
    allowed(by)?;
    this_stop(rotation, by)?;
    not_before_approval(rotation)?;
    if !rotation.plan.overlaps() || rotation.old_is_dead(now) {
        return Err(Refusal::Impossible { why: "the old token is dead; restoring its value would help nobody".into() });
    }
    let Some(new) = at.minted().cloned() else {
        let why = match rotation.switched_at {
            None => "no store was written, so there is nothing to restore",
            Some(_) => "the value that a store may hold is lost; retry to make another, then restore or go on",
        };
        return Err(Refusal::Impossible { why: why.into() });
    };
    if matches!(**at, Phase::Revoking { .. } | Phase::Closing { .. }) {
        return Err(Refusal::Impossible { why: "the old token may be revoked already".into() });
    }
    confirmed(by)?;
    // A write of the new value may be on its way. Once all stores had it, the quarantine runs already.
    let writing = matches!(**at, Phase::Distributing { .. });
    let pending = match &**at {
        Phase::Restoring { pending, .. } => pending.clone(),
        _ => rotation.plan.stores.iter().map(|store| store.id.clone()).collect(),
    };
    let what = format!("{} asked to restore the previous value{}{}", by.person, with_code(by), on_shell(by));
    rotation.saw(now, &by.via, what, None);
    let stopped = why.what.clone();
    rotation.end_by(by, Some(&stopped), now);
    rotation.phase = Phase::Restoring { new, pending };
    if writing {
        rotation.quarantine(now);
    }
    Ok(())
}

/// Ends it and leaves every token that a store may hold alive.
pub fn abandon(rotation: &mut Rotation, by: &Decider, now: Timestamp) -> Result<(), Refusal> {
    let Phase::Stuck { at, why } = rotation.phase.clone() else {
        return Err(Refusal::not_now(rotation));
    };
    allowed(by)?;
    this_stop(rotation, by)?;
    rotation.saw(now, &by.via, format!("{} abandoned it{}", by.person, on_shell(by)), None);
    rotation.end_by(by, Some(&why.what), now);
    match at.minted() {
        Some(new) => {
            let text = left_alive(rotation, &at, new.id.0);
            rotation.saw(now, "rekey", text.clone(), None);
            rotation.announce(now, Audience::Approvers, format!("Abandoned. {}", sentence(&text)));
            let pending = unneeded(rotation, &at);
            ending::proceed(rotation, Some(new.clone()), pending, AfterRevoke::Close(Outcome::Abandoned));
        }
        None => {
            // What could not be revoked before is left to the person who abandons.
            if let Phase::Revoking { pending, then: AfterRevoke::Close(_), .. } = &*at {
                rotation.lost.extend(pending);
            }
            ending::abandon_unwritten(rotation, now);
        }
    }
    Ok(())
}

/// Lost tokens that certainly no store holds: every store was written after them, for good.
fn unneeded(rotation: &Rotation, at: &Phase) -> BTreeSet<TokenId> {
    let overwritten = matches!(at, Phase::Verifying { .. } | Phase::Grace { .. }) && rotation.settle_at.is_none();
    if overwritten { rotation.lost.clone() } else { BTreeSet::new() }
}

/// Which store holds which token, as far as we wrote them, and which token nobody needs any more.
fn left_alive(rotation: &Rotation, at: &Phase, new: u64) -> String {
    let old = rotation.plan.old.id;
    let old_lives = rotation.plan.overlaps()
        && match at {
            Phase::Revoking { pending, .. } => pending.contains(&old),
            Phase::Closing { .. } => false,
            _ => true,
        };
    let (written, unwritten) = holders(rotation, at);
    match (old_lives, unwritten.is_empty()) {
        (false, true) => format!("token {new} (new) stays alive"),
        (false, false) => {
            format!("token {new} (new) stays alive, but {} may hold the dead one", unwritten.join(" and "))
        }
        (true, true) => format!(
            "token {old} (old) and token {new} (new) both stay alive; every store holds {new}, as far as rekey wrote it, so \
             revoke {old} by hand once nothing uses it"
        ),
        (true, false) => {
            let holding = if written.is_empty() { "no store".to_owned() } else { written.join(" and ") };
            format!(
                "token {old} (old) and token {new} (new) both stay alive; as far as rekey wrote them, {holding} holds {new}, \
                 and {} what was there before. Revoke neither by hand until all hold the same",
                unwritten.join(" and ")
            )
        }
    }
}

/// Stores that hold the new value, and those that hold what they held before.
fn holders<'a>(rotation: &'a Rotation, at: &Phase) -> (Vec<&'a str>, Vec<&'a str>) {
    let has_new = |store: &StoreId| match at {
        Phase::Distributing { pending, .. } => !pending.contains(store),
        Phase::Restoring { pending, .. } => pending.contains(store),
        _ => true,
    };
    let stores = rotation.plan.stores.iter();
    let (new, old): (Vec<_>, Vec<_>) = stores.partition(|store| has_new(&store.id));
    let names = |stores: Vec<&'a PlannedStore>| stores.into_iter().map(|store| store.id.as_str()).collect::<Vec<_>>();
    (names(new), names(old))
}
