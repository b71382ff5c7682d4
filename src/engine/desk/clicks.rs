//! Clicks that are answered before they are dealt with: committed to the inbox first, then worked off by any replica
//! ([`serving`](super::serving)).
//! The way back to the person (a bearer secret of the messenger) stays in the memory of the replica that was asked;
//! where it is lost, a surface says it by its own means or the card alone tells.

use super::{Answer, Ask, Desk};
use crate::engine::EngineError;
use crate::ledger::Accepted;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Ways kept at once; beyond it the oldest are let go.
const MOST: usize = 10_000;

/// How an answer reaches the person who clicked.
#[async_trait]
pub trait WayBack: Send + Sync {
    /// Says it to them alone. May be called once.
    async fn tell(&self, answer: Answer);
}

/// Ways back by the key of what was asked, in the order of their coming.
#[derive(Default)]
pub(super) struct Ways(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_key: BTreeMap<String, (u64, Arc<dyn WayBack>)>,
    by_age: BTreeMap<u64, String>,
    count: u64,
}

impl Ways {
    fn keep(&self, key: &str, way: Arc<dyn WayBack>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.count += 1;
        let age = kept.count;
        kept.by_age.insert(age, key.to_owned());
        kept.by_key.insert(key.to_owned(), (age, way));
        if kept.by_age.len() > MOST
            && let Some((_, oldest)) = kept.by_age.pop_first()
        {
            kept.by_key.remove(&oldest);
        }
    }

    pub(super) fn take(&self, key: &str) -> Option<Arc<dyn WayBack>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (age, way) = kept.by_key.remove(key)?;
        kept.by_age.remove(&age);
        Some(way)
    }
}

impl Desk {
    /// Commits what was asked; it is dealt with afterwards, once, however often it is delivered. An error means that
    /// nothing was remembered and the person should try again.
    pub async fn accept(&self, ask: &Ask, way: Arc<dyn WayBack>) -> Result<Accepted, EngineError> {
        // Before the commit: another task may deal with it the moment it is there.
        self.ways.keep(&ask.key, way);
        let accepted = self.office.remember(ask).await;
        match &accepted {
            Ok(Accepted::New) => self.rung.notify_one(),
            _ => drop(self.ways.take(&ask.key)),
        }
        accepted
    }
}
