//! What a database that begins again does with its rotations: what is certainly ours, or what somebody vouches for, waits
//! for people; anything else stays as it is, and is told of wherever it is loaded.

use crate::ledger::database::Database;
use crate::ledger::doubt::Word;
use crate::ledger::error::LedgerError;
use crate::ledger::journal;
use crate::ledger::records::Line;
use crate::ledger::rotations;
use crate::ledger::row::{Columns, digest, rotation};
use crate::ledger::trail::Trail;
use crate::rotation::event::Event;
use crate::rotation::ids::RotationId;
use crate::rotation::next::next;
use crate::rotation::record::Rotation;
use jiff::Timestamp;
use sqlx::{AnyConnection, Row as _};

/// With somebody's word, rows that the journal does not tell of as they are get a line that does. Says which wait for
/// people now.
pub(super) async fn take_up(
    tx: &mut AnyConnection,
    database: &Database,
    believed: &Trail,
    (why, word): (&str, Word),
    now: Timestamp,
) -> Result<Vec<RotationId>, LedgerError> {
    let rows = sqlx::query("SELECT id, version, body FROM rotation ORDER BY id").fetch_all(&mut *tx).await?;
    let mut asked = Vec::new();
    for row in &rows {
        let (id, version): (String, i64) = (row.try_get("id")?, row.try_get("version")?);
        let body: String = row.try_get("body")?;
        let digest = digest(&body);
        let is_ours = believed.rows.get(&id).is_some_and(|last| last.version == version && last.digest == digest);
        if !is_ours {
            if word == Word::Nothing {
                tracing::error!(rotation = id, "a rotation that rekey did not leave so; nothing is done about it");
                continue;
            }
            let line = Line { at: now, actor: "rekey".into(), event: "taken_up".into(), detail: serde_json::json!({}) };
            let change = journal::Change { version, digest: &digest };
            journal::append(&mut *tx, &database.keys, Some(&RotationId(id.clone())), Some(change), &line).await?;
        }
        // One that cannot be read stays as it is too.
        let Ok(mut rotation) = rotation(row) else { continue };
        if rotation.id.0 != id || !straighten(&mut *tx, &rotation).await? {
            tracing::error!(rotation = id, "another row says that it is the same case; nothing is done about it");
            continue;
        }
        if !is_ours {
            rotation.disown();
        }
        // What is closed refuses it.
        if let Some(after) = ask_anew(tx, database, &rotation, (why, word != Word::Adopt), now).await? {
            asked.push(after.id);
        }
    }
    Ok(asked)
}

/// The other columns are anybody's who writes here; they are made to say what the body says. False where another row says
/// the same already: which of them is right is for a person to tell.
async fn straighten(tx: &mut AnyConnection, rotation: &Rotation) -> Result<bool, LedgerError> {
    let done = sqlx::query(
        "UPDATE rotation SET version = version - 1 WHERE id = $1 AND version = $2 AND NOT EXISTS ( \
             SELECT 1 FROM rotation AS other WHERE other.id <> $1 AND (other.key = $3 \
                 OR ($4 = 1 AND other.is_open = 1 AND ((other.host = $5 AND other.token_id = $6) OR other.token = $7))))",
    )
    .bind(rotation.id.as_str())
    .bind(rotation.version.cast_signed())
    .bind(rotation.key.to_string())
    .bind(i64::from(!rotation.phase.is_closed()))
    .bind(rotation.key.host.as_str())
    .bind(rotation.key.token_text())
    .bind(rotation.plan.token.as_str())
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() != 1 {
        return Ok(false);
    }
    rotations::update(tx, rotation, &Columns::of(rotation)).await?;
    Ok(true)
}

async fn ask_anew(
    tx: &mut AnyConnection,
    database: &Database,
    rotation: &Rotation,
    (why, behind): (&str, bool),
    now: Timestamp,
) -> Result<Option<Rotation>, LedgerError> {
    let event = Event::Doubted { why: why.to_owned(), behind };
    let Ok(after) = next(rotation, &event, now) else { return Ok(None) };
    let detail = serde_json::to_value(&event).unwrap_or_default();
    let line = Line { at: now, actor: "rekey".into(), event: event.name(), detail };
    let columns = Columns::of(&after);
    rotations::update(&mut *tx, &after, &columns).await?;
    rotations::follow_up(database, tx, &after, &columns, &line).await?;
    Ok(Some(after))
}
