//! Clocks that differ: nothing that GitLab or a messenger signs would be believed, and cards must say so, also those that
//! were posted before.

use super::Engine;
use crate::http::{BAD_SKEW, NOTABLE_SKEW};
use crate::ledger::Filter;
use crate::rotation::event::Event;
use jiff::SignedDuration;
use std::sync::{Mutex, PoisonError};

/// More cards than wait for people at one time.
const WAITING: u32 = 200;

/// Whose clock differed when it was last looked at.
#[derive(Default)]
pub struct Clocks(Mutex<Option<String>>);

impl Clocks {
    /// Whether that is news, and something is amiss.
    fn is_news(&self, whose: Option<String>) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let news = whose.is_some() && *last != whose;
        *last = whose;
        news
    }
}

impl Engine {
    /// Looks at the clocks of GitLab and of the messengers, as their last answers tell, and tells every card that waits
    /// for a person once they differ too much for a click to count.
    pub async fn watch_clocks(&self) {
        for (whose, skew) in self.skews().filter(|(_, skew)| skew.abs() >= NOTABLE_SKEW) {
            let seconds = skew.as_secs();
            tracing::warn!(seconds, whose, "this machine's clock is ahead of that one by so much; set it by NTP");
        }
        let far = self.far_off();
        let Some(words) = self.clock_warning().filter(|_| self.clocks.is_news(far.map(|(whose, _)| whose))) else {
            return;
        };
        let waiting = self.ledger.list(Filter { open_only: true, token: None, limit: WAITING }).await;
        for rotation in waiting.unwrap_or_default() {
            let delayed = Event::Delayed { why: words.clone() };
            if let Err(stop) = self.advance(&rotation.id, &delayed, None).await {
                tracing::debug!(?stop, "a card was not told of the clock");
            }
        }
    }

    /// A line for everything that people see, when nothing that they sign would be believed.
    pub(super) fn clock_warning(&self) -> Option<String> {
        let (whose, skew) = self.far_off()?;
        let (minutes, side) = (skew.abs().as_mins(), if skew.is_positive() { "ahead of" } else { "behind" });
        Some(format!(
            "The clock of the machine that rekey runs on is {minutes} min {side} {whose}'s. Until the one that is wrong is \
             set right (NTP), clicks and webhooks are refused as too old."
        ))
    }

    fn far_off(&self) -> Option<(String, SignedDuration)> {
        self.skews().find(|(_, skew)| skew.abs() >= BAD_SKEW)
    }

    /// How far we are ahead of each.
    fn skews(&self) -> impl Iterator<Item = (String, SignedDuration)> {
        let gitlab = self.gitlab.api().clock_skew().map(|skew| ("GitLab".to_owned(), skew));
        let messengers = self.surfaces.values().filter_map(|surface| {
            let (name, skew) = (surface.name(), surface.clock_skew()?);
            Some((name.get(..1)?.to_uppercase() + name.get(1..)?, skew))
        });
        gitlab.into_iter().chain(messengers)
    }
}
