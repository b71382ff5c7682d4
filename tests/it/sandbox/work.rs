//! Issues, comments, and the control endpoints.

use super::stage::{BOT, OLD, stage};
use serde_json::{Value, json};

const ISSUES: &str = "/projects/acme%2Fdeploy/issues";

#[tokio::test]
async fn a_marker_in_an_html_comment_is_found_by_listing_and_never_by_search() {
    let stage = stage(|_, _| {}).await;
    let body = json!({"title": "Rotate deploy", "description": "<!-- rekey:01hx.1 -->\nplan", "labels": "rekey,ops",
        "confidential": true, "due_date": "2026-11-28"});
    let (status, made) = stage.call("POST", ISSUES, body).await;
    assert_eq!((status, &made["labels"], &made["confidential"]), (201, &json!(["ops", "rekey"]), &json!(true)));
    let found = stage.call("GET", &format!("{ISSUES}?search=01hx"), Value::Null).await.1;
    assert_eq!(found, json!([]));
    let path = format!("{ISSUES}?labels=rekey&author_id={}&state=all&created_after=2026-11-21T13:00:00Z", stage.bot);
    let found = stage.call("GET", &path, Value::Null).await.1;
    assert!(found[0]["description"].as_str().unwrap().contains("rekey:01hx.1"));
    assert_eq!(stage.call("GET", &format!("{ISSUES}?search=rotate"), Value::Null).await.1[0]["iid"], 1);
}

#[tokio::test]
async fn an_issue_is_changed_closed_and_reopened_and_what_is_left_out_stays() {
    let stage = stage(|_, _| {}).await;
    stage
        .call("POST", ISSUES, json!({"title": "t", "description": "d", "labels": ["a"], "due_date": "2026-11-28"}))
        .await;
    let one = format!("{ISSUES}/1");
    let change = json!({"add_labels": "b", "remove_labels": "a", "state_event": "close"});
    let (_, closed) = stage.call("PUT", &one, change).await;
    assert_eq!(
        (&closed["state"], &closed["labels"], &closed["description"]),
        (&json!("closed"), &json!(["b"]), &json!("d"))
    );
    assert_eq!(closed["due_date"], "2026-11-28");
    let (_, open) = stage.call("PUT", &one, json!({"state_event": "reopen", "due_date": null})).await;
    assert_eq!((&open["state"], &open["due_date"], &open["closed_at"]), (&json!("opened"), &Value::Null, &Value::Null));
    assert_eq!(stage.call("PUT", &one, json!({})).await.0, 400);
    assert_eq!(stage.call("GET", &format!("{ISSUES}/9"), Value::Null).await.0, 404);
}

#[tokio::test]
async fn a_line_with_a_command_is_obeyed_unless_it_is_quoted_as_code() {
    let stage = stage(|_, _| {}).await;
    stage.call("POST", ISSUES, json!({"title": "t", "description": "```\n/close\n```\n`/close`"})).await;
    assert!(stage.state.issues()[0].open);
    let (status, _) = stage.call("POST", &format!("{ISSUES}/1/notes"), json!({"body": "/close"})).await;
    assert_eq!(status, 202);
    assert!(!stage.state.issues()[0].open);
}

#[tokio::test]
async fn comments_are_made_listed_and_changed_by_their_author_only() {
    let stage = stage(|_, _| {}).await;
    stage.call("POST", ISSUES, json!({"title": "t"})).await;
    let notes = format!("{ISSUES}/1/notes");
    let (status, first) = stage.call("POST", &notes, json!({"body": "one"})).await;
    assert_eq!(status, 201);
    stage.call("POST", &notes, json!({"body": "two"})).await;
    let (_, list) = stage.call("GET", &format!("{notes}?sort=asc"), Value::Null).await;
    assert_eq!((&list[0]["body"], &list[1]["body"]), (&json!("one"), &json!("two")));
    let one = format!("{notes}/{}", first["id"]);
    assert_eq!(stage.call("PUT", &one, json!({"body": "three"})).await.1["body"], "three");
    assert_eq!(stage.call("POST", &notes, json!({"body": " "})).await.0, 400);
}

#[tokio::test]
async fn a_reaction_counts_once_and_touches_the_comment() {
    let stage = stage(|_, _| {}).await;
    stage.call("POST", ISSUES, json!({"title": "t"})).await;
    let (_, note) = stage.call("POST", &format!("{ISSUES}/1/notes"), json!({"body": "one"})).await;
    assert_eq!(note["created_at"], note["updated_at"]);
    stage.clock.advance(5);
    let one = format!("{ISSUES}/1/notes/{}", note["id"]);
    let reactions = format!("{one}/award_emoji");
    assert_eq!(stage.call("POST", &reactions, json!({"name": "thumbsup"})).await.0, 201);
    assert_eq!(stage.call("POST", &reactions, json!({"name": "thumbsup"})).await.0, 404);
    assert_eq!(stage.call("GET", &reactions, Value::Null).await.1[0]["name"], "thumbsup");
    let (_, liked) = stage.call("GET", &one, Value::Null).await;
    assert_ne!(liked["created_at"], liked["updated_at"], "as if it had been edited");
}

#[tokio::test]
async fn the_control_page_shows_which_token_a_variable_holds_and_no_value() {
    let stage = stage(|_, _| {}).await;
    let (id, value) = stage.mint().await;
    stage.store(&value).await;
    stage.pipeline().await;
    stage.call("POST", ISSUES, json!({"title": "t", "description": "- [ ] one\n\n<b onclick=x>bold</b>"})).await;
    let url = format!("{}/sandbox/state", stage.gitlab.base_url());
    let text = stage.client.get(url).send().await.unwrap().text().await.unwrap();
    assert!(![BOT, OLD, &value].iter().any(|secret| text.contains(*secret)));
    let state: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(state["variables"][0]["holds_token"], id);
    assert_eq!(state["pipelines"][0]["jobs"][1]["status"], "success");
    let html = state["issues"][0]["html"].as_str().unwrap();
    assert!(html.contains("checkbox") && !html.contains("onclick"), "{html}");
}

#[tokio::test]
async fn faults_and_failing_jobs_are_switched_over_http() {
    let stage = stage(|_, _| {}).await;
    let control = |path: &str| format!("{}/sandbox/{path}", stage.gitlab.base_url());
    let rule = json!({"method": "GET", "path": "/api/v4/user", "fault": {"kind": "error_before", "status": 500}});
    assert_eq!(stage.client.post(control("faults")).json(&rule).send().await.unwrap().status(), 204);
    assert_eq!(stage.call("GET", "/user", Value::Null).await.0, 500);
    assert_eq!(stage.call("GET", "/user", Value::Null).await.0, 200);
    stage.client.post(control("pipelines")).json(&json!({"fail": "deploy"})).send().await.unwrap();
    stage.pipeline().await;
    assert_eq!(stage.state.pipelines()[0].status, "failed");
    let calls: Vec<Value> = stage.client.get(control("calls")).send().await.unwrap().json().await.unwrap();
    assert_eq!((calls.len(), &calls[0]["answered"]), (3, &json!(500)));
}
