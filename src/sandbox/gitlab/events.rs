//! What webhooks say, in the shape of GitLab's own payloads.

use super::people::{Place, is_within};
use super::runner::{Job, Pipeline};
use super::tokens::Token;
use super::world::World;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde_json::{Value, json};

impl World {
    /// A pipeline reached another state.
    pub(super) fn pipeline_changed(&mut self, id: u64) {
        let pipeline = &self.pipelines[&id];
        let project = pipeline.project;
        let jobs: Vec<Value> = self.jobs_of(id).iter().map(|job| build(self, job)).collect();
        let body = json!({
            "object_kind": "pipeline", "object_attributes": attributes(self, pipeline), "merge_request": null,
            "user": user(self, pipeline.user), "project": project_json(self, project), "commit": commit(pipeline),
            "builds": jobs,
        });
        self.emit(Place::Project(project), "pipeline", "Pipeline Hook", body);
    }

    /// A job reached another state.
    pub(super) fn job_changed(&mut self, id: u64) {
        let job = &self.jobs[&id];
        let pipeline = &self.pipelines[&job.pipeline];
        let project = pipeline.project;
        let same = |other: &&Job| other.pipeline == job.pipeline && other.plan.name == job.plan.name && other.retried;
        let body = json!({
            "object_kind": "build", "ref": pipeline.git_ref, "tag": false, "before_sha": "0".repeat(40),
            "sha": pipeline.sha, "retries_count": self.jobs.values().filter(same).count(), "build_id": job.id,
            "build_name": job.plan.name, "build_stage": job.plan.stage, "build_status": job.status,
            "build_created_at": utc(job.created_at), "build_started_at": job.started_at.map(utc),
            "build_finished_at": job.finished_at.map(utc), "build_allow_failure": job.plan.allow_failure,
            "build_failure_reason": job.failure_reason.unwrap_or("unknown_failure"), "pipeline_id": pipeline.id,
            "runner": runner(job), "project_id": project, "project_name": spaced(self, project),
            "user": user(self, job.user), "project": project_json(self, project), "environment": null,
            "commit": {"id": pipeline.id, "name": null, "sha": pipeline.sha, "status": pipeline.status},
        });
        self.emit(Place::Project(project), "job", "Job Hook", body);
    }

    /// Somebody commented on an issue.
    pub(super) fn note_made(&mut self, id: u64) {
        let note = &self.notes[&id];
        let Some(issue) = self.issues.get(&note.issue) else { return };
        let (project, secret) = (issue.project, issue.confidential || note.internal);
        let path = self.path_of(Place::Project(project));
        let url = format!("{}/{path}/-/issues/{}#note_{id}", self.settings.url, issue.iid);
        let (event, kind, header) = match secret {
            true => ("confidential_note", "confidential_note", "Confidential Note Hook"),
            false => ("note", "note", "Note Hook"),
        };
        let body = json!({
            "object_kind": "note", "event_type": kind, "user": user(self, note.author), "project_id": project,
            "project": project_json(self, project),
            "object_attributes": {"id": note.id, "internal": note.internal, "note": note.body,
                "noteable_type": "Issue", "author_id": note.author, "created_at": utc(note.created_at),
                "updated_at": utc(note.updated_at), "project_id": project, "noteable_id": note.issue,
                "system": note.system, "action": "create", "type": null, "description": note.body, "url": url},
            "issue": {"id": issue.id, "iid": issue.iid, "title": issue.title, "description": issue.description,
                "author_id": issue.author, "project_id": project, "assignee_ids": issue.assignees,
                "confidential": issue.confidential, "state": if issue.open { "opened" } else { "closed" },
                "created_at": utc(issue.created_at), "updated_at": utc(issue.updated_at)},
        });
        self.emit(Place::Project(project), event, header, body);
    }

    /// GitLab's daily look at project and group access tokens: an event for each that expires within seven days.
    pub fn notify_expiring(&mut self) {
        let (today, week) = (self.today(), self.today().saturating_add(7.days()));
        let due = |token: &&Token| token.is_active(today) && token.expires_at.is_some_and(|date| date <= week);
        let due: Vec<Token> = self.tokens.values().filter(due).cloned().collect();
        for token in due {
            let Some((place, _)) = self.bot_of(token.user) else { continue };
            let (key, owner) = match place {
                Place::Project(id) => ("project", project_json(self, id)),
                _ => ("group", group_json(self, place)),
            };
            let body = json!({
                "object_kind": "access_token", key: owner, "event_name": "expiring_access_token",
                "object_attributes": {"user_id": token.user, "created_at": utc(token.created_at), "id": token.id,
                    "name": token.name, "expires_at": token.expires_at, "last_used_at": token.last_used_at.map(utc)},
            });
            self.emit(place, "resource_access_token", "Resource Access Token Hook", body);
        }
    }

    fn emit(&mut self, place: Place, event: &str, header: &'static str, body: Value) {
        let path = self.path_of(place).to_owned();
        let hears = |of: Place| of == place || (matches!(of, Place::Group(_)) && is_within(&path, self.path_of(of)));
        let wanted = self.hooks.values().filter(|hook| hears(hook.place) && hook.events.iter().any(|e| e == event));
        let hooks: Vec<u64> = wanted.map(|hook| hook.id).collect();
        for hook in hooks {
            self.post(hook, header, body.to_string());
        }
    }
}

fn attributes(world: &World, pipeline: &Pipeline) -> Value {
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
        "protected_ref": world.is_protected(pipeline.project, &pipeline.git_ref),
        "url": format!("{}/{path}/-/pipelines/{}", world.settings.url, pipeline.id),
    })
}

fn build(world: &World, job: &Job) -> Value {
    json!({
        "id": job.id, "stage": job.plan.stage, "name": job.plan.name, "status": job.status,
        "created_at": utc(job.created_at), "started_at": job.started_at.map(utc),
        "finished_at": job.finished_at.map(utc), "failure_reason": job.failure_reason,
        "manual": job.plan.run == super::plan::Run::Manual, "allow_failure": job.plan.allow_failure,
        "when": if job.plan.run == super::plan::Run::Manual { "manual" } else { "on_success" },
        "user": user(world, job.user), "runner": runner(job), "environment": null,
        "artifacts_file": {"filename": null, "size": null},
    })
}

fn runner(job: &Job) -> Value {
    job.started_at.map_or(Value::Null, |_| {
        json!({"id": 12_270_807, "description": "small-amd64-1", "runner_type": "instance_type", "active": true,
            "is_shared": true, "tags": []})
    })
}

fn commit(pipeline: &Pipeline) -> Value {
    json!({"id": pipeline.sha, "message": "Bump scanner image\n", "title": "Bump scanner image",
        "author": {"name": "Dana Whitfield", "email": "[REDACTED]"}})
}

fn user(world: &World, id: u64) -> Value {
    let Some(user) = world.users.get(&id) else { return Value::Null };
    json!({"id": user.id, "name": user.name, "username": user.username, "avatar_url": null, "email": "[REDACTED]"})
}

fn project_json(world: &World, id: u64) -> Value {
    let Some(project) = world.projects.get(&id) else { return Value::Null };
    let url = format!("{}/{}", world.settings.url, project.path);
    json!({"id": id, "name": project.name(), "description": "", "web_url": url, "avatar_url": null,
        "git_http_url": format!("{url}.git"), "namespace": project.namespace(), "visibility_level": 0,
        "path_with_namespace": project.path, "default_branch": "main", "ci_config_path": ""})
}

fn group_json(world: &World, place: Place) -> Value {
    let path = world.path_of(place);
    let name = path.rsplit('/').next().unwrap_or(path);
    let Place::Group(id) = place else { return Value::Null };
    json!({"group_name": name, "group_path": name, "group_id": id, "full_path": path})
}

fn spaced(world: &World, project: u64) -> String {
    world.path_of(Place::Project(project)).replace('/', " / ")
}

fn utc(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
