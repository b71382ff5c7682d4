//! The runbook of a rotation that does not go on to its end: what happened stays ticked, by the evidence; the rest is
//! skipped; what is put back has lines of its own.

use super::{Progress, Step, notes};
use crate::rotation::ids::StoreId;
use crate::rotation::phase::{AfterRevoke, Outcome, Phase};
use crate::rotation::plan::PlannedStore;
use crate::rotation::record::Rotation;

/// Whether it goes anywhere but to `done`.
pub fn is_given_up(phase: &Phase) -> bool {
    match phase {
        Phase::Closed { outcome, .. } | Phase::Closing { outcome, .. } => *outcome != Outcome::Done,
        Phase::Revoking { then: AfterRevoke::Close(outcome), .. } => *outcome != Outcome::Done,
        Phase::Restoring { .. } => true,
        _ => false,
    }
}

pub fn steps(rotation: &Rotation, at: &Phase) -> Vec<Step> {
    let plan = &rotation.plan;
    let saw = |is: &dyn Fn(&str) -> bool| rotation.evidence.iter().any(|evidence| is(&evidence.what));
    let mut steps = vec![
        step("Approve the plan".into(), saw(&|what| what.contains(" approved ("))),
        step("Make the new token".into(), saw(&|what| what.starts_with("new token ") && what.contains(" made"))),
    ];
    steps.extend(plan.stores.iter().map(|store| stored(rotation, at, store)));
    steps.extend(plan.consumers.iter().map(|consumer| {
        let passed = format!("{}: ran and passed", consumer.id);
        step(format!("Prove it with {}", consumer.id), saw(&|what| what == passed))
    }));
    steps.push(step("See the new token in use".into(), rotation.new_last_used.is_some()));
    let revoked = format!("old token {} revoked", plan.old.id);
    steps.push(step(format!("Revoke the old token {}", plan.old.id), saw(&|what| what.starts_with(&revoked))));
    if let Phase::Revoking { pending, .. } = at {
        let ids: Vec<String> = pending.iter().map(ToString::to_string).collect();
        steps.push(Step { progress: Progress::Now, text: format!("Revoke what was made: {}", ids.join(", ")) });
    }
    let last = match at {
        // Where nothing was made nothing was looked for.
        Phase::Closed { outcome: Outcome::Abandoned, .. } => Progress::Done,
        Phase::Closed { .. } => Progress::Skipped,
        Phase::Closing { .. } => Progress::Now,
        _ => Progress::Todo,
    };
    steps.push(Step { progress: last, text: super::LAST.into() });
    steps
}

fn stored(rotation: &Rotation, at: &Phase, store: &PlannedStore) -> Step {
    let back = |progress| Step { progress, text: format!("Put the previous value back into {}", store.id) };
    if let Some(place) = place(at, &store.id) {
        return back(if place == 0 { Progress::Now } else { Progress::Todo });
    }
    let last = rotation.evidence.iter().rev().find(|evidence| evidence.source == store.id.0);
    match last {
        Some(evidence) if evidence.what.contains("restored") => back(Progress::Done),
        seen => step(
            format!("Store it in {}{}", store.id, notes(&store.capabilities)),
            seen.is_some_and(|evidence| evidence.what.starts_with("written")),
        ),
    }
}

fn place(at: &Phase, store: &StoreId) -> Option<usize> {
    match at {
        Phase::Restoring { pending, .. } => pending.iter().position(|id| id == store),
        _ => None,
    }
}

fn step(text: String, happened: bool) -> Step {
    Step { progress: if happened { Progress::Done } else { Progress::Skipped }, text }
}
