//! What people see of a rotation, before it is put into the markup of a surface. Pure projection of the row: the same
//! row gives the same card everywhere, so surfaces converge.

mod fields;
pub mod issue;
pub mod prose;
pub mod signs;
mod status;
mod steps;
pub mod text;

use super::group::Approver;
use super::ids::{PersonId, PlanHash, RotationId, RotationKey, TokenName};
use super::next::restorable;
use super::phase::{Outcome, Phase, Why};
use super::plan::Plan;
use super::record::{Announcement, Evidence, Rotation, Waiting};
use super::store::Rollback;
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A value with its kind, so that each surface escapes text and localises times in its own way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Our own words, possibly with foreign text in them: escape.
    Text(String),
    /// Names and identities, shown as code: escape.
    Code(Vec<String>),
    /// A UTC calendar date, such as an expiry.
    Date(Date),
    /// A moment, shown in the reader's zone.
    Moment(Timestamp),
}

/// One labelled line of the card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// One or two words.
    pub label: &'static str,
    /// What it says.
    pub value: Value,
}

/// How far a step of the runbook is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Happened and was observed.
    Done,
    /// Happening.
    Now,
    /// To come.
    Todo,
    /// Stopped here.
    Failed,
    /// Will not happen.
    Skipped,
}

/// One line of the runbook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// How far it is.
    pub progress: Progress,
    /// What it is, such as `Store in gitlab-variable acme/deploy TOKEN (scope *)`.
    pub text: String,
}

/// What a person can do from the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Yes to this plan.
    Approve,
    /// No.
    Decline,
    /// Remind me later.
    Snooze,
    /// Try again.
    Retry,
    /// Put the previous value back.
    Restore,
    /// End it, keep the tokens.
    Abandon,
}

impl Action {
    /// Every one of them.
    pub const ALL: [Self; 6] = [Self::Approve, Self::Decline, Self::Snooze, Self::Retry, Self::Restore, Self::Abandon];

    /// The word on the button and in commands.
    pub fn word(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Decline => "decline",
            Self::Snooze => "snooze",
            Self::Retry => "retry",
            Self::Restore => "restore",
            Self::Abandon => "abandon",
        }
    }

    /// Whether it changes what stores hold as people agreed to it now, so that a token may ask for a one-time code with it.
    pub fn needs_code(self, rotation: &Rotation) -> bool {
        self.may_need_code() && (self != Self::Retry || rotation.retry_overwrites())
    }

    /// The same, before anybody has looked at the rotation.
    pub fn may_need_code(self) -> bool {
        matches!(self, Self::Approve | Self::Restore | Self::Retry)
    }

    /// Whether it is decided on a stop, and says nothing about a later one.
    pub fn is_about_a_stop(self) -> bool {
        matches!(self, Self::Retry | Self::Restore | Self::Abandon)
    }

    /// The action that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.word() == word)
    }
}

/// The state by symbol and word, never by colour alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// An emoji.
    pub symbol: &'static str,
    /// One to three words.
    pub word: &'static str,
    /// A sentence.
    pub sentence: String,
}

/// Everything a surface needs to show a rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Card {
    /// Which rotation.
    pub rotation: RotationId,
    /// Which case: host, token and expiry.
    pub key: RotationKey,
    /// Which managed token: decides who may act.
    pub token: TokenName,
    /// Which state of it.
    pub revision: u64,
    /// Verb and object.
    pub title: String,
    /// The value leaked: it revokes first, and hurries.
    pub incident: bool,
    /// Where it stands.
    pub status: Status,
    /// What it is about.
    pub fields: Vec<Field>,
    /// Why the plan is as it is.
    pub reasons: Vec<String>,
    /// What an approver should know.
    pub warnings: Vec<String>,
    /// What must be mended first.
    pub blockers: Vec<String>,
    /// What stays safe if it fails.
    pub safety: String,
    /// The runbook.
    pub steps: Vec<Step>,
    /// Why a person is needed.
    pub stuck: Option<Why>,
    /// Since when a person is needed.
    pub stopped_at: Option<Timestamp>,
    /// Why nothing moves.
    pub waiting: Option<Waiting>,
    /// The person who asked for it, who cannot approve it.
    #[serde(skip)]
    pub requester: Option<PersonId>,
    /// Who need not be asked although the configuration names them: who asked for it, and who said yes already.
    #[serde(skip)]
    pub excused: BTreeSet<PersonId>,
    /// Who wants to be left alone for a while: they are named on the card, and not notified.
    #[serde(skip)]
    pub snoozing: BTreeSet<PersonId>,
    /// What can be done from here; empty once nothing applies.
    pub actions: Vec<Action>,
    /// Stores that cannot get their previous value back, by what they can do.
    #[serde(skip)]
    pub unrestorable: Vec<String>,
    /// Which stop it is, or would be: retry, restore and abandon are bound to it.
    pub stop: u32,
    /// What an approval is bound to.
    pub plan: PlanHash,
    /// What was observed.
    pub evidence: Vec<Evidence>,
    /// What people were told.
    pub announcements: Vec<Announcement>,
    /// Where else it can be seen: surface name and address.
    pub links: Vec<(String, String)>,
    /// When the case was opened: nothing that shows it is older.
    pub opened_at: Timestamp,
    /// The token's expiry: the due date of the issue.
    pub expires_at: Option<Date>,
    /// Set once it is over.
    pub outcome: Option<Outcome>,
}

impl Card {
    /// The whole state in one sentence, for notifications and screen readers.
    pub fn sentence(&self) -> String {
        format!("{}. {}. {}", self.title, self.status.word, self.status.sentence)
    }

    /// Whether somebody is notified when approvers are.
    pub fn notifies(&self, approver: &Approver) -> bool {
        !matches!(approver, Approver::Person(person) if self.snoozing.contains(person))
    }

    /// Why a person is needed, for the announcement that says so first: link and log stand below it, and not once more
    /// below every reminder.
    pub fn told_with(&self, index: usize) -> Option<&Why> {
        let first = self.announcements.iter().rposition(|told| Some(told.at) == self.stopped_at);
        self.stuck.as_ref().filter(|_| first == Some(index))
    }
}

/// Projects the row.
pub fn card(rotation: &Rotation) -> Card {
    let plan = &rotation.plan;
    Card {
        rotation: rotation.id.clone(),
        key: rotation.key.clone(),
        token: plan.token.clone(),
        revision: rotation.revision,
        title: title(rotation),
        incident: rotation.is_incident(),
        status: status::status(rotation),
        fields: fields::fields(rotation),
        reasons: plan.reasons.clone(),
        warnings: plan.warnings.clone(),
        blockers: plan.blockers.clone(),
        safety: safety(rotation),
        steps: steps::steps(rotation),
        stuck: match &rotation.phase {
            Phase::Stuck { why, .. } => Some(why.clone()),
            _ => None,
        },
        stopped_at: rotation.asked_at.filter(|_| matches!(rotation.phase, Phase::Stuck { .. })),
        waiting: rotation.waiting.clone(),
        requester: rotation.requester().cloned(),
        excused: excused(rotation),
        snoozing: rotation.snoozed.keys().cloned().collect(),
        actions: actions(rotation),
        unrestorable: unrestorable(plan),
        stop: rotation.stops,
        plan: plan.hash(),
        evidence: rotation.evidence.clone(),
        announcements: rotation.announcements.clone(),
        links: links(rotation),
        opened_at: rotation.opened_at,
        expires_at: plan.old.expires_at,
        outcome: outcome(&rotation.phase),
    }
}

fn title(rotation: &Rotation) -> String {
    let name = &rotation.plan.old.name;
    if rotation.is_incident() {
        format!("Incident: revoke and replace {name}")
    } else {
        format!("Rotate token: {name}")
    }
}

fn outcome(phase: &Phase) -> Option<Outcome> {
    match phase {
        Phase::Closed { outcome, .. } => Some(*outcome),
        _ => None,
    }
}

fn links(rotation: &Rotation) -> Vec<(String, String)> {
    rotation
        .surfaces
        .iter()
        .filter(|(_, surface)| !surface.gone)
        .filter_map(|(name, surface)| surface.url.clone().map(|url| (name.0.clone(), url)))
        .collect()
}

fn unrestorable(plan: &Plan) -> Vec<String> {
    let stores = plan.stores.iter().filter(|store| store.capabilities.rollback == Rollback::None);
    stores.map(|store| store.id.to_string()).collect()
}

fn excused(rotation: &Rotation) -> BTreeSet<PersonId> {
    if !rotation.awaits_approval() {
        return BTreeSet::new();
    }
    let plan = rotation.plan.hash();
    let yes = rotation.approvals.iter().filter(|approval| approval.plan == plan).map(|approval| &approval.by);
    yes.chain(rotation.requester()).cloned().collect()
}

/// What a person may do now. The buttons vanish when they no longer apply.
pub fn actions(rotation: &Rotation) -> Vec<Action> {
    match &rotation.phase {
        Phase::AwaitingApproval => {
            let mut actions = vec![Action::Approve, Action::Decline, Action::Snooze];
            actions.retain(|action| match action {
                Action::Approve => rotation.plan.blockers.is_empty(),
                Action::Snooze => !rotation.is_incident(),
                _ => true,
            });
            actions
        }
        Phase::Scheduled { .. } => vec![Action::Decline],
        Phase::Stuck { .. } if rotation.asks_anew => vec![Action::Approve, Action::Abandon],
        Phase::Stuck { at, .. } => {
            let mut actions = vec![Action::Retry];
            actions.extend(restorable(rotation, at).then_some(Action::Restore));
            actions.push(Action::Abandon);
            actions
        }
        _ => Vec::new(),
    }
}

fn safety(rotation: &Rotation) -> String {
    match rotation.plan.strategy {
        super::token::Strategy::Overlap => {
            "The old token keeps working until the new one is stored, proven and in use. If anything fails before, \
             nothing is revoked."
                .into()
        }
        super::token::Strategy::InPlace | super::token::Strategy::SelfRotate => {
            let outage = rotation.plan.outage_seconds.unwrap_or_default();
            format!(
                "The old token dies the moment the new one is made. Consumers fail until the stores are written, about \
                 {outage} s."
            )
        }
        super::token::Strategy::RevokeFirst => {
            "The old token is revoked first. Consumers fail until the new one is stored.".into()
        }
    }
}
