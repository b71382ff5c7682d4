//! Each consumer: the bot may start it, its ref is there and sees the variable, and its job is known to run.

use super::Visit;
use super::finding::Finding;
use super::stores;
use crate::cli::words::role;
use crate::gitlab::{Client, GitRef, renamed};
use crate::http::CallError;
use crate::rotation::token::{Consumer, ConsumerKind, ManagedToken};
use crate::secret_store::gitlab_variable::Spec;
use crate::secret_store::{StoreSpec, VariableScope};

const DEVELOPER: u8 = 30;

/// What stops a check: a finding is all there is to say.
type Step<T> = Result<T, Finding>;

pub(super) async fn look(visit: &Visit<'_>, token: &ManagedToken, specs: &[StoreSpec]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for consumer in &token.consumers {
        findings.push(one(visit, consumer, specs).await.unwrap_or_else(|trouble| trouble));
    }
    if token.consumers.is_empty() {
        let what = "no pipeline proves its new value; the first use by anybody is the proof";
        findings.push(Finding::warn(token.id.as_str(), what, "add a [[token.verify]] to it"));
    }
    findings
}

async fn one(visit: &Visit<'_>, consumer: &Consumer, specs: &[StoreSpec]) -> Step<Finding> {
    let gitlab = &visit.engine.gitlab;
    let level = member(visit, consumer).await?;
    let name = ref_name(gitlab, consumer).await?;
    let git_ref = existing(gitlab, consumer, &name).await?;
    sees_variables(visit, consumer, specs, &git_ref).await?;
    may_run(consumer, &git_ref)?;
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
    let level = project.level.unwrap_or_default();
    if !visit.me.admin && level < DEVELOPER {
        let what = format!("{bot} is {} in {path}, too little to start pipelines", role(level));
        return Err(fail(consumer, what, format!("give {bot} the role Developer there")));
    }
    Ok(if visit.me.admin { "administrator" } else { role(level) })
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

/// A protected variable is not there for jobs on a ref that is not.
async fn sees_variables(visit: &Visit<'_>, consumer: &Consumer, specs: &[StoreSpec], git_ref: &GitRef) -> Step<()> {
    for spec in specs.iter().filter(|spec| !git_ref.protected && reaches(spec, &consumer.project)) {
        let StoreSpec::GitlabVariable(Spec { key, .. }) = spec.holder() else { continue };
        if stores::flags(visit, spec).await.is_some_and(|flags| flags.protected) {
            let name = &git_ref.name;
            let what = format!("{key} is protected and {name} is not, so its jobs do not see it");
            return Err(fail(consumer, what, format!("protect {name}, or lift the protection of {key}")));
        }
    }
    Ok(())
}

fn reaches(spec: &StoreSpec, project: &str) -> bool {
    let StoreSpec::GitlabVariable(Spec { scope, .. }) = spec.holder() else { return false };
    match scope {
        VariableScope::Instance => true,
        VariableScope::Project(path) => path == project,
        VariableScope::Group(path) => project.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('/')),
    }
}

fn may_run(consumer: &Consumer, git_ref: &GitRef) -> Step<()> {
    if git_ref.protected && git_ref.can_push == Some(false) {
        let name = &git_ref.name;
        let what = format!("{name} is protected, and the bot may not push to it");
        let mend = format!("let the bot push or merge to {name} (GitLab then lets it run pipelines there)");
        return Err(Finding::warn(&consumer.id.0, what, mend));
    }
    Ok(())
}

fn asked(consumer: &Consumer, error: &CallError) -> Finding {
    let mend = if error.is_passing() { "try again" } else { "give the bot the role Developer in the project" };
    fail(consumer, error.to_string(), mend)
}

fn fail(consumer: &Consumer, what: impl Into<String>, mend: impl Into<String>) -> Finding {
    Finding::fail(&consumer.id.0, what, mend)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_reaches_the_projects_below_its_group_and_no_others() {
        let group = |path: &str| {
            let scope = VariableScope::Group(path.into());
            StoreSpec::GitlabVariable(Spec { scope, key: "K".into(), environment_scope: "*".into(), create: None })
        };
        assert!(reaches(&group("acme"), "acme/tools/deploy"));
        assert!(!reaches(&group("acme"), "acme-other/deploy"));
        assert!(!reaches(&StoreSpec::File(crate::secret_store::file::Spec { path: "/x".into() }), "acme/deploy"));
    }
}
