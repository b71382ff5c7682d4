//! The desk: where everybody who asks for something is served, whatever the surface. Slack, Discord and comments on
//! the issue translate what they hear into an [`Ask`], and an [`Answer`] into their own markup; who that is, what they
//! may do and what they are told is decided here, once for all.

mod clicks;
mod codes;
mod complete;
mod forms;
mod grant;
mod home;
mod office;
mod pace;
mod serving;
mod visible;
pub mod visitors;
pub mod words;

pub use clicks::WayBack;
pub use complete::{Blank, Choice};
pub use home::{Home, Row};
pub use office::{ASK, Office, Reception};

use crate::engine::directory::Unproven;
use crate::engine::step_up::StepUp;
use crate::rotation::account::{Account, Service};
use crate::rotation::ids::SurfaceName;
use crate::rotation::view::Card;
use crate::rotation::view::prose::Prose;
use crate::rotation::wish::{COMMANDS, Command, Wish};
use crate::secret::Secret;
use clicks::Ways;
use pace::Paces;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::Notify;
use visible::Guarded;
use visitors::{Stranger, Visitors};

/// Somebody as a surface knows them. The surface has proven every word of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// `slack`, `discord`, `issue`.
    pub surface: SurfaceName,
    /// Workspace, guild or GitLab host.
    pub place: String,
    /// User id there; never a display name.
    pub account: String,
    /// Whether the surface itself says that they are a guest there.
    #[serde(default)]
    pub guest: bool,
    /// Ids of roles, where the surface proves them with every request (Discord).
    #[serde(default)]
    pub roles: BTreeSet<String>,
    /// Where private words can be said when the way back is lost: the channel in which it was asked.
    #[serde(default)]
    pub channel: Option<String>,
}

impl Caller {
    /// For the journal.
    fn in_full(&self) -> String {
        let Self { surface, place, account, .. } = self;
        format!("{surface} {place}/{account}")
    }

    /// Their account, if the surface has accounts.
    pub fn as_account(&self) -> Option<Account> {
        Service::of(&self.surface).map(|service| Account::new(service, &self.account))
    }
}

/// Something that was asked.
#[derive(Serialize, Deserialize)]
pub struct Ask {
    /// Unique per click, command or comment, so that a redelivery has no second effect.
    pub key: String,
    /// Who.
    pub caller: Caller,
    /// What.
    pub wish: Wish,
    /// A one-time code typed into a form; never written down.
    #[serde(skip)]
    pub code: Option<Secret>,
}

impl Ask {
    /// Without a code.
    pub fn new(key: impl Into<String>, caller: Caller, wish: Wish) -> Self {
        Self { key: key.into(), caller, wish, code: None }
    }
}

/// What the person gets, privately.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A decision counted. The card shows it, so after a click there is nothing to say; after a command these words.
    Done(Prose),
    /// Words.
    Private(Prose),
    /// Words, and a button that asks for the next thing (its id is the wish's).
    Offer {
        /// What is said.
        prose: Prose,
        /// What is on the button.
        label: String,
        /// What the button asks for.
        wish: Wish,
    },
    /// A card without buttons: those belong to the one message that is edited in place.
    Card(Box<Card>),
    /// More must be typed first.
    Form(Box<Form>),
    /// What was typed into a form's field is not right; the form may be tried again.
    Wrong {
        /// Which field.
        field: Field,
        /// A sentence.
        why: String,
        /// The same form once more, for surfaces that cannot keep it open.
        again: Wish,
    },
}

/// What a form asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Six digits of an authenticator app.
    Code,
    /// A reason, in words.
    Reason,
    /// Why not, in words.
    Because,
}

impl Field {
    /// Its id in a form.
    pub fn id(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Reason => "reason",
            Self::Because => "because",
        }
    }

    /// What stands above it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Code => "One-time code",
            Self::Reason => "What happened?",
            Self::Because => "Why not?",
        }
    }

    /// What stands in it while it is empty.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Code => "6 digits from your authenticator app",
            Self::Reason => "For the issue, such as: pasted into a public ticket",
            Self::Because => "For whoever is asked next, such as: release freeze until Monday",
        }
    }

    /// Fewest and most characters.
    pub fn length(self) -> (u16, u16) {
        match self {
            Self::Code => (6, 8),
            Self::Reason | Self::Because => (3, 500),
        }
    }
}

/// A form that a surface opens: a title, words, fields, one button.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    /// At most 24 characters.
    pub title: &'static str,
    /// What it is about, and what happens on submit.
    pub intro: Prose,
    /// What to type.
    pub fields: Vec<Field>,
    /// The word on the button, at most 24 characters.
    pub submit: &'static str,
    /// What was wished for; submitted again together with what was typed. [`Wish::to_id`] fits into every surface.
    pub wish: Wish,
}

/// Trouble that may soon be over.
struct Passing {
    /// For the log.
    why: String,
    /// For the person, if it lasts.
    words: Prose,
}

/// Everybody is served here.
pub struct Desk {
    office: Guarded,
    visitors: Visitors,
    step_up: Option<Arc<dyn StepUp>>,
    ways: Ways,
    pace: Paces,
    rung: Notify,
}

impl Desk {
    /// A desk before an office.
    pub fn new(office: Arc<dyn Office>, visitors: Visitors) -> Self {
        let office = Guarded::new(office);
        Self { office, visitors, step_up: None, ways: Ways::default(), pace: Paces::default(), rung: Notify::new() }
    }

    /// Answers. A decision is committed when this returns; the same key twice decides once.
    pub async fn ask(&self, ask: &Ask) -> Answer {
        match self.attempt(ask).await {
            Ok(answer) => answer,
            Err(Passing { words, .. }) => Answer::Private(words),
        }
    }

    /// Whether this replica is the one to answer what all of them hear. Without an answer of the database it is: twice is
    /// better than not at all. For strangers, and whoever asks too fast, nothing is written down: each tells them no.
    pub async fn is_mine(&self, caller: &Caller, key: &str) -> bool {
        if self.pace.marks.take(caller, 1, self.office.now()).is_err() {
            return true;
        }
        match self.visitors.recognise(caller).await {
            Ok(_) | Err(Stranger::Unproven(Unproven::Passing(_))) => self.office.is_first(key).await.unwrap_or(true),
            Err(_) => true,
        }
    }

    /// Like [`Desk::ask`], but trouble that may soon be over is told apart: nothing was decided, and it may be asked again.
    async fn attempt(&self, ask: &Ask) -> Result<Answer, Passing> {
        // Before it is found out who that is, which may cost requests as well.
        if let Err(wait) = self.pace.ask(&ask.caller, &ask.wish, self.office.now()) {
            return Ok(Answer::Private(words::too_fast(wait)));
        }
        match self.visitors.recognise(&ask.caller).await {
            Ok(visitor) => match self.grant(ask, &visitor).await {
                Ok(answer) => Ok(answer),
                Err(error) if error.is_passing() => {
                    Err(Passing { why: error.to_string(), words: words::refusal(&error) })
                }
                Err(error) => Ok(Answer::Private(words::refusal(&error))),
            },
            Err(stranger @ Stranger::Unproven(Unproven::Passing(_))) => {
                let words = words::stranger(&stranger, &ask.caller);
                Err(Passing { why: "it cannot be found out who asked".into(), words })
            }
            Err(stranger) => Ok(self.turn_away(ask, &stranger).await),
        }
    }

    /// Does nothing of what was asked, because it was heard too late; it is journalled, and its person is told these words
    /// by the surface's own means.
    pub async fn leave_alone(&self, ask: &Ask, words: Prose) {
        self.office.lapsed(&ask.caller.in_full(), &ask.wish.in_short()).await;
        self.office.tell(ask, &Answer::Private(words)).await;
    }

    /// What somebody is told who is nobody here; it is journalled.
    pub async fn turn_away(&self, ask: &Ask, stranger: &Stranger) -> Answer {
        let Caller { surface, place, account, .. } = &ask.caller;
        tracing::warn!(%surface, place, account, ?stranger, "somebody who is not in the configuration was turned away");
        metrics::counter!("rekey_inbound_refused_total", "endpoint" => surface.0.clone(), "why" => "outsider")
            .increment(1);
        self.office.outsider(&ask.caller.in_full(), &ask.wish.in_short()).await;
        Answer::Private(words::stranger(stranger, &ask.caller))
    }
}

/// The verbs that begin with what was typed so far, for surfaces that complete.
pub fn verbs(typed: &str) -> impl Iterator<Item = &'static Command> {
    COMMANDS.iter().filter(move |command| command.verb.starts_with(typed))
}
