//! Granting wishes of people who are known.

use super::forms::refusal;
use super::{Answer, Ask, Desk, words};
use crate::engine::ISSUE;
use crate::engine::decide::Click;
use crate::engine::overview::TokenLine;
use crate::engine::rights::Visitor;
use crate::engine::{EngineError, OpenedRotation};
use crate::rotation::record::Rotation;
use crate::rotation::refusal::Refusal;
use crate::rotation::view::prose::Prose;
use crate::rotation::view::{Action, actions, card};
use crate::rotation::wish::{Decision, Which, Wish};

type Granted = Result<Answer, EngineError>;

impl Desk {
    pub(super) async fn grant(&self, ask: &Ask, visitor: &Visitor) -> Granted {
        let seen = async || self.office.seen_by(visitor).await;
        let words = match &ask.wish {
            Wish::Help => words::help(),
            Wish::Unclear { verb } => words::usage(verb),
            Wish::WhoAmI => words::who(&visitor.person, &ask.caller),
            Wish::List(which) => words::tokens(&self.listed(*which, visitor).await?, *which),
            Wish::Plan { token } => words::plan(&seen().await?.plan(token).await?),
            Wish::Rotate { token } => {
                let opened = seen().await?.rotate(token).await?;
                words::opened(&opened, self.leaves_nobody(&opened, visitor).await)
            }
            Wish::Status { rotation: None } => words::open(&seen().await?.rotations(None).await?),
            Wish::Status { rotation: Some(name) } => return Ok(shown(&seen().await?.show(name).await?)),
            Wish::Details { rotation } => words::details(&seen().await?.show(rotation).await?),
            Wish::History { token } => words::history(token, &seen().await?.rotations(Some(token)).await?),
            Wish::Decide(decision) => return self.decide(ask, decision, visitor).await,
            Wish::Incident { token, reason } => return self.incident(ask, token, reason.as_deref(), visitor).await,
            Wish::Unlock { person } => return self.unlock(ask, person, visitor).await,
            Wish::Enroll => return self.enroll(ask, visitor).await,
            Wish::ConfirmEnrollment => return self.confirm_enrollment(ask, visitor).await,
        };
        Ok(Answer::Private(words))
    }

    /// Whether only who asked for it could approve what was opened, and so nobody can. Not known is no.
    async fn leaves_nobody(&self, opened: &OpenedRotation, visitor: &Visitor) -> bool {
        let (OpenedRotation::New(rotation) | OpenedRotation::Existing(rotation)) = opened else { return false };
        if rotation.requester() != Some(&visitor.person) || !actions(rotation).contains(&Action::Approve) {
            return false;
        }
        let policy = self.office.policy_for(rotation, visitor).await;
        policy.is_ok_and(|policy| policy.leaves_nobody_but(&visitor.person))
    }

    async fn listed(&self, which: Which, visitor: &Visitor) -> Result<Vec<TokenLine>, EngineError> {
        let seen = self.office.seen_by(visitor).await?;
        let mut lines = seen.list().await?;
        match which {
            Which::All => {}
            Which::Expiring => {
                lines.retain(|line| line.rotation.is_some() || matches!(line.state.as_str(), "near" | "expired"));
            }
            Which::Mine => {
                let mut mine = Vec::new();
                for line in lines {
                    if seen.policy(&line.token).await?.allows(&visitor.person) {
                        mine.push(line);
                    }
                }
                return Ok(mine);
            }
        }
        Ok(lines)
    }

    async fn decide(&self, ask: &Ask, decision: &Decision, visitor: &Visitor) -> Granted {
        // A person types the beginning of an id or a token's name; the click needs the id itself.
        let rotation = match self.office.on_card(decision).await {
            Some(rotation) => rotation,
            None => self.office.seen_by(visitor).await?.show(&decision.rotation).await?,
        };
        if decision.action == Action::Decline && decision.reason.is_none() {
            return Ok(Answer::Form(Box::new(refusal(decision, Some(&rotation)))));
        }
        let code = self.code_of(ask, decision, &rotation);
        if let Some(code) = code
            && let Some(refused) = self.spend_code(ask, code, visitor).await?
        {
            return Ok(refused);
        }
        let click = Click {
            key: ask.key.clone(),
            rotation: rotation.id.clone(),
            action: decision.action,
            by: visitor.clone(),
            via: ask.caller.surface.0.clone(),
            plan: decision.plan.clone(),
            snooze_seconds: decision.snooze_seconds,
            reason: decision.reason.clone(),
            stop: decision.stop,
            with_code: code.is_some(),
        };
        match self.office.click(click).await {
            Err(EngineError::Refused(Refusal::CodeNeeded)) => {
                self.ask_for_code(ask, decision, &rotation, visitor).await
            }
            // A card stays as it is; an issue has it among its evidence.
            Ok(rotation) if decision.action == Action::Snooze && ask.caller.surface.as_str() != ISSUE => {
                Ok(Answer::Private(words::snoozed(&rotation, &visitor.person)))
            }
            clicked => Ok(Answer::Done(words::standing(&clicked?).into())),
        }
    }

    async fn incident(&self, ask: &Ask, token: &str, reason: Option<&str>, visitor: &Visitor) -> Granted {
        let Some(reason) = reason else {
            return Ok(match self.form(ask).await {
                Some(form) => Answer::Form(Box::new(form)),
                None => Answer::Private(words::usage("incident")),
            });
        };
        let via = ask.caller.surface.as_str();
        let opened = self.office.seen_by(visitor).await?.incident(token, via, reason).await?;
        let rotation = match opened {
            OpenedRotation::New(rotation) | OpenedRotation::Existing(rotation) => rotation,
            OpenedRotation::NotDue(plan) => return Ok(Answer::Private(words::plan(&plan))),
        };
        let policy = self.office.policy_for(&rotation, visitor).await?;
        if !policy.may_approve(&visitor.person, rotation.requester()) || !rotation.plan.blockers.is_empty() {
            return Ok(Answer::Private(words::others_are_asked(&rotation, &policy, &visitor.person)));
        }
        let mut prose = Prose::words("Nothing was done yet. What uses the token fails from the moment you say yes.");
        prose.0.extend(words::plan(&rotation.plan).0);
        let plan = Some(rotation.plan.hash().0);
        let decision = Decision {
            action: Action::Approve,
            rotation: rotation.id.0.clone(),
            plan,
            snooze_seconds: None,
            reason: None,
            stop: None,
        };
        Ok(Answer::Offer { prose, label: "Revoke it now".into(), wish: Wish::Decide(decision) })
    }
}

/// The card without buttons.
fn shown(rotation: &Rotation) -> Answer {
    let mut card = card(rotation);
    card.actions.clear();
    Answer::Card(Box::new(card))
}
