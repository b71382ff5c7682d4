//! Workers: claim a lane, perform what is due, report, let go. Any replica may take over at any point.

mod hold;

pub use hold::Hold;

use super::Engine;
use super::report::Stop;
use crate::http::as_work;
use crate::ledger::{Claim, LedgerError};
use crate::rotation::due::due;
use crate::rotation::effect::{Effect, Lane};
use crate::rotation::event::Event;
use crate::rotation::phase::Phase;
use crate::rotation::record::Rotation;
use crate::telemetry::{EFFECT_SECONDS, EFFECTS, noted};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// The longest a worker sleeps without looking, should every wake-up be lost.
const LOOK: Duration = Duration::from_secs(1);
/// How long a rotation is left alone that is not as it was left.
const DAMAGED: Duration = Duration::from_secs(60);
/// A refusal in words that promise no end is asked so often before it is believed.
const SURE: u32 = 3;
/// However long a store asks to be left alone, people can act and hear again after this.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);

/// What performing an effect came to.
#[derive(Debug)]
pub enum Performed {
    /// The row moved; look at what is due now.
    Moved,
    /// The row is not one on which this can be done, so nothing was: it is damaged, or `due` asks for the impossible.
    Misfit,
    /// Nothing to report yet; look again after this long.
    Later(Duration),
    /// Something outside is down; try again, not before `after` if it said so.
    Trouble {
        /// In words, without secrets.
        why: String,
        /// The wish of the other side.
        after: Option<Duration>,
        /// What was refused, which will not pass by itself as far as anybody can tell.
        refused: Option<Lasting>,
    },
}

/// What came in between, for people, and whether it can be expected to pass.
struct Trouble {
    why: String,
    refused: Option<Lasting>,
}

/// A refusal of this one call, in words that promise no end of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasting {
    /// It may not, or not so.
    Forbidden,
    /// It is not there, as far as the bot may see.
    Missing,
}

impl Engine {
    /// Works until told to stop; then finishes what is in hand, within the time of `farewell`, and lets go.
    pub async fn work(self: Arc<Self>, stop: CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.settings.parallel));
        let mut changes = self.ledger.changes();
        while !stop.is_cancelled() {
            let taken = self.clone().take(&slots, &stop).await;
            if !taken {
                self.idle(&mut changes, &stop).await;
            }
        }
        let all = u32::try_from(self.settings.parallel).unwrap_or(u32::MAX);
        drop(slots.acquire_many(all).await);
    }

    async fn take(self: Arc<Self>, slots: &Arc<Semaphore>, stop: &CancellationToken) -> bool {
        let free = u32::try_from(slots.available_permits()).unwrap_or(u32::MAX);
        if free == 0 {
            tokio::select! {
                _ = slots.acquire() => {}
                () = stop.cancelled() => {}
            }
            return true;
        }
        let now = self.clock.now();
        let until = plus(now, self.settings.lease);
        let claims = match noted("worker", self.ledger.claim(&self.settings.owner, now, until, free).await) {
            Ok(claims) => claims,
            Err(error) => {
                tracing::warn!(%error, "cannot claim work");
                return false;
            }
        };
        let any = !claims.is_empty();
        for claim in claims {
            let Ok(permit) = slots.clone().acquire_owned().await else { return false };
            let (engine, stop) = (self.clone(), stop.clone());
            let span = tracing::info_span!("rotation", id = %claim.rotation, lane = claim.lane.0);
            tokio::spawn(
                async move {
                    let id = claim.rotation.clone();
                    tokio::select! {
                        () = as_work(engine.run_lane(claim)) => {}
                        () = overdue(&stop, engine.settings.farewell) => {
                            tracing::warn!(rotation = %id, "a step was cut short by the stop; it is taken up again");
                        }
                    }
                    drop(permit);
                }
                .instrument(span),
            );
        }
        any
    }

    async fn idle(&self, changes: &mut watch::Receiver<u64>, stop: &CancellationToken) {
        let now = self.clock.now();
        let wake = self.ledger.next_wake().await.ok().flatten();
        let pause = wake.map_or(LOOK, |at| positive(at.duration_since(now)).min(LOOK));
        tokio::select! {
            _ = changes.changed() => {}
            () = tokio::time::sleep(pause.max(Duration::from_millis(5))) => {}
            () = stop.cancelled() => {}
        }
    }

    /// Performs everything due in a lane; public for tests that step by hand.
    pub async fn run_lane(&self, claim: Claim) {
        let mut tries = claim.tries;
        let lane = claim.lane.clone();
        let hold = Hold::new(self, claim);
        let (mut moved_from, mut stepped) = (None, false);
        loop {
            hold.has_tried(tries);
            let step = self.step(&hold, &lane).await;
            let claim = hold.claim().await;
            let (rotation, effect, performed) = match step {
                Ok(Some(step)) => step,
                // The lane says that something is owed and the rotation does not: it would be handed out again at once.
                Ok(None) => return self.let_go(&claim, (!stepped).then_some(LOOK), 0).await,
                Err(stop) => return self.give_way(&claim, &lane, stop, tries).await,
            };
            stepped = true;
            let claims_to_move = matches!(performed, Ok(Performed::Moved) | Err(Stop::Overtaken(_)));
            let stands = claims_to_move && moved_from == Some(rotation.version);
            moved_from = claims_to_move.then_some(rotation.version);
            let (why, after, refused) = match performed {
                Ok(Performed::Moved) if !stands => {
                    tries = 0;
                    continue;
                }
                Err(Stop::Overtaken(refusal)) if !stands => {
                    tracing::debug!(%refusal, "overtaken");
                    continue;
                }
                Ok(Performed::Moved | Performed::Misfit) | Err(Stop::Overtaken(_)) => (misfit(&effect), None, None),
                Ok(Performed::Trouble { why, after, refused }) => (why, after, refused),
                Ok(Performed::Later(pause)) => {
                    tries = 0;
                    if self.wait_in_custody(&hold, &lane, &rotation, pause).await {
                        continue;
                    }
                    return self.let_go(&claim, Some(pause), 0).await;
                }
                Err(stop) => return self.give_way(&claim, &lane, stop, tries).await,
            };
            tries += 1;
            let pause = self.settings.backoff.pause(tries, self.dice.spread()).max(after.unwrap_or_default());
            if self.trouble(&hold, &rotation, &lane, Trouble { why, refused }, tries).await {
                tries = 0;
                continue;
            }
            if !self.wait_in_custody(&hold, &lane, &rotation, pause).await {
                return self.let_go(&claim, Some(pause), tries).await;
            }
        }
    }

    async fn give_way(&self, claim: &Claim, lane: &Lane, stop: Stop, tries: u32) {
        match stop {
            Stop::Fenced => {
                if *lane == Lane::work() {
                    self.custody.forget(&claim.rotation);
                }
                tracing::info!("another worker has taken over");
            }
            Stop::Ledger(error @ LedgerError::Broken { .. }) => {
                tracing::error!(%error, "the rotation is not as rekey left it, so nothing is done; see `rekey audit verify`");
                self.tell_of_damage().await;
                self.let_go(claim, Some(DAMAGED), tries).await;
            }
            Stop::Unclean(error) => {
                tracing::error!(%error);
                self.let_go(claim, Some(DAMAGED), tries).await;
            }
            // What was being said may have landed: the lease runs out, so that whoever is next waits for it first.
            Stop::Ledger(error) if *lane != Lane::work() => {
                tracing::warn!(%error, "the database does not answer; the lease runs out");
            }
            Stop::Ledger(error) => {
                tracing::warn!(%error, "the database does not answer");
                self.let_go(claim, Some(LOOK), tries).await;
            }
            Stop::Overtaken(refusal) => {
                tracing::debug!(%refusal, "overtaken");
                self.let_go(claim, Some(LOOK), tries).await;
            }
        }
    }

    async fn step(&self, hold: &Hold<'_>, lane: &Lane) -> Result<Option<Stepped>, Stop> {
        let id = hold.claim().await.rotation;
        let Some(rotation) = self.ledger.load(&id).await.map_err(Stop::Ledger)? else { return Ok(None) };
        let now = self.clock.now();
        let owed = due(&rotation).into_iter().find(|owed| owed.effect.lane() == *lane && owed.from <= now);
        let Some(owed) = owed else { return Ok(None) };
        hold.ensure().await?;
        let begun = std::time::Instant::now();
        let performed = self.perform(hold, &rotation, &owed.effect).await;
        count(&owed.effect, &performed, begun.elapsed());
        Ok(Some((rotation, owed.effect, performed)))
    }

    /// Writes trouble down for people to see. True if it was given up: the row moved.
    async fn trouble(&self, hold: &Hold<'_>, rotation: &Rotation, lane: &Lane, met: Trouble, tries: u32) -> bool {
        let Trouble { why, refused } = met;
        tracing::warn!(why, tries, "will try again");
        if *lane != Lane::work() {
            return false;
        }
        let at_once = tries >= SURE && self.lasts(refused).await;
        if (at_once || self.has_waited_long_enough(rotation)) && !is_waiting(&rotation.phase) {
            return hold.report(rotation, &Event::GaveUp { why, at_once }).await.is_ok();
        }
        // People need not hear of a hiccup.
        if tries >= 2 && rotation.waiting.as_ref().is_none_or(|waiting| waiting.why != why) {
            let delayed = Event::Delayed { why };
            if let Err(stop) = hold.report(rotation, &delayed).await {
                tracing::debug!(?stop, "the trouble was not written down");
            }
        }
        false
    }

    /// Whether waiting is in vain. Where the bot's token is fine-grained, GitLab says of what it may not see that it is
    /// not there, so that proves nothing.
    async fn lasts(&self, refused: Option<Lasting>) -> bool {
        match refused {
            None => false,
            Some(Lasting::Forbidden) => true,
            Some(Lasting::Missing) => self.gitlab.me().await.is_ok_and(|me| !me.token.granular),
        }
    }

    fn has_waited_long_enough(&self, rotation: &Rotation) -> bool {
        let since = rotation.waiting.as_ref().map(|waiting| waiting.since);
        since.is_some_and(|since| self.clock.now() >= plus(since, self.settings.give_up_after))
    }

    /// A worker that holds a value which a store still lacks keeps its lane while it waits: nobody else could use the value.
    async fn wait_in_custody(&self, hold: &Hold<'_>, lane: &Lane, rotation: &Rotation, pause: Duration) -> bool {
        if *lane != Lane::work() || !self.custody.holds_minted(&rotation.id) {
            return false;
        }
        let mut left = pause.min(LONGEST_PAUSE);
        while !left.is_zero() {
            if hold.renew().await.is_err() {
                return false;
            }
            let nap = left.min(self.settings.lease / 3);
            tokio::time::sleep(nap).await;
            left -= nap;
        }
        true
    }

    async fn let_go(&self, claim: &Claim, pause: Option<Duration>, tries: u32) {
        let from = pause.map(|pause| plus(self.clock.now(), pause));
        if let Err(error) = self.ledger.release(claim, from, tries).await {
            tracing::debug!(%error, "the lease was not given back; it will run out");
        }
    }
}

/// What was found, what was owed, and what came of it.
type Stepped = (Rotation, Effect, Result<Performed, Stop>);

/// Words for a step that is owed and changes nothing.
fn misfit(effect: &Effect) -> String {
    format!("the step \"{}\" does not fit this rotation as it is stored; see `rekey audit verify`", effect.name())
}

/// Ends when the time is over that a stop leaves.
async fn overdue(stop: &CancellationToken, farewell: Duration) {
    stop.cancelled().await;
    tokio::time::sleep(farewell).await;
}

/// Nothing was done yet, so there is nothing that a person would have to decide: looking goes on, however long.
fn is_waiting(phase: &Phase) -> bool {
    matches!(phase, Phase::AwaitingApproval | Phase::Scheduled { .. })
}

fn count(effect: &Effect, performed: &Result<Performed, Stop>, took: Duration) {
    let result = match performed {
        Ok(Performed::Moved) => "moved",
        Ok(Performed::Misfit) => "misfit",
        Ok(Performed::Later(_)) => "later",
        Ok(Performed::Trouble { .. }) => "trouble",
        Err(_) => "stopped",
    };
    metrics::counter!(EFFECTS, "effect" => effect.name(), "result" => result).increment(1);
    metrics::histogram!(EFFECT_SECONDS, "effect" => effect.name()).record(took);
}

fn plus(at: Timestamp, duration: Duration) -> Timestamp {
    let signed = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    at.saturating_add(signed).unwrap_or(Timestamp::MAX)
}

fn positive(duration: SignedDuration) -> Duration {
    Duration::try_from(duration).unwrap_or_default()
}
