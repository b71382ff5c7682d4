//! Taking stock: whether the database is the one that was left. If it is older, another or damaged, nothing is done by it
//! until the journal has begun again: what waits for people is asked anew, what was under way stops for them, and clicks and
//! codes of before are void. One without seals of ours waits for somebody's word.

pub(super) mod end;
mod rows;
mod void;

use super::audit;
use super::chain::{BEHIND, VOIDS};
use super::database::Database;
use super::doubt::{Doubt, Kind, Word};
use super::error::LedgerError;
use super::head::Head;
use super::journal::{self, ADOPTED, End, GAP};
use super::records::Line;
use super::trail::{self, Trail};
use super::walk::{self, Walked};
use crate::rotation::ids::RotationId;
use end::Known;
use jiff::Timestamp;
use sqlx::{AnyConnection, Row as _};

/// Reads the whole journal, and remembers it or why it is not believed.
pub(super) async fn take(database: &Database, word: Word) -> Result<(), LedgerError> {
    let known = Known::read(database)?;
    let mut tx = database.snapshot().await?;
    let walked = walk::walk(&mut tx, &database.keys, &known.heads).await?;
    let mut doubt = judge(&mut tx, database, &walked, &known).await?;
    if doubt.is_none() && word == Word::New {
        doubt = odd_row(&mut tx, &walked).await?;
    }
    tx.rollback().await?;
    if let Some(doubt) = doubt.as_ref().filter(|doubt| doubt.kind == Kind::Keyless)
        && let Some(way_out) = doubt.lacks(word)
    {
        return Err(LedgerError::Doubted { why: format!("{}. {way_out}", doubt.why) });
    }
    let mut state = database.memory.lock();
    // A word is about what is found now, and about nothing that comes later.
    state.word = if doubt.is_some() { word } else { Word::Nothing };
    (state.trail, state.doubt) = (walked.trail, doubt);
    Ok(())
}

async fn judge(
    tx: &mut AnyConnection,
    database: &Database,
    walked: &Walked,
    known: &Known,
) -> Result<Option<Doubt>, LedgerError> {
    let trail = &walked.trail;
    let end = known.heads.first().cloned();
    if let Some((flaw, seq)) = walked.flaw {
        let fault = audit::named(&mut *tx, walked, flaw, seq).await?;
        let kind = if trail.is_sealed { Kind::Damaged } else { Kind::Keyless };
        return Ok(Some(Doubt::damaged(kind, &fault.to_string(), end)));
    }
    if trail.seq > 0 && !trail.is_sealed {
        // A file or an issue that knows the end was written with a key, so there were seals once.
        return Ok(Some(end.map_or_else(Doubt::unsealed, Doubt::robbed)));
    }
    if let Some(lost) = known.heads.iter().find(|head| !walked.has(head)) {
        return Ok(Some(Doubt::behind(lost.clone(), trail.tree.size())));
    }
    if let Some(fault) = audit::end(&mut *tx, database, walked).await? {
        return Ok(Some(Doubt::damaged(Kind::Damaged, &fault.to_string(), end)));
    }
    Ok(known.strange.as_ref().filter(|_| trail.seq > 0).map(|what| Doubt::damaged(Kind::Damaged, what, end)))
}

/// A rotation that is not as it was left stays as it is until somebody says that it shall be gone on with.
async fn odd_row(tx: &mut AnyConnection, walked: &Walked) -> Result<Option<Doubt>, LedgerError> {
    let fault = audit::rows(tx, &walked.trail.rows, &mut 0).await?;
    Ok(fault.map(|fault| Doubt::damaged(Kind::Damaged, &fault.to_string(), None)))
}

/// Looks again whether a doubt is settled, and whether these ends are known.
pub(super) async fn look(database: &Database, heads: &[Head]) -> Result<Option<Doubt>, LedgerError> {
    if heads.is_empty() && database.memory.lock().doubt.is_none() {
        // What is wrong is remembered as a doubt.
        let _seen = trail::catch_up(database).await;
        return Ok(database.memory.lock().doubt.clone());
    }
    let (doubted, word) = {
        let state = database.memory.lock();
        (state.doubt.clone(), state.word)
    };
    let mut known = Known::read(database)?;
    known.heads.extend(doubted.iter().filter_map(|doubt| doubt.known.clone()));
    known.heads.extend(heads.iter().filter(|head| head.is_ours(&database.keys)).cloned());
    known.heads.sort_by(|a, b| b.cmp(a));
    let mut tx = database.snapshot().await?;
    let walked = walk::walk(&mut tx, &database.keys, &known.heads).await?;
    let mut doubt = judge(&mut tx, database, &walked, &known).await?;
    if doubt.is_none() && word == Word::New {
        doubt = odd_row(&mut tx, &walked).await?;
    }
    tx.rollback().await?;
    let mut state = database.memory.lock();
    if doubt.is_none() {
        state.trail = walked.trail;
        state.word = Word::Nothing;
    }
    state.doubt.clone_from(&doubt);
    Ok(doubt)
}

/// Lets the journal begin again behind what is doubted, in one commit; says which rotations wait for people now. Nothing
/// happens if it was settled meanwhile. `clicks` is the kind of entries by which people decide.
pub(super) async fn begin_again(
    database: &Database,
    now: Timestamp,
    clicks: &str,
) -> Result<Vec<RotationId>, LedgerError> {
    let Some(doubt) = look(database, &[]).await? else { return Ok(Vec::new()) };
    let word = database.memory.lock().word;
    if let Some(way_out) = doubt.lacks(word) {
        return Err(LedgerError::Doubted { why: format!("{}. {way_out}", doubt.why) });
    }
    let mut tx = database.begin().await?;
    let end = last(&mut tx).await?;
    let mut known = Known::read(database)?;
    if known.strange.is_some() {
        // Where nothing can be written the same would be found again, and again.
        end::may_write(database)?;
    }
    known.heads.extend(doubt.known.clone());
    let walked = walk::walk(&mut tx, &database.keys, &known.heads).await?;
    let is_settled = judge(&mut tx, database, &walked, &known).await?.is_none();
    if is_settled && (word != Word::New || odd_row(&mut tx, &walked).await?.is_none()) {
        tx.rollback().await?;
        look(database, &[]).await?;
        return Ok(Vec::new());
    }
    let adopts = doubt.kind == Kind::Unsealed && word == Word::Adopt;
    let line = told(&doubt, &walked, (adopts, clicks), now);
    journal::append_after(&mut tx, &database.keys, end, None, None, &line).await?;
    let nothing = Trail::default();
    // What has no seal is only what somebody says it is.
    let believed = if adopts || walked.trail.is_sealed { &walked.trail } else { &nothing };
    let asked = rows::take_up(&mut tx, database, believed, (&doubt.why, word), now).await?;
    if adopts {
        void::adopt(&mut tx, database, now).await?;
    } else {
        void::codes(&mut tx, database, believed, now).await?;
    }
    void::clicks(&mut tx, clicks).await?;
    tx.commit().await?;
    // What is odd now is so in spite of it.
    database.memory.lock().word = Word::Nothing;
    database.changed();
    end::begin(database).await?;
    let left = look(database, &[]).await?;
    match left {
        None => Ok(asked),
        Some(doubt) => Err(LedgerError::Doubted { why: doubt.why }),
    }
}

/// The end, whatever it is: numbers go on from the highest there is, behind the last line that stands there.
async fn last(tx: &mut AnyConnection) -> Result<End, LedgerError> {
    sqlx::query("INSERT INTO journal_head (id, seq, hash) VALUES (1, 0, '') ON CONFLICT DO NOTHING")
        .execute(&mut *tx)
        .await?;
    let mut end = journal::end(&mut *tx).await?;
    let row = sqlx::query("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetch_optional(tx).await?;
    (end.seq, end.hash) = match row {
        Some(row) => (end.seq.max(row.try_get("seq")?), row.try_get("hash")?),
        None => (end.seq, String::new()),
    };
    Ok(end)
}

fn told(doubt: &Doubt, walked: &Walked, (adopts, clicks): (bool, &str), now: Timestamp) -> Line {
    let known = doubt.known.as_ref();
    let lost = known.map(|head| (head.gaps, head.size));
    let mut detail = serde_json::json!({
        "why": doubt.why,
        "gaps": known.map_or(0, |head| head.gaps).max(walked.trail.gaps) + 1,
        "lost": lost,
        "known": known.map(ToString::to_string),
    });
    detail[BEHIND] = walked.state().into();
    detail[VOIDS] = clicks.into();
    let event = if adopts { ADOPTED } else { GAP };
    Line { at: now, actor: "rekey".into(), event: event.into(), detail }
}
