//! One-time codes at the desk: when one is asked for, how somebody gets a secret for them, and what is said about a code
//! that does not do. A code goes from the form to the comparison and nowhere else.

use super::{Answer, Ask, Caller, Desk, Field, Form, words};
use crate::engine::EngineError;
use crate::engine::rights::Visitor;
use crate::engine::step_up::picture::Ink;
use crate::engine::step_up::{StepUp, Verdict};
use crate::rotation::record::Rotation;
use crate::rotation::refusal::Refusal;
use crate::rotation::view::prose::{Line, Prose};
use crate::rotation::view::{Action, actions};
use crate::rotation::wish::{Decision, Wish};
use crate::secret::Secret;
use std::sync::Arc;

type Granted = Result<Answer, EngineError>;

impl Desk {
    /// With one-time codes, for tokens that ask for them.
    pub fn with_codes(self, step_up: Arc<dyn StepUp>) -> Self {
        Self { step_up: Some(step_up), ..self }
    }

    /// The form for a decision that needs a code. Without a token that asks for codes nothing is read at all.
    pub(super) async fn code_form(&self, ask: &Ask, decision: &Decision) -> Option<Form> {
        let step_up = self.step_up.as_ref().filter(|step_up| step_up.is_asked_for(None))?;
        if ask.code.is_some() || !decision.action.may_need_code() || !has_forms(&ask.caller) {
            return None;
        }
        // Whoever has no codes is told how to get them; a form would only keep them waiting.
        let person = self.visitors.presumably(&ask.caller)?;
        let rotation = self.office.at_once(&Visitor::named(person.clone()), decision).await?;
        let meant = decision.plan.as_deref().is_none_or(|plan| rotation.plan.hash().is_meant_by(plan));
        let asked = step_up.is_asked_for(Some(&rotation.plan.token)) && decision.action.needs_code(&rotation);
        let applies = asked && actions(&rotation).contains(&decision.action);
        let enrolled = applies && meant && step_up.is_enrolled(&person).await.ok()?;
        enrolled.then(|| decision_form(&rotation, decision))
    }

    /// The form for setting codes up: the first code of a new secret, or a code of the one that it replaces.
    pub(super) async fn enrollment_form(&self, ask: &Ask) -> Option<Form> {
        let step_up = self.step_up.as_ref().filter(|_| ask.code.is_none() && has_forms(&ask.caller))?;
        match &ask.wish {
            Wish::ConfirmEnrollment => Some(first_code_form()),
            Wish::Enroll => {
                let person = self.visitors.presumably(&ask.caller)?;
                step_up.is_enrolled(&person).await.ok()?.then(old_code_form)
            }
            _ => None,
        }
    }

    /// The code that came with a decision which takes one.
    pub(super) fn code_of<'a>(&self, ask: &'a Ask, decision: &Decision, rotation: &Rotation) -> Option<&'a Secret> {
        let step_up = self.step_up.as_ref().filter(|_| decision.action.needs_code(rotation))?;
        ask.code.as_ref().filter(|_| step_up.is_asked_for(Some(&rotation.plan.token)))
    }

    /// Uses it up; an answer if it does not do.
    pub(super) async fn spend_code(
        &self,
        ask: &Ask,
        code: &Secret,
        visitor: &Visitor,
    ) -> Result<Option<Answer>, EngineError> {
        let Some(step_up) = &self.step_up else { return Ok(Some(not_set_up())) };
        let verdict = step_up.spend(&visitor.person, ask.caller.surface.as_str(), code, &ask.key).await?;
        Ok(match verdict {
            Verdict::Nothing => Some(no_codes_yet()),
            verdict => refused(verdict, &ask.wish),
        })
    }

    /// What somebody gets whose decision counts only with a code.
    pub(super) async fn ask_for_code(
        &self,
        ask: &Ask,
        decision: &Decision,
        rotation: &Rotation,
        visitor: &Visitor,
    ) -> Granted {
        let Some(step_up) = self.step_up.as_ref().filter(|_| has_forms(&ask.caller)) else {
            return Err(EngineError::Refused(Refusal::CodeNeeded));
        };
        match step_up.is_enrolled(&visitor.person).await? {
            true => Ok(Answer::Form(Box::new(decision_form(rotation, decision)))),
            false => Ok(no_codes_yet()),
        }
    }

    /// Shows a new secret, once and privately. Whoever has one already proves it with a code.
    pub(super) async fn enroll(&self, ask: &Ask, visitor: &Visitor) -> Granted {
        let Some(step_up) = &self.step_up else { return Ok(not_set_up()) };
        if !has_forms(&ask.caller) {
            let line = Line::text("A secret must not stand where others read. Type ").and_code("/rekey enroll");
            return Ok(Answer::Private(line.and(" in Slack or Discord.").into()));
        }
        let (person, via) = (&visitor.person, ask.caller.surface.as_str());
        if step_up.is_enrolled(person).await? {
            let Some(code) = &ask.code else { return Ok(Answer::Form(Box::new(old_code_form()))) };
            if let Some(answer) = refused(step_up.spend(person, via, code, &ask.key).await?, &Wish::Enroll) {
                return Ok(answer);
            }
        }
        let invitation = step_up.invite(person, via).await?;
        let prose = words::invitation(&invitation, ink(&ask.caller));
        Ok(Answer::Offer { prose, label: "Enter the first code".into(), wish: Wish::ConfirmEnrollment })
    }

    /// Lets somebody else try their codes again.
    pub(super) async fn unlock(&self, ask: &Ask, person: &str, visitor: &Visitor) -> Granted {
        let Some(step_up) = &self.step_up else { return Ok(not_set_up()) };
        let unlocked = step_up.unlock(&person.into(), visitor, ask.caller.surface.as_str()).await?;
        let line = Line::code(person);
        let line = match unlocked {
            true => line.and(" may try one-time codes again, and was told."),
            false => line.and(" has no locked one-time codes; nothing was changed."),
        };
        Ok(Answer::Private(line.into()))
    }

    /// Puts the secret that was shown into use.
    pub(super) async fn confirm_enrollment(&self, ask: &Ask, visitor: &Visitor) -> Granted {
        let Some(step_up) = &self.step_up else { return Ok(not_set_up()) };
        let Some(code) = &ask.code else { return Ok(Answer::Form(Box::new(first_code_form()))) };
        let via = ask.caller.surface.as_str();
        let verdict = step_up.confirm(&visitor.person, via, code, &ask.key).await?;
        Ok(refused(verdict, &Wish::ConfirmEnrollment).unwrap_or_else(|| {
            let words = "One-time codes are set up. From now on decisions on tokens that ask for a code take one from your app.";
            Answer::Private(Prose::words(words).line(Line::text("Each code counts once, so the next decision takes the next one.")))
        }))
    }
}

/// Where something can be typed that only the bot reads.
pub(super) fn has_forms(caller: &Caller) -> bool {
    matches!(caller.surface.as_str(), "slack" | "discord")
}

/// Slack is light where people leave it as it comes, Discord is dark.
fn ink(caller: &Caller) -> Ink {
    if caller.surface.as_str() == "discord" { Ink::Light } else { Ink::Dark }
}

/// Why a code does not do; `None` if it does.
fn refused(verdict: Verdict, again: &Wish) -> Option<Answer> {
    let why = match verdict {
        Verdict::Right => return None,
        Verdict::Wrong { left: 0 } => {
            "That code is not right, and it was the last try. Wait a quarter of an hour.".to_owned()
        }
        Verdict::Wrong { left: 1 } => "That code is not right; one try is left.".to_owned(),
        Verdict::Wrong { left } => format!("That code is not right; {left} tries are left."),
        Verdict::Used => "That code was used already; wait for the next one.".to_owned(),
        Verdict::Locked { until } => {
            let until = until.strftime("%H:%M UTC");
            format!("There were too many wrong codes. Try again after {until}, or ask an administrator for a reset.")
        }
        Verdict::LockedForGood => {
            "There were too many wrong codes too often, so none is taken any more. Another approver or an \
                                   administrator can let you try again: `/rekey unlock <you>`."
                .to_owned()
        }
        Verdict::Nothing => {
            let line = Line::text("No secret is waiting for its first code. Type ").and_code("/rekey enroll");
            return Some(Answer::Private(line.and(" for a new one.").into()));
        }
    };
    Some(Answer::Wrong { field: Field::Code, why, again: again.clone() })
}

fn no_codes_yet() -> Answer {
    let words =
        "This token asks for a one-time code with the decision, and you have none yet. Set them up, then decide.";
    Answer::Offer { prose: Prose::words(words), label: "Set up one-time codes".into(), wish: Wish::Enroll }
}

fn not_set_up() -> Answer {
    let said = Line::text("One-time codes are not set up here; an administrator adds ").and_code("[step_up]").and(".");
    Answer::Private(said.into())
}

fn decision_form(rotation: &Rotation, decision: &Decision) -> Form {
    let (token, plan) = (&rotation.plan.token, rotation.plan.hash());
    let intro = match decision.action {
        Action::Restore => Line::text("To put the previous value back into the stores of ").and_code(token.as_str()),
        Action::Retry => Line::text("To overwrite what somebody else put into the stores of ").and_code(token.as_str()),
        _ => Line::text("To approve plan ").and_code(plan.short()).and(" for ").and_code(token.as_str()),
    };
    Form {
        title: "One-time code",
        intro: intro.and(", type the code that your authenticator app shows now.").into(),
        fields: vec![Field::Code],
        submit: match decision.action {
            Action::Restore => "Restore",
            Action::Retry => "Overwrite",
            _ => "Approve",
        },
        wish: Wish::Decide(Decision {
            rotation: rotation.id.0.clone(),
            plan: Some(plan.0),
            stop: Some(decision.stop.unwrap_or(rotation.stops)),
            ..decision.clone()
        }),
    }
}

fn first_code_form() -> Form {
    Form {
        title: "One-time codes",
        intro: Prose::words("The code that your app shows now puts the new secret into use."),
        fields: vec![Field::Code],
        submit: "Confirm",
        wish: Wish::ConfirmEnrollment,
    }
}

fn old_code_form() -> Form {
    let intro = "You have one-time codes already. A code of the present secret lets you have a new one. If you lost it, \
                 ask an administrator for a reset.";
    Form {
        title: "New one-time codes",
        intro: Prose::words(intro),
        fields: vec![Field::Code],
        submit: "Show a new secret",
        wish: Wish::Enroll,
    }
}
