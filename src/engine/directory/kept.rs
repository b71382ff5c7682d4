//! Answers that hold for a short while, so that a click costs no call each time.

use super::Age;
use crate::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How long an answer holds that lets somebody in.
pub(super) const YES: SignedDuration = SignedDuration::from_secs(120);
/// And one that does not: who was just added need not wait, and who keeps clicking costs no call a click.
pub(super) const NO: SignedDuration = SignedDuration::from_secs(20);
/// Answers kept; beyond it those that no longer hold are dropped.
const MOST: usize = 2_000;

/// Answers by what was asked.
pub(super) struct Kept<K, V> {
    clock: Arc<dyn Clock>,
    answers: Mutex<BTreeMap<K, (Timestamp, V)>>,
}

impl<K: Ord + Clone, V: Clone> Kept<K, V> {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, answers: Mutex::default() }
    }

    /// The answer, if it may be as old as this. `lets_in` tells which answers may be older.
    pub fn get(&self, key: &K, age: Age, lets_in: impl Fn(&V) -> bool) -> Option<V> {
        let (at, answer) = self.lock().get(key).cloned()?;
        let holds = if lets_in(&answer) { YES } else { NO };
        let passed = self.clock.now().duration_since(at);
        let is_recent = passed >= SignedDuration::ZERO && passed < holds;
        (age == Age::Recent && is_recent).then_some(answer)
    }

    pub fn put(&self, key: K, answer: &V) {
        let now = self.clock.now();
        let mut answers = self.lock();
        if answers.len() >= MOST {
            answers.retain(|_, (at, _)| now.duration_since(*at) < YES);
        }
        answers.insert(key, (now, answer.clone()));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<K, (Timestamp, V)>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn a_yes_holds_two_minutes_a_no_twenty_seconds_and_neither_when_it_matters() {
        let clock = ManualClock::at("2026-11-21T10:00:00Z".parse().unwrap());
        let kept = Kept::new(Arc::new(clock.clone()));
        kept.put("yes", &true);
        kept.put("no", &false);
        let get = |key, age| kept.get(&key, age, |answer| *answer);
        assert_eq!((get("yes", Age::Recent), get("no", Age::Recent)), (Some(true), Some(false)));
        assert_eq!((get("yes", Age::Now), get("no", Age::Now)), (None, None));
        clock.advance(20);
        assert_eq!((get("yes", Age::Recent), get("no", Age::Recent)), (Some(true), None));
        clock.advance(100);
        assert_eq!(get("yes", Age::Recent), None);
        clock.advance(-300);
        assert_eq!(get("yes", Age::Recent), None, "a clock that was set back proves nothing");
    }
}
