//! A GitLab that turns the bot away although its token is good: by a proxy before it that wants a login of its own, or by
//! what an administrator has set. Each is told in its own words, costs nothing, and is over once it is mended.

use super::setup::Setup;
use super::team::Team;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{Bar, Fault, Rule};

/// What the proxy knows the bot by.
const LOGIN: (&str, &str) = ("rekey", "open sesame");

fn proxy() -> Bar {
    Bar::Proxy(vec![("authorization".into(), "Basic cmVrZXk6b3BlbiBzZXNhbWU=".into())])
}

fn bar(team: &Team, bar: Option<Bar>) {
    team.stage.state.with(|world| world.settings.bar = bar);
}

#[tokio::test]
async fn a_gitlab_behind_a_proxy_that_wants_a_login_is_worked_with_as_any_other() {
    let mut setup = Setup::new();
    setup.proxy = Some((LOGIN.0.into(), LOGIN.1.into()));
    let team = setup.start(|world, _| world.settings.bar = Some(proxy())).await;
    team.approved().await;
    team.pass(3600).await;
    team.done().await;
    let journal = format!("{:?}", team.engine.ledger.journal(&team.rotation().await.id).await.unwrap());
    assert!(!journal.contains("sesame") && !journal.contains("cmVrZXk6"), "{journal}");
}

#[tokio::test]
async fn without_that_login_the_page_of_the_proxy_names_what_is_to_be_configured() {
    let team = Setup::new().start(|world, _| world.settings.bar = Some(proxy())).await;
    let error = team.engine.gitlab.me().await.unwrap_err();
    assert!(error.is_passing() && error.mend().unwrap().contains("[gitlab.proxy]"), "{error}: {:?}", error.mend());
}

/// What people are told while it lasts.
async fn told(team: &Team) -> String {
    let rotation = team.rotation().await;
    match (rotation.phase.name(), rotation.waiting) {
        ("stuck", _) => team.stuck().await.what,
        ("awaiting_approval", _) => rotation.plan.blockers.join("; "),
        (_, Some(waiting)) => waiting.why,
        (phase, None) => unreachable!("{phase}: nothing is said"),
    }
}

/// Once it is mended the rotation goes on, by itself or when asked to.
async fn goes_on(team: &Team) {
    bar(team, None);
    team.pass(1800).await;
    match team.phase().await {
        "stuck" => drop(team.click("alice", Action::Retry).await.unwrap()),
        "awaiting_approval" => drop(team.click("alice", Action::Approve).await.unwrap()),
        _ => {}
    }
    team.pass(6 * 3600).await;
    team.done().await;
}

/// A team that is in no hurry to ask again.
async fn patient() -> Team {
    let slowly = |settings: &mut rekey::engine::settings::Settings| {
        settings.backoff.first = std::time::Duration::from_secs(60);
        settings.backoff.most = std::time::Duration::from_secs(300);
    };
    Setup::new().settings(slowly).start(|_, _| {}).await
}

fn bars() -> [(Bar, &'static str); 4] {
    [
        (Bar::Addresses, "Access from your IP address is not allowed"),
        (Bar::SingleSignOn, "Cannot find valid SSO session"),
        (Bar::Dpop, "DPoP header is missing"),
        (Bar::Terms, "accept the Terms of Service"),
    ]
}

#[tokio::test]
async fn what_bars_the_bot_after_the_approval_is_told_in_its_own_words_and_mended() {
    for (raised, words) in bars() {
        let team = patient().await;
        team.approved().await;
        bar(&team, Some(raised.clone()));
        team.pass(1800).await;
        let told = told(&team).await;
        assert!(told.contains(words), "{raised:?}: {told}");
        assert_eq!(team.live(), [team.stage.old], "{raised:?}: nothing was made, nothing was revoked");
        goes_on(&team).await;
    }
}

#[tokio::test]
async fn what_bars_the_bot_while_the_old_token_is_watched_is_told_and_mended() {
    for (raised, words) in bars() {
        let team = patient().await;
        team.approved().await;
        team.pass(600).await;
        assert_eq!(team.phase().await, "grace", "{raised:?}");
        bar(&team, Some(raised.clone()));
        team.pass(3600).await;
        let told = told(&team).await;
        assert!(told.contains(words), "{raised:?}: {told}");
        assert_eq!(team.live().len(), 2, "{raised:?}: the old one is not revoked");
        goes_on(&team).await;
    }
}

#[tokio::test]
async fn a_stored_token_that_an_account_may_not_use_unsigned_is_not_taken_for_a_dead_one() {
    let team = Team::new().await;
    let value = rekey::secret::Secret::new(rekey_value(&team));
    let unsigned = serde_json::json!({"error": "dpop_error", "error_description": "DPoP header is missing"});
    let own = Rule::new("GET", "*/personal_access_tokens/self", Fault::Refuse { status: 401, body: unsigned });
    team.stage.state.fault(own.caller(team.stage.old).times(0));
    let error = team.engine.gitlab.whoami(&value).await.unwrap_err();
    assert!(error.mend().unwrap().contains("Require DPoP"), "{error}");
    team.stage.state.clear_faults();
    assert_eq!(team.engine.gitlab.whoami(&value).await.unwrap().unwrap().id.0, team.stage.old);
}

fn rekey_value(team: &Team) -> String {
    let place = rekey::sandbox::gitlab::Place::Project(team.stage.project);
    team.stage.state.variable(place, "DEPLOY_TOKEN", "*").unwrap().value
}
