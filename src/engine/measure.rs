//! Gauges that tell how the whole stands: open rotations by phase, how many are stuck, how late the workers are, when
//! tokens expire. What was seen once goes on being true or is told as unseen: no gauge stands still.

use super::Engine;
use super::intake::Amiss;
use crate::rotation::ids::{TokenId, TokenName};
use crate::rotation::phase::Phase;
use crate::telemetry::{
    ACTIVE_ROTATIONS, MANAGED_TOKENS, STUCK, TOKEN_DAYS_LEFT, TOKEN_EXPIRES, WORKER_LAG_SECONDS, noted,
};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Prometheus asks about as often.
const EVERY: Duration = Duration::from_secs(15);

/// The states of a managed token.
const STATES: [&str; 6] = ["ok", "near", "expired", "endless", "missing", "unseen"];

/// What a scan saw of each managed token: nothing of that name, or when it expires, if it does.
#[derive(Default)]
pub struct Inventory {
    seen: Mutex<BTreeMap<TokenName, Option<Option<Date>>>>,
    settled: Mutex<BTreeMap<TokenName, TokenId>>,
    amiss: Amiss,
}

impl Inventory {
    /// Since when each token cannot be looked after.
    pub(super) fn amiss(&self) -> &Amiss {
        &self.amiss
    }

    pub(super) fn saw(&self, token: &TokenName, expires: Option<Option<Date>>) {
        self.amiss.last_saw(token, expires);
        lock(&self.seen).insert(token.clone(), expires);
    }

    /// Whether the number is the one of before, or the first one that is seen: only another one is news.
    pub(super) fn is_settled(&self, token: &TokenName, id: TokenId) -> bool {
        *lock(&self.settled).entry(token.clone()).or_insert(id) == id
    }

    /// What its stores hold was looked at.
    pub(super) fn settle(&self, token: &TokenName, id: TokenId) {
        lock(&self.settled).insert(token.clone(), id);
    }

    /// Nobody could look at it, so what was seen before says nothing any more.
    pub(super) fn lost_sight_of(&self, token: &TokenName) {
        lock(&self.seen).remove(token);
    }

    fn seen(&self) -> BTreeMap<TokenName, Option<Option<Date>>> {
        lock(&self.seen).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// Keeps the gauges true until told to stop.
    pub async fn keep_measuring(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = noted("measures", self.measure().await) {
                tracing::debug!(%error, "the gauges were not brought up to date");
            }
            self.measure_tokens();
            self.watch_clocks().await;
            self.journal_what_is_over().await;
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn measure(&self) -> Result<(), crate::ledger::LedgerError> {
        let counted = self.ledger.phases().await?;
        for phase in Phase::OPEN {
            let many = counted.iter().find(|(name, _)| name == phase).map_or(0, |(_, many)| *many);
            metrics::gauge!(ACTIVE_ROTATIONS, "phase" => *phase).set(many as f64);
            if *phase == "stuck" {
                metrics::gauge!(STUCK).set(many as f64);
            }
        }
        let late = self.ledger.next_wake().await?.map_or(0.0, |at| self.clock.now().duration_since(at).as_secs_f64());
        metrics::gauge!(WORKER_LAG_SECONDS).set(late.max(0.0));
        Ok(())
    }

    /// Days go by without a scan, too.
    pub fn measure_tokens(&self) {
        let (today, seen) = (self.clock.today(), self.inventory.seen());
        let mut states: BTreeMap<&str, u64> = STATES.map(|state| (state, 0)).into();
        for managed in self.catalog.tokens.values() {
            let state = match seen.get(&managed.id) {
                None => "unseen",
                Some(None) => "missing",
                Some(Some(None)) => "endless",
                Some(Some(Some(date))) if *date <= today => "expired",
                Some(Some(Some(date))) if self.is_near_by_date(managed, Some(*date)) => "near",
                Some(Some(Some(_))) => "ok",
            };
            *states.entry(state).or_default() += 1;
            let expires = seen.get(&managed.id).copied().flatten().flatten();
            // No number is better than one of which nobody knows whether it still holds.
            let days = expires.map_or(f64::NAN, |date| today.until(date).map_or(0, |span| span.get_days()).into());
            let at = expires.and_then(|date| date.to_zoned(TimeZone::UTC).ok());
            let at = at.map_or(f64::NAN, |at| at.timestamp().as_second() as f64);
            metrics::gauge!(TOKEN_DAYS_LEFT, "token" => managed.id.0.clone()).set(days);
            metrics::gauge!(TOKEN_EXPIRES, "token" => managed.id.0.clone()).set(at);
        }
        for (state, many) in states {
            metrics::gauge!(MANAGED_TOKENS, "state" => state).set(many as f64);
        }
    }
}
