//! A closed case is not a solved problem. Only a rotation that is done ends the duty to ask people about a token; any
//! other end is asked about again before the token expires, with who ended it and why. Pure: the closed row and the
//! policy give the moment.

use super::phase::{Outcome, Phase};
use super::policy::later;
use super::record::{Audience, Rotation};
use super::remind::Reminders;
use crate::clock::{start_of, utc_date};
use jiff::{SignedDuration, Timestamp};

const DAY: u64 = 86_400;
/// Somebody must hear of it a day before the expiry, whatever the steps.
const LAST_DAYS: u16 = 1;
/// A case that healed, or one about a token that could not be found, has no expiry to go by: when what was mended broke
/// again, and when
/// people said that they do not want to hear of it.
const BROKE_AGAIN: u64 = DAY;
const UNWANTED: u64 = 7 * DAY;

/// From when on people are asked about the same token again; never where it was rotated.
pub fn asked_again(closed: &Rotation, policy: &Reminders) -> Option<Timestamp> {
    let Phase::Closed { outcome, at } = closed.phase else { return None };
    match outcome {
        Outcome::Done => None,
        Outcome::Withdrawn => Some(at),
        // The same token with the same expiry is asked about again only if it was not taken care of after all.
        Outcome::Superseded => Some(later(at, BROKE_AGAIN)),
        _ if closed.key.unknown.is_some() => Some(later(at, UNWANTED)),
        _ => next_step(closed, (outcome, at), policy),
    }
}

/// The first step of the reminders after the end, within working hours unless the expiry presses. Once none is left, it
/// is halfway to the expiry.
fn next_step(closed: &Rotation, (outcome, ended): (Outcome, Timestamp), policy: &Reminders) -> Option<Timestamp> {
    let expiry = start_of(closed.key.expires_at?);
    let before =
        |days: u16| expiry.saturating_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN);
    let steps = policy.steps.iter().map(|step| step.days_left).chain([LAST_DAYS]);
    let left = Some(expiry.duration_since(ended)).filter(SignedDuration::is_positive)?;
    let halfway = || ended.saturating_add(left / 2).unwrap_or(expiry);
    let Some(step) = steps.map(before).filter(|at| *at > ended).min() else {
        // A no this late is meant; an attempt that came to nothing is not.
        return (outcome != Outcome::Declined).then(halfway);
    };
    let opens = policy.hours.next_open(step);
    Some(if opens < expiry { opens } else { step })
}

/// How it ended, by whom, when and why, as the end of a sentence.
pub fn how_it_ended(closed: &Rotation) -> String {
    let Phase::Closed { outcome, at } = closed.phase else { return "is still open".to_owned() };
    let restored = outcome == Outcome::Abandoned && closed.was_restored();
    let what = match outcome {
        Outcome::Done => "done",
        Outcome::Declined => "declined",
        Outcome::Superseded => "closed as taken care of elsewhere",
        Outcome::Withdrawn => "closed while the token was not in the configuration",
        Outcome::Abandoned if restored => "ended with the previous value restored",
        Outcome::Abandoned => "abandoned",
    };
    match &closed.ended {
        Some(ended) => {
            let because = ended.reason.as_ref().map(|reason| format!(": {}", reason.trim_end_matches('.')));
            format!("{what} by {} on {}{}", ended.by, utc_date(ended.at), because.unwrap_or_default())
        }
        None => format!("{what} on {}", utc_date(at)),
    }
}

/// The case that asks about the same token once more: people learn who ended the one before, and why.
#[must_use]
pub fn follows(mut rotation: Rotation, closed: &Rotation) -> Rotation {
    let (now, earlier) = (rotation.opened_at, how_it_ended(closed));
    let (name, id) = (rotation.plan.old.name.clone(), &closed.id);
    rotation.saw(now, "rekey", format!("the rotation before, {id}, was {earlier}"), None);
    let still = rotation.plan.old.expires_at.map(|date| format!(" The token expires on {date}.")).unwrap_or_default();
    let said = format!("Asked again about {name}: the rotation before was {earlier}.{still}");
    rotation.announce(now, Audience::Approvers, said);
    rotation.earlier = Some(earlier.into());
    rotation
}
