//! Slack takes one message a second for each channel, with small bursts. Waiting here costs less than being told off.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// One message in this time, in the long run.
const EVERY: Duration = Duration::from_secs(1);

/// So many may follow each other at once.
const BURST: u32 = 4;

/// Channels remembered before those that are at rest are forgotten.
const REMEMBERED: usize = 64;

/// When each channel would be at rest again.
#[derive(Default)]
pub(super) struct Pace(Mutex<HashMap<String, Instant>>);

impl Pace {
    /// Waits until one more message may go to the channel; if that were longer than `patience`, says how long and
    /// takes no turn.
    pub async fn turn(&self, channel: &str, patience: Duration) -> Result<(), Duration> {
        let wait = self.take(channel, patience)?;
        tokio::time::sleep(wait).await;
        Ok(())
    }

    fn take(&self, channel: &str, patience: Duration) -> Result<Duration, Duration> {
        let now = Instant::now();
        let mut at_rest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if at_rest.len() > REMEMBERED {
            at_rest.retain(|_, at| *at > now);
        }
        let rest = at_rest.get(channel).copied().unwrap_or(now).max(now);
        let wait = rest.saturating_duration_since(now + EVERY * (BURST - 1));
        if wait > patience {
            return Err(wait);
        }
        at_rest.insert(channel.to_owned(), rest + EVERY);
        Ok(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_short_burst_goes_at_once_and_then_one_a_second_for_each_channel() {
        let pace = Pace::default();
        let start = Instant::now();
        for second in [0, 0, 0, 0, 1, 2, 3] {
            pace.turn("C1", LONG).await.unwrap();
            assert_eq!(start.elapsed().as_secs(), second);
        }
        pace.turn("C2", Duration::ZERO).await.unwrap();
        tokio::time::advance(LONG).await;
        pace.turn("C1", Duration::ZERO).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn the_impatient_are_told_how_long_and_take_no_turn() {
        let pace = Pace::default();
        for _ in 0..4 {
            pace.turn("C1", LONG).await.unwrap();
        }
        for _ in 0..9 {
            assert_eq!(pace.turn("C1", Duration::ZERO).await, Err(Duration::from_secs(1)));
        }
        pace.turn("C1", Duration::from_secs(1)).await.unwrap();
    }
}
