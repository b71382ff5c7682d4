//! Who does what next. One choice at a time, by hand: the default is an undisturbed run, every alternative has a price
//! in faults.

use super::call::Fault;
use super::mistake::Mistakes;
use super::people;
use super::worker::{Action, LEASE};
use super::world::World;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    Act(usize, Option<Fault>),
    Claim {
        worker: usize,
        lane: usize,
    },
    /// A request on its way arrives.
    Land(usize),
    /// A worker that overslept its lease goes on.
    Wake(usize),
    /// A person clicks.
    Wish(Option<Fault>),
    Wait,
}

impl World {
    pub fn step(&mut self, choice: Choice) {
        match choice {
            Choice::Act(worker, fault) => self.act(worker, fault),
            Choice::Claim { worker, lane } => self.claim(worker, lane),
            Choice::Land(index) => self.arrive(index),
            Choice::Wake(worker) => self.wake(worker),
            Choice::Wish(fault) => people::wish(self, fault),
            Choice::Wait => self.wait(),
        }
    }

    /// What happens if nothing goes wrong; `None` at rest.
    pub fn default_choice(&self) -> Option<Choice> {
        if let Some(worker) = self.active() {
            return Some(Choice::Act(worker, None));
        }
        for lane in 0..2 {
            if self.claimable_at(lane).is_some_and(|at| at <= self.clock) && !people::waits_for_ever(self, lane) {
                return Some(match self.idle(self.leases[lane].owner) {
                    Some(worker) => Choice::Claim { worker, lane },
                    None => self.sleeper().map_or(Choice::Wait, Choice::Wake),
                });
            }
        }
        if people::have_a_wish(self) {
            return Some(Choice::Wish(None));
        }
        (self.next_moment().is_some()).then_some(Choice::Wait)
    }

    /// Everything else that could happen now, with its price.
    pub fn alternatives(&self, default: Option<Choice>) -> Vec<(Choice, usize)> {
        let mut all: Vec<(Choice, usize)> = (0..self.flying.len())
            .filter(|index| self.landing_matters(*index, default))
            .map(|index| (Choice::Land(index), 0))
            .collect();
        if self.waking_matters(default) {
            all.extend((0..2).filter(|worker| self.may_wake(*worker)).map(|worker| (Choice::Wake(worker), 0)));
        }
        match default {
            Some(Choice::Act(worker, None)) => {
                all.extend(self.faults(worker).into_iter().map(|fault| (Choice::Act(worker, Some(fault)), 1)));
            }
            Some(Choice::Claim { worker, lane }) if self.idle(1 - worker) == Some(1 - worker) => {
                all.push((Choice::Claim { worker: 1 - worker, lane }, 1));
            }
            Some(Choice::Wish(None)) => {
                all.extend([Fault::LostBefore, Fault::LostAfter].map(|fault| (Choice::Wish(Some(fault)), 1)));
            }
            _ => {}
        }
        all
    }

    /// What else could go on at the same time: another worker, another lane.
    pub fn together(&self) -> Vec<Choice> {
        let awake = |worker: &usize| self.workers[*worker].task.is_some() && self.workers[*worker].stall.is_none();
        let mut all: Vec<Choice> = (0..2).filter(awake).map(|worker| Choice::Act(worker, None)).collect();
        for lane in 0..2 {
            let due = self.claimable_at(lane).is_some_and(|at| at <= self.clock);
            if let (true, Some(worker)) = (due && !people::waits_for_ever(self, lane), self.idle(0)) {
                all.push(Choice::Claim { worker, lane });
            }
        }
        all
    }

    /// Arriving now or one step later is the same unless the next step touches the same thing, or is the last chance.
    fn landing_matters(&self, index: usize, next: Option<Choice>) -> bool {
        let flying = &self.flying[index];
        match next {
            None => true,
            Some(Choice::Wait) => self.wait_until() >= flying.dies,
            Some(Choice::Act(worker, _)) => match self.action(worker) {
                Some(Action::Call(call)) => flying.call.touches(&call, self) || self.clock + 12 >= flying.dies,
                _ => self.clock + 12 >= flying.dies,
            },
            Some(_) => self.clock + 12 >= flying.dies,
        }
    }

    /// A sleeper that has been overtaken sends nothing and commits nothing, so it matters only who is there to claim;
    /// unless a mistake lets it.
    fn waking_matters(&self, next: Option<Choice>) -> bool {
        self.setting.mistakes != Mistakes::default() || matches!(next, None | Some(Choice::Claim { .. }))
    }

    /// A woken sleeper goes first: it is the dangerous one.
    fn active(&self) -> Option<usize> {
        let awake = |worker: &usize| self.workers[*worker].task.is_some() && self.workers[*worker].stall.is_none();
        let mut busy = (0..2).filter(awake);
        busy.clone().find(|worker| self.overtaken(*worker)).or_else(|| busy.next())
    }

    fn idle(&self, preferred: usize) -> Option<usize> {
        [preferred, 1 - preferred].into_iter().find(|worker| self.workers[*worker].task.is_none())
    }

    pub fn may_wake(&self, worker: usize) -> bool {
        self.workers[worker].stall.is_some() && self.overtaken(worker)
    }

    fn sleeper(&self) -> Option<usize> {
        (0..2).find(|worker| self.may_wake(*worker))
    }

    fn next_moment(&self) -> Option<i64> {
        let lanes = (0..2).filter(|lane| !people::waits_for_ever(self, *lane));
        lanes.filter_map(|lane| self.claimable_at(lane)).min()
    }

    fn wait(&mut self) {
        self.pass(self.wait_until() - self.clock);
    }

    fn wait_until(&self) -> i64 {
        self.next_moment().unwrap_or(self.clock + LEASE).max(self.clock + 1)
    }
}
