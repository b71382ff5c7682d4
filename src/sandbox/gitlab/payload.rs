//! The parts that GitLab's webhook payloads are made of, in its own shape and its own mix of date formats.

use super::model::Issue;
use super::model::{Job, Pipeline};
use super::people::Place;
use super::world::World;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

pub(super) fn attributes(world: &World, pipeline: &Pipeline) -> Value {
    let path = world.path_of(Place::Project(pipeline.project));
    let mut stages: Vec<&str> = world.jobs_of(pipeline.id).iter().map(|job| job.plan.stage.as_str()).collect();
    stages.dedup();
    let variables: Vec<Value> =
        pipeline.variables.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    json!({
        "id": pipeline.id, "iid": pipeline.iid, "name": null, "ref": pipeline.git_ref, "tag": false,
        "sha": pipeline.sha, "before_sha": "0".repeat(40), "source": pipeline.source, "status": pipeline.status,
        "detailed_status": pipeline.status, "stages": stages, "created_at": utc(pipeline.created_at),
        "finished_at": pipeline.finished_at.map(utc), "variables": variables,
        "queued_duration": 0, "duration": seconds(pipeline.started_at, pipeline.finished_at),
        "protected_ref": world.is_protected(pipeline.project, &pipeline.git_ref),
        "url": format!("{}/{path}/-/pipelines/{}", world.settings.url, pipeline.id),
    })
}

pub(super) fn build(world: &World, job: &Job) -> Value {
    json!({
        "id": job.id, "stage": job.plan.stage, "name": job.plan.name, "status": job.status,
        "created_at": utc(job.created_at), "started_at": job.started_at.map(utc),
        "finished_at": job.finished_at.map(utc), "failure_reason": job.failure_reason,
        "duration": seconds(job.started_at, job.finished_at), "queued_duration": 0.5,
        "manual": job.plan.run == super::plan::Run::Manual, "allow_failure": job.plan.allow_failure,
        "when": if job.plan.run == super::plan::Run::Manual { "manual" } else { "on_success" },
        "user": user(world, job.user), "runner": runner(job), "environment": null,
        "artifacts_file": {"filename": null, "size": null},
    })
}

pub(super) fn runner(job: &Job) -> Value {
    job.started_at.map_or(Value::Null, |_| {
        json!({"id": 12_270_807, "description": "small-amd64-1", "runner_type": "instance_type", "active": true,
            "is_shared": true, "tags": []})
    })
}

pub(super) fn commit(pipeline: &Pipeline) -> Value {
    json!({"id": pipeline.sha, "message": "Bump scanner image\n", "title": "Bump scanner image",
        "timestamp": iso(pipeline.created_at), "url": null,
        "author": {"name": "Dana Whitfield", "email": "[REDACTED]"}})
}

pub(super) fn user(world: &World, id: u64) -> Value {
    let Some(user) = world.users.get(&id) else { return Value::Null };
    json!({"id": user.id, "name": user.name, "username": user.username, "avatar_url": null, "email": "[REDACTED]"})
}

pub(super) fn project_json(world: &World, id: u64) -> Value {
    let Some(project) = world.projects.get(&id) else { return Value::Null };
    let url = format!("{}/{}", world.settings.url, project.path);
    json!({"id": id, "name": project.name(), "description": "", "web_url": url, "avatar_url": null,
        "git_http_url": format!("{url}.git"), "git_ssh_url": ssh(project), "homepage": url, "url": ssh(project),
        "ssh_url": ssh(project), "http_url": format!("{url}.git"), "namespace": project.namespace(), "visibility_level": 0,
        "path_with_namespace": project.path, "default_branch": "main", "ci_config_path": ""})
}

pub(super) fn group_json(world: &World, place: Place) -> Value {
    let path = world.path_of(place);
    let name = path.rsplit('/').next().unwrap_or(path);
    let Place::Group(id) = place else { return Value::Null };
    json!({"group_name": name, "group_path": name, "group_id": id, "full_path": path})
}

pub(super) fn spaced(world: &World, project: u64) -> String {
    world.path_of(Place::Project(project)).replace('/', " / ")
}

pub(super) fn utc(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A moment in the payloads' other format.
pub(super) fn iso(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// What is left of the repository in payloads.
pub(super) fn repository(world: &World, project: u64) -> Value {
    let Some(project) = world.projects.get(&project) else { return Value::Null };
    let url = format!("{}/{}", world.settings.url, project.path);
    json!({"name": project.name(), "url": ssh(project), "description": "", "homepage": url,
        "git_http_url": format!("{url}.git"), "git_ssh_url": ssh(project), "visibility_level": 0})
}

/// In a job's payload the commit is the pipeline, number and all.
pub(super) fn job_commit(pipeline: &Pipeline) -> Value {
    json!({"id": pipeline.id, "name": null, "sha": pipeline.sha, "message": "Bump scanner image\n",
        "author_name": "Dana Whitfield", "author_email": "[REDACTED]", "author_url": null,
        "status": pipeline.status, "duration": seconds(pipeline.started_at, pipeline.finished_at),
        "started_at": pipeline.started_at.map(utc), "finished_at": pipeline.finished_at.map(utc),
        "started_at_iso": pipeline.started_at.map(iso), "finished_at_iso": pipeline.finished_at.map(iso)})
}

/// An issue's labels.
pub(super) fn labels(issue: &Issue) -> Vec<Value> {
    let shown = issue.labels.iter().map(|title| {
        json!({"id": null, "title": title, "color": "#6699cc", "project_id": issue.project, "created_at": null,
            "updated_at": null, "template": false, "description": null, "type": "ProjectLabel", "group_id": null})
    });
    shown.collect()
}

/// How long it took.
pub(super) fn seconds(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<f64> {
    Some((to?.as_second() - from?.as_second()) as f64)
}

fn ssh(project: &super::people::Project) -> String {
    format!("git@gitlab.example:{}.git", project.path)
}
