//! Why a store did not do what it was asked, sorted by what the caller can do.

use crate::http::CallError;
use crate::rotation::ids::StoreId;
use crate::secret::hide;
use std::time::Duration;

/// Why a store did not do what it was asked, sorted by what the caller can do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nothing was changed; the same again may go well later.
    #[error("{store} is not available: {why}")]
    Unavailable {
        /// The store.
        store: StoreId,
        /// How long it asked to wait, if it did.
        retry_after: Option<Duration>,
        /// What was seen.
        why: String,
    },
    /// The write may have landed, or may land yet. Repeat it with the same value, or read.
    #[error("{store} may or may not hold the value: {why}")]
    Unknown {
        /// The store.
        store: StoreId,
        /// What was seen.
        why: String,
    },
    /// Nothing was changed: somebody else changed the place since it was looked at. Look again before deciding.
    #[error("{store} was changed by somebody else meanwhile: {why}")]
    Conflict {
        /// The store.
        store: StoreId,
        /// What was seen.
        why: String,
    },
    /// The place holds the value, and somebody else's change of the same moment may be lost under it. To write again is
    /// fine; a person must know.
    #[error("{store} holds the value, but somebody else wrote there in the same moment: {why}")]
    Overwrote {
        /// The store.
        store: StoreId,
        /// What was seen.
        why: String,
    },
    /// Nothing was changed: the place is another one than people approved, whatever its name.
    #[error("{store} is not the place that was approved: {why}")]
    Swapped {
        /// The store.
        store: StoreId,
        /// What was seen.
        why: String,
    },
    /// Nothing was changed, and nothing will be until a person acts.
    #[error("{store} refuses: {why}. To mend it: {mend}")]
    Refused {
        /// The store.
        store: StoreId,
        /// What it said.
        why: String,
        /// What a person can do.
        mend: String,
        /// It is a no of the other side by number alone, which passes where a role or a cache changes: it is asked again
        /// before it is believed.
        may_pass: bool,
    },
}

impl StoreError {
    /// A refusal and the way out.
    pub fn refused(store: &StoreId, why: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::Refused { store: store.clone(), why: hide(&why.into()), mend: hide(&mend.into()), may_pass: false }
    }

    /// Trouble that passes.
    pub(super) fn unavailable(store: &StoreId, why: impl ToString) -> Self {
        Self::Unavailable { store: store.clone(), retry_after: None, why: hide(&why.to_string()) }
    }

    /// Somebody else was there.
    pub(super) fn conflict(store: &StoreId, why: impl Into<String>) -> Self {
        Self::Conflict { store: store.clone(), why: hide(&why.into()) }
    }

    /// Somebody else was there in the same moment, and what they wrote may be lost.
    pub(super) fn overwrote(store: &StoreId, why: impl Into<String>) -> Self {
        Self::Overwrote { store: store.clone(), why: hide(&why.into()) }
    }

    /// For a call that writes. A refusal's `mend` depends on the store and on the status.
    pub(super) fn of_write(store: &StoreId, error: &CallError, mend: impl FnOnce(u16) -> String) -> Self {
        match error {
            CallError::Unknown { .. } | CallError::Nonsense { .. } => {
                Self::Unknown { store: store.clone(), why: error.to_string() }
            }
            _ => Self::of_read(store, error, mend),
        }
    }

    /// The same with every secret taken out of its words.
    pub(super) fn hidden(self) -> Self {
        match self {
            Self::Unavailable { store, retry_after, why } => Self::Unavailable { store, retry_after, why: hide(&why) },
            Self::Unknown { store, why } => Self::Unknown { store, why: hide(&why) },
            Self::Conflict { store, why } => Self::Conflict { store, why: hide(&why) },
            Self::Overwrote { store, why } => Self::Overwrote { store, why: hide(&why) },
            Self::Swapped { store, why } => Self::Swapped { store, why: hide(&why) },
            Self::Refused { store, why, mend, may_pass } => {
                Self::Refused { store, why: hide(&why), mend: hide(&mend), may_pass }
            }
        }
    }

    /// The same trouble once something was written: it may have landed.
    pub fn once_written(self) -> Self {
        match self {
            Self::Unavailable { store, why, .. } => Self::Unknown { store, why },
            other => other,
        }
    }

    /// For a call that changes nothing, so that whatever was lost may be asked again.
    pub(super) fn of_read(store: &StoreId, error: &CallError, mend: impl FnOnce(u16) -> String) -> Self {
        match error {
            CallError::Status { status, .. } => {
                // The host's own words know better than its number.
                let mend = error.mend().map_or_else(|| mend(*status), str::to_owned);
                let (why, mend) = (hide(&error.to_string()), hide(&mend));
                Self::Refused { store: store.clone(), why, mend, may_pass: !error.is_about_the_request() }
            }
            CallError::RateLimited { retry_after, .. } => {
                Self::Unavailable { store: store.clone(), retry_after: Some(*retry_after), why: error.to_string() }
            }
            _ => Self::unavailable(store, error),
        }
    }
}
