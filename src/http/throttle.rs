//! What all callers of one host share: how many requests are on the way, how many may start in a window, and the
//! pauses that the host asks for.

use super::error::Failure;
use super::share::Hurry;
use jiff::fmt::rfc2822;
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// What a host that names no time is given.
const DEFAULT_PAUSE: Duration = Duration::from_secs(30);

/// The longest pause that is believed.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);

/// How many requests one host may get in any window of that length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Requests in a window.
    pub requests: usize,
    /// Length of the window.
    pub window: Duration,
}

/// The shared state of one host.
pub struct Throttle {
    in_flight: Arc<Semaphore>,
    /// The part of it that calls of nobody's rotation may hold.
    in_flight_share: Arc<Semaphore>,
    budget: Option<(Arc<Semaphore>, Duration)>,
    /// The part of the budget that calls of nobody's rotation may use up.
    share: Option<Arc<Semaphore>>,
    /// And of that the part for calls in no hurry.
    background: Option<Arc<Semaphore>>,
    pauses: Mutex<Pauses>,
}

/// Until when the whole host is left alone, and until when each of its buckets.
#[derive(Default)]
struct Pauses {
    host: Option<Instant>,
    buckets: HashMap<String, Instant>,
}

/// The right to have one request on the way; given back on drop.
pub(super) struct Turn {
    _in_flight: [Option<OwnedSemaphorePermit>; 2],
    spent: [Option<OwnedSemaphorePermit>; 3],
    window: Duration,
}

impl Throttle {
    /// At most `in_flight` requests on the way at once, and no more than the budget.
    pub fn new(in_flight: usize, budget: Option<Budget>) -> Self {
        let places = |count: usize| Arc::new(Semaphore::new(count.max(1)));
        Self {
            in_flight: places(in_flight),
            in_flight_share: places((in_flight * 3).div_ceil(4)),
            budget: budget.map(|budget| (places(budget.requests), budget.window)),
            share: budget.map(|budget| places(budget.requests * 3 / 4)),
            background: budget.map(|budget| places(budget.requests * 5 / 8)),
            pauses: Mutex::default(),
        }
    }

    /// Waits for a turn, at most as long as the caller's patience. Some hosts count calls apart, in buckets; a call of
    /// one is held back by the pauses of its bucket and of the host.
    pub(super) async fn admit(&self, patience: Duration, bucket: Option<&str>, hurry: Hurry) -> Result<Turn, Failure> {
        let deadline = Instant::now() + patience;
        let (shared, waits) = (hurry != Hurry::Work, hurry == Hurry::Background);
        loop {
            self.sit_out_pause(deadline, bucket).await?;
            // Shares first: whoever waits for theirs holds nothing that the work could use.
            let background = permit(self.background.as_ref().filter(|_| waits), deadline).await?;
            let share = permit(self.share.as_ref().filter(|_| shared), deadline).await?;
            let in_flight_share = permit(Some(&self.in_flight_share).filter(|_| shared), deadline).await?;
            let in_flight = permit(Some(&self.in_flight), deadline).await?;
            let spent = permit(self.budget.as_ref().map(|(budget, _)| budget), deadline).await?;
            // A pause that began meanwhile is sat out without a place that calls of other buckets could use.
            if self.pause_ahead(bucket).is_none() {
                let window = self.budget.as_ref().map_or(Duration::ZERO, |(_, window)| *window);
                return Ok(Turn {
                    _in_flight: [in_flight, in_flight_share],
                    spent: [spent, share, background],
                    window,
                });
            }
        }
    }

    /// Takes from an answer what it says about the requests to come.
    pub(super) fn learn(&self, status: StatusCode, headers: &HeaderMap, bucket: Option<&str>) {
        let told_off = status == StatusCode::TOO_MANY_REQUESTS;
        let told_to_wait = status == StatusCode::SERVICE_UNAVAILABLE && headers.contains_key(RETRY_AFTER);
        let used_up = |left: &str, reset: &str| number(headers, left) == Some(0) && headers.contains_key(reset);
        let used_up = used_up("ratelimit-remaining", "ratelimit-reset")
            || used_up("x-ratelimit-remaining", "x-ratelimit-reset-after");
        if told_off || told_to_wait || used_up {
            let everybody = told_to_wait || headers.contains_key("x-ratelimit-global");
            self.pause(asked_to_wait(headers), bucket.filter(|_| !everybody));
        }
    }

    fn pause(&self, length: Duration, bucket: Option<&str>) {
        let now = Instant::now();
        let mut pauses = self.pauses();
        pauses.buckets.retain(|_, until| *until > now);
        match bucket {
            Some(bucket) => {
                let until = pauses.buckets.entry(bucket.to_owned()).or_insert(now);
                *until = (*until).max(now + length);
            }
            None => pauses.host = pauses.host.max(Some(now + length)),
        }
    }

    async fn sit_out_pause(&self, deadline: Instant, bucket: Option<&str>) -> Result<(), Failure> {
        while let Some(until) = self.pause_ahead(bucket) {
            if until > deadline {
                return Err(Failure::RateLimited(until.saturating_duration_since(Instant::now())));
            }
            tokio::time::sleep_until(until).await;
        }
        Ok(())
    }

    fn pause_ahead(&self, bucket: Option<&str>) -> Option<Instant> {
        let pauses = self.pauses();
        let own = bucket.and_then(|bucket| pauses.buckets.get(bucket).copied());
        pauses.host.max(own).filter(|until| *until > Instant::now())
    }

    fn pauses(&self) -> MutexGuard<'_, Pauses> {
        self.pauses.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Turn {
    /// The budget counts a request until a full window after its answer: however long it was on the way, the host
    /// sees no more than the budget in any window.
    fn drop(&mut self) {
        let spent = std::mem::take(&mut self.spent);
        if let (true, Ok(runtime)) = (spent[0].is_some(), tokio::runtime::Handle::try_current()) {
            let window = self.window;
            runtime.spawn(async move {
                tokio::time::sleep(window).await;
                drop(spent);
            });
        }
    }
}

/// Of a limit that holds for this call, if there is one.
async fn permit(limit: Option<&Arc<Semaphore>>, deadline: Instant) -> Result<Option<OwnedSemaphorePermit>, Failure> {
    let Some(semaphore) = limit else { return Ok(None) };
    match timeout_at(deadline, semaphore.clone().acquire_owned()).await {
        Ok(permit) => Ok(Some(permit.expect("the semaphore is never closed"))),
        Err(_) => Err(Failure::not_sent("our own limit on requests to this host is used up")),
    }
}

/// How long the host wants silence, by `Retry-After` or else by its reset. Moments are counted from the
/// answer's own `Date`: the host's clock is the one that matters.
pub(super) fn asked_to_wait(headers: &HeaderMap) -> Duration {
    let now = second_of(headers, DATE.as_str());
    let until = |second: i64| now.map(|now| u64::try_from(second.saturating_sub(now)).unwrap_or(0).max(1));
    number(headers, RETRY_AFTER.as_str())
        .or_else(|| until(second_of(headers, RETRY_AFTER.as_str())?))
        .map(Duration::from_secs)
        .or_else(|| fraction(headers, "x-ratelimit-reset-after"))
        .or_else(|| until(i64::try_from(number(headers, "ratelimit-reset")?).ok()?).map(Duration::from_secs))
        .unwrap_or(DEFAULT_PAUSE)
        .min(LONGEST_PAUSE)
}

fn second_of(headers: &HeaderMap, name: &str) -> Option<i64> {
    let date = rfc2822::parse(headers.get(name)?.to_str().ok()?).ok()?;
    Some(date.timestamp().as_second())
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// Seconds with a fraction.
fn fraction(headers: &HeaderMap, name: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(headers.get(name)?.to_str().ok()?.trim().parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderName;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    const SOON: Duration = Duration::from_secs(5);

    #[test]
    fn the_wait_is_read_from_seconds_a_date_or_the_reset_and_never_believed_beyond_an_hour() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:30 GMT");
        for (pairs, seconds) in [
            (vec![("retry-after", "7")], 7),
            (vec![date, ("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")], 7),
            (vec![date, ("ratelimit-reset", "784111782")], 12),
            (vec![date, ("ratelimit-reset", "1")], 1),
            (vec![("ratelimit-reset", "784111782")], 30),
            (vec![("retry-after", "soon")], 30),
            (vec![("retry-after", "99999999")], 3_600),
            (vec![("x-ratelimit-reset-after", "64.00")], 64),
            (vec![("x-ratelimit-reset-after", "-1")], 30),
        ] {
            assert_eq!(asked_to_wait(&headers(&pairs)).as_secs(), seconds, "{pairs:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_everybody_back_and_the_impatient_are_told_how_long() {
        let throttle = Throttle::new(4, None);
        throttle.learn(StatusCode::TOO_MANY_REQUESTS, &headers(&[("retry-after", "60")]), None);
        assert!(
            matches!(throttle.admit(SOON, None, Hurry::Asked).await, Err(Failure::RateLimited(left)) if left.as_secs() == 60)
        );
        let before = Instant::now();
        assert!(throttle.admit(Duration::from_secs(61), None, Hurry::Asked).await.is_ok());
        assert_eq!(before.elapsed().as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_request_that_the_host_grants_starts_a_pause_until_its_reset() {
        let throttle = Throttle::new(4, None);
        let left = |n| {
            headers(&[
                ("date", "Sun, 06 Nov 1994 08:49:30 GMT"),
                ("ratelimit-remaining", n),
                ("ratelimit-reset", "784111782"),
            ])
        };
        throttle.learn(StatusCode::OK, &left("1"), None);
        assert!(throttle.pause_ahead(None).is_none());
        throttle.learn(StatusCode::OK, &left("0"), None);
        assert!(throttle.admit(SOON, None, Hurry::Asked).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn no_window_ever_sees_more_requests_than_the_budget() {
        let budget = Budget { requests: 10, window: Duration::from_secs(60) };
        let throttle = Arc::new(Throttle::new(4, Some(budget)));
        let mut at = Vec::new();
        for _ in 0..35 {
            let turn = throttle.admit(Duration::from_secs(600), None, Hurry::Work).await.unwrap();
            at.push(Instant::now());
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(turn);
        }
        assert!(at.windows(11).all(|w| w[10] - w[0] > budget.window), "{at:?}");
    }

    /// How many calls get their turn before the others would have to wait.
    async fn granted(throttle: &Throttle, hurry: Hurry) -> usize {
        let mut granted = 0;
        while throttle.admit(SOON, None, hurry).await.is_ok() {
            granted += 1;
        }
        granted
    }

    #[tokio::test(start_paused = true)]
    async fn a_share_of_the_budget_is_for_the_work_alone_and_one_for_people_before_the_inventory() {
        let budget = Budget { requests: 16, window: Duration::from_secs(60) };
        let throttle = Throttle::new(4, Some(budget));
        assert_eq!(granted(&throttle, Hurry::Background).await, 10);
        assert_eq!(granted(&throttle, Hurry::Asked).await, 2);
        assert_eq!(granted(&throttle, Hurry::Work).await, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn people_never_hold_all_places_on_the_way() {
        let throttle = Throttle::new(4, None);
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(throttle.admit(SOON, None, Hurry::Asked).await.unwrap());
        }
        assert!(throttle.admit(SOON, None, Hurry::Asked).await.is_err());
        assert!(throttle.admit(SOON, None, Hurry::Work).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_requests_are_on_the_way_than_allowed() {
        let throttle = Throttle::new(2, None);
        let first = throttle.admit(SOON, None, Hurry::Asked).await.unwrap();
        let _second = throttle.admit(SOON, None, Hurry::Asked).await.unwrap();
        assert!(matches!(throttle.admit(SOON, None, Hurry::Asked).await, Err(Failure::NotSent(_))));
        drop(first);
        assert!(throttle.admit(SOON, None, Hurry::Asked).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_that_is_used_up_holds_nobody_else_back_unless_the_host_says_so() {
        let throttle = Throttle::new(4, None);
        let used_up = headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset-after", "60.5")]);
        throttle.learn(StatusCode::OK, &used_up, Some("a"));
        throttle.learn(StatusCode::TOO_MANY_REQUESTS, &headers(&[("retry-after", "7")]), Some("b"));
        let left = |outcome: Result<Turn, Failure>| match outcome {
            Err(Failure::RateLimited(left)) => left.as_secs_f64(),
            _ => 0.0,
        };
        let at_once = Duration::ZERO;
        assert_eq!(left(throttle.admit(at_once, Some("a"), Hurry::Asked).await), 60.5);
        assert_eq!(left(throttle.admit(at_once, Some("b"), Hurry::Asked).await), 7.0);
        assert!(
            throttle.admit(SOON, Some("c"), Hurry::Asked).await.is_ok()
                && throttle.admit(SOON, None, Hurry::Asked).await.is_ok()
        );
        let all = headers(&[("retry-after", "70"), ("x-ratelimit-global", "true")]);
        throttle.learn(StatusCode::TOO_MANY_REQUESTS, &all, Some("c"));
        assert_eq!(left(throttle.admit(at_once, None, Hurry::Asked).await), 70.0);
        assert_eq!(left(throttle.admit(at_once, Some("a"), Hurry::Asked).await), 70.0);
    }
}
