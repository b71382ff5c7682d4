//! Each consumer: the bot may start it, its ref is there and sees the variable, and its job is known to run.

use super::Visit;
use super::finding::{Finding, Verdict};
use crate::cli::words::role;
use crate::engine::planner::{Inspection, Subject};
use crate::gitlab::{Client, GitRef, Role, may_be_hidden, renamed};
use crate::http::CallError;
use crate::rotation::token::{Consumer, ConsumerKind, ManagedToken};
use std::collections::BTreeSet;

const DEVELOPER: u8 = 30;

/// What stops a check: a finding is all there is to say.
type Step<T> = Result<T, Finding>;

pub(super) async fn look(visit: &Visit<'_>, token: &ManagedToken, inspection: Option<&Inspection>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for consumer in &token.consumers {
        let subject = Subject::Consumer(consumer.id.clone());
        let refused = inspection.into_iter().flat_map(|seen| seen.blockers_of(&subject));
        let refused: Vec<Finding> = refused.map(|(what, mend)| fail(consumer, what, or(mend))).collect();
        // What the plan says nothing against is looked at more closely; what it refuses is said in its words.
        match (refused.is_empty(), one(visit, consumer).await) {
            (true, seen) => findings.push(seen.unwrap_or_else(|trouble| trouble)),
            (false, Err(trouble)) if refused.len() == 1 && trouble.verdict == Verdict::Fail => findings.push(trouble),
            (false, _) => findings.extend(refused),
        }
        let warned = inspection.into_iter().flat_map(|seen| seen.warnings_of(&subject));
        findings.extend(warned.map(|(what, mend)| Finding::warn(&consumer.id.0, what, or(mend))));
    }
    let projects: BTreeSet<&str> = token.consumers.iter().map(|consumer| consumer.project.as_str()).collect();
    for project in projects {
        findings.extend(job_tokens(visit, project).await);
    }
    if token.consumers.is_empty() {
        let what = "no pipeline proves its new value; the first use by anybody is the proof";
        findings.push(Finding::warn(token.id.as_str(), what, "add a [[token.verify]] to it"));
    }
    findings
}

/// Jobs that prove a token run as the bot, and may reach with its rights whatever lets their project in.
async fn job_tokens(visit: &Visit<'_>, project: &str) -> Option<Finding> {
    let open = visit.engine.gitlab.is_open_to_job_tokens(project).await.ok().flatten()?;
    let what = "jobs of every project may reach it by their job token, with the rights of whoever started them";
    let mend = "choose \"Only this project and any groups and projects in the allowlist\" under Settings > CI/CD > Job \
                token permissions";
    open.then(|| Finding::warn(project, what, mend))
}

fn or(mend: &str) -> String {
    if mend.is_empty() { "correct it in the configuration, or in GitLab".to_owned() } else { mend.to_owned() }
}

async fn one(visit: &Visit<'_>, consumer: &Consumer) -> Step<Finding> {
    let gitlab = &visit.engine.gitlab;
    let level = member(visit, consumer).await?;
    let name = ref_name(gitlab, consumer).await?;
    let git_ref = existing(gitlab, consumer, &name).await?;
    let job = gitlab.latest_finished_job(&consumer.project, &name, &consumer.job).await;
    let protection = if git_ref.protected { "protected" } else { "not protected" };
    match job.map_err(|error| asked(consumer, &error))? {
        Some(job) => {
            let date = job.finished_at.map_or_else(String::new, |at| format!(" on {}", at.strftime("%Y-%m-%d")));
            let what = format!("{level}; {name} is {protection}; the job last ran{date}");
            Ok(Finding::ok(&consumer.id.0, what))
        }
        None => {
            let what = format!("{level}; {name} is {protection}; no job {} has run there lately", consumer.job);
            Ok(Finding::warn(&consumer.id.0, what, "check the job's name, or run the pipeline once"))
        }
    }
}

/// Our role in the project, in which we may start pipelines.
async fn member(visit: &Visit<'_>, consumer: &Consumer) -> Step<&'static str> {
    let (bot, path) = (&visit.me.username, &consumer.project);
    let project = visit.engine.gitlab.project(path, visit.me.user_id).await.map_err(|error| asked(consumer, &error))?;
    let Some(project) = project else {
        let what = format!("project {path} does not exist, or {bot} cannot see it");
        return Err(fail(consumer, what, format!("correct the path, or give {bot} the role Developer there")));
    };
    if let Some(what) = renamed(path, &project.path) {
        return Err(Finding::warn(
            &consumer.id.0,
            what,
            "the path in [[token.verify]]; pipelines run under the new one",
        ));
    }
    if project.archived {
        return Err(fail(consumer, format!("project {path} is archived"), "unarchive it, or remove this consumer"));
    }
    let level = match project.role {
        _ if visit.me.admin => return Ok("administrator"),
        Role::Hidden => return Ok("a role that its fine-grained token may not see"),
        Role::Level(level) => level,
    };
    if level < DEVELOPER {
        let what = format!("{bot} is {} in {path}, too little to start pipelines", role(level));
        return Err(fail(consumer, what, format!("give {bot} the role Developer there")));
    }
    Ok(role(level))
}

async fn ref_name(gitlab: &Client, consumer: &Consumer) -> Step<String> {
    let schedule = match &consumer.kind {
        ConsumerKind::Pipeline { git_ref } | ConsumerKind::RetryJob { git_ref } => return Ok(git_ref.clone()),
        ConsumerKind::Schedule { schedule } => *schedule,
    };
    let found = gitlab.schedule(&consumer.project, schedule).await.map_err(|error| asked(consumer, &error))?;
    let Some(found) = found else {
        let what = format!("{} has no schedule {schedule}", consumer.project);
        return Err(fail(consumer, what, "correct the number; it is in the address of the schedule"));
    };
    let name = found.git_ref.unwrap_or_default();
    let short = name.strip_prefix("refs/heads/").or_else(|| name.strip_prefix("refs/tags/"));
    Ok(short.unwrap_or(&name).to_owned())
}

async fn existing(gitlab: &Client, consumer: &Consumer, name: &str) -> Step<GitRef> {
    let found = gitlab.git_ref(&consumer.project, name).await.map_err(|error| asked(consumer, &error))?;
    found.ok_or_else(|| {
        fail(consumer, format!("{} has no branch or tag {name}", consumer.project), "correct ref, or make it")
    })
}

fn asked(consumer: &Consumer, error: &CallError) -> Finding {
    let usual = if error.is_passing() { "try again" } else { "give the bot the role Developer in the project" };
    let mend = error.mend().unwrap_or(usual);
    if may_be_hidden(error) {
        return Finding::warn(&consumer.id.0, error.words(), mend);
    }
    fail(consumer, error.to_string(), mend)
}

fn fail(consumer: &Consumer, what: impl Into<String>, mend: impl Into<String>) -> Finding {
    Finding::fail(&consumer.id.0, what, mend)
}
