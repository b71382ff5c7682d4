//! What somebody says who starts the bot. `rekey serve --new`: only of a database that is empty or doubted, so that the
//! word is not said at every start. `rekey serve --adopt`: whether a database really is of a version that sealed nothing. Whoever can write it can take its
//! seals away, so it is not asked alone.

use super::WAY_OUT;
use crate::engine::issue::head_of;
use crate::engine::{Engine, EngineError};
use crate::ledger::{FOUNDED, Head, Kind, Line};

impl Engine {
    /// The error: it is neither.
    pub(super) async fn may_be_new(&self, is_empty: bool) -> Result<(), EngineError> {
        if is_empty || self.ledger.doubt(&[]).await?.is_some() {
            return Ok(());
        }
        Err(EngineError::Broken(
            "--new is for a database that is empty, behind or changed by somebody else, and this one is none of these; start \
             without --new, which would otherwise take up whatever somebody writes there before the next start"
                .into(),
        ))
    }

    /// An empty database is right though we left traces elsewhere: that is said once.
    pub(super) async fn say_it_is_founded(&self) -> Result<(), EngineError> {
        let (at, actor) = (self.clock.now(), self.actor("rekey"));
        let line = Line { at, actor, event: FOUNDED.into(), detail: serde_json::json!({}) };
        Ok(self.ledger.note(None, &line).await?)
    }

    /// The error: it is not adopted.
    pub(super) async fn may_adopt(&self) -> Result<(), EngineError> {
        let issues = self.our_issues(None).await.map_err(|error| {
            EngineError::Broken(format!(
                "before a database is adopted our issues are asked whether it was sealed before, and that cannot be done: \
                 {error}. Start again once it can"
            ))
        })?;
        let heads: Vec<Head> = issues.iter().filter_map(|issue| head_of(&issue.description)).collect();
        let why = match self.ledger.doubt(&heads).await? {
            Some(doubt) if doubt.kind == Kind::Unsealed => return Ok(()),
            Some(doubt) => {
                format!("--adopt is for a database of a version that sealed nothing; {}. {WAY_OUT}", doubt.why)
            }
            None => {
                "--adopt is for the first start after an upgrade, and this database is sealed or empty; start without \
                     --adopt, which would otherwise let in whoever takes its seals away"
                    .into()
            }
        };
        Err(EngineError::Broken(why))
    }
}
