//! Tokens near expiry that nobody manages: named once, in one issue, so that none is lost.

use crate::engine::{Engine, EngineError};
use crate::gitlab::{IssueChange, IssueQuery, NewIssue};
use crate::rotation::token::{LiveToken, Owner};
use crate::rotation::view::issue::markdown::{code, plain};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// What the text of a list begins with.
const MARK: &str = "<!-- rekey:unmanaged:";

/// What is said under a list that was public.
const HIDDEN: &str =
    "Somebody had made this issue public. It is confidential again; what stands here may have been read.";

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

    /// A list that somebody made public is confidential again, and says so. What was not mended is tried by the next scan;
    /// nothing is ever added to a list, so nothing more gets out.
    pub(super) async fn hide_digests(&self) -> Result<(), EngineError> {
        let Some(project) = &self.settings.issues_project else { return Ok(()) };
        let me = self.gitlab.account().await?.id;
        let query = IssueQuery { labels: self.settings.labels.clone(), author_id: Some(me), ..IssueQuery::default() };
        let lists = self.gitlab.issues(project, &query).await?;
        for list in lists.iter().filter(|issue| !issue.confidential && issue.description.starts_with(MARK)) {
            let hide = IssueChange { confidential: Some(true), ..IssueChange::default() };
            match self.gitlab.update_issue(project, list.iid, &hide).await {
                Ok(hidden) if hidden.confidential => {
                    tracing::warn!(issue = list.web_url, "a list of tokens was public; it is confidential again");
                    self.gitlab.create_note(project, list.iid, HIDDEN).await?;
                }
                Ok(_) => tracing::error!(issue = list.web_url, "a list of tokens is public and stays so"),
                Err(error) => tracing::error!(%error, issue = list.web_url, "a list of tokens is public and stays so"),
            }
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
    format!("{MARK}{} -->", hex::encode(hasher.finalize()))
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
