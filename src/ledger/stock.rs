//! Taking stock: whether the database is the one that was left. If it is older, another, damaged or of a time without
//! keys, nothing is done by it until the journal has begun again: what waits for people is asked anew, what was under way
//! stops for a person, and clicks and codes of before are void.

use super::audit;
use super::database::Database;
use super::error::LedgerError;
use super::head::Head;
use super::journal::{self, ADOPTED, End, GAP};
use super::records::Line;
use super::row::{Columns, digest, millis, rotation};
use super::trail::{self, Doubt, Kind, Trail, Walked};
use super::{enrollments, inbox, logins, rotations};
use crate::rotation::event::Event;
use crate::rotation::ids::RotationId;
use crate::rotation::next::next;
use crate::rotation::record::Rotation;
use jiff::Timestamp;
use sqlx::{AnyConnection, Row as _};
use std::sync::Arc;
use std::time::Duration;

/// What is known outside follows the journal after this at the latest.
const BEHIND: Duration = Duration::from_millis(100);
/// Seconds of one step of one-time codes, and how many steps ahead a code may be.
const STEP_SECONDS: i64 = 30;
const STEPS_AHEAD: i64 = 2;

/// Reads the whole journal, and remembers it or why it is not believed.
pub(super) async fn take(database: &Database, anew: bool) -> Result<(), LedgerError> {
    let known: Vec<Head> = database.known_end()?.into_iter().collect();
    let mut tx = database.snapshot().await?;
    let walked = trail::walk(&mut tx, &database.keys, &known).await?;
    let doubt = judge(&mut tx, database, &walked, &known).await?;
    tx.rollback().await?;
    if doubt.as_ref().is_some_and(|doubt| doubt.kind == Kind::Keyless) && !anew {
        let why = "none of the keys of [database] sealed it: give the key it was sealed with, behind a newer one if you have \
                   one. If it is lost, start once with `rekey serve --new`";
        return Err(LedgerError::Doubted { why: why.into() });
    }
    let mut state = database.memory.lock();
    (state.trail, state.doubt) = (walked.trail, doubt);
    Ok(())
}

async fn judge(
    tx: &mut AnyConnection,
    database: &Database,
    walked: &Walked,
    known: &[Head],
) -> Result<Option<Doubt>, LedgerError> {
    let trail = &walked.trail;
    let end = known.first().cloned();
    if let Some((flaw, seq)) = walked.flaw {
        let fault = audit::named(&mut *tx, walked, flaw, seq).await?;
        let kind = if trail.is_sealed { Kind::Damaged } else { Kind::Keyless };
        return Ok(Some(Doubt::damaged(kind, &fault.to_string(), end)));
    }
    if let Some(lost) = known.iter().find(|head| !walked.has(head)) {
        return Ok(Some(Doubt::behind(lost.clone(), trail.tree.size())));
    }
    if let Some(fault) = audit::end(&mut *tx, database, walked).await? {
        return Ok(Some(Doubt::damaged(Kind::Damaged, &fault.to_string(), end)));
    }
    if trail.seq == 0 || trail.is_sealed {
        return Ok(None);
    }
    // A file that knows the end was written with a key, so there were seals once.
    let robbed = end.map(|end| Doubt::damaged(Kind::Damaged, "its seals were taken away", Some(end)));
    Ok(Some(robbed.unwrap_or_else(Doubt::unsealed)))
}

/// Looks again whether a doubt is settled, and whether these ends are known.
pub(super) async fn look(database: &Database, heads: &[Head]) -> Result<Option<Doubt>, LedgerError> {
    if heads.is_empty() && database.memory.lock().doubt.is_none() {
        // What is wrong is remembered as a doubt.
        let _seen = trail::catch_up(database).await;
        return Ok(database.memory.lock().doubt.clone());
    }
    let doubted = database.memory.lock().doubt.clone();
    let mut known: Vec<Head> = doubted.iter().filter_map(|doubt| doubt.known.clone()).collect();
    known.extend(heads.iter().filter(|head| head.is_ours(&database.keys)).cloned());
    known.extend(database.known_end()?);
    let mut tx = database.snapshot().await?;
    let walked = trail::walk(&mut tx, &database.keys, &known).await?;
    known.sort_by(|a, b| b.cmp(a));
    let doubt = judge(&mut tx, database, &walked, &known).await?;
    tx.rollback().await?;
    let mut state = database.memory.lock();
    if doubt.is_none() {
        state.trail = walked.trail;
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
    let mut tx = database.begin().await?;
    let end = end(&mut tx).await?;
    let known: Vec<Head> = doubt.known.iter().cloned().collect();
    let walked = trail::walk(&mut tx, &database.keys, &known).await?;
    if judge(&mut tx, database, &walked, &known).await?.is_none() {
        tx.rollback().await?;
        look(database, &[]).await?;
        return Ok(Vec::new());
    }
    let line = told(&doubt, &walked.trail, now);
    journal::append_after(&mut tx, &database.keys, end, None, None, &line).await?;
    let asked = rows(&mut tx, database, &walked.trail, &doubt, now).await?;
    if doubt.kind == Kind::Unsealed {
        adopt(&mut tx, database, now).await?;
    } else {
        void_codes(&mut tx, database, &walked.trail, now).await?;
    }
    void_clicks(&mut tx, clicks).await?;
    tx.commit().await?;
    database.changed();
    let left = look(database, &[]).await?;
    write_end(database);
    match left {
        None => Ok(asked),
        Some(doubt) => Err(LedgerError::Doubted { why: doubt.why }),
    }
}

/// The end as it stands, whatever it is; what is there is numbered on from the last line.
async fn end(tx: &mut AnyConnection) -> Result<End, LedgerError> {
    sqlx::query("INSERT INTO journal_head (id, seq, hash) VALUES (1, 0, '') ON CONFLICT DO NOTHING")
        .execute(&mut *tx)
        .await?;
    let mut end = journal::end(&mut *tx).await?;
    let row = sqlx::query("SELECT MAX(seq) AS seq FROM journal").fetch_one(&mut *tx).await?;
    let last: Option<i64> = row.try_get("seq")?;
    if last.unwrap_or(0) != end.seq {
        end.seq = end.seq.max(last.unwrap_or(0));
    } else if let Some(last) = journal::page(tx, end.seq - 1, 1).await?.pop() {
        end.hash = last.hash;
    }
    Ok(end)
}

fn told(doubt: &Doubt, trail: &Trail, now: Timestamp) -> Line {
    let known = doubt.known.as_ref();
    let lost = known.map(|head| (head.gaps, head.size));
    let detail = serde_json::json!({
        "why": doubt.why,
        "gaps": known.map_or(0, |head| head.gaps).max(trail.gaps) + 1,
        "lost": lost,
        "known": known.map(ToString::to_string),
    });
    let event = if doubt.kind == Kind::Unsealed { ADOPTED } else { GAP };
    Line { at: now, actor: "rekey".into(), event: event.into(), detail }
}

/// Rows that the journal does not tell of as they are get a line that does; open ones wait for people.
async fn rows(
    tx: &mut AnyConnection,
    database: &Database,
    trail: &Trail,
    doubt: &Doubt,
    now: Timestamp,
) -> Result<Vec<RotationId>, LedgerError> {
    let rows = sqlx::query("SELECT id, version, body, is_open FROM rotation ORDER BY id").fetch_all(&mut *tx).await?;
    let mut asked = Vec::new();
    for row in &rows {
        let (id, version): (String, i64) = (row.try_get("id")?, row.try_get("version")?);
        let (body, open): (String, i64) = (row.try_get("body")?, row.try_get("is_open")?);
        let digest = digest(&body);
        if trail.rows.get(&id).is_none_or(|last| last.version != version || last.digest != digest) {
            let line = Line { at: now, actor: "rekey".into(), event: "taken_up".into(), detail: serde_json::json!({}) };
            let change = journal::Change { version, digest: &digest };
            journal::append(&mut *tx, &database.keys, Some(&RotationId(id.clone())), Some(change), &line).await?;
        }
        // One that cannot be read stays as it is: it is told of wherever it is loaded.
        let Ok(rotation) = rotation(row) else { continue };
        if open == 1
            && let Some(after) = ask_anew(tx, database, &rotation, doubt, now).await?
        {
            asked.push(after.id);
        }
    }
    Ok(asked)
}

async fn ask_anew(
    tx: &mut AnyConnection,
    database: &Database,
    rotation: &Rotation,
    doubt: &Doubt,
    now: Timestamp,
) -> Result<Option<Rotation>, LedgerError> {
    let event = Event::Doubted { why: doubt.why.clone(), behind: doubt.kind != Kind::Unsealed };
    let Ok(after) = next(rotation, &event, now) else { return Ok(None) };
    let detail = serde_json::to_value(&event).unwrap_or_default();
    let line = Line { at: now, actor: "rekey".into(), event: event.name(), detail };
    let columns = Columns::of(&after);
    rotations::update(&mut *tx, &after, &columns).await?;
    rotations::follow_up(database, tx, &after, &columns, &line).await?;
    Ok(Some(after))
}

/// Held logins, codes and notices of before there were keys are sealed once, as they are.
async fn adopt(tx: &mut AnyConnection, database: &Database, now: Timestamp) -> Result<(), LedgerError> {
    let line = |what: &str| {
        let detail = serde_json::json!({ "what": what });
        Line { at: now, actor: "rekey".into(), event: "sealed".into(), detail }
    };
    for row in sqlx::query("SELECT host, login, account FROM login").fetch_all(&mut *tx).await? {
        let (host, login): (String, String) = (row.try_get("host")?, row.try_get("login")?);
        let (fact, account) = (logins::fact(&host, &login), super::row::number(&row, "account")?.to_string());
        journal::append_fact(&mut *tx, &database.keys, (&fact, Some(&account)), &line("login")).await?;
    }
    for row in sqlx::query("SELECT person FROM one_time_code").fetch_all(&mut *tx).await? {
        enrollments::tell(&mut *tx, database, row.try_get("person")?, &line("one_time_code")).await?;
    }
    for row in sqlx::query("SELECT key, kind, body, received_at FROM inbox WHERE done = 0").fetch_all(&mut *tx).await? {
        let key: String = row.try_get("key")?;
        let seal =
            inbox::seal(&database.keys, &key, row.try_get("kind")?, row.try_get("body")?, row.try_get("received_at")?);
        sqlx::query("UPDATE inbox SET seal = $2 WHERE key = $1").bind(key).bind(seal).execute(&mut *tx).await?;
    }
    Ok(())
}

/// What people pressed and typed before, and was not dealt with, was about something else.
async fn void_clicks(tx: &mut AnyConnection, clicks: &str) -> Result<(), LedgerError> {
    let done = sqlx::query("UPDATE inbox SET done = 1, body = '' WHERE kind = $1 AND done = 0")
        .bind(clicks.to_owned())
        .execute(tx)
        .await?;
    if done.rows_affected() > 0 {
        tracing::warn!(clicks = done.rows_affected(), "clicks of before are void");
    }
    Ok(())
}

/// No code counts that was made before now: it may have been used in the time that is lost.
async fn void_codes(
    tx: &mut AnyConnection,
    database: &Database,
    trail: &Trail,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let step = millis(now) / 1000 / STEP_SECONDS + STEPS_AHEAD;
    for row in sqlx::query("SELECT * FROM one_time_code").fetch_all(&mut *tx).await? {
        let person: String = row.try_get("person")?;
        if trail.facts.get(&enrollments::fact(&person)) != Some(&enrollments::digested(&row)?) {
            continue;
        }
        sqlx::query("UPDATE one_time_code SET last_step = $2, last_key = '' WHERE person = $1 AND last_step < $2")
            .bind(person.as_str())
            .bind(step)
            .execute(&mut *tx)
            .await?;
        let detail = serde_json::json!({ "person": person });
        let line = Line { at: now, actor: "rekey".into(), event: "codes_void".into(), detail };
        enrollments::tell(&mut *tx, database, &person, &line).await?;
    }
    Ok(())
}

/// Writes the end of the journal where the database's owner cannot, whenever it grew.
pub(super) async fn keep_end(database: Arc<Database>) {
    let mut changes = database.changes();
    loop {
        if trail::catch_up(&database).await.is_ok() {
            write_end(&database);
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
        tokio::time::sleep(BEHIND).await;
    }
}

pub(super) fn write_end(database: &Database) {
    let Some(path) = &database.end else { return };
    let head = {
        let state = database.memory.lock();
        if state.doubt.is_some() || !state.trail.is_sealed {
            return;
        }
        state.trail.head(&database.keys)
    };
    if let Err(error) = head.write(path, &database.keys) {
        tracing::error!(%error, file = %path.display(), "the end of the journal cannot be written where it is known outside");
    }
}
