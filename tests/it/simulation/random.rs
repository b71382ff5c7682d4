//! Long random runs: many faults, clicks at any moment and twice, hints that come late, clocks that jump, a surface.
//! The same seed gives the same trace.

use super::explore::{end, line};
use super::invariant;
use super::ledger;
use super::mistake::Mistakes;
use super::people;
use super::schedule::Choice;
use super::setting::{BLIND, Kind, READABLE, Setting, Wish, at};
use super::world::World;
use rekey::rotation::event::Event;
use rekey::rotation::token::Strategy;
use std::rc::Rc;

/// A small generator that never changes: seeds in old reports stay good.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.roll() % bound as u64) as usize
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    fn pick<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }
}

/// What a run left behind.
pub struct Told {
    pub wrong: Option<String>,
    pub end: String,
    pub steps: usize,
    /// Only when asked for.
    pub trace: Vec<String>,
}

const DISTURBED: usize = 150;
const BOUND: usize = 1_500;

/// One run. People and faults disturb the first part; then it must come to rest by itself.
pub fn run(seed: u64, mistakes: Mistakes, traced: bool) -> Told {
    let mut dice = Dice::new(seed);
    let mut setting = setting(&mut dice);
    setting.mistakes = mistakes;
    let mut world = World::new(&Rc::new(setting));
    let mut told = Told { wrong: None, end: String::new(), steps: 0, trace: Vec::new() };
    if traced {
        told.trace.push(format!("{:?}", world.setting));
    }
    loop {
        let disturbed = told.steps < DISTURBED;
        if disturbed && dice.one_in(12) {
            let what = disturb(&mut world, &mut dice);
            note(&mut told, traced, || format!("{:>6}s {what}", world.clock));
        }
        let Some(choice) = choose(&world, &mut dice, disturbed) else { break };
        note(&mut told, traced, || line(&world, choice));
        world.step(choice);
        told.steps += 1;
        if told.steps > BOUND {
            world.blame("I7: this never ends");
        }
        if world.wrong.is_some() {
            break;
        }
    }
    invariant::at_rest(&mut world);
    told.end = end(&world);
    told.wrong = world.wrong.take();
    told
}

fn note(told: &mut Told, traced: bool, line: impl FnOnce() -> String) {
    if traced {
        told.trace.push(line());
    }
}

fn setting(dice: &mut Dice) -> Setting {
    let kinds = [READABLE, BLIND, Kind { readable: true, versions: true }, Kind { readable: false, versions: false }];
    let stores: Vec<Kind> = (0..1 + dice.below(3)).map(|_| dice.pick(&kinds)).collect();
    let consumers: Vec<usize> = (0..1 + dice.below(2)).map(|_| dice.below(stores.len())).collect();
    let strategies = [Strategy::Overlap, Strategy::Overlap, Strategy::Overlap, Strategy::RevokeFirst];
    let mut setting = Setting::new("random", dice.pick(&strategies), &stores, &consumers);
    setting.surface = true;
    setting.quorum = 1 + dice.below(2) as u32;
    setting.requester = dice.one_in(4).then_some("cyd");
    setting.wishes = vec![Wish::Approve("ann"), Wish::Approve("bob")];
    for _ in 0..6 {
        setting.wishes.push(dice.pick(&[Wish::Retry, Wish::Retry, Wish::Restore, Wish::Approve("ann")]));
    }
    setting.wishes.extend([Wish::Approve("bob"), Wish::Abandon, Wish::Abandon, Wish::Abandon]);
    setting
}

fn choose(world: &World, dice: &mut Dice, disturbed: bool) -> Option<Choice> {
    let default = world.default_choice();
    let alternatives: Vec<(Choice, usize)> = world.alternatives(default);
    let free: Vec<Choice> = alternatives.iter().filter(|(_, price)| *price == 0).map(|(choice, _)| *choice).collect();
    if !free.is_empty() && (dice.one_in(6) || default.is_none()) {
        return Some(dice.pick(&free));
    }
    let together = world.together();
    if !together.is_empty() && dice.one_in(4) {
        return Some(dice.pick(&together));
    }
    let paid: Vec<Choice> = alternatives.iter().filter(|(_, price)| *price > 0).map(|(choice, _)| *choice).collect();
    if disturbed && !paid.is_empty() && dice.one_in(10) {
        return Some(dice.pick(&paid));
    }
    default
}

/// Something that nobody waits for.
fn disturb(world: &mut World, dice: &mut Dice) -> String {
    match dice.below(9) {
        0 => clicks(world, Wish::Approve(dice.pick(&["ann", "bob", "cyd", "eve"]))),
        1 => clicks(world, Wish::ApproveOldPlan("ann")),
        2 if dice.one_in(4) => clicks(world, Wish::Decline),
        3 => clicks(world, dice.pick(&[Wish::Retry, Wish::Restore])),
        4 if dice.one_in(3) => clicks(world, Wish::Abandon),
        5 => jump(world, dice),
        6 => hint(world, dice),
        7 => clicks(world, Wish::RaiseQuorum),
        _ => {
            // Between the last look and the revoke there is a gap that nobody can close.
            let gap = (0..2).any(|worker| world.is_about_to_delete(worker));
            let used = world.alive(1) && !gap && dice.one_in(3);
            if used {
                world.uses(1);
            }
            format!("somebody uses the old token: {used}")
        }
    }
}

/// Clicks come once or twice.
fn clicks(world: &mut World, wish: Wish) -> String {
    people::click(world, wish);
    people::click(world, wish);
    format!("two clicks: {wish:?}")
}

/// The clock is set back, or the machine sleeps for an hour. A clock that runs ahead of what really passed would make
/// grace and quarantine short; nothing that reads only this clock could notice.
fn jump(world: &mut World, dice: &mut Dice) -> String {
    if dice.one_in(2) {
        world.pass(3600);
        return String::from("an hour passes");
    }
    world.skew -= dice.pick(&[1, 30, 3600]);
    format!("the clock is set back, it is off by {}", world.skew)
}

/// Reports about surfaces and hints from outside, late, doubled or false.
fn hint(world: &mut World, dice: &mut Dice) -> String {
    let revision = dice.below(1 + world.row.revision as usize) as u64;
    let stale = revision < world.row.surfaces.values().map(|surface| surface.shown).max().unwrap_or(0);
    let event = match dice.below(4) {
        0 if stale => published(revision),
        1 => Event::Tick { policy: world.setting.policy(world.quorum) },
        2 => Event::Delayed { why: "gitlab answers 503".into() },
        _ => Event::Replanned { plan: Box::new(world.row.plan.clone()), old_last_used: None },
    };
    let answer = ledger::commit(world, &event).err();
    format!("{}: {answer:?} at {}", event.name(), at(world.clock))
}

fn published(revision: u64) -> Event {
    Event::Published { surface: "issue".into(), reference: "1".into(), url: None, revision, announced: 0 }
}
