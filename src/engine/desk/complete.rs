//! What a person may choose from while they still type. Quick, and never more than they may see: strangers are offered
//! nothing, and for a decision only what this person may decide.

use super::visible::Visible;
use super::{Caller, Desk};
use crate::engine::rights::Visitor;
use crate::rotation::ids::TokenName;
use crate::rotation::record::Rotation;
use crate::rotation::view::{Action, actions, card, text};

/// Choices at most.
const MOST: usize = 25;
/// Longest label or value.
const LONGEST: usize = 100;

/// What is to be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blank {
    /// A managed token.
    Token,
    /// An open rotation; for a decision, one on which it may be made.
    Rotation(Option<Action>),
    /// The hash of a rotation's present plan.
    Plan {
        /// Which rotation, as typed.
        rotation: String,
    },
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What is read.
    pub label: String,
    /// What is filled in.
    pub value: String,
}

impl Desk {
    /// What fits what was typed so far. Trouble is no choice either.
    pub async fn complete(&self, caller: &Caller, blank: &Blank, typed: &str) -> Vec<Choice> {
        if self.pace.typing.take(caller, 1, self.office.now()).is_err() {
            return Vec::new();
        }
        let Ok(visitor) = self.visitors.recognise(caller).await else { return Vec::new() };
        let Ok(seen) = self.office.seen_by(&visitor).await else { return Vec::new() };
        let choices = match blank {
            Blank::Token => named(&seen.tokens()),
            Blank::Rotation(action) => rotations(&seen, &visitor, *action).await,
            Blank::Plan { rotation } => plan_of(&seen, &visitor, rotation).await.into_iter().collect(),
        };
        fitting(choices, typed)
    }
}

/// A hash is there to be approved, so it is offered to whom the rotation is.
async fn plan_of(seen: &Visible<'_>, visitor: &Visitor, typed: &str) -> Option<Choice> {
    let rotation = seen.show(typed).await.ok()?;
    let policy = seen.policy_for(&rotation).await.ok()?;
    policy.may_approve(&visitor.person, rotation.requester()).then(|| plan(&rotation))
}

async fn rotations(seen: &Visible<'_>, visitor: &Visitor, action: Option<Action>) -> Vec<Choice> {
    let mut choices = Vec::new();
    for rotation in seen.rotations(None).await.unwrap_or_default() {
        let may = match action {
            None => true,
            Some(action) => actions(&rotation).contains(&action) && may(seen, visitor, &rotation, action).await,
        };
        choices.extend(may.then(|| standing(&rotation)));
    }
    choices
}

async fn may(seen: &Visible<'_>, visitor: &Visitor, rotation: &Rotation, action: Action) -> bool {
    match (seen.policy_for(rotation).await, action) {
        (Ok(policy), Action::Approve) => policy.may_approve(&visitor.person, rotation.requester()),
        (Ok(policy), _) => policy.allows(&visitor.person),
        (Err(_), _) => false,
    }
}

fn named(tokens: &[TokenName]) -> Vec<Choice> {
    tokens.iter().map(|token| choice(&token.0, &token.0)).collect()
}

fn choice(label: &str, value: &str) -> Choice {
    Choice { label: text::cut(&text::line(label), LONGEST), value: value.to_owned() }
}

fn standing(rotation: &Rotation) -> Choice {
    let card = card(rotation);
    choice(&format!("{} · {} · {}", card.token, card.status.word, rotation.id), rotation.id.as_str())
}

fn plan(rotation: &Rotation) -> Choice {
    let (plan, hash) = (&rotation.plan, rotation.plan.hash());
    choice(&format!("{} · {} of {}", hash.short(), plan.strategy, plan.token), hash.short())
}

/// Those with what was typed in them, first those that begin with it.
fn fitting(choices: Vec<Choice>, typed: &str) -> Vec<Choice> {
    let typed = typed.trim().to_lowercase();
    let has = |choice: &Choice| choice.label.to_lowercase().contains(&typed);
    let whole = |choice: &Choice| (1..=LONGEST).contains(&text::length(&choice.value));
    let mut fitting: Vec<Choice> = choices.into_iter().filter(has).filter(whole).collect();
    fitting.sort_by_key(|choice| !choice.label.to_lowercase().starts_with(&typed));
    fitting.truncate(MOST);
    fitting
}
