//! Every schedule with up to so many faults, depth first. A schedule is the list of choices, so it can be told again.

use super::invariant;
use super::schedule::Choice;
use super::setting::Setting;
use super::world::World;
use std::collections::BTreeMap;
use std::rc::Rc;

/// No schedule may be longer.
const BOUND: usize = 900;

/// What was seen.
#[derive(Debug, Default)]
pub struct Seen {
    pub schedules: usize,
    pub steps: usize,
    /// How many schedules ended in which phase.
    pub ends: BTreeMap<String, usize>,
}

/// A schedule that breaks a promise.
#[derive(Debug)]
pub struct Broken {
    pub wrong: String,
    pub path: Vec<Choice>,
}

/// Tries every schedule with up to `faults` faults.
pub fn explore(setting: &Setting, faults: usize) -> Result<Seen, Broken> {
    let mut seen = Seen::default();
    let world = World::new(&Rc::new(setting.clone()));
    walk(world, faults, &mut Vec::new(), &mut seen)?;
    Ok(seen)
}

fn walk(mut world: World, faults: usize, path: &mut Vec<Choice>, seen: &mut Seen) -> Result<(), Broken> {
    let depth = path.len();
    loop {
        check(&mut world, path)?;
        let default = world.default_choice();
        for (choice, price) in world.alternatives(default) {
            if price <= faults {
                let mut other = world.clone();
                other.step(choice);
                path.push(choice);
                walk(other, faults - price, path, seen)?;
                path.pop();
            }
        }
        let Some(choice) = default else { break };
        seen.steps += 1;
        path.push(choice);
        world.step(choice);
    }
    invariant::at_rest(&mut world);
    check(&mut world, path)?;
    seen.schedules += 1;
    *seen.ends.entry(end(&world)).or_default() += 1;
    path.truncate(depth);
    Ok(())
}

fn check(world: &mut World, path: &[Choice]) -> Result<(), Broken> {
    if path.len() > BOUND {
        world.blame("I7: this never ends");
    }
    match world.wrong.take() {
        Some(wrong) => Err(Broken { wrong, path: path.to_vec() }),
        None => Ok(()),
    }
}

/// How a run ended, in a word or two.
pub fn end(world: &World) -> String {
    use rekey::rotation::phase::Phase;
    match &world.row.phase {
        Phase::Closed { outcome, .. } => format!("closed {outcome:?}").to_lowercase(),
        Phase::Stuck { at, .. } => format!("stuck at {}", at.name()),
        other => other.name().to_owned(),
    }
}

/// Tells a schedule step by step.
pub fn tell(setting: &Setting, path: &[Choice]) -> String {
    let mut world = World::new(&Rc::new(setting.clone()));
    let mut lines = Vec::new();
    for choice in path {
        lines.push(line(&world, *choice));
        world.step(*choice);
    }
    lines.push(format!("{:>6}s at the end: {}", world.clock, state(&world)));
    lines.join("\n")
}

/// One line of a trace: the moment, the choice, what it was about, and how things stood.
pub fn line(world: &World, choice: Choice) -> String {
    let about = match choice {
        Choice::Act(worker, _) => world.action(worker).map(|action| format!("{action:?}")).unwrap_or_default(),
        Choice::Land(index) => format!("{:?}", world.flying[index].call),
        Choice::Wish(_) => format!("{:?}", world.setting.wishes.get(world.wished)),
        _ => String::new(),
    };
    let about: String = about.chars().take(160).collect();
    format!("{:>6}s {choice:?} {about} | {}", world.clock, state(world))
}

fn state(world: &World) -> String {
    let live: Vec<usize> = (1..=world.tokens.len()).filter(|id| world.tokens[id - 1].alive).collect();
    format!("{} v{} stores {:?} live {live:?}", end(world), world.row.version, world.stores)
}
