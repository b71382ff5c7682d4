//! What a store's trouble means for the rotation.

use crate::engine::worker::{Lasting, Performed};
use crate::rotation::event::Event;
use crate::store::StoreError;

/// What is reported of a place that is another one than people approved.
pub(super) fn swapped(error: &StoreError) -> Option<Event> {
    let StoreError::Swapped { store, why } = error else { return None };
    Some(Event::StoreSwapped { store: store.clone(), why: why.clone() })
}

/// A store that may be tried again.
pub(super) fn trouble(error: &StoreError) -> Performed {
    let after = match error {
        StoreError::Unavailable { retry_after, .. } => *retry_after,
        _ => None,
    };
    let refused = matches!(error, StoreError::Refused { .. }).then_some(Lasting::Forbidden);
    Performed::Trouble { why: error.to_string(), after, refused }
}
