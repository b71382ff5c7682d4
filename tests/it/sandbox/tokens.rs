//! Tokens: who may see and change which, families, limits of life.

use super::stage::{BOT, OLD, stage};
use rekey::sandbox::gitlab::{MAINTAINER, Mint, Place};
use serde_json::{Value, json};

#[tokio::test]
async fn a_service_accounts_token_is_listed_for_the_group_owner_but_not_readable_by_number() {
    let stage = stage(|_, _| {}).await;
    let path = format!("/groups/acme/service_accounts/{}/personal_access_tokens", stage.account);
    let (status, list) = stage.call("GET", &path, Value::Null).await;
    assert_eq!((status, list[0]["id"].as_u64()), (200, Some(stage.old)));
    let (status, body) = stage.call("GET", &format!("/personal_access_tokens/{}", stage.old), Value::Null).await;
    assert_eq!((status, body), (401, json!({"message": "401 Unauthorized"})));
}

#[tokio::test]
async fn only_an_administrator_learns_that_a_token_does_not_exist() {
    const ADMIN: &str = "glpat-AdminAdminAdminAdmin";
    let stage = stage(|world, _| {
        let admin = world.admin("root");
        world.mint(Mint::new(admin, "root", &["api"]).value(ADMIN));
    })
    .await;
    assert_eq!(stage.call("GET", "/personal_access_tokens/1", Value::Null).await.0, 401);
    assert_eq!(stage.call_as(ADMIN, "GET", "/personal_access_tokens/1", Value::Null).await.0, 404);
    assert_eq!(stage.call_as(ADMIN, "GET", "/personal_access_tokens?user_id=1", Value::Null).await.0, 404);
    assert_eq!(stage.call("GET", "/personal_access_tokens?user_id=1", Value::Null).await.0, 401);
}

#[tokio::test]
async fn rotate_revokes_the_old_one_and_keeps_name_description_and_scopes() {
    let stage = stage(|_, _| {}).await;
    let path = format!("/groups/acme/service_accounts/{}/personal_access_tokens/{}/rotate", stage.account, stage.old);
    let (status, new) = stage.call("POST", &path, json!({"expires_at": "2027-11-21"})).await;
    assert_eq!((status, &new["name"], &new["scopes"]), (200, &json!("deploy"), &json!(["read_api"])));
    assert!(stage.state.token(stage.old).unwrap().revoked);
    let (status, body) = stage.call("POST", &path, Value::Null).await;
    assert_eq!((status, body), (400, json!({"message": "400 Bad request - Token already revoked"})));
    assert!(!stage.state.token(new["id"].as_u64().unwrap()).unwrap().revoked);
}

#[tokio::test]
async fn a_revoked_token_that_asks_for_its_own_rotation_kills_its_whole_family_but_no_sibling_made_by_create() {
    let stage = stage(|world, _| {
        let own = world.user("person");
        world.mint(Mint::new(own, "self", &["self_rotate"]).value("glpat-SelfSelfSelfSelfSelf"));
        world.mint(Mint::new(own, "other", &["api"]).value("glpat-SiblSiblSiblSiblSibl"));
    })
    .await;
    let rotate = "/personal_access_tokens/self/rotate";
    let (status, new) = stage.call_as("glpat-SelfSelfSelfSelfSelf", "POST", rotate, Value::Null).await;
    assert_eq!((status, &new["expires_at"]), (200, &json!("2026-11-28")));
    let id = new["id"].as_u64().unwrap();
    let (status, body) = stage.call_as("glpat-SelfSelfSelfSelfSelf", "GET", "/user", Value::Null).await;
    assert_eq!((status, &body["error"]), (401, &json!("invalid_token")));
    assert!(!stage.state.token(id).unwrap().revoked, "a revoked token elsewhere does no harm");
    let (status, _) = stage.call_as("glpat-SelfSelfSelfSelfSelf", "POST", rotate, Value::Null).await;
    assert_eq!(status, 401);
    assert!(stage.state.token(id).unwrap().revoked);
    let (status, _) = stage.call_as("glpat-SiblSiblSiblSiblSibl", "GET", "/user", Value::Null).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_token_is_dead_from_midnight_utc_of_its_expiry_date() {
    let stage = stage(|_, _| {}).await;
    stage.clock.set("2026-11-27T23:59:59Z".parse().unwrap());
    assert_eq!(stage.call_as(OLD, "GET", "/personal_access_tokens/self", Value::Null).await.0, 200);
    stage.clock.set("2026-11-28T00:00:00Z".parse().unwrap());
    let (status, body) = stage.call_as(OLD, "GET", "/personal_access_tokens/self", Value::Null).await;
    assert_eq!((status, &body["error"]), (401, &json!("invalid_token")));
}

#[tokio::test]
async fn scopes_decide_what_a_token_may_call() {
    let stage = stage(|_, _| {}).await;
    assert_eq!(stage.call_as(OLD, "GET", "/user", Value::Null).await.0, 200);
    let (status, body) =
        stage.call_as(OLD, "DELETE", &format!("/personal_access_tokens/{}", stage.old), Value::Null).await;
    assert_eq!((status, &body["error"], &body["scope"]), (403, &json!("insufficient_scope"), &json!("api")));
    assert_eq!(stage.call_as("glpat-nobody", "GET", "/user", Value::Null).await.0, 401);
}

#[tokio::test]
async fn the_instance_limits_life_and_says_until_when() {
    let stage = stage(|_, _| {}).await;
    let path = format!("/groups/acme/service_accounts/{}/personal_access_tokens", stage.account);
    let create = |expires: &str| json!({"name": "n", "scopes": ["read_api"], "expires_at": expires});
    let (status, body) = stage.call("POST", &path, create("2027-11-22")).await;
    assert_eq!((status, body), (400, json!({"message": "400 Bad request - Expires at must be before 2027-11-21"})));
    assert_eq!(stage.call("POST", &path, create("2027-11-21")).await.0, 201);
    assert_eq!(stage.call("POST", &path, create("2026-11-21")).await.0, 400);
    let (status, body) = stage.call("POST", &path, json!({"description": "x"})).await;
    assert_eq!((status, body), (400, json!({"error": "name is missing, scopes is missing"})));
    let long = json!({"name": "n", "scopes": ["read_api"], "description": "x".repeat(256)});
    assert_eq!(stage.call("POST", &path, long).await.0, 400);
}

#[tokio::test]
async fn revoking_on_the_nested_route_is_no_content_twice() {
    let stage = stage(|_, _| {}).await;
    let path =
        format!("/groups/{}/service_accounts/{}/personal_access_tokens/{}", stage.group, stage.account, stage.old);
    assert_eq!(stage.call("DELETE", &path, Value::Null).await.0, 204);
    assert_eq!(stage.call("DELETE", &path, Value::Null).await.0, 204);
    assert!(stage.state.live_tokens(stage.account).is_empty());
}

#[tokio::test]
async fn a_new_project_token_comes_with_a_bot_user_of_its_own_and_needs_a_persons_token() {
    let stage = stage(|_, _| {}).await;
    let path = "/projects/acme%2Fdeploy/access_tokens";
    let wanted = json!({"name": "scan", "scopes": ["api"], "access_level": 40, "expires_at": "2027-01-01"});
    let (status, first) = stage.call("POST", path, wanted.clone()).await;
    assert_eq!((status, &first["access_level"]), (201, &json!(MAINTAINER)));
    let (_, second) = stage.call("POST", path, wanted.clone()).await;
    assert_ne!(first["user_id"], second["user_id"]);
    let (status, _) = stage.call_as(first["token"].as_str().unwrap(), "POST", path, wanted).await;
    assert_eq!(status, 400);
    let (_, list) = stage.call("GET", path, Value::Null).await;
    assert_eq!(list.as_array().unwrap().len(), 2);
    let (status, _) = stage.call("GET", &format!("{path}/{}", stage.old), Value::Null).await;
    assert_eq!(status, 404);
    let (status, rotated) = stage.call("POST", &format!("{path}/{}/rotate", first["id"]), Value::Null).await;
    assert_eq!((status, &rotated["user_id"]), (200, &first["user_id"]));
}

#[tokio::test]
async fn an_administrator_makes_tokens_for_users_except_on_gitlab_com() {
    const ADMIN: &str = "glpat-AdminAdminAdminAdmin";
    let stage = stage(|world, _| {
        let admin = world.admin("root");
        world.mint(Mint::new(admin, "root", &["api"]).value(ADMIN));
        world.service_account(Place::Instance, "instance-bot");
    })
    .await;
    let path = format!("/users/{}/personal_access_tokens", stage.account);
    let wanted = json!({"name": "n", "scopes": ["api"], "expires_at": "2027-01-01"});
    assert_eq!(stage.call("POST", &path, wanted.clone()).await.0, 403);
    assert_eq!(stage.call_as(ADMIN, "POST", &path, wanted.clone()).await.0, 201);
    let (_, accounts) = stage.call_as(ADMIN, "GET", "/service_accounts", Value::Null).await;
    assert_eq!(accounts[0]["username"], "instance-bot");
    stage.state.with(|world| world.settings.gitlab_com = true);
    assert_eq!(stage.call_as(ADMIN, "POST", &path, wanted).await.0, 403);
    let own = json!({"name": "n", "scopes": ["api"]});
    assert_eq!(stage.call("POST", "/user/personal_access_tokens", own).await.0, 400);
}

#[tokio::test]
async fn lists_are_filtered_and_paged_with_links() {
    const ADMIN: &str = "glpat-AdminAdminAdminAdmin";
    let stage = stage(|world, _| {
        let admin = world.admin("root");
        world.mint(Mint::new(admin, "root", &["api"]).value(ADMIN));
        let user = world.user("many");
        for day in 1..=30 {
            let date = jiff::civil::date(2027, 1, day);
            world.mint(Mint::new(user, &format!("many {day}"), &["api"]).expires(date));
        }
    })
    .await;
    let path =
        "/personal_access_tokens?search=many&expires_after=2027-01-03&expires_before=2027-01-30&per_page=10&page=2";
    let response = stage.send_as(ADMIN, "GET", path, Value::Null).await.unwrap();
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(
        (header("x-total"), header("x-next-page"), header("x-total-pages")),
        ("27".into(), "3".into(), "3".into())
    );
    assert!(header("link").contains("page=3&per_page=10>; rel=\"next\""), "{}", header("link"));
    let rows: Vec<Value> = response.json().await.unwrap();
    assert_eq!((rows.len(), &rows[0]["expires_at"]), (10, &json!("2027-01-13")));
    let (status, body) = stage.call("GET", "/personal_access_tokens?state=dead", Value::Null).await;
    assert_eq!((status, body), (400, json!({"error": "state does not have a valid value"})));
}

#[tokio::test]
async fn wrong_methods_and_unknown_paths_are_refused_and_unknown_parameters_noted() {
    let stage = stage(|_, _| {}).await;
    assert_eq!(stage.call("PATCH", "/user", Value::Null).await.0, 405);
    assert_eq!(stage.call("GET", "/nonsense", Value::Null).await, (404, json!({"error": "404 Not Found"})));
    assert_eq!(stage.call("GET", "/users?usrname=x", Value::Null).await.0, 200);
    let last = stage.state.calls().pop().unwrap();
    assert_eq!((last.ignored, last.answered), (vec!["usrname".to_owned()], Some(200)));
    let outsider = stage.call_as(BOT, "GET", "/projects/other%2Fsecret", Value::Null).await;
    assert_eq!(outsider, (404, json!({"message": "404 Project Not Found"})));
}
