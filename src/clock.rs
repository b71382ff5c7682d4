//! Where time comes from: an argument, so that tests and the simulation own it.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use std::sync::{Arc, Mutex};

/// The wall clock. Durations and time-outs use tokio's monotonic clock instead.
pub trait Clock: Send + Sync {
    /// The present moment in UTC.
    fn now(&self) -> Timestamp;

    /// Today's date in UTC, in which GitLab counts expiry.
    fn today(&self) -> Date {
        utc_date(self.now())
    }
}

/// The UTC calendar date of a moment.
pub fn utc_date(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// The first moment of a UTC date: from then on a token that expires on it is unusable.
pub fn start_of(date: Date) -> Timestamp {
    date.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).unwrap_or(Timestamp::MAX)
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands still until it is moved.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<Timestamp>>);

impl ManualClock {
    /// A clock that shows `at`.
    pub fn at(at: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(at)))
    }

    /// Moves the hands; backwards is allowed, clocks do that.
    pub fn set(&self, at: Timestamp) {
        *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = at;
    }

    /// Moves the hands forward by whole seconds.
    pub fn advance(&self, seconds: i64) {
        let now = self.now();
        self.set(now.saturating_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(now));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
