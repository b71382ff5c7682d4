//! The state machine, simulated: the real `next` and `due`, workers that crash and sleep, answers that are lost, effects
//! that land late, people who click. Every schedule with few faults, many random ones, and known mistakes that must
//! be found.
//!
//! Three faults: `REKEY_SIM_FAULTS=3 cargo test --release --test it simulation -- --ignored --nocapture`.
//! More seeds: `REKEY_SIM_SEEDS=100000 cargo test --release --test it simulation::random -- --nocapture`.

mod call;
mod explore;
mod invariant;
mod known;
mod ledger;
mod mistake;
mod pairs;
mod people;
mod procedure;
mod random;
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
    let seen = match explore(setting, faults) {
        Ok(seen) => seen,
        Err(broken) => {
            panic!("{}: {}\n{}", setting.name, broken.wrong, explore::tell(setting, &broken.path))
        }
    };
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
fn first_try() {
    let faults = std::env::var("REKEY_SIM_FAULTS").map_or(2, |text| text.parse().unwrap());
    for setting in overlap_settings().into_iter().chain(other_settings()) {
        let start = std::time::Instant::now();
        holds(&setting, faults);
        println!("{:?}", start.elapsed());
    }
}

#[test]
fn random_worlds() {
    let seeds = std::env::var("REKEY_SIM_SEEDS").map_or(5_000, |text| text.parse().unwrap());
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
