//! A worker: one task at a time under a lease, custody of its own, and what goes wrong with each of its steps.

use super::call::{Answer, COMMIT_FAULTS, Call, Fault, Job};
use super::invariant;
use super::ledger;
use super::mistake::Mistake;
use super::procedure::{self, Stage};
use super::setting::OLD;
use super::world::World;
use rekey::rotation::effect::Effect;
use rekey::rotation::event::Event;

pub const LEASE: i64 = 60;
const TIMEOUT: i64 = 10;
const BACKOFF: i64 = 10;

#[derive(Clone, Debug, Default)]
pub struct Worker {
    pub task: Option<Task>,
    /// Attempt and value.
    pub custody: Option<(u32, u64)>,
    /// Values that stores held before we wrote, in memory only.
    pub prior: Vec<(usize, u64)>,
    pub stall: Option<Stall>,
}

/// One effect under one claim.
#[derive(Clone, Debug)]
pub struct Task {
    pub lane: usize,
    pub epoch: u64,
    pub until: i64,
    pub effect: Effect,
    /// Whose value it writes.
    pub attempt: u32,
    pub stage: Stage,
}

/// A worker asleep.
#[derive(Clone, Debug)]
pub enum Stall {
    Before,
    After(Answer),
}

/// What a worker does next.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a simulated world has few of them")]
pub enum Action {
    Call(Call),
    Commit(Event),
}

impl World {
    pub fn action(&self, worker: usize) -> Option<Action> {
        let task = self.workers[worker].task.as_ref()?;
        Some(procedure::ask(self, worker, task))
    }

    /// What could go wrong with the next action.
    pub fn faults(&self, worker: usize) -> Vec<Fault> {
        let mut faults = match self.action(worker) {
            Some(Action::Call(call)) => call.faults(),
            Some(Action::Commit(_)) => COMMIT_FAULTS.to_vec(),
            None => Vec::new(),
        };
        let only = &self.setting.only;
        faults.retain(|fault| only.is_empty() || only.contains(fault));
        faults
    }

    /// A worker takes the lane's first due effect.
    pub fn claim(&mut self, worker: usize, lane: usize) {
        let Some(owed) = ledger::owed(self, lane).into_iter().next() else { return };
        let lease = &mut self.leases[lane];
        lease.epoch += 1;
        lease.owner = worker;
        lease.until = self.clock + LEASE;
        let (epoch, until) = (lease.epoch, lease.until);
        let stage = procedure::first(self, worker, &owed.effect);
        let attempt = self.row.phase.minted().map_or(0, |new| new.attempt);
        self.workers[worker].task = Some(Task { lane, epoch, until, effect: owed.effect, attempt, stage });
    }

    /// One action of a worker, with at most one thing going wrong.
    pub fn act(&mut self, worker: usize, fault: Option<Fault>) {
        match self.action(worker) {
            Some(Action::Call(call)) => self.call(worker, &call, fault),
            Some(Action::Commit(event)) => self.report(worker, &event, fault),
            None => {}
        }
        invariant::stores_live(self);
    }

    /// A worker that slept wakes up.
    pub fn wake(&mut self, worker: usize) {
        if let Some(Stall::After(answer)) = self.workers[worker].stall.take() {
            self.hear(worker, answer);
        }
    }

    fn call(&mut self, worker: usize, call: &Call, fault: Option<Fault>) {
        let until = self.workers[worker].task.as_ref().map_or(0, |task| task.until);
        if until - self.clock <= TIMEOUT && !self.has(Mistake::NoLeaseCheck) {
            self.drop_task(worker);
            return;
        }
        if fault == Some(Fault::StallBefore) {
            self.workers[worker].stall = Some(Stall::Before);
            return;
        }
        self.pass(1);
        if fault == Some(Fault::CrashBefore) {
            self.workers[worker] = Worker::default();
            return;
        }
        self.note(call, fault);
        match fault {
            Some(Fault::CrashAfter) => {
                self.land(call);
                self.workers[worker] = Worker::default();
            }
            Some(Fault::StallAfter) => {
                let answer = self.land(call);
                self.workers[worker].stall = Some(Stall::After(answer));
            }
            _ => {
                let answer = self.answer(call, fault);
                if answer == Answer::Unknown {
                    self.pass(TIMEOUT);
                }
                self.hear(worker, answer);
            }
        }
    }

    fn answer(&mut self, call: &Call, fault: Option<Fault>) -> Answer {
        match fault {
            Some(Fault::NotSent) => Answer::NotSent,
            Some(Fault::LostBefore) => Answer::Unknown,
            Some(Fault::LostAfter) => {
                self.land(call);
                Answer::Unknown
            }
            Some(Fault::Late) => {
                self.fly(call);
                Answer::Unknown
            }
            Some(Fault::Twice) => {
                let answer = self.land(call);
                self.fly(call);
                answer
            }
            Some(Fault::JobSkipped) => self.land(&with_job(call, Job::Skipped)),
            Some(Fault::JobFails) => self.land(&with_job(call, Job::Fails)),
            Some(Fault::Refuses) => Answer::Refused,
            Some(Fault::Used) => {
                if let Call::ReadToken { token } = call {
                    self.uses(*token);
                }
                self.land(call)
            }
            _ => {
                let deaf = self.setting.deaf && matches!(call, Call::Create { .. });
                let answer = self.land(call);
                if deaf { Answer::Unknown } else { answer }
            }
        }
    }

    /// Remembers requests that may have made a token, for the invariants.
    fn note(&mut self, call: &Call, fault: Option<Fault>) {
        let attempt = match call {
            Call::Create { attempt } | Call::Rotate { attempt, .. } | Call::SelfRotate { attempt, .. } => *attempt,
            Call::Delete { token: OLD } => return invariant::old_may_die(self),
            Call::Delete { token } => return invariant::lost_may_die(self, *token),
            _ => return,
        };
        if !matches!(fault, Some(Fault::NotSent | Fault::Refuses)) {
            invariant::sent(self, attempt);
        }
    }

    fn report(&mut self, worker: usize, event: &Event, fault: Option<Fault>) {
        if fault == Some(Fault::StallBefore) {
            self.workers[worker].stall = Some(Stall::Before);
            return;
        }
        self.pass(1);
        match fault {
            Some(Fault::CrashBefore) => self.workers[worker] = Worker::default(),
            Some(Fault::LostBefore) => self.drop_task(worker),
            _ => {
                let accepted = self.fenced_commit(worker, event);
                match fault {
                    Some(Fault::CrashAfter) => self.workers[worker] = Worker::default(),
                    Some(Fault::LostAfter) => self.drop_task(worker),
                    _ => procedure::committed(self, worker, event, accepted),
                }
            }
        }
    }

    fn fenced_commit(&mut self, worker: usize, event: &Event) -> bool {
        let Some(task) = &self.workers[worker].task else { return false };
        let current = self.leases[task.lane].epoch == task.epoch;
        (current || self.has(Mistake::NoFencing)) && ledger::commit(self, event).is_ok()
    }

    fn hear(&mut self, worker: usize, answer: Answer) {
        let Some(task) = self.workers[worker].task.clone() else { return };
        match procedure::tell(self, worker, &task, answer) {
            Some(stage) => {
                if let Some(task) = &mut self.workers[worker].task {
                    task.stage = stage;
                }
            }
            None => self.drop_task(worker),
        }
    }

    /// Ends the task without progress; the lane rests before the next try.
    pub fn drop_task(&mut self, worker: usize) {
        self.free(worker, BACKOFF);
    }

    /// Ends the task; the lane is free at once.
    pub fn end_task(&mut self, worker: usize) {
        self.free(worker, 0);
    }

    fn free(&mut self, worker: usize, rest: i64) {
        let Some(task) = self.workers[worker].task.take() else { return };
        let lease = &mut self.leases[task.lane];
        if lease.epoch == task.epoch {
            lease.until = self.clock;
            lease.rest = self.clock + rest;
        }
    }

    /// When the lane may be claimed: free, rested, and something due.
    pub fn claimable_at(&self, lane: usize) -> Option<i64> {
        let lease = &self.leases[lane];
        ledger::earliest(self, lane).map(|due| due.max(lease.rest).max(lease.until))
    }

    pub fn is_about_to_delete(&self, worker: usize) -> bool {
        self.workers[worker].task.as_ref().is_some_and(|task| matches!(task.stage, Stage::Delete))
    }

    /// Somebody else owns the lane, or the lease ran out.
    pub fn overtaken(&self, worker: usize) -> bool {
        self.workers[worker]
            .task
            .as_ref()
            .is_some_and(|task| task.until <= self.clock || self.leases[task.lane].epoch != task.epoch)
    }
}

fn with_job(call: &Call, outcome: Job) -> Call {
    match call {
        Call::StartRun { consumer, .. } => Call::StartRun { consumer: *consumer, outcome },
        other => other.clone(),
    }
}
