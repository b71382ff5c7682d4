//! Issues and comments: the record that people find in GitLab. Nothing here can be searched by GitLab's full text
//! index (it drops HTML comments), so our own are found by label, author and time, and told apart by their marker.

use super::wire::moment;
use super::{Client, Result};
use crate::http::{Call, segment};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

/// An issue as GitLab describes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Issue {
    /// Its number in the project.
    pub iid: u64,
    /// Its page.
    #[serde(default)]
    pub web_url: String,
    /// Its title.
    #[serde(default)]
    pub title: String,
    /// Its text, with our marker.
    #[serde(default, deserialize_with = "or_empty")]
    pub description: String,
    /// `opened` or `closed`.
    #[serde(default)]
    pub state: String,
    /// Who opened it.
    #[serde(default)]
    pub author: Author,
    /// When it was last changed or commented on.
    #[serde(default, deserialize_with = "moment")]
    pub updated_at: Option<Timestamp>,
    /// Whether only members of the project see it.
    #[serde(default)]
    pub confidential: bool,
}

/// An issue to be opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NewIssue {
    /// What a person reads in a list.
    pub title: String,
    /// The text, with our marker.
    pub description: String,
    /// Labels; one of them is ours.
    #[serde(serialize_with = "comma_separated")]
    pub labels: Vec<String>,
    /// Numbers of the users who must act.
    pub assignee_ids: Vec<u64>,
    /// The day on which the token expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_date: Option<Date>,
    /// Seen only by members of the project from Planner up.
    pub confidential: bool,
}

/// What changes on an issue; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IssueChange {
    /// Another title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Another text, whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Labels to add, separated by commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add_labels: Option<String>,
    /// Labels to take away, separated by commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove_labels: Option<String>,
    /// Another day due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_date: Option<Date>,
    /// Other assignees, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignee_ids: Option<Vec<u64>>,
    /// Hide it from everybody but members of the project, or show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidential: Option<bool>,
    /// `close` or `reopen`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_event: Option<&'static str>,
}

/// By what our own issues are found again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IssueQuery {
    /// Labels that it carries, all of them.
    pub labels: Vec<String>,
    /// Who opened it.
    pub author_id: Option<u64>,
    /// Opened after that moment.
    pub created_after: Option<Timestamp>,
    /// Changed or commented on after that moment.
    pub updated_after: Option<Timestamp>,
}

/// A comment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Note {
    /// Its number.
    pub id: u64,
    /// Its text.
    #[serde(default, deserialize_with = "or_empty")]
    pub body: String,
    /// Written by GitLab itself.
    #[serde(default)]
    pub system: bool,
    /// Hidden from guests of the project.
    #[serde(default)]
    pub internal: bool,
    /// Who wrote it.
    pub author: Author,
    /// When.
    #[serde(default, deserialize_with = "moment")]
    pub created_at: Option<Timestamp>,
    /// When it was last edited or got a reaction; as `created_at` if never.
    #[serde(default, deserialize_with = "moment")]
    pub updated_at: Option<Timestamp>,
}

/// Who wrote something, as they are now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Author {
    /// Number of the user.
    pub id: u64,
    /// Login.
    #[serde(default)]
    pub username: String,
    /// `active`, or `blocked` and the like.
    #[serde(default)]
    pub state: String,
}

#[derive(Serialize)]
struct NewNote<'a> {
    body: &'a str,
}

impl Client {
    /// Opens an issue. On an unknown outcome look for its marker by [`Client::issues`] first.
    pub async fn create_issue(&self, project: &str, issue: &NewIssue) -> Result<Issue> {
        self.send(Call::post(issues(project)).json(issue)).await
    }

    /// Changes an issue; repeating the same change is harmless.
    pub async fn update_issue(&self, project: &str, iid: u64, change: &IssueChange) -> Result<Issue> {
        self.send(Call::put(format!("{}/{iid}", issues(project))).json(change)).await
    }

    /// One issue; `None` if it was deleted or moved out of sight.
    pub async fn issue(&self, project: &str, iid: u64) -> Result<Option<Issue>> {
        self.if_there(self.get(Call::get(format!("{}/{iid}", issues(project)))).await).await
    }

    /// The issues that fit, open and closed, the newest first.
    pub async fn issues(&self, project: &str, query: &IssueQuery) -> Result<Vec<Issue>> {
        let labels = (!query.labels.is_empty()).then(|| query.labels.join(","));
        self.all(|| {
            Call::get(issues(project))
                .query("state", "all")
                .query("scope", "all")
                .maybe("labels", labels.as_ref())
                .maybe("author_id", query.author_id)
                .maybe("created_after", query.created_after)
                .maybe("updated_after", query.updated_after)
        })
        .await
    }

    /// Comments on an issue. On an unknown outcome look for its marker by [`Client::notes`] first.
    pub async fn create_note(&self, project: &str, iid: u64, body: &str) -> Result<Note> {
        self.send(Call::post(notes(project, iid)).json(&NewNote { body })).await
    }

    /// All comments on an issue, the newest first.
    pub async fn notes(&self, project: &str, iid: u64) -> Result<Vec<Note>> {
        self.all(newest_first(project, iid)).await
    }

    /// Comments written since a moment, the newest first.
    pub async fn notes_since(&self, project: &str, iid: u64, since: Timestamp) -> Result<Vec<Note>> {
        let mut found = Vec::new();
        self.pages(newest_first(project, iid), |page: Vec<Note>| {
            let (before, all) = (found.len(), page.len());
            found.extend(page.into_iter().filter(|note| note.created_at.is_none_or(|at| at >= since)));
            found.len() - before == all
        })
        .await?;
        Ok(found)
    }

    /// One comment; `None` if there is none on that issue.
    pub async fn note(&self, project: &str, iid: u64, note: u64) -> Result<Option<Note>> {
        self.if_there(self.get(Call::get(format!("{}/{note}", notes(project, iid)))).await).await
    }

    /// Reacts to a comment; an error may mean that we did so before.
    pub async fn react(&self, project: &str, iid: u64, note: u64, emoji: &str) -> Result<()> {
        let at = format!("{}/{note}/award_emoji", notes(project, iid));
        self.api.call(&Call::post(at).json(&serde_json::json!({ "name": emoji }))).await.map(drop)
    }
}

fn newest_first(project: &str, iid: u64) -> impl Fn() -> Call<'static> {
    let at = notes(project, iid);
    move || Call::get(at.clone()).query("sort", "desc").query("order_by", "created_at")
}

fn issues(project: &str) -> String {
    format!("/projects/{}/issues", segment(project))
}

fn notes(project: &str, iid: u64) -> String {
    format!("{}/{iid}/notes", issues(project))
}

fn comma_separated<S: serde::Serializer>(labels: &[String], to: S) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_str(&labels.join(","))
}

fn or_empty<'de, D: serde::Deserializer<'de>>(from: D) -> std::result::Result<String, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}
