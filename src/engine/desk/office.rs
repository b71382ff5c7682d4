//! What stands behind the desk: the engine, or in tests something smaller that decides by the same rules.

use super::{Answer, Ask, Caller, words};
use crate::engine::ISSUE;
use crate::engine::decide::Click;
use crate::engine::directory::Age;
use crate::engine::inbox::after;
use crate::engine::overview::TokenLine;
use crate::engine::report::Unclean;
use crate::engine::rights::Visitor;
use crate::engine::{Engine, EngineError, OpenedRotation};
use crate::ledger::{Accepted, Entry, Filter, Item, LedgerError};
use crate::rotation::ids::{PersonId, TokenName};
use crate::rotation::plan::Plan;
use crate::rotation::policy::Policy;
use crate::rotation::record::{Origin, Rotation};
use crate::rotation::view::prose::Prose;
use crate::secret;
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

/// The `kind` of inbox entries whose body is an [`Ask`].
pub const ASK: &str = "ask";
/// Entries taken at once.
const BATCH: u32 = 64;
/// How long nobody else gets what was taken.
pub(super) const HELD: SignedDuration = SignedDuration::from_secs(90);
/// How long a click waits for trouble to pass, before its person is told.
const CLICK_WAITS: SignedDuration = SignedDuration::from_mins(5);
/// More rotations than an answer can show.
const MOST: u32 = 200;
/// Rotations among which the recently closed ones are looked for.
const RECENT: u32 = 60;

/// What people can ask for. Names are what a person typed; errors are sentences for that person.
#[async_trait]
pub trait Office: Reception {
    /// Decides; the same key twice decides once.
    async fn click(&self, click: Click) -> Result<Rotation, EngineError>;
    /// Opens a rotation by hand.
    async fn rotate(&self, token: &str, by: PersonId) -> Result<OpenedRotation, EngineError>;
    /// Opens a rotation that revokes first, because the value leaked; `reason` is for the issue.
    async fn incident(&self, token: &str, by: &Visitor, via: &str, reason: &str)
    -> Result<OpenedRotation, EngineError>;
    /// The exact plan, without doing anything.
    async fn plan(&self, token: &str) -> Result<Plan, EngineError>;
    /// The names of all managed tokens, at once.
    fn tokens(&self) -> Vec<TokenName>;
    /// Every managed token with what GitLab says of it.
    async fn list(&self) -> Result<Vec<TokenLine>, EngineError>;
    /// One rotation, by its id, the beginning of it, or its token.
    async fn show(&self, rotation: &str) -> Result<Rotation, EngineError>;
    /// Rotations, newest first; of one token, or those that go on.
    async fn rotations(&self, of: Option<&str>) -> Result<Vec<Rotation>, EngineError>;
    /// Rotations that were closed of late, newest first.
    async fn recent(&self) -> Result<Vec<Rotation>, EngineError>;
    /// Who may decide on a token, now, as far as this person goes.
    async fn policy(&self, token: &TokenName, visitor: &Visitor) -> Result<Policy, EngineError>;
    /// Who may decide on a rotation, now, as far as this person goes.
    async fn policy_for(&self, rotation: &Rotation, visitor: &Visitor) -> Result<Policy, EngineError>;
}

/// What the desk needs whoever asks, and about nothing that only some may see: its inbox, the ways back, the journal of
/// those who were turned away.
#[async_trait]
pub trait Reception: Send + Sync {
    /// Says it to somebody alone by the surface's own means, where it has any; nothing is lost if it has none.
    async fn whisper(&self, caller: &Caller, prose: &Prose);
    /// Answers somebody whose way back is not at hand, by the surface's own means. A decision that counted shows on
    /// the card.
    async fn tell(&self, ask: &Ask, answer: &Answer) {
        if !matches!(answer, Answer::Done(_)) {
            self.whisper(&ask.caller, &words::lasting(answer)).await;
        }
    }
    /// Somebody who is nobody here tried something.
    async fn outsider(&self, who: &str, what: &str);
    /// Somebody's click was too old when it could be dealt with, and was not.
    async fn lapsed(&self, who: &str, what: &str);
    /// Remembers what was asked; returns only after the commit. A key that was seen before changes nothing.
    async fn remember(&self, ask: &Ask) -> Result<Accepted, EngineError>;
    /// What was remembered and not dealt with yet; nobody else gets it for a while.
    async fn take(&self) -> Result<Vec<Item>, EngineError>;
    /// Whether nobody, in no replica, was given this key before.
    async fn is_first(&self, key: &str) -> Result<bool, EngineError>;
    /// Hands it out again after a pause, because of trouble that may soon be over; false once it waited long enough.
    async fn later(&self, item: &Item, why: &str) -> Result<bool, EngineError>;
    /// It is dealt with.
    async fn settle(&self, item: &Item) -> Result<(), EngineError>;
    /// Waits until there may be something to take.
    async fn wait(&self);
    /// Now.
    fn now(&self) -> Timestamp;
}

#[async_trait]
impl Office for Engine {
    async fn click(&self, click: Click) -> Result<Rotation, EngineError> {
        self.decide(&click).await
    }

    async fn rotate(&self, token: &str, by: PersonId) -> Result<OpenedRotation, EngineError> {
        Engine::rotate(self, token, Origin::Person { person: by }).await
    }

    async fn incident(
        &self,
        token: &str,
        by: &Visitor,
        via: &str,
        reason: &str,
    ) -> Result<OpenedRotation, EngineError> {
        self.open_incident(token, by, via, reason).await
    }

    async fn plan(&self, token: &str) -> Result<Plan, EngineError> {
        let managed = self.managed(token)?;
        let live = self.live_token(managed).await?;
        Engine::plan(self, managed, &live, None, None).await
    }

    fn tokens(&self) -> Vec<TokenName> {
        self.catalog.tokens.keys().cloned().collect()
    }

    async fn list(&self) -> Result<Vec<TokenLine>, EngineError> {
        self.overview().await
    }

    async fn show(&self, rotation: &str) -> Result<Rotation, EngineError> {
        self.rotation(rotation).await
    }

    async fn rotations(&self, of: Option<&str>) -> Result<Vec<Rotation>, EngineError> {
        let token = of.map(|name| self.managed(name).map(|managed| managed.id.clone())).transpose()?;
        let open_only = token.is_none();
        Ok(self.ledger.list(Filter { open_only, token, limit: MOST }).await?)
    }

    async fn recent(&self) -> Result<Vec<Rotation>, EngineError> {
        let newest = self.ledger.list(Filter { open_only: false, token: None, limit: RECENT }).await?;
        Ok(newest.into_iter().filter(|rotation| rotation.phase.is_closed()).collect())
    }

    async fn policy(&self, token: &TokenName, visitor: &Visitor) -> Result<Policy, EngineError> {
        Ok(self.rights().policy(token, std::slice::from_ref(visitor), Age::Recent).await?)
    }

    async fn policy_for(&self, rotation: &Rotation, visitor: &Visitor) -> Result<Policy, EngineError> {
        Ok(self.rights().policy_for(rotation, visitor).await?)
    }
}

#[async_trait]
impl Reception for Engine {
    async fn whisper(&self, caller: &Caller, prose: &Prose) {
        let Some(messenger) = self.surfaces.get(&caller.surface) else { return };
        if let Err(error) = messenger.whisper(caller.channel.as_deref(), &caller.account, prose).await {
            tracing::warn!(%error, surface = %caller.surface, "private words could not be said");
        }
    }

    async fn tell(&self, ask: &Ask, answer: &Answer) {
        if ask.caller.surface.as_str() == ISSUE {
            self.answer_comment(ask, answer).await;
        } else if !matches!(answer, Answer::Done(_)) {
            self.whisper(&ask.caller, &words::lasting(answer)).await;
        }
    }

    async fn outsider(&self, who: &str, what: &str) {
        self.journal_attempt("outsider", who, what).await;
    }

    async fn lapsed(&self, who: &str, what: &str) {
        self.journal_attempt("lapsed_click", who, what).await;
    }

    async fn remember(&self, ask: &Ask) -> Result<Accepted, EngineError> {
        let mut body = serde_json::to_value(ask).map_err(|_| Unclean("what was asked".into()))?;
        // Whatever they typed or pasted; who they are stays as it is.
        if let Some(wish) = body.get_mut("wish") {
            secret::hide_in(wish, |_| true);
        }
        let body = body.to_string();
        let key = format!("ask:{}:{}", ask.caller.surface, ask.key);
        let entry = Entry { key, kind: ASK.into(), body, received_at: self.clock.now() };
        Ok(self.ledger.accept(entry).await?)
    }

    async fn take(&self) -> Result<Vec<Item>, EngineError> {
        let now = self.clock.now();
        let until = now.saturating_add(HELD).unwrap_or(now);
        Ok(self.ledger.inbox_take(ASK, now, until, BATCH).await?)
    }

    async fn is_first(&self, key: &str) -> Result<bool, EngineError> {
        Ok(self.ledger.first_time(key, self.clock.now()).await?)
    }

    async fn later(&self, item: &Item, why: &str) -> Result<bool, EngineError> {
        let now = self.clock.now();
        if now.duration_since(item.received_at) >= CLICK_WAITS {
            return Ok(false);
        }
        let from = after(now, self.settings.backoff.pause(item.tries, self.dice.spread()));
        tracing::warn!(key = item.key, why, "a click was put off");
        match self.ledger.inbox_later(item, from, why).await {
            Ok(()) | Err(LedgerError::Fenced) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    async fn settle(&self, item: &Item) -> Result<(), EngineError> {
        match self.ledger.inbox_done(item).await {
            // Somebody else took it since; decisions count once all the same.
            Err(LedgerError::Fenced) => Ok(()),
            settled => Ok(settled?),
        }
    }

    async fn wait(&self) {
        let mut changes = self.ledger.changes();
        let pause = tokio::time::sleep(std::time::Duration::from_secs(1));
        tokio::select! {
            _ = changes.changed() => {}
            () = pause => {}
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
