//! What the world still owes a rotation. Resume, recovery and retry are all "compute `due` again".

use super::effect::{Effect, Owed};
use super::ids::{StoreId, TokenId};
use super::phase::{Phase, Run};
use super::policy::later;
use super::record::Rotation;
use super::remind::is_asked;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// While people decide, the plan is compared with GitLab's truth this often.
const REPLAN_SECONDS: u64 = 6 * 3600;
/// Nobody is reminded within the first minutes, whatever the policy.
const FIRST_REMINDER_SECONDS: u64 = 600;
/// And while something blocks it this often: a person mends it and waits for the button.
pub const BLOCKED_SECONDS: u64 = 120;

/// Everything that is owed now or later, each with the moment from which it may be done.
pub fn due(rotation: &Rotation) -> BTreeSet<Owed> {
    let mut owed: BTreeSet<Owed> = work(rotation).into_iter().collect();
    if is_asked(rotation) {
        let since = rotation.asked_since();
        owed.insert(Owed { from: later(since, FIRST_REMINDER_SECONDS), effect: Effect::Remind { since } });
    }
    for (name, surface) in &rotation.surfaces {
        let card = surface.shown < rotation.revision && !surface.gone;
        let unsaid = (surface.announced as usize) < rotation.announcements.len();
        // Without its card a surface says no more than that a person is needed.
        let heard = !surface.gone || (surface.reference.is_some() && matches!(rotation.phase, Phase::Stuck { .. }));
        if card || (unsaid && heard) {
            owed.insert(now(Effect::Publish { surface: name.clone(), card }));
        }
    }
    owed
}

fn work(rotation: &Rotation) -> Vec<Owed> {
    match &rotation.phase {
        Phase::AwaitingApproval => awaiting(rotation),
        Phase::Scheduled { at } => vec![Owed { from: *at, effect: Effect::Tick }, replan(rotation)],
        Phase::Minting { attempt, started } => {
            let from = rotation.mint_from.filter(|_| started.is_none()).unwrap_or(Timestamp::MIN);
            vec![Owed { from, effect: Effect::Mint { attempt: *attempt } }]
        }
        Phase::Distributing { pending, .. } => {
            pending.first().map(|store| now(Effect::Write { store: store.clone() })).into_iter().collect()
        }
        Phase::Verifying { runs, .. } => verifying(rotation, runs.iter()),
        Phase::Grace { until, .. } => vec![Owed { from: *until, effect: Effect::ObserveOld }],
        Phase::Restoring { pending, .. } => {
            pending.first().map(|store| restoring(rotation, store)).into_iter().collect()
        }
        Phase::Revoking { pending, .. } => {
            let from =
                |token: &TokenId| rotation.quarantine_until.unwrap_or(Timestamp::MIN).max(rotation.silent_from(*token));
            let next = pending.iter().min_by_key(|token| from(token));
            next.map(|token| Owed { from: from(token), effect: Effect::Revoke { token: *token } }).into_iter().collect()
        }
        Phase::Closing { .. } => {
            vec![Owed { from: rotation.quarantine_until.unwrap_or(Timestamp::MIN), effect: Effect::Probe }]
        }
        Phase::Closed { .. } | Phase::Stuck { .. } => Vec::new(),
    }
}

fn awaiting(rotation: &Rotation) -> Vec<Owed> {
    vec![Owed { from: rotation.approve_by, effect: Effect::Tick }, replan(rotation)]
}

fn replan(rotation: &Rotation) -> Owed {
    let pause = if rotation.plan.blockers.is_empty() { REPLAN_SECONDS } else { BLOCKED_SECONDS };
    Owed { from: later(rotation.checked_at, pause), effect: Effect::Replan }
}

/// Into a store that cannot be read the previous value goes only when no write of the new one can land after it.
fn restoring(rotation: &Rotation, store: &StoreId) -> Owed {
    let blind = !rotation.plan.can_read(store);
    let from = rotation.quarantine_until.filter(|_| blind).unwrap_or(Timestamp::MIN);
    Owed { from, effect: Effect::RestoreStore { store: store.clone() } }
}

fn verifying<'a>(rotation: &Rotation, runs: impl Iterator<Item = (&'a super::ids::ConsumerId, &'a Run)>) -> Vec<Owed> {
    if let Some(from) = rotation.settle_at {
        return vec![Owed { from, effect: Effect::Settle }];
    }
    let open: Vec<Owed> = runs
        .filter_map(|(consumer, run)| {
            let consumer = consumer.clone();
            match run {
                Run::Pending | Run::Starting { .. } => Some(now(Effect::StartConsumer { consumer })),
                Run::Started { .. } => Some(now(Effect::CheckConsumer { consumer })),
                Run::Passed { .. } => None,
            }
        })
        .collect();
    if open.is_empty() { vec![now(Effect::ObserveNew)] } else { open }
}

fn now(effect: Effect) -> Owed {
    Owed { from: Timestamp::MIN, effect }
}
