//! Making the plan: GitLab's present truth and the configuration, weighed into exactly what will be done.

mod approvers;
mod authority;
mod checks;
mod compare;
mod doubt;
mod meant;
mod schedule;
mod sight;
mod stores;
mod strategy;
mod subject;
mod twins;
mod variables;

pub use checks::FINE_GRAINED_BOT;
pub use doubt::Doubts;
pub use strategy::{Maker, choose};
pub use subject::{Inspection, Subject};
pub(super) use twins::marker_of;
pub use variables::place_of;

use super::report::cleaned;
use super::{Engine, EngineError};
use crate::gitlab::Me;
use crate::rotation::ids::StoreId;
use crate::rotation::plan::{NewToken, OldToken, Plan, PlannedStore, Timing};
use crate::rotation::token::{LiveToken, ManagedToken, Strategy};
use jiff::ToSpan;
use jiff::civil::Date;
use std::collections::BTreeSet;

/// Consumers fail about this long per store when the old token dies first.
const OUTAGE_SECONDS_PER_STORE: u64 = 5;
/// And this long in any case.
const OUTAGE_SECONDS: u64 = 10;

impl Engine {
    /// Whether a token is to be rotated now. One of ours that GitLab lets live no longer than people want to be early is
    /// due in the last half of its life: else each would be due on its first day.
    pub fn is_near(&self, managed: &ManagedToken, token: &LiveToken) -> bool {
        let early = i64::from(managed.rotate_before_days);
        let life = token.days_of_life().filter(|days| *days <= early && marker_of(&token.description).is_some());
        self.is_within(life.map_or(early, |days| days / 2), token.expires_at)
    }

    /// The same of a token of which nothing but the expiry is known.
    pub fn is_near_by_date(&self, managed: &ManagedToken, expires_at: Option<Date>) -> bool {
        self.is_within(i64::from(managed.rotate_before_days), expires_at)
    }

    fn is_within(&self, days: i64, expires_at: Option<Date>) -> bool {
        expires_at.is_some_and(|date| date <= self.clock.today().saturating_add(days.days()))
    }

    /// Exactly what would be done. `before` is an earlier plan of the same rotation, whose dates are kept if they
    /// still may be, so that a plan does not change by the mere passing of a day.
    pub async fn plan(
        &self,
        managed: &ManagedToken,
        live: &LiveToken,
        wish: Option<Strategy>,
        before: Option<&Plan>,
    ) -> Result<Plan, EngineError> {
        Ok(self.inspect(managed, live, wish, before).await?.plan)
    }

    /// The plan, and what each of its blockers and warnings is about.
    pub async fn inspect(
        &self,
        managed: &ManagedToken,
        live: &LiveToken,
        wish: Option<Strategy>,
        before: Option<&Plan>,
    ) -> Result<Inspection, EngineError> {
        let me = self.gitlab.me().await?;
        let mut plan = self.draft(managed, live, &me, wish, before).await?;
        let subjects = self.check(&mut plan, managed, live, &me, before).await?;
        // Before it is compared with what was stored.
        Ok(subjects.inspection(cleaned(&plan)?))
    }

    async fn draft(
        &self,
        managed: &ManagedToken,
        live: &LiveToken,
        me: &Me,
        wish: Option<Strategy>,
        before: Option<&Plan>,
    ) -> Result<Plan, EngineError> {
        let live = &self.with_permissions(live).await?;
        let maker = Maker { me, takes_permissions: self.takes_permissions(live).await? };
        let (strategy, reasons) = strategy::choose(managed, live, &maker, wish);
        let rotates = matches!(strategy, Strategy::InPlace | Strategy::SelfRotate);
        let latest = self.gitlab.expiry_limit().await?.latest(self.clock.today());
        let latest = self.learned_limit(latest);
        let mut stores = Vec::new();
        for id in &managed.stores {
            if let Some(store) = self.stores.get(id) {
                stores.push(PlannedStore::unseen(id.clone(), store.capabilities()));
            }
        }
        // An incident waits for no window.
        let is_incident = strategy == Strategy::RevokeFirst && managed.strategy != Some(Strategy::RevokeFirst);
        let outage = OUTAGE_SECONDS + OUTAGE_SECONDS_PER_STORE * managed.stores.len() as u64;
        Ok(Plan {
            version: Plan::VERSION,
            token: managed.id.clone(),
            host: self.gitlab.host().to_owned(),
            owner: managed.owner.clone(),
            user_id: live.user_id,
            owner_number: None,
            old: OldToken {
                id: live.id,
                name: live.name.clone(),
                scopes: live.scopes.clone(),
                expires_at: live.expires_at,
            },
            strategy,
            reasons,
            new: NewToken {
                name: live.name.clone(),
                description: without_marker(&live.description),
                scopes: if rotates || live.granular { live.scopes.clone() } else { narrowed(managed, live) },
                permissions: if rotates { BTreeSet::new() } else { live.permissions.clone() },
                access_level: live.access_level,
                expires_at: Some(self.expiry(managed, latest, before)),
            },
            stores,
            consumers: managed.consumers.clone(),
            outage_seconds: (strategy != Strategy::Overlap).then_some(outage),
            timing: self.timing(managed),
            leftovers: Vec::new(),
            at_once: !is_incident && self.misses_window(live.expires_at).is_some(),
            blockers: Vec::new(),
            warnings: Vec::new(),
        })
    }

    /// A plan that cannot be approved, made of what is known without asking anybody: it only says what is amiss.
    pub(super) fn blocked_plan(&self, managed: &ManagedToken, token: Option<&LiveToken>, why: String) -> Plan {
        let planned = |id: &StoreId| Some(PlannedStore::unseen(id.clone(), self.stores.get(id)?.capabilities()));
        let scopes = token.map(|token| token.scopes.clone()).unwrap_or_default();
        let (name, expires_at) = (managed.name.clone(), token.and_then(|token| token.expires_at));
        Plan {
            version: Plan::VERSION,
            token: managed.id.clone(),
            host: self.gitlab.host().to_owned(),
            owner: managed.owner.clone(),
            user_id: token.map_or(0, |token| token.user_id),
            owner_number: None,
            old: OldToken {
                id: token.map_or(super::intake::UNKNOWN, |token| token.id),
                name: name.clone(),
                scopes: scopes.clone(),
                expires_at,
            },
            strategy: managed.strategy.unwrap_or(Strategy::Overlap),
            reasons: Vec::new(),
            new: NewToken {
                name,
                description: String::new(),
                scopes,
                permissions: BTreeSet::new(),
                access_level: None,
                expires_at: None,
            },
            stores: managed.stores.iter().filter_map(planned).collect(),
            consumers: managed.consumers.clone(),
            outage_seconds: None,
            timing: self.timing(managed),
            leftovers: Vec::new(),
            at_once: false,
            blockers: vec![why],
            warnings: Vec::new(),
        }
    }

    fn timing(&self, managed: &ManagedToken) -> Timing {
        Timing {
            grace_seconds: managed.grace_seconds,
            horizon_seconds: self.settings.horizon_seconds,
            use_seconds: self.settings.use_seconds,
            approval_seconds: managed.approval_seconds,
        }
    }

    /// The same token with its fine-grained permissions, which lists of service accounts' tokens may leave out.
    async fn with_permissions(&self, live: &LiveToken) -> Result<LiveToken, EngineError> {
        if !live.granular || !live.permissions.is_empty() {
            return Ok(live.clone());
        }
        let singly = self.gitlab.find_singly(live.id).await?;
        let permissions = singly.map(|singly| singly.permissions).unwrap_or_default();
        Ok(LiveToken { permissions, ..live.clone() })
    }

    async fn takes_permissions(&self, live: &LiveToken) -> Result<bool, EngineError> {
        let (major, minor) = strategy::TAKES_PERMISSIONS;
        Ok(live.granular && self.gitlab.metadata().await?.is_at_least(major, minor))
    }

    /// The instance's limit as far as it is known; the bot may have had to learn it from a refusal.
    pub(in crate::engine) fn learned_limit(&self, latest: Date) -> Date {
        let learned = *self.learned_limit.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        learned.map_or(latest, |days| self.clock.today().saturating_add(days.days()).min(latest))
    }

    /// Remembers a limit that a refusal named, so that the next plan keeps it.
    pub fn learn_limit(&self, refusal: &str) {
        let latest = crate::gitlab::limit_in_refusal(refusal);
        if let Some(life) = latest.and_then(|date| self.clock.today().until(date).ok()) {
            let mut learned = self.learned_limit.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            *learned = Some(i64::from(life.get_days()));
        }
    }

    fn expiry(&self, managed: &ManagedToken, latest: Date, before: Option<&Plan>) -> Date {
        let wanted = self.clock.today().saturating_add(i64::from(managed.lifetime_days).days()).min(latest);
        let kept = before.and_then(|plan| plan.new.expires_at);
        kept.filter(|date| *date <= wanted && *date > self.clock.today()).unwrap_or(wanted)
    }
}

/// The old scopes that the policy allows. Never more than the old ones.
fn narrowed(managed: &ManagedToken, live: &LiveToken) -> BTreeSet<String> {
    match &managed.scopes {
        Some(allowed) => live.scopes.intersection(allowed).cloned().collect(),
        None => live.scopes.clone(),
    }
}

/// The description as people wrote it.
fn without_marker(description: &str) -> String {
    let words = description.split_whitespace().filter(|word| !word.starts_with("rekey:"));
    words.collect::<Vec<_>>().join(" ")
}
