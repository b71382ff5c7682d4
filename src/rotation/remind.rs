//! When people are reminded of a decision that is awaited, and how loudly: the nearer the expiry, the louder, and only
//! in working hours. Pure: the row, the policy and the present moment give what is due and when to look again.

use super::ids::PersonId;
use super::phase::Phase;
use super::policy::later;
use super::record::{Audience, Rotation};
use super::window::Window;
use crate::clock::start_of;
use jiff::{SignedDuration, Timestamp};

const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;

/// The reminders of an installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reminders {
    /// When people may be reminded. An incident, and an expiry before the next opening, do not wait for it.
    pub hours: Window,
    /// Each is taken once, in this order: the days left grow fewer. Then the last is repeated until somebody decides:
    /// every day, for an incident every hour. None: nobody is reminded unless they asked for it.
    pub steps: Vec<Step>,
}

/// One reminder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Days before the expiry. Where no expiry presses (a stuck rotation, a token without one) the steps come a day
    /// apart instead, and for an incident an hour apart.
    pub days_left: u16,
    /// Whom it is for.
    pub to: Audience,
}

/// A reminder that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// How many steps are behind us with it: several that fell due together are one.
    pub steps: u32,
    /// Whom it is for.
    pub to: Audience,
}

/// What there is to do about reminders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Remind now.
    Now(Due),
    /// Look again then.
    At(Timestamp),
    /// Nothing more, unless something changes.
    Never,
}

/// Which reminder is due, or when the next one is.
pub fn next(rotation: &Rotation, policy: &Reminders, now: Timestamp) -> Next {
    if !is_asked(rotation) {
        return Next::Never;
    }
    let steps = next_step(rotation, policy, now);
    let Some((until, person)) = first_awake(rotation) else { return steps };
    let opens = opening(rotation, policy, until.max(now));
    match steps {
        _ if opens <= now => Next::Now(Due { steps: rotation.reminded, to: Audience::Person { person } }),
        Next::At(at) => Next::At(at.min(opens)),
        Next::Never => Next::At(opens),
        now => now,
    }
}

/// Whose own snooze ends first, while the others are reminded.
fn first_awake(rotation: &Rotation) -> Option<(Timestamp, PersonId)> {
    let alone = rotation.snoozed.iter().filter(|_| rotation.snoozed_until.is_none());
    alone.map(|(person, until)| (*until, person.clone())).min()
}

fn next_step(rotation: &Rotation, policy: &Reminders, now: Timestamp) -> Next {
    let taken = rotation.reminded;
    let snoozed = rotation.snoozed_until;
    let steps = (1..).zip(moments(rotation, policy)).filter(|(steps, _)| *steps > taken);
    let mut candidates: Vec<(Timestamp, u32)> =
        steps.map(|(steps, at)| (at.max(snoozed.unwrap_or(at)), steps)).collect();
    candidates.extend(repeat(rotation, policy).map(|at| (at.max(snoozed.unwrap_or(at)), taken.saturating_add(1))));
    // Whoever snoozes asks to be reminded, also when every step was taken.
    candidates.extend(snoozed.map(|until| (until, taken)));
    let Some(first) = candidates.iter().map(|(at, _)| *at).min() else { return Next::Never };
    let opens = opening(rotation, policy, first.max(now));
    if opens > now {
        return Next::At(opens);
    }
    let steps = candidates.iter().filter(|(at, _)| *at <= now).map(|(_, steps)| *steps).max().unwrap_or(taken);
    Next::Now(Due { steps, to: audience(policy, taken, steps, snoozed.is_some()) })
}

/// When the last step is repeated, once all were taken.
fn repeat(rotation: &Rotation, policy: &Reminders) -> Option<Timestamp> {
    if (rotation.reminded as usize) < policy.steps.len() {
        return None;
    }
    let last = moments(rotation, policy).pop()?;
    let width = if is_incident(rotation) { HOUR } else { DAY };
    Some(later(rotation.reminded_at.unwrap_or(last), width))
}

/// Whether a decision of people is awaited.
pub fn is_asked(rotation: &Rotation) -> bool {
    matches!(rotation.phase, Phase::AwaitingApproval | Phase::Stuck { .. })
}

impl Rotation {
    /// Whether a yes of people is what is awaited.
    pub fn awaits_approval(&self) -> bool {
        match self.phase {
            Phase::AwaitingApproval => true,
            Phase::Stuck { .. } => self.asks_anew,
            _ => false,
        }
    }
}

fn audience(policy: &Reminders, taken: u32, steps: u32, snoozed: bool) -> Audience {
    // The end of a snooze is for those who may decide, not for whom the last step calls.
    if snoozed && taken as usize >= policy.steps.len() {
        return Audience::Approvers;
    }
    let step = policy.steps.get(steps.saturating_sub(1) as usize).or(policy.steps.last()).filter(|_| steps > taken);
    match step.map(|step| &step.to) {
        // They asked for it, so they should notice it.
        None | Some(Audience::Followers) if snoozed => Audience::Approvers,
        Some(to) => to.clone(),
        None => Audience::Approvers,
    }
}

/// The first moment from `at` on at which people may be reminded.
fn opening(rotation: &Rotation, policy: &Reminders, at: Timestamp) -> Timestamp {
    let opens = policy.hours.next_open(at);
    let presses = expiry(rotation).is_some_and(|expiry| at < expiry && expiry <= opens);
    if presses || is_incident(rotation) { at } else { opens }
}

/// When each step falls due, before working hours and snoozing; never decreasing.
fn moments(rotation: &Rotation, policy: &Reminders) -> Vec<Timestamp> {
    let asked = rotation.asked_since();
    let count = u64::try_from(policy.steps.len()).unwrap_or(u64::MAX);
    let ladder = |width: u64| (1..=count).map(|step| later(asked, step.saturating_mul(width))).collect();
    match expiry(rotation).filter(|expiry| *expiry > asked) {
        _ if is_incident(rotation) => ladder(HOUR),
        None => ladder(DAY),
        Some(expiry) if matches!(rotation.phase, Phase::Stuck { .. }) => {
            ladder(DAY.min(seconds_between(asked, expiry) / (count + 1)))
        }
        Some(expiry) => before(expiry, asked, policy),
    }
}

/// So many days before the expiry. Of the steps whose day was over when people were first asked only the last is left,
/// a little later: whoever was asked only now is not reminded at once.
fn before(expiry: Timestamp, asked: Timestamp, policy: &Reminders) -> Vec<Timestamp> {
    let on_the_day = |step: &Step| {
        let days = SignedDuration::from_hours(24 * i64::from(step.days_left));
        expiry.saturating_sub(days).unwrap_or(Timestamp::MIN)
    };
    let mut moments: Vec<Timestamp> = policy.steps.iter().map(on_the_day).collect();
    let passed = moments.iter().filter(|at| **at <= asked).count();
    let following = moments.get(passed).copied().unwrap_or(expiry);
    let soon = later(asked, DAY.min(seconds_between(asked, following) / 2));
    moments.iter_mut().take(passed).for_each(|at| *at = soon);
    moments
}

fn expiry(rotation: &Rotation) -> Option<Timestamp> {
    rotation.plan.old.expires_at.map(start_of)
}

/// An incident that waits for its approval: the leaked value lives.
fn is_incident(rotation: &Rotation) -> bool {
    rotation.is_incident() && rotation.phase == Phase::AwaitingApproval
}

fn seconds_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_secs()).unwrap_or_default()
}
