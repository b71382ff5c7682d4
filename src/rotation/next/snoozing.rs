//! Snooze: who has asked not to be reminded, until when, and how late that may be.

use super::approval::{allowed, decided};
use crate::clock::start_of;
use crate::rotation::decider::Decider;
use crate::rotation::ids::PersonId;
use crate::rotation::phase::Phase;
use crate::rotation::policy::Policy;
use crate::rotation::record::Rotation;
use crate::rotation::refusal::{Refusal, when};
use jiff::{SignedDuration, Timestamp};

/// They are not reminded until then, and nobody is while everybody who must act has snoozed. The deadline of the token
/// itself does not move.
pub fn snooze(rotation: &mut Rotation, by: &Decider, until: Timestamp, now: Timestamp) -> Result<(), Refusal> {
    if rotation.phase != Phase::AwaitingApproval {
        return Err(decided(rotation));
    }
    allowed(by)?;
    if until <= now {
        return Err(Refusal::Impossible { why: "snooze must end in the future".into() });
    }
    if rotation.is_incident() {
        return Err(Refusal::Impossible {
            why: "the value leaked, so the reminders go on until somebody decides".into(),
        });
    }
    hard_stop(rotation, until, now)?;
    rotation.snoozed.retain(|_, until| *until > now);
    rotation.snoozed.insert(by.person.clone(), until);
    rotation.snoozed_until = all_snooze_until(rotation, &by.policy, now);
    let others = match rotation.snoozed_until {
        Some(_) => "",
        None => "; the others are reminded as before",
    };
    rotation.saw(now, &by.via, format!("{} snoozed reminders until {}{others}", by.person, when(until)), None);
    Ok(())
}

/// Until when nobody is left who must act and has not snoozed. Who is in a group is not known, so that a group never
/// snoozes as a whole.
fn all_snooze_until(rotation: &Rotation, policy: &Policy, now: Timestamp) -> Option<Timestamp> {
    if !policy.groups.is_empty() {
        return None;
    }
    let counting = policy.counting(&rotation.approvals, &rotation.plan.hash(), rotation.requester(), now);
    let must = |person: &&PersonId| policy.may_approve(person, rotation.requester()) && !counting.contains(*person);
    let until: Option<Vec<_>> =
        policy.approvers.iter().filter(must).map(|person| rotation.snoozed.get(person).copied()).collect();
    until?.into_iter().min()
}

/// A day before the expiry somebody must hear of it: no snooze goes on after that.
pub fn latest_snooze(rotation: &Rotation) -> Option<Timestamp> {
    let expires = rotation.plan.old.expires_at?;
    Some(start_of(expires).saturating_sub(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MIN))
}

fn hard_stop(rotation: &Rotation, until: Timestamp, now: Timestamp) -> Result<(), Refusal> {
    let (Some(latest), Some(expires)) = (latest_snooze(rotation), rotation.plan.old.expires_at) else { return Ok(()) };
    if until <= latest {
        return Ok(());
    }
    let why = match now < latest {
        true => format!("the token expires on {expires}, so snooze until {} at most", when(latest)),
        false => format!("the token expires on {expires}; that is too soon to snooze"),
    };
    Err(Refusal::Impossible { why })
}
