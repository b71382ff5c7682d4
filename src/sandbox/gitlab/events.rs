//! What webhooks say, in the shape of GitLab's own payloads.

use super::model::Job;
use super::model::Token;
use super::payload::{attributes, build, commit, group_json, iso, project_json, repository, runner, spaced, user, utc};
use super::payload::{job_commit, labels};
use super::people::{Place, is_within};
use super::world::World;
use jiff::ToSpan;
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
        "commit": job_commit(pipeline), "repository": repository(self, project),
            "build_created_at_iso": iso(job.created_at), "build_started_at_iso": job.started_at.map(iso),
            "build_finished_at_iso": job.finished_at.map(iso), "build_queued_duration": 0.5,
            "build_duration": super::payload::seconds(job.started_at, job.finished_at),
        });
        self.emit(Place::Project(project), "job", "Job Hook", body);
    }

    /// Somebody commented on an issue, or changed a comment.
    pub(super) fn note_changed(&mut self, id: u64, by: u64, action: &str) {
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
            "object_kind": "note", "event_type": kind, "user": user(self, by), "project_id": project,
            "project": project_json(self, project),
            "object_attributes": {"id": note.id, "internal": note.internal, "note": note.body,
                "noteable_type": "Issue", "author_id": note.author, "created_at": utc(note.created_at),
                "updated_at": utc(note.updated_at), "project_id": project, "noteable_id": note.issue,
                "system": note.system, "action": action, "type": null, "description": note.body, "url": url,
                "attachment": null, "line_code": null, "commit_id": null, "st_diff": null, "discussion_id": null},
            "repository": repository(self, project),
            "issue": {"id": issue.id, "iid": issue.iid, "title": issue.title, "description": issue.description,
                "author_id": issue.author, "project_id": project, "assignee_ids": issue.assignees,
                "confidential": issue.confidential, "labels": labels(issue), "milestone_id": null,
                "assignee_id": issue.assignees.first(), "state": if issue.open { "opened" } else { "closed" },
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
