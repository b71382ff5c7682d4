//! A yes that no longer counts, or would not when it is needed.

use crate::rotation::phase::Phase;
use crate::rotation::policy::{Approval, Policy, later};
use crate::rotation::record::{Audience, Rotation};
use crate::rotation::refusal::{Refusal, when};
use jiff::Timestamp;

/// The yes no longer counts: people are asked again.
pub fn lapse(rotation: &mut Rotation, now: Timestamp) {
    rotation.saw(now, "rekey", "the approval no longer holds", None);
    let text = "The approval no longer holds (people or policy changed, or it is too old). Please approve again.";
    lapsed_for(rotation, text, now);
}

/// The same, for a reason that is told already.
pub fn lapsed_for(rotation: &mut Rotation, text: &str, now: Timestamp) {
    rotation.approvals.clear();
    rotation.approve_by = later(now, rotation.plan.timing.approval_seconds);
    rotation.announce(now, Audience::Approvers, text);
    rotation.phase = Phase::AwaitingApproval;
    rotation.ask(now);
}

/// The bot was away while the window was open. Whether the yes still counts when it opens next is told now, not then.
pub fn postponed(rotation: &mut Rotation, policy: &Policy, start_at: Timestamp, now: Timestamp) -> Result<(), Refusal> {
    let Phase::Scheduled { at } = rotation.phase else { return Err(Refusal::not_now(rotation)) };
    if now < at || start_at <= now {
        return Err(Refusal::TooEarly);
    }
    let hash = rotation.plan.hash();
    if policy.counting(&rotation.approvals, &hash, rotation.requester(), start_at).len() < policy.needed() {
        lapse(rotation, now);
        return Ok(());
    }
    let text =
        format!("The window closed before rekey could start; it starts when it opens again, {}.", when(start_at));
    rotation.saw(now, "rekey", "the window closed before it could start", None);
    rotation.announce(now, Audience::Approvers, text);
    rotation.phase = Phase::Scheduled { at: start_at };
    Ok(())
}

/// Time is up for those who said yes at the beginning; a later yes has its own time yet.
pub fn renew(rotation: &mut Rotation, now: Timestamp) {
    let seconds = rotation.plan.timing.approval_seconds;
    let (fresh, old): (Vec<_>, Vec<_>) =
        std::mem::take(&mut rotation.approvals).into_iter().partition(|yes| later(yes.at, seconds) > now);
    if !old.is_empty() {
        let names: Vec<&str> = old.iter().map(|yes| yes.by.as_str()).collect();
        let text =
            format!("Not enough people approved in time, so the yes of {} no longer counts.", names.join(" and "));
        rotation.announce(now, Audience::Approvers, text);
    }
    let oldest = fresh.iter().map(|yes| yes.at).min().unwrap_or(now);
    rotation.approve_by = later(oldest, seconds);
    rotation.approvals = fresh;
}

/// Of a quorum, the yes of whoever was early may be too old when the window opens: they are asked again now, not then.
pub fn without_too_old(rotation: &mut Rotation, policy: &Policy, start_at: Timestamp, now: Timestamp) {
    let lasts = |yes: &Approval| later(yes.at, policy.approval_seconds) > start_at.max(now);
    let (kept, old): (Vec<_>, Vec<_>) = std::mem::take(&mut rotation.approvals).into_iter().partition(lasts);
    rotation.approvals = kept;
    let early = old.iter().filter(|yes| later(yes.at, policy.approval_seconds) > now);
    let names: Vec<&str> = early.map(|yes| yes.by.as_str()).collect();
    if !names.is_empty() {
        let who = names.join(" and ");
        let text = format!(
            "The yes of {who} would be too old when the window opens on {}, so it is needed once more.",
            when(start_at)
        );
        rotation.announce(now, Audience::Approvers, text);
    }
}
