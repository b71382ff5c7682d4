//! From a hint to a rotation: ask GitLab, compare, open. Every source folds into one rotation per (host, token, expiry).

mod lasting;

pub use lasting::Amiss;

use super::report::cleaned;
use super::{Engine, EngineError, OpenedRotation};
use crate::ledger::{Line, Opened};
use crate::rotation::duty;
use crate::rotation::event::Event;
use crate::rotation::ids::{RotationKey, TokenId};
use crate::rotation::opening::Opening;
use crate::rotation::phase::Phase;
use crate::rotation::plan::Plan;
use crate::rotation::record::{Origin, Rotation};
use crate::rotation::token::{LiveToken, ManagedToken, Owner, Strategy};
use jiff::Timestamp;

/// The number of a token that nobody could find; GitLab's begin at one.
pub(super) const UNKNOWN: TokenId = TokenId(0);

impl Engine {
    /// Opens a rotation of a managed token if GitLab says that it is near its expiry, or if `force` asks for it. What
    /// keeps the token from being looked at is told as a case of its own, which cannot be approved.
    pub async fn consider(
        &self,
        managed: &ManagedToken,
        by: Origin,
        force: bool,
    ) -> Result<OpenedRotation, EngineError> {
        match self.live_token(managed).await {
            Ok(live) => self.consider_live(managed, &live, by, force, None).await,
            Err(error) => self.consider_amiss(managed, by, force, error).await,
        }
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
        let due = force || self.is_near(managed, live);
        if due && let Some(existing) = self.open_case(managed).await? {
            if existing.key.unknown.is_none() {
                return Ok(OpenedRotation::Existing(Box::new(existing)));
            }
            // It is there again, so the case of the token that could not be found is over.
            self.look_again(&existing).await?;
        }
        let plan = match self.plan(managed, live, wish, None).await {
            Ok(plan) => {
                self.inventory.amiss().is_over(&managed.id);
                plan
            }
            Err(error) if due => {
                let why = self.worth_a_case(managed, Some(live), force, error).await?;
                self.blocked_plan(managed, Some(live), why)
            }
            Err(error) => return Err(error),
        };
        if !due {
            return Ok(OpenedRotation::NotDue(Box::new(plan)));
        }
        self.open_rounds(plan, by, live.last_used_at, force).await
    }

    /// Whatever keeps a token that may be due from being looked at must reach people. What passes by itself does not,
    /// unless it lasts.
    pub async fn consider_amiss(
        &self,
        managed: &ManagedToken,
        by: Origin,
        force: bool,
        error: EngineError,
    ) -> Result<OpenedRotation, EngineError> {
        let token = match &error {
            EngineError::Amiss { token, .. } => token.as_deref(),
            _ => None,
        };
        let several = token.is_some_and(|token| token.active);
        let due = force || !several || token.is_some_and(|token| self.is_near(managed, token));
        if !due {
            return Err(error);
        }
        let (token, last_used) = (token.cloned(), token.and_then(|token| token.last_used_at));
        let why = self.worth_a_case(managed, token.as_ref(), force, error).await?;
        if let Some(existing) = self.open_case(managed).await? {
            return Ok(OpenedRotation::Existing(Box::new(existing)));
        }
        let plan = self.blocked_plan(managed, token.as_ref(), why);
        self.open_rounds(plan, by, last_used, force).await
    }

    /// A token that is not due may still have strayed: somebody made or rotated it by hand and stored its value nowhere.
    /// `None`: the stores hold it, nobody can tell, or there is a case already.
    pub async fn consider_stores(
        &self,
        managed: &ManagedToken,
        live: &LiveToken,
        by: Origin,
    ) -> Result<Option<OpenedRotation>, EngineError> {
        if self.open_case(managed).await?.is_some() {
            return Ok(None);
        }
        let Some(why) = self.strayed(managed, live).await? else { return Ok(None) };
        let plan = self.blocked_plan(managed, Some(live), why);
        self.open_rounds(plan, by, live.last_used_at, false).await.map(Some)
    }

    async fn open_rounds(
        &self,
        plan: Plan,
        by: Origin,
        last_used: Option<Timestamp>,
        force: bool,
    ) -> Result<OpenedRotation, EngineError> {
        let mut closed: Option<Box<Rotation>> = None;
        loop {
            let round = closed.as_ref().map_or(0, |closed| closed.key.round + 1);
            match self.open_round(plan.clone(), by.clone(), last_used, round, closed.as_deref()).await? {
                OpenedRotation::Existing(known) if self.may_reopen(&known, force) => closed = Some(known),
                opened => return Ok(opened),
            }
        }
    }

    async fn open_round(
        &self,
        plan: Plan,
        by: Origin,
        last_used: Option<Timestamp>,
        round: u32,
        closed: Option<&Rotation>,
    ) -> Result<OpenedRotation, EngineError> {
        let now = self.clock.now();
        let unknown = (plan.old.id == UNKNOWN).then(|| plan.token.clone());
        let rotation = Rotation::open(
            Opening {
                id: self.dice.rotation_id(now),
                key: RotationKey {
                    host: plan.host.clone(),
                    token: plan.old.id,
                    expires_at: plan.old.expires_at,
                    round,
                    unknown,
                },
                by,
                plan,
                surfaces: self.surfaces.keys().cloned().collect(),
                old_last_used: last_used,
            },
            now,
        );
        let rotation = match closed {
            Some(closed) => duty::follows(rotation, closed),
            None => rotation,
        };
        self.store_new(rotation).await
    }

    /// A person may begin again whatever was closed; else what was not done is asked about again when its time has come.
    fn may_reopen(&self, rotation: &Rotation, force: bool) -> bool {
        let again = duty::asked_again(rotation, &self.settings.reminders);
        rotation.phase.is_closed() && (force || again.is_some_and(|at| at <= self.clock.now()))
    }

    async fn store_new(&self, rotation: Rotation) -> Result<OpenedRotation, EngineError> {
        self.may_open().await?;
        let rotation = cleaned(&rotation)?;
        let line = Line {
            at: rotation.opened_at,
            actor: self.actor(&origin(&rotation.opened_by)),
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

    /// Spares GitLab a whole plan when the case is known: at most one is open for each token.
    async fn open_case(&self, managed: &ManagedToken) -> Result<Option<Rotation>, EngineError> {
        let filter = crate::ledger::Filter { open_only: true, token: Some(managed.id.clone()), limit: 1 };
        Ok(self.ledger.list(filter).await?.pop())
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

    /// What waits is compared with the configuration of now, and its yeses are counted again: once at the start, since
    /// nothing else would for hours.
    pub async fn look_at_what_waits(&self) -> Result<(), EngineError> {
        let filter = crate::ledger::Filter { open_only: true, token: None, limit: u32::MAX };
        for rotation in self.ledger.list(filter).await? {
            // One of them must not keep the others waiting.
            if let Err(error) = self.look_at_waiting(&rotation).await {
                tracing::warn!(%error, rotation = %rotation.id, "what waits could not be looked at again; it will be");
            }
        }
        Ok(())
    }

    async fn look_at_waiting(&self, rotation: &Rotation) -> Result<(), EngineError> {
        self.look_again(rotation).await?;
        if !rotation.awaits_approval() || rotation.approvals.is_empty() {
            return Ok(());
        }
        let policy = self.policy_at_start(rotation).await?;
        let now = self.clock.now();
        let event = Event::Counted { policy, start_at: self.start(rotation, now) };
        match self.advance(&rotation.id, &event, None).await {
            Ok(_) | Err(super::report::Stop::Overtaken(_)) => Ok(()),
            Err(stop) => Err(stop.into()),
        }
    }

    /// Looks at a rotation that waits for approval again, because something about its token was said to have changed.
    pub async fn look_again(&self, rotation: &Rotation) -> Result<(), EngineError> {
        if !matches!(rotation.phase, Phase::AwaitingApproval | Phase::Scheduled { .. }) {
            return Ok(());
        }
        let event = self.compare_plan_surely(rotation).await?;
        match self.advance(&rotation.id, &event, None).await {
            Ok(_) | Err(super::report::Stop::Overtaken(_)) => Ok(()),
            Err(stop) => Err(stop.into()),
        }
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
