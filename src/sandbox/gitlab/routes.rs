//! Which method and path leads where, and the scope it wants.

use super::auth::Need;
use super::handle::Handle;
use super::request::{Endpoint, at};
use super::{
    branches, control, gate, hooks, issues, jobs, notes, own_tokens, pipelines, places, reactions, resource_tokens,
    schedules, secure_files, service_accounts, users, variable_api,
};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{MethodFilter, MethodRouter};
use axum::{Json, Router};
use serde_json::json;

/// The whole HTTP side.
pub(super) fn router(handle: Handle) -> Router {
    let api = Router::new()
        .merge(instance())
        .merge(personal())
        .merge(owned("/projects/{id}"))
        .merge(owned("/groups/{id}"))
        .merge(project());
    let api = Router::new()
        .nest("/api/v4", api)
        .fallback(|| async { (StatusCode::NOT_FOUND, Json(json!({"error": "404 Not Found"}))) })
        .method_not_allowed_fallback(|| async {
            (StatusCode::METHOD_NOT_ALLOWED, Json(json!({"error": "405 Not Allowed"}))).into_response()
        })
        .layer(axum::middleware::from_fn_with_state(handle.clone(), gate::gate));
    control::router().merge(api).with_state(handle)
}

fn read(endpoint: Endpoint) -> MethodRouter<Handle> {
    at(MethodFilter::GET, Need::Read, endpoint)
}

fn post(endpoint: Endpoint) -> MethodRouter<Handle> {
    at(MethodFilter::POST, Need::Api, endpoint)
}

fn put(endpoint: Endpoint) -> MethodRouter<Handle> {
    at(MethodFilter::PUT, Need::Api, endpoint)
}

fn delete(endpoint: Endpoint) -> MethodRouter<Handle> {
    at(MethodFilter::DELETE, Need::Api, endpoint)
}

fn rotate_self(endpoint: Endpoint) -> MethodRouter<Handle> {
    at(MethodFilter::POST, Need::SelfRotate, endpoint)
}

fn for_users(endpoint: Endpoint) -> MethodRouter<Handle> {
    at(MethodFilter::GET, Need::ReadUser, endpoint)
}

fn instance() -> Router<Handle> {
    Router::new()
        .route("/metadata", for_users(places::metadata))
        .route("/version", for_users(places::version))
        .route("/user", for_users(users::current))
        .route("/users", for_users(users::list))
        .route("/users/{user_id}", for_users(users::get).merge(delete(users::delete)))
        .route("/service_accounts", read(service_accounts::list).merge(post(service_accounts::create)))
        .route("/admin/token", post(own_tokens::identify))
        .route("/admin/ci/variables", read(variable_api::list).merge(post(variable_api::create)))
        .route("/admin/ci/variables/{key}", one_variable())
}

fn personal() -> Router<Handle> {
    let own = at(MethodFilter::GET, Need::Any, own_tokens::get);
    Router::new()
        .route("/personal_access_tokens", read(own_tokens::list))
        .route("/personal_access_tokens/self", own.merge(at(MethodFilter::DELETE, Need::Any, own_tokens::revoke)))
        .route("/personal_access_tokens/self/rotate", rotate_self(own_tokens::rotate))
        .route("/personal_access_tokens/{id}", read(own_tokens::get).merge(delete(own_tokens::revoke)))
        .route("/personal_access_tokens/{id}/rotate", post(own_tokens::rotate))
        .route("/users/{user_id}/personal_access_tokens", post(own_tokens::create_for_user))
        .route("/user/personal_access_tokens", post(own_tokens::create_own))
}

/// What groups and projects have alike.
fn owned(base: &str) -> Router<Handle> {
    let path = |rest: &str| format!("{base}{rest}");
    let of_account = |rest: &str| format!("{base}/service_accounts/{{user_id}}/personal_access_tokens{rest}");
    Router::new()
        .route(&path("/service_accounts"), read(service_accounts::list).merge(post(service_accounts::create)))
        .route(&path("/service_accounts/{user_id}"), delete(service_accounts::delete))
        .route(&of_account(""), read(service_accounts::tokens).merge(post(service_accounts::create_token)))
        .route(&of_account("/{token_id}"), delete(service_accounts::revoke_token))
        .route(&of_account("/{token_id}/rotate"), post(service_accounts::rotate_token))
        .route(&path("/access_tokens"), read(resource_tokens::list).merge(post(resource_tokens::create)))
        .route(&path("/access_tokens/self"), at(MethodFilter::GET, Need::Any, resource_tokens::get))
        .route(&path("/access_tokens/self/rotate"), rotate_self(resource_tokens::rotate))
        .route(&path("/access_tokens/{token_id}"), read(resource_tokens::get).merge(delete(resource_tokens::revoke)))
        .route(&path("/access_tokens/{token_id}/rotate"), post(resource_tokens::rotate))
        .route(&path("/variables"), read(variable_api::list).merge(post(variable_api::create)))
        .route(&path("/variables/{key}"), one_variable())
        .route(&path("/members/all"), read(places::members))
        .route(&path("/members/all/{user_id}"), read(places::member))
        .route(&path("/members/{user_id}"), read(places::direct_member))
        .route(&path("/hooks"), read(hooks::list).merge(post(hooks::create)))
        .route(&path("/hooks/{hook_id}"), read(hooks::get))
}

fn one_variable() -> MethodRouter<Handle> {
    read(variable_api::get).merge(put(variable_api::update)).merge(delete(variable_api::delete))
}

fn project() -> Router<Handle> {
    Router::new()
        .route("/groups/{id}", read(places::group))
        .route("/projects/{id}", read(places::project))
        .route("/projects/{id}/job_token_scope", read(places::job_token_scope))
        .route("/projects/{id}/repository/branches/{branch}", read(branches::get))
        .route("/projects/{id}/pipeline", post(pipelines::create))
        .route("/projects/{id}/pipelines", read(pipelines::list))
        .route("/projects/{id}/pipelines/latest", read(pipelines::latest))
        .route("/projects/{id}/pipelines/{pipeline_id}", read(pipelines::get))
        .route("/projects/{id}/pipelines/{pipeline_id}/jobs", read(jobs::of_pipeline))
        .route("/projects/{id}/pipelines/{pipeline_id}/bridges", read(jobs::bridges))
        .route("/projects/{id}/pipelines/{pipeline_id}/variables", read(pipelines::variables))
        .route("/projects/{id}/pipelines/{pipeline_id}/retry", post(pipelines::retry))
        .route("/projects/{id}/pipelines/{pipeline_id}/cancel", post(pipelines::cancel))
        .route("/projects/{id}/jobs", read(jobs::of_project))
        .route("/projects/{id}/jobs/{job_id}", read(jobs::get))
        .route("/projects/{id}/jobs/{job_id}/trace", read(jobs::trace))
        .route("/projects/{id}/jobs/{job_id}/retry", post(jobs::retry))
        .route("/projects/{id}/jobs/{job_id}/play", post(jobs::play))
        .route("/projects/{id}/pipeline_schedules", read(schedules::list))
        .route("/projects/{id}/pipeline_schedules/{schedule_id}", read(schedules::get))
        .route("/projects/{id}/pipeline_schedules/{schedule_id}/pipelines", read(schedules::pipelines))
        .route("/projects/{id}/pipeline_schedules/{schedule_id}/play", post(schedules::play))
        .route("/projects/{id}/secure_files", read(secure_files::list).merge(post(secure_files::create)))
        .route("/projects/{id}/secure_files/{file_id}", read(secure_files::get).merge(delete(secure_files::delete)))
        .route("/projects/{id}/secure_files/{file_id}/download", read(secure_files::download))
        .route("/projects/{id}/issues", read(issues::list).merge(post(issues::create)))
        .route("/projects/{id}/issues/{iid}", read(issues::get).merge(put(issues::update)))
        .route("/projects/{id}/issues/{iid}/notes", read(notes::list).merge(post(notes::create)))
        .route("/projects/{id}/issues/{iid}/notes/{note_id}", read(notes::get).merge(put(notes::update)))
        .route(
            "/projects/{id}/issues/{iid}/notes/{note_id}/award_emoji",
            read(reactions::list).merge(post(reactions::create)),
        )
}
