//! Slack's forms and the app's home tab, as the page sends and opens them.

use super::{DemoError, Shared, in_slack};
use crate::demo::Demo;
use crate::sandbox::slack::Submitted;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Deserialize)]
struct Who {
    user: String,
}

#[derive(Deserialize)]
struct Filled {
    user: String,
    values: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Press {
    user: String,
    action: String,
}

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/form", post(form))
        .route("/form/close", post(close_form))
        .route("/home", post(home))
        .route("/home/press", post(press_home))
}

/// A form as it was filled in; what is wrong with it, by field.
async fn form(State(shared): State<Arc<Shared>>, Json(filled): Json<Filled>) -> Result<Json<Value>, DemoError> {
    let values: Vec<(&str, &str)> = filled.values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let sent = async |demo: &Demo| Ok(in_slack(demo)?.submit(&filled.user, &values).await?);
    Ok(Json(match shared.with(sent).await? {
        Submitted::Errors(errors) => json!({ "errors": errors }),
        Submitted::Closed | Submitted::Replaced => json!({}),
    }))
}

async fn close_form(State(shared): State<Arc<Shared>>, Json(who): Json<Who>) -> Result<StatusCode, DemoError> {
    let closed = async |demo: &Demo| {
        in_slack(demo)?.close_form(&who.user);
        Ok(StatusCode::NO_CONTENT)
    };
    shared.with(closed).await
}

/// The home tab as the bot fills it when it is opened.
async fn home(State(shared): State<Arc<Shared>>, Json(who): Json<Who>) -> Result<Json<Value>, DemoError> {
    let opened = async |demo: &Demo| Ok(in_slack(demo)?.home_when_filled(&who.user).await?);
    Ok(Json(shared.with(opened).await?.content))
}

async fn press_home(State(shared): State<Arc<Shared>>, Json(press): Json<Press>) -> Result<StatusCode, DemoError> {
    let pressed = async |demo: &Demo| Ok(in_slack(demo)?.press_home(&press.user, &press.action).await?);
    shared.with(pressed).await.map(|()| StatusCode::NO_CONTENT)
}
