//! What `doctor` looks at and a rotation does not: refs, the flags of variables, webhooks, the host's clock. Reads only.

use super::{Client, Result, none_if};
use crate::http::{Call, segment};
use jiff::Timestamp;
use serde::Deserialize;

/// A branch or tag.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct GitRef {
    /// Its name.
    pub name: String,
    /// Jobs on it see protected variables.
    #[serde(default)]
    pub protected: bool,
    /// Whether we may push to it, which a protected one also asks of those who run pipelines; of tags unknown.
    #[serde(default)]
    pub can_push: Option<bool>,
}

/// Where something is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// A project, by full path.
    Project(&'a str),
    /// A group, by full path.
    Group(&'a str),
    /// The whole instance.
    Instance,
}

/// What a CI/CD variable is besides its value, which is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct VariableFlags {
    /// Only jobs on protected refs see it.
    #[serde(default)]
    pub protected: bool,
    /// Job logs do not show it.
    #[serde(default)]
    pub masked: bool,
}

/// A webhook.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Hook {
    /// Where it goes.
    pub url: String,
    /// Tells of pipelines.
    #[serde(default)]
    pub pipeline_events: bool,
    /// Tells of jobs.
    #[serde(default)]
    pub job_events: bool,
    /// `executable` unless GitLab switched it off.
    #[serde(default)]
    pub alert_status: Option<String>,
}

/// A variable in a list; its value is not kept.
#[derive(Deserialize)]
struct Variable {
    key: String,
    #[serde(default = "everywhere")]
    environment_scope: String,
}

fn everywhere() -> String {
    "*".to_owned()
}

impl Place<'_> {
    pub(super) fn path(self) -> String {
        match self {
            Self::Project(path) => format!("/projects/{}", segment(path)),
            Self::Group(path) => format!("/groups/{}", segment(path)),
            Self::Instance => "/admin/ci".to_owned(),
        }
    }

    /// The same by number.
    pub(super) fn by_number(self, number: u64) -> String {
        match self {
            Self::Project(_) => format!("/projects/{number}"),
            Self::Group(_) => format!("/groups/{number}"),
            Self::Instance => self.path(),
        }
    }
}

impl Client {
    /// A branch or, if there is none of that name, a tag.
    pub async fn git_ref(&self, project: &str, name: &str) -> Result<Option<GitRef>> {
        for kind in ["branches", "tags"] {
            let path = format!("/projects/{}/repository/{kind}/{}", segment(project), segment(name));
            if let Some(found) = self.if_there(self.get(Call::get(path)).await).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The flags of one variable; `None` if there is no such variable that we can see.
    pub async fn variable_flags(&self, place: Place<'_>, key: &str, scope: &str) -> Result<Option<VariableFlags>> {
        let call = Call::get(format!("{}/variables/{}", place.path(), segment(key)));
        let call = match place {
            Place::Instance => call,
            _ => call.query("filter[environment_scope]", scope),
        };
        none_if(&[403, 404, 409], self.get(call).await)
    }

    /// The environment scopes for which a place has a variable of that key; `None` if we may not see its variables.
    pub async fn scopes_of_variable(&self, place: Place<'_>, key: &str) -> Result<Option<Vec<String>>> {
        self.scopes(Call::get(format!("{}/variables", place.path())), key).await
    }

    /// The same, asked once, for what only warns: also `None` if nothing answers.
    pub async fn scopes_if_answered(&self, place: Place<'_>, key: &str) -> Result<Option<Vec<String>>> {
        match self.scopes(Call::get(format!("{}/variables", place.path())).once(), key).await {
            Err(error) if error.status().is_none() => Ok(None),
            scopes => scopes,
        }
    }

    async fn scopes(&self, list: Call<'static>, key: &str) -> Result<Option<Vec<String>>> {
        let listed = self.all(|| list.clone().unauthorized_is_an_answer()).await;
        let named = |variables: Vec<Variable>| variables.into_iter().filter(|variable| variable.key == key);
        Ok(none_if(&[401, 403, 404], listed)?
            .map(|all| named(all).map(|variable| variable.environment_scope).collect()))
    }

    /// The webhooks of a project or group; `None` if we may not see them.
    pub async fn hooks(&self, place: Place<'_>) -> Result<Option<Vec<Hook>>> {
        let path = format!("{}/hooks", place.path());
        none_if(&[401, 403, 404], self.all(|| Call::get(path.clone()).unauthorized_is_an_answer()).await)
    }

    /// What time it is over there, to the second.
    pub async fn clock(&self) -> Result<Option<Timestamp>> {
        let reply = self.api.call(&Call::get("/user")).await?;
        let date = reply.header("date").and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        Ok(date.map(|date| date.timestamp()))
    }
}
