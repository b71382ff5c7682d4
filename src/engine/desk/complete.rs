//! What a person may choose from while they still type. Quick, and never more than they may see: strangers are offered
//! nothing, and for a decision only what this person may decide.

use super::{Caller, Desk};
use crate::engine::rights::Visitor;
use crate::rotation::account::Account;
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
    /// A managed token that leaked, which whoever is known may report.
    Leaked,
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
        let Ok(visitor) = self.visitors.recognise(caller).await else { return Vec::new() };
        let choices = match blank {
            Blank::Token => named(&self.tokens_for(&visitor).await),
            Blank::Leaked => named(&self.office.tokens()),
            Blank::Rotation(action) => self.rotations_for(&visitor, *action).await,
            Blank::Plan { rotation } => self.plan_for(&visitor, rotation).await.into_iter().collect(),
        };
        fitting(choices, typed)
    }

    /// Whoever the configuration names sees every token, as `list` shows them. Whoever is let in by a group only, its
    /// tokens and what they asked for.
    async fn tokens_for(&self, visitor: &Visitor) -> Vec<TokenName> {
        let all = self.office.tokens();
        if sees_all(visitor) {
            return all;
        }
        let open = self.office.rotations(None).await.unwrap_or_default();
        let asked = |token: &TokenName| {
            open.iter().any(|row| row.plan.token == *token && row.requester() == Some(&visitor.person))
        };
        let mut theirs = Vec::new();
        for token in all {
            let may = self.office.policy(&token, visitor).await.is_ok_and(|policy| policy.allows(&visitor.person));
            theirs.extend((may || asked(&token)).then_some(token));
        }
        theirs
    }

    /// A hash is there to be approved, so it is offered to whom the rotation is.
    async fn plan_for(&self, visitor: &Visitor, typed: &str) -> Option<Choice> {
        let rotation = self.office.show(typed).await.ok()?;
        let policy = self.office.policy_for(&rotation, visitor).await.ok()?;
        policy.may_approve(&visitor.person, rotation.requester()).then(|| plan(&rotation))
    }

    async fn rotations_for(&self, visitor: &Visitor, action: Option<Action>) -> Vec<Choice> {
        let mut choices = Vec::new();
        for rotation in self.office.rotations(None).await.unwrap_or_default() {
            let Ok(policy) = self.office.policy_for(&rotation, visitor).await else { continue };
            let may = match action {
                None => {
                    let asked = rotation.requester() == Some(&visitor.person);
                    asked || sees_all(visitor) || policy.allows(&visitor.person)
                }
                Some(action) if !actions(&rotation).contains(&action) => false,
                Some(Action::Approve) => policy.may_approve(&visitor.person, rotation.requester()),
                Some(_) => policy.allows(&visitor.person),
            };
            choices.extend(may.then(|| standing(&rotation)));
        }
        choices
    }
}

/// Whether the configuration names this person.
fn sees_all(visitor: &Visitor) -> bool {
    Account::of(&visitor.person).is_none()
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
