//! How anything becomes true: load the row, ask `next`, commit row, journal line and effects together.

use super::{Engine, EngineError};
use crate::ledger::{Claim, LedgerError, Line};
use crate::rotation::event::Event;
use crate::rotation::ids::RotationId;
use crate::rotation::next::next;
use crate::rotation::record::Rotation;
use crate::rotation::refusal::Refusal;
use crate::secret;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Commits that may collide before something must be wrong.
const MAX_COLLISIONS: u32 = 20;

/// Why a worker must let go of what it was doing.
#[derive(Debug)]
pub enum Stop {
    /// Somebody else has the lane now; whatever we hold is stale.
    Fenced,
    /// The row has moved on; look again at what is due.
    Overtaken(Refusal),
    /// The database does not answer.
    Ledger(LedgerError),
    /// What happened cannot be written down without what may be secret in it.
    Unclean(Unclean),
}

/// Words from outside could not be cleaned, so they were not remembered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} could not be cleaned of secrets, so nothing was written down; please report this as a bug")]
pub struct Unclean(pub String);

impl Engine {
    /// Applies what happened. With a claim, only while the claim is current.
    pub async fn advance(&self, id: &RotationId, event: &Event, claim: Option<&Claim>) -> Result<Rotation, Stop> {
        self.advance_once(id, event, claim, None).await
    }

    /// The same, and the key is used up by it: the line that tells of the one tells of the other.
    pub(super) async fn advance_once(
        &self,
        id: &RotationId,
        event: &Event,
        claim: Option<&Claim>,
        key: Option<&str>,
    ) -> Result<Rotation, Stop> {
        let event = &cleaned(event).map_err(Stop::Unclean)?;
        for _ in 0..MAX_COLLISIONS {
            let Some(before) = self.ledger.load(id).await.map_err(Stop::Ledger)? else {
                return Err(Stop::Overtaken(Refusal::Stale));
            };
            let now = self.clock.now();
            let after = next(&before, event, now).map_err(Stop::Overtaken)?;
            let line = line(event, now);
            let line = Line { actor: self.actor(&line.actor), ..line };
            let line = key.map_or_else(|| line.clone(), |key| line.clone().spending(key));
            match self.ledger.commit(&after, &line, claim).await {
                Ok(()) => return Ok(self.committed(&before, after, event)),
                Err(LedgerError::Conflict) => {}
                Err(LedgerError::Fenced) => return Err(Stop::Fenced),
                Err(error) => return Err(Stop::Ledger(error)),
            }
        }
        Err(Stop::Overtaken(Refusal::Stale))
    }

    /// For the journal: who it was, and whose shell it was where a command speaks for them.
    pub(super) fn actor(&self, who: &str) -> String {
        match &self.settings.shell {
            None => who.to_owned(),
            Some(shell) if matches!(who, "cli" | "rekey") => format!("{shell} via cli"),
            Some(shell) => format!("{shell} for {who}"),
        }
    }

    fn committed(&self, before: &Rotation, after: Rotation, event: &Event) -> Rotation {
        self.custody.prune(&after);
        if before.phase.name() != after.phase.name() {
            tracing::info!(rotation = %after.id, token = %after.plan.token, event = event.name(),
                from = before.phase.name(), to = after.phase.name(), "moved on");
        }
        after
    }
}

/// What is stored without a value that somebody's words may repeat: texts of people and servers pass here before
/// anything is remembered or shown.
pub(super) fn cleaned<T: Serialize + DeserializeOwned>(told: &T) -> Result<T, Unclean> {
    // The parser's own words may quote what it read.
    let mut value = serde_json::to_value(told).map_err(|_| Unclean("what was told".into()))?;
    secret::hide_in(&mut value, holds_words);
    serde_path_to_error::deserialize(value).map_err(|error| Unclean(secret::hide(&error.path().to_string())))
}

/// Keys under which stand words, as opposed to names that must stay what they are.
fn holds_words(key: &str) -> bool {
    const WORDS: [&str; 17] = [
        "blockers",
        "comment",
        "description",
        "down",
        "how",
        "log",
        "reason",
        "reasons",
        "safe",
        "said",
        "text",
        "todo",
        "untidy",
        "waiting",
        "warnings",
        "what",
        "why",
    ];
    WORDS.contains(&key)
}

/// The journal's line for an event.
pub fn line(event: &Event, now: Timestamp) -> Line {
    Line { at: now, actor: actor(event), event: event.name(), detail: serde_json::to_value(event).unwrap_or_default() }
}

fn actor(event: &Event) -> String {
    match event {
        Event::Approve { by, .. }
        | Event::Decline { by, .. }
        | Event::Snooze { by, .. }
        | Event::Retry { by }
        | Event::Restore { by }
        | Event::Abandon { by } => format!("{} via {}", by.person, by.via),
        Event::Incident { person, via, .. } | Event::LeakReported { person, via, .. } => format!("{person} via {via}"),
        _ => "rekey".to_owned(),
    }
}

impl From<Stop> for EngineError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Fenced => Self::Unavailable("another worker is on it; try again".into()),
            Stop::Overtaken(refusal) => Self::Refused(refusal),
            Stop::Ledger(error) => Self::Unavailable(error.to_string()),
            Stop::Unclean(unclean) => unclean.into(),
        }
    }
}

impl From<Unclean> for EngineError {
    fn from(unclean: Unclean) -> Self {
        Self::Broken(unclean.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::ids::TokenId;
    use crate::secret::Secret;

    #[test]
    fn words_are_cleaned_and_names_stay_and_what_cannot_be_cleaned_is_not_passed_on() {
        let _known = Secret::new("Hw6-kT2-pL9-zQ4".into());
        let why = "no Hw6-kT2-pL9-zQ4, glpat-AbCdEfGhIjKlMnOpQrSt";
        let event = Event::RevokeRefused { token: TokenId(7), why: why.into() };
        let expected = Event::RevokeRefused { token: TokenId(7), why: "no [MASKED], [MASKED]".into() };
        assert_eq!(cleaned(&event), Ok(expected.clone()));
        // Two keys of a map that are no texts.
        let odd = std::collections::BTreeMap::from([((1, 2), why.to_owned())]);
        let unclean = Unclean("what was told".into());
        assert_eq!(cleaned::<std::collections::BTreeMap<(u8, u8), String>>(&odd), Err(unclean));
        // A value that is spelled like a word of ours.
        let _like_ours = Secret::new("revoke_refused".into());
        assert_eq!(cleaned(&event), Ok(expected));
    }
}
