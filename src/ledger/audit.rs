//! The audit: walks the whole journal in one state of the database and compares it with its end, with every row that it
//! tells of, and with the ends that are known outside.

use super::chain::Link;
use super::columns;
use super::database::Database;
use super::error::LedgerError;
use super::head::Head;
use super::journal;
use super::row::number;
use super::stock::end::Known;
use super::trail::{Flaw, Last};
use super::walk::{self, Walked};
use super::{enrollments, logins};
use sqlx::{AnyConnection, Row as _};
use std::collections::BTreeMap;

use super::trail::PAGE;

/// What the audit saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Lines that were good, up to the first fault.
    pub lines: u64,
    /// Rotations that were good, up to the first fault.
    pub rotations: u64,
    /// The end of the journal: stands for everything before it.
    pub head: Head,
    /// The first thing that is wrong.
    pub fault: Option<Fault>,
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The line's hash does not fit what it says.
    #[error("journal line {seq} was edited")]
    Edited {
        /// Which.
        seq: u64,
    },
    /// There is no such line.
    #[error("journal line {seq} is missing")]
    Missing {
        /// Which.
        seq: u64,
    },
    /// The line was not written by us.
    #[error("journal line {seq} was forged: its seal is missing or not ours")]
    Forged {
        /// Which.
        seq: u64,
    },
    /// An end that is known elsewhere is not part of the journal.
    #[error("the journal is not the one that is known: line {size} does not have that root, or is missing")]
    Unknown {
        /// Of how many lines the known end tells.
        size: u64,
    },
    /// What somebody is believed by is not as its last line left it.
    #[error("{what} was edited, taken out or put there: the journal tells otherwise")]
    Belief {
        /// Which.
        what: String,
    },
    /// The line stands elsewhere.
    #[error("journal line {seq} was moved to {found}")]
    Moved {
        /// Where it belongs.
        seq: u64,
        /// Where it stands.
        found: u64,
    },
    /// The remembered end of the journal is not its last line.
    #[error("the end of the journal was edited: it does not fit line {seq}")]
    End {
        /// The last line.
        seq: u64,
    },
    /// A rotation is not as its last line left it.
    #[error("rotation {id} was edited: {column} is not as journal line {seq} left it")]
    Row {
        /// Which.
        id: String,
        /// Where it differs.
        column: &'static str,
        /// The line.
        seq: u64,
    },
    /// The journal tells of a rotation that is gone.
    #[error("rotation {id} is missing; the journal tells of it until line {seq}")]
    RowMissing {
        /// Which.
        id: String,
        /// Its last line.
        seq: u64,
    },
    /// The journal never tells of a rotation that is there.
    #[error("rotation {id} was never journalled")]
    RowUnknown {
        /// Which.
        id: String,
    },
}

/// `known` are ends that the journal must have had.
pub(super) async fn verify(database: &Database, known: &[Head]) -> Result<Audit, LedgerError> {
    let mut known = known.to_vec();
    known.extend(Known::read(database)?.heads);
    let mut tx = database.snapshot().await?;
    let walked = walk::walk(&mut tx, &database.keys, &known).await?;
    let mut rotations = 0;
    let mut fault = match walked.flaw {
        Some((flaw, seq)) => Some(named(&mut tx, &walked, flaw, seq).await?),
        None => end(&mut tx, database, &walked).await?,
    };
    if fault.is_none() {
        let lost = known.iter().find(|head| !walked.has(head));
        fault = lost.map(|head| Fault::Unknown { size: head.size });
    }
    if fault.is_none() {
        fault = rows(&mut tx, &walked.trail.rows, &mut rotations).await?;
    }
    if fault.is_none() {
        fault = beliefs(&mut tx, &walked).await?;
    }
    tx.rollback().await?;
    let lines = walked.trail.seq.cast_unsigned();
    Ok(Audit { lines, rotations, head: walked.trail.head(&database.keys), fault })
}

pub(super) async fn named(tx: &mut AnyConnection, walked: &Walked, flaw: Flaw, seq: i64) -> Result<Fault, LedgerError> {
    let at = seq.cast_unsigned();
    match flaw {
        Flaw::Missing => Ok(Fault::Missing { seq: at }),
        Flaw::Forged => Ok(Fault::Forged { seq: at }),
        Flaw::Edited => broken(tx, seq, &walked.trail.hash).await,
    }
}

/// The line does not fit: does the one that belongs there stand further on?
async fn broken(tx: &mut AnyConnection, seq: i64, before: &str) -> Result<Fault, LedgerError> {
    let mut after = seq;
    loop {
        let page = journal::page(&mut *tx, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.link.seq;
        for journal::Sealed { link, hash, .. } in page {
            let found = link.seq.cast_unsigned();
            if (Link { seq, ..link }).hash(before) == hash {
                return Ok(Fault::Moved { seq: seq.cast_unsigned(), found });
            }
        }
    }
    Ok(Fault::Edited { seq: seq.cast_unsigned() })
}

pub(super) async fn end(
    tx: &mut AnyConnection,
    database: &Database,
    walked: &Walked,
) -> Result<Option<Fault>, LedgerError> {
    let trail = &walked.trail;
    let fault = Fault::End { seq: trail.seq.cast_unsigned() };
    let head = sqlx::query("SELECT seq, hash, seal FROM journal_head WHERE id = 1").fetch_optional(tx).await?;
    let Some(head) = head else { return Ok(Some(fault)) };
    let (seq, hash, seal): (i64, String, String) = (head.try_get("seq")?, head.try_get("hash")?, head.try_get("seal")?);
    if seq > trail.seq {
        return Ok(Some(Fault::Missing { seq: (trail.seq + 1).cast_unsigned() }));
    }
    // An end that is sealed has lines that are.
    let sealed = match (trail.is_sealed, seal.is_empty()) {
        (false, nothing) => nothing,
        (true, _) => journal::is_ours(&database.keys, seq, &hash, &seal),
    };
    let fits = seq == trail.seq && hash == trail.hash && sealed;
    Ok((!fits).then_some(fault))
}

/// Held logins and one-time codes.
async fn beliefs(tx: &mut AnyConnection, walked: &Walked) -> Result<Option<Fault>, LedgerError> {
    let mut there = BTreeMap::new();
    for row in sqlx::query("SELECT host, login, account FROM login").fetch_all(&mut *tx).await? {
        let fact = logins::fact(row.try_get("host")?, row.try_get("login")?);
        there.insert(fact, number(&row, "account")?.to_string());
    }
    for row in sqlx::query("SELECT * FROM one_time_code").fetch_all(&mut *tx).await? {
        there.insert(enrollments::fact(row.try_get("person")?), enrollments::digested(&row)?);
    }
    let told = &walked.trail.facts;
    let wrong = there.iter().find(|(fact, value)| told.get(*fact) != Some(value)).map(|(fact, _)| fact);
    // What other tables hold is for those who know them.
    let ours = |fact: &&String| fact.starts_with("login ") || fact.starts_with("one_time_code ");
    let missing = || told.keys().filter(ours).find(|fact| !there.contains_key(*fact));
    Ok(wrong.or_else(missing).map(|what| Fault::Belief { what: what.clone() }))
}

/// The first rotation that is not as its last line left it; `good` counts those before.
pub(super) async fn rows(
    tx: &mut AnyConnection,
    told: &BTreeMap<String, Last>,
    good: &mut u64,
) -> Result<Option<Fault>, LedgerError> {
    let mut unseen = told.clone();
    let mut after = String::new();
    loop {
        let rows = sqlx::query("SELECT * FROM rotation WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(after.as_str())
            .bind(PAGE)
            .fetch_all(&mut *tx)
            .await?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            after = row.try_get("id")?;
            let Some(last) = unseen.remove(&after) else { return Ok(Some(Fault::RowUnknown { id: after })) };
            if let Err(column) = columns::believed(row, Some(&last))? {
                return Ok(Some(Fault::Row { id: after, column, seq: last.seq.cast_unsigned() }));
            }
            *good += 1;
        }
    }
    let missing = unseen.into_iter().next();
    Ok(missing.map(|(id, last)| Fault::RowMissing { id, seq: last.seq.cast_unsigned() }))
}
