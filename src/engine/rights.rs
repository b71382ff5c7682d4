//! Who may decide, at this moment: the configuration's names, and what the services say about the very people whom a
//! decision concerns. Asked at the click, and asked anew when the effect starts.

use super::Engine;
use super::directory::{Age, Directories, Standing, Unproven};
use super::settings::Catalog;
use crate::rotation::account::{Account, Accounts, Service};
use crate::rotation::group::Group;
use crate::rotation::ids::{PersonId, TokenName};
use crate::rotation::policy::Policy;
use crate::rotation::record::Rotation;
use crate::rotation::token::ManagedToken;
use std::collections::BTreeSet;

/// Somebody who was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// As whom: a person of the configuration, or an account of a group's member.
    pub person: PersonId,
    /// From which account, where there is one.
    pub account: Option<Account>,
    /// Ids of the account's roles, where the surface proved them with the request (Discord).
    pub roles: Option<BTreeSet<String>>,
    /// Whose shell speaks for them, where it is not they themselves (`--as`).
    pub shell: Option<String>,
}

impl Visitor {
    /// Somebody of whom no more is known than the name.
    pub fn named(person: PersonId) -> Self {
        Self { person, account: None, roles: None, shell: None }
    }
}

/// What rights follow from.
#[derive(Clone, Copy)]
pub struct Rights<'a> {
    /// Who is named, for which token, and by which accounts.
    pub catalog: &'a Catalog,
    /// Who can be asked about the others.
    pub directories: &'a Directories,
}

impl Rights<'_> {
    /// Who may decide on a token, as far as these people go. A passing trouble of a service on which the answer hangs is
    /// an error; a service that refuses proves nobody, and the policy says so.
    pub async fn policy(self, token: &TokenName, about: &[Visitor], age: Age) -> Result<Policy, Unproven> {
        // A token that is no longer configured has nobody.
        let Some(managed) = self.catalog.tokens.get(token) else { return Ok(Policy::default()) };
        let mut policy = self.on_paper(managed, about);
        for visitor in about {
            if policy.approvers.contains(&visitor.person) {
                if age == Age::Now && self.has_lost_standing(visitor).await {
                    policy.approvers.remove(&visitor.person);
                }
            } else if self.is_member(managed, visitor, age, &mut policy.unproven).await? {
                policy.members.insert(visitor.person.clone());
            }
        }
        Ok(policy)
    }

    /// The policy under which somebody decides on a rotation: their own right, that of those who said yes before, and
    /// who asked.
    pub async fn policy_for(self, rotation: &Rotation, visitor: &Visitor) -> Result<Policy, Unproven> {
        let about = [vec![visitor.clone()], involved(rotation)].concat();
        self.policy(&rotation.plan.token, &about, Age::Recent).await
    }

    /// What the configuration alone says, without asking anybody.
    pub(super) fn on_paper(self, managed: &ManagedToken, about: &[Visitor]) -> Policy {
        let mut policy = Policy {
            approvers: self.catalog.named(&managed.id),
            groups: managed.groups.clone(),
            quorum: managed.quorum,
            approval_seconds: managed.approval_seconds,
            step_up: managed.step_up,
            ..Policy::default()
        };
        // Names tell people of the configuration apart; accounts are needed once somebody goes by nothing else.
        if about.iter().any(|visitor| Account::of(&visitor.person).is_some()) {
            let accounts = about.iter().map(|visitor| (visitor.person.clone(), self.catalog.accounts(&visitor.person)));
            policy.accounts = accounts.collect();
        }
        policy
    }

    /// A name in the configuration is a right of its own, so that only a clear word of the service takes it away.
    async fn has_lost_standing(self, visitor: &Visitor) -> bool {
        let Some(account) = &visitor.account else { return false };
        let standing = self.directories.standing(account, Age::Now).await;
        matches!(standing, Ok(Some(standing)) if standing != Standing::Member)
    }

    async fn is_member(
        self,
        managed: &ManagedToken,
        visitor: &Visitor,
        age: Age,
        refused: &mut Vec<String>,
    ) -> Result<bool, Unproven> {
        let accounts = self.catalog.accounts(&visitor.person);
        let mut passing = None;
        for group in &managed.groups {
            match self.is_in(group, visitor, &accounts, age).await {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(trouble @ Unproven::Passing(_)) => passing = Some(trouble),
                Err(Unproven::Refused(why)) => {
                    let why = format!("{group}: {why}");
                    refused.extend((!refused.contains(&why)).then_some(why));
                }
            }
        }
        passing.map_or(Ok(false), Err)
    }

    async fn is_in(self, group: &Group, visitor: &Visitor, of: &Accounts, age: Age) -> Result<bool, Unproven> {
        if let (Group::Discord { role }, Some(roles), Age::Recent) = (group, &visitor.roles, age)
            && visitor.account.as_ref().is_some_and(|account| account.service == Service::Discord)
        {
            return Ok(roles.contains(role));
        }
        match of.get(&group.service()) {
            Some(id) => self.directories.is_in(&Account::new(group.service(), id), group, age).await,
            None => Ok(false),
        }
    }
}

impl Engine {
    /// What rights follow from.
    pub fn rights(&self) -> Rights<'_> {
        Rights { catalog: &self.catalog, directories: &self.directories }
    }

    /// The policy under which an approved rotation starts: every right is asked for once more.
    pub async fn policy_at_start(&self, rotation: &Rotation) -> Result<Policy, Unproven> {
        self.rights().policy(&rotation.plan.token, &involved(rotation), Age::Now).await
    }
}

/// Those who said yes, and who asked.
fn involved(rotation: &Rotation) -> Vec<Visitor> {
    let visitor = |person: &PersonId, account| Visitor { account, ..Visitor::named(person.clone()) };
    let yes = rotation.approvals.iter().map(|approval| visitor(&approval.by, approval.account.clone()));
    yes.chain(rotation.requester().map(|person| visitor(person, None))).collect()
}
