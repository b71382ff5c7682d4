//! One-time codes: whoever must give one has them, and what is kept of them can be read.

use super::Visit;
use super::finding::Finding;
use crate::cli::words::list;
use crate::ledger::Enrollment;
use crate::rotation::ids::PersonId;
use std::collections::{BTreeMap, BTreeSet};

pub(super) async fn look(visit: &Visit<'_>) -> Vec<Finding> {
    let stepped_up: Vec<_> = visit.config.tokens.iter().map(|(token, _)| token).filter(|token| token.step_up).collect();
    if stepped_up.is_empty() {
        return Vec::new();
    }
    let known = match visit.engine.enrolled().await {
        Ok(known) => known,
        Err(error) => return vec![Finding::fail("one-time codes", error.to_string(), "mend the database")],
    };
    let mut asked: BTreeMap<&PersonId, BTreeSet<&str>> = BTreeMap::new();
    for token in &stepped_up {
        for person in &token.approvers {
            asked.entry(person).or_default().insert(token.id.as_str());
        }
    }
    let missing = asked.into_iter().filter(|(person, _)| !has_codes(&known, person));
    let mut findings: Vec<Finding> = missing.map(|(person, tokens)| none(person, &tokens)).collect();
    findings.extend(known.iter().filter(|known| !visit.engine.can_open(known)).map(|known| unreadable(&known.person)));
    if findings.is_empty() {
        let tokens = list(stepped_up.iter().map(|token| token.id.as_str()));
        findings.push(Finding::ok("one-time codes", format!("everybody who is named has them, for {tokens}")));
    }
    findings
}

fn has_codes(known: &[Enrollment], person: &PersonId) -> bool {
    known.iter().any(|known| known.person == *person && known.secret.is_some())
}

fn none(person: &PersonId, tokens: &BTreeSet<&str>) -> Finding {
    let what = format!("has no one-time codes, which {} asks for", list(tokens.iter()));
    Finding::warn(person.as_str(), what, "they type /rekey enroll in Slack or Discord")
}

fn unreadable(person: &PersonId) -> Finding {
    let what = "the one-time codes cannot be read: the key of [step_up] changed";
    let mend = format!("put the old key beside the new one, or run `rekey people reset-code {person}`");
    Finding::fail(person.as_str(), what, mend)
}
