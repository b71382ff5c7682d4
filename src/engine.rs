//! The only place where the domain meets IO. Notices and clicks come in, workers perform what is due, reports go to
//! `next`, one commit each.

pub mod decide;

use crate::rotation::plan::Plan;
use crate::rotation::record::Rotation;
use crate::rotation::refusal::Refusal;

/// Why the engine did not do what a person asked, by what the caller can do.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The rules say no; the text may be shown to the person.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No such token or rotation; the text names what was asked and what is near.
    #[error("{0}")]
    Unknown(String),
    /// Something outside does not answer; nothing was changed, try again.
    #[error("{0}")]
    Unavailable(String),
    /// The configuration or GitLab's state must be mended first.
    #[error("{0}")]
    Broken(String),
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
