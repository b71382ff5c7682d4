//! Reminding people of a decision that is awaited, when the policy says that it is time.

use crate::engine::Engine;
use crate::engine::report::Stop;
use crate::engine::worker::{Hold, Performed};
use crate::rotation::event::Event;
use crate::rotation::record::Rotation;
use crate::rotation::remind::{Next, next};
use std::time::Duration;

/// The policy is looked at again at least this often: it may have changed.
const LOOK: Duration = Duration::from_secs(6 * 3_600);

impl Engine {
    pub(super) async fn remind(&self, hold: &Hold<'_>, rotation: &Rotation) -> Result<Performed, Stop> {
        let now = self.clock.now();
        match next(rotation, &self.settings.reminders, now) {
            Next::Now(due) => hold.report(rotation, &Event::Reminded { steps: due.steps, to: due.to }).await,
            Next::At(at) => {
                Ok(Performed::Later(Duration::try_from(at.duration_since(now)).unwrap_or_default().min(LOOK)))
            }
            Next::Never => Ok(Performed::Later(LOOK)),
        }
    }
}
