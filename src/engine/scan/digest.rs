//! Tokens near expiry that nobody manages: named once, in one issue, so that none is lost.

use crate::engine::{Engine, EngineError};
use crate::gitlab::{IssueQuery, NewIssue};
use crate::rotation::token::{LiveToken, Owner};
use crate::rotation::view::issue::markdown::{code, plain};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// Tokens that one issue names.
const MOST_ROWS: usize = 1_000;

impl Engine {
    /// Opens an issue that lists those not listed before. A crash on the way repeats it, the marker spares a second.
    pub async fn tell_unmanaged(&self, unmanaged: &[(Option<Owner>, LiveToken)]) -> Result<(), EngineError> {
        let mut fresh = Vec::new();
        for (owner, token) in unmanaged {
            if !self.ledger.was_told(&key(self.gitlab.host(), token)).await? {
                fresh.push((owner, token));
            }
        }
        let Some(project) = self.settings.issues_project.as_ref().filter(|_| !fresh.is_empty()) else {
            return Ok(());
        };
        fresh.sort_by_key(|(_, token)| (token.expires_at, token.id));
        // The rest is named by the next scan; GitLab takes a mebibyte.
        fresh.truncate(MOST_ROWS);
        self.write_digest(project, &fresh).await?;
        for (_, token) in &fresh {
            self.ledger.first_time(&key(self.gitlab.host(), token), self.clock.now()).await?;
        }
        Ok(())
    }

    async fn write_digest(&self, project: &str, fresh: &[(&Option<Owner>, &LiveToken)]) -> Result<(), EngineError> {
        let marker = marker(fresh);
        let me = self.gitlab.me().await?.user_id;
        let query = IssueQuery { labels: self.settings.labels.clone(), author_id: Some(me), ..IssueQuery::default() };
        let known = self.gitlab.issues(project, &query).await?;
        if known.iter().any(|issue| issue.description.contains(&marker)) {
            return Ok(());
        }
        let issue = NewIssue {
            title: title(fresh.len()),
            description: text(&marker, fresh),
            labels: self.settings.labels.clone(),
            assignee_ids: Vec::new(),
            due_date: fresh.first().and_then(|(_, token)| token.expires_at),
            confidential: true,
        };
        self.gitlab.create_issue(project, &issue).await?;
        Ok(())
    }
}

fn title(many: usize) -> String {
    match many {
        1 => "One access token near expiry that rekey does not manage".into(),
        many => format!("{many} access tokens near expiry that rekey does not manage"),
    }
}

fn key(host: &str, token: &LiveToken) -> String {
    let expiry = token.expires_at.map_or_else(|| "never".into(), |date| date.to_string());
    format!("unmanaged:{host}/{}/{expiry}", token.id)
}

fn marker(fresh: &[(&Option<Owner>, &LiveToken)]) -> String {
    let mut hasher = Sha256::new();
    for (_, token) in fresh {
        hasher.update(token.id.to_string());
        hasher.update(",");
    }
    format!("<!-- rekey:unmanaged:{} -->", hex::encode(hasher.finalize()))
}

fn text(marker: &str, fresh: &[(&Option<Owner>, &LiveToken)]) -> String {
    let (these, them) = if fresh.len() == 1 { ("this token", "it") } else { ("these tokens", "them") };
    let mut text = format!(
        "{marker}\nNobody has told rekey to look after {these}. Add {them} to the configuration, let {them} expire, or \
         rotate {them} by hand.\n\n| token | name | owner | expires | last used |\n|---|---|---|---|---|\n"
    );
    for (owner, token) in fresh {
        let owner = owner.as_ref().map_or_else(|| format!("user {}", token.user_id), Owner::to_string);
        let expires = token.expires_at.map_or_else(|| "never".into(), |date| date.to_string());
        let used = token.last_used_at.map_or_else(|| "never".into(), |at| at.strftime("%Y-%m-%d").to_string());
        let name = code(&token.name);
        let _ = writeln!(text, "| {} | {name} | {} | {expires} | {used} |", token.id, plain(&owner));
    }
    text
}
