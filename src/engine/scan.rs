//! The inventory scan: finds what no mail and no webhook told us, and names tokens near expiry that nobody manages.

mod digest;
mod withdrawn;

use super::{Engine, EngineError, OpenedRotation};
use crate::gitlab::InventoryQuery;
use crate::http::CallError;
use crate::rotation::ids::TokenId;
use crate::rotation::record::Origin;
use crate::rotation::token::{LiveToken, ManagedToken, Owner};
use crate::telemetry::{failed, noted};
use jiff::ToSpan;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Tokens that nobody manages are named this many days ahead.
const UNMANAGED_DAYS: i64 = 30;
/// Pages that may wait in memory.
const PAGES: usize = 4;

/// Why there should be a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The bot has just started, or saw nothing at all the last time.
    Now,
    /// A notice is about a token that nobody knows.
    Asked,
    /// No reason but time.
    Nothing,
}

/// What a scan saw.
#[derive(Debug, Default)]
pub struct Scan {
    /// Managed tokens looked at.
    pub managed: usize,
    /// Rotations it led to.
    pub opened: usize,
    /// Tokens near expiry that nobody manages.
    pub unmanaged: Vec<(Option<Owner>, LiveToken)>,
    /// Owners or tokens that could not be looked at.
    pub failed: Vec<String>,
    /// Tokens that the configuration means.
    known: BTreeSet<TokenId>,
}

impl Scan {
    /// Nothing but failures is no scan.
    fn that_saw_something(self) -> Result<Self, EngineError> {
        match self.managed > 0 || self.failed.is_empty() {
            true => Ok(self),
            false => Err(EngineError::Unavailable(self.failed.join("; "))),
        }
    }

    /// What is amiss with a token has a case: that is as good as a look.
    fn told(&mut self, case: &Result<OpenedRotation, EngineError>) {
        self.managed += usize::from(case.is_ok());
        self.opened += usize::from(matches!(case, Ok(OpenedRotation::New(_))));
    }

    /// A name alone may be somebody else's; it has to do only where an owner's tokens could not be looked at.
    fn is_managed(&self, token: &LiveToken, names: &BTreeSet<&str>) -> bool {
        self.known.contains(&token.id) || (!self.failed.is_empty() && names.contains(token.name.as_str()))
    }
}

impl Engine {
    /// Asks for a scan soon, whoever's turn it is.
    pub fn ask_for_scan(&self) {
        self.scan_wanted.notify_one();
    }

    /// Scans on a timer, one replica at a time, until told to stop.
    pub async fn keep_scanning(self: Arc<Self>, stop: CancellationToken) {
        let every = self.settings.scan_every;
        let mut wish = Wish::Now;
        while !stop.is_cancelled() {
            let due = self.scan_is_due(wish).await;
            let mut failed = false;
            if due {
                // A scan may take many minutes and is cut short without harm.
                failed = tokio::select! {
                    done = self.scan_and_tell() => !done,
                    () = stop.cancelled() => return,
                };
                self.forget_what_is_over().await;
            }
            let pause = every.min(std::time::Duration::from_secs(60));
            wish = tokio::select! {
                () = tokio::time::sleep(pause) => match wish {
                    _ if failed => Wish::Now,
                    Wish::Asked if !due => Wish::Asked,
                    _ => Wish::Nothing,
                },
                () = self.scan_wanted.notified() => Wish::Asked,
                () = stop.cancelled() => return,
            };
        }
    }

    /// Whether to scan now: it is the turn of this replica, it must be, or somebody asked. Anybody can write mails
    /// about tokens that nobody knows, so between two scans that were asked for there is a pause.
    pub async fn scan_is_due(&self, wish: Wish) -> bool {
        let turn = async |name: &str, every: std::time::Duration| {
            let seconds = every.as_secs().max(1);
            self.ledger.take_turn(name, self.clock.now(), seconds).await.unwrap_or(false)
        };
        let regular = turn("scan", self.settings.scan_every).await;
        match wish {
            Wish::Now => true,
            Wish::Asked => regular || turn("scan on demand", self.settings.scan_pause).await,
            Wish::Nothing => regular,
        }
    }

    /// One scan and what follows from it, whoever's turn it is. False if nothing could be seen at all, which should
    /// not wait for the next turn.
    pub async fn scan_and_tell(&self) -> bool {
        if let Err(error) = self.tend_withdrawn().await {
            tracing::warn!(%error, "cases of tokens that left the configuration were not tended");
        }
        if let Err(error) = self.hold_logins().await {
            tracing::warn!(%error, "not every login was looked at; the next scan tries again");
        }
        let scanned = self.scan().await.and_then(Scan::that_saw_something);
        match noted("scan", scanned) {
            Ok(scan) => {
                tracing::info!(
                    managed = scan.managed,
                    opened = scan.opened,
                    unmanaged = scan.unmanaged.len(),
                    failed = scan.failed.len(),
                    "inventory scanned"
                );
                for failure in &scan.failed {
                    failed("scan");
                    tracing::warn!(failure, "a part of the inventory could not be scanned");
                }
                if let Err(error) = self.hide_digests().await {
                    tracing::warn!(%error, "it was not looked whether lists of tokens are still confidential");
                }
                if let Err(error) = self.tell_unmanaged(&scan.unmanaged).await {
                    tracing::warn!(%error, "the digest of unmanaged tokens was not written; it will be");
                }
                true
            }
            Err(error) => {
                tracing::warn!(%error, "the inventory could not be scanned");
                false
            }
        }
    }

    /// Looks at every managed token, and at everything else near its expiry that the bot may see.
    pub async fn scan(&self) -> Result<Scan, EngineError> {
        let mut scan = Scan::default();
        let me = match self.gitlab.me().await {
            Ok(me) => me,
            Err(error) => return Err(self.weigh_nothing(error).await),
        };
        let all: BTreeSet<Owner> = self.catalog.tokens.values().map(|managed| managed.owner.clone()).collect();
        let mut owners = Vec::new();
        for owner in all {
            if me.sees_tokens_of(&owner) {
                owners.push(owner);
            } else {
                self.weigh_stored(&owner, &mut scan).await;
            }
        }
        let (to, mut lists) = tokio::sync::mpsc::channel(PAGES);
        let query = InventoryQuery::default();
        let gitlab = self.gitlab.in_background();
        let asked = tokio::spawn(async move { gitlab.inventory_of(&owners, query, &to).await });
        while let Some((owner, list)) = lists.recv().await {
            match list {
                Ok(tokens) => self.weigh(&owner, tokens, &mut scan).await,
                Err(error) => self.weigh_unseen(&owner, error, &mut scan).await,
            }
        }
        drop(asked.await);
        if me.admin {
            self.scan_everything(&mut scan).await?;
        }
        Ok(scan)
    }

    /// Not even the bot itself could be looked up: people are told of what is due, once that has lasted.
    async fn weigh_nothing(&self, error: CallError) -> EngineError {
        for managed in self.catalog.tokens.values() {
            if let Err(error) = self.consider_amiss(managed, Origin::Scan, false, error.clone().into()).await {
                tracing::debug!(%error, token = %managed.id, "nobody is told yet");
            }
        }
        error.into()
    }

    /// Tokens that only their own value can look up.
    async fn weigh_stored(&self, owner: &Owner, scan: &mut Scan) {
        for managed in self.catalog.tokens.values().filter(|managed| managed.owner == *owner) {
            match self.live_token(managed).await {
                Ok(token) => self.weigh(owner, vec![token], scan).await,
                Err(error) => {
                    self.inventory.lost_sight_of(&managed.id);
                    scan.failed.push(format!("{}: {error}", managed.id));
                    scan.told(&self.consider_amiss(managed, Origin::Scan, false, error).await);
                }
            }
        }
    }

    /// An owner that is gone, or whose tokens GitLab does not show: people are told of each token, unless it passes.
    async fn weigh_unseen(&self, owner: &Owner, error: CallError, scan: &mut Scan) {
        scan.failed.push(format!("{owner}: {error}"));
        for managed in self.catalog.tokens.values().filter(|managed| managed.owner == *owner) {
            self.inventory.lost_sight_of(&managed.id);
            scan.told(&self.consider_amiss(managed, Origin::Scan, false, error.clone().into()).await);
        }
    }

    async fn weigh(&self, owner: &Owner, tokens: Vec<LiveToken>, scan: &mut Scan) {
        let managed: Vec<&ManagedToken> = self.catalog.tokens.values().filter(|m| m.owner == *owner).collect();
        for managed in &managed {
            scan.managed += 1;
            let mut named: Vec<&LiveToken> = tokens.iter().filter(|token| token.name == managed.name).collect();
            named.sort_by_key(|token| token.expires_at);
            self.inventory.saw(&managed.id, named.first().map(|token| token.expires_at));
            let near = named.iter().any(|token| self.is_near(managed, token));
            // None at all may mean that it has expired unnoticed.
            if !near && !named.is_empty() {
                self.inventory.amiss().is_over(&managed.id);
                self.weigh_successor(managed, &named, scan).await;
                continue;
            }
            match self.consider(managed, Origin::Scan, false).await {
                Ok(OpenedRotation::New(_)) => scan.opened += 1,
                Ok(_) => {}
                Err(error) => scan.failed.push(format!("{}: {error}", managed.id)),
            }
        }
        let (known, nobodys): (Vec<_>, Vec<_>) =
            tokens.into_iter().partition(|token| managed.iter().any(|managed| managed.name == token.name));
        scan.known.extend(known.iter().map(|token| token.id));
        let nobodys = nobodys.into_iter();
        scan.unmanaged.extend(nobodys.filter(|token| self.is_soon(token)).map(|token| (Some(owner.clone()), token)));
    }

    /// A token that took another's place since the scan before, and that no case of ours put there.
    async fn weigh_successor(&self, managed: &ManagedToken, named: &[&LiveToken], scan: &mut Scan) {
        let living: Vec<&&LiveToken> = named.iter().filter(|token| token.active).collect();
        let [token] = living.as_slice() else { return };
        if self.inventory.is_settled(&managed.id, token.id) {
            return;
        }
        match self.consider_stores(managed, token, Origin::Scan).await {
            Ok(case) => {
                self.inventory.settle(&managed.id, token.id);
                scan.opened += usize::from(matches!(case, Some(OpenedRotation::New(_))));
            }
            Err(error) => scan.failed.push(format!("{}: {error}", managed.id)),
        }
    }

    /// With an administrator's token: every token of the instance, page by page.
    async fn scan_everything(&self, scan: &mut Scan) -> Result<(), EngineError> {
        let before = self.clock.today().saturating_add(UNMANAGED_DAYS.days());
        let (to, mut pages) = tokio::sync::mpsc::channel::<Vec<LiveToken>>(PAGES);
        let gitlab = self.gitlab.in_background();
        let query = InventoryQuery { expires_before: Some(before) };
        let asked = tokio::spawn(async move { gitlab.inventory(query, &to).await });
        let names: BTreeSet<&str> = self.catalog.tokens.values().map(|managed| managed.name.as_str()).collect();
        let mut listed: BTreeSet<TokenId> = scan.unmanaged.iter().map(|(_, token)| token.id).collect();
        while let Some(page) = pages.recv().await {
            for token in page {
                if self.is_soon(&token) && !scan.is_managed(&token, &names) && listed.insert(token.id) {
                    scan.unmanaged.push((None, token));
                }
            }
        }
        match asked.await {
            Ok(scanned) => scanned.map(drop).map_err(EngineError::from),
            Err(_) => Err(EngineError::Unavailable("the inventory was interrupted".into())),
        }
    }

    fn is_soon(&self, token: &LiveToken) -> bool {
        self.days_left(token).is_some_and(|days| i64::from(days) <= UNMANAGED_DAYS)
    }

    /// Whole days until the token is unusable.
    pub fn days_left(&self, token: &LiveToken) -> Option<i32> {
        let expires_at = token.expires_at?;
        self.clock.today().until(expires_at).ok().map(|span| span.get_days())
    }
}
