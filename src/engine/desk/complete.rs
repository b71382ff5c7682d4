//! Completing what somebody types: a few choices out of what they may see and decide, quickly, and nothing for anybody
//! else. Nobody is told why there is nothing; whoever then asks is.

use super::{Caller, Desk};
use crate::engine::rights::Visitor;
use crate::rotation::record::Rotation;
use crate::rotation::view::{Action, actions, card, text};

/// Discord shows no more.
const MOST: usize = 25;
/// Longest label and value, in characters.
const LONGEST: usize = 100;

/// One choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What people read.
    pub label: String,
    /// What stands in its place after the verb: `/rekey <verb> <value>` is understood as it is.
    pub value: String,
}

impl Desk {
    /// What can follow a verb such as `plan` or `approve`, given what was typed of it so far. To approve, the value
    /// holds the rotation and its plan.
    pub async fn complete(&self, caller: &Caller, verb: &str, typed: &str) -> Vec<Choice> {
        let Ok(visitor) = self.visitors.recognise(caller).await else { return Vec::new() };
        let choices = match (verb, Action::from_word(verb)) {
            ("plan" | "rotate" | "history" | "incident", _) => self.tokens(),
            ("status" | "details", _) => self.rotations(None, &visitor).await,
            (_, Some(action)) => self.rotations(Some(action), &visitor).await,
            _ => Vec::new(),
        };
        fitting(choices, typed)
    }

    fn tokens(&self) -> Vec<Choice> {
        let choice = |name: String| Choice { label: name.clone(), value: name };
        self.office.tokens().into_iter().map(|token| choice(token.0)).collect()
    }

    /// Open rotations; for a decision, those on which this person may take it.
    async fn rotations(&self, action: Option<Action>, visitor: &Visitor) -> Vec<Choice> {
        let mut choices = Vec::new();
        for rotation in self.office.rotations(None).await.unwrap_or_default() {
            let may = match action {
                Some(action) => self.may(action, &rotation, visitor).await,
                None => true,
            };
            if may {
                choices.push(choice(&rotation, action));
            }
        }
        choices
    }

    async fn may(&self, action: Action, rotation: &Rotation, visitor: &Visitor) -> bool {
        if !actions(rotation).contains(&action) {
            return false;
        }
        let Ok(policy) = self.office.policy_for(rotation, visitor).await else { return false };
        match action {
            Action::Approve => policy.may_approve(&visitor.person, rotation.requester()),
            _ => policy.allows(&visitor.person),
        }
    }
}

fn choice(rotation: &Rotation, action: Option<Action>) -> Choice {
    let label = format!("{} · {}", rotation.plan.token, card(rotation).status.word);
    let label = match rotation.plan.old.expires_at {
        Some(date) => format!("{label} · expires {date}"),
        None => label,
    };
    let value = match action {
        Some(Action::Approve) => format!("{} {}", rotation.id, rotation.plan.hash().short()),
        _ => rotation.id.0.clone(),
    };
    Choice { label, value }
}

/// Those that hold what was typed, those that begin with it first.
fn fitting(choices: Vec<Choice>, typed: &str) -> Vec<Choice> {
    let typed = typed.trim().to_lowercase();
    let holds =
        |choice: &Choice| [&choice.label, &choice.value].iter().any(|text| text.to_lowercase().contains(&typed));
    let begins =
        |choice: &Choice| [&choice.label, &choice.value].iter().any(|text| text.to_lowercase().starts_with(&typed));
    let mut fitting: Vec<Choice> =
        choices.into_iter().filter(|choice| holds(choice) && choice.value.chars().count() <= LONGEST).collect();
    fitting.sort_by_key(|choice| !begins(choice));
    fitting.truncate(MOST);
    for choice in &mut fitting {
        choice.label = text::cut(&text::line(&choice.label), LONGEST);
    }
    fitting
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_that_begin_with_what_was_typed_come_first_and_there_are_at_most_twenty_five() {
        let named = |name: String| Choice { label: name.clone(), value: name };
        let choices: Vec<Choice> =
            (0..40).map(|n| named(format!("deploy-{n}"))).chain([named("my-deploy".into())]).collect();
        let labels = |typed: &str| fitting(choices.clone(), typed).into_iter().map(|c| c.label).collect::<Vec<_>>();
        assert_eq!(labels("").len(), 25);
        assert_eq!(labels("DEPLOY-3").len(), 11);
        assert_eq!(labels("my"), ["my-deploy"]);
        assert!(labels("nothing").is_empty());
        assert!(fitting(vec![named("x".repeat(101))], "").is_empty(), "what would be cut could not be understood");
    }
}
