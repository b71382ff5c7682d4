//! The lease under which a worker acts, and what it has to do with it.

use super::{Performed, SURE, plus, positive};
use crate::engine::Engine;
use crate::engine::report::Stop;
use crate::http::{CallError, TIMEOUT};
use crate::ledger::{Claim, LedgerError};
use crate::rotation::event::Event;
use crate::rotation::record::Rotation;
use jiff::SignedDuration;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;

/// A claimed lane, renewed before every outside call that needs it.
pub struct Hold<'a> {
    engine: &'a Engine,
    claim: Mutex<Claim>,
    /// How often the step was tried in vain so far.
    tries: AtomicU32,
}

impl<'a> Hold<'a> {
    pub(super) fn new(engine: &'a Engine, claim: Claim) -> Self {
        Self { engine, tries: AtomicU32::new(claim.tries), claim: Mutex::new(claim) }
    }

    pub(super) async fn claim(&self) -> Claim {
        self.claim.lock().await.clone()
    }

    pub(super) fn has_tried(&self, tries: u32) {
        self.tries.store(tries, Ordering::Relaxed);
    }

    /// Another lease from now on, however much is left.
    pub(super) async fn renew(&self) -> Result<(), LedgerError> {
        let mut claim = self.claim.lock().await;
        *claim = self.engine.ledger.renew(&claim, plus(self.engine.clock.now(), self.engine.settings.lease)).await?;
        Ok(())
    }

    /// Whether a no is believed by now: what passes (a cache, a failover, a change of roles) answers otherwise soon.
    pub fn is_sure(&self) -> bool {
        self.tries.load(Ordering::Relaxed) + 1 >= SURE
    }

    /// Whether GitLab's no is believed by now.
    pub fn believes(&self, refusal: &CallError) -> bool {
        self.is_sure() || refusal.is_about_the_request()
    }

    /// Makes sure that more lease is left than any call can take, or that we let go.
    pub async fn ensure(&self) -> Result<Claim, Stop> {
        let mut claim = self.claim.lock().await;
        let now = self.engine.clock.now();
        let left = claim.lease_until.duration_since(now);
        if left < half(self.engine.settings.lease) {
            *claim = match self.engine.ledger.renew(&claim, plus(now, self.engine.settings.lease)).await {
                Ok(renewed) => renewed,
                Err(LedgerError::Fenced) => return Err(Stop::Fenced),
                Err(error) => return Err(Stop::Ledger(error)),
            };
        }
        Ok(claim.clone())
    }

    /// Does what may take longer than the lease, as waiting for a turn with a slow messenger does: the lease is renewed
    /// meanwhile, and whoever cannot renew it any more stops, because another worker does the same by now.
    pub async fn keeping<T>(&self, work: impl Future<Output = T>) -> Result<T, Stop> {
        tokio::select! {
            done = work => Ok(done),
            stop = self.renewing() => Err(stop),
        }
    }

    /// The same for what must be seen to its end once it was begun, whoever has the lane by then: its report tells.
    pub async fn seeing_through<T>(&self, work: impl Future<Output = T>) -> T {
        let renewing = async {
            // A database that is away may come back.
            while !matches!(self.renewing().await, Stop::Fenced) {}
            std::future::pending::<T>().await
        };
        tokio::select! {
            done = work => done,
            never = renewing => never,
        }
    }

    /// Renews the lease again and again, until that fails.
    async fn renewing(&self) -> Stop {
        loop {
            tokio::time::sleep(self.engine.settings.lease / 4).await;
            if let Err(stop) = self.ensure().await {
                return stop;
            }
        }
    }

    /// How long to wait before anything is said that must not be said twice: whoever held the lane before and died or
    /// stalled may have sent it, and it cannot be found before it lands.
    pub async fn unsettled(&self) -> Option<Duration> {
        let settled = plus(self.claim.lock().await.lapsed_at, TIMEOUT);
        Some(positive(settled.duration_since(self.engine.clock.now()))).filter(|left| !left.is_zero())
    }

    /// Reports what happened, under this claim.
    pub async fn report(&self, rotation: &Rotation, event: &Event) -> Result<Performed, Stop> {
        let claim = self.ensure().await?;
        self.engine.advance(&rotation.id, event, Some(&claim)).await.map(|_| Performed::Moved)
    }
}

fn half(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration / 2).unwrap_or_default()
}
