//! Pipelines and jobs: how a new token is proven. A green pipeline proves nothing by itself; what counts
//! is that the named job ran and passed.

use super::wire::moment;
use super::{Client, Result};
use crate::http::{Call, segment};
use jiff::Timestamp;
use serde::Deserialize;

/// How far a pipeline or a job is. What a newer GitLab may add counts as running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It ran and passed.
    Success,
    /// It ran, or could not be run, and did not pass.
    Failed,
    /// Somebody stopped it.
    Canceled,
    /// It was not run.
    Skipped,
    /// It waits for a person.
    Manual,
    /// It waits for others before it.
    Created,
    /// It waits for a runner.
    Pending,
    /// It waits for its resource group.
    WaitingForResource,
    /// It waits for its time.
    Scheduled,
    /// It runs, or is on the way in some other way.
    #[serde(other)]
    OnTheWay,
}

impl Status {
    /// Whether it will not change without a person.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Success | Self::Failed | Self::Canceled | Self::Skipped | Self::Manual)
    }
}

/// A pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Pipeline {
    /// Its number.
    pub id: u64,
    /// How far it is.
    pub status: Status,
    /// What started it: `api`, `schedule`, `push` ...
    #[serde(default)]
    pub source: Option<String>,
    /// Its branch or tag; from schedules written as `refs/heads/main`.
    #[serde(default, rename = "ref")]
    pub git_ref: Option<String>,
    /// Its page.
    #[serde(default)]
    pub web_url: String,
    /// When it was started.
    #[serde(default, deserialize_with = "moment")]
    pub created_at: Option<Timestamp>,
    /// Who started it; lists leave it out.
    #[serde(default)]
    pub user: Option<Starter>,
}

/// The user who started something.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Starter {
    /// Number of the user.
    pub id: u64,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Job {
    /// Its number; a retry gets a new one.
    pub id: u64,
    /// Its name in the pipeline's configuration.
    #[serde(default)]
    pub name: String,
    /// How far it is.
    pub status: Status,
    /// Why it failed, in GitLab's words.
    #[serde(default)]
    pub failure_reason: Option<String>,
    /// A failure that does not turn the pipeline red.
    #[serde(default)]
    pub allow_failure: bool,
    /// Its page.
    #[serde(default)]
    pub web_url: String,
    /// When it was made.
    #[serde(default, deserialize_with = "moment")]
    pub created_at: Option<Timestamp>,
    /// When a runner took it, which is when it got its variables; `None` if none ever did.
    #[serde(default, deserialize_with = "moment")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, deserialize_with = "moment")]
    pub finished_at: Option<Timestamp>,
    /// What a runner must have to take it.
    #[serde(default)]
    pub tag_list: Vec<String>,
    /// Its branch or tag.
    #[serde(default, rename = "ref")]
    pub git_ref: Option<String>,
    /// The pipeline that it belongs to.
    #[serde(default)]
    pub pipeline: Option<Started>,
}

/// A pipeline by its number alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Started {
    /// Its number.
    pub id: u64,
}

/// By what a pipeline that we started is found again after its answer was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartedQuery<'a> {
    /// Branch or tag.
    pub git_ref: &'a str,
    /// What started it: `api` for ours.
    pub source: &'a str,
    /// The newest pipeline before we meant to; ours has a higher number.
    pub after: u64,
    /// The bot's own user.
    pub user_id: u64,
}

impl Client {
    /// Starts a pipeline. On an unknown outcome look for it by [`Client::find_started`] first.
    pub async fn create_pipeline(&self, project: &str, git_ref: &str) -> Result<Pipeline> {
        let body = serde_json::json!({ "ref": git_ref });
        self.send(Call::post(at(project, "pipeline")).json(&body)).await
    }

    /// One pipeline; `None` if it was deleted.
    pub async fn pipeline(&self, project: &str, id: u64) -> Result<Option<Pipeline>> {
        self.if_there(self.get(Call::get(at(project, &format!("pipelines/{id}")))).await).await
    }

    /// The jobs of a pipeline, of each name only the newest.
    pub async fn jobs(&self, project: &str, pipeline: u64) -> Result<Vec<Job>> {
        self.all(|| Call::get(at(project, &format!("pipelines/{pipeline}/jobs")))).await
    }

    /// One job; `None` if it was deleted.
    pub async fn job(&self, project: &str, id: u64) -> Result<Option<Job>> {
        self.if_there(self.get(Call::get(at(project, &format!("jobs/{id}")))).await).await
    }

    /// The last `bytes` of a job's log, as it was written: it may hold secrets, colours and broken characters.
    pub async fn trace_tail(&self, project: &str, job: u64, bytes: usize) -> Result<String> {
        let call = Call::get(at(project, &format!("jobs/{job}/trace"))).keep_tail(bytes);
        let reply = self.api.read(&call).await?;
        Ok(String::from_utf8_lossy(reply.body()).into_owned())
    }

    /// Runs a job again, as a new job in the same pipeline; `Status` 403 if GitLab will not.
    pub async fn retry_job(&self, project: &str, id: u64) -> Result<Job> {
        self.send(Call::post(at(project, &format!("jobs/{id}/retry")))).await
    }

    /// Runs the failed and canceled jobs of a pipeline again. Does nothing to a green one.
    pub async fn retry_pipeline(&self, project: &str, id: u64) -> Result<Pipeline> {
        self.send(Call::post(at(project, &format!("pipelines/{id}/retry")))).await
    }

    /// The number of the newest pipeline of a project, 0 if there is none.
    pub async fn newest_pipeline(&self, project: &str) -> Result<u64> {
        let call = Call::get(at(project, "pipelines")).query("order_by", "id").query("sort", "desc");
        let newest: Vec<Started> = self.get(call.query("per_page", 1)).await?;
        Ok(newest.first().map_or(0, |pipeline| pipeline.id))
    }

    /// The newest pipeline that fits.
    pub async fn find_started(&self, project: &str, query: &StartedQuery<'_>) -> Result<Option<Pipeline>> {
        let call = Call::get(at(project, "pipelines"))
            .query("ref", query.git_ref)
            .query("source", query.source)
            .query("order_by", "id")
            .query("sort", "desc")
            .query("per_page", 20);
        let listed: Vec<Started> = self.get(call).await?;
        for listed in listed.iter().filter(|listed| listed.id > query.after) {
            let found = self.pipeline(project, listed.id).await?;
            if let Some(pipeline) =
                found.filter(|found| found.user.as_ref().is_some_and(|user| user.id == query.user_id))
            {
                return Ok(Some(pipeline));
            }
        }
        Ok(None)
    }

    /// The newest jobs of a project, however far they are, the newest first.
    pub async fn newest_jobs(&self, project: &str, many: u32) -> Result<Vec<Job>> {
        self.get(Call::get(at(project, "jobs")).query("per_page", many)).await
    }
}

pub(super) fn at(project: &str, what: &str) -> String {
    format!("/projects/{}/{what}", segment(project))
}
