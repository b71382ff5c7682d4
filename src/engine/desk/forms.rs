//! What must be typed before a wish can be granted.

use super::{Ask, Desk, Field, Form};
use crate::rotation::view::prose::{Line, Prose};
use crate::rotation::wish::Wish;
use crate::secret::{Secret, hide};

impl Ask {
    /// With what was typed into the fields of a form, by the fields' ids.
    pub fn filled_in(mut self, typed: impl IntoIterator<Item = (String, String)>) -> Self {
        for (field, value) in typed {
            if field == Field::Code.id() {
                self.code = Some(Secret::new(value.split_whitespace().collect()));
            } else if let (true, Wish::Incident { reason, .. }) = (field == Field::Reason.id(), &mut self.wish) {
                *reason = Some(hide(value.trim())).filter(|reason| !reason.is_empty());
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
            Wish::Decide(decision) => self.code_form(ask, decision).await,
            Wish::Enroll | Wish::ConfirmEnrollment => self.enrollment_form(ask).await,
            _ => None,
        }
    }
}

/// The first gate of an incident; the second is the approval of the plan that it leads to.
fn incident(token: &str) -> Form {
    let intro = Line::text("The value of ").and_code(token).and(" leaked? You will see the plan next: it revokes the ");
    let intro = intro.and("token first, so what uses it fails until the new one is stored. Nothing is done before ");
    Form {
        title: "Report an incident",
        intro: Prose::from(intro.and("that plan is approved.")),
        fields: vec![Field::Reason],
        submit: "Show the plan",
        wish: Wish::Incident { token: token.to_owned(), reason: None },
    }
}
