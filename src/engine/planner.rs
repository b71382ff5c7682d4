//! Making the plan: GitLab's present truth and the configuration, weighed into exactly what will be done.

mod approvers;
mod checks;
mod sight;
mod stores;
mod strategy;

pub use strategy::choose;

use super::report::cleaned;
use super::{Engine, EngineError};
use crate::gitlab::Me;
use crate::rotation::event::Event;
use crate::rotation::plan::{NewToken, OldToken, Plan, PlannedStore, Timing};
use crate::rotation::record::Rotation;
use crate::rotation::token::{LiveToken, ManagedToken, Strategy};
use jiff::ToSpan;
use jiff::civil::Date;
use std::collections::BTreeSet;

/// Consumers fail about this long per store when the old token dies first.
const OUTAGE_SECONDS_PER_STORE: u64 = 5;
/// And this long in any case.
const OUTAGE_SECONDS: u64 = 10;

impl Engine {
    /// The live token that the configuration means: by name, among the owner's active ones. If there is none, the one
    /// that expired last and that nobody revoked: somebody forgot it.
    pub async fn live_token(&self, managed: &ManagedToken) -> Result<LiveToken, EngineError> {
        let tokens = self.visible_tokens(managed).await?;
        self.meant(managed, tokens)
    }

    /// The same, among the owner's tokens that were listed before.
    pub(super) fn meant(&self, managed: &ManagedToken, tokens: Vec<LiveToken>) -> Result<LiveToken, EngineError> {
        let named = tokens.into_iter().filter(|token| token.name == managed.name && !token.revoked);
        let (mut named, expired): (Vec<LiveToken>, Vec<LiveToken>) = named.partition(|token| token.active);
        named.sort_by_key(|token| (token.expires_at.is_none(), token.expires_at, token.id));
        let forgotten = expired.into_iter().max_by_key(|token| (token.expires_at, token.id));
        if named.is_empty() {
            named.extend(forgotten);
        }
        match named.len() {
            0 => Err(EngineError::Unknown(format!(
                "{} has no active token named {:?}; make one, or mend `name` of token {} in the configuration",
                managed.owner, managed.name, managed.id
            ))),
            1 => Ok(named.remove(0)),
            _ => self.soonest(managed, named),
        }
    }

    /// Several tokens of one name: only the one about to expire can be meant, and only if it is alone in that.
    fn soonest(&self, managed: &ManagedToken, mut named: Vec<LiveToken>) -> Result<LiveToken, EngineError> {
        let near = named.iter().filter(|token| self.is_near(managed, token.expires_at)).count();
        if near == 1 {
            return Ok(named.remove(0));
        }
        let ids: Vec<String> = named.iter().map(|token| token.id.to_string()).collect();
        Err(EngineError::Broken(format!(
            "{} has {} active tokens named {:?} ({}); revoke the ones that are not in use",
            managed.owner,
            ids.len(),
            managed.name,
            ids.join(", ")
        )))
    }

    /// Whether a token with this expiry is to be rotated now.
    pub fn is_near(&self, managed: &ManagedToken, expires_at: Option<Date>) -> bool {
        let lead = i64::from(managed.rotate_before_days).days();
        expires_at.is_some_and(|date| date <= self.clock.today().saturating_add(lead))
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
        let me = self.gitlab.me().await?;
        let mut plan = self.draft(managed, live, &me, wish, before).await?;
        self.check(&mut plan, managed, live, &me).await?;
        // Before it is compared with what was stored.
        Ok(cleaned(&plan))
    }

    async fn draft(
        &self,
        managed: &ManagedToken,
        live: &LiveToken,
        me: &Me,
        wish: Option<Strategy>,
        before: Option<&Plan>,
    ) -> Result<Plan, EngineError> {
        let (strategy, reasons) = strategy::choose(managed, live, me, wish);
        let rotates = matches!(strategy, Strategy::InPlace | Strategy::SelfRotate);
        let latest = self.gitlab.expiry_limit().await?.latest(self.clock.today());
        let latest = self.learned_limit(latest);
        let mut stores = Vec::new();
        for id in &managed.stores {
            if let Some(store) = self.stores.get(id) {
                stores.push(PlannedStore { id: id.clone(), capabilities: store.capabilities(), replaces_other: false });
            }
        }
        let outage = OUTAGE_SECONDS + OUTAGE_SECONDS_PER_STORE * managed.stores.len() as u64;
        Ok(Plan {
            token: managed.id.clone(),
            host: self.gitlab.host().to_owned(),
            owner: managed.owner.clone(),
            user_id: live.user_id,
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
                scopes: if rotates { live.scopes.clone() } else { narrowed(managed, live) },
                access_level: live.access_level,
                expires_at: Some(self.expiry(managed, latest, before)),
            },
            stores,
            consumers: managed.consumers.clone(),
            outage_seconds: (strategy != Strategy::Overlap).then_some(outage),
            timing: Timing {
                grace_seconds: managed.grace_seconds,
                horizon_seconds: self.settings.horizon_seconds,
                use_seconds: self.settings.use_seconds,
                approval_seconds: managed.approval_seconds,
            },
            blockers: Vec::new(),
            warnings: Vec::new(),
        })
    }

    /// The instance's limit as far as it is known; the bot may have had to learn it from a refusal.
    fn learned_limit(&self, latest: Date) -> Date {
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

    /// Compares a rotation's plan with the present truth.
    pub async fn compare_plan(&self, rotation: &Rotation) -> Result<Event, EngineError> {
        let Some(managed) = self.catalog.tokens.get(&rotation.plan.token) else {
            return Ok(Event::Withdrawn);
        };
        let Some(live) = self.visible_token(managed, rotation.plan.old.id).await? else {
            let how = format!("token {} is no longer there", rotation.plan.old.id);
            return Ok(Event::Superseded { how });
        };
        if live.revoked {
            return Ok(Event::Superseded { how: format!("token {} was revoked or rotated by somebody", live.id) });
        }
        if live.expires_at != rotation.key.expires_at {
            let how = format!("token {} got another expiry, so this case is over", live.id);
            return Ok(Event::Superseded { how });
        }
        let wish = (rotation.plan.strategy == Strategy::RevokeFirst).then_some(Strategy::RevokeFirst);
        let plan = self.plan(managed, &live, wish, Some(&rotation.plan)).await?;
        Ok(Event::Replanned { plan: Box::new(plan), old_last_used: live.last_used_at })
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
