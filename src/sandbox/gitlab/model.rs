//! What the instance knows, thing by thing: data alone, so that the endpoints below may all speak of it.

use super::people::Place;
use super::plan::JobPlan;
use crate::secret::Digest;
use jiff::{Timestamp, civil::Date};
use serde_json::Value;

/// One event for one webhook.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Delivery {
    /// Stable over retries: the idempotency key.
    pub id: String,
    /// The webhook.
    pub hook: u64,
    /// Where it goes.
    pub url: String,
    /// The event as the header names it.
    pub event: &'static str,
    /// The exact bytes that are signed.
    pub body: String,
    /// The HTTP status that came back; `None` before it was sent or when nobody answered.
    pub status: Option<u16>,
    /// All headers, signature included.
    #[serde(skip)]
    pub headers: Vec<(&'static str, String)>,
}

/// A webhook of a project or group.
#[derive(Clone)]
pub struct Hook {
    /// GitLab's number.
    pub id: u64,
    /// Whose events it gets; a group's includes those of its projects.
    pub place: Place,
    /// Where they go.
    pub url: String,
    /// The secret token.
    pub token: Option<String>,
    /// The signing token, `whsec_` and base64.
    pub signing_token: Option<String>,
    /// The events it wants: `pipeline`, `job`, `note`, `confidential_note`, `resource_access_token`.
    pub events: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An issue.
#[derive(Clone, Debug)]
pub struct Issue {
    /// Number across the instance.
    pub id: u64,
    /// Number within the project.
    pub iid: u64,
    /// Its project.
    pub project: u64,
    /// Its title.
    pub title: String,
    /// Its description, in Markdown.
    pub description: String,
    /// Its labels.
    pub labels: Vec<String>,
    /// Open or closed.
    pub open: bool,
    /// Who wrote it.
    pub author: u64,
    /// Who is to act.
    pub assignees: Vec<u64>,
    /// By when.
    pub due_date: Option<Date>,
    /// Hidden from guests.
    pub confidential: bool,
    /// `issue`, `incident`, ...
    pub issue_type: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
}

/// A comment.
#[derive(Clone, Debug)]
pub struct Note {
    /// GitLab's number, above 2^31.
    pub id: u64,
    /// The issue, by its number across the instance.
    pub issue: u64,
    /// Its text, in Markdown.
    pub body: String,
    /// Who wrote it.
    pub author: u64,
    /// Hidden from guests.
    pub internal: bool,
    /// Written by GitLab itself.
    pub system: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last edited or got a reaction.
    pub updated_at: Timestamp,
    /// What people made of it, oldest first.
    pub reactions: Vec<Reaction>,
}

/// A reaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// GitLab's number.
    pub id: u64,
    /// Whose.
    pub user: u64,
    /// Its name, without colons.
    pub name: String,
}

/// A pipeline.
#[derive(Clone)]
pub struct Pipeline {
    /// GitLab's number, above 2^31.
    pub id: u64,
    /// Number within the project.
    pub iid: u64,
    /// Its project.
    pub project: u64,
    /// Branch or tag.
    pub git_ref: String,
    /// `api`, `schedule`, ...
    pub source: String,
    /// Who started it.
    pub user: u64,
    /// GitLab's word for its state.
    pub status: &'static str,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When its first job started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Pipeline variables.
    pub variables: Vec<(String, String)>,
    /// The schedule that started it.
    pub schedule: Option<u64>,
    /// The job that started it.
    pub parent: Option<u64>,
    /// The commit.
    pub sha: String,
}

/// A job.
#[derive(Clone)]
pub struct Job {
    /// GitLab's number, above 2^31.
    pub id: u64,
    /// Its pipeline.
    pub pipeline: u64,
    /// What it does.
    pub plan: JobPlan,
    /// GitLab's word for its state.
    pub status: &'static str,
    /// A later job took its place.
    pub retried: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When a runner picked it up.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Why it failed.
    pub failure_reason: Option<&'static str>,
    /// What it printed.
    pub log: String,
    /// Who started it.
    pub user: u64,
    /// Variables given when it was played.
    pub variables: Vec<(String, String)>,
    /// The token value the runner read when it picked the job up.
    pub(super) picked: Option<String>,
}

/// A pipeline schedule.
pub(super) struct Schedule {
    pub id: u64,
    pub project: u64,
    pub owner: u64,
    pub git_ref: String,
    pub description: String,
    pub variables: Vec<(String, String)>,
    pub created_at: Timestamp,
}

/// A secure file.
pub(super) struct SecureFile {
    pub(super) id: u64,
    pub(super) project: u64,
    pub(super) name: String,
    pub(super) content: String,
    pub(super) created_at: Timestamp,
}

/// An access token of any sort.
#[derive(Clone, Debug)]
pub struct Token {
    /// GitLab's number.
    pub id: u64,
    /// Whose it is.
    pub user: u64,
    /// Its name, not unique.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Unusable from 00:00 UTC of this date.
    pub expires_at: Option<Date>,
    /// Revoked by somebody.
    pub revoked: bool,
    /// Last use, as coarse as the settings say.
    pub last_used_at: Option<Timestamp>,
    /// Up to five addresses it was used from, newest last.
    pub last_used_ips: Vec<String>,
    /// By which its value is recognised.
    pub digest: Digest,
    /// Tokens that came from one another by rotate share this number.
    pub family: u64,
    /// Carries fine-grained permissions.
    pub granular: bool,
    /// Which, an entry for each project or group.
    pub grants: Vec<Value>,
}

/// A CI/CD variable of a project, a group or the instance.
#[derive(Clone)]
pub struct Variable {
    /// Whose it is.
    pub place: Place,
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
    /// `env_var` or `file`.
    pub variable_type: String,
    /// Visible on protected refs only.
    pub protected: bool,
    /// Masked in logs.
    pub masked: bool,
    /// Never shown again.
    pub hidden: bool,
    /// Not expanded.
    pub raw: bool,
    /// Environments it is for; `*` for all.
    pub environment_scope: String,
    /// Its description.
    pub description: Option<String>,
}

impl Issue {
    /// Closes it or opens it again.
    pub(super) fn set_open(&mut self, open: bool, now: Timestamp) {
        self.open = open;
        self.closed_at = (!open).then_some(now);
    }
}
