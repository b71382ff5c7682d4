//! What must be typed before a wish can be granted.

use super::codes::has_forms;
use super::{Ask, Desk, Field, Form};
use crate::rotation::record::Rotation;
use crate::rotation::view::Action;
use crate::rotation::view::prose::{Line, Prose, Span};
use crate::rotation::wish::{Decision, Wish, said};
use crate::secret::Secret;

impl Ask {
    /// With what was typed into the fields of a form, by the fields' ids.
    pub fn filled_in(mut self, typed: impl IntoIterator<Item = (String, String)>) -> Self {
        for (field, value) in typed {
            if field == Field::Code.id() {
                self.code = Some(Secret::new(value.split_whitespace().collect()));
            } else if let (true, Wish::Incident { reason, .. }) = (field == Field::Reason.id(), &mut self.wish) {
                *reason = said(&value);
            } else if let (true, Wish::Decide(decision)) = (field == Field::Because.id(), &mut self.wish) {
                decision.reason = said(&value);
            }
        }
        self
    }
}

impl Desk {
    /// The form that must be filled in before this can be asked, if any. Quick: surfaces have to open it at once.
    pub async fn form(&self, ask: &Ask) -> Option<Form> {
        match &ask.wish {
            Wish::Incident { token, reason: None } => Some(incident(token)),
            Wish::Decide(decision) if decision.action == Action::Decline => {
                let asked = decision.reason.is_none() && has_forms(&ask.caller);
                // The card names the token; for what was typed nothing is looked up that they may not see.
                let shown = if asked { self.office.on_card(decision).await } else { None };
                asked.then(|| refusal(decision, shown.as_ref()))
            }
            Wish::Decide(decision) => self.code_form(ask, decision).await,
            Wish::Enroll | Wish::ConfirmEnrollment => self.enrollment_form(ask).await,
            _ => None,
        }
    }
}

/// A no is confirmed, and says why: whoever is asked again about the token must know.
pub(super) fn refusal(decision: &Decision, shown: Option<&Rotation>) -> Form {
    let intro = match shown {
        Some(rotation) => {
            let line = Line::text("To decline the rotation of ").and_code(rotation.plan.token.as_str());
            match rotation.plan.old.expires_at {
                Some(date) => line.and(", whose token still expires on ").then(Span::Date(date)).and(", say why."),
                None => line.and(", say why."),
            }
        }
        None => Line::text("To decline ").and_code(&decision.rotation).and(", say why."),
    };
    Form {
        title: "Decline",
        intro: intro.and(" Everybody who sees the rotation can read it.").into(),
        fields: vec![Field::Because],
        submit: "Decline",
        wish: Wish::Decide(decision.clone()),
    }
}

/// The first gate of an incident; the second is the approval of the plan that it leads to.
fn incident(token: &str) -> Form {
    let intro =
        Line::text("The value of ").and_code(token).and(" leaked? Once an approver says so, the plan revokes the ");
    let intro = intro.and("token first, and what uses it fails until the new one is stored. Nothing is done before ");
    Form {
        title: "Report an incident",
        intro: Prose::from(intro.and("that plan is approved.")),
        fields: vec![Field::Reason],
        submit: "Show the plan",
        wish: Wish::Incident { token: token.to_owned(), reason: None },
    }
}
