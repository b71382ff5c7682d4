//! The runbook as a checklist that ticks itself.

mod given_up;

use super::{Progress, Step};
use crate::rotation::phase::{Phase, Run};
use crate::rotation::record::Rotation;
use crate::rotation::store::Capabilities;
use crate::rotation::token::Strategy;

/// Ranks of the phases on the way to `done`; what is below the present rank is done.
const APPROVED: u8 = 1;
const MINTED: u8 = 2;
const STORED: u8 = 3;
const VERIFIED: u8 = 4;
const SILENT: u8 = 5;
const REVOKED: u8 = 6;
const ENDED: u8 = 7;

/// The last line of every runbook.
const LAST: &str = "Look once more for stray tokens and close";

pub fn steps(rotation: &Rotation) -> Vec<Step> {
    let (at, failed) = match &rotation.phase {
        Phase::Stuck { at, .. } => (&**at, true),
        phase => (phase, false),
    };
    if given_up::is_given_up(at) {
        return finish(given_up::steps(rotation, at), failed);
    }
    let reached = rank(at);
    // Nobody can approve what is blocked.
    let blocked = *at == Phase::AwaitingApproval && !rotation.plan.blockers.is_empty();
    let approve = if blocked { Progress::Todo } else { mark(APPROVED, reached) };
    let mut steps = vec![Step { progress: approve, text: "Approve the plan".into() }];
    if rotation.plan.strategy == Strategy::RevokeFirst {
        let progress = if reached >= MINTED { Progress::Done } else { mark(REVOKED, revoke_first_rank(at)) };
        steps.push(Step { progress, text: format!("Revoke the old token {} first", rotation.plan.old.id) });
    }
    steps.push(step("Make the new token".into(), MINTED, reached));
    steps.extend(stores(rotation, at, reached));
    steps.extend(consumers(rotation, at, reached));
    let seen = match at {
        _ if rotation.new_last_used.is_some() => Progress::Done,
        Phase::Verifying { passed_at: None, .. } => Progress::Todo,
        _ => mark(VERIFIED, reached),
    };
    steps.push(Step { progress: seen, text: "See the new token in use".into() });
    if rotation.plan.overlaps() {
        steps.push(step("Wait until the old token is silent".into(), SILENT, reached));
        steps.push(step(format!("Revoke the old token {}", rotation.plan.old.id), REVOKED, reached));
    }
    for left in &rotation.plan.leftovers {
        let text = format!("Revoke token {}, left of rotation {}", left.token, left.rotation);
        steps.push(step(text, REVOKED, reached));
    }
    steps.push(step(LAST.into(), ENDED, reached));
    finish(steps, failed)
}

fn stores(rotation: &Rotation, at: &Phase, reached: u8) -> Vec<Step> {
    let (pending, down) = match at {
        Phase::Distributing { pending, down, .. } => (pending.clone(), down.clone()),
        _ => Default::default(),
    };
    let planned = rotation.plan.stores.iter();
    planned
        .map(|store| {
            let waits = pending.iter().position(|id| *id == store.id);
            let progress = match waits {
                _ if down.contains_key(&store.id) => Progress::Failed,
                Some(0) => Progress::Now,
                Some(_) => Progress::Todo,
                None if reached == STORED => Progress::Done,
                None => mark(STORED, reached),
            };
            Step { progress, text: format!("Store it in {}{}", store.id, notes(&store.capabilities)) }
        })
        .collect()
}

/// What an approver must know about the store.
fn notes(capabilities: &Capabilities) -> String {
    match capabilities.caveat().as_str() {
        "" => String::new(),
        caveat => format!(" ({caveat})"),
    }
}

fn consumers(rotation: &Rotation, at: &Phase, reached: u8) -> Vec<Step> {
    let planned = rotation.plan.consumers.iter();
    planned
        .map(|consumer| {
            let run = match at {
                Phase::Verifying { runs, .. } => runs.get(&consumer.id),
                _ => None,
            };
            let progress = match run {
                Some(Run::Passed { .. }) => Progress::Done,
                Some(_) => Progress::Now,
                None => mark(VERIFIED, reached),
            };
            Step { progress, text: format!("Prove it with {}", consumer.id) }
        })
        .collect()
}

/// The rank that is being worked on.
fn rank(phase: &Phase) -> u8 {
    match phase {
        Phase::AwaitingApproval => APPROVED,
        Phase::Scheduled { .. } | Phase::Minting { .. } => MINTED,
        Phase::Revoking { new: None, .. } => MINTED - 1,
        Phase::Distributing { .. } | Phase::Restoring { .. } => STORED,
        Phase::Verifying { .. } => VERIFIED,
        Phase::Grace { .. } => SILENT,
        Phase::Revoking { .. } => REVOKED,
        Phase::Closing { .. } | Phase::Stuck { .. } => ENDED,
        Phase::Closed { .. } => ENDED + 1,
    }
}

fn revoke_first_rank(phase: &Phase) -> u8 {
    if matches!(phase, Phase::Revoking { .. }) { REVOKED } else { APPROVED }
}

fn step(text: String, own: u8, reached: u8) -> Step {
    Step { progress: mark(own, reached), text }
}

fn mark(own: u8, reached: u8) -> Progress {
    match own.cmp(&reached) {
        std::cmp::Ordering::Less => Progress::Done,
        std::cmp::Ordering::Equal => Progress::Now,
        std::cmp::Ordering::Greater => Progress::Todo,
    }
}

/// A stuck rotation failed where it stood.
fn finish(mut steps: Vec<Step>, failed: bool) -> Vec<Step> {
    for step in steps.iter_mut().filter(|step| failed && step.progress == Progress::Now) {
        step.progress = Progress::Failed;
    }
    steps
}
