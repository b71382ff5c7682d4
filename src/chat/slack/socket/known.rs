//! Which envelopes were seen: Slack repeats one on another connection when an acknowledgement was late or lost.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Envelopes remembered. Slack repeats within minutes, and a repeat beyond that meets the ledger.
const REMEMBERED: usize = 4_096;

/// How far an envelope is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    InHand,
    Done,
}

/// What to do with an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nobody had it: work on it, then say how it went.
    Never,
    /// Somebody has it in hand and will acknowledge it.
    InHand,
    /// It is done: only acknowledge it again.
    Done,
}

#[derive(Default)]
struct Inner {
    states: HashMap<String, State>,
    order: VecDeque<String>,
}

/// The memory that all connections share.
#[derive(Default)]
pub(super) struct Known(Mutex<Inner>);

impl Known {
    pub fn meet(&self, id: &str) -> Seen {
        let mut inner = self.lock();
        match inner.states.get(id) {
            Some(State::InHand) => return Seen::InHand,
            Some(State::Done) => return Seen::Done,
            None => {}
        }
        if inner.order.len() >= REMEMBERED
            && let Some(oldest) = inner.order.pop_front()
        {
            inner.states.remove(&oldest);
        }
        inner.states.insert(id.to_owned(), State::InHand);
        inner.order.push_back(id.to_owned());
        Seen::Never
    }

    pub fn done(&self, id: &str) {
        if let Some(state) = self.lock().states.get_mut(id) {
            *state = State::Done;
        }
    }

    /// It came to nothing, so that a repeat is worked on.
    pub fn forget(&self, id: &str) {
        let mut inner = self.lock();
        inner.states.remove(id);
        inner.order.retain(|known| known != id);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_worked_on_once_unless_it_came_to_nothing() {
        let known = Known::default();
        assert_eq!([known.meet("a"), known.meet("a")], [Seen::Never, Seen::InHand]);
        known.done("a");
        assert_eq!(known.meet("a"), Seen::Done);
        assert_eq!(known.meet("b"), Seen::Never);
        known.forget("b");
        assert_eq!(known.meet("b"), Seen::Never);
    }

    #[test]
    fn the_memory_is_bounded() {
        let known = Known::default();
        for n in 0..=REMEMBERED {
            known.meet(&n.to_string());
        }
        assert_eq!(known.meet("0"), Seen::Never);
        assert_eq!(known.meet(&REMEMBERED.to_string()), Seen::InHand);
        assert_eq!(known.lock().states.len(), REMEMBERED);
    }
}
