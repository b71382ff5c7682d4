//! From a hint to a rotation: ask GitLab, compare, open. Every source folds into one rotation per (host, token, expiry).

use super::report::cleaned;
use super::{Engine, EngineError, OpenedRotation};
use crate::ledger::{Line, Opened};
use crate::rotation::ids::{RotationKey, TokenId};
use crate::rotation::phase::{Outcome, Phase};
use crate::rotation::plan::Plan;
use crate::rotation::record::{Opening, Origin, Rotation};
use crate::rotation::token::{LiveToken, ManagedToken, Owner, Strategy};

impl Engine {
    /// Opens a rotation of a managed token if GitLab says that it is near its expiry, or if `force` asks for it.
    pub async fn consider(
        &self,
        managed: &ManagedToken,
        by: Origin,
        force: bool,
    ) -> Result<OpenedRotation, EngineError> {
        let live = self.live_token(managed).await?;
        self.consider_live(managed, &live, by, force, None).await
    }

    /// The same, for a token that was already looked up.
    pub async fn consider_live(
        &self,
        managed: &ManagedToken,
        live: &LiveToken,
        by: Origin,
        force: bool,
        wish: Option<Strategy>,
    ) -> Result<OpenedRotation, EngineError> {
        let due = force || self.is_near(managed, live.expires_at);
        if due && let Some(existing) = self.open_case(managed, live.id).await? {
            return Ok(OpenedRotation::Existing(Box::new(existing)));
        }
        let plan = self.plan(managed, live, wish, None).await?;
        if !due {
            return Ok(OpenedRotation::NotDue(Box::new(plan)));
        }
        let mut round = 0;
        loop {
            let opened = self.open_round(live, plan.clone(), by.clone(), round).await?;
            match &opened {
                OpenedRotation::Existing(closed) if may_reopen(closed, force) => round = closed.key.round + 1,
                _ => return Ok(opened),
            }
        }
    }

    async fn open_round(
        &self,
        live: &LiveToken,
        plan: Plan,
        by: Origin,
        round: u32,
    ) -> Result<OpenedRotation, EngineError> {
        let now = self.clock.now();
        let rotation = Rotation::open(
            Opening {
                id: self.dice.rotation_id(now),
                key: RotationKey { host: plan.host.clone(), token: live.id, expires_at: live.expires_at, round },
                by,
                plan,
                surfaces: self.surfaces.keys().cloned().collect(),
                old_last_used: live.last_used_at,
            },
            now,
        );
        self.store_new(rotation).await
    }

    async fn store_new(&self, rotation: Rotation) -> Result<OpenedRotation, EngineError> {
        let rotation = cleaned(&rotation);
        let line = Line {
            at: rotation.opened_at,
            actor: origin(&rotation.opened_by),
            event: "opened".into(),
            detail: serde_json::json!({ "key": rotation.key.to_string(), "plan": rotation.plan }),
        };
        match self.ledger.open(&rotation, &line).await? {
            Opened::New => {
                tracing::info!(rotation = %rotation.id, token = %rotation.plan.token, "opened");
                Ok(OpenedRotation::New(Box::new(rotation)))
            }
            Opened::Existing(id) => {
                let existing = self.ledger.load(&id).await?;
                let existing =
                    existing.ok_or_else(|| EngineError::Unavailable("the rotation is being opened".into()))?;
                Ok(OpenedRotation::Existing(Box::new(existing)))
            }
        }
    }

    /// Spares GitLab a whole plan when the case is known.
    async fn open_case(&self, managed: &ManagedToken, token: TokenId) -> Result<Option<Rotation>, EngineError> {
        let filter = crate::ledger::Filter { open_only: true, token: Some(managed.id.clone()), limit: 2 };
        let open = self.ledger.list(filter).await?;
        Ok(open.into_iter().find(|rotation| rotation.key.token == token || rotation.plan.token == managed.id))
    }

    /// Managed tokens that a notice with these owners and this name could mean.
    pub fn managed_by_name(&self, name: &str, owned: impl Fn(&Owner) -> bool) -> Vec<&ManagedToken> {
        let plain = crate::notice::name::plain(name);
        self.catalog
            .tokens
            .values()
            .filter(|managed| owned(&managed.owner) && crate::notice::name::plain(&managed.name) == plain)
            .collect()
    }

    /// Looks at a rotation that waits for approval again, because something about its token was said to have changed.
    pub async fn look_again(&self, rotation: &Rotation) -> Result<(), EngineError> {
        if !matches!(rotation.phase, Phase::AwaitingApproval | Phase::Scheduled { .. }) {
            return Ok(());
        }
        let event = self.compare_plan(rotation).await?;
        match self.advance(&rotation.id, &event, None).await {
            Ok(_) | Err(super::report::Stop::Overtaken(_)) => Ok(()),
            Err(stop) => Err(stop.into()),
        }
    }
}

/// A person may begin again whatever was closed; a token that came back to the configuration begins by itself.
fn may_reopen(rotation: &Rotation, force: bool) -> bool {
    match rotation.phase {
        Phase::Closed { outcome, .. } => force || outcome == Outcome::Withdrawn,
        _ => false,
    }
}

fn origin(origin: &Origin) -> String {
    match origin {
        Origin::Mail => "mail".into(),
        Origin::Webhook => "webhook".into(),
        Origin::Scan => "scan".into(),
        Origin::Person { person } | Origin::Incident { person, .. } => person.0.clone(),
        Origin::Cli => "cli".into(),
    }
}
