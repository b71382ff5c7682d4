//! Who may decide, at the moment of the click. Nobody, unless the configuration names them or a group of theirs.

use super::account::{Account, Accounts, Apart, tell_apart};
use super::group::Group;
use super::ids::{PersonId, PlanHash};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The policy of one token as it stands now, made for every decision from the configuration and from what the services
/// say about the people whom the decision concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// People who are named: they may approve, decline, retry, restore and abandon.
    pub approvers: BTreeSet<PersonId>,
    /// Groups whose members may do so too. No approvers and no groups mean nobody.
    #[serde(default)]
    pub groups: BTreeSet<Group>,
    /// Those whom the decision concerns and who were proven to be in one of the groups.
    #[serde(default)]
    pub members: BTreeSet<PersonId>,
    /// Groups of which nobody could be proven to be a member, and why.
    #[serde(default)]
    pub unproven: Vec<String>,
    /// The accounts of those whom the decision concerns, by which they are told apart.
    #[serde(default)]
    pub accounts: BTreeMap<PersonId, Accounts>,
    /// Distinct approvers needed; 0 counts as 1.
    pub quorum: u32,
    /// How long an approval counts.
    pub approval_seconds: u64,
    /// Decisions that change what stores hold count only with a one-time code.
    #[serde(default)]
    pub step_up: bool,
}

/// A person's yes to one plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub by: PersonId,
    /// From which account, where there was one.
    #[serde(default)]
    pub account: Option<Account>,
    /// Whether a one-time code came with it.
    #[serde(default)]
    pub with_code: bool,
    /// Whose shell said it for them, where it was not they themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    /// To what.
    pub plan: PlanHash,
    /// When.
    pub at: Timestamp,
}

impl Policy {
    /// Whether `person` may decide at all.
    pub fn allows(&self, person: &PersonId) -> bool {
        self.approvers.contains(person) || self.members.contains(person)
    }

    /// Whether `person` may approve: an approver, and certainly not the one who asked.
    pub fn may_approve(&self, person: &PersonId, requester: Option<&PersonId>) -> bool {
        self.allows(person) && requester.is_none_or(|other| self.tell_apart(person, other) == Apart::Different)
    }

    /// Whether too few could approve what this person asked for, as far as names go: of a group anybody may.
    pub fn leaves_nobody_but(&self, requester: &PersonId) -> bool {
        let others = self.approvers.iter().filter(|person| self.tell_apart(person, requester) == Apart::Different);
        self.groups.is_empty() && others.count() < self.needed()
    }

    /// Whether two people are two, as far as their accounts tell.
    pub fn tell_apart(&self, one: &PersonId, other: &PersonId) -> Apart {
        tell_apart((one, &self.accounts_of(one)), (other, &self.accounts_of(other)))
    }

    fn accounts_of(&self, person: &PersonId) -> Accounts {
        let own = Account::of(person).map(|account| (account.service, account.id));
        self.accounts.get(person).cloned().unwrap_or_default().into_iter().chain(own).collect()
    }

    /// Distinct people needed.
    pub fn needed(&self) -> usize {
        self.quorum.max(1) as usize
    }

    /// People whose approval of exactly this plan counts now, each certainly another than all the others.
    pub fn counting(
        &self,
        approvals: &[Approval],
        plan: &PlanHash,
        requester: Option<&PersonId>,
        now: Timestamp,
    ) -> BTreeSet<PersonId> {
        let mut counting = BTreeSet::new();
        let mut shell = false;
        let valid = |approval: &&Approval| {
            approval.plan == *plan && self.is_fresh(approval.at, now) && (approval.with_code || !self.step_up)
        };
        for yes in approvals.iter().filter(valid) {
            // One shell speaks for whomever it likes: all that shells said is one person's.
            if shell && yes.shell.is_some() {
                continue;
            }
            let by = &yes.by;
            let another = counting.iter().all(|earlier| self.tell_apart(by, earlier) == Apart::Different);
            if another && self.may_approve(by, requester) {
                shell |= yes.shell.is_some();
                counting.insert(by.clone());
            }
        }
        counting
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::account::Service;

    fn policy(approvers: &[&str], members: &[&str]) -> Policy {
        let people = |names: &[&str]| names.iter().map(|name| PersonId::from(*name)).collect();
        let slack = |id: &str| Accounts::from([(Service::Slack, id.to_owned())]);
        Policy {
            approvers: people(approvers),
            members: people(members),
            accounts: [("alice".into(), slack("U1")), ("bob".into(), slack("U2"))].into(),
            quorum: 2,
            approval_seconds: 60,
            ..Policy::default()
        }
    }

    fn counted(policy: &Policy, by: &[&str], requester: Option<&str>) -> Vec<String> {
        let plan = PlanHash::from("plan");
        let at = Timestamp::UNIX_EPOCH;
        let yes = |name: &&str| Approval {
            by: PersonId::from(*name),
            account: None,
            with_code: false,
            shell: None,
            plan: plan.clone(),
            at,
        };
        let approvals: Vec<Approval> = by.iter().map(yes).collect();
        let requester = requester.map(PersonId::from);
        policy.counting(&approvals, &plan, requester.as_ref(), at).into_iter().map(|person| person.0).collect()
    }

    #[test]
    fn one_person_on_two_services_counts_once() {
        let policy = policy(&["alice", "bob"], &["slack:U1", "slack:U3", "discord:9"]);
        assert_eq!(counted(&policy, &["alice", "slack:U1"], None), ["alice"]);
        assert_eq!(counted(&policy, &["slack:U1", "slack:U3"], None), ["slack:U1", "slack:U3"]);
        assert_eq!(counted(&policy, &["alice", "discord:9"], None), ["alice"]);
        assert_eq!(counted(&policy, &["discord:9", "alice", "bob"], None), ["discord:9"]);
    }

    #[test]
    fn who_may_be_the_requester_does_not_count() {
        let policy = policy(&["alice", "bob"], &["slack:U1", "slack:U3", "discord:9"]);
        assert_eq!(
            counted(&policy, &["alice", "slack:U1", "slack:U3", "discord:9", "bob"], Some("alice")),
            ["bob", "slack:U3"]
        );
        assert!(counted(&policy, &["alice", "bob"], Some("discord:9")).is_empty());
    }

    #[test]
    fn who_is_the_only_approver_and_asks_leaves_nobody() {
        let alice = PersonId::from("alice");
        let one = |approvers: &[&str]| Policy { quorum: 1, ..policy(approvers, &[]) };
        assert!(one(&["alice"]).leaves_nobody_but(&alice));
        assert!(!one(&["alice", "bob"]).leaves_nobody_but(&alice));
        assert!(policy(&["alice", "bob"], &[]).leaves_nobody_but(&alice), "two are needed, and bob is one");
        assert!(!policy(&["alice", "bob", "carol"], &[]).leaves_nobody_but(&alice));
        let group: Group = "slack-group:S0PLATFORM".parse().expect("a group");
        let with_group = Policy { groups: [group].into(), ..policy(&["alice"], &[]) };
        assert!(!with_group.leaves_nobody_but(&alice));
    }

    #[test]
    fn where_codes_are_asked_for_a_yes_without_one_does_not_count() {
        let policy = Policy { step_up: true, ..policy(&["alice", "bob"], &[]) };
        assert!(counted(&policy, &["alice", "bob"], None).is_empty());
    }

    #[test]
    fn who_left_the_group_does_not_count() {
        assert!(counted(&policy(&["bob"], &[]), &["slack:U3", "alice"], None).is_empty());
    }
}
