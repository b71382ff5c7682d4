//! Calls held at a chosen moment, so that a harness can kill the caller exactly there.

use std::sync::{Mutex, MutexGuard};
use tokio::sync::{Notify, oneshot};

/// A call that waits.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Held {
    /// The call's number in the list of calls.
    pub seq: u64,
    /// Whether it has taken effect already.
    pub performed: bool,
}

/// The calls that wait.
#[derive(Default)]
pub(super) struct Holds {
    waiting: Mutex<Vec<(Held, oneshot::Sender<bool>)>>,
    arrived: Notify,
}

impl Holds {
    fn lock(&self) -> MutexGuard<'_, Vec<(Held, oneshot::Sender<bool>)>> {
        self.waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Holds a call until it is released: true to go on, false to break the connection.
    pub async fn hold(&self, seq: u64, performed: bool) -> bool {
        let (release, released) = oneshot::channel();
        self.lock().push((Held { seq, performed }, release));
        self.arrived.notify_waiters();
        released.await.unwrap_or(false)
    }

    /// The first call that waits, as soon as one does.
    pub async fn held(&self) -> Held {
        loop {
            let arrived = self.arrived.notified();
            if let Some(held) = self.waiting().into_iter().next() {
                return held;
            }
            arrived.await;
        }
    }

    /// All calls that wait.
    pub fn waiting(&self) -> Vec<Held> {
        self.lock().iter().map(|(held, _)| held.clone()).collect()
    }

    /// Lets all go on, or breaks their connections.
    pub fn release(&self, go_on: bool) {
        for (_, release) in self.lock().drain(..) {
            // A call whose task is gone needs no release.
            let _ = release.send(go_on);
        }
    }
}
