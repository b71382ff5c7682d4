//! Webhooks: signed, in GitLab's shape, and sent where they belong.

use super::stage::stage;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rekey::sandbox::gitlab::{Hook, Mint, Place};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

const SIGNING: &str = "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

type Heard = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

async fn ear() -> (String, Heard) {
    let heard = Heard::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks/gitlab", listener.local_addr().unwrap());
    let kept = heard.clone();
    let hear = move |headers: HeaderMap, body: Bytes| async move {
        kept.lock().unwrap().push((headers, body));
        StatusCode::ACCEPTED
    };
    let app = axum::Router::new().route("/hooks/gitlab", axum::routing::post(hear));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, heard)
}

fn signature(headers: &HeaderMap, body: &[u8]) -> String {
    let key = STANDARD.decode(&SIGNING[6..]).unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    mac.update(format!("{}.{}.", text("webhook-id"), text("webhook-timestamp")).as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn a_pipelines_progress_is_told_with_a_good_signature() {
    let (url, heard) = ear().await;
    let stage = stage(|world, project| {
        world.hook(Hook::new(Place::Project(project), &url).signing(SIGNING).token("secret-token"));
    })
    .await;
    stage.pipeline().await;
    stage.state.flush_hooks().await;
    let heard = heard.lock().unwrap();
    for (headers, body) in heard.iter() {
        assert_eq!(headers["webhook-signature"].to_str().unwrap(), signature(headers, body));
        assert_eq!(headers["webhook-id"], headers["idempotency-key"]);
        assert_eq!(headers["x-gitlab-token"], "secret-token");
        assert_eq!(headers["x-gitlab-instance"], stage.gitlab.base_url().as_str());
    }
    let last = heard.iter().rev().find(|(headers, _)| headers["x-gitlab-event"] == "Pipeline Hook").unwrap();
    let body: Value = serde_json::from_slice(&last.1).unwrap();
    assert_eq!((&body["object_kind"], &body["object_attributes"]["status"]), (&json!("pipeline"), &json!("success")));
    assert_eq!(body["builds"].as_array().unwrap().len(), 2);
    assert!(heard.iter().any(|(headers, _)| headers["x-gitlab-event"] == "Job Hook"));
}

#[tokio::test]
async fn expiring_tokens_of_projects_are_told_and_those_of_service_accounts_are_not() {
    let (url, heard) = ear().await;
    let stage = stage(|world, project| {
        world.hook(Hook::new(Place::Project(project), &url));
        let mint = Mint::new(0, "scan", &["api"]).expires("2026-11-28".parse().unwrap());
        world.mint_for(Place::Project(project), 40, mint);
    })
    .await;
    stage.state.with(|world| world.notify_expiring());
    stage.state.flush_hooks().await;
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), 1);
    let body: Value = serde_json::from_slice(&heard[0].1).unwrap();
    assert_eq!(body["event_name"], "expiring_access_token");
    assert_eq!(body["object_attributes"]["name"], "scan");
    assert_eq!(body["project"]["path_with_namespace"], "acme/deploy");
}

#[tokio::test]
async fn a_repeated_delivery_has_the_same_key() {
    let (url, heard) = ear().await;
    let stage = stage(|world, project| {
        world.hook(Hook::new(Place::Project(project), &url));
    })
    .await;
    let (_, issue) = stage.call("POST", "/projects/acme%2Fdeploy/issues", json!({"title": "t"})).await;
    stage.state.with(|world| world.add_note(issue["id"].as_u64().unwrap(), stage.bot, "hello".into(), false));
    stage.state.flush_hooks().await;
    stage.state.send_again(&stage.state.deliveries()[0].id);
    stage.state.flush_hooks().await;
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), 2);
    assert_eq!(heard[0].0["webhook-id"], heard[1].0["webhook-id"]);
    assert_eq!(heard[0].0["x-gitlab-event"], "Note Hook");
    assert_eq!(stage.state.deliveries()[1].status, Some(202));
}

#[tokio::test]
async fn payloads_have_every_field_of_gitlabs_samples() {
    let (url, heard) = ear().await;
    let stage = stage(|world, project| {
        world.hook(Hook::new(Place::Project(project), &url));
        let mint = Mint::new(0, "scan", &["api"]).expires("2026-11-28".parse().unwrap());
        world.mint_for(Place::Project(project), 40, mint);
    })
    .await;
    stage.state.with(|world| world.notify_expiring());
    stage.pipeline().await;
    let (_, issue) = stage.call("POST", "/projects/acme%2Fdeploy/issues", json!({"title": "t"})).await;
    stage.state.with(|world| world.add_note(issue["id"].as_u64().unwrap(), stage.bot, "hello".into(), false));
    stage.state.flush_hooks().await;
    let heard = heard.lock().unwrap();
    let mut gaps = Vec::new();
    for (event, sample) in [
        ("Pipeline Hook", include_str!("../../samples/webhooks/pipeline_failed_api.json")),
        ("Job Hook", include_str!("../../samples/webhooks/job_failed.json")),
        ("Note Hook", include_str!("../../samples/webhooks/note_on_issue_approve.json")),
        ("Resource Access Token Hook", include_str!("../../samples/webhooks/access_token_expiring_project.json")),
    ] {
        let ours = heard.iter().rev().find(|(headers, _)| headers["x-gitlab-event"] == event).unwrap();
        let ours: Value = serde_json::from_slice(&ours.1).unwrap();
        gaps.extend(missing(&ours, &serde_json::from_str(sample).unwrap(), event));
    }
    assert!(gaps.is_empty(), "{gaps:#?}");
}

/// The fields of a sample that ours has not got; of lists the first items are compared.
fn missing(ours: &Value, sample: &Value, at: &str) -> Vec<String> {
    match (ours, sample) {
        (Value::Object(ours), Value::Object(sample)) => {
            let fields = sample.iter().flat_map(|(key, value)| match ours.get(key) {
                None => vec![format!("{at}.{key}")],
                Some(own) => missing(own, value, &format!("{at}.{key}")),
            });
            fields.collect()
        }
        (Value::Array(ours), Value::Array(sample)) => match (ours.first(), sample.first()) {
            (Some(ours), Some(sample)) => missing(ours, sample, at),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn a_comment_and_its_edit_are_told_apart() {
    let (url, heard) = ear().await;
    let stage = stage(|world, project| {
        world.hook(Hook::new(Place::Project(project), &url));
    })
    .await;
    let issues = "/projects/acme%2Fdeploy/issues";
    stage.call("POST", issues, json!({"title": "t"})).await;
    let (_, note) = stage.call("POST", &format!("{issues}/1/notes"), json!({"body": "one"})).await;
    stage.call("PUT", &format!("{issues}/1/notes/{}", note["id"]), json!({"body": "two"})).await;
    stage.state.flush_hooks().await;
    let heard = heard.lock().unwrap();
    let bodies = heard.iter().map(|(_, body)| serde_json::from_slice::<Value>(body).unwrap());
    let said: Vec<(Value, Value)> =
        bodies.map(|b| (b["object_attributes"]["action"].clone(), b["object_attributes"]["note"].clone())).collect();
    assert_eq!(said, [(json!("create"), json!("one")), (json!("update"), json!("two"))]);
}
