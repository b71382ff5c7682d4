//! How far this machine's clock is off, by what hosts say the time is in every answer. A clock that is minutes off has
//! every signed click and webhook refused as too old, and only this tells why.

use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{AGE, DATE, HeaderMap};
use std::sync::{Mutex, PoisonError};

/// Worth a word: one-time codes begin to fail.
pub const NOTABLE_SKEW: SignedDuration = SignedDuration::from_secs(30);

/// Signed requests are refused from five minutes on; nobody's clock is that far off for long and comes back by itself.
pub const BAD_SKEW: SignedDuration = SignedDuration::from_secs(120);

/// `Date` names whole seconds.
const ROUNDING: SignedDuration = SignedDuration::from_secs(1);

/// What the last answer of one host told.
#[derive(Default)]
pub(super) struct Skew(Mutex<Option<SignedDuration>>);

impl Skew {
    /// How far we are ahead, at least: the host wrote its time somewhere between `sent` and `now`, so no more is known
    /// than what lies outside of that. `None` if the answer names no time, or an old one.
    pub(super) fn learn(&self, headers: &HeaderMap, sent: Timestamp, now: Timestamp) -> Option<SignedDuration> {
        if headers.contains_key(AGE) {
            return None;
        }
        let date = rfc2822::parse(headers.get(DATE)?.to_str().ok()?).ok()?.timestamp();
        let (ahead, behind) = (sent.duration_since(date) - ROUNDING, now.duration_since(date));
        let skew = if ahead > SignedDuration::ZERO { ahead } else { behind.min(SignedDuration::ZERO) };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(skew);
        Some(skew)
    }

    pub(super) fn last(&self) -> Option<SignedDuration> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_way_there_and_back_can_explain_is_no_skew() {
        let host: Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(DATE, "Sat, 21 Nov 2026 08:00:00 GMT".parse().unwrap());
        let skew = |sent: i64, took: i64| {
            let sent = host + SignedDuration::from_secs(sent);
            Skew::default().learn(&headers, sent, sent + SignedDuration::from_secs(took)).unwrap().as_secs()
        };
        assert_eq!([skew(0, 0), skew(1, 0), skew(-8, 9), skew(0, 9)], [0; 4]);
        assert_eq!((skew(3_600, 2), skew(-3_600, 2)), (3_599, -3_598));
        headers.insert(AGE, "5".parse().unwrap());
        assert_eq!(Skew::default().learn(&headers, host, host), None);
    }
}
