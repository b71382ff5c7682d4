//! What people should know of a place before they approve, although it can be written: that it forgets what is written,
//! that somebody puts the old value back, that nobody reads it.

use std::sync::{Mutex, PoisonError};

/// One such thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caution {
    /// What will happen.
    pub what: String,
    /// What a person can do about it.
    pub mend: String,
}

impl Caution {
    /// In words.
    pub fn new(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what: what.into(), mend: mend.into() }
    }
}

/// What the last preflight of a store found.
#[derive(Default)]
pub(super) struct Cautions(Mutex<Vec<Caution>>);

impl Cautions {
    pub(super) fn set(&self, found: Vec<Caution>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = found;
    }

    pub(super) fn get(&self) -> Vec<Caution> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
