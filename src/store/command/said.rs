//! What a program said, as far as it may be used.

use super::protocol::Answer;
use crate::secret::Secret;

/// The longest undo that is kept.
const LONGEST_UNDO: usize = 500;

/// What a program says of an end that was no success; nothing if it cannot be understood.
pub(super) fn explanation(output: &[u8]) -> Answer {
    serde_json::from_slice(output).unwrap_or_default()
}

/// An undo is kept in the database, so the value must not be in it.
pub(super) fn may_keep(undo: &str, value: Option<&Secret>) -> bool {
    let shown = value.is_some_and(|value| !value.expose().is_empty() && undo.contains(value.expose()));
    !undo.is_empty() && undo.len() <= LONGEST_UNDO && !shown
}
