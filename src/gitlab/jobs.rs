//! Finding the job that the configuration names: in the pipeline itself, in pipelines that it starts, and as the copies
//! that `parallel` and `matrix` make of it. A job that GitLab runs again has a new number and the same name.

use super::pipelines::{Job, Status};
use super::{Client, Result, none_if};
use crate::http::{Call, segment};
use futures::future::BoxFuture;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Pipelines that are looked into for one job: enough for any nesting that GitLab allows.
const MOST_PIPELINES: usize = 50;

/// What a pipeline and those that it started hold of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sighting {
    /// The jobs of that name, of each only the newest.
    pub jobs: Vec<Found>,
    /// Jobs before it that wait for a person.
    pub gates: Vec<String>,
    /// A pipeline that it, or another copy of it, may be in has yet to start.
    pub more_to_come: bool,
    /// What should have started a pipeline with another copy of it, and has not, or none that we may see.
    pub missing: Vec<String>,
    /// Pipelines that were started in projects that we may not see.
    pub unseen: usize,
}

/// A job, and the project that it runs in, as its number or path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub project: String,
    /// What.
    pub job: Job,
}

/// A job that starts another pipeline.
#[derive(Deserialize)]
struct Bridge {
    #[serde(default)]
    name: String,
    status: Status,
    #[serde(default)]
    downstream_pipeline: Option<Downstream>,
}

#[derive(Deserialize)]
struct Downstream {
    id: u64,
    #[serde(default)]
    project_id: Option<u64>,
}

#[derive(Deserialize)]
struct Listed {
    id: u64,
}

/// Whether a job of that name is meant: it itself, or one of the copies that `parallel` makes of it.
pub fn is_named(name: &str, wanted: &str) -> bool {
    name == wanted || name.strip_prefix(wanted).is_some_and(is_copy)
}

/// ` 2/3` or `: [aws, eu]`.
fn is_copy(rest: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let counted = |text: &str| text.split_once('/').is_some_and(|(at, of)| number(at) && number(of));
    rest.strip_prefix(' ').is_some_and(counted)
        || rest.strip_prefix(": [").and_then(|rest| rest.strip_suffix(']')).is_some_and(|inner| !inner.is_empty())
}

/// The name without what tells copies apart.
fn stem(name: &str) -> &str {
    let before = [name.rsplit_once(' ').map(|split| split.0), name.split_once(": [").map(|split| split.0)];
    before.into_iter().flatten().find(|stem| is_named(name, stem)).unwrap_or(name)
}

/// A search through a pipeline and those below it.
struct Search<'a> {
    name: &'a str,
    /// Pipelines that may still be looked into.
    left: usize,
    seen: Sighting,
}

/// Of several jobs those that are meant: the one of exactly that name, else all its copies.
fn meant(jobs: Vec<Job>, wanted: &str) -> Vec<Job> {
    let exactly = jobs.iter().any(|job| job.name == wanted);
    let named = jobs.into_iter().filter(|job| if exactly { job.name == wanted } else { is_named(&job.name, wanted) });
    named.collect()
}

impl Client {
    /// The jobs of that name in a pipeline or, if there are none, in those that it started.
    pub async fn find_jobs(&self, project: &str, pipeline: u64, name: &str) -> Result<Sighting> {
        let mut search = Search { name, left: MOST_PIPELINES, seen: Sighting::default() };
        self.search(&mut search, project.to_owned(), pipeline).await?;
        Ok(search.seen)
    }

    /// Whether there are any in that pipeline or below it.
    fn search<'a>(&'a self, search: &'a mut Search<'_>, project: String, pipeline: u64) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            if search.left == 0 {
                return Ok(false);
            }
            search.left -= 1;
            let Some(jobs) = none_if(&[403, 404], self.jobs(&project, pipeline).await)? else {
                search.seen.unseen += 1;
                return Ok(false);
            };
            let gates = jobs.iter().filter(|job| job.status == Status::Manual && !is_named(&job.name, search.name));
            search.seen.gates.extend(gates.map(|job| job.name.clone()));
            let here = meant(jobs, search.name);
            if !here.is_empty() {
                search.seen.jobs.extend(here.into_iter().map(|job| Found { project: project.clone(), job }));
                return Ok(true);
            }
            let mut alike: BTreeMap<String, Vec<Bridge>> = BTreeMap::new();
            for bridge in self.bridges(&project, pipeline).await? {
                alike.entry(stem(&bridge.name).to_owned()).or_default().push(bridge);
            }
            for bridges in alike.into_values() {
                if self.search_below(search, (&project, pipeline), bridges).await? {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    /// The same in the pipelines that these bridges started, which are copies of each other: if one of them leads to the
    /// job, each must.
    async fn search_below(
        &self,
        search: &mut Search<'_>,
        (project, pipeline): (&str, u64),
        bridges: Vec<Bridge>,
    ) -> Result<bool> {
        let (before, mut found, mut missing) = (std::mem::take(&mut search.seen.more_to_come), false, Vec::new());
        for bridge in bridges {
            search.seen.gates.extend((bridge.status == Status::Manual).then(|| bridge.name.clone()));
            let started = match bridge.downstream_pipeline {
                Some(next) => vec![(next.project_id.map_or_else(|| project.to_owned(), |id| id.to_string()), next.id)],
                None if bridge.status == Status::Success => self.children_after(project, pipeline).await?,
                None => Vec::new(),
            };
            let (unseen, none) = (search.seen.unseen, started.is_empty());
            for (project, pipeline) in started {
                found |= self.search(search, project, pipeline).await?;
            }
            search.seen.more_to_come |= none && !bridge.status.is_final();
            if (none && bridge.status.is_final()) || search.seen.unseen > unseen {
                missing.push(bridge.name);
            }
        }
        match found {
            true => search.seen.missing = missing,
            false => search.seen.more_to_come |= before,
        }
        Ok(found)
    }

    /// The jobs of that name in one pipeline, of each copy only the newest.
    pub async fn copies(&self, project: &str, pipeline: u64, name: &str) -> Result<Vec<Job>> {
        Ok(meant(self.jobs(project, pipeline).await?, name))
    }

    /// The newest job of that name on a ref that passed or failed, looked for in the latest few hundred.
    pub async fn latest_finished_job(&self, project: &str, git_ref: &str, name: &str) -> Result<Option<Job>> {
        let (mut found, mut pages) = (None, 0);
        let path = format!("/projects/{}/jobs", segment(project));
        let list = || Call::get(path.clone()).query("scope[]", "success").query("scope[]", "failed");
        self.pages(list, |page: Vec<Job>| {
            pages += 1;
            found = page.into_iter().find(|job| is_named(&job.name, name) && job.git_ref.as_deref() == Some(git_ref));
            found.is_none() && pages < 5
        })
        .await?;
        Ok(found)
    }

    /// A job, or the one that GitLab started in its place: the newest of the same name in its pipeline.
    pub async fn newest_run(&self, project: &str, id: u64) -> Result<Option<Job>> {
        let Some(job) = self.job(project, id).await? else { return Ok(None) };
        let Some(pipeline) = job.pipeline.filter(|_| job.status.is_final() && job.status != Status::Success) else {
            return Ok(Some(job));
        };
        let jobs = self.jobs(project, pipeline.id).await?;
        let again = jobs.into_iter().filter(|other| other.name == job.name && other.id > job.id);
        Ok(Some(again.max_by_key(|job| job.id).unwrap_or(job)))
    }

    async fn bridges(&self, project: &str, pipeline: u64) -> Result<Vec<Bridge>> {
        let path = format!("/projects/{}/pipelines/{pipeline}/bridges", segment(project));
        Ok(none_if(&[403, 404], self.all(|| Call::get(path.clone())).await)?.unwrap_or_default())
    }

    /// Child pipelines that are younger than a pipeline, for a bridge that does not name its own.
    async fn children_after(&self, project: &str, pipeline: u64) -> Result<Vec<(String, u64)>> {
        let call = Call::get(format!("/projects/{}/pipelines", segment(project)))
            .query("source", "parent_pipeline")
            .query("order_by", "id")
            .query("sort", "desc")
            .query("per_page", 20);
        let listed: Vec<Listed> = self.get(call).await?;
        Ok(listed.iter().filter(|child| child.id > pipeline).map(|child| (project.to_owned(), child.id)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_a_job_are_it_and_jobs_that_only_begin_alike_are_not() {
        for name in ["deploy", "deploy 1/3", "deploy 12/30", "deploy: [aws, eu-west-1]", "deploy: [a]"] {
            assert!(is_named(name, "deploy"), "{name}");
        }
        for name in ["deploy-all", "deploy: all", "deploy 1", "deploy 1/", "deploy: []", "redeploy", "deploy 1/3 x"] {
            assert!(!is_named(name, "deploy"), "{name}");
        }
        for name in ["deploy", "deploy 1/3", "deploy: [aws, eu-west-1]"] {
            assert_eq!(stem(name), "deploy", "{name}");
        }
        assert_eq!((stem("deploy all"), stem("deploy: all")), ("deploy all", "deploy: all"));
        assert!(is_named("deploy: [aws]", "deploy: [aws]") && !is_named("deploy: [aws]", "deploy: [gcp]"));
    }
}
