//! What people try in vain is journalled; but a journal is for good, and one stranger must not fill it. The first attempt
//! is written at once, then the tenth, the hundredth and so on, each with the number; what is left over when somebody
//! gives up is written an hour after they began.

use super::Engine;
use crate::ledger::Line;
use crate::rotation::ids::RotationId;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How long attempts of one person count together.
const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// People counted apart at once; the rest is counted together.
const MOST: usize = 1_000;

/// Who stands for all who are not counted apart.
const MANY: &str = "many others";

/// What is counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Attempt {
    /// What they tried, in one word of ours.
    pub(super) event: String,
    /// Who, as the journal names them.
    pub(super) who: String,
    /// At which rotation, if at one.
    pub(super) rotation: Option<RotationId>,
}

struct Count {
    since: Timestamp,
    times: u64,
    written: u64,
    /// The last one's details.
    detail: serde_json::Value,
}

/// Attempts of the last hour.
#[derive(Default)]
pub struct Attempts(Mutex<BTreeMap<Attempt, Count>>);

impl Attempts {
    /// How many there were, if that is to be written down now, and who counts for it.
    fn another(&self, mut attempt: Attempt, detail: &serde_json::Value, now: Timestamp) -> Option<(Attempt, u64)> {
        let mut counts = self.counts();
        if counts.len() >= MOST && !counts.contains_key(&attempt) {
            attempt = Attempt { who: MANY.into(), rotation: None, ..attempt };
        }
        let new = || Count { since: now, times: 0, written: 0, detail: serde_json::Value::Null };
        let count = counts.entry(attempt.clone()).or_insert_with(new);
        count.times += 1;
        count.detail = detail.clone();
        let due = count.times >= count.written.saturating_mul(10).max(1);
        due.then(|| {
            count.written = count.times;
            (attempt, count.times)
        })
    }

    /// What was counted and not written, of those whose hour is over; they are forgotten.
    fn over(&self, now: Timestamp) -> Vec<(Attempt, u64, serde_json::Value)> {
        let mut counts = self.counts();
        let is_over = |_: &Attempt, count: &mut Count| now.duration_since(count.since) >= WINDOW;
        let over = counts.extract_if(.., is_over);
        let left = over.filter(|(_, count)| count.times > count.written);
        left.map(|(attempt, count)| (attempt, count.times, count.detail)).collect()
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<Attempt, Count>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Writes down that somebody tried something in vain, unless it is one more of many.
    pub(super) async fn journal_in_vain(&self, attempt: Attempt, detail: serde_json::Value) {
        if let Some((attempt, times)) = self.attempts.another(attempt, &detail, self.clock.now()) {
            self.write_attempt(&attempt, times, detail).await;
        }
    }

    /// Writes down what was counted and not written.
    pub(super) async fn journal_what_is_over(&self) {
        for (attempt, times, detail) in self.attempts.over(self.clock.now()) {
            self.write_attempt(&attempt, times, detail).await;
        }
    }

    async fn write_attempt(&self, attempt: &Attempt, times: u64, mut detail: serde_json::Value) {
        if times > 1 {
            detail["times"] = times.into();
        }
        let (actor, event) = (attempt.who.clone(), attempt.event.clone());
        let line = Line { at: self.clock.now(), actor, event, detail };
        if let Err(error) = self.ledger.note(attempt.rotation.as_ref(), &line).await {
            tracing::warn!(%error, "an attempt was not journalled");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn attempt(who: &str) -> Attempt {
        Attempt { event: "outsider".into(), who: who.into(), rotation: None }
    }

    #[test]
    fn a_thousand_attempts_of_one_stranger_are_four_lines_and_the_rest_is_not_lost() {
        let (attempts, start) = (Attempts::default(), Timestamp::UNIX_EPOCH);
        let told = (0..1_234).filter_map(|_| attempts.another(attempt("x"), &json!({}), start)).map(|(_, times)| times);
        assert_eq!(told.collect::<Vec<_>>(), [1, 10, 100, 1_000]);
        assert!(attempts.over(start + SignedDuration::from_mins(59)).is_empty());
        let left = attempts.over(start + WINDOW);
        assert_eq!(left.iter().map(|(_, times, _)| *times).collect::<Vec<_>>(), [1_234]);
        assert!(attempts.another(attempt("x"), &json!({}), start + WINDOW).is_some(), "a new hour begins");
    }

    #[test]
    fn a_crowd_of_strangers_is_counted_together() {
        let (attempts, start) = (Attempts::default(), Timestamp::UNIX_EPOCH);
        let lines = (0..2_000).filter_map(|n| attempts.another(attempt(&n.to_string()), &json!({}), start)).count();
        assert_eq!(lines, MOST + 4, "one for each of the first thousand, and at 1, 10, 100 and 1,000 others");
    }
}
