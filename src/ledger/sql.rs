//! The ledger on SQL: hands every call to the file that knows its table.

use super::acceptance::{self, Waiting};
use super::audit::{self, Audit};
use super::database::Database;
use super::doubt::Doubt;
use super::error::LedgerError;
use super::head::Head;
use super::records::{Accepted, Claim, Entry, Filter, Item, Line, Opened, Stamped};
use super::row::digest;
use super::trail;
use super::{
    Enrollments, Ledger, health, inbox, journal, lanes, logins, marks, references, retention, rotations, stock,
};
use crate::rotation::ids::RotationId;
use crate::rotation::record::Rotation;
use async_trait::async_trait;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// A ledger in SQLite or PostgreSQL.
pub(super) struct Sql {
    pub(super) database: Arc<Database>,
    pub(super) door: mpsc::Sender<Waiting>,
    /// End with the ledger.
    pub(super) _tasks: JoinSet<()>,
}

#[async_trait]
impl Ledger for Sql {
    async fn accept(&self, entry: Entry) -> Result<Accepted, LedgerError> {
        acceptance::accept(&self.door, entry).await
    }

    async fn inbox_take(
        &self,
        kind: &str,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Item>, LedgerError> {
        inbox::take(&self.database, kind, now, lease_until, limit).await
    }

    async fn inbox_done(&self, item: &Item) -> Result<(), LedgerError> {
        inbox::done(&self.database, item).await
    }

    async fn inbox_later(&self, item: &Item, from: Timestamp, why: &str) -> Result<(), LedgerError> {
        inbox::later(&self.database, item, from, why).await
    }

    async fn inbox_forget(&self, before: Timestamp) -> Result<u64, LedgerError> {
        inbox::forget(&self.database, before).await
    }

    async fn open(&self, rotation: &Rotation, line: &Line) -> Result<Opened, LedgerError> {
        rotations::open(&self.database, rotation, line).await
    }

    async fn commit(&self, after: &Rotation, line: &Line, claim: Option<&Claim>) -> Result<(), LedgerError> {
        rotations::commit(&self.database, after, line, claim).await
    }

    async fn load(&self, id: &RotationId) -> Result<Option<Rotation>, LedgerError> {
        rotations::load(&self.database, id).await
    }

    fn take_damaged(&self) -> BTreeMap<RotationId, &'static str> {
        rotations::take_damaged(&self.database)
    }

    async fn is_spent(&self, key: &str) -> Result<bool, LedgerError> {
        trail::catch_up(&self.database).await?;
        Ok(self.database.memory.lock().trail.has_spent(&digest(key)))
    }

    async fn find(&self, text: &str) -> Result<Vec<Rotation>, LedgerError> {
        rotations::find(&self.database, text).await
    }

    async fn list(&self, filter: Filter) -> Result<Vec<Rotation>, LedgerError> {
        rotations::list(&self.database, filter).await
    }

    async fn by_reference(&self, kind: &str, value: &str) -> Result<Vec<RotationId>, LedgerError> {
        references::find(&self.database, kind, value).await
    }

    async fn claim(
        &self,
        owner: &str,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Claim>, LedgerError> {
        lanes::claim(&self.database, owner, now, lease_until, limit).await
    }

    async fn renew(&self, claim: &Claim, until: Timestamp) -> Result<Claim, LedgerError> {
        lanes::renew(&self.database, claim, until).await
    }

    async fn release(&self, claim: &Claim, from: Option<Timestamp>, tries: u32) -> Result<(), LedgerError> {
        lanes::release(&self.database, claim, from, tries).await
    }

    async fn poke(&self, id: &RotationId, now: Timestamp) -> Result<(), LedgerError> {
        lanes::poke(&self.database, id, now).await
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, LedgerError> {
        lanes::next_wake(&self.database).await
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.database.changes()
    }

    async fn journal(&self, id: &RotationId) -> Result<Vec<Stamped>, LedgerError> {
        journal::of(&self.database, id).await
    }

    async fn note(&self, rotation: Option<&RotationId>, line: &Line) -> Result<(), LedgerError> {
        journal::note(&self.database, rotation, line).await
    }

    async fn verify_against(&self, known: &[Head]) -> Result<Audit, LedgerError> {
        audit::verify(&self.database, known).await
    }

    async fn head(&self) -> Result<Head, LedgerError> {
        trail::catch_up(&self.database).await?;
        Ok(self.database.memory.lock().trail.head(&self.database.keys))
    }

    fn knows_its_end(&self) -> bool {
        self.database.end.is_some()
    }

    async fn doubt(&self, heads: &[Head]) -> Result<Option<Doubt>, LedgerError> {
        stock::look(&self.database, heads).await
    }

    async fn begin_again(&self, now: Timestamp, clicks: &str) -> Result<Vec<RotationId>, LedgerError> {
        stock::begin_again(&self.database, now, clicks).await
    }

    async fn is_empty(&self) -> Result<bool, LedgerError> {
        // One that is doubted is as it was read.
        let _doubted = trail::catch_up(&self.database).await;
        Ok(!self.database.memory.lock().trail.is_founded)
    }

    async fn take_turn(&self, name: &str, now: Timestamp, every_seconds: u64) -> Result<bool, LedgerError> {
        marks::take_turn(&self.database, name, now, every_seconds).await
    }

    async fn forget_closed(&self, before: Timestamp, now: Timestamp) -> Result<u64, LedgerError> {
        retention::forget(&self.database, before, now).await
    }

    fn enrollments(&self) -> &dyn Enrollments {
        self.database.as_ref()
    }

    async fn phases(&self) -> Result<Vec<(String, u64)>, LedgerError> {
        rotations::phases(&self.database).await
    }

    async fn logins(&self, host: &str) -> Result<BTreeMap<String, u64>, LedgerError> {
        logins::all(&self.database, host).await
    }

    async fn hold_login(&self, host: &str, login: &str, account: u64, now: Timestamp) -> Result<u64, LedgerError> {
        logins::hold(&self.database, (host, login), account, now).await
    }

    async fn forget_login(&self, host: &str, login: &str, line: &Line) -> Result<bool, LedgerError> {
        logins::forget(&self.database, host, login, line).await
    }

    async fn was_told(&self, key: &str) -> Result<bool, LedgerError> {
        marks::was_told(&self.database, key).await
    }

    async fn first_time(&self, key: &str, now: Timestamp) -> Result<bool, LedgerError> {
        marks::first_time(&self.database, key, now).await
    }

    async fn ping(&self) -> Result<(), LedgerError> {
        health::ask(&self.database).await
    }

    async fn close(&self) {
        if trail::catch_up(&self.database).await.is_ok() {
            stock::end::write(&self.database);
        }
        self.database.close().await;
    }
}
