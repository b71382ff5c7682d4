//! The state machine, simulated: the real `next` and `due`, workers that crash and sleep, answers that are lost, effects
//! that land late, people who click. Every schedule with few faults, many random ones, and known mistakes that must
//! be found.
//!
//! Three faults: `REKEY_SIM_FAULTS=3 cargo test --release --test it simulation -- --ignored --nocapture`.
//! More seeds: `REKEY_SIM_SEEDS=100000 cargo test --release --test it random_worlds -- --nocapture`.

mod call;
mod explore;
mod invariant;
mod known;
mod ledger;
mod mended;
mod mistake;
mod pairs;
mod people;
mod procedure;
mod random;
mod report;
mod schedule;
mod setting;
mod worker;
mod world;

use explore::explore;
use mistake::Mistakes;
use rekey::rotation::token::Strategy;
use setting::{BLIND, READABLE, Setting, Wish};

/// Every promise holds in every schedule; prints how many there were.
fn holds(setting: &Setting, faults: usize) -> explore::Seen {
    let explored = explore(setting, faults);
    if let Err(broken) = &explored {
        println!("{}: {}\n{}", setting.name, broken.wrong, explore::tell(setting, &broken.path));
    }
    let seen = explored.map_err(|broken| broken.wrong).expect("every promise holds");
    println!("{}, {faults} faults: {} schedules, {} steps, {:?}", setting.name, seen.schedules, seen.steps, seen.ends);
    seen
}

fn overlap_settings() -> Vec<Setting> {
    let restoring = [Wish::Approve("ann"), Wish::Restore, Wish::Abandon, Wish::Abandon];
    vec![
        Setting::new("overlap, readable store", Strategy::Overlap, &[READABLE], &[0]),
        Setting::new("overlap, blind store", Strategy::Overlap, &[BLIND], &[0]),
        Setting::new("overlap, two stores", Strategy::Overlap, &[READABLE, BLIND], &[0]),
        Setting::new("overlap, readable store, restore", Strategy::Overlap, &[READABLE], &[0]).wishing(&restoring),
        Setting::new("overlap, blind store, restore", Strategy::Overlap, &[BLIND], &[0]).wishing(&restoring),
    ]
}

fn other_settings() -> Vec<Setting> {
    vec![
        Setting::new("in_place, readable store", Strategy::InPlace, &[READABLE], &[0]),
        Setting::new("in_place, blind store", Strategy::InPlace, &[BLIND], &[0]),
        Setting::new("self", Strategy::SelfRotate, &[READABLE], &[0]),
        Setting::new("revoke_first, readable store", Strategy::RevokeFirst, &[READABLE], &[0]),
        Setting::new("revoke_first, blind store", Strategy::RevokeFirst, &[BLIND], &[0]),
    ]
}

#[test]
fn overlap_keeps_every_promise_in_every_schedule_with_two_faults() {
    overlap_settings().iter().take(2).for_each(|setting| drop(holds(setting, 2)));
}

#[test]
fn overlap_with_several_stores_or_people_who_restore_keeps_every_promise() {
    overlap_settings().iter().skip(2).for_each(|setting| drop(holds(setting, 2)));
}

#[test]
fn the_other_strategies_keep_their_weaker_promises() {
    other_settings().iter().for_each(|setting| drop(holds(setting, 2)));
}

#[test]
#[ignore = "minutes: every setting with REKEY_SIM_FAULTS (three) faults"]
fn every_setting_keeps_its_promises_with_more_faults() {
    let faults = number("REKEY_SIM_FAULTS", 3);
    for setting in overlap_settings().into_iter().chain(other_settings()) {
        holds(&setting, faults);
    }
}

fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

#[test]
fn the_same_seed_tells_the_same_story() {
    for seed in 0..20 {
        let [first, again] = [(); 2].map(|()| random::run(seed, Mistakes::default(), true).trace);
        assert_eq!(first, again);
        assert!(first.len() > 3);
    }
}

#[test]
fn random_worlds_keep_every_promise() {
    let seeds = number("REKEY_SIM_SEEDS", 5_000) as u64;
    let mut ends = std::collections::BTreeMap::<String, usize>::new();
    for seed in 0..seeds {
        let told = random::run(seed, Mistakes::default(), false);
        if let Some(wrong) = told.wrong {
            panic!("seed {seed}: {wrong}\n{}", random::run(seed, Mistakes::default(), true).trace.join("\n"));
        }
        *ends.entry(told.end).or_default() += 1;
    }
    println!("{seeds} seeds: {ends:?}");
}
