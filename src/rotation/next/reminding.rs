//! Reminding people of the decision that is awaited.

use crate::clock::utc_date;
use crate::rotation::phase::Phase;
use crate::rotation::record::{Audience, Rotation};
use crate::rotation::refusal::Refusal;
use crate::rotation::remind::is_asked;
use crate::rotation::view::text::sentence;
use jiff::Timestamp;
use jiff::civil::Date;

/// Says it once: a report that comes twice, or while reminders are snoozed, changes nothing.
pub fn reminded(rotation: &mut Rotation, steps: u32, to: &Audience, now: Timestamp) -> Result<(), Refusal> {
    if !is_asked(rotation) {
        return Err(Refusal::not_now(rotation));
    }
    if let Audience::Person { person } = to
        && rotation.snoozed_until.is_none()
        && rotation.snoozed.get(person).is_some_and(|until| *until <= now)
    {
        // Theirs alone: what the others hear goes on as it was.
        rotation.snoozed.remove(person);
        rotation.announce(now, to.clone(), words(rotation, now));
        return Ok(());
    }
    if rotation.snoozed_until.is_some_and(|until| now < until) {
        return Err(Refusal::TooEarly);
    }
    if steps <= rotation.reminded && rotation.snoozed_until.is_none() {
        return Err(Refusal::Stale);
    }
    rotation.reminded = rotation.reminded.max(steps);
    rotation.reminded_at = Some(now);
    rotation.snoozed_until = None;
    rotation.snoozed.retain(|_, until| *until > now);
    rotation.announce(now, to.clone(), words(rotation, now));
    Ok(())
}

fn words(rotation: &Rotation, now: Timestamp) -> String {
    let name = &rotation.plan.old.name;
    let blockers = &rotation.plan.blockers;
    let said = match &rotation.phase {
        Phase::Stuck { why, .. } => format!("Still stuck: {} {}", sentence(&why.what), sentence(&why.todo)),
        _ if !blockers.is_empty() => format!("Still blocked: rotate {name}. Mend first: {}.", blockers.join("; ")),
        _ if rotation.is_incident() => {
            format!("Incident: {name} leaked and is still alive. Approve, and it is revoked at once.")
        }
        _ => format!("Still waiting for approval: rotate {name}."),
    };
    match rotation.plan.old.expires_at {
        Some(date) => format!("{said} {}", expiry(date, utc_date(now))),
        None => said,
    }
}

fn expiry(date: Date, today: Date) -> String {
    match today.until(date).map(|span| span.get_days()).unwrap_or_default() {
        days @ 2.. => format!("The token expires on {date}, in {days} days."),
        1 => format!("The token expires tomorrow, {date}, 00:00 UTC."),
        _ => format!("The token expired on {date}."),
    }
}
