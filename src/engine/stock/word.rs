//! `rekey serve --adopt`: whether a database really is of a version that sealed nothing. Whoever can write it can take its
//! seals away, so it is not asked alone.

use super::WAY_OUT;
use crate::engine::issue::head_of;
use crate::engine::{Engine, EngineError};
use crate::ledger::{Head, Kind};

impl Engine {
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
