//! Gauges that tell how the whole stands: open rotations by phase, how many are stuck, how late the workers are, when
//! tokens expire. What was seen once goes on being true or is told as unseen: no gauge stands still.

use super::Engine;
use super::intake::Amiss;
use crate::http::{BAD_SKEW, NOTABLE_SKEW};
use crate::rotation::ids::TokenName;
use crate::rotation::phase::Phase;
use crate::telemetry::{
    ACTIVE_ROTATIONS, MANAGED_TOKENS, STUCK, TOKEN_DAYS_LEFT, TOKEN_EXPIRES, WORKER_LAG_SECONDS, noted,
};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Prometheus asks about as often.
const EVERY: Duration = Duration::from_secs(15);

/// The states of a managed token.
const STATES: [&str; 6] = ["ok", "near", "expired", "endless", "missing", "unseen"];

/// What a scan saw of each managed token: nothing of that name, or when it expires, if it does.
#[derive(Default)]
pub struct Inventory(Mutex<BTreeMap<TokenName, Option<Option<Date>>>>, Amiss);

impl Inventory {
    /// Since when each token cannot be looked after.
    pub(super) fn amiss(&self) -> &Amiss {
        &self.1
    }

    pub(super) fn saw(&self, token: &TokenName, expires: Option<Option<Date>>) {
        self.1.last_saw(token, expires);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(token.clone(), expires);
    }

    fn seen(&self) -> BTreeMap<TokenName, Option<Option<Date>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Engine {
    /// Keeps the gauges true until told to stop.
    pub async fn keep_measuring(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = noted("measures", self.measure().await) {
                tracing::debug!(%error, "the gauges were not brought up to date");
            }
            self.measure_tokens();
            self.watch_clock();
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
                Some(Some(Some(date))) if self.is_near(managed, Some(*date)) => "near",
                Some(Some(Some(_))) => "ok",
            };
            *states.entry(state).or_default() += 1;
            if let Some(Some(Some(date))) = seen.get(&managed.id) {
                let token = managed.id.0.clone();
                let days = today.until(*date).map_or(0, |span| span.get_days());
                metrics::gauge!(TOKEN_DAYS_LEFT, "token" => token.clone()).set(f64::from(days));
                if let Ok(at) = date.to_zoned(TimeZone::UTC) {
                    metrics::gauge!(TOKEN_EXPIRES, "token" => token).set(at.timestamp().as_second() as f64);
                }
            }
        }
        for (state, many) in states {
            metrics::gauge!(MANAGED_TOKENS, "state" => state).set(many as f64);
        }
    }

    fn watch_clock(&self) {
        if let Some(skew) = self.gitlab.api().clock_skew().filter(|skew| skew.abs() >= NOTABLE_SKEW) {
            tracing::warn!(
                seconds = skew.as_secs(),
                "this machine's clock is ahead of GitLab's by so much; set it by NTP"
            );
        }
    }

    /// A line for everything that people see, when nothing that they sign would be believed.
    pub(super) fn clock_warning(&self) -> Option<String> {
        let skew = self.gitlab.api().clock_skew().filter(|skew| skew.abs() >= BAD_SKEW)?;
        let (minutes, side) = (skew.abs().as_mins(), if skew.is_positive() { "ahead of" } else { "behind" });
        Some(format!(
            "The clock of the machine that rekey runs on is {minutes} min {side} GitLab's. Clicks and webhooks are \
             refused as too old until it is set right (NTP)."
        ))
    }
}
