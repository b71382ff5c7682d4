//! What `list` shows: every managed token with what GitLab says of it and where its rotation stands.

use super::{Engine, EngineError};
use crate::gitlab::TokenFilter;
use crate::http::CallError;
use crate::ledger::Filter;
use crate::rotation::ids::TokenName;
use crate::rotation::record::Rotation;
use crate::rotation::token::{LiveToken, ManagedToken, Owner};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Owners looked up at once.
const IN_FLIGHT: usize = 8;

/// One managed token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenLine {
    /// Its `id` in the configuration.
    pub token: TokenName,
    /// Whose it is.
    pub owner: String,
    /// Its name in GitLab.
    pub name: String,
    /// GitLab's number.
    pub id: Option<u64>,
    /// What it may do.
    pub scopes: Vec<String>,
    /// The UTC date from which it is unusable.
    pub expires_at: Option<Date>,
    /// Whole days until then; negative afterwards.
    pub days_left: Option<i32>,
    /// Last use.
    pub last_used_at: Option<Timestamp>,
    /// The open rotation, if there is one.
    pub rotation: Option<String>,
    /// Where it stands, or `ok`, `near`, `expired`, `missing`, `dead`, `ambiguous`, `out of reach`, `refused`, `unreachable`.
    pub state: String,
    /// Why GitLab's part is missing.
    pub problem: Option<String>,
}

/// The tokens of an owner.
enum Listed {
    /// All of them, dead ones too.
    All(Vec<LiveToken>),
    /// GitLab shows them to nobody but themselves.
    Hidden,
    /// GitLab did not answer.
    Not(CallError),
}

impl Engine {
    /// All managed tokens, the most urgent first. A part of GitLab that does not answer is said, not hidden.
    pub async fn overview(&self) -> Result<Vec<TokenLine>, EngineError> {
        let filter = Filter { open_only: true, token: None, limit: u32::MAX };
        let open = self.ledger.list(filter).await?;
        let open: BTreeMap<&TokenName, &Rotation> = open.iter().map(|r| (&r.plan.token, r)).collect();
        let owners: BTreeSet<Owner> = self.catalog.tokens.values().map(|managed| managed.owner.clone()).collect();
        let mut lists = stream::iter(owners).map(|owner| self.looked_up(owner)).buffer_unordered(IN_FLIGHT);
        let mut lines = Vec::new();
        while let Some((owner, listed)) = lists.next().await {
            for managed in self.catalog.tokens.values().filter(|managed| managed.owner == owner) {
                let live = match &listed {
                    Listed::All(tokens) => self.meant_among(managed, tokens.clone()).await,
                    Listed::Hidden => self.live_token(managed).await,
                    Listed::Not(error) => Err(error.clone().into()),
                };
                lines.push(self.token_line(managed, live, open.get(&managed.id).copied()));
            }
        }
        lines.sort_by_key(|line| (line.days_left.is_none(), line.days_left, line.token.clone()));
        Ok(lines)
    }

    /// One list serves all managed tokens of an owner.
    async fn looked_up(&self, owner: Owner) -> (Owner, Listed) {
        let listed = match self.may_look_up(&owner).await {
            Ok(true) => self.gitlab.list(&owner, &TokenFilter::default()).await.map_or_else(Listed::Not, Listed::All),
            Ok(false) => Listed::Hidden,
            Err(error) => Listed::Not(error),
        };
        (owner, listed)
    }

    fn token_line(
        &self,
        managed: &ManagedToken,
        live: Result<LiveToken, EngineError>,
        rotation: Option<&Rotation>,
    ) -> TokenLine {
        let mut line = TokenLine {
            token: managed.id.clone(),
            owner: managed.owner.to_string(),
            name: managed.name.clone(),
            id: None,
            scopes: Vec::new(),
            expires_at: None,
            days_left: None,
            last_used_at: None,
            rotation: rotation.map(|rotation| rotation.id.0.clone()),
            state: "ok".into(),
            problem: None,
        };
        match live {
            Ok(live) => self.fill(&mut line, managed, &live),
            Err(error) => {
                line.state = match &error {
                    EngineError::Amiss { state, .. } => state,
                    EngineError::Broken(_) => "out of reach",
                    EngineError::Denied { .. } | EngineError::Locked { .. } => "refused",
                    _ => "unreachable",
                }
                .into();
                line.problem = Some(error.to_string());
            }
        }
        if let Some(rotation) = rotation {
            line.state = rotation.phase.name().into();
        }
        line
    }

    fn fill(&self, line: &mut TokenLine, managed: &ManagedToken, live: &LiveToken) {
        line.id = Some(live.id.0);
        line.scopes = live.scopes.iter().cloned().collect();
        line.expires_at = live.expires_at;
        line.days_left = self.days_left(live);
        line.last_used_at = live.last_used_at;
        if line.days_left.is_some_and(|days| days <= 0) {
            line.state = "expired".into();
        } else if self.is_near(managed, live) {
            line.state = "near".into();
        }
    }
}
