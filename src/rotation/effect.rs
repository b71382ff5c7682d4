//! What the world owes a rotation. Effects are computed, never remembered: the table of effects is only a cache.

use super::ids::{ConsumerId, StoreId, SurfaceName, TokenId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One thing to do outside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "effect")]
pub enum Effect {
    /// Look at deadlines and windows.
    Tick,
    /// Make the plan again and compare.
    Replan,
    /// Make the token: probe by marker, write the intent down, send once.
    Mint {
        /// Which try.
        attempt: u32,
    },
    /// Write the value from custody and read it back.
    Write {
        /// Where.
        store: StoreId,
    },
    /// Read every readable store again.
    Settle,
    /// Start a consumer, or find the one that was started.
    StartConsumer {
        /// Which.
        consumer: ConsumerId,
    },
    /// See how far a consumer is.
    CheckConsumer {
        /// Which.
        consumer: ConsumerId,
    },
    /// See whether the new token is used.
    ObserveNew,
    /// See whether the old token is silent.
    ObserveOld,
    /// Put the previous value back.
    RestoreStore {
        /// Where.
        store: StoreId,
    },
    /// Read every readable store once more, then revoke.
    Revoke {
        /// Which.
        token: TokenId,
    },
    /// Look for live tokens with our marker.
    Probe,
    /// Remind people of the decision that is awaited, if it is time.
    Remind {
        /// Since when they are asked: when they are asked anew, it is another effect.
        since: Timestamp,
    },
    /// Bring a surface up to date.
    Publish {
        /// Which.
        surface: SurfaceName,
        /// Whether the card itself is behind, not only what it has to announce: trouble with a thread must not hold up
        /// the card.
        #[serde(default)]
        card: bool,
    },
}

/// An effect and the moment from which it may be performed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owed {
    /// Not before this.
    pub from: Timestamp,
    /// What.
    pub effect: Effect,
}

/// Effects of one lane are performed one after the other, by one worker, under one lease. Surfaces have lanes of
/// their own, so that a messenger that is down never holds up the work, and so have reminders.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lane(pub String);

impl Lane {
    /// The lane of everything that is not a surface.
    pub fn work() -> Self {
        Self("work".to_owned())
    }

    /// The lane of reminders, so that a GitLab that is down does not silence them.
    pub fn people() -> Self {
        Self("people".to_owned())
    }

    /// The lane of a surface.
    pub fn surface(name: &SurfaceName) -> Self {
        Self(format!("surface:{name}"))
    }
}

impl Effect {
    /// The lane in which it is performed.
    pub fn lane(&self) -> Lane {
        match self {
            Self::Publish { surface, .. } => Lane::surface(surface),
            Self::Remind { .. } => Lane::people(),
            _ => Lane::work(),
        }
    }
}

impl Effect {
    /// The effect's name, as in metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Tick => "tick",
            Self::Replan => "replan",
            Self::Mint { .. } => "mint",
            Self::Write { .. } => "write",
            Self::Settle => "settle",
            Self::StartConsumer { .. } => "start_consumer",
            Self::CheckConsumer { .. } => "check_consumer",
            Self::ObserveNew => "observe_new",
            Self::ObserveOld => "observe_old",
            Self::RestoreStore { .. } => "restore_store",
            Self::Revoke { .. } => "revoke",
            Self::Probe => "probe",
            Self::Remind { .. } => "remind",
            Self::Publish { .. } => "publish",
        }
    }
}
