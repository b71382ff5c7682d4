//! The end: silence, revocation, a last look, closing.

use super::stop::stuck;
use crate::rotation::ids::TokenId;
use crate::rotation::phase::{AfterRevoke, Minted, Outcome, Phase, Why};
use crate::rotation::policy::later;
use crate::rotation::record::{Audience, Rotation, Use};
use crate::rotation::refusal::{Refusal, when};
use crate::rotation::token::Strategy;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// The old token may break its silence this often before a person has to look.
pub const MAX_BROKEN: u32 = 20;

/// Silent for the whole grace period: revoke. Used: the period starts again.
pub fn old_seen(
    rotation: &mut Rotation,
    last_used: Option<Timestamp>,
    ips: &[String],
    now: Timestamp,
) -> Result<(), Refusal> {
    if matches!(rotation.phase, Phase::Revoking { .. }) {
        return used_before_revoke(rotation, last_used, ips, now);
    }
    let Phase::Grace { new, since, before, until, broken } = rotation.phase.clone() else {
        return Err(Refusal::not_now(rotation));
    };
    if now < until {
        return Err(Refusal::TooEarly);
    }
    let used = last_used > before.max(rotation.old_last_used);
    rotation.old_last_used = last_used.max(rotation.old_last_used);
    if used {
        still_used(rotation, new, broken + 1, ips, now);
    } else {
        rotation.saw(now, "gitlab", format!("old token silent since {}", when(since)), None);
        revoke_then_close(rotation, new);
    }
    Ok(())
}

/// People say that nothing uses it any more: it is watched anew if it had not fallen silent.
pub fn watch_again(rotation: &mut Rotation, now: Timestamp) {
    let again = later(now, rotation.plan.timing.grace_seconds);
    if let Phase::Grace { since, until, broken, .. } = &mut rotation.phase
        && *broken >= MAX_BROKEN
    {
        (*since, *until, *broken) = (now, again, 0);
    }
}

/// A revoke may wait for long; somebody who used the old token meanwhile gets a new grace period.
fn used_before_revoke(
    rotation: &mut Rotation,
    last_used: Option<Timestamp>,
    ips: &[String],
    now: Timestamp,
) -> Result<(), Refusal> {
    let Phase::Revoking { new: Some(new), pending, .. } = rotation.phase.clone() else {
        return Err(Refusal::not_now(rotation));
    };
    if !pending.contains(&rotation.plan.old.id) || rotation.old_last_used >= last_used {
        return Err(Refusal::Stale);
    }
    rotation.old_last_used = last_used;
    still_used(rotation, new, 1, ips, now);
    Ok(())
}

fn still_used(rotation: &mut Rotation, new: Minted, broken: u32, ips: &[String], now: Timestamp) {
    let from = if ips.is_empty() { String::new() } else { format!(" from {}", ips.join(", ")) };
    rotation.saw(now, "gitlab", format!("old token still used{from}"), None);
    if broken == 1 {
        let text = format!("The old token is still in use{from}. It is revoked once it stays silent.");
        rotation.announce(now, Audience::Approvers, text);
    }
    let until = later(now, rotation.plan.timing.grace_seconds);
    rotation.phase = Phase::Grace { new, since: now, before: rotation.old_last_used, until, broken };
    if broken >= MAX_BROKEN {
        let why = Why {
            what: format!("The old token does not fall silent: last used{from}."),
            safe: "Both tokens work; nothing was revoked.".into(),
            todo: "Find what still uses the old token and give it the new one, then retry, or abandon.".into(),
            link: None,
            log: None,
        };
        stuck(rotation, why, now);
    }
}

/// One past use is not a continuing one: it is revoked once GitLab has said the same for a whole period of silence.
pub fn still_in_use(
    rotation: &mut Rotation,
    token: TokenId,
    last: Timestamp,
    ips: &[String],
    now: Timestamp,
) -> Result<(), Refusal> {
    let Phase::Revoking { pending, .. } = &rotation.phase else {
        return Err(Refusal::not_now(rotation));
    };
    if !pending.contains(&token) {
        return Err(Refusal::Stale);
    }
    let broken = match rotation.uses.get(&token) {
        Some(seen) if seen.last == last => return Err(Refusal::Stale),
        Some(seen) => seen.broken + 1,
        None => 0,
    };
    rotation.uses.insert(token, Use { last, since: now, broken });
    let from = if ips.is_empty() { String::new() } else { format!(" from {}", ips.join(", ")) };
    rotation.saw(now, "gitlab", format!("token {token}, which is to be revoked, was used{from}"), None);
    if broken >= MAX_BROKEN {
        let why = Why {
            what: format!(
                "Token {token}, which no store holds that can be read, does not fall silent: last used{from}."
            ),
            safe: "It was not revoked; what the stores hold works.".into(),
            todo: "Find what uses it and give it the new token, then retry, or abandon and revoke it by hand.".into(),
            link: None,
            log: None,
        };
        stuck(rotation, why, now);
    }
    Ok(())
}

/// What is left to revoke besides the token that stays; then the last look.
pub fn revoke_then_close(rotation: &mut Rotation, new: Minted) {
    let mut pending: BTreeSet<TokenId> = rotation.lost.iter().copied().filter(|id| *id != new.id).collect();
    if rotation.plan.strategy == Strategy::Overlap {
        pending.insert(rotation.plan.old.id);
    }
    pending.extend(rotation.plan.leftovers.iter().map(|left| left.token).filter(|id| *id != new.id));
    proceed(rotation, Some(new), pending, AfterRevoke::Close(Outcome::Done));
}

/// The previous value is back everywhere: nothing of ours may stay alive.
pub fn give_up_new(rotation: &mut Rotation, new: &Minted, now: Timestamp) {
    let mut pending = rotation.lost.clone();
    pending.insert(new.id);
    rotation.quarantine(now);
    proceed(rotation, None, pending, AfterRevoke::Close(Outcome::Abandoned));
}

/// Revokes what is pending, or goes on at once if there is nothing.
pub fn proceed(rotation: &mut Rotation, new: Option<Minted>, pending: BTreeSet<TokenId>, then: AfterRevoke) {
    rotation.phase = Phase::Revoking { new, pending, then };
    finish_revoking(rotation);
}

/// A token is dead, by us or already.
pub fn revoked(rotation: &mut Rotation, token: TokenId, now: Timestamp) -> Result<(), Refusal> {
    if rotation.quarantine_until.is_some_and(|until| now < until) {
        return Err(Refusal::TooEarly);
    }
    let Phase::Revoking { pending, .. } = &mut rotation.phase else {
        return Err(Refusal::not_now(rotation));
    };
    if !pending.remove(&token) {
        return Err(Refusal::Stale);
    }
    rotation.lost.remove(&token);
    // The stores were just seen to hold what they should: what people said of an earlier look is over.
    rotation.overwrite.clear();
    rotation.uses.remove(&token);
    let which = match token {
        _ if token == rotation.plan.old.id => "old token",
        _ if rotation.plan.sweeps(token) => "token of an earlier rotation,",
        _ => "unused token",
    };
    rotation.saw(now, "gitlab", format!("{which} {token} revoked, confirmed by reading it"), None);
    finish_revoking(rotation);
    Ok(())
}

fn finish_revoking(rotation: &mut Rotation) {
    let Phase::Revoking { new, pending, then } = &rotation.phase else { return };
    if !pending.is_empty() {
        return;
    }
    rotation.phase = match then {
        AfterRevoke::Mint => Phase::Minting { attempt: 1, started: None },
        AfterRevoke::Close(outcome) => Phase::Closing { new: new.clone(), outcome: *outcome },
    };
}

/// Something speaks against revoking: a person decides.
pub fn revoke_refused(rotation: &mut Rotation, token: TokenId, why: &str, now: Timestamp) -> Result<(), Refusal> {
    let Phase::Revoking { pending, .. } = &rotation.phase else {
        return Err(Refusal::not_now(rotation));
    };
    if !pending.contains(&token) {
        return Err(Refusal::Stale);
    }
    let why = Why {
        what: format!("Token {token} was not revoked: {why}"),
        safe: match &rotation.phase {
            Phase::Revoking { then: AfterRevoke::Mint, .. } => "Nothing was changed: the old token still lives.".into(),
            Phase::Revoking { new: None, .. } => "The stores hold the previous value, which works.".into(),
            _ => "The new token is in place and works.".into(),
        },
        todo: "Look at what is named, then retry, or abandon and revoke by hand.".into(),
        link: None,
        log: None,
    };
    stuck(rotation, why, now);
    Ok(())
}

/// The last look. Live tokens of ours besides the new one are revoked first.
pub fn probed(
    rotation: &mut Rotation,
    found: &BTreeSet<TokenId>,
    untidy: &[String],
    now: Timestamp,
) -> Result<(), Refusal> {
    let Phase::Closing { new, outcome } = rotation.phase.clone() else {
        return Err(Refusal::not_now(rotation));
    };
    if rotation.quarantine_until.is_some_and(|until| now < until) {
        return Err(Refusal::TooEarly);
    }
    let stays = new.as_ref().map(|new| new.id);
    let stray: BTreeSet<TokenId> = found.iter().copied().filter(|id| Some(*id) != stays).collect();
    if !stray.is_empty() && !keeps_all(rotation, outcome) {
        rotation.lost.extend(&stray);
        proceed(rotation, new, stray, AfterRevoke::Close(outcome));
        return Ok(());
    }
    if !stray.is_empty() {
        let ids: Vec<String> = stray.iter().map(|id| format!("token {id}")).collect();
        let left = format!("{} still alive, because a store may hold it; revoke it once none does", ids.join(", "));
        rotation.saw(now, "gitlab", left.clone(), None);
        rotation.announce(now, Audience::Approvers, format!("Left behind: {left}."));
    }
    for left in untidy {
        rotation.saw(now, "rekey", format!("not cleaned up: {left}"), None);
        rotation.announce(now, Audience::Approvers, format!("Left to clean up by hand: {left}"));
    }
    let restored = new.is_none() && rotation.switched_at.is_some();
    close(rotation, outcome, restored, now);
    Ok(())
}

/// Over, with the last words.
pub fn close(rotation: &mut Rotation, outcome: Outcome, restored: bool, now: Timestamp) {
    rotation.phase = Phase::Closed { outcome, at: now };
    // Who declined was named at once, with all that holds now.
    if outcome != Outcome::Declined {
        rotation.announce(now, Audience::Followers, farewell(rotation, outcome, restored));
    }
}

/// A person who abandons after stores were written keeps every token that a store may hold.
fn keeps_all(rotation: &Rotation, outcome: Outcome) -> bool {
    outcome == Outcome::Abandoned && rotation.switched_at.is_some() && !rotation.lost.is_empty()
}

fn farewell(rotation: &Rotation, outcome: Outcome, restored: bool) -> String {
    let name = &rotation.plan.old.name;
    match outcome {
        Outcome::Done => format!("Done: {name} is rotated and proven, the old token is revoked."),
        Outcome::Declined => format!("Closed: {name} was not rotated."),
        Outcome::Superseded => format!("Closed: {name} was taken care of elsewhere."),
        Outcome::Withdrawn => format!("Closed: {name} is no longer in the configuration. Nothing was changed."),
        Outcome::Abandoned if restored => {
            format!(
                "Closed: the stores hold the previous value again, the new token is revoked. {name} still has to be rotated."
            )
        }
        Outcome::Abandoned => format!("Closed without finishing. Which tokens of {name} live stands on the card."),
    }
}

/// Values that were never written anywhere are strays; the last look finds and revokes them.
pub fn abandon_unwritten(rotation: &mut Rotation, now: Timestamp) {
    rotation.quarantine(now);
    rotation.phase = Phase::Closing { new: None, outcome: Outcome::Abandoned };
}
