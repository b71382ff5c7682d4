//! What the run of a consumer came to: every job that the configuration names ran and passed, one did not, or what it
//! still waits for.

use super::run::Verdict;
use crate::engine::Engine;
use crate::gitlab::{Found, Job, Sighting, Status};
use crate::http::CallError;
use crate::rotation::phase::RunRef;
use crate::rotation::token::Consumer;

impl Engine {
    /// The state of a consumer's run.
    pub(super) async fn verdict(&self, consumer: &Consumer, run: &RunRef) -> Result<Verdict, CallError> {
        let project = &consumer.project;
        let sighting = match run.job {
            Some(id) => self.run_again(consumer, id).await?,
            None => self.gitlab.find_jobs(project, run.pipeline, &consumer.job).await?,
        };
        if sighting.jobs.is_empty() {
            return self.without_job(consumer, run, &sighting).await;
        }
        let Some(Found { project, job: bad }) = sighting.jobs.iter().find(|found| spoils(&found.job)) else {
            return Ok(good(&sighting, consumer, run));
        };
        if bad.status != Status::Failed {
            return Ok(Verdict::Failed { what: in_words(bad), url: Some(bad.web_url.clone()), log: None });
        }
        let red = self.red(project, bad).await?;
        // GitLab may have started it again meanwhile.
        let newest = self.gitlab.newest_run(project, bad.id).await?;
        match newest.filter(|newest| newest.id != bad.id) {
            Some(again) => Ok(Verdict::Running(awaits(&again, &sighting))),
            None => Ok(red),
        }
    }

    /// The job that was run again, and its copies. What passed before the switch proves nothing: copies that were not run
    /// again yet are started here, where it is looked again and again, so none is forgotten.
    async fn run_again(&self, consumer: &Consumer, id: u64) -> Result<Sighting, CallError> {
        let project = &consumer.project;
        let Some(first) = self.gitlab.newest_run(project, id).await? else { return Ok(Sighting::default()) };
        let copies = match &first.pipeline {
            Some(pipeline) if first.name != consumer.job => {
                self.gitlab.copies(project, pipeline.id, &consumer.job).await?
            }
            _ => Vec::new(),
        };
        let others = copies.into_iter().filter(|copy| copy.name != first.name).collect::<Vec<_>>();
        let mut jobs = vec![first];
        for copy in others {
            let has_run = matches!(copy.status, Status::Success | Status::Failed | Status::Canceled);
            jobs.push(if has_run && copy.id < id { self.gitlab.retry_job(project, copy.id).await? } else { copy });
        }
        let found = jobs.into_iter().map(|job| Found { project: project.clone(), job });
        Ok(Sighting { jobs: found.collect(), ..Sighting::default() })
    }

    async fn without_job(&self, consumer: &Consumer, run: &RunRef, seen: &Sighting) -> Result<Verdict, CallError> {
        let pipeline = self.gitlab.pipeline(&consumer.project, run.pipeline).await?;
        let over = pipeline.is_none_or(|pipeline| pipeline.status.is_final());
        if !over || seen.more_to_come {
            let gate = seen.gates.first().map(|gate| format!("job {gate} waits for somebody to start it by hand"));
            let why =
                gate.unwrap_or_else(|| format!("pipeline {} has shown no job {} yet", run.pipeline, consumer.job));
            return Ok(Verdict::Running(why));
        }
        let also = match (seen.unseen, seen.gates.first()) {
            (0, None) => String::new(),
            (0, Some(gate)) => format!(": job {gate} waits for somebody to start it by hand"),
            (unseen, _) => format!("; it started {unseen} in projects that the bot may not see"),
        };
        let what = format!("pipeline {} ended without a job named {}{also}", run.pipeline, consumer.job);
        Ok(Verdict::Failed { what, url: Some(run.url.clone()), log: None })
    }
}

/// Whether it is over and proves nothing.
fn spoils(job: &Job) -> bool {
    match job.status {
        Status::Success => job.started_at.is_none(),
        status => status.is_final(),
    }
}

/// Nothing spoils it: all have passed, or one is on the way.
fn good(sighting: &Sighting, consumer: &Consumer, run: &RunRef) -> Verdict {
    let jobs = || sighting.jobs.iter().map(|found| &found.job);
    if let Some(job) = jobs().find(|job| job.status != Status::Success) {
        return Verdict::Running(awaits(job, sighting));
    }
    if let Some(missing) = sighting.missing.first() {
        let what = format!(
            "{missing} started no pipeline, or none that the bot may see, so that not every copy of {} is proven",
            consumer.job
        );
        return Verdict::Failed { what, url: Some(run.url.clone()), log: None };
    }
    if sighting.more_to_come {
        return Verdict::Running(format!("a pipeline with another copy of {} has yet to start", consumer.job));
    }
    let job = jobs().next();
    let url = job.map_or_else(|| run.url.clone(), |job| job.web_url.clone());
    let copies = u32::try_from(jobs().count()).ok().filter(|copies| *copies > 1);
    Verdict::Passed { run: RunRef { job: job.map(|job| job.id), url, ..run.clone() }, copies }
}

fn in_words(job: &Job) -> String {
    let name = &job.name;
    match job.status {
        Status::Success => format!("job {name} passed without having run, so it proves nothing"),
        Status::Skipped => format!("job {name} was skipped, so it proves nothing"),
        Status::Canceled => format!("job {name} was canceled"),
        Status::Manual => {
            format!("job {name} waits for somebody to start it by hand, or to approve its deployment")
        }
        _ => format!("job {name} failed"),
    }
}

/// What a job on the way waits for.
fn awaits(job: &Job, seen: &Sighting) -> String {
    let name = &job.name;
    match job.status {
        Status::Pending if job.tag_list.is_empty() => {
            format!("job {name} waits for a runner: none that is online has taken it")
        }
        Status::Pending => {
            let tags = job.tag_list.join(", ");
            format!("job {name} waits for a runner with the tags {tags}: none that is online has taken it")
        }
        Status::WaitingForResource => {
            format!("job {name} waits for its resource group, which another job or deployment holds")
        }
        Status::Scheduled => format!("job {name} is delayed by its own start_in"),
        Status::Created => match seen.gates.first() {
            Some(gate) => format!("job {gate} before it waits for somebody to start it by hand"),
            None => format!("job {name} waits for the jobs before it"),
        },
        _ => format!("job {name} still runs"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(name: &str, status: &str, tags: &[&str]) -> Job {
        serde_json::from_value(serde_json::json!({ "id": 1, "name": name, "status": status, "tag_list": tags }))
            .unwrap()
    }

    #[test]
    fn what_a_job_waits_for_is_said() {
        let gates = vec!["release".to_owned()];
        let seen = Sighting { gates, ..Sighting::default() };
        for (status, tags, words) in [
            ("pending", &["arm", "eu"][..], "a runner with the tags arm, eu"),
            ("pending", &[], "waits for a runner: none"),
            ("waiting_for_resource", &[], "resource group"),
            ("created", &[], "job release before it waits for somebody"),
            ("scheduled", &[], "start_in"),
            ("running", &[], "still runs"),
            ("something new", &[], "still runs"),
        ] {
            let said = awaits(&job("deploy", status, tags), &seen);
            assert!(said.contains(words), "{status}: {said}");
        }
        assert!(in_words(&job("deploy", "manual", &[])).contains("approve its deployment"));
    }
}
