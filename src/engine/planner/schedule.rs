//! The hours in which rotations may start, weighed against the token's expiry before anybody approves.

use crate::clock::start_of;
use crate::engine::Engine;
use crate::rotation::plan::Plan;
use crate::rotation::refusal::when;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

/// Less than a rotation takes: the new token is stored, proven and seen in use while the old one lives.
const ROOM: SignedDuration = SignedDuration::from_hours(1);

impl Engine {
    /// When the window opens next, if the token is dead by then, or before a rotation could be through.
    pub(in crate::engine) fn misses_window(&self, expires_at: Option<Date>) -> Option<Timestamp> {
        let now = self.clock.now();
        let opens = self.settings.window.as_ref()?.next_open(now);
        let dead = start_of(expires_at?);
        (opens > now && dead <= opens.saturating_add(ROOM).unwrap_or(opens)).then_some(opens)
    }

    pub(super) fn check_schedule(&self, plan: &mut Plan) {
        if let (true, Some(opens)) = (plan.at_once, self.misses_window(plan.old.expires_at)) {
            let expires = match plan.old.expires_at.map(start_of) {
                Some(dead) if dead > opens => "within an hour after",
                _ => "before",
            };
            plan.warnings.push(format!(
                "the token expires {expires} the window opens ({}), so it starts at once when approved",
                when(opens)
            ));
        }
    }
}
