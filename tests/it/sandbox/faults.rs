//! Trouble on demand: what took effect and what the caller saw of it are two things.

use super::stage::{BOT, stage};
use rekey::sandbox::gitlab::{Fault, Rule};
use serde_json::{Value, json};

fn tokens(stage: &super::stage::Stage) -> String {
    format!("/groups/acme/service_accounts/{}/personal_access_tokens", stage.account)
}

fn wanted() -> Value {
    json!({"name": "deploy", "scopes": ["read_api"], "expires_at": "2027-11-20"})
}

#[tokio::test]
async fn a_cut_before_the_effect_changes_nothing_and_a_cut_after_it_does() {
    let stage = stage(|_, _| {}).await;
    stage.state.fault(Rule::new("POST", "*/personal_access_tokens", Fault::CutBefore));
    assert!(stage.send_as(BOT, "POST", &tokens(&stage), wanted()).await.is_err());
    assert_eq!(stage.state.live_tokens(stage.account).len(), 1);
    stage.state.fault(Rule::new("POST", "*/personal_access_tokens", Fault::CutAfter));
    assert!(stage.send_as(BOT, "POST", &tokens(&stage), wanted()).await.is_err());
    assert_eq!(stage.state.live_tokens(stage.account).len(), 2);
    let calls: Vec<_> = stage.state.calls().iter().map(|call| (call.effect, call.answered)).collect();
    assert_eq!(calls, [(None, None), (Some(201), None)]);
}

#[tokio::test]
async fn a_late_effect_lands_after_newer_ones() {
    let stage = stage(|_, _| {}).await;
    let (first, value) = stage.mint().await;
    let (second, newer) = stage.mint().await;
    stage.state.fault(Rule::new("PUT", "*/variables/DEPLOY_TOKEN", Fault::Late));
    let path = "/projects/acme%2Fdeploy/variables/DEPLOY_TOKEN";
    assert!(stage.send_as(BOT, "PUT", path, json!({"value": value})).await.is_err());
    stage.store(&newer).await;
    let holds = || stage.state.held_by(rekey::sandbox::gitlab::Place::Project(stage.project), "DEPLOY_TOKEN", "*");
    assert_eq!(holds(), Some(second));
    assert_eq!(stage.state.land_late().await, 1);
    assert_eq!(holds(), Some(first));
}

#[tokio::test]
async fn errors_come_before_or_after_the_effect_and_rate_limits_say_when_to_return() {
    let stage = stage(|_, _| {}).await;
    stage.state.fault(Rule::nth_call(1, Fault::ErrorBefore { status: 500 }));
    stage.state.fault(Rule::nth_call(2, Fault::ErrorAfter { status: 503 }));
    stage.state.fault(Rule::nth_call(3, Fault::TooManyRequests { retry_after: 7 }));
    assert_eq!(stage.call("POST", &tokens(&stage), wanted()).await.0, 500);
    assert_eq!(stage.state.live_tokens(stage.account).len(), 1);
    assert_eq!(stage.call("POST", &tokens(&stage), wanted()).await.0, 503);
    assert_eq!(stage.state.live_tokens(stage.account).len(), 2);
    let response = stage.send_as(BOT, "GET", "/user", Value::Null).await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (429, &"7".parse().unwrap()));
    assert_eq!(response.text().await.unwrap(), "Retry later\n");
}

#[tokio::test]
async fn nonsense_answers_are_a_proxys_page_or_half_a_body() {
    let stage = stage(|_, _| {}).await;
    stage.state.fault(Rule::new("GET", "/api/v4/user", Fault::Html));
    stage.state.fault(Rule::new("GET", "/api/v4/user", Fault::TruncatedJson).nth(2));
    for _ in 0..2 {
        let (status, body) = stage.call("GET", "/user", Value::Null).await;
        assert!(status == 200 && body.is_string(), "{body}");
    }
    assert!(stage.call("GET", "/user", Value::Null).await.1.is_object());
}

#[tokio::test]
async fn a_delayed_call_takes_effect_although_its_caller_hung_up() {
    let stage = stage(|_, _| {}).await;
    stage.state.fault(Rule::new("POST", "*", Fault::HoldBefore));
    let path = tokens(&stage);
    let held = tokio::select! {
        _ = stage.send_as(BOT, "POST", &path, wanted()) => panic!("answered although held"),
        held = stage.state.held() => held,
    };
    assert!(!held.performed);
    stage.state.release(true);
    // The next answered call proves that the released one had its turn or has it now.
    while stage.state.calls()[0].effect.is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.state.live_tokens(stage.account).len(), 2);
}

#[tokio::test]
async fn a_call_is_held_after_its_effect_until_it_is_released() {
    let stage = stage(|_, _| {}).await;
    stage.state.fault(Rule::nth_call(1, Fault::HoldAfter));
    let path = tokens(&stage);
    let (answer, held) = tokio::join!(stage.send_as(BOT, "POST", &path, wanted()), async {
        let held = stage.state.held().await;
        let made = stage.state.live_tokens(stage.account).len();
        stage.state.release(false);
        (held, made)
    });
    assert!(answer.is_err());
    assert_eq!((held.0.performed, held.1), (true, 2));
}

#[tokio::test]
async fn faults_can_be_aimed_at_one_caller_and_switched_off() {
    let stage = stage(|_, _| {}).await;
    stage.state.fault(Rule::nth_call(1, Fault::ErrorBefore { status: 500 }).caller(stage.old).times(0));
    assert_eq!(stage.call("GET", "/user", Value::Null).await.0, 200);
    assert_eq!(stage.call_as(super::stage::OLD, "GET", "/user", Value::Null).await.0, 500);
    stage.state.clear_faults();
    assert_eq!(stage.call_as(super::stage::OLD, "GET", "/user", Value::Null).await.0, 200);
}

#[tokio::test]
async fn a_stopped_gitlab_is_down_for_open_connections_too_and_comes_back_with_its_world() {
    let super::stage::Stage { gitlab, client, state, account, .. } = stage(|_, _| {}).await;
    let (address, url) = (gitlab.address(), format!("{}/api/v4/user", gitlab.base_url()));
    let ask = || client.get(&url).header("PRIVATE-TOKEN", BOT).send();
    // Read to its end, so that the connection is kept and tried again.
    assert!(ask().await.unwrap().text().await.unwrap().contains("rekey-bot"));
    let world = gitlab.stop().await;
    assert!(ask().await.is_err());
    assert_eq!(state.calls().len(), 1);
    let again = rekey::sandbox::gitlab::Gitlab::resume(world, address).await.unwrap();
    assert_eq!(ask().await.unwrap().status(), 200);
    assert_eq!(again.state().live_tokens(account).len(), 1);
}
