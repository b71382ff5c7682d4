//! An empty database and tokens that carry our marker: somebody made them, and if it was us, it is not the database that
//! did.

use super::WAY_OUT;
use crate::engine::planner::marker_of;
use crate::engine::{Engine, EngineError};
use crate::gitlab::TokenFilter;
use crate::rotation::token::Owner;
use std::collections::BTreeSet;

impl Engine {
    /// Words, if a managed owner has a live token that an earlier rotation seems to have made.
    pub(super) async fn marked_tokens(&self) -> Result<Option<String>, EngineError> {
        let owners: BTreeSet<&Owner> = self.catalog.tokens.values().map(|managed| &managed.owner).collect();
        let alive = TokenFilter { active: Some(true), ..TokenFilter::default() };
        for owner in owners {
            let tokens = match self.gitlab.list(owner, &alive).await.map_err(EngineError::from) {
                Ok(tokens) => tokens,
                Err(error) if error.is_passing() => return Err(error),
                // Whoever is configured wrongly is told by the scan; the others are looked at.
                Err(error) => {
                    tracing::warn!(%error, %owner, "it was not looked whether earlier rotations made tokens here");
                    continue;
                }
            };
            let marked = tokens.iter().find_map(|token| Some((token.id, marker_of(&token.description)?.0)));
            if let Some((id, marker)) = marked {
                return Ok(Some(format!(
                    "the database is empty, but token {id} of {owner} carries {marker:?}, as tokens do that rekey made, so \
                     it has lost its memory or is another one. {WAY_OUT}"
                )));
            }
        }
        Ok(None)
    }
}
