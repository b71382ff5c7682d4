//! Pipeline schedules. GitLab does not say which pipeline comes of a played one.

use super::pipelines::at;
use super::{Client, Pipeline, Result, Started};
use crate::http::Call;
use serde::Deserialize;

/// A pipeline schedule.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Schedule {
    /// Its number.
    pub id: u64,
    /// Its name for people.
    #[serde(default)]
    pub description: Option<String>,
    /// Its branch or tag.
    #[serde(default, rename = "ref")]
    pub git_ref: Option<String>,
    /// Whether it runs by itself.
    #[serde(default)]
    pub active: bool,
    /// The newest pipeline that it started.
    #[serde(default)]
    pub last_pipeline: Option<Started>,
    /// The variables that it sets itself; their values are not kept.
    #[serde(default)]
    pub variables: Vec<Named>,
}

/// A variable by its name alone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Named {
    /// Its key.
    pub key: String,
}

impl Client {
    /// One schedule; `None` if there is none that we can see.
    pub async fn schedule(&self, project: &str, id: u64) -> Result<Option<Schedule>> {
        self.if_there(self.get(Call::get(at(project, &format!("pipeline_schedules/{id}")))).await).await
    }

    /// Plays a schedule. GitLab does not say which pipeline comes of it: look for a newer one than before by
    /// [`Client::schedule_pipelines`].
    pub async fn play_schedule(&self, project: &str, id: u64) -> Result<()> {
        let call = Call::post(at(project, &format!("pipeline_schedules/{id}/play")));
        self.api.call(&call).await.map(drop)
    }

    /// The newest pipelines of a schedule, the newest first.
    pub async fn schedule_pipelines(&self, project: &str, id: u64) -> Result<Vec<Pipeline>> {
        let call = Call::get(at(project, &format!("pipeline_schedules/{id}/pipelines")));
        self.get(call.query("sort", "desc").query("per_page", 20)).await
    }
}
