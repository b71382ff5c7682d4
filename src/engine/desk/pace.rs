//! How much one person may ask in a while. What they look up is paid from GitLab's request budget, which everybody
//! shares; decisions are free.

use super::Caller;
use crate::rotation::wish::Wish;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What somebody may ask at once who has asked for nothing lately.
const MOST: i64 = 60;

/// After this long they may ask for one thing more.
const EACH: SignedDuration = SignedDuration::from_secs(3);

/// People remembered at once.
const PEOPLE: usize = 10_000;

/// What it costs to show everything: every owner is asked for.
pub(super) const EVERYTHING: i64 = 4;

/// When each account will have paid for all it asked for.
#[derive(Default)]
pub(super) struct Pace(Mutex<BTreeMap<(String, String), Timestamp>>);

impl Pace {
    /// Lets somebody ask for something of that cost, or tells how long to wait.
    pub(super) fn take(&self, caller: &Caller, cost: i64, now: Timestamp) -> Result<(), SignedDuration> {
        if cost == 0 {
            return Ok(());
        }
        let mut paid = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if paid.len() >= PEOPLE {
            paid.retain(|_, at| *at > now);
        }
        let who = (caller.surface.0.clone(), caller.account.clone());
        let at = paid.get(&who).copied().unwrap_or(now).max(now);
        let after = at.saturating_add(EACH * i32::try_from(cost).unwrap_or(i32::MAX)).unwrap_or(Timestamp::MAX);
        let too_much = after.duration_since(now) - EACH * i32::try_from(MOST).unwrap_or(i32::MAX);
        if too_much > SignedDuration::ZERO {
            return Err(too_much);
        }
        paid.insert(who, after);
        Ok(())
    }
}

/// What a wish costs.
pub(super) fn cost(wish: &Wish) -> i64 {
    match wish {
        Wish::Decide(_) => 0,
        Wish::List(_) => EVERYTHING,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(account: &str) -> Caller {
        let (surface, place, account) = ("slack".into(), "T1".into(), account.into());
        Caller { surface, place, account, guest: false, roles: [].into(), channel: None }
    }

    #[test]
    fn being_offered_a_code_is_paid_for() {
        assert_eq!(cost(&Wish::Enroll), 1);
    }

    #[test]
    fn whoever_asks_without_end_is_told_to_wait_and_nobody_else_is() {
        let (pace, now) = (Pace::default(), Timestamp::UNIX_EPOCH);
        let lists = (0..100).take_while(|_| pace.take(&caller("loop"), EVERYTHING, now).is_ok()).count();
        assert_eq!(lists, 15);
        assert_eq!(pace.take(&caller("loop"), EVERYTHING, now), Err(SignedDuration::from_secs(12)));
        assert!(pace.take(&caller("loop"), 0, now).is_ok() && pace.take(&caller("other"), EVERYTHING, now).is_ok());
        assert!(pace.take(&caller("loop"), EVERYTHING, now + SignedDuration::from_secs(12)).is_ok());
    }
}
