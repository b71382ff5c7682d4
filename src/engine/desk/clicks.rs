//! Clicks that are answered before they are dealt with: committed to the inbox first, then worked off by any replica.
//! The way back to the person (a bearer secret of the messenger) stays in the memory of the replica that was asked;
//! where it is lost, a surface says it by its own means or the card alone tells.

use super::{Answer, Ask, Caller, Desk, Passing, words};
use crate::engine::EngineError;
use crate::ledger::{Accepted, Item};
use crate::rotation::wish::Wish;
use async_trait::async_trait;
use futures::TryStreamExt as _;
use jiff::SignedDuration;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// Ways kept at once; beyond it the oldest are let go.
const MOST: usize = 10_000;

/// Subjects dealt with at once.
const AT_ONCE: usize = 8;

/// An older click is about something that its person may not know any more: nobody was there to deal with it.
const OLDEST: SignedDuration = SignedDuration::from_mins(15);

/// An entry of the inbox, and what it says if this version can read it.
type Click<'a> = (&'a Item, serde_json::Result<Ask>);

/// Clicks by what they are about, in the order of their coming.
fn by_subject(items: &[Item]) -> BTreeMap<String, Vec<Click<'_>>> {
    let mut subjects: BTreeMap<String, Vec<Click<'_>>> = BTreeMap::new();
    for item in items {
        let ask = serde_json::from_str::<Ask>(&item.body);
        let subject = match &ask {
            Ok(Ask { wish: Wish::Decide(decision), .. }) => decision.rotation.clone(),
            _ => item.key.clone(),
        };
        subjects.entry(subject).or_default().push((item, ask));
    }
    subjects
}

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

    fn take(&self, key: &str) -> Option<Arc<dyn WayBack>> {
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

    /// Deals with accepted clicks until told to stop.
    pub async fn serve(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let served = tokio::select! {
                served = self.serve_some() => served,
                () = stop.cancelled() => return,
            };
            match served {
                Ok(0) => {}
                Ok(_) => continue,
                Err(error) => tracing::warn!(%error, "cannot read the clicks"),
            }
            tokio::select! {
                () = self.rung.notified() => {}
                () = self.office.wait() => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Deals with what has arrived; says how much that was.
    pub async fn serve_some(&self) -> Result<usize, EngineError> {
        let items = self.office.take().await?;
        // A messenger that hangs holds up nobody else; what is said about one rotation keeps its order.
        let each = futures::stream::iter(by_subject(&items).into_values().map(Ok));
        each.try_for_each_concurrent(AT_ONCE, |clicks| self.serve_in_turn(clicks)).await?;
        Ok(items.len())
    }

    async fn serve_in_turn(&self, clicks: Vec<Click<'_>>) -> Result<(), EngineError> {
        for (item, ask) in clicks {
            self.serve_one(item, ask).await?;
        }
        Ok(())
    }

    async fn serve_one(&self, item: &Item, ask: serde_json::Result<Ask>) -> Result<(), EngineError> {
        match ask {
            Ok(ask) if self.age(item) > OLDEST => self.lapse(&ask, self.age(item)).await,
            Ok(ask) => match self.attempt(&ask).await {
                Ok(answer) => self.deliver(&ask, answer).await,
                Err(Passing { why, .. }) if self.office.later(item, &why).await? => return Ok(()),
                Err(Passing { words, .. }) => self.deliver(&ask, Answer::Private(words)).await,
            },
            Err(error) => tracing::warn!(key = item.key, %error, "a click that this version cannot read"),
        }
        self.office.settle(item).await
    }

    /// Since the press, whatever put it off since.
    fn age(&self, item: &Item) -> SignedDuration {
        self.office.now().duration_since(item.received_at)
    }

    async fn lapse(&self, ask: &Ask, age: SignedDuration) {
        let Caller { surface, place, account, .. } = &ask.caller;
        tracing::warn!(
            key = ask.key,
            minutes = age.as_mins(),
            "a click came while nobody was there; it is too old now"
        );
        self.office.lapsed(&format!("{surface} {place}/{account}"), &ask.wish.in_short()).await;
        // The way back is as old as the click, and mostly dead.
        drop(self.ways.take(&ask.key));
        self.office.tell(ask, &Answer::Private(words::too_late(&ask.caller, age))).await;
    }

    async fn deliver(&self, ask: &Ask, answer: Answer) {
        match self.ways.take(&ask.key) {
            Some(_) if matches!(answer, Answer::Done(_)) => {}
            Some(way) => way.tell(answer).await,
            None => self.office.tell(ask, &answer).await,
        }
    }
}
