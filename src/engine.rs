//! The only place where the domain meets IO. Notices and clicks come in, workers perform what is due, reports go to
//! `next`, one commit each.

pub mod attempts;
pub mod clocks;
pub mod comments;
pub mod custody;
mod damage;
pub mod decide;
pub mod desk;
pub mod directory;
pub mod inbox;
mod incident;
pub mod intake;
pub mod issue;
pub mod measure;
pub mod overview;
pub mod perform;
mod places;
pub mod planner;
pub mod report;
pub mod rights;
pub mod scan;
pub mod settings;
pub mod step_up;
pub mod stock;
pub mod worker;

use crate::chat::Messenger;
use crate::clock::Clock;
use crate::gitlab::Client;
use crate::ledger::Ledger;
use crate::rotation::ids::{RotationId, StoreId, SurfaceName};
use crate::rotation::plan::Plan;
use crate::rotation::record::Rotation;
use crate::rotation::refusal::Refusal;
use crate::store::SecretStore;
use custody::Custody;
use directory::Directories;
use settings::{Catalog, Settings};
use std::collections::BTreeMap;
use std::sync::Arc;
use step_up::Seal;

/// The surface's name.
pub const ISSUE: &str = "issue";

/// Everything the engine is made of; time, ids and randomness are arguments.
pub struct Engine {
    /// What was promised to be remembered.
    pub ledger: Arc<dyn Ledger>,
    /// The GitLab instance.
    pub gitlab: Client,
    /// Where values live, by identity.
    pub stores: BTreeMap<StoreId, Arc<dyn SecretStore>>,
    /// Where people see rotations.
    pub surfaces: BTreeMap<SurfaceName, Arc<dyn Messenger>>,
    /// Managed tokens and people.
    pub catalog: Catalog,
    /// Who knows who somebody is.
    pub directories: Directories,
    /// Seals the secrets of one-time codes, if there are such codes.
    pub step_up: Option<Seal>,
    /// Knobs.
    pub settings: Settings,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids and randomness.
    pub dice: Arc<dyn Dice>,
    /// Values in memory.
    pub custody: Custody,
    /// What was seen of comments.
    pub looks: comments::Looks,
    /// Whether the database may be taken for what it looks like.
    pub stock: stock::Stock,
    /// What people tried in vain of late.
    pub attempts: attempts::Attempts,
    /// What the last scan saw, for the gauges.
    pub inventory: measure::Inventory,
    /// Clocks that differ from ours.
    pub clocks: clocks::Clocks,
    /// Rung when something asks for a scan.
    pub scan_wanted: tokio::sync::Notify,
    /// The longest life in days that GitLab said it would accept, learned from a refusal.
    pub learned_limit: std::sync::Mutex<Option<i64>>,
    /// Refusals that are looked at again before they take back an approval.
    pub doubts: planner::Doubts,
}

/// Where ids and randomness come from.
pub trait Dice: Send + Sync {
    /// A new id, sortable by time.
    fn rotation_id(&self, now: jiff::Timestamp) -> RotationId;
    /// Between 0 and 1.
    fn spread(&self) -> f64;
    /// Bytes that nobody can guess, for secrets.
    fn fill(&self, bytes: &mut [u8]);
}

/// Real randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDice;

impl Dice for RealDice {
    fn rotation_id(&self, now: jiff::Timestamp) -> RotationId {
        let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
        RotationId(ulid::Ulid::from_parts(millis, rand::random()).to_string().to_lowercase())
    }

    fn spread(&self) -> f64 {
        rand::random()
    }

    fn fill(&self, bytes: &mut [u8]) {
        rand::Rng::fill(&mut rand::rng(), bytes);
    }
}

/// Why the engine did not do what a person asked, by what the caller can do.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The rules say no; the text may be shown to the person.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No such token or rotation; the text names what was asked and what is near.
    #[error("{0}")]
    Unknown(String),
    /// No such token in the configuration. How to see all of them differs by surface, so it is said there.
    #[error("no token {given:?} is configured{hint}")]
    NoToken {
        /// What was typed.
        given: String,
        /// What was probably meant, as the end of the sentence; empty: nothing is near.
        hint: String,
    },
    /// No such rotation; how to see all of them is said by the surface.
    #[error("no rotation {given:?}")]
    NoRotation {
        /// What was typed.
        given: String,
    },
    /// The token is configured and was never rotated.
    #[error("{token} has no rotation yet")]
    NeverRotated {
        /// Which.
        token: crate::rotation::ids::TokenName,
    },
    /// Something outside does not answer; nothing was changed, try again.
    #[error("{0}")]
    Unavailable(String),
    /// GitLab could not be asked at all, mostly because it cannot be reached; nothing was changed, try again.
    #[error("GitLab could not be asked ({0})")]
    NotAsked(String),
    /// GitLab refuses the bot itself, whatever it asks for; nothing was changed, and all goes well again once a person
    /// has mended its token or its account.
    #[error("GitLab refuses the bot: {why}")]
    Locked {
        /// GitLab's words.
        why: String,
        /// What a person can do.
        mend: &'static str,
    },
    /// GitLab refuses what was asked for; it will go on to until a person mends that.
    #[error("{}", with_mend(why, *mend))]
    Denied {
        /// Which call, and GitLab's words.
        why: String,
        /// What a person can do, where GitLab's words tell.
        mend: Option<&'static str>,
    },
    /// The configuration or GitLab's state must be mended first.
    #[error("{0}")]
    Broken(String),
    /// No live token can be told to be the one that the configuration means.
    #[error("{why}")]
    Amiss {
        /// The token that comes nearest, dead or one of several.
        token: Option<Box<crate::rotation::token::LiveToken>>,
        /// In one word, as in `list`.
        state: &'static str,
        /// In words, with what mends it.
        why: String,
    },
}

/// What is wrong and, where it is known, the way out.
fn with_mend(why: &str, mend: Option<&str>) -> String {
    mend.map_or_else(|| why.to_owned(), |mend| format!("{why}; {mend}"))
}

/// What opening a rotation gave.
#[derive(Debug)]
pub enum OpenedRotation {
    /// A new case.
    New(Box<Rotation>),
    /// The case was open, or closed, already.
    Existing(Box<Rotation>),
    /// Nothing to rotate yet; the plan says what would be done.
    NotDue(Box<Plan>),
}

impl EngineError {
    /// Whether the same may go well a little later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::NotAsked(_) | Self::Locked { .. })
    }
}

impl From<crate::http::CallError> for EngineError {
    fn from(error: crate::http::CallError) -> Self {
        use crate::http::CallError;
        match error {
            CallError::NotSent { why, .. } => Self::NotAsked(why),
            error if error.bars_everything() => {
                let mend = error.mend().unwrap_or("make a new token for the bot, or mend its account");
                Self::Locked { why: error.to_string(), mend }
            }
            // A proxy's page instead of GitLab's answer is mended without us.
            error if error.is_passing() || error.status().is_none() => Self::Unavailable(error.to_string()),
            error => Self::Denied { why: error.to_string(), mend: error.mend() },
        }
    }
}

impl From<directory::Unproven> for EngineError {
    fn from(unproven: directory::Unproven) -> Self {
        match unproven {
            directory::Unproven::Passing(why) => Self::Unavailable(why),
            directory::Unproven::Refused(why) => Self::Broken(why),
        }
    }
}

impl From<crate::ledger::LedgerError> for EngineError {
    fn from(error: crate::ledger::LedgerError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
