//! Proving the new token: stores settled, consumers passed, the token seen in use.

use super::stop::safe_now;
use super::stop::{other_ways, stuck};
use super::{ending, minting};
use crate::rotation::ids::{ConsumerId, StoreId, TokenId};
use crate::rotation::phase::{Phase, Run, RunRef, Why};
use crate::rotation::policy::later;
use crate::rotation::record::Rotation;
use crate::rotation::refusal::Refusal;
use crate::rotation::token::Strategy;
use jiff::Timestamp;

/// Earlier writes can no longer land and the stores hold what they should.
pub fn settled(rotation: &mut Rotation, now: Timestamp) -> Result<(), Refusal> {
    match (&rotation.phase, rotation.settle_at) {
        (Phase::Verifying { .. }, Some(at)) if now >= at => {
            rotation.settle_at = None;
            rotation.saw(now, "rekey", "stores read again after the lost attempt", None);
            Ok(())
        }
        (Phase::Verifying { .. }, _) => Err(Refusal::TooEarly),
        _ => Err(Refusal::not_now(rotation)),
    }
}

/// A store holds something else. A lost attempt's write that landed late is overwritten by another attempt;
/// anything else was put there by somebody and is never touched.
pub fn drifted(
    rotation: &mut Rotation,
    store: &StoreId,
    holds: Option<TokenId>,
    held: Option<u16>,
    now: Timestamp,
) -> Result<(), Refusal> {
    if !matches!(rotation.phase, Phase::Verifying { .. } | Phase::Grace { .. } | Phase::Revoking { .. }) {
        return Err(Refusal::not_now(rotation));
    }
    let ours = holds.is_some_and(|id| rotation.lost.contains(&id));
    // Whoever retries after having been told of it wants the new value there, and only another attempt has one.
    let again = rotation.plan.strategy != Strategy::SelfRotate && (ours || rotation.may_overwrite(store, held));
    if let (true, Some(new)) = (again, rotation.phase.minted().cloned()) {
        let what =
            if ours { "an earlier write landed late; making another token" } else { "making another token for it" };
        rotation.saw(now, store.as_str(), what, None);
        rotation.lost.insert(new.id);
        rotation.lost_digests.insert(new.digest.clone());
        let horizon = rotation.quarantine(now);
        minting::wait_for_writes(rotation, horizon);
        minting::again(rotation, new.attempt, now);
        return Ok(());
    }
    let what = match holds {
        Some(id) => format!("{store} holds token {id}, not the new one."),
        None => format!("{store} holds a value that is not the new token's: somebody changed it."),
    };
    let todo = match rotation.phase.minted() {
        Some(_) if rotation.plan.strategy == Strategy::SelfRotate => {
            "Find out who changed the store. Make a token by hand, put it into the stores named in the plan, then abandon. \
             Retry looks once more."
        }
        Some(_) => {
            rotation.contested.insert(store.clone());
            rotation.foreign.remove(store);
            rotation.foreign.extend(held.map(|held| (store.clone(), held)));
            "Find out who changed the store. Retry: rekey looks again and, if it is still so, makes another token and writes \
             it to all stores. Or abandon."
        }
        None => {
            "Find out who changed the store. Put the previous value there and retry, or abandon: then that token stays alive."
        }
    };
    let (safe, todo) = ("Nothing was revoked since.".into(), todo.into());
    stuck(rotation, Why { what, safe, todo, link: None, log: None }, now);
    Ok(())
}

/// A store that left the configuration may hold a token that is about to be revoked; only a person can know.
pub fn store_missing(rotation: &mut Rotation, store: &StoreId, now: Timestamp) -> Result<(), Refusal> {
    if !matches!(rotation.phase, Phase::Verifying { .. } | Phase::Grace { .. } | Phase::Revoking { .. }) {
        return Err(Refusal::not_now(rotation));
    }
    let why = Why {
        what: format!("{store} is no longer in the configuration, so nobody can look whether it holds the new token."),
        safe: "Nothing was revoked since.".into(),
        todo: "Put the store back into the configuration and retry, or abandon.".into(),
        link: None,
        log: None,
    };
    stuck(rotation, why, now);
    Ok(())
}

/// Writes down that a consumer is about to be started; only what happens after this counts.
pub fn starting(
    rotation: &mut Rotation,
    consumer: &ConsumerId,
    after: Option<u64>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let run = run_of(rotation, consumer)?;
    match run {
        Run::Pending => {
            *run = Run::Starting { since: now, after };
            Ok(())
        }
        _ => Err(Refusal::Stale),
    }
}

/// A consumer runs.
pub fn started(
    rotation: &mut Rotation,
    consumer: &ConsumerId,
    running: &RunRef,
    now: Timestamp,
) -> Result<(), Refusal> {
    let run = run_of(rotation, consumer)?;
    let Run::Starting { since, .. } = *run else { return Err(Refusal::Stale) };
    *run = Run::Started { run: running.clone(), since };
    let what = format!("{consumer}: pipeline {} started", running.pipeline);
    rotation.saw(now, "gitlab", what, Some(running.url.clone()));
    Ok(())
}

/// The named job ran after the switch and passed.
pub fn passed(
    rotation: &mut Rotation,
    consumer: &ConsumerId,
    ran: &RunRef,
    copies: Option<u32>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let run = run_of(rotation, consumer)?;
    if !matches!(run, Run::Started { run, .. } if run.pipeline == ran.pipeline) {
        return Err(Refusal::Stale);
    }
    *run = Run::Passed { run: ran.clone(), at: now };
    if let Phase::Verifying { runs, passed_at, .. } = &mut rotation.phase
        && runs.values().all(|run| matches!(run, Run::Passed { .. }))
    {
        *passed_at = Some(now);
    }
    let all = copies.map(|copies| format!(", all {copies} copies of it")).unwrap_or_default();
    rotation.saw(now, "gitlab", format!("{consumer}: ran and passed{all}"), Some(ran.url.clone()));
    Ok(())
}

/// A red consumer stops the rotation: retry, restore or abandon.
pub fn failed(
    rotation: &mut Rotation,
    consumer: &ConsumerId,
    what: &str,
    url: Option<&str>,
    log: Option<&str>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let run = run_of(rotation, consumer)?;
    if matches!(run, Run::Passed { .. } | Run::Pending) {
        return Err(Refusal::Stale);
    }
    *run = Run::Pending;
    let why = Why {
        what: format!("Verification failed: {consumer}: {what}"),
        safe: format!("{} The new token works too.", safe_now(rotation, now)),
        todo: format!("Mend the pipeline and retry, {}.", other_ways(rotation, now)),
        link: url.map(str::to_owned),
        log: log.map(str::to_owned),
    };
    stuck(rotation, why, now);
    Ok(())
}

/// The proof: somebody other than us used the new token.
pub fn new_seen(rotation: &mut Rotation, at: Timestamp, now: Timestamp) -> Result<(), Refusal> {
    let Phase::Verifying { new, passed_at: Some(_), .. } = &rotation.phase else {
        return Err(Refusal::not_now(rotation));
    };
    if rotation.settle_at.is_some() {
        return Err(Refusal::TooEarly);
    }
    let new = new.clone();
    rotation.new_last_used = Some(at);
    rotation.saw(now, "gitlab", proof_of_use(rotation, new.id), None);
    if rotation.plan.overlaps() {
        // Nothing is revoked during the quarantine, so the old token is watched to its end.
        let until = later(now, rotation.plan.timing.grace_seconds);
        let until = rotation.quarantine_until.map_or(until, |quarantine| quarantine.max(until));
        rotation.phase = Phase::Grace { new, since: now, before: Some(at), until, broken: 0 };
    } else {
        ending::revoke_then_close(rotation, new);
    }
    Ok(())
}

/// GitLab shows the use of a token that rotated itself to nobody but itself: then the words promise no more.
fn proof_of_use(rotation: &Rotation, new: TokenId) -> String {
    match rotation.plan.strategy {
        Strategy::SelfRotate => format!("new token {new} is in the stores; its use cannot be looked up"),
        _ => format!("new token {new} seen in use"),
    }
}

/// The jobs were green, but none of them used the token.
pub fn new_never_used(rotation: &mut Rotation, now: Timestamp) -> Result<(), Refusal> {
    let Phase::Verifying { passed_at: Some(passed_at), .. } = &rotation.phase else {
        return Err(Refusal::not_now(rotation));
    };
    if now < later(*passed_at, rotation.plan.timing.use_seconds) {
        return Err(Refusal::TooEarly);
    }
    if let Phase::Verifying { runs, passed_at, .. } = &mut rotation.phase {
        runs.values_mut().for_each(|run| *run = Run::Pending);
        *passed_at = runs.is_empty().then_some(now);
    }
    let why = Why {
        what: "The consumers passed, but GitLab has not seen the new token in use.".into(),
        safe: format!("{} The new token works too.", safe_now(rotation, now)),
        todo: format!(
            "Check that the jobs named in the plan really use these stores, and retry, {}.",
            other_ways(rotation, now)
        ),
        link: None,
        log: None,
    };
    stuck(rotation, why, now);
    Ok(())
}

fn run_of<'a>(rotation: &'a mut Rotation, consumer: &ConsumerId) -> Result<&'a mut Run, Refusal> {
    if rotation.settle_at.is_some() || !matches!(rotation.phase, Phase::Verifying { .. }) {
        return Err(Refusal::not_now(rotation));
    }
    match &mut rotation.phase {
        Phase::Verifying { runs, .. } => runs.get_mut(consumer).ok_or(Refusal::Stale),
        _ => Err(Refusal::Stale),
    }
}
