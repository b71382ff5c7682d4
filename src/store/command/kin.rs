//! The processes of one run, wherever they went: a child that began a session of its own has left the group and the
//! parents that it had. What it cannot leave is its environment, in which every run has a name of its own.

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs;

/// The variable that names the run.
pub(super) const RUN: &str = "REKEY_RUN";

/// A process may have begun another while it was looked for; so often it is looked again.
const ROUNDS: u32 = 20;

/// In the instant in which a process begins another program its environment is not to be seen.
const SURE: u32 = 2;

/// Ends every process of that run.
pub(super) fn end(run: &str) {
    let mark = format!("{RUN}={run}");
    let mut empty = 0;
    for _ in 0..ROUNDS {
        let alive = of_run(&mark);
        empty = if alive.is_empty() { empty + 1 } else { 0 };
        if empty == SURE {
            return;
        }
        for pid in alive {
            end_one(pid, |pid| belongs(pid, &mark));
        }
    }
}

/// Its number may be another process's by now, so it is held first and looked at once more.
pub(super) fn end_one(pid: Pid, is_meant: impl Fn(Pid) -> bool) {
    let Ok(held) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    if is_meant(pid) {
        // If it is gone, that is what was wanted.
        let _gone = pidfd_send_signal(&held, Signal::KILL);
    }
}

fn of_run(mark: &str) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    numbers.filter_map(Pid::from_raw).filter(|pid| belongs(*pid, mark)).collect()
}

/// A process that has ended and waits to be buried has no environment any more.
fn belongs(pid: Pid, mark: &str) -> bool {
    let environment = fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
}
