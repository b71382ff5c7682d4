//! What must be remembered: accepted notices, rotations, who works on what, and the journal of what happened.
//! One SQL text serves SQLite (one process) and PostgreSQL (several replicas); `dialect` holds what differs.

mod acceptance;
mod apart;
mod audit;
mod chain;
mod checkpoints;
mod columns;
mod database;
mod dialect;
mod doubt;
mod enrollments;
mod error;
mod files;
mod head;
mod health;
mod inbox;
mod journal;
mod keys;
mod lanes;
mod logins;
mod marks;
mod merkle;
mod open;
mod records;
mod references;
mod retention;
mod rotations;
mod row;
mod sql;
mod stock;
mod trail;
mod transaction;
mod walk;

pub use audit::{Audit, Fault};
pub use doubt::{Doubt, Kind, Word};
pub use enrollments::{Enrollment, Enrollments, Guesses, Lock};
pub use error::LedgerError;
pub use head::Head;
pub use journal::FOUNDED;
pub use keys::{BadKey, Keys};
pub use open::{Guard, open, open_guarded};
pub use records::{Accepted, Claim, Entry, Filter, Item, Line, Opened, Stamped};

use crate::rotation::ids::RotationId;
use crate::rotation::record::Rotation;
use async_trait::async_trait;
use jiff::Timestamp;
use std::collections::BTreeMap;
use tokio::sync::watch;

/// Everything the bot remembers. A method that changes something returns only after its commit is on disk; on
/// [`LedgerError::Unavailable`] the change may or may not have happened, so load again and look.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Remembers a notice or click. A key that was accepted before is a duplicate and changes nothing.
    async fn accept(&self, entry: Entry) -> Result<Accepted, LedgerError>;

    /// Takes up to `limit` entries of a kind, oldest first; until `lease_until` nobody else gets them.
    async fn inbox_take(
        &self,
        kind: &str,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Item>, LedgerError>;

    /// The entry is dealt with. Its key stays known, its body is dropped. Fenced if somebody else took it since.
    async fn inbox_done(&self, item: &Item) -> Result<(), LedgerError>;

    /// The entry is handed out again from `from` on. Fenced if somebody else took it since.
    async fn inbox_later(&self, item: &Item, from: Timestamp, why: &str) -> Result<(), LedgerError>;

    /// Forgets the keys of entries that are dealt with and were received before `before`; says how many.
    async fn inbox_forget(&self, before: Timestamp) -> Result<u64, LedgerError>;

    /// Stores a new rotation, unless its key was ever used or its token has another open rotation.
    async fn open(&self, rotation: &Rotation, line: &Line) -> Result<Opened, LedgerError>;

    /// Stores the next version with its journal line, lanes and references, all or nothing. `Conflict` unless the
    /// stored version is the one before; `Fenced` if `claim` was overtaken or released.
    async fn commit(&self, after: &Rotation, line: &Line, claim: Option<&Claim>) -> Result<(), LedgerError>;

    /// The rotation as last committed.
    async fn load(&self, id: &RotationId) -> Result<Option<Rotation>, LedgerError>;

    /// Rotations that were found not to be as they were left, and in which column; each is handed out once, until it
    /// was right again.
    fn take_damaged(&self) -> BTreeMap<RotationId, &'static str>;

    /// Whether a line of the journal spent this key ([`Line::spending`]); known for longer than a click may count.
    async fn is_spent(&self, key: &str) -> Result<bool, LedgerError>;

    /// Rotations whose id begins with `text` or whose managed token is called `text`, newest first, at most fifty.
    async fn find(&self, text: &str) -> Result<Vec<Rotation>, LedgerError>;

    /// Rotations, newest first.
    async fn list(&self, filter: Filter) -> Result<Vec<Rotation>, LedgerError>;

    /// Rotations that the world knows as `value`. `kind` is a surface's name (and `value` its reference) or
    /// `pipeline` (and `value` its number). Past references still lead here.
    async fn by_reference(&self, kind: &str, value: &str) -> Result<Vec<RotationId>, LedgerError>;

    /// Takes up to `limit` lanes that owe something now and that nobody holds.
    async fn claim(
        &self,
        owner: &str,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Claim>, LedgerError>;

    /// Prolongs a claim that was not overtaken.
    async fn renew(&self, claim: &Claim, until: Timestamp) -> Result<Claim, LedgerError>;

    /// Gives a lane back. It is handed out again when something is owed, but not before `from`, unless it is poked
    /// or owes something else by then. `tries` comes back with the next claim, if it owes the same.
    async fn release(&self, claim: &Claim, from: Option<Timestamp>, tries: u32) -> Result<(), LedgerError>;

    /// News for a rotation: its work lane is handed out now (if held: once more, after its release), even if it owes
    /// something only later or was released with a later `from`. Nothing happens if it owes nothing.
    async fn poke(&self, id: &RotationId, now: Timestamp) -> Result<(), LedgerError>;

    /// When there will next be something to claim or take, if nothing changes; a moment in the past means now.
    async fn next_wake(&self) -> Result<Option<Timestamp>, LedgerError>;

    /// Ticks whenever this process changed something that may give work. Other processes are seen by asking.
    fn changes(&self) -> watch::Receiver<u64>;

    /// The journal of one rotation, oldest first.
    async fn journal(&self, id: &RotationId) -> Result<Vec<Stamped>, LedgerError>;

    /// Writes a line that changes no rotation, such as a refused click.
    async fn note(&self, rotation: Option<&RotationId>, line: &Line) -> Result<(), LedgerError>;

    /// Walks the whole journal and compares it with its end, with every row that it tells of, and with the ends that
    /// are known outside; `known` are more of those.
    async fn verify_against(&self, known: &[Head]) -> Result<Audit, LedgerError>;

    /// The same, with the end that the file outside knows.
    async fn verify(&self) -> Result<Audit, LedgerError> {
        self.verify_against(&[]).await
    }

    /// The end of the journal, to be kept where the database's owner cannot write.
    async fn head(&self) -> Result<Head, LedgerError>;

    /// Whether a file outside the database knows its end, so that an older copy is found out without asking anybody.
    fn knows_its_end(&self) -> bool;

    /// Why the database is not believed, if it is not; `heads` are ends that were found outside. Until it is settled,
    /// nothing can be loaded or changed, and entries are accepted all the same.
    async fn doubt(&self, heads: &[Head]) -> Result<Option<Doubt>, LedgerError>;

    /// Settles a doubt, if the word that it needs was said: the journal begins again, what waits for approval is asked anew, what was under way stops for a
    /// person, and entries of the kind `clicks` and codes of before are void. Says which rotations wait for people now.
    async fn begin_again(&self, now: Timestamp, clicks: &str) -> Result<Vec<RotationId>, LedgerError>;

    /// Whether it was never begun: no line of the journal tells of a rotation, of a beginning anew, or that it is founded.
    async fn is_empty(&self) -> Result<bool, LedgerError>;

    /// Whether it is the caller's turn to do `name`; true for one caller in `every_seconds`, over all replicas.
    async fn take_turn(&self, name: &str, now: Timestamp, every_seconds: u64) -> Result<bool, LedgerError>;

    /// Forgets rotations that were closed before `before`, and what `first_time` was asked before; says how many
    /// rotations. Their journal stays, and says that they were forgotten.
    async fn forget_closed(&self, before: Timestamp, now: Timestamp) -> Result<u64, LedgerError>;

    /// True exactly once for each `key`, until it is forgotten.
    async fn first_time(&self, key: &str, now: Timestamp) -> Result<bool, LedgerError>;

    /// Whether `first_time` was asked for `key` before.
    async fn was_told(&self, key: &str) -> Result<bool, LedgerError>;

    /// Which account of a GitLab bore each login when it was first held to one.
    async fn logins(&self, host: &str) -> Result<BTreeMap<String, u64>, LedgerError>;

    /// Holds a login to an account, unless it is held to one already; says to which it is held now.
    async fn hold_login(&self, host: &str, login: &str, account: u64, now: Timestamp) -> Result<u64, LedgerError>;

    /// The login means whoever bears it next, which the line tells. False if it was held to nobody.
    async fn forget_login(&self, host: &str, login: &str, line: &Line) -> Result<bool, LedgerError>;

    /// One-time codes.
    fn enrollments(&self) -> &dyn Enrollments;

    /// How many open rotations stand in each phase.
    async fn phases(&self) -> Result<Vec<(String, u64)>, LedgerError>;

    /// Whether something could be written now. Looked at once a second at most, however many ask.
    async fn ping(&self) -> Result<(), LedgerError>;

    /// Lets go of the database: everything after it is refused.
    async fn close(&self);
}
