//! The hours in which rotations may start, weighed against the token's expiry before anybody approves.

use crate::clock::start_of;
use crate::engine::Engine;
use crate::rotation::plan::Plan;
use crate::rotation::refusal::when;
use jiff::Timestamp;
use jiff::civil::Date;

impl Engine {
    /// When the window opens next, if the token is dead by then.
    pub(in crate::engine) fn misses_window(&self, expires_at: Option<Date>) -> Option<Timestamp> {
        let now = self.clock.now();
        let opens = self.settings.window.as_ref()?.next_open(now);
        (opens > now && start_of(expires_at?) <= opens).then_some(opens)
    }

    pub(super) fn check_schedule(&self, plan: &mut Plan) {
        if let (true, Some(opens)) = (plan.at_once, self.misses_window(plan.old.expires_at)) {
            plan.warnings.push(format!(
                "the token expires before the window opens ({}), so it starts at once when approved",
                when(opens)
            ));
        }
    }
}
