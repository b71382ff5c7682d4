//! What stops an approved rotation at the last moment is looked at again before it counts: a store that refuses one
//! request and takes the next costs nobody a second click.

use crate::engine::{Engine, EngineError};
use crate::rotation::event::Event;
use crate::rotation::ids::RotationId;
use crate::rotation::record::Rotation;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How often one must be refused in a row, with the pauses of any trouble in between.
const TIMES: u32 = 3;

/// How often each approved rotation was refused in a row. What a process forgets costs a few more looks.
#[derive(Default)]
pub struct Doubts(Mutex<HashMap<RotationId, u32>>);

impl Doubts {
    /// Whether it is to be looked at once more.
    fn once_more(&self, rotation: &RotationId) -> bool {
        let mut refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let times = refused.entry(rotation.clone()).or_default();
        *times += 1;
        let more = *times < TIMES;
        if !more {
            refused.remove(rotation);
        }
        more
    }

    fn dispel(&self, rotation: &RotationId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(rotation);
    }
}

impl Engine {
    /// Compares a rotation's plan with the present truth; a refusal that would take back somebody's yes is asked again.
    pub async fn compare_plan_surely(&self, rotation: &Rotation) -> Result<Event, EngineError> {
        let event = self.compare_plan(rotation).await?;
        let blocked = match &event {
            Event::Replanned { plan, .. } if rotation.plan.blockers.is_empty() && !rotation.approvals.is_empty() => {
                plan.blockers.join("; ")
            }
            _ => String::new(),
        };
        if blocked.is_empty() {
            self.doubts.dispel(&rotation.id);
        } else if self.doubts.once_more(&rotation.id) {
            return Err(EngineError::Unavailable(blocked));
        }
        Ok(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_counts_the_third_time_in_a_row_and_not_before() {
        let (doubts, one, other) = (Doubts::default(), RotationId::from("one"), RotationId::from("other"));
        assert_eq!([(); 4].map(|()| doubts.once_more(&one)), [true, true, false, true]);
        assert!(doubts.once_more(&other), "each rotation is doubted by itself");
        doubts.dispel(&one);
        assert_eq!([(); 3].map(|()| doubts.once_more(&one)), [true, true, false]);
    }
}
