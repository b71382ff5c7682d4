//! By what a card is found again: where it stands, what it carries, since when it can exist.

use super::client::Mark;
use crate::chat::ChatError;
use crate::rotation::ids::RotationId;
use crate::rotation::view::Card;

/// How far our clock and Slack's may differ, in seconds, when looking for a lost message.
pub(super) const SKEW: i64 = 3_600;

pub(super) fn card_mark(card: &Card) -> Mark {
    Mark { kind: "rekey_rotation", payload: vec![("rotation", card.rotation.0.clone())] }
}

pub(super) fn reference(channel: &str, ts: &str) -> String {
    format!("{channel}:{ts}")
}

pub(super) fn parts(reference: &str) -> Result<(&str, &str), ChatError> {
    reference.split_once(':').ok_or_else(|| ChatError::Refused {
        messenger: "slack".into(),
        why: "the remembered reference is not channel:ts; the database was edited".into(),
    })
}

/// The second from which a card of this rotation can exist. Names are ULIDs, which begin with their time.
pub(super) fn born(rotation: &RotationId) -> i64 {
    let ulid = ulid::Ulid::from_string(rotation.as_str()).ok();
    ulid.and_then(|ulid| i64::try_from(ulid.timestamp_ms() / 1_000).ok()).map_or(0, |second| (second - SKEW).max(0))
}
