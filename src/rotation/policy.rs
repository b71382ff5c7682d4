//! Who may decide, at the moment of the click. Nobody, unless the configuration names them.

use super::ids::{PersonId, PlanHash};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The policy of one token as it stands now, read from the configuration for every decision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Who may approve, decline, retry, restore and abandon. Empty means nobody.
    pub approvers: BTreeSet<PersonId>,
    /// Distinct approvers needed; 0 counts as 1.
    pub quorum: u32,
    /// How long an approval counts.
    pub approval_seconds: u64,
}

/// A person's yes to one plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub by: PersonId,
    /// To what.
    pub plan: PlanHash,
    /// When.
    pub at: Timestamp,
}

impl Policy {
    /// Whether `person` may decide at all.
    pub fn allows(&self, person: &PersonId) -> bool {
        self.approvers.contains(person)
    }

    /// Whether `person` may approve: an approver, and not the one who asked.
    pub fn may_approve(&self, person: &PersonId, requester: Option<&PersonId>) -> bool {
        self.allows(person) && requester != Some(person)
    }

    /// Distinct people needed.
    pub fn needed(&self) -> usize {
        self.quorum.max(1) as usize
    }

    /// Distinct people whose approval of exactly this plan counts now.
    pub fn counting(
        &self,
        approvals: &[Approval],
        plan: &PlanHash,
        requester: Option<&PersonId>,
        now: Timestamp,
    ) -> BTreeSet<PersonId> {
        approvals
            .iter()
            .filter(|a| a.plan == *plan && self.may_approve(&a.by, requester) && self.is_fresh(a.at, now))
            .map(|a| a.by.clone())
            .collect()
    }

    fn is_fresh(&self, at: Timestamp, now: Timestamp) -> bool {
        later(at, self.approval_seconds) > now
    }
}

/// `at` plus whole seconds, saturating.
pub fn later(at: Timestamp, seconds: u64) -> Timestamp {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX / 4);
    at.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}
