//! A rotation as it begins.

use super::ids::{RotationId, RotationKey, SurfaceName};
use super::phase::Phase;
use super::plan::Plan;
use super::record::{Origin, Rotation, Surface};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What is needed to open a rotation.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Its name.
    pub id: RotationId,
    /// What makes it unique.
    pub key: RotationKey,
    /// By what.
    pub by: Origin,
    /// What will be done.
    pub plan: Plan,
    /// Where people will see it.
    pub surfaces: Vec<SurfaceName>,
    /// Last use of the old token.
    pub old_last_used: Option<Timestamp>,
}

impl Rotation {
    /// A new rotation that waits for approval and owes every surface its first card.
    pub fn open(opening: Opening, now: Timestamp) -> Self {
        let Opening { id, key, by, plan, surfaces, old_last_used } = opening;
        let approve_by = super::policy::later(now, plan.timing.approval_seconds);
        Self {
            id,
            key,
            version: 1,
            revision: 1,
            opened_at: now,
            opened_by: by,
            plan,
            phase: Phase::AwaitingApproval,
            approvals: Vec::new(),
            ended: None,
            earlier: None,
            checked_at: now,
            approve_by,
            snoozed_until: None,
            snoozed: BTreeMap::new(),
            asked_at: None,
            reminded: 0,
            reminded_at: None,
            stops: 0,
            doubted_at: None,
            asks_anew: false,
            switched_at: None,
            stored_at: None,
            undo: BTreeMap::new(),
            contested: BTreeSet::new(),
            overwrite: BTreeSet::new(),
            foreign: BTreeMap::new(),
            blind_noted: true,
            lost: BTreeSet::new(),
            lost_digests: BTreeSet::new(),
            made: BTreeMap::new(),
            uses: BTreeMap::new(),
            quarantine_until: None,
            mint_from: None,
            settle_at: None,
            old_died: false,
            attempts: 0,
            old_last_used,
            new_last_used: None,
            waiting: None,
            evidence: Vec::new(),
            surfaces: surfaces.into_iter().map(|name| (name, Surface::default())).collect(),
            announcements: Vec::new(),
        }
    }
}
