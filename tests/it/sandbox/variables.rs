//! CI/CD variables: hidden ones, ambiguous ones, and what a write leaves alone.

use super::stage::{OLD, stage};
use rekey::sandbox::gitlab::{Place, Variable};
use serde_json::{Value, json};

const PATH: &str = "/projects/acme%2Fdeploy/variables";

#[tokio::test]
async fn a_hidden_variable_is_written_but_never_read() {
    let stage = stage(|_, _| {}).await;
    let hidden = json!({"key": "HIDDEN", "value": OLD, "masked_and_hidden": true});
    let (status, made) = stage.call("POST", PATH, hidden).await;
    assert_eq!((status, &made["hidden"], &made["value"]), (201, &json!(true), &Value::Null));
    let (status, new) = stage.call("PUT", &format!("{PATH}/HIDDEN"), json!({"value": "glpat-new-new-new"})).await;
    assert_eq!((status, &new["value"], &new["masked"]), (200, &Value::Null, &json!(true)));
}

#[tokio::test]
async fn one_key_in_two_scopes_is_ambiguous_until_the_scope_is_named() {
    let stage = stage(|world, project| {
        world.variable(Variable::new(Place::Project(project), "DEPLOY_TOKEN", "other-value").scoped("staging"));
    })
    .await;
    let (status, body) = stage.call("PUT", &format!("{PATH}/DEPLOY_TOKEN"), json!({"value": "x"})).await;
    assert_eq!(status, 409);
    assert!(body["message"].as_str().unwrap().contains("filter[environment_scope]"), "{body}");
    let (status, got) =
        stage.call("GET", &format!("{PATH}/DEPLOY_TOKEN?filter[environment_scope]=staging"), Value::Null).await;
    assert_eq!((status, &got["value"]), (200, &json!("other-value")));
}

#[tokio::test]
async fn a_write_of_the_value_leaves_every_flag_alone() {
    let stage = stage(|_, _| {}).await;
    let (id, value) = stage.mint().await;
    let (status, body) = stage.store(&value).await;
    assert_eq!((status, &body["protected"], &body["masked"]), (200, &json!(true), &json!(true)));
    assert_eq!(stage.state.held_by(Place::Project(stage.project), "DEPLOY_TOKEN", "*"), Some(id));
}

#[tokio::test]
async fn a_masked_value_must_be_maskable_and_a_key_free() {
    let stage = stage(|_, _| {}).await;
    let (status, body) = stage.store("two words here").await;
    assert_eq!((status, body), (400, json!({"message": {"value": ["is invalid"]}})));
    let again = json!({"key": "DEPLOY_TOKEN", "value": "x"});
    assert_eq!(stage.call("POST", PATH, again).await.0, 400);
    assert_eq!(stage.call("POST", PATH, json!({"key": "A B", "value": "x"})).await.0, 400);
    assert_eq!(stage.call("GET", &format!("{PATH}/NONE"), Value::Null).await.0, 404);
}

#[tokio::test]
async fn group_variables_are_the_owners_and_instance_variables_the_administrators() {
    let stage = stage(|_, _| {}).await;
    let wanted = json!({"key": "SHARED", "value": "12345678"});
    assert_eq!(stage.call("POST", "/groups/acme/variables", wanted.clone()).await.0, 201);
    assert_eq!(stage.call("POST", "/admin/ci/variables", wanted.clone()).await.0, 403);
    stage.state.with(|world| world.member(Place::Group(stage.group), stage.bot, 40));
    assert_eq!(stage.call("GET", "/groups/acme/variables/SHARED", Value::Null).await.0, 403);
}
