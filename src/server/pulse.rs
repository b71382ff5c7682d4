//! Whether a listener still takes connections: what `/healthz` tells.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long nobody may get in before the process counts as dead: more than one full room takes to answer.
const LONGEST: Duration = Duration::from_secs(30);

/// The state of one listener, shared with whoever is asked for it.
#[derive(Clone, Default)]
pub struct Pulse(Arc<Mutex<State>>);

#[derive(Default)]
enum State {
    /// Whoever comes is taken.
    #[default]
    Open,
    /// Nobody could be taken since.
    Shut(Instant),
    /// There is no listener any more.
    Gone,
}

impl Pulse {
    /// Whether whoever comes is taken, or was a little while ago.
    pub fn is_well(&self) -> bool {
        match *self.state() {
            State::Open => true,
            State::Shut(since) => since.elapsed() < LONGEST,
            State::Gone => false,
        }
    }

    pub(super) fn open(&self) {
        *self.state() = State::Open;
    }

    pub(super) fn shut(&self) {
        let mut state = self.state();
        if matches!(*state, State::Open) {
            *state = State::Shut(Instant::now());
        }
    }

    pub(super) fn gone(&self) {
        *self.state() = State::Gone;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_listener_that_takes_nobody_for_long_is_dead_and_one_that_takes_again_is_not() {
        let pulse = Pulse::default();
        pulse.shut();
        tokio::time::advance(LONGEST - Duration::from_secs(1)).await;
        pulse.shut();
        assert!(pulse.is_well());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!pulse.is_well());
        pulse.open();
        assert!(pulse.is_well());
        pulse.gone();
        assert!(!pulse.is_well());
    }
}
