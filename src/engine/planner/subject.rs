//! What each blocker and warning of a plan is about. One list of checks serves the plan and `doctor`: what a plan refuses
//! is a failure there, and nothing else of a rotation is.

use crate::rotation::ids::{ConsumerId, StoreId};
use crate::rotation::plan::Plan;

/// What a check looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The token itself, the bot, the people.
    Token,
    /// One store.
    Store(StoreId),
    /// One consumer.
    Consumer(ConsumerId),
}

/// A plan, and what its checks found.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The plan.
    pub plan: Plan,
    /// What must be mended before anybody can approve.
    pub blockers: Vec<(Subject, String)>,
    /// What an approver should know.
    pub warnings: Vec<(Subject, String)>,
}

/// Notes, while the checks go on, what they were about.
#[derive(Default)]
pub(super) struct Subjects {
    blockers: Vec<Subject>,
    warnings: Vec<Subject>,
}

impl Subjects {
    /// Whatever was found since the last time was about this.
    pub fn mark(&mut self, plan: &Plan, subject: &Subject) {
        self.blockers.resize(plan.blockers.len(), subject.clone());
        self.warnings.resize(plan.warnings.len(), subject.clone());
    }

    /// The plan with what its checks found; the same said twice is said once.
    pub fn inspection(self, mut plan: Plan) -> Inspection {
        let blockers = once(self.blockers.into_iter().zip(std::mem::take(&mut plan.blockers)));
        let warnings = once(self.warnings.into_iter().zip(std::mem::take(&mut plan.warnings)));
        plan.blockers = blockers.iter().map(|(_, what)| what.clone()).collect();
        plan.warnings = warnings.iter().map(|(_, what)| what.clone()).collect();
        Inspection { plan, blockers, warnings }
    }
}

impl Inspection {
    /// The blockers about one thing, each as what is wrong and what mends it.
    pub fn blockers_of<'a>(&'a self, subject: &'a Subject) -> impl Iterator<Item = (&'a str, &'a str)> {
        of(&self.blockers, subject)
    }

    /// The warnings about one thing.
    pub fn warnings_of<'a>(&'a self, subject: &'a Subject) -> impl Iterator<Item = (&'a str, &'a str)> {
        of(&self.warnings, subject)
    }
}

fn of<'a>(found: &'a [(Subject, String)], subject: &'a Subject) -> impl Iterator<Item = (&'a str, &'a str)> {
    let about = found.iter().filter(move |(about, _)| about == subject);
    about.map(|(_, what)| apart(what))
}

/// What is wrong and what mends it: apart at the first semicolon that stands in no parentheses.
fn apart(what: &str) -> (&str, &str) {
    let mut depth = 0_usize;
    for (at, letter) in what.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ';' if depth == 0 && what[at..].starts_with("; ") => return (&what[..at], &what[at + 2..]),
            _ => {}
        }
    }
    (what, "")
}

fn once(found: impl Iterator<Item = (Subject, String)>) -> Vec<(Subject, String)> {
    let mut kept: Vec<(Subject, String)> = Vec::new();
    for (subject, what) in found {
        if kept.iter().all(|(_, known)| *known != what) {
            kept.push((subject, what));
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_and_what_mends_it_are_told_apart() {
        for (said, what, mend) in [
            ("topic is not protected; protect topic", "topic is not protected", "protect topic"),
            (
                "few approvers (a has none; b: no such group; mend it)",
                "few approvers (a has none; b: no such group; mend it)",
                "",
            ),
            ("it is so", "it is so", ""),
        ] {
            assert_eq!(apart(said), (what, mend));
        }
    }
}
