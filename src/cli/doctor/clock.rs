//! This machine's clock, compared with those of whoever signs what comes in.

use super::finding::Finding;
use crate::http::{BAD_SKEW, NOTABLE_SKEW};
use jiff::SignedDuration;

/// What a messenger's last answer tells, if it is worth a word.
pub(super) fn off(whose: &str, ahead: Option<SignedDuration>) -> Option<Finding> {
    let ahead = ahead.filter(|ahead| ahead.abs() >= NOTABLE_SKEW)?;
    Some(compared(whose, ahead, ""))
}

/// The clock is ahead by so much, or behind; `besides` follows.
pub(super) fn compared(whose: &str, ahead: SignedDuration, besides: &str) -> Finding {
    if ahead.abs() <= NOTABLE_SKEW {
        return Finding::ok("clock", format!("agrees with {whose}'s"));
    }
    let side = if ahead.is_positive() { "ahead of" } else { "behind" };
    let what = format!("{} s {side} {whose}'s{besides}", ahead.abs().as_secs());
    if ahead.abs() < BAD_SKEW {
        return Finding::warn("clock", what, "set this machine's clock by NTP: signatures and expiry depend on it");
    }
    Finding::fail("clock", what, "set this machine's clock by NTP: clicks and webhooks are refused as too old")
}
