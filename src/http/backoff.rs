//! How long to wait between tries. The sequence is a function handed in, so that tests need no waiting.

use std::sync::Arc;
use std::time::Duration;

/// The pause before retry `n`, counted from zero.
#[derive(Clone)]
pub struct Backoff(Arc<dyn Fn(u32) -> Duration + Send + Sync>);

impl Backoff {
    /// Any sequence.
    pub fn new(delay: impl Fn(u32) -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(delay))
    }

    /// Doubles from `first` up to `most`; each pause is drawn from its upper half, so that clients do not march in step.
    pub fn jittered(first: Duration, most: Duration) -> Self {
        Self::new(move |retry| {
            let full = first.saturating_mul(1 << retry.min(16)).min(most);
            full.mul_f64(rand::random_range(0.5..=1.0))
        })
    }

    /// No pause at all.
    pub fn none() -> Self {
        Self::new(|_| Duration::ZERO)
    }

    /// The pause before retry `retry`.
    pub fn delay(&self, retry: u32) -> Duration {
        (self.0)(retry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_stay_between_half_and_the_cap() {
        let backoff = Backoff::jittered(Duration::from_millis(100), Duration::from_secs(1));
        for (retry, full) in [(0, 100), (1, 200), (2, 400), (3, 800), (4, 1_000), (40, 1_000)] {
            let delay = backoff.delay(retry).as_millis();
            assert!((full / 2..=full).contains(&delay), "retry {retry} waits {delay} ms");
        }
    }
}
