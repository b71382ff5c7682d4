//! How much one person may ask in a while. What they look up is paid from GitLab's request budget, which everybody
//! shares. Decisions that are typed and what is offered while somebody types are counted apart, so that whoever looked up too much can still
//! decide; what is pressed on a card is free.

use super::Caller;
use super::visible::WHOLE;
use crate::rotation::wish::Wish;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What somebody may ask at once who has asked for nothing lately.
const MOST: i64 = 60;

/// After this long they may ask for one thing more.
const EACH: SignedDuration = SignedDuration::from_secs(3);

/// After this long they may decide or type once more.
const EACH_QUICK: SignedDuration = SignedDuration::from_secs(1);

/// People remembered at once.
const PEOPLE: usize = 10_000;

/// What it costs to show everything: every owner is asked for.
pub(super) const EVERYTHING: i64 = 4;

/// What is counted apart.
pub(super) struct Paces {
    /// What is looked up or begun.
    pub(super) asks: Pace,
    /// Decisions that are typed.
    decisions: Pace,
    /// What is offered while somebody types.
    pub(super) typing: Pace,
    /// What is written down so that one replica answers.
    pub(super) marks: Pace,
}

impl Default for Paces {
    fn default() -> Self {
        let pace = |each| Pace { each, paid: Mutex::default() };
        Self { asks: pace(EACH), decisions: pace(EACH_QUICK), typing: pace(EACH_QUICK), marks: pace(EACH_QUICK) }
    }
}

impl Paces {
    /// Lets somebody ask for that, or tells how long to wait.
    pub(super) fn ask(&self, caller: &Caller, wish: &Wish, now: Timestamp) -> Result<(), SignedDuration> {
        match wish {
            // A button names the plan whole; nobody is kept from pressing.
            Wish::Decide(decision) if decision.plan.as_ref().is_some_and(|plan| plan.len() >= WHOLE) => Ok(()),
            Wish::Decide(_) => self.decisions.take(caller, 1, now),
            _ => self.asks.take(caller, cost(wish), now),
        }
    }
}

/// When each account will have paid for all it asked for.
pub(super) struct Pace {
    each: SignedDuration,
    paid: Mutex<BTreeMap<(String, String), Timestamp>>,
}

impl Pace {
    /// Lets somebody ask for something of that cost, or tells how long to wait.
    pub(super) fn take(&self, caller: &Caller, cost: i64, now: Timestamp) -> Result<(), SignedDuration> {
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        if paid.len() >= PEOPLE {
            paid.retain(|_, at| *at > now);
        }
        let who = (caller.surface.0.clone(), caller.account.clone());
        let at = paid.get(&who).copied().unwrap_or(now).max(now);
        let after = at.saturating_add(self.each * i32::try_from(cost).unwrap_or(i32::MAX)).unwrap_or(Timestamp::MAX);
        let too_much = after.duration_since(now) - self.each * i32::try_from(MOST).unwrap_or(i32::MAX);
        if too_much > SignedDuration::ZERO {
            return Err(too_much);
        }
        paid.insert(who, after);
        Ok(())
    }
}

/// What a wish costs.
fn cost(wish: &Wish) -> i64 {
    match wish {
        Wish::List(_) => EVERYTHING,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::wish::Decision;

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
        let (pace, now) = (Paces::default().asks, Timestamp::UNIX_EPOCH);
        let lists = (0..100).take_while(|_| pace.take(&caller("loop"), EVERYTHING, now).is_ok()).count();
        assert_eq!(lists, 15);
        assert_eq!(pace.take(&caller("loop"), EVERYTHING, now), Err(SignedDuration::from_secs(12)));
        assert!(pace.take(&caller("other"), EVERYTHING, now).is_ok());
        assert!(pace.take(&caller("loop"), EVERYTHING, now + SignedDuration::from_secs(12)).is_ok());
    }

    #[test]
    fn whoever_looked_up_too_much_can_still_decide_and_nobody_decides_without_end() {
        let (paces, now) = (Paces::default(), Timestamp::UNIX_EPOCH);
        let decide = Wish::parse("decline 01kcase");
        assert!(matches!(decide, Wish::Decide(_)), "{decide:?}");
        while paces.ask(&caller("alice"), &Wish::Help, now).is_ok() {}
        let decisions = (0..1_000).take_while(|_| paces.ask(&caller("alice"), &decide, now).is_ok()).count();
        assert_eq!(decisions, 60);
        let Wish::Decide(typed) = decide else { unreachable!("it is one") };
        let pressed = Wish::Decide(Decision { plan: Some("4f2a9c11".repeat(8)), ..typed.clone() });
        assert!((0..1_000).all(|_| paces.ask(&caller("alice"), &pressed, now).is_ok()), "buttons are free");
        assert!(paces.ask(&caller("alice"), &Wish::Decide(typed), now + EACH_QUICK).is_ok());
    }
}
