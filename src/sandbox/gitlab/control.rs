//! `/sandbox/…`: what the real GitLab does not have. A page and foreign harnesses look in and pull strings here.

use super::handle::Handle;
use super::model::Pipeline;
use super::people::Place;
use super::render;
use super::reply::stamp;
use super::world::World;
use crate::sandbox::faults::Rule;
use crate::secret::Secret;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

/// The control endpoints.
pub(super) fn router() -> Router<Handle> {
    Router::new()
        .route("/sandbox/state", get(async |State(handle): State<Handle>| Json(handle.with(|world| state(world)))))
        .route("/sandbox/calls", get(async |State(handle): State<Handle>| Json(handle.calls())))
        .route("/sandbox/faults", get(async |State(handle): State<Handle>| Json(handle.faults())))
        .route("/sandbox/faults", post(add_fault).delete(clear_faults))
        .route("/sandbox/pipelines", post(pipelines))
        .route("/sandbox/tick", post(async |State(handle): State<Handle>| Json(json!({"moved": handle.tick()}))))
        .route(
            "/sandbox/late",
            post(async |State(handle): State<Handle>| Json(json!({"landed": handle.land_late().await}))),
        )
        .route("/sandbox/expiring", post(expiring))
        .route("/sandbox/held", get(async |State(handle): State<Handle>| Json(handle.held().await)))
        .route("/sandbox/release", post(release))
}

async fn add_fault(State(handle): State<Handle>, Json(rule): Json<Rule>) -> StatusCode {
    handle.fault(rule);
    StatusCode::NO_CONTENT
}

async fn clear_faults(State(handle): State<Handle>) -> StatusCode {
    handle.clear_faults();
    StatusCode::NO_CONTENT
}

/// `{"fail": "deploy"}` makes that job fail from now on (`*`: every job), `{"fail": null}` ends it.
async fn pipelines(State(handle): State<Handle>, Json(wanted): Json<Value>) -> StatusCode {
    handle.fail_job(wanted["fail"].as_str());
    StatusCode::NO_CONTENT
}

async fn expiring(State(handle): State<Handle>) -> StatusCode {
    handle.with(World::notify_expiring);
    StatusCode::NO_CONTENT
}

async fn release(State(handle): State<Handle>, Json(wanted): Json<Value>) -> StatusCode {
    handle.release(wanted["perform"].as_bool().unwrap_or(true));
    StatusCode::NO_CONTENT
}

/// Everything a page shows; no token value is in it.
fn state(world: &World) -> Value {
    json!({
        "now": stamp(world.now), "url": world.settings.url, "version": world.settings.version,
        "users": users(world), "tokens": tokens(world), "variables": variables(world),
        "pipelines": world.pipelines.values().map(|pipeline| pipeline_json(world, pipeline)).collect::<Vec<_>>(),
        "issues": issues(world), "hooks": hooks(world), "calls": world.calls.all().len(),
        "deliveries": world.deliveries.iter().map(|d| json!({"id": d.id, "hook": d.hook, "event": d.event,
            "status": d.status})).collect::<Vec<_>>(),
        "failing_job": world.forced_failure,
    })
}

fn users(world: &World) -> Vec<Value> {
    let kind = |user: &super::User| match user.kind {
        super::Kind::Human => "human",
        super::Kind::ServiceAccount(_) => "service_account",
        super::Kind::ProjectBot(_) => "project_bot",
    };
    let shown = world.users.values().map(|user| {
        json!({"id": user.id, "username": user.username, "name": user.name, "kind": kind(user), "admin": user.admin})
    });
    shown.collect()
}

fn tokens(world: &World) -> Vec<Value> {
    let shown = world.tokens.values().map(|token| {
        let state = match (token.revoked, token.is_active(world.today())) {
            (true, _) => "revoked",
            (_, true) => "active",
            _ => "expired",
        };
        let username = world.users.get(&token.user).map(|user| user.username.clone());
        json!({"id": token.id, "name": token.name, "user_id": token.user, "username": username, "state": state,
            "description": token.description, "scopes": token.scopes, "created_at": stamp(token.created_at),
            "expires_at": token.expires_at, "last_used_at": token.last_used_at.map(stamp),
            "last_used_ips": token.last_used_ips, "digest": token.digest})
    });
    shown.collect()
}

fn variables(world: &World) -> Vec<Value> {
    let shown = world.variables.iter().map(|variable| {
        let place = match variable.place {
            Place::Instance => "instance",
            Place::Group(_) => "group",
            Place::Project(_) => "project",
        };
        let holds = world.token_with(&variable.value).map(|token| token.id);
        json!({"place": place, "path": world.path_of(variable.place), "key": variable.key,
            "environment_scope": variable.environment_scope, "protected": variable.protected,
            "masked": variable.masked, "hidden": variable.hidden, "raw": variable.raw, "holds_token": holds,
            "digest": Secret::new(variable.value.clone()).digest()})
    });
    shown.collect()
}

fn pipeline_json(world: &World, pipeline: &Pipeline) -> Value {
    let jobs = world.jobs.values().filter(|job| job.pipeline == pipeline.id).map(|job| {
        json!({"id": job.id, "name": job.plan.name, "stage": job.plan.stage, "status": job.status,
            "retried": job.retried, "log": job.log, "started_at": job.started_at.map(stamp),
            "finished_at": job.finished_at.map(stamp)})
    });
    json!({"id": pipeline.id, "project": world.path_of(Place::Project(pipeline.project)), "ref": pipeline.git_ref,
        "source": pipeline.source, "status": pipeline.status, "created_at": stamp(pipeline.created_at),
        "jobs": jobs.collect::<Vec<_>>()})
}

fn issues(world: &World) -> Vec<Value> {
    let name = |id: u64| world.users.get(&id).map(|user| user.username.clone());
    let notes = |issue: u64| {
        let own = world.notes.values().filter(move |note| note.issue == issue);
        own.map(|note| {
            json!({"id": note.id, "author": name(note.author), "created_at": stamp(note.created_at),
                "html": render::html(&note.body)})
        })
        .collect::<Vec<_>>()
    };
    let shown = world.issues.values().map(|issue| {
        json!({"id": issue.id, "iid": issue.iid, "project": world.path_of(Place::Project(issue.project)),
            "title": issue.title, "state": if issue.open { "opened" } else { "closed" }, "labels": issue.labels,
            "author": name(issue.author), "assignees": issue.assignees.iter().map(|&id| name(id)).collect::<Vec<_>>(),
            "due_date": issue.due_date, "confidential": issue.confidential, "created_at": stamp(issue.created_at),
            "updated_at": stamp(issue.updated_at), "html": render::html(&issue.description), "notes": notes(issue.id)})
    });
    shown.collect()
}

fn hooks(world: &World) -> Vec<Value> {
    let shown = world.hooks.values().map(|hook| {
        json!({"id": hook.id, "path": world.path_of(hook.place), "url": hook.url, "events": hook.events,
            "signed": hook.signing_token.is_some()})
    });
    shown.collect()
}
