//! The audit: walks the whole journal in one state of the database and compares it with its end and with every
//! rotation. Whoever can write the database can rewrite the whole chain; keep [`Audit::head`] elsewhere to see that.

use super::chain::Link;
use super::database::Database;
use super::error::LedgerError;
use super::journal;
use super::row::{Columns, digest};
use crate::rotation::record::Rotation;
use sqlx::{AnyConnection, Row as _};
use std::collections::BTreeMap;

const PAGE: i64 = 1000;

/// What the audit saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Lines that were good, up to the first fault.
    pub lines: u64,
    /// Rotations that were good, up to the first fault.
    pub rotations: u64,
    /// The hash at the end of the journal: stands for everything before it.
    pub head: String,
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

/// What the walk remembers.
#[derive(Default)]
struct Walk {
    seq: i64,
    hash: String,
    /// The last change of each rotation.
    last: BTreeMap<String, Link>,
}

pub(super) async fn verify(database: &Database) -> Result<Audit, LedgerError> {
    let mut tx = database.snapshot().await?;
    let mut walk = Walk::default();
    let mut rotations = 0;
    let mut fault = lines(&mut tx, &mut walk).await?;
    if fault.is_none() {
        fault = end(&mut tx, &walk).await?;
    }
    if fault.is_none() {
        fault = rows(&mut tx, &walk, &mut rotations).await?;
    }
    tx.rollback().await?;
    Ok(Audit { lines: walk.seq.cast_unsigned(), rotations, head: walk.hash, fault })
}

async fn lines(tx: &mut AnyConnection, walk: &mut Walk) -> Result<Option<Fault>, LedgerError> {
    loop {
        let page = page(tx, walk.seq).await?;
        if page.is_empty() {
            return Ok(None);
        }
        for (link, hash) in page {
            let seq = walk.seq + 1;
            if link.seq != seq {
                return Ok(Some(Fault::Missing { seq: seq.cast_unsigned() }));
            }
            if link.hash(&walk.hash) != hash {
                return broken(tx, walk).await.map(Some);
            }
            walk.seq = seq;
            walk.hash = hash;
            match (&link.rotation, link.version) {
                (Some(id), Some(_)) => drop(walk.last.insert(id.clone(), link)),
                (Some(id), None) if link.event == journal::FORGOTTEN => drop(walk.last.remove(id)),
                _ => {}
            }
        }
    }
}

async fn page(tx: &mut AnyConnection, after: i64) -> Result<Vec<(Link, String)>, LedgerError> {
    let rows = sqlx::query(
        "SELECT seq, at, rotation, version, digest, actor, event, detail, hash \
         FROM journal WHERE seq > $1 ORDER BY seq LIMIT $2",
    )
    .bind(after)
    .bind(PAGE)
    .fetch_all(tx)
    .await?;
    Ok(rows.iter().map(journal::link).collect::<Result<_, _>>()?)
}

/// The line after the walk does not fit: does the one that belongs there stand further on?
async fn broken(tx: &mut AnyConnection, walk: &Walk) -> Result<Fault, LedgerError> {
    let seq = walk.seq + 1;
    let mut after = seq;
    loop {
        let page = page(tx, after).await?;
        let Some((last, _)) = page.last() else { break };
        after = last.seq;
        for (link, hash) in page {
            let found = link.seq.cast_unsigned();
            if (Link { seq, ..link }).hash(&walk.hash) == hash {
                return Ok(Fault::Moved { seq: seq.cast_unsigned(), found });
            }
        }
    }
    Ok(Fault::Edited { seq: seq.cast_unsigned() })
}

async fn end(tx: &mut AnyConnection, walk: &Walk) -> Result<Option<Fault>, LedgerError> {
    let head = sqlx::query("SELECT seq, hash FROM journal_head WHERE id = 1").fetch_optional(tx).await?;
    let Some(head) = head else { return Ok(Some(Fault::End { seq: walk.seq.cast_unsigned() })) };
    let (seq, hash): (i64, String) = (head.try_get("seq")?, head.try_get("hash")?);
    if seq > walk.seq {
        return Ok(Some(Fault::Missing { seq: (walk.seq + 1).cast_unsigned() }));
    }
    let fits = seq == walk.seq && hash == walk.hash;
    Ok((!fits).then(|| Fault::End { seq: walk.seq.cast_unsigned() }))
}

async fn rows(tx: &mut AnyConnection, walk: &Walk, good: &mut u64) -> Result<Option<Fault>, LedgerError> {
    let mut unseen = walk.last.clone();
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
            if let Some(column) = differs(row, &last)? {
                return Ok(Some(Fault::Row { id: after, column, seq: last.seq.cast_unsigned() }));
            }
            *good += 1;
        }
    }
    let missing = unseen.into_iter().next();
    Ok(missing.map(|(id, last)| Fault::RowMissing { id, seq: last.seq.cast_unsigned() }))
}

/// The first column that is not as the last line left it: the body by its digest, the others by the body.
fn differs(row: &super::dialect::Row, last: &Link) -> Result<Option<&'static str>, LedgerError> {
    let body: String = row.try_get("body")?;
    let version: i64 = row.try_get("version")?;
    if Some(version) != last.version {
        return Ok(Some("version"));
    }
    if Some(digest(&body)) != last.digest {
        return Ok(Some("body"));
    }
    let Ok(rotation) = serde_json::from_str::<Rotation>(&body) else { return Ok(Some("body")) };
    let is_open: i64 = row.try_get("is_open")?;
    let columns = Columns::of(&rotation);
    let texts = [
        ("id", rotation.id.0.clone()),
        ("key", rotation.key.to_string()),
        ("host", rotation.key.host.clone()),
        ("token_id", rotation.key.token_text()),
        ("token", rotation.plan.token.0.clone()),
        ("expires_on", columns.expires_on),
        ("phase", columns.phase.to_owned()),
    ];
    for (column, expected) in texts {
        if row.try_get::<String, _>(column)? != expected {
            return Ok(Some(column));
        }
    }
    Ok((is_open != columns.is_open).then_some("is_open"))
}
