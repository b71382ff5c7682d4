//! Stops calling with a credential that a host keeps refusing: GitLab bans an address after repeated failed logins.

use super::dialect::{About, Told};
use super::error::{Failure, Status};
use crate::secret::Digest;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;
use tokio::time::Instant;

/// Refusals in a row after which a credential rests.
const REFUSALS: u32 = 3;

/// How long it rests. After that one call may try again.
const REST: Duration = Duration::from_secs(60);

/// Credentials remembered at most; the refused ones are few, and of the others only what was seen lately counts.
const REMEMBERED: usize = 1_000;

/// What helps if it goes on.
const ANOTHER: &str = "give rekey a credential that the host accepts";

/// How a call went as far as its credential is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Login<'a> {
    /// The host knows the caller.
    Accepted,
    /// It does not, in these words.
    Refused(&'a str),
    /// Nothing can be said.
    Unclear,
}

#[derive(Default)]
pub(super) struct Logins(Mutex<HashMap<Digest, Seen>>);

/// What is known of one credential.
struct Seen {
    /// Refusals since it was accepted last.
    in_a_row: u32,
    /// When it was refused or accepted last.
    last: Instant,
    /// What was said to it.
    words: String,
}

impl Logins {
    /// Refuses in the host's stead while the credential rests, in the host's own words. Only where those words are known
    /// for certain to mean the credential (`is_certain`) is that a refusal of this call too: elsewhere the 401 of one
    /// object would be taken for the answer about another.
    pub(super) fn check(&self, caller: Option<&Digest>, is_certain: bool) -> Result<(), Failure> {
        let Some((left, words)) = caller.and_then(|caller| self.rest_left(caller)) else { return Ok(()) };
        let times = "the credential was refused three times in a row; not asked again for";
        let message = format!("{words} ({times} {} s)", left.as_secs() + 1);
        if !is_certain {
            return Err(Failure::NotNow(message, ANOTHER));
        }
        let told = Told { about: About::Credential, mend: None };
        Err(Failure::Status(Status { status: 401, code: None, message, told }))
    }

    /// Counts a refusal, forgets them all once it is accepted.
    pub(super) fn record(&self, caller: Option<Digest>, login: Login<'_>) {
        let Some(caller) = caller else { return };
        let mut seen = self.lock();
        if seen.len() >= REMEMBERED && !seen.contains_key(&caller) {
            seen.retain(|_, seen| seen.last.elapsed() < REST);
            if seen.len() >= REMEMBERED {
                return;
            }
        }
        let now = Instant::now();
        match login {
            Login::Unclear => {}
            Login::Accepted => {
                seen.insert(caller, Seen { in_a_row: 0, last: now, words: String::new() });
            }
            Login::Refused(words) => {
                let entry = seen.entry(caller).or_insert(Seen { in_a_row: 0, last: now, words: String::new() });
                *entry = Seen { in_a_row: entry.in_a_row + 1, last: now, words: words.to_owned() };
            }
        }
    }

    /// Whether the host accepted it a moment ago, so that a refusal now is hardly about it.
    pub(super) fn was_accepted(&self, caller: &Digest) -> bool {
        self.lock().get(caller).is_some_and(|seen| seen.in_a_row == 0 && seen.last.elapsed() < REST)
    }

    fn rest_left(&self, caller: &Digest) -> Option<(Duration, String)> {
        let seen = self.lock();
        let entry = seen.get(caller).filter(|entry| entry.in_a_row >= REFUSALS)?;
        let left = REST.saturating_sub(entry.last.elapsed());
        (!left.is_zero()).then(|| (left, entry.words.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Seen>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(logins: &Logins) {
        logins.record(Some(Digest("a".into())), Login::Refused("Token is expired."));
    }

    #[tokio::test(start_paused = true)]
    async fn a_credential_rests_after_three_refusals_and_may_then_try_once_more() {
        let (logins, caller) = (Logins::default(), Digest("a".into()));
        for _ in 0..3 {
            assert!(logins.check(Some(&caller), true).is_ok());
            refused(&logins);
        }
        let resting = logins.check(Some(&caller), true).unwrap_err().explain("GET /x").to_string();
        assert!(resting.contains("Token is expired. (the credential was refused three times in a row"), "{resting}");
        let unsure = logins.check(Some(&caller), false).unwrap_err().explain("GET /x");
        assert!(unsure.is_passing() && unsure.to_string().contains("Token is expired. (the credential"), "{unsure}");
        assert!(logins.check(Some(&Digest("b".into())), true).is_ok());
        tokio::time::advance(REST).await;
        assert!(logins.check(Some(&caller), true).is_ok());
        refused(&logins);
        assert!(logins.check(Some(&caller), true).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_accepted_call_wipes_the_slate_and_what_says_nothing_does_not_count() {
        let (logins, caller) = (Logins::default(), Digest("a".into()));
        for _ in 0..9 {
            refused(&logins);
            logins.record(Some(caller.clone()), Login::Accepted);
            logins.record(Some(caller.clone()), Login::Unclear);
            assert!(logins.was_accepted(&caller));
        }
        assert!(logins.check(Some(&caller), true).is_ok());
        tokio::time::advance(REST).await;
        assert!(!logins.was_accepted(&caller), "what was seen long ago says nothing of now");
    }
}
