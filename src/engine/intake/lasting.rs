//! Trouble that passes by itself is nobody's business. Trouble that lasts while a token is due is: the token dies of it.

use crate::engine::{Engine, EngineError, with_mend};
use crate::ledger::Filter;
use crate::rotation::ids::TokenName;
use crate::rotation::phase::{Outcome, Phase};
use crate::rotation::refusal::when;
use crate::rotation::token::{LiveToken, ManagedToken};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How long a token that is due may be kept from being looked at before people hear of it.
const LONG: SignedDuration = SignedDuration::from_hours(1);

/// The same of a token of which nobody knows whether it is due.
const VERY_LONG: SignedDuration = SignedDuration::from_hours(24);

/// With so few days left nothing is waited for.
const LAST_DAYS: i64 = 2;

/// Since when each token could not be looked at. What a process forgets costs an hour.
#[derive(Default)]
pub struct Amiss(Mutex<BTreeMap<TokenName, Known>>);

/// What is known of one token.
#[derive(Default)]
struct Known {
    since: Option<Timestamp>,
    /// When it expires, if it does, as it was seen last.
    expires: Option<Option<Date>>,
}

impl Amiss {
    fn since(&self, token: &TokenName, now: Timestamp) -> Timestamp {
        *self.lock().entry(token.clone()).or_default().since.get_or_insert(now)
    }

    fn expiry(&self, token: &TokenName) -> Option<Option<Date>> {
        self.lock().get(token)?.expires
    }

    /// It was looked at, or is in no hurry.
    pub(in crate::engine) fn is_over(&self, token: &TokenName) {
        self.lock().entry(token.clone()).or_default().since = None;
    }

    /// When a scan saw it last, it expired then, if at all; `None`: there was none of that name.
    pub(in crate::engine) fn last_saw(&self, token: &TokenName, expires: Option<Option<Date>>) {
        self.lock().entry(token.clone()).or_default().expires = expires;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<TokenName, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// What a case is about that says why the token cannot be looked after; the error again while that is worth none.
    pub(super) async fn worth_a_case(
        &self,
        managed: &ManagedToken,
        live: Option<&LiveToken>,
        force: bool,
        error: EngineError,
    ) -> Result<String, EngineError> {
        if !error.is_passing() {
            return Ok(error.to_string());
        }
        // Who asked hears of it at once.
        match self.lasting(managed, live, &error).await? {
            Some(why) if !force => Ok(why),
            _ => Err(error),
        }
    }

    /// What people must hear of a passing trouble, once it has lasted too long for a token that is due.
    async fn lasting(
        &self,
        managed: &ManagedToken,
        live: Option<&LiveToken>,
        error: &EngineError,
    ) -> Result<Option<String>, EngineError> {
        let now = self.clock.now();
        let since = self.inventory.amiss().since(&managed.id, now);
        let expires = match live {
            Some(live) => Some(live.expires_at),
            None => self.last_known_expiry(managed).await?,
        };
        let patience = match expires {
            Some(date) if !self.is_near_by_date(managed, date) => return Ok(None),
            Some(Some(date)) if date <= self.clock.today().saturating_add(LAST_DAYS.days()) => SignedDuration::ZERO,
            Some(_) => LONG,
            None => VERY_LONG,
        };
        let why = match error {
            EngineError::Locked { mend, .. } => with_mend(&error.to_string(), Some(*mend)),
            error => error.to_string(),
        };
        let known = expires.flatten().filter(|_| live.is_none());
        let known = known.map(|date| format!(". When it was seen last, it expired on {date}")).unwrap_or_default();
        let lasts = now.duration_since(since) >= patience;
        Ok(lasts.then(|| format!("since {} it cannot be looked after: {why}{known}", when(since))))
    }

    /// When the token expires as far as the last scan or a rotation after it tells; `None` if neither does.
    async fn last_known_expiry(&self, managed: &ManagedToken) -> Result<Option<Option<Date>>, EngineError> {
        let seen = self.inventory.amiss().expiry(&managed.id);
        let filter = Filter { open_only: false, token: Some(managed.id.clone()), limit: 1 };
        let last = self.ledger.list(filter).await?.pop();
        let done = last.filter(|last| matches!(last.phase, Phase::Closed { outcome: Outcome::Done, .. }));
        let made = done.map(|done| done.plan.new.expires_at);
        Ok(match (seen, made) {
            (Some(Some(seen)), Some(Some(made))) => Some(Some(seen.max(made))),
            _ => seen.or(made),
        })
    }
}
