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
        if believed.rows.get(&id).is_none_or(|last| last.version != version || last.digest != digest) {
            if word == Word::Nothing {
                tracing::error!(rotation = id, "a rotation that rekey did not leave so; nothing is done about it");
                continue;
            }
            let line = Line { at: now, actor: "rekey".into(), event: "taken_up".into(), detail: serde_json::json!({}) };
            let change = journal::Change { version, digest: &digest };
            journal::append(&mut *tx, &database.keys, Some(&RotationId(id.clone())), Some(change), &line).await?;
        }
        // One that cannot be read stays as it is too.
        let Ok(rotation) = rotation(row) else { continue };
        // What is closed refuses it; the other columns are anybody's who writes here.
        if let Some(after) = ask_anew(tx, database, &rotation, (why, word != Word::Adopt), now).await? {
            asked.push(after.id);
        }
    }
    Ok(asked)
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
