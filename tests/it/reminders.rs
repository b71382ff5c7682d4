//! When people are reminded, whatever the policy, the zone, the moment and the sleep of the worker.

use crate::slack::rotations::{by, opened, plan, stuck};
use jiff::civil::{Weekday, time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rekey::clock::start_of;
use rekey::rotation::decider::Decider;
use rekey::rotation::event::Event;
use rekey::rotation::next::next as advance;
use rekey::rotation::policy::Policy;
use rekey::rotation::record::{Audience, Rotation};
use rekey::rotation::remind::{Due, Next, Reminders, Step, next};
use rekey::rotation::window::Window;

const ZONES: [&str; 5] = ["UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland", "Asia/Kolkata"];
const WEEK: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

/// One life of a request: its policy, when it was opened, and how the worker sleeps and a person snoozes.
#[derive(Clone, Debug)]
struct Life {
    policy: Reminders,
    row: Rotation,
    /// Seconds by which the worker oversleeps, one after the other.
    sleeps: Vec<i64>,
    /// After so many looks somebody snoozes for so many hours.
    snooze: Option<(usize, u64)>,
}

prop_compose! {
    fn policies()(
        days in prop::sample::subsequence(WEEK.to_vec(), 1..=7),
        from in 0_i8..23, length in 1_i8..24, zone in 0..ZONES.len(),
        mut left in prop::collection::btree_set(1_u16..40, 0..6),
    ) -> Reminders {
        let to = (from + length).min(23);
        let zone = TimeZone::get(ZONES[zone]).unwrap();
        let hours = Window { days, from: time(from, 0, 0, 0), to: time(to.max(from + 1).min(23), 30, 0, 0), zone };
        let mut steps = Vec::new();
        while let Some(days_left) = left.pop_last() {
            let to = if days_left > 5 { Audience::Followers } else { Audience::Approvers };
            steps.push(Step { days_left, to });
        }
        Reminders { hours, steps }
    }
}

prop_compose! {
    fn lives(stuck_too: bool)(
        policy in policies(),
        hour in 0_i64..24 * 14, days in 1_i64..60, expires in prop::bool::weighted(0.9), is_stuck in any::<bool>(),
        sleeps in prop::collection::vec(0_i64..20 * 3600, 40),
        snooze in prop::option::of((0_usize..4, 1_u64..400)),
    ) -> Life {
        let at = "2026-10-19T00:30:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(hour);
        let mut row = if stuck_too && is_stuck { stuck() } else { opened(plan()) };
        row.opened_at = at;
        row.asked_at = None;
        let day = at + SignedDuration::from_hours(24 * days);
        row.plan.old.expires_at = expires.then(|| day.to_zoned(TimeZone::UTC).date());
        Life { policy, row, sleeps, snooze }
    }
}

/// The only approver: while she snoozes, nobody is left to be reminded.
fn alice() -> Decider {
    let alice = by("alice", 1);
    Decider { policy: Policy { approvers: [alice.person.clone()].into(), ..alice.policy }, ..alice }
}

/// What people heard, when, and how far their snooze went at that moment.
fn live(life: &Life, oversleeps: bool) -> Vec<(Timestamp, Due, Option<Timestamp>)> {
    let mut now = life.row.opened_at;
    let mut row = life.row.clone();
    let mut heard = Vec::new();
    for (look, sleep) in life.sleeps.iter().enumerate() {
        if let Some((_, hours)) = life.snooze.filter(|(after, _)| *after == look) {
            let until = now + SignedDuration::from_hours(i64::try_from(hours).unwrap());
            row = advance(&row, &Event::Snooze { by: alice(), until }, now).unwrap_or(row);
        }
        match next(&row, &life.policy, now) {
            Next::Now(due) => {
                heard.push((now, due.clone(), row.snoozed_until));
                row = advance(&row, &Event::Reminded { steps: due.steps, to: due.to }, now).unwrap();
            }
            Next::At(at) => {
                assert!(at > now, "it would look again and again at {now}");
                now = at + SignedDuration::from_secs(if oversleeps { *sleep } else { 0 });
            }
            Next::Never => break,
        }
    }
    heard
}

fn expiry(life: &Life) -> Option<Timestamp> {
    life.row.plan.old.expires_at.map(start_of)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nobody_is_reminded_outside_working_hours_unless_the_expiry_comes_before_they_begin(life in lives(true)) {
        for (at, due, _) in live(&life, true) {
            let opens = life.policy.hours.next_open(at);
            let presses = expiry(&life).is_some_and(|expiry| at < expiry && expiry <= opens);
            prop_assert!(opens == at || presses, "{due:?} at {at}, open from {opens}");
        }
    }

    #[test]
    fn each_step_is_taken_once_and_the_last_one_again_a_day_later_until_somebody_decides(life in lives(true)) {
        let heard = live(&life, true);
        let asked_for = usize::from(life.snooze.is_some());
        let configured = life.policy.steps.len();
        let taken = heard.iter().filter(|(_, due, _)| due.steps as usize <= configured).count();
        prop_assert!(taken <= configured + asked_for, "{heard:?}");
        let is_repeat = |due: &Due, snoozed: &Option<Timestamp>| due.steps as usize > configured && snoozed.is_none();
        for pair in heard.windows(2).filter(|pair| is_repeat(&pair[1].1, &pair[1].2)) {
            prop_assert!(pair[1].0 - SignedDuration::from_hours(24) >= pair[0].0, "{pair:?}");
            prop_assert_eq!(Some(&pair[1].1.to), life.policy.steps.last().map(|step| &step.to));
        }
        let late = Rotation { reminded: u32::try_from(configured).unwrap() + 3, ..life.row.clone() };
        let is_over = next(&late, &life.policy, late.opened_at) == Next::Never;
        prop_assert_eq!(is_over, configured == 0, "it ends with a decision only");
        prop_assert!(heard.windows(2).all(|pair| pair[0].0 < pair[1].0), "each at its own moment: {heard:?}");
        prop_assert!(heard.windows(2).all(|pair| pair[0].1.steps <= pair[1].1.steps), "never quieter: {heard:?}");
    }

    #[test]
    fn nobody_is_reminded_while_they_snooze(life in lives(false)) {
        for (at, due, snoozed) in live(&life, true) {
            prop_assert!(snoozed.is_none_or(|until| until <= at), "{due:?} at {at}, snoozed until {snoozed:?}");
        }
    }

    #[test]
    fn before_the_expiry_people_are_reminded_at_least_once_if_the_worker_is_awake(life in lives(true)) {
        let Some(expiry) = expiry(&life) else { return Ok(()) };
        let heard = live(&life, false);
        let in_time = heard.iter().filter(|(at, ..)| *at < expiry).count();
        prop_assert!(in_time > 0 || life.policy.steps.is_empty() || expiry <= life.row.opened_at, "{heard:?}");
    }

    #[test]
    fn whoever_snoozes_is_reminded_afterwards(life in lives(false)) {
        let mut row = life.row.clone();
        let (now, until) = (row.opened_at, row.opened_at + SignedDuration::from_hours(5));
        let Ok(after) = advance(&row, &Event::Snooze { by: alice(), until }, now) else { return Ok(()) };
        row = after;
        row.reminded = u32::try_from(life.policy.steps.len()).unwrap();
        let Next::At(at) = next(&row, &life.policy, now) else { return Err(TestCaseError::fail("it is forgotten")) };
        prop_assert!(at >= until);
        let Next::Now(due) = next(&row, &life.policy, at) else { return Err(TestCaseError::fail("it is forgotten")) };
        prop_assert!(due.steps >= row.reminded && due.to == Audience::Approvers, "{due:?}");
    }
}
