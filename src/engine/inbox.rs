//! Working off accepted notices. What cannot be dealt with now (GitLab is down) is put off, never lost.

use super::{Engine, EngineError, OpenedRotation};
use crate::ledger::{Accepted, Entry, Item, LedgerError};
use crate::notice::{Change, Notice, Resource, Subject};
use crate::rotation::ids::TokenName;
use crate::rotation::record::Origin;
use crate::rotation::token::{ManagedToken, Owner};
use crate::telemetry::{NOTICES, noted};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The `kind` of entries whose body is a [`Notice`].
pub const NOTICE: &str = "notice";
/// Entries taken at once.
const BATCH: u32 = 16;
/// Keys are remembered this long: senders repeat for days.
const REMEMBER: SignedDuration = SignedDuration::from_hours(24 * 14);

impl Engine {
    /// Remembers a notice; returns only after the commit. A key that was seen before changes nothing.
    pub async fn accept(&self, key: String, notice: &Notice) -> Result<Accepted, LedgerError> {
        let body = serde_json::to_string(notice).unwrap_or_default();
        let entry = Entry { key, kind: NOTICE.into(), body, received_at: self.clock.now() };
        self.ledger.accept(entry).await
    }

    /// Works off the inbox until told to stop.
    pub async fn read_inbox(self: Arc<Self>, stop: CancellationToken) {
        let mut changes = self.ledger.changes();
        while !stop.is_cancelled() {
            // What is cut short is handed out again: a stop need not wait for a GitLab that does not answer.
            let read = tokio::select! {
                read = self.read_some() => noted("inbox", read),
                () = stop.cancelled() => return,
            };
            match read {
                Ok(0) => {}
                Ok(_) => continue,
                Err(error) => tracing::warn!(%error, "cannot read the inbox"),
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = tokio::time::sleep(std::time::Duration::from_secs(1)) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Deals with what has arrived; says how much that was.
    pub async fn read_some(&self) -> Result<usize, LedgerError> {
        let now = self.clock.now();
        let until = now.saturating_add(SignedDuration::from_secs(120)).unwrap_or(now);
        let items = self.ledger.inbox_take(NOTICE, now, until, BATCH).await?;
        for item in &items {
            self.read_item(item).await?;
        }
        Ok(items.len())
    }

    async fn read_item(&self, item: &Item) -> Result<(), LedgerError> {
        let notice = serde_json::from_str::<Notice>(&item.body);
        let outcome = match &notice {
            Ok(notice) => self.heed(notice).await,
            Err(_) => Err(EngineError::Broken("an entry that this version cannot read".into())),
        };
        count(notice.as_ref().ok(), &outcome);
        let settled = match outcome {
            Ok(said) => {
                tracing::info!(key = item.key, said, "notice dealt with");
                self.ledger.inbox_done(item).await
            }
            Err(error) if error.is_passing() => {
                let why = error.to_string();
                let pause = self.settings.backoff.pause(item.tries, self.dice.spread());
                let from = after(self.clock.now(), pause);
                tracing::warn!(key = item.key, why, "notice put off");
                self.ledger.inbox_later(item, from, &why).await
            }
            Err(error) => {
                tracing::warn!(key = item.key, %error, "notice of no use");
                self.ledger.inbox_done(item).await
            }
        };
        match settled {
            Err(LedgerError::Fenced) => Ok(()),
            other => other,
        }
    }

    /// Acts on one notice; a line for the log says what came of it.
    pub async fn heed(&self, notice: &Notice) -> Result<String, EngineError> {
        match notice {
            Notice::Tokens { change, subject, host, names, .. } => self.heed_mail(*change, subject, host, names).await,
            Notice::TokenExpiring { host, owner, token_id, name, .. } => {
                self.heed_expiring(host, owner, *token_id, name).await
            }
            Notice::Pipeline { pipeline_id, .. } | Notice::Job { pipeline_id, .. } => {
                self.heed_pipeline(*pipeline_id).await
            }
            Notice::Comment { host, project, issue_iid, note_id, .. } => {
                self.is_ours(host)?;
                self.heed_comment(project, *issue_iid, *note_id).await
            }
            Notice::Ignored { why } => Ok(why.clone()),
        }
    }

    async fn heed_mail(
        &self,
        change: Change,
        subject: &Subject,
        host: &str,
        names: &[String],
    ) -> Result<String, EngineError> {
        self.is_ours(host)?;
        let mut managed: BTreeMap<&TokenName, &ManagedToken> = BTreeMap::new();
        let mut unknown = names.is_empty();
        for name in names {
            let named = self.managed_by_name(name, |owner| fits(subject, owner));
            unknown |= named.is_empty();
            managed.extend(named.into_iter().map(|managed| (&managed.id, managed)));
        }
        let mut said = Vec::new();
        if unknown {
            self.ask_for_scan();
            said.push("names a token that is not managed; the inventory is scanned for it".to_owned());
        }
        let mut later = None;
        // What is wrong with one token of a mail is no reason to forget the others.
        for managed in managed.into_values() {
            match self.heed_named(change, managed).await {
                Ok(told) => said.push(told),
                Err(error) if error.is_passing() => later = Some(error),
                Err(error) => said.push(format!("{}: {error}", managed.id)),
            }
        }
        later.map_or_else(|| Ok(said.join("; ")), Err)
    }

    async fn heed_named(&self, change: Change, managed: &ManagedToken) -> Result<String, EngineError> {
        match change {
            Change::AboutToExpire | Change::Expired => Ok(told(&self.consider(managed, Origin::Mail, false).await?)),
            Change::Created | Change::Rotated | Change::Revoked => self.heed_change(change, managed).await,
        }
    }

    async fn heed_expiring(
        &self,
        host: &str,
        owner: &Resource,
        token_id: u64,
        name: &str,
    ) -> Result<String, EngineError> {
        self.is_ours(host)?;
        let named = self.managed_by_name(name, |candidate| owns(owner, candidate));
        let Some(managed) = named.first() else {
            self.ask_for_scan();
            return Ok(format!("token {token_id} is not managed; the inventory is scanned for it"));
        };
        Ok(told(&self.consider(managed, Origin::Webhook, false).await?))
    }

    /// Somebody (perhaps we) made, rotated or revoked a token of that name: waiting cases are compared again.
    /// Where there is no case, it may have left the stores with a dead value.
    async fn heed_change(&self, change: Change, managed: &ManagedToken) -> Result<String, EngineError> {
        let filter = crate::ledger::Filter { open_only: true, token: Some(managed.id.clone()), limit: 10 };
        let open = self.ledger.list(filter).await?;
        for rotation in &open {
            self.look_again(rotation).await?;
        }
        if open.is_empty() && change == Change::Revoked {
            return Ok(told(&self.consider(managed, Origin::Mail, false).await?));
        }
        if open.is_empty() {
            return self.heed_new(managed).await;
        }
        Ok(format!("{}: {} open cases compared with GitLab", managed.id, open.len()))
    }

    /// Somebody made or rotated it, and no case of ours did: its value may be nowhere.
    async fn heed_new(&self, managed: &ManagedToken) -> Result<String, EngineError> {
        let live = self.live_token(managed).await?;
        if self.is_near(managed, &live) {
            return Ok(told(&self.consider(managed, Origin::Mail, false).await?));
        }
        Ok(match self.consider_stores(managed, &live, Origin::Mail).await? {
            Some(opened) => told(&opened),
            None => format!("{}: token {} is where it belongs, as far as can be seen", managed.id, live.id),
        })
    }

    async fn heed_pipeline(&self, pipeline: u64) -> Result<String, EngineError> {
        let waiting = self.ledger.by_reference("pipeline", &pipeline.to_string()).await?;
        for id in &waiting {
            self.ledger.poke(id, self.clock.now()).await?;
        }
        Ok(format!("{} rotations wait for this pipeline", waiting.len()))
    }

    fn is_ours(&self, host: &str) -> Result<(), EngineError> {
        if host == self.gitlab.host() {
            return Ok(());
        }
        Err(EngineError::Broken(format!("about another GitLab, {host}")))
    }

    /// Drops keys that nobody repeats any more, and rotations that were closed long ago.
    pub async fn forget_what_is_over(&self) {
        let now = self.clock.now();
        let before = now.saturating_sub(REMEMBER).unwrap_or(Timestamp::MIN);
        if let Err(error) = self.ledger.inbox_forget(before).await {
            tracing::warn!(%error, "cannot tidy the inbox");
        }
        let keep = SignedDuration::try_from(self.settings.keep).unwrap_or(SignedDuration::MAX);
        let before = now.saturating_sub(keep).unwrap_or(Timestamp::MIN);
        match self.ledger.forget_closed(before, now).await {
            Ok(0) => {}
            Ok(forgotten) => tracing::info!(forgotten, "rotations closed long ago are no longer kept"),
            Err(error) => tracing::warn!(%error, "cannot forget what is over"),
        }
    }
}

fn count(notice: Option<&Notice>, outcome: &Result<String, EngineError>) {
    let kind = match notice {
        Some(Notice::Tokens { .. }) => "tokens",
        Some(Notice::TokenExpiring { .. }) => "token_expiring",
        Some(Notice::Pipeline { .. }) => "pipeline",
        Some(Notice::Job { .. }) => "job",
        Some(Notice::Comment { .. }) => "comment",
        Some(Notice::Ignored { .. }) => "ignored",
        None => "unreadable",
    };
    let result = match outcome {
        Ok(_) => "heeded",
        Err(error) if error.is_passing() => "put_off",
        Err(_) => "no_use",
    };
    metrics::counter!(NOTICES, "kind" => kind, "result" => result).increment(1);
}

pub(super) fn after(now: Timestamp, pause: std::time::Duration) -> Timestamp {
    let pause = SignedDuration::try_from(pause).unwrap_or_default();
    now.saturating_add(pause).unwrap_or(now)
}

fn told(opened: &OpenedRotation) -> String {
    match opened {
        OpenedRotation::New(rotation) => format!("{}: rotation {} opened", rotation.plan.token, rotation.id),
        OpenedRotation::Existing(rotation) => format!("{}: rotation {} is known", rotation.plan.token, rotation.id),
        OpenedRotation::NotDue(plan) => format!("{}: GitLab says it does not expire soon", plan.token),
    }
}

fn fits(subject: &Subject, owner: &Owner) -> bool {
    match (subject, owner) {
        (Subject::Project { path }, Owner::Project { project }) => path == project,
        (Subject::Group { path }, Owner::Group { group }) => path == group,
        (Subject::Personal { .. }, owner) => !matches!(owner, Owner::Project { .. } | Owner::Group { .. }),
        _ => false,
    }
}

fn owns(resource: &Resource, owner: &Owner) -> bool {
    match (resource, owner) {
        (Resource::Project { path, .. }, Owner::Project { project }) => path == project,
        // Before GitLab 17.4 a group was named by the last part of its path only.
        (Resource::Group { path, .. }, Owner::Group { group }) => {
            path == group || group.rsplit('/').next() == Some(path.as_str())
        }
        _ => false,
    }
}
