//! The hours of the week in which approved rotations may start.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// Hours of the week. `from` is before `to`; at least one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Days on which it opens.
    pub days: Vec<Weekday>,
    /// When it opens, on the clock of `zone`.
    pub from: Time,
    /// When it closes, on the clock of `zone`.
    pub to: Time,
    /// Whose clock.
    pub zone: TimeZone,
}

impl Window {
    /// The first moment from `now` on at which a rotation may start: `now` itself while the window is open.
    pub fn next_open(&self, now: Timestamp) -> Timestamp {
        let today = now.to_zoned(self.zone.clone()).date();
        let week = (0..=7).filter_map(|ahead| today.checked_add(ahead.days()).ok());
        let mut openings = week.filter(|day| self.days.contains(&day.weekday()));
        openings.find_map(|day| self.opening_on(day, now)).unwrap_or(now)
    }

    /// The longest time in hours for which it stays closed, by the clock on the wall.
    pub fn longest_closed_hours(&self) -> u64 {
        let mut days: Vec<i64> = self.days.iter().map(|day| i64::from(day.to_monday_zero_offset())).collect();
        days.sort_unstable();
        days.dedup();
        let following = days.iter().skip(1).copied().chain(days.first().map(|first| first + 7));
        let apart = days.iter().zip(following).map(|(day, next)| next - day).max().unwrap_or(0);
        let open = self.from.duration_until(self.to);
        let closed = jiff::SignedDuration::from_hours(24 * apart) - open;
        u64::try_from(closed.as_mins()).unwrap_or_default().div_ceil(60)
    }

    fn opening_on(&self, day: Date, now: Timestamp) -> Option<Timestamp> {
        let at = |time: Time| self.zone.to_timestamp(day.to_datetime(time)).ok();
        let (opens, closes) = (at(self.from)?, at(self.to)?);
        (now < closes).then_some(opens.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn office_hours() -> Window {
        let days = vec![Weekday::Monday, Weekday::Friday];
        Window { days, from: Time::constant(9, 0, 0, 0), to: Time::constant(17, 0, 0, 0), zone: TimeZone::UTC }
    }

    #[test]
    fn a_rotation_starts_at_once_while_the_window_is_open_and_else_when_it_opens() {
        // 2026-11-20 is a Friday.
        for (now, expected) in [
            ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z"),
            ("2026-11-20T08:00:00Z", "2026-11-20T09:00:00Z"),
            ("2026-11-20T17:00:00Z", "2026-11-23T09:00:00Z"),
            ("2026-11-23T18:00:00Z", "2026-11-27T09:00:00Z"),
        ] {
            assert_eq!(office_hours().next_open(now.parse().unwrap()).to_string(), expected, "{now}");
        }
    }

    #[test]
    fn how_long_it_stays_closed_is_counted_over_the_week() {
        assert_eq!(office_hours().longest_closed_hours(), 88);
        let window = Window { days: vec![Weekday::Friday], ..office_hours() };
        assert_eq!(window.longest_closed_hours(), 7 * 24 - 8);
    }

    #[test]
    fn a_window_on_one_day_opens_again_a_week_later() {
        let window = Window { days: vec![Weekday::Friday], ..office_hours() };
        let opens = window.next_open("2026-11-20T17:00:00Z".parse().unwrap());
        assert_eq!(opens.to_string(), "2026-11-27T09:00:00Z");
    }
}
