//! `[[token.verify]]`: the pipelines that use a token and prove the new one.

use crate::rotation::ids::ConsumerId;
use crate::rotation::token::{Consumer, ConsumerKind};
use crate::settings::naming::project_path;
use crate::settings::section::Section;
use std::collections::BTreeSet;

pub(super) const KEYS: &[&str] = &["kind", "project", "job", "ref", "schedule", "timeout"];

const TIMEOUT_SECONDS: u64 = 3_600;

#[derive(Clone, Copy)]
enum Kind {
    Pipeline,
    RetryJob,
    Schedule,
}

const KINDS: [(&str, Kind); 3] =
    [("pipeline", Kind::Pipeline), ("retry_job", Kind::RetryJob), ("schedule", Kind::Schedule)];

pub(super) fn read(token: &Section<'_>) -> Vec<Consumer> {
    let mut seen = BTreeSet::new();
    let mut consumers = Vec::new();
    for section in token.sections("verify", &format!("{}: verify", token.label()), KEYS) {
        let Some(consumer) = read_one(&section) else { continue };
        if !seen.insert(consumer.id.clone()) {
            section.complain("", &format!("\"{}\" is there twice; remove one", consumer.id));
        }
        consumers.push(consumer);
    }
    consumers
}

fn read_one(section: &Section<'_>) -> Option<Consumer> {
    section.required("kind", "write \"pipeline\", \"retry_job\" or \"schedule\"");
    let project = project_path(section, "project", "write the full path of the project whose pipeline uses the token");
    let job = section.required("job", "name the job that uses the token; it must have run and passed");
    let timeout_seconds = section.duration("timeout").unwrap_or(TIMEOUT_SECONDS);
    let kind = kind(section)?;
    let (project, job) = (project?, job?);
    Some(Consumer { id: id(&kind, &project, &job), project, job, kind, timeout_seconds, identity: None })
}

fn kind(section: &Section<'_>) -> Option<ConsumerKind> {
    let common = &["kind", "project", "job", "timeout"];
    let git_ref = || section.required("ref", "name the branch or tag to run on");
    match section.choice("kind", &KINDS)? {
        Kind::Pipeline => {
            section.refuse_others(common, &["ref"], "kind = \"pipeline\"");
            Some(ConsumerKind::Pipeline { git_ref: git_ref()? })
        }
        Kind::RetryJob => {
            section.refuse_others(common, &["ref"], "kind = \"retry_job\"");
            Some(ConsumerKind::RetryJob { git_ref: git_ref()? })
        }
        Kind::Schedule => {
            section.refuse_others(common, &["schedule"], "kind = \"schedule\"");
            if !section.has("schedule") {
                section.complain("schedule", "schedule is missing; write its number, as in its address");
            }
            Some(ConsumerKind::Schedule { schedule: section.number("schedule", 1..=u64::MAX)? })
        }
    }
}

fn id(kind: &ConsumerKind, project: &str, job: &str) -> ConsumerId {
    ConsumerId(match kind {
        ConsumerKind::Pipeline { git_ref } => format!("pipeline {project} {git_ref}, job {job}"),
        ConsumerKind::RetryJob { git_ref } => format!("retry of job {job} in {project} {git_ref}"),
        ConsumerKind::Schedule { schedule } => format!("schedule {schedule} of {project}, job {job}"),
    })
}
