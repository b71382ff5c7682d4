//! What a refusal means is decided by GitLab's words: whom it concerns, and whether it passes.

use super::*;
use crate::http::{gitlab_api, serve};
use rekey::http::About;
use serde_json::json;

/// A bot that maintains one project and is a guest in five others, which refuse to list their tokens.
async fn demoted() -> (House, Vec<Owner>) {
    let house = house().await;
    let owners = house.state.with(|world| {
        let mut lost = |number: usize| {
            let path = format!("elsewhere/a{number}");
            let project = world.project(&path);
            world.member(Place::Project(project), house.bot_id, 10);
            Owner::Project { project: path }
        };
        (1..=5).map(&mut lost).collect()
    });
    (house, owners)
}

#[tokio::test]
async fn projects_that_refuse_to_list_their_tokens_do_not_rest_the_bot() {
    let (house, lost) = demoted().await;
    for owner in &lost {
        let error = house.bot.list(owner, &TokenFilter::default()).await.unwrap_err();
        assert_eq!((error.status(), error.about()), (Some(401), About::Call), "{error}");
    }
    let own = house.bot.list(&Owner::Project { project: "acme/deploy".into() }, &TokenFilter::default()).await;
    assert_eq!(own.unwrap().len(), 1);
    assert!(house.calls("GET", "/user") <= 1, "whether the token lives at all is asked once");
}

#[tokio::test]
async fn a_token_that_gitlab_does_not_know_rests_and_its_words_stay() {
    let house = house().await;
    let api = gitlab_api(&format!("{}/api/v4", house._gitlab.base_url()), "glpat-NobodyKnowsThisOne12");
    let stranger = Client::new(Arc::new(api));
    let owner = Owner::Project { project: "acme/deploy".into() };
    for _ in 0..3 {
        let error = stranger.list(&owner, &TokenFilter::default()).await.unwrap_err();
        assert_eq!(error.about(), About::Credential, "{error}");
    }
    let before = house.state.calls().len();
    let error = stranger.list(&owner, &TokenFilter::default()).await.unwrap_err().to_string();
    assert!(error.contains("401 Unauthorized (the credential was refused three times in a row"), "{error}");
    assert_eq!(house.state.calls().len(), before, "it is not asked again for a while");
}

#[tokio::test]
async fn a_read_only_gitlab_is_told_from_one_that_refuses_with_json_and_without() {
    let house = house().await;
    let [owner, ..] = owners();
    let old = house.only_token(&owner).await;
    house.state.with(|world| world.settings.read_only = true);
    let writes = [
        house.bot.create(&owner, &new_token(&owner, "x")).await.err(),
        house.bot.rotate(&owner, old.id, TODAY + 90.days()).await.err(),
        house.bot.revoke(&owner, old.id).await.err(),
        house.bot.create_pipeline("acme/deploy", "main").await.err(),
        house.bot.play_schedule("acme/deploy", 1).await.err(),
    ];
    for error in writes {
        let error = error.unwrap();
        assert!(error.had_no_effect() && error.status().is_none(), "{error:?}");
        assert!(error.to_string().contains("GitLab is read-only for now"), "{error}");
    }
    house.state.with(|world| world.settings.read_only = false);
    assert_eq!(house.only_token(&owner).await, old, "nothing happened");
    house.bot.revoke(&owner, old.id).await.unwrap();
}

#[tokio::test]
async fn a_page_of_a_proxy_says_nothing_about_a_token() {
    for status in [401, 403, 404] {
        let house = house().await;
        let [owner, ..] = owners();
        house.state.fault(Rule::new("GET", "*", Fault::Page { status }).times(0));
        let value = Secret::new("glpat-AbCdEfGhIjKlMnOpQrSt".into());
        for error in [
            house.bot.whoami(&value).await.err(),
            house.bot.find(&owner, TokenId(1)).await.err(),
            house.bot.issue("acme/deploy", 1).await.err(),
            house.bot.project("acme/deploy", 1).await.err(),
            house.bot.expiry_limit().await.err(),
        ] {
            let error = error.unwrap_or_else(|| unreachable!("a page {status} passed for an answer"));
            assert!(error.is_passing() && error.to_string().contains("something before GitLab answered"), "{error}");
        }
    }
}

#[tokio::test]
async fn the_json_of_a_gateway_says_nothing_about_a_token() {
    for (status, body) in [
        (
            403,
            json!({"timestamp": "2026-01-01T00:00:00Z", "status": 403, "error": "Forbidden", "path": "/api/v4/user"}),
        ),
        (401, json!({"error": {"code": "Unauthorized", "message": "Access token is missing or invalid"}})),
        (401, json!({"statusCode": 401, "message": "Access denied due to missing subscription key."})),
        (404, json!({"statusCode": 404, "message": "Resource not found"})),
        (403, json!({"message": "Missing Authentication Token"})),
        (401, json!({"message": "The incoming token has expired"})),
        (403, json!({"message": "You cannot consume this service", "request_id": "f00"})),
    ] {
        let house = house().await;
        let [owner, ..] = owners();
        house.state.fault(Rule::new("GET", "*", Fault::Refuse { status, body: body.clone() }).times(0));
        let value = Secret::new("glpat-AbCdEfGhIjKlMnOpQrSt".into());
        for error in [
            house.bot.whoami(&value).await.err(),
            house.bot.find(&owner, TokenId(1)).await.err(),
            house.bot.issue("acme/deploy", 1).await.err(),
            house.bot.project("acme/deploy", 1).await.err(),
        ] {
            let error = error.unwrap_or_else(|| unreachable!("{body} passed for an answer"));
            assert!(error.is_passing() && error.to_string().contains("something before GitLab answered"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_login_page_on_another_host_is_a_proxys_and_never_a_move() {
    for (status, location) in [
        (302, "https://auth.example/?rd=https%3A%2F%2Fgitlab.example%2Fapi%2Fv4"),
        (303, "https://idp.example/realms/acme/start?state=x"),
        (307, "https://auth.example/api/v4/projects/acme%2Fdeploy"),
        (302, "https://auth.example/api/v4/projects/21"),
    ] {
        let status = axum::http::StatusCode::from_u16(status).unwrap();
        let base = serve(axum::Router::new().fallback(async move || (status, [("location", location)]))).await;
        let api = gitlab_api(&format!("{base}/api/v4"), "glpat-x");
        for call in [rekey::http::Call::get, rekey::http::Call::put] {
            let error = api.call(&call("/projects/acme%2Fdeploy")).await.err().unwrap();
            assert!(error.had_no_effect(), "{error:?}");
            assert!(error.to_string().contains("a proxy in front of GitLab wants a login"), "{error}");
            assert!(error.mend().unwrap_or_default().contains("[gitlab.proxy]"), "{:?}", error.mend());
        }
    }
}

#[tokio::test]
async fn each_refusal_of_gitlab_has_its_own_way_out() {
    for (status, body, about, mend) in [
        (
            401,
            json!({"error": "invalid_token", "error_description": "Token is expired."}),
            About::Credential,
            "make a new",
        ),
        (401, json!({"error": "dpop_error", "error_description": "DPoP header is missing"}), About::Caller, "DPoP"),
        (403, json!({"message": "403 Forbidden - Your account has been blocked."}), About::Caller, "unblock"),
        (403, json!({"message": "You must accept the Terms of Service in order to go on."}), About::Caller, "accept"),
        (
            403,
            json!({"message": "Cannot find valid SSO session. Please login via your group's SSO"}),
            About::Call,
            "session",
        ),
        (
            405,
            json!({"message": "Non GET methods are not allowed for moved projects"}),
            About::Call,
            "correct its path",
        ),
        (405, json!({"error": "405 Not Allowed"}), About::Call, "17.11"),
        (403, json!({"message": "403 Forbidden"}), About::Call, ""),
    ] {
        let said = (axum::http::StatusCode::from_u16(status).unwrap(), axum::Json(body.clone()));
        let base = serve(axum::Router::new().fallback(async move || said.clone())).await;
        let client = Client::new(Arc::new(gitlab_api(&format!("{base}/api/v4"), "glpat-x")));
        let path = "/groups/acme/service_accounts/42/personal_access_tokens";
        let error = client.api().call(&rekey::http::Call::post(path)).await.err().unwrap();
        assert_eq!(error.about(), about, "{body}");
        assert!(error.mend().unwrap_or_default().contains(mend), "{body}: {:?}", error.mend());
    }
}
