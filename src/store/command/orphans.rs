//! Processes whose parents are gone. A child that wipes its environment and lets its parent end would be init's by then,
//! and nobody could tell whose it was. So we ask to get them instead, and end those that no run of now can have begun.

use super::kin::end_one;
use rustix::process::{Pid, WaitOptions, getpgrp, getpid, set_child_subreaper, waitpid};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fs, io};
use tokio::process;

/// A process may have begun another while it was looked for; so often it is looked again.
const ROUNDS: u32 = 20;

static STATE: Mutex<State> = Mutex::new(State { adopts: false, leaders: BTreeMap::new() });

struct State {
    /// Other processes of ours would be taken for theirs, so whoever owns the process says so.
    adopts: bool,
    /// Programs that we started, until they are buried.
    leaders: BTreeMap<i32, Leader>,
}

struct Leader {
    /// When it began, in the system's ticks.
    since: u64,
    running: bool,
}

/// One run, for as long as it lasts.
pub(super) struct Run(Option<Pid>);

/// A child of ours, as the system tells it.
#[derive(Clone, Copy)]
struct Child {
    pid: Pid,
    group: i32,
    since: u64,
    dead: bool,
}

/// From now on orphans of command stores come to this process. For a process that begins no others.
pub fn adopt() {
    // Where the system does not know this, what wiped its environment gets away as before.
    lock().adopts = set_child_subreaper(Some(getpid())).is_ok();
}

impl Run {
    /// Starts a program. Nobody looks for orphans meanwhile, who would take it for one before it is known.
    pub(super) fn begin(start: impl FnOnce() -> io::Result<process::Child>) -> io::Result<(process::Child, Self)> {
        let mut state = lock();
        let child = start()?;
        let leader = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        if let Some((pid, since)) = leader.and_then(|pid| Some((pid, stat(pid)?.1.since))) {
            state.leaders.insert(raw(pid), Leader { since, running: true });
        }
        Ok((child, Self(leader)))
    }

    /// The program.
    pub(super) fn leader(&self) -> Option<Pid> {
        self.0
    }

    /// It is over, for its orphans too.
    pub(super) fn end(&self) {
        let mut state = lock();
        if let Some(leader) = self.0.and_then(|pid| state.leaders.get_mut(&raw(pid))) {
            leader.running = false;
        }
        if !state.adopts {
            state.leaders.retain(|_, leader| leader.running);
            return;
        }
        for _ in 0..ROUNDS {
            if state.sweep() == 0 {
                return;
            }
        }
    }
}

impl State {
    /// Ends what is left of runs that are over; how many still live. What began while another run lasts may be that one's.
    fn sweep(&mut self) -> usize {
        let children = children();
        let is_there =
            |pid: i32, since: u64| children.iter().any(|child| raw(child.pid) == pid && child.since == since);
        self.leaders.retain(|pid, leader| is_there(*pid, leader.since));
        let running = self.leaders.values().filter(|leader| leader.running).map(|leader| leader.since).min();
        let ours = raw(getpgrp());
        let orphans =
            children.iter().filter(|child| child.group != ours && !self.leaders.contains_key(&raw(child.pid)));
        let mut alive = 0;
        for orphan in orphans.filter(|child| running.is_none_or(|since| child.since < since)) {
            if !orphan.dead {
                alive += 1;
                end_one(orphan.pid, |pid| is_child(pid, orphan.since));
            }
            // One that is not dead yet is buried by the next round, or after the next run.
            let _buried = waitpid(Some(orphan.pid), WaitOptions::NOHANG);
        }
        alive
    }
}

fn is_child(pid: Pid, since: u64) -> bool {
    stat(pid).is_some_and(|(parent, found)| parent == raw(getpid()) && found.since == since)
}

fn children() -> Vec<Child> {
    let us = raw(getpid());
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let found = numbers.filter_map(|number| stat(Pid::from_raw(number)?));
    found.filter(|(parent, _)| *parent == us).map(|(_, child)| child).collect()
}

/// A process with its parent. The name before the bracket may hold anything.
fn stat(pid: Pid) -> Option<(i32, Child)> {
    let text = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    let (parent, group, since) =
        (fields.get(1)?.parse().ok()?, fields.get(2)?.parse().ok()?, fields.get(19)?.parse().ok()?);
    Some((parent, Child { pid, group, since, dead: matches!(fields.first(), Some(&"Z" | &"X")) }))
}

fn raw(pid: Pid) -> i32 {
    pid.as_raw_nonzero().get()
}

fn lock() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}
