//! What somebody may see. The rule stands here and nowhere else: whoever the configuration names sees everything; whoever
//! is let in by a group sees the tokens on which they may decide, and the rotations that they asked for. What is hidden is
//! answered as if it did not exist. The desk reads what is behind it through [`Visible`] only.

use super::office::{Office, Reception};
use crate::engine::decide::{Click, near, one_of};
use crate::engine::overview::TokenLine;
use crate::engine::rights::Visitor;
use crate::engine::{EngineError, OpenedRotation};
use crate::rotation::account::Account;
use crate::rotation::ids::TokenName;
use crate::rotation::plan::Plan;
use crate::rotation::policy::Policy;
use crate::rotation::record::Rotation;
use crate::rotation::wish::Decision;
use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

/// Digits of a plan's hash that a button carries, and nobody guesses.
pub(super) const WHOLE: usize = 32;

/// The office, as the desk has it: what is said of tokens and rotations depends on who asks.
pub(super) struct Guarded(Arc<dyn Office>);

/// What one person may see of it.
pub(super) struct Visible<'a> {
    office: &'a dyn Office,
    visitor: &'a Visitor,
    /// Unset: everything.
    only: Option<Only>,
}

/// A part of it.
struct Only {
    tokens: BTreeSet<TokenName>,
    /// Why it could not be found out whether there is more.
    unsure: Option<String>,
}

impl Deref for Guarded {
    type Target = dyn Reception;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl Guarded {
    pub(super) fn new(office: Arc<dyn Office>) -> Self {
        Self(office)
    }

    /// What they may see. May ask about their groups.
    pub(super) async fn seen_by<'a>(&'a self, visitor: &'a Visitor) -> Result<Visible<'a>, EngineError> {
        let office = &*self.0;
        if is_named(visitor) {
            return Ok(Visible { office, visitor, only: None });
        }
        let mut only = Only { tokens: BTreeSet::new(), unsure: None };
        for token in office.tokens() {
            match office.policy(&token, visitor).await {
                Ok(policy) if policy.allows(&visitor.person) => drop(only.tokens.insert(token)),
                Err(error) if error.is_passing() => only.unsure = Some(error.to_string()),
                Ok(_) | Err(_) => {}
            }
        }
        for rotation in office.rotations(None).await? {
            if rotation.is_asked_by(&visitor.person) {
                only.tokens.insert(rotation.plan.token);
            }
        }
        Ok(Visible { office, visitor, only: Some(only) })
    }

    /// The rotation whose card whoever decides has before them: its button names the id and the plan whole.
    pub(super) async fn on_card(&self, decision: &Decision) -> Option<Rotation> {
        let plan = decision.plan.as_deref().filter(|plan| plan.len() >= WHOLE)?;
        let rotation = self.0.show(&decision.rotation).await.ok()?;
        (rotation.id.as_str() == decision.rotation && rotation.plan.hash().is_meant_by(plan)).then_some(rotation)
    }

    /// One that they may see, found without asking anybody about them; none is no answer.
    pub(super) async fn at_once(&self, visitor: &Visitor, decision: &Decision) -> Option<Rotation> {
        match self.on_card(decision).await {
            None if is_named(visitor) => self.0.show(&decision.rotation).await.ok(),
            found => found,
        }
    }

    /// What is decided, on something that was seen.
    pub(super) async fn click(&self, click: Click) -> Result<Rotation, EngineError> {
        self.0.click(click).await
    }

    /// Who may decide on something that was seen.
    pub(super) async fn policy_for(&self, rotation: &Rotation, visitor: &Visitor) -> Result<Policy, EngineError> {
        self.0.policy_for(rotation, visitor).await
    }
}

/// Whether the configuration names this person.
fn is_named(visitor: &Visitor) -> bool {
    Account::of(&visitor.person).is_none()
}

impl Only {
    /// The same words for what is hidden and for what does not exist.
    fn no_token(&self, given: &str) -> EngineError {
        let hint = near(given, self.tokens.iter().map(TokenName::as_str));
        self.unsure(|| EngineError::NoToken { given: given.to_owned(), hint })
    }

    fn no_rotation(&self, given: &str) -> EngineError {
        self.unsure(|| EngineError::NoRotation { given: given.to_owned() })
    }

    fn unsure(&self, missing: impl FnOnce() -> EngineError) -> EngineError {
        match &self.unsure {
            Some(why) => EngineError::Unavailable(format!("it could not be found out what you may see: {why}")),
            None => missing(),
        }
    }
}

impl Visible<'_> {
    fn sees_token(&self, token: &TokenName) -> bool {
        self.only.as_ref().is_none_or(|only| only.tokens.contains(token))
    }

    fn sees(&self, rotation: &Rotation) -> bool {
        self.sees_token(&rotation.plan.token) || rotation.is_asked_by(&self.visitor.person)
    }

    fn named(&self, token: &str) -> Result<(), EngineError> {
        match &self.only {
            Some(only) if !only.tokens.contains(&TokenName::from(token)) => Err(only.no_token(token)),
            _ => Ok(()),
        }
    }

    pub(super) fn tokens(&self) -> Vec<TokenName> {
        self.office.tokens().into_iter().filter(|token| self.sees_token(token)).collect()
    }

    pub(super) async fn list(&self) -> Result<Vec<TokenLine>, EngineError> {
        let lines = self.office.list().await?;
        Ok(lines.into_iter().filter(|line| self.sees_token(&line.token)).collect())
    }

    pub(super) async fn plan(&self, token: &str) -> Result<Plan, EngineError> {
        self.named(token)?;
        self.office.plan(token).await
    }

    pub(super) async fn rotate(&self, token: &str) -> Result<OpenedRotation, EngineError> {
        self.named(token)?;
        self.office.rotate(token, self.visitor.person.clone()).await
    }

    pub(super) async fn incident(&self, token: &str, via: &str, reason: &str) -> Result<OpenedRotation, EngineError> {
        self.named(token)?;
        self.office.incident(token, self.visitor, via, reason).await
    }

    /// Rotations, newest first; of one token, or those that go on.
    pub(super) async fn rotations(&self, of: Option<&str>) -> Result<Vec<Rotation>, EngineError> {
        of.map_or(Ok(()), |token| self.named(token))?;
        let rows = match &self.only {
            Some(only) if of.is_none() => self.open_ones_of(only).await?,
            _ => self.office.rotations(of).await?,
        };
        Ok(rows.into_iter().filter(|row| self.sees(row)).collect())
    }

    /// Token by token: among the newest of all there may be none of theirs.
    async fn open_ones_of(&self, only: &Only) -> Result<Vec<Rotation>, EngineError> {
        let mut open = Vec::new();
        for token in &only.tokens {
            match self.office.rotations(Some(token.as_str())).await {
                Ok(rows) => open.extend(rows.into_iter().filter(|row| !row.phase.is_closed())),
                Err(error) if error.is_passing() => return Err(error),
                // It left the configuration.
                Err(_) => {}
            }
        }
        open.sort_by_key(|row| std::cmp::Reverse(row.opened_at));
        Ok(open)
    }

    pub(super) async fn recent(&self) -> Result<Vec<Rotation>, EngineError> {
        let rows = self.office.recent().await?;
        Ok(rows.into_iter().filter(|row| self.sees(row)).collect())
    }

    /// One rotation, by its id, the beginning of it, or its token.
    pub(super) async fn show(&self, text: &str) -> Result<Rotation, EngineError> {
        let Some(only) = &self.only else { return self.office.show(text).await };
        match self.office.show(text).await {
            Ok(row) if self.sees(&row) => return Ok(row),
            Err(error) if error.is_passing() => return Err(error),
            Err(error @ EngineError::NeverRotated { .. }) if self.named(text).is_ok() => return Err(error),
            // What another may not see must not be what keeps them from finding their own.
            _ => {}
        }
        let (lower, mut found) = (text.to_ascii_lowercase(), Vec::new());
        for row in [self.rotations(None).await?, self.recent().await?].concat() {
            let meant = row.plan.token.as_str() == text || (!lower.is_empty() && row.id.as_str().starts_with(&lower));
            found.extend(meant.then_some(row));
        }
        one_of(found, text)?.ok_or_else(|| only.no_rotation(text))
    }

    pub(super) async fn policy_for(&self, rotation: &Rotation) -> Result<Policy, EngineError> {
        self.office.policy_for(rotation, self.visitor).await
    }

    pub(super) async fn policy(&self, token: &TokenName) -> Result<Policy, EngineError> {
        self.office.policy(token, self.visitor).await
    }
}
