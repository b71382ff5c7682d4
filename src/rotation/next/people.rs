//! What people can do with a rotation that cannot go on by itself.

use super::approval::allowed;
use super::ending;
use crate::rotation::event::Decider;
use crate::rotation::phase::{AfterRevoke, Outcome, Phase, Why};
use crate::rotation::record::{Audience, Rotation};
use crate::rotation::refusal::Refusal;
use crate::rotation::view::text::sentence;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Remembers where it stood and tells people.
pub fn stuck(rotation: &mut Rotation, why: Why, now: Timestamp) {
    let at = Box::new(rotation.phase.clone());
    rotation.announce(now, Audience::Approvers, format!("Stuck. {} {}", sentence(&why.what), sentence(&why.todo)));
    rotation.phase = Phase::Stuck { at, why };
}

/// Retries are used up.
pub fn gave_up(rotation: &mut Rotation, why: &str, now: Timestamp) -> Result<(), Refusal> {
    if matches!(rotation.phase, Phase::Closed { .. } | Phase::Stuck { .. }) {
        return Err(Refusal::not_now(rotation));
    }
    let safe = match rotation.phase.minted() {
        Some(_) if rotation.plan.overlaps() => "Both tokens work; nothing was revoked that is still needed.",
        Some(_) => "The new token works; the old one is dead.",
        None => "Nothing was changed yet, or only what the evidence lists.",
    };
    let why = Why {
        what: format!("Tried for a long time without success: {why}"),
        safe: safe.into(),
        todo: "Mend what is named, then retry, or abandon.".into(),
        link: None,
        log: None,
    };
    stuck(rotation, why, now);
    Ok(())
}

/// Goes back to where it stood; what is owed is computed again.
pub fn retry(rotation: &mut Rotation, by: &Decider, now: Timestamp) -> Result<(), Refusal> {
    let Phase::Stuck { at, .. } = rotation.phase.clone() else {
        return Err(Refusal::not_now(rotation));
    };
    allowed(by)?;
    rotation.saw(now, &by.via, format!("{} asked to try again", by.person), None);
    rotation.phase = *at;
    Ok(())
}

/// Puts the previous value back, while the old token lives.
pub fn restore(rotation: &mut Rotation, by: &Decider, now: Timestamp) -> Result<(), Refusal> {
    let Phase::Stuck { at, .. } = &rotation.phase else {
        return Err(Refusal::not_now(rotation));
    };
    allowed(by)?;
    let Some(new) = at.minted().cloned() else {
        return Err(Refusal::Impossible { why: "no store was written, so there is nothing to restore".into() });
    };
    if !rotation.plan.overlaps() {
        return Err(Refusal::Impossible { why: "the old token is dead; restoring its value would help nobody".into() });
    }
    if matches!(**at, Phase::Revoking { .. } | Phase::Closing { .. }) {
        return Err(Refusal::Impossible { why: "the old token may be revoked already".into() });
    }
    let pending = match &**at {
        Phase::Restoring { pending, .. } => pending.clone(),
        _ => rotation.plan.stores.iter().map(|store| store.id.clone()).collect(),
    };
    rotation.saw(now, &by.via, format!("{} asked to restore the previous value", by.person), None);
    rotation.phase = Phase::Restoring { new, pending };
    Ok(())
}

/// Ends it and leaves every token that a store may hold alive.
pub fn abandon(rotation: &mut Rotation, by: &Decider, now: Timestamp) -> Result<(), Refusal> {
    let Phase::Stuck { at, .. } = rotation.phase.clone() else {
        return Err(Refusal::not_now(rotation));
    };
    allowed(by)?;
    rotation.saw(now, &by.via, format!("{} abandoned it", by.person), None);
    match at.minted() {
        Some(new) => {
            let text = left_alive(rotation, new.id.0);
            rotation.saw(now, "rekey", text.clone(), None);
            rotation.announce(now, Audience::Approvers, format!("Abandoned. {}", sentence(&text)));
            // What could not be revoked before is left to the person who abandons.
            let undecided = matches!(*at, Phase::Revoking { .. } | Phase::Closing { .. });
            let pending = if undecided { BTreeSet::new() } else { rotation.lost.clone() };
            ending::proceed(rotation, Some(new.clone()), pending, AfterRevoke::Close(Outcome::Abandoned));
        }
        None => ending::abandon_unwritten(rotation, now),
    }
    Ok(())
}

fn left_alive(rotation: &Rotation, new: u64) -> String {
    if rotation.plan.overlaps() {
        format!(
            "tokens {} (old) and {new} (new) both stay alive; revoke by hand the one you do not need",
            rotation.plan.old.id
        )
    } else {
        format!("token {new} (new) stays alive")
    }
}
