//! The worlds that are simulated: strategy, stores, consumers, people; and the plan that fits them.

use super::call::Fault;
use super::mistake::{Mistake, Mistakes};
use jiff::Timestamp;
use rekey::rotation::decider::Decider;
use rekey::rotation::ids::{ConsumerId, PersonId, RotationId, RotationKey, StoreId, TokenId, TokenName};
use rekey::rotation::opening::Opening;
use rekey::rotation::plan::{NewToken, OldToken, Plan, PlannedStore, Timing};
use rekey::rotation::policy::Policy;
use rekey::rotation::record::{Origin, Rotation};
use rekey::rotation::store::{Capabilities, Rollback};
use rekey::rotation::token::{Consumer, ConsumerKind, Owner, Strategy};

pub const GRACE: i64 = 120;
pub const HORIZON: i64 = 600;
pub const USE: i64 = 30;
pub const APPROVAL: i64 = 24 * 3600;
pub const OLD: u64 = 1;

/// A store of the simulated world.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub readable: bool,
    pub versions: bool,
}

pub const READABLE: Kind = Kind { readable: true, versions: false };
pub const BLIND: Kind = Kind { readable: false, versions: true };

/// What a person does the next time the rotation is stuck or waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    Approve(&'static str),
    /// Approves a plan that has been replaced.
    ApproveOldPlan(&'static str),
    Decline,
    Retry,
    Restore,
    Abandon,
    /// The configuration changes: quorum two from now on.
    RaiseQuorum,
    /// Approves for a window that opens when the approval is too old.
    ApproveForLater(&'static str),
}

/// One simulated world.
#[derive(Clone, Debug)]
pub struct Setting {
    pub name: &'static str,
    pub strategy: Strategy,
    pub stores: Vec<Kind>,
    /// For each consumer the store that it reads.
    pub consumers: Vec<usize>,
    /// What people do, in order, whenever it is their turn.
    pub wishes: Vec<Wish>,
    pub quorum: u32,
    pub approvers: Vec<&'static str>,
    pub requester: Option<&'static str>,
    /// Answers to create are always lost.
    pub deaf: bool,
    /// A surface is fed as well.
    pub surface: bool,
    pub mistakes: Mistakes,
    /// Faults that strike; all, if none is named.
    pub only: Vec<Fault>,
    /// Mistakes that a test takes as given.
    pub always: Vec<Mistake>,
}

impl Setting {
    pub fn new(name: &'static str, strategy: Strategy, stores: &[Kind], consumers: &[usize]) -> Self {
        Self {
            name,
            strategy,
            stores: stores.to_vec(),
            consumers: consumers.to_vec(),
            wishes: vec![Wish::Approve("ann"), Wish::Retry, Wish::Retry, Wish::Abandon, Wish::Abandon],
            quorum: 1,
            approvers: vec!["ann", "bob"],
            requester: None,
            deaf: false,
            surface: false,
            mistakes: Mistakes::default(),
            only: Vec::new(),
            always: Vec::new(),
        }
    }

    pub fn wishing(mut self, wishes: &[Wish]) -> Self {
        self.wishes = wishes.to_vec();
        self
    }

    /// Only these faults strike: enough to show one mistake, quickly.
    pub fn struck_by(mut self, faults: &[Fault]) -> Self {
        self.only = faults.to_vec();
        self
    }

    /// Everybody here makes this mistake; others may be added.
    pub fn believing(mut self, mistake: Mistake) -> Self {
        self.always = vec![mistake];
        self
    }

    /// Whether both tokens live for a while, so that no store may ever hold a dead one.
    pub fn overlaps(&self) -> bool {
        self.strategy == Strategy::Overlap
    }

    pub fn policy(&self, quorum: u32) -> Policy {
        Policy {
            approvers: self.approvers.iter().map(|name| PersonId::from(*name)).collect(),
            quorum,
            approval_seconds: APPROVAL as u64,
            ..Policy::default()
        }
    }

    pub fn decider(&self, name: &str, quorum: u32) -> Decider {
        Decider::new(PersonId::from(name), "slack", self.policy(quorum))
    }

    pub fn row(&self) -> Rotation {
        let by = match self.requester {
            Some(person) => Origin::Person { person: PersonId::from(person) },
            None => Origin::Scan,
        };
        let opening = Opening {
            id: RotationId::from("01sim"),
            key: RotationKey {
                host: "gitlab.example.com".into(),
                token: TokenId(OLD),
                expires_at: None,
                round: 0,
                unknown: None,
            },
            by,
            plan: self.plan("deploy"),
            surfaces: if self.surface { vec!["issue".into()] } else { Vec::new() },
            old_last_used: None,
        };
        Rotation::open(opening, at(0))
    }

    pub fn plan(&self, new_name: &str) -> Plan {
        Plan {
            version: 1,
            token: TokenName::from("deploy"),
            host: "gitlab.example.com".into(),
            owner: Owner::User { username: "bot".into() },
            user_id: 7,
            owner_number: None,
            old: OldToken { id: TokenId(OLD), name: "deploy".into(), scopes: Default::default(), expires_at: None },
            strategy: self.strategy,
            reasons: Vec::new(),
            new: NewToken {
                name: new_name.into(),
                description: String::new(),
                scopes: Default::default(),
                permissions: Default::default(),
                access_level: None,
                expires_at: None,
            },
            stores: (0..self.stores.len()).map(|index| self.planned_store(index)).collect(),
            consumers: (0..self.consumers.len()).map(planned_consumer).collect(),
            outage_seconds: None,
            timing: Timing {
                grace_seconds: GRACE as u64,
                horizon_seconds: HORIZON as u64,
                use_seconds: USE as u64,
                approval_seconds: APPROVAL as u64,
            },
            leftovers: Vec::new(),
            at_once: false,
            blockers: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn planned_store(&self, index: usize) -> PlannedStore {
        let Kind { readable, versions } = self.stores[index];
        let rollback = if versions { Rollback::Native } else { Rollback::None };
        let capabilities = Capabilities { readable, versions, rollback, ..Capabilities::plain() };
        let (replaces_other, holds_token) = (false, false);
        PlannedStore {
            id: store_id(index),
            capabilities,
            replaces_other,
            holds_token,
            identity: None,
            other_token: None,
        }
    }
}

fn planned_consumer(index: usize) -> Consumer {
    Consumer {
        id: consumer_id(index),
        project: "acme/deploy".into(),
        job: "deploy".into(),
        kind: ConsumerKind::Pipeline { git_ref: "main".into() },
        timeout_seconds: 600,
        identity: None,
    }
}

pub fn store_id(index: usize) -> StoreId {
    StoreId(format!("{index}"))
}

pub fn consumer_id(index: usize) -> ConsumerId {
    ConsumerId(format!("{index}"))
}

/// The index behind a store's or consumer's identity.
pub fn index(id: &str) -> usize {
    id.parse().expect("identities here are numbers")
}

/// Simulated seconds as a moment.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + seconds).expect("simulated time is short")
}

/// A moment as simulated seconds.
pub fn seconds(at: Timestamp) -> i64 {
    at.as_second().saturating_sub(1_767_225_600)
}
