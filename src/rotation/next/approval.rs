//! Before anything is done: the plan, the decision, the deadline.

use super::lapse;
use crate::rotation::account::Apart;
use crate::rotation::decider::Decider;
use crate::rotation::ids::{PersonId, PlanHash};
use crate::rotation::phase::{AfterRevoke, Outcome, Phase};
use crate::rotation::plan::Plan;
use crate::rotation::policy::{Approval, Policy, later};
use crate::rotation::record::{Audience, Origin, Rotation};
use crate::rotation::refusal::{Refusal, in_words, when};
use crate::rotation::token::Strategy;
use crate::rotation::view::text::sentence;
use jiff::Timestamp;

/// A plan that differs voids every approval, says what changed, and asks again.
pub fn replanned(
    rotation: &mut Rotation,
    plan: &Plan,
    old_last_used: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), Refusal> {
    if !untouched(rotation) || rotation.key.token != plan.old.id {
        return Err(Refusal::not_now(rotation));
    }
    rotation.checked_at = now;
    rotation.old_last_used = old_last_used;
    let differs = rotation.plan.hash() != plan.hash();
    let newly_blocked = rotation.plan.blockers != plan.blockers && !plan.blockers.is_empty();
    if differs {
        let changes = rotation.plan.changes_to(plan).join("; ");
        rotation.saw(now, "rekey", format!("the plan changed: {changes}"), None);
        if !rotation.approvals.is_empty() || !rotation.snoozed.is_empty() || rotation.snoozed_until.is_some() {
            let text = format!("The plan changed, so it needs a new approval: {changes}.");
            rotation.announce(now, Audience::Approvers, text);
        }
        rotation.approve_by = later(now, plan.timing.approval_seconds);
        rotation.ask(now);
    }
    if newly_blocked {
        let what = plan.blockers.join("; ");
        rotation.saw(now, "rekey", format!("cannot start: {what}"), None);
        if rotation.plan.blockers.is_empty() {
            let name = &rotation.plan.old.name;
            let mut text =
                format!("{name} cannot be rotated as things are. {}", sentence(&format!("Mend first: {what}")));
            if !differs && !rotation.approvals.is_empty() {
                let whose: Vec<&str> = rotation.approvals.iter().map(|approval| approval.by.0.as_str()).collect();
                text.push_str(&format!(" The approval of {} no longer counts.", whose.join(" and ")));
            }
            rotation.announce(now, Audience::Approvers, text);
        }
    }
    rotation.plan = plan.clone();
    if differs || !plan.blockers.is_empty() {
        rotation.approvals.clear();
        rotation.phase = Phase::AwaitingApproval;
    }
    Ok(())
}

/// Somebody else was faster: nothing is left to do.
pub fn superseded(rotation: &mut Rotation, how: &str, now: Timestamp) -> Result<(), Refusal> {
    if !untouched(rotation) {
        return Err(Refusal::not_now(rotation));
    }
    rotation.saw(now, "gitlab", how, None);
    // Of a token that could not be found nothing can be left over.
    if rotation.key.unknown.is_some() {
        super::ending::close(rotation, Outcome::Superseded, false, now);
        return Ok(());
    }
    rotation.phase = Phase::Closing { new: None, outcome: Outcome::Superseded };
    Ok(())
}

/// The value leaked: the case is about revoking first from now on, and every earlier yes is void. Somebody's own
/// request stays theirs.
pub fn incident(
    rotation: &mut Rotation,
    (person, own): (&PersonId, bool),
    via: &str,
    reason: &str,
    plan: &Plan,
    now: Timestamp,
) -> Result<(), Refusal> {
    if !untouched(rotation) {
        return Err(too_late(rotation));
    }
    if rotation.key.token != plan.old.id || plan.overlaps() {
        return Err(Refusal::not_now(rotation));
    }
    rotation.saw(now, via, format!("{person} reported an incident: {reason}"), None);
    if matches!(rotation.opened_by, Origin::Incident { .. }) {
        return Ok(());
    }
    let asked_by = rotation.requester().filter(|_| own).cloned();
    rotation.opened_by = Origin::Incident { person: person.clone(), reason: reason.to_owned(), asked_by };
    rotation.plan = plan.clone();
    rotation.approvals.clear();
    rotation.ask(now);
    rotation.checked_at = now;
    rotation.approve_by = later(now, plan.timing.approval_seconds);
    rotation.phase = Phase::AwaitingApproval;
    let text = format!("Incident: {person} says that the value leaked ({reason}). Approve, and it is revoked at once.");
    rotation.announce(now, Audience::Approvers, text);
    Ok(())
}

/// Somebody who may not decide says that the value leaked. An outage is no stranger's to plan: the plan stays as it is
/// until an approver says so too.
pub fn leak_reported(
    rotation: &mut Rotation,
    person: &PersonId,
    via: &str,
    reason: &str,
    now: Timestamp,
) -> Result<(), Refusal> {
    if !untouched(rotation) {
        return Err(too_late(rotation));
    }
    let report = format!("{person} reported a leak");
    if rotation.evidence.iter().any(|seen| seen.what.starts_with(&report)) {
        return Err(Refusal::Impossible { why: "you reported this already, and its approvers were told".into() });
    }
    rotation.saw(now, via, format!("{report}: {reason}"), None);
    if !rotation.is_incident() {
        let text = format!(
            "{person} says that the value leaked ({reason}). The plan stays as it is until an approver confirms that it \
             should be revoked first: /rekey incident {}",
            rotation.plan.token
        );
        rotation.announce(now, Audience::Approvers, text);
    }
    Ok(())
}

/// Somebody who reports a leak must learn what becomes of the leaked value all the same.
fn too_late(rotation: &Rotation) -> Refusal {
    let (phase, old) = (in_words(&rotation.phase), rotation.plan.old.id);
    let why = match &rotation.phase {
        Phase::Revoking { then: AfterRevoke::Mint, .. } => format!("this rotation is revoking token {old} already"),
        Phase::Stuck { .. } => format!(
            "this rotation is {phase}. Retry or abandon it first, or revoke token {old} in GitLab by hand: what still \
             uses it fails then"
        ),
        _ if rotation.plan.overlaps() => format!(
            "this rotation is {phase} already and revokes token {old} at its end. If that is too late, revoke it in \
             GitLab by hand: what still uses it fails then"
        ),
        _ => format!("this rotation is {phase} already; token {old} is dead or about to be"),
    };
    Refusal::Impossible { why }
}

/// Whether we have done nothing yet. With `revoke_first` the old token is dead by our own hand before the first mint.
pub(super) fn untouched(rotation: &Rotation) -> bool {
    match rotation.phase {
        Phase::AwaitingApproval | Phase::Scheduled { .. } => true,
        Phase::Minting { attempt: 1, started: None } => rotation.plan.strategy != Strategy::RevokeFirst,
        _ => false,
    }
}

/// Nobody manages the token any more, so nobody could decide: what has changed nothing is over.
pub fn withdrawn(rotation: &mut Rotation, now: Timestamp) -> Result<(), Refusal> {
    if !untouched(rotation) {
        return Err(Refusal::not_now(rotation));
    }
    let what = format!("token {} is no longer in the configuration", rotation.plan.token);
    rotation.saw(now, "rekey", what, None);
    rotation.phase = Phase::Closing { new: None, outcome: Outcome::Withdrawn };
    Ok(())
}

/// Opens a window that has come, if the approvals still count; renews a request that was not answered in time.
pub fn tick(rotation: &mut Rotation, policy: &Policy, now: Timestamp) -> Result<(), Refusal> {
    match rotation.phase {
        Phase::Scheduled { at } if now >= at => {
            let counting = policy.counting(&rotation.approvals, &rotation.plan.hash(), rotation.requester(), now);
            if counting.len() < policy.needed() {
                lapse::lapse(rotation, now);
            } else {
                begin(rotation);
            }
            Ok(())
        }
        Phase::AwaitingApproval if now >= rotation.approve_by => {
            lapse::renew(rotation, now);
            Ok(())
        }
        _ => Err(Refusal::TooEarly),
    }
}

/// Counts a yes to exactly this plan; the last one needed starts the rotation.
pub fn approve(
    rotation: &mut Rotation,
    by: &Decider,
    plan: &PlanHash,
    start_at: Timestamp,
    now: Timestamp,
) -> Result<(), Refusal> {
    if !rotation.awaits_approval() {
        return Err(decided(rotation));
    }
    allowed(by)?;
    not_own_request(rotation, by)?;
    let current = rotation.plan.hash();
    if *plan != current {
        return Err(Refusal::PlanChanged { current: current.short().to_owned() });
    }
    if !rotation.plan.blockers.is_empty() {
        return Err(Refusal::Blocked { why: rotation.plan.blockers.join("; ") });
    }
    // What counts when it starts is what counts.
    let counting = by.policy.counting(&rotation.approvals, &current, rotation.requester(), start_at.max(now));
    let missing = by.policy.needed().saturating_sub(counting.len());
    if missing == 0 {
        return counted(rotation, &by.policy, start_at, now);
    }
    certainly_not(by, &counting, Refusal::AlreadyApproved { missing })?;
    let from_shell = rotation.approvals.iter().any(|yes| yes.shell.is_some() && counting.contains(&yes.by));
    if by.shell.is_some() && from_shell {
        return Err(Refusal::OneShell);
    }
    confirmed(by)?;
    rotation.approvals.retain(|a| a.by != by.person);
    lapse::without_too_old(rotation, &by.policy, start_at, now);
    let (person, account) = (by.person.clone(), by.account.clone());
    let (with_code, shell) = (by.with_code, by.shell.clone());
    rotation.approvals.push(Approval { by: person, account, with_code, shell, plan: current, at: now });
    let have = counting.len() + 1;
    let needed = by.policy.needed();
    rotation.saw(
        now,
        &by.via,
        format!("{} approved ({have} of {needed}){}{}", by.person, self::with_code(by), on_shell(by)),
        None,
    );
    if have >= needed {
        schedule(rotation, start_at, now);
    }
    Ok(())
}

fn schedule(rotation: &mut Rotation, start_at: Timestamp, now: Timestamp) {
    if let Phase::Stuck { at, .. } = rotation.phase.clone() {
        // What is half done waits for no window.
        return super::resume::go_on(rotation, *at, now);
    }
    rotation.phase = Phase::Scheduled { at: start_at };
    // Every right is looked at once more when the effect starts: at the mint, or before the first revoke.
    if start_at <= now && rotation.plan.strategy != Strategy::RevokeFirst {
        begin(rotation);
    }
}

/// A quorum that was lowered is met by those who had said yes.
pub fn counted(rotation: &mut Rotation, policy: &Policy, start_at: Timestamp, now: Timestamp) -> Result<(), Refusal> {
    if !rotation.awaits_approval() || !rotation.plan.blockers.is_empty() {
        return Err(Refusal::not_now(rotation));
    }
    let counting = policy.counting(&rotation.approvals, &rotation.plan.hash(), rotation.requester(), start_at.max(now));
    if counting.len() < policy.needed() {
        return Err(Refusal::TooEarly);
    }
    let names: Vec<&str> = counting.iter().map(PersonId::as_str).collect();
    let what = format!("the yes of {} is enough now: {} needed", names.join(" and "), policy.needed());
    rotation.saw(now, "rekey", what, None);
    schedule(rotation, start_at, now);
    Ok(())
}

/// Who asked for it is not who decides what is overwritten.
pub fn not_own_request(rotation: &Rotation, by: &Decider) -> Result<(), Refusal> {
    let alone = by.policy.leaves_nobody_but(&by.person);
    certainly_not(by, rotation.requester(), Refusal::OwnRequest { alone })
}

/// Whoever decides must be another than all of these, and provably so.
fn certainly_not<'a>(
    by: &Decider,
    others: impl IntoIterator<Item = &'a PersonId>,
    same: Refusal,
) -> Result<(), Refusal> {
    for other in others {
        match by.policy.tell_apart(&by.person, other) {
            Apart::Different => {}
            Apart::Same => return Err(same),
            Apart::Unknown => return Err(Refusal::PerhapsSame { person: by.person.clone(), other: other.clone() }),
        }
    }
    Ok(())
}

/// The first step of the strategy.
pub fn begin(rotation: &mut Rotation) {
    rotation.phase = if rotation.plan.strategy == Strategy::RevokeFirst {
        Phase::Revoking { new: None, pending: [rotation.plan.old.id].into(), then: AfterRevoke::Mint }
    } else {
        Phase::Minting { attempt: 1, started: None }
    };
}

/// An approver's no ends it, as long as nothing has been done.
pub fn decline(rotation: &mut Rotation, by: &Decider, reason: Option<&str>, now: Timestamp) -> Result<(), Refusal> {
    if !matches!(rotation.phase, Phase::AwaitingApproval | Phase::Scheduled { .. }) {
        return Err(decided(rotation));
    }
    allowed(by)?;
    let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
    let because = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    rotation.saw(now, &by.via, format!("{} declined{}{because}", by.person, on_shell(by)), None);
    rotation.announce(now, Audience::Followers, declined(rotation, by.person.as_str(), reason));
    rotation.end_by(by, reason, now);
    rotation.phase = Phase::Closing { new: None, outcome: Outcome::Declined };
    Ok(())
}

/// What holds now, and the way back.
fn declined(rotation: &Rotation, person: &str, reason: Option<&str>) -> String {
    let old = &rotation.plan.old;
    let still = old.expires_at.map(|date| format!(" and still expires on {date}")).unwrap_or_default();
    let again = old.expires_at.map_or("", |_| ", and rekey asks again before the token expires");
    let name = &old.name;
    let because = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!(
        "{person} declined{because}: {name} was not rotated{still}. Whoever needs it may ask for another rotation{again}."
    )
}

/// Refuses a decision without the code that the policy asks for.
pub fn confirmed(by: &Decider) -> Result<(), Refusal> {
    if by.policy.step_up && !by.with_code { Err(Refusal::CodeNeeded) } else { Ok(()) }
}

/// What the evidence says of a shell that speaks for somebody.
pub fn on_shell(by: &Decider) -> String {
    by.shell.as_ref().map(|shell| format!(", says {shell} on the command line")).unwrap_or_default()
}

/// What the evidence says of a code.
pub fn with_code(by: &Decider) -> &'static str {
    if by.with_code { " with a one-time code" } else { "" }
}

/// Refuses people whom the policy does not name.
pub fn allowed(by: &Decider) -> Result<(), Refusal> {
    if by.policy.allows(&by.person) {
        return Ok(());
    }
    let Policy { approvers, groups, unproven, .. } = by.policy.clone();
    Err(Refusal::NotAllowed { approvers, groups, unproven })
}

fn declined_by(rotation: &Rotation) -> bool {
    let declined = Outcome::Declined;
    matches!(rotation.phase, Phase::Closing { outcome, .. } | Phase::Closed { outcome, .. } if outcome == declined)
}

pub(super) fn decided(rotation: &Rotation) -> Refusal {
    if let Some(ended) = rotation.ended.as_ref().filter(|_| declined_by(rotation)) {
        return Refusal::AlreadyDecided { how: format!("{} declined, {}", ended.by, when(ended.at)) };
    }
    match rotation.evidence.iter().rev().find(|e| e.what.contains(" approved (")) {
        Some(e) => Refusal::AlreadyDecided { how: format!("{}, {}", e.what, when(e.at)) },
        None => Refusal::not_now(rotation),
    }
}
