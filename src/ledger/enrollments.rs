//! One-time codes: who has a secret, which code was used last, how often somebody guessed. Each question is one
//! transaction, so that of several replicas one gets the yes, and ends in a line that says what is known then: a row
//! that was edited, taken out or put back is not believed.

use super::database::Database;
use super::dialect::{Row, storable};
use super::error::LedgerError;
use super::journal;
use super::records::Line;
use super::row::{digest, millis, moment, number};
use super::trail::{self, LOOKS};
use crate::rotation::ids::PersonId;
use async_trait::async_trait;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, Row as _};

/// What is known of one person's codes. Secrets are sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrollment {
    /// Whose.
    pub person: PersonId,
    /// The secret in use, sealed.
    pub secret: Option<String>,
    /// Since when it is.
    pub enrolled_at: Option<Timestamp>,
    /// A secret that was shown and not confirmed yet, sealed, and when.
    pub offered: Option<(String, Timestamp)>,
    /// Attempts in a row that were not right.
    pub tries: u32,
    /// When the last one was.
    pub tries_since: Timestamp,
    /// How often the tries were used up and begun anew since somebody looked at it.
    pub locks: u32,
    /// The request whose code was accepted last.
    pub last_key: String,
}

/// How often somebody may guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guesses {
    /// So often …
    pub most: u32,
    /// … in a row; and after the last of them none for this long.
    pub within: SignedDuration,
    /// And so many times, until somebody else lets them be tried again.
    pub locks: u32,
}

/// Codes that rest after too many wrong ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// Until then.
    Until(Timestamp),
    /// Until somebody else lets them be tried again.
    ForGood,
}

impl Enrollment {
    /// Whether the codes rest.
    pub fn lock(&self, limit: Guesses, now: Timestamp) -> Option<Lock> {
        if self.tries < limit.most {
            return None;
        }
        let until = self.tries_since.saturating_add(limit.within).unwrap_or(now);
        match self.locks + 1 >= limit.locks {
            true => Some(Lock::ForGood),
            false => Some(Lock::Until(until)).filter(|_| until > now),
        }
    }
}

/// What must be remembered of one-time codes. As with the ledger: what returns is on disk.
#[async_trait]
pub trait Enrollments: Send + Sync {
    /// What is known of this person.
    async fn enrollment(&self, person: &PersonId) -> Result<Option<Enrollment>, LedgerError>;
    /// Everybody of whom something is known, by name.
    async fn enrollments(&self) -> Result<Vec<Enrollment>, LedgerError>;
    /// A new secret is being shown; one shown before is void, one in use stays in use.
    async fn offer(&self, person: &PersonId, sealed: &str, line: &Line) -> Result<(), LedgerError>;
    /// Counts a guess before it is looked at; false if there were too many.
    async fn guess(&self, person: &PersonId, now: Timestamp, limit: Guesses) -> Result<bool, LedgerError>;
    /// Uses up the code of this step of the secret in use: false if it, or a later one, was used before by another
    /// request.
    async fn spend(
        &self,
        person: &PersonId,
        sealed: &str,
        step: u64,
        key: &str,
        now: Timestamp,
    ) -> Result<bool, LedgerError>;
    /// Puts the secret that was shown into use, with the step of its first code; false if another was shown since.
    async fn confirm(
        &self,
        person: &PersonId,
        sealed: &str,
        step: u64,
        key: &str,
        line: &Line,
    ) -> Result<bool, LedgerError>;
    /// Lets this person try again after too many wrong codes; false if there were not.
    async fn unlock(&self, person: &PersonId, limit: Guesses, line: &Line) -> Result<bool, LedgerError>;
    /// Forgets everything about this person's codes; false if nothing was known.
    async fn reset(&self, person: &PersonId, line: &Line) -> Result<bool, LedgerError>;
}

#[async_trait]
impl Enrollments for Database {
    async fn enrollment(&self, person: &PersonId) -> Result<Option<Enrollment>, LedgerError> {
        for _ in 0..LOOKS {
            let row = sqlx::query("SELECT * FROM one_time_code WHERE person = $1")
                .bind(storable(person.as_str()))
                .fetch_optional(&self.writer)
                .await?;
            trail::catch_up(self).await?;
            if is_as_told(self, person.as_str(), row.as_ref())? {
                return row.as_ref().map(enrollment).transpose();
            }
        }
        Err(doubted(person))
    }

    async fn enrollments(&self) -> Result<Vec<Enrollment>, LedgerError> {
        let rows = sqlx::query("SELECT * FROM one_time_code ORDER BY person").fetch_all(&self.reader).await?;
        rows.iter().map(enrollment).collect()
    }

    async fn offer(&self, person: &PersonId, sealed: &str, line: &Line) -> Result<(), LedgerError> {
        self.change(
            person,
            line,
            sqlx::query(
                "INSERT INTO one_time_code (person, offered, offered_at) VALUES ($1, $2, $3) \
                 ON CONFLICT (person) DO UPDATE SET offered = excluded.offered, offered_at = excluded.offered_at",
            )
            .bind(storable(person.as_str()))
            .bind(sealed.to_owned())
            .bind(millis(line.at)),
        )
        .await
        .map(drop)
    }

    async fn guess(&self, person: &PersonId, now: Timestamp, limit: Guesses) -> Result<bool, LedgerError> {
        let fresh_since = now.saturating_sub(limit.within).unwrap_or(Timestamp::MIN);
        self.change(
            person,
            &told(person, now, "code_tried"),
            sqlx::query(
                "UPDATE one_time_code SET \
                     locks = CASE WHEN tries >= $4 THEN locks + 1 ELSE locks END, \
                     tries = CASE WHEN tries >= $4 THEN 1 ELSE tries + 1 END, \
                     tries_since = $2 \
                 WHERE person = $1 AND (tries < $4 OR (tries_since <= $3 AND locks + 1 < $5))",
            )
            .bind(storable(person.as_str()))
            .bind(millis(now))
            .bind(millis(fresh_since))
            .bind(i64::from(limit.most))
            .bind(i64::from(limit.locks)),
        )
        .await
    }

    async fn spend(
        &self,
        person: &PersonId,
        sealed: &str,
        step: u64,
        key: &str,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        self.change(
            person,
            &told(person, now, "code_spent"),
            sqlx::query(
                "UPDATE one_time_code SET last_step = $3, last_key = $4, tries = 0 \
                 WHERE person = $1 AND secret = $2 AND (last_step < $3 OR (last_step = $3 AND last_key = $4))",
            )
            .bind(storable(person.as_str()))
            .bind(sealed.to_owned())
            .bind(step.cast_signed())
            .bind(storable(key)),
        )
        .await
    }

    async fn confirm(
        &self,
        person: &PersonId,
        sealed: &str,
        step: u64,
        key: &str,
        line: &Line,
    ) -> Result<bool, LedgerError> {
        self.change(
            person,
            line,
            sqlx::query(
                "UPDATE one_time_code SET secret = offered, enrolled_at = $3, offered = '', offered_at = 0, \
                     last_step = $4, last_key = $5, tries = 0 \
                 WHERE person = $1 AND offered = $2",
            )
            .bind(storable(person.as_str()))
            .bind(sealed.to_owned())
            .bind(millis(line.at))
            .bind(step.cast_signed())
            .bind(storable(key)),
        )
        .await
    }

    async fn unlock(&self, person: &PersonId, limit: Guesses, line: &Line) -> Result<bool, LedgerError> {
        self.change(
            person,
            line,
            sqlx::query(
                "UPDATE one_time_code SET tries = 0, locks = 0 WHERE person = $1 AND (tries >= $2 OR locks > 0)",
            )
            .bind(storable(person.as_str()))
            .bind(i64::from(limit.most)),
        )
        .await
    }

    /// Also of what is not believed: this is how it is mended.
    async fn reset(&self, person: &PersonId, line: &Line) -> Result<bool, LedgerError> {
        trail::catch_up(self).await?;
        let fact = fact(person.as_str());
        let known = self.memory.fact(&fact).is_some();
        let mut tx = self.begin().await?;
        let done = sqlx::query("DELETE FROM one_time_code WHERE person = $1")
            .bind(storable(person.as_str()))
            .execute(&mut *tx)
            .await?;
        if !known && done.rows_affected() == 0 {
            return Ok(false);
        }
        journal::append_fact(&mut tx, &self.keys, (&fact, None), line).await?;
        tx.commit().await?;
        Ok(true)
    }
}

impl Database {
    /// Changes what is known of somebody's codes, if it is as the journal says; true if anything changed. The line says
    /// what it is then.
    fn change<'a>(
        &'a self,
        person: &'a PersonId,
        line: &'a Line,
        statement: Query<'static, Any, <Any as sqlx::Database>::Arguments>,
    ) -> BoxFuture<'a, Result<bool, LedgerError>> {
        Box::pin(async move {
            let mut tx = self.begin().await?;
            let row = row(&mut tx, person.as_str()).await?;
            trail::catch_up_on(self, &mut tx).await?;
            if !is_as_told(self, person.as_str(), row.as_ref())? {
                return Err(doubted(person));
            }
            if statement.execute(&mut *tx).await?.rows_affected() != 1 {
                tx.rollback().await?;
                return Ok(false);
            }
            tell(&mut tx, self, person.as_str(), line).await?;
            tx.commit().await?;
            Ok(true)
        })
    }
}

/// Its name in the journal.
pub(super) fn fact(person: &str) -> String {
    format!("one_time_code {}", storable(person))
}

/// Says in the journal what is known of somebody's codes now.
pub(super) async fn tell(
    tx: &mut AnyConnection,
    database: &Database,
    person: &str,
    line: &Line,
) -> Result<(), LedgerError> {
    let now = row(&mut *tx, person).await?.as_ref().map(digested).transpose()?;
    journal::append_fact(tx, &database.keys, (&fact(person), now.as_deref()), line).await
}

async fn row(tx: &mut AnyConnection, person: &str) -> Result<Option<Row>, LedgerError> {
    // A lock on PostgreSQL, and nothing else.
    sqlx::query("UPDATE one_time_code SET tries = tries WHERE person = $1")
        .bind(storable(person))
        .execute(&mut *tx)
        .await?;
    let row = sqlx::query("SELECT * FROM one_time_code WHERE person = $1").bind(storable(person)).fetch_optional(tx);
    Ok(row.await?)
}

pub(super) fn is_as_told(database: &Database, person: &str, row: Option<&Row>) -> Result<bool, LedgerError> {
    Ok(database.memory.fact(&fact(person)) == row.map(digested).transpose()?)
}

/// Everything by which somebody is believed, in one digest. A column that is added later joins in only where it is not
/// at its default, so that digests of before stay right.
pub(super) fn digested(row: &Row) -> Result<String, LedgerError> {
    let mut fields = Vec::new();
    for column in ["person", "secret", "offered", "last_key"] {
        fields.push(row.try_get::<String, _>(column)?);
    }
    for column in ["enrolled_at", "offered_at", "last_step", "tries", "tries_since", "locks"] {
        fields.push(row.try_get::<i64, _>(column)?.to_string());
    }
    Ok(digest(&serde_json::to_string(&fields).expect("text only")))
}

fn doubted(person: &PersonId) -> LedgerError {
    LedgerError::broken("one_time_code", "secret", person.as_str())
}

fn told(person: &PersonId, at: Timestamp, event: &str) -> Line {
    let detail = serde_json::json!({ "person": person });
    Line { at, actor: person.to_string(), event: event.into(), detail }
}

fn enrollment(row: &Row) -> Result<Enrollment, LedgerError> {
    let text = |column: &str| row.try_get::<String, _>(column).map(|text| Some(text).filter(|text| !text.is_empty()));
    let secret = text("secret")?;
    let offered = text("offered")?;
    Ok(Enrollment {
        person: PersonId(row.try_get("person")?),
        enrolled_at: secret.is_some().then(|| moment(row, "enrolled_at")).transpose()?,
        offered: offered.map(|sealed| moment(row, "offered_at").map(|at| (sealed, at))).transpose()?,
        secret,
        tries: u32::try_from(number(row, "tries")?).unwrap_or(u32::MAX),
        tries_since: moment(row, "tries_since")?,
        locks: u32::try_from(number(row, "locks")?).unwrap_or(u32::MAX),
        last_key: row.try_get("last_key")?,
    })
}
