//! Granting wishes of people who are known.

use super::{Answer, Ask, Desk, words};
use crate::engine::decide::Click;
use crate::engine::overview::TokenLine;
use crate::engine::rights::Visitor;
use crate::engine::{EngineError, OpenedRotation};
use crate::rotation::record::Rotation;
use crate::rotation::view::prose::{Line, Prose};
use crate::rotation::view::{Action, card};
use crate::rotation::wish::{Decision, Which, Wish};

type Granted = Result<Answer, EngineError>;

impl Desk {
    pub(super) async fn grant(&self, ask: &Ask, visitor: &Visitor) -> Granted {
        let (office, person) = (&self.office, &visitor.person);
        let words = match &ask.wish {
            Wish::Help => words::help(),
            Wish::Unclear { verb } => words::usage(verb),
            Wish::WhoAmI => words::who(person, &ask.caller),
            Wish::List(which) => words::tokens(&self.listed(*which, visitor).await?, *which),
            Wish::Plan { token } => words::plan(&office.plan(token).await?),
            Wish::Rotate { token } => words::opened(&office.rotate(token, person.clone()).await?),
            Wish::Status { rotation: None } => words::open(&office.rotations(None).await?),
            Wish::Status { rotation: Some(name) } => return Ok(shown(&office.show(name).await?)),
            Wish::Details { rotation } => words::details(&office.show(rotation).await?),
            Wish::History { token } => words::history(token, &office.rotations(Some(token)).await?),
            Wish::Decide(decision) => return self.decide(ask, decision, visitor).await,
            Wish::Incident { token, reason } => return self.incident(ask, token, reason.as_deref(), visitor).await,
            Wish::Enroll | Wish::ConfirmEnrollment => Prose::words("One-time codes are not set up here."),
        };
        Ok(Answer::Private(words))
    }

    async fn listed(&self, which: Which, visitor: &Visitor) -> Result<Vec<TokenLine>, EngineError> {
        let mut lines = self.office.list().await?;
        match which {
            Which::All => {}
            Which::Expiring => {
                lines.retain(|line| line.rotation.is_some() || matches!(line.state.as_str(), "near" | "expired"));
            }
            Which::Mine => {
                let mut mine = Vec::new();
                for line in lines {
                    if self.office.policy(&line.token, visitor).await?.allows(&visitor.person) {
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
        let rotation = self.office.show(&decision.rotation).await?.id;
        let click = Click {
            key: ask.key.clone(),
            rotation,
            action: decision.action,
            by: visitor.clone(),
            via: ask.caller.surface.0.clone(),
            plan: decision.plan.clone(),
            snooze_seconds: decision.snooze_seconds,
        };
        Ok(Answer::Done(words::standing(&self.office.click(click).await?).into()))
    }

    async fn incident(&self, ask: &Ask, token: &str, reason: Option<&str>, visitor: &Visitor) -> Granted {
        let Some(reason) = reason else {
            return Ok(match self.form(ask).await {
                Some(form) => Answer::Form(Box::new(form)),
                None => Answer::Private(words::usage("incident")),
            });
        };
        let via = ask.caller.surface.as_str();
        let opened = self.office.incident(token, visitor.person.clone(), via, reason).await?;
        let rotation = match opened {
            OpenedRotation::New(rotation) | OpenedRotation::Existing(rotation) => rotation,
            OpenedRotation::NotDue(plan) => return Ok(Answer::Private(words::plan(&plan))),
        };
        let mut prose = words::plan(&rotation.plan);
        let policy = self.office.policy(&rotation.plan.token, visitor).await?;
        if !policy.allows(&visitor.person) || !rotation.plan.blockers.is_empty() {
            let asked = Line::text("Its approvers were asked: ").join(words::standing(&rotation));
            return Ok(Answer::Private(prose.line(asked)));
        }
        prose = prose.line(Line::text("Nothing was done yet. What uses the token fails from the moment you say yes."));
        let plan = Some(rotation.plan.hash().0);
        let decision =
            Decision { action: Action::Approve, rotation: rotation.id.0.clone(), plan, snooze_seconds: None };
        Ok(Answer::Offer { prose, label: "Revoke it now".into(), wish: Wish::Decide(decision) })
    }
}

/// The card without buttons.
fn shown(rotation: &Rotation) -> Answer {
    let mut card = card(rotation);
    card.actions.clear();
    Answer::Card(Box::new(card))
}
