//! Stops calling with a credential that a host keeps refusing: GitLab bans an address after repeated failed logins.

use super::error::Failure;
use crate::secret::Digest;
use reqwest::StatusCode;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;
use tokio::time::Instant;

/// Refusals in a row after which a credential rests.
const REFUSALS: u32 = 3;

/// How long it rests. After that one call may try again.
const REST: Duration = Duration::from_secs(60);

/// Credentials remembered at most; only refused ones are, so this is generous.
const REMEMBERED: usize = 1_000;

#[derive(Default)]
pub(super) struct Logins(Mutex<HashMap<Digest, Refused>>);

struct Refused {
    in_a_row: u32,
    last: Instant,
}

impl Logins {
    /// Refuses in the host's stead while the credential rests.
    pub(super) fn check(&self, caller: Option<&Digest>) -> Result<(), Failure> {
        match caller.and_then(|caller| self.rest_left(caller)) {
            Some(left) => {
                let text = "the credential was refused three times in a row; not asked again for";
                Err(Failure::Status(401, None, format!("{text} {} s", left.as_secs() + 1)))
            }
            None => Ok(()),
        }
    }

    /// Counts a refusal, forgets them all after anything else.
    pub(super) fn record(&self, caller: Option<Digest>, status: StatusCode, unauthorized_is_an_answer: bool) {
        let Some(caller) = caller else { return };
        let mut refused = self.lock();
        if status != StatusCode::UNAUTHORIZED {
            if !status.is_server_error() {
                refused.remove(&caller);
            }
        } else if !unauthorized_is_an_answer && (refused.len() < REMEMBERED || refused.contains_key(&caller)) {
            let entry = refused.entry(caller).or_insert(Refused { in_a_row: 0, last: Instant::now() });
            entry.in_a_row += 1;
            entry.last = Instant::now();
        }
    }

    fn rest_left(&self, caller: &Digest) -> Option<Duration> {
        let refused = self.lock();
        let entry = refused.get(caller).filter(|entry| entry.in_a_row >= REFUSALS)?;
        let left = REST.saturating_sub(entry.last.elapsed());
        (!left.is_zero()).then_some(left)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Refused>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(logins: &Logins, status: StatusCode) {
        logins.record(Some(Digest("a".into())), status, false);
    }

    #[tokio::test(start_paused = true)]
    async fn a_credential_rests_after_three_refusals_and_may_then_try_once_more() {
        let (logins, caller) = (Logins::default(), Digest("a".into()));
        for _ in 0..3 {
            assert!(logins.check(Some(&caller)).is_ok());
            record(&logins, StatusCode::UNAUTHORIZED);
        }
        assert!(logins.check(Some(&caller)).is_err());
        assert!(logins.check(Some(&Digest("b".into()))).is_ok());
        tokio::time::advance(REST).await;
        assert!(logins.check(Some(&caller)).is_ok());
        record(&logins, StatusCode::UNAUTHORIZED);
        assert!(logins.check(Some(&caller)).is_err());
    }

    #[tokio::test]
    async fn an_accepted_call_or_a_refusal_about_the_object_does_not_count() {
        let (logins, caller) = (Logins::default(), Digest("a".into()));
        for _ in 0..9 {
            record(&logins, StatusCode::UNAUTHORIZED);
            record(&logins, StatusCode::NOT_FOUND);
            logins.record(Some(caller.clone()), StatusCode::UNAUTHORIZED, true);
        }
        assert!(logins.check(Some(&caller)).is_ok());
    }
}
