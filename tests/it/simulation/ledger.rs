//! The bot's one row: what is due, and commits through the real `next`, both with the mistakes that live there.

use super::invariant;
use super::mistake::{Mistake, Mistakes};
use super::setting::{OLD, at, seconds};
use super::world::World;
use jiff::Timestamp;
use rekey::rotation::due::due;
use rekey::rotation::effect::{Effect, Lane, Owed};
use rekey::rotation::event::Event;
use rekey::rotation::ids::{PersonId, TokenId};
use rekey::rotation::next::next;
use rekey::rotation::phase::{AfterRevoke, Outcome, Phase};
use rekey::rotation::record::{Origin, Rotation};
use rekey::rotation::refusal::Refusal;

/// Everything that people were told or can read.
pub fn words(row: &Rotation) -> String {
    let evidence = row.evidence.iter().map(|evidence| evidence.what.as_str());
    let told = row.announcements.iter().map(|announcement| announcement.text.as_str());
    evidence.chain(told).collect::<Vec<_>>().join(" \n").replace(',', " ,") + " "
}

/// What is owed in a lane, earliest first. The plan is not made again here: GitLab's truth does not change. Nor are
/// people reminded: it touches no token.
pub fn owed(world: &World, lane: usize) -> Vec<Owed> {
    let mut owed: Vec<Owed> = due(&world.row)
        .into_iter()
        .filter(|owed| {
            !matches!(owed.effect, Effect::Replan | Effect::Remind { .. })
                && (owed.effect.lane() != Lane::work()) == (lane == 1)
        })
        .collect();
    for owed in &mut owed {
        if hurries(world, &owed.effect) {
            owed.from = Timestamp::MIN;
        }
    }
    owed.sort();
    owed
}

fn hurries(world: &World, effect: &Effect) -> bool {
    match effect {
        Effect::Revoke { token } if world.has(Mistake::NoSilence) => world.row.uses.contains_key(token),
        Effect::Revoke { .. } | Effect::Probe => world.has(Mistake::ForgetQuarantine),
        Effect::Mint { .. } if world.row.plan.rotates() => world.has(Mistake::RotateTooSoon),
        Effect::Mint { .. } => world.has(Mistake::NoBlindWait),
        Effect::RestoreStore { .. } => world.has(Mistake::RestoreTooSoon),
        _ => false,
    }
}

/// One commit under the row's lock.
pub fn commit(world: &mut World, event: &Event) -> Result<(), Refusal> {
    let now = world.now();
    let after = if world.setting.mistakes == Mistakes::default() {
        next(&world.row, event, now)?
    } else {
        let event = twisted(world, event);
        let mut after = next(&prepared(world, &event), &event, now)?;
        spoil(world, &mut after);
        after.opened_by = world.row.opened_by.clone();
        after
    };
    let late = matches!(after.phase, Phase::Closed { .. }) && world.row.phase.is_closed();
    if late && visible_change(&world.row, &after) {
        world.blame("I5: something happened after closing");
    }
    if matches!(world.row.phase, Phase::Verifying { .. }) && matches!(after.phase, Phase::Grace { .. }) {
        world.proven_at = Some(world.clock);
    }
    let before = std::mem::replace(&mut world.row, after);
    invariant::begun(world, &before.phase);
    if world.row.phase == Phase::AwaitingApproval && before.phase != Phase::AwaitingApproval {
        world.acknowledged = false;
    }
    Ok(())
}

fn visible_change(before: &Rotation, after: &Rotation) -> bool {
    before.phase != after.phase || before.lost != after.lost
}

/// The event as a mistaken engine would report it.
fn twisted(world: &World, event: &Event) -> Event {
    let mut event = event.clone();
    match &mut event {
        Event::Approve { by, plan, .. } => {
            let seen = world.row.approvals.iter().any(|approval| approval.by == by.person);
            if seen && world.has(Mistake::CountClicks) {
                by.person = PersonId(format!("{} again", by.person));
                by.policy.approvers.insert(by.person.clone());
            }
            if world.has(Mistake::OldPlanCounts) {
                *plan = world.row.plan.hash();
            }
            if world.has(Mistake::EmptyMeansAll) && by.policy.approvers.is_empty() {
                by.policy.approvers.insert(by.person.clone());
            }
        }
        Event::Stored { attempt, .. } if world.has(Mistake::StaleReports) => {
            *attempt = world.row.phase.minted().map_or(0, |new| new.attempt);
        }
        Event::MintStarted { policy, .. } | Event::Tick { policy } => {
            if world.has(Mistake::OldApprovalCounts) {
                policy.approval_seconds = u64::MAX;
            }
            if world.has(Mistake::CountClicks) || world.has(Mistake::EmptyMeansAll) {
                policy.approvers.extend(world.row.approvals.iter().map(|approval| approval.by.clone()));
            }
        }
        _ => {}
    }
    event
}

/// The row as a mistaken machine would see it.
fn prepared(world: &World, event: &Event) -> Rotation {
    let mut row = world.row.clone();
    if world.has(Mistake::RequesterApproves) {
        row.opened_by = Origin::Scan;
    }
    if world.has(Mistake::ForgetQuarantine) {
        row.quarantine_until = None;
    }
    if world.has(Mistake::NoBlindWait) || world.has(Mistake::RotateTooSoon) {
        row.mint_from = None;
    }
    if let (Event::OldSeen { .. }, true, Phase::Grace { since, until, .. }) =
        (event, world.has(Mistake::NoGrace), &mut row.phase)
    {
        *until = at(0);
        *since = at(-10_000);
    }
    row
}

/// The next row as a mistaken machine would write it.
fn spoil(world: &World, row: &mut Rotation) {
    if world.has(Mistake::SkipSettle) {
        row.settle_at = None;
    }
    if let (Phase::Verifying { new, .. }, true) = (&row.phase, world.has(Mistake::RevokeBeforeVerify)) {
        let pending = [TokenId(OLD)].into();
        row.phase = Phase::Revoking { new: Some(new.clone()), pending, then: AfterRevoke::Close(Outcome::Done) };
    }
    if let (Phase::Stuck { at, .. }, true) = (&row.phase, world.has(Mistake::EndlessMint))
        && matches!(**at, Phase::Minting { .. })
    {
        row.phase = (**at).clone();
    }
    if let (Phase::Grace { until, .. }, true) = (&mut row.phase, world.has(Mistake::NoGrace)) {
        *until = at(0);
    }
    if let (Phase::Closing { outcome: Outcome::Abandoned, new: Some(new) }, true) =
        (&row.phase, world.has(Mistake::AbandonSweeps))
        && !row.lost.is_empty()
    {
        let then = AfterRevoke::Close(Outcome::Abandoned);
        row.phase = Phase::Revoking { new: Some(new.clone()), pending: std::mem::take(&mut row.lost), then };
    }
}

/// When something in a lane may be done next.
pub fn earliest(world: &World, lane: usize) -> Option<i64> {
    owed(world, lane).first().map(|owed| seconds(owed.from).saturating_sub(world.skew))
}
