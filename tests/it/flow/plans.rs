//! A plan is approved exactly as it is: what changes meanwhile is said and asked about again.

use super::setup::{Setup, project_variable};
use super::team::Team;
use rekey::engine::OpenedRotation;
use rekey::rotation::ids::TokenName;
use rekey::rotation::phase::Outcome;
use rekey::rotation::record::Origin;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{Fault, Mint, Place, Rule, Variable};
use serde_json::json;

const CREATE: &str = "*/personal_access_tokens";

#[tokio::test]
async fn a_click_on_an_outdated_card_is_refused() {
    let team = Team::new().await;
    team.open().await;
    let old = team.click_with("alice", Action::Approve, |click| click.plan = Some("0123456789abcdef".into())).await;
    let old = old.unwrap_err().to_string();
    assert!(old.starts_with("the plan has changed"), "{old}");
    let none = team.click_with("alice", Action::Approve, |_| {}).await;
    assert!(none.is_err(), "no plan, no approval");
}

#[tokio::test]
async fn a_store_added_between_card_and_start_voids_the_approval_and_says_so() {
    let setup = Setup::new();
    let mut team = setup
        .start(|world, project| {
            world.variable(Variable::new(Place::Project(project), "SECOND", "x").masked());
        })
        .await;
    team.approved().await;
    team.setup.tokens[0].stores.push(project_variable("SECOND").id());
    team.setup.stores.push(project_variable("SECOND"));
    team.restarted().await;
    team.work().await;
    assert_eq!(team.phase().await, "awaiting_approval");
    assert_eq!(team.live(), [team.stage.old]);
    let told = team.comments().remove(0);
    assert!(told.contains("needs a new approval: stores:") && told.contains("SECOND"), "{told}");
    team.click("bob", Action::Approve).await.unwrap();
    team.pass(3600).await;
    team.done().await;
    let second = team.stage.state.held_by(Place::Project(team.stage.project), "SECOND", "*");
    assert_eq!(second, team.held(), "both stores hold the new token");
}

#[tokio::test]
async fn scopes_narrowed_by_policy_void_the_approval_and_are_what_is_minted() {
    let mut team = Setup::new().token(|token| token.name = "wide".into()).start(|_, _| {}).await;
    let made = json!({"name": "wide", "scopes": ["read_api", "read_user"], "expires_at": "2026-11-28"});
    let path = format!("/groups/acme/service_accounts/{}/personal_access_tokens", team.stage.account);
    let (_, wide) = team.stage.call("POST", &path, made).await;
    team.stage.store(wide["token"].as_str().unwrap()).await;
    team.approved().await;
    team.setup.tokens[0].scopes = Some(["read_api".to_owned()].into());
    team.restarted().await;
    team.work().await;
    assert_eq!(team.phase().await, "awaiting_approval");
    assert!(team.comments()[0].contains("scopes: read\\_api, read\\_user → read\\_api"), "{:?}", team.comments());
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(3600).await;
    team.ended(Outcome::Done).await;
    let new = team.stage.state.token(team.held().unwrap()).unwrap();
    assert_eq!(new.scopes, ["read_api"]);
}

#[tokio::test]
async fn a_token_replaced_by_a_person_before_approval_needs_no_rotation() {
    let team = Team::new().await;
    team.open().await;
    let (_, value) = team.stage.mint().await;
    team.stage.store(&value).await;
    team.stage.state.with(|world| world.revoke(team.stage.old));
    team.pass(7 * 3600).await;
    team.ended(Outcome::Superseded).await;
    assert!(team.issue().contains("was revoked or rotated by somebody"), "{}", team.issue());
}

#[tokio::test]
async fn a_token_replaced_between_approval_and_start_is_not_minted_again() {
    let team = Team::new().await;
    team.approved().await;
    let (heir, value) = team.stage.mint().await;
    team.stage.store(&value).await;
    team.stage.state.with(|world| world.revoke(team.stage.old));
    team.pass(60).await;
    team.ended(Outcome::Superseded).await;
    assert_eq!(team.live(), [heir]);
}

#[tokio::test]
async fn a_token_revoked_between_approval_and_start_is_not_minted_again_and_people_are_told() {
    let team = Team::new().await;
    team.approved().await;
    team.stage.state.with(|world| world.revoke(team.stage.old));
    team.pass(60).await;
    assert_eq!((team.phase().await, team.live()), ("awaiting_approval", Vec::new()));
    assert!(team.comments().iter().any(|told| told.contains("what the stores hold is dead")), "{:?}", team.comments());
}

#[tokio::test]
async fn a_limit_that_gitlab_names_only_when_it_refuses_is_learned_and_asked_about() {
    let team = Setup::new().start(|world, _| world.settings.max_lifetime_days = 90).await;
    team.approved().await;
    team.pass(60).await;
    let why = team.stuck().await;
    assert!(why.what.contains("must be before 2027-02-19"), "{why:?}");
    assert!(why.safe.contains("The old token still works"), "{why:?}");
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(60).await;
    assert_eq!(team.phase().await, "awaiting_approval", "the shorter life is another plan");
    let expiry = team.rotation().await.plan.new.expires_at.unwrap();
    assert!(team.comments().iter().any(|text| text.contains("new expiry: 2027-11-21")), "{:?}", team.comments());
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(3600).await;
    team.done().await;
    assert_eq!(team.stage.state.token(team.held().unwrap()).unwrap().expires_at, Some(expiry));
}

#[tokio::test]
async fn an_incident_takes_the_longest_life_that_gitlab_allows_since_the_old_token_is_dead_already() {
    let team = Setup::new().start(|world, _| world.settings.max_lifetime_days = 90).await;
    let alice = rekey::engine::rights::Visitor::named("alice".into());
    team.engine.open_incident("deploy", &alice, "slack", "pasted").await.unwrap();
    team.work().await;
    let planned = team.rotation().await.plan.new.expires_at.unwrap();
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(3600).await;
    team.done().await;
    let expires = team.stage.state.token(team.held().unwrap()).unwrap().expires_at.unwrap();
    assert!(expires < planned, "{expires} instead of {planned}");
    let told = format!("expires {expires}, sooner than planned: GitLab allows no more");
    assert!(team.issue().contains(&told), "{}", team.issue());
}

#[tokio::test]
async fn two_variables_that_could_be_meant_block_the_approval_until_one_is_left() {
    let team = Setup::new()
        .stored_only_in(project_variable("TWIN"))
        .start(|world, project| {
            world.variable(Variable::new(Place::Project(project), "TWIN", "x").scoped("production"));
        })
        .await;
    team.open().await;
    let refusal = team.refusal("alice", Action::Approve).await;
    assert!(refusal.starts_with("cannot be approved yet:") && refusal.contains("To mend it:"), "{refusal}");
    assert!(team.issue().contains("🚧"));
    team.stage.state.with(|world| {
        let place = Place::Project(team.stage.project);
        world.variable(Variable::new(place, "TWIN", crate::sandbox::stage::OLD).masked());
        world.pipeline(
            team.stage.project,
            "main",
            vec![rekey::sandbox::gitlab::JobPlan::new("deploy", "deploy").calls_with("TWIN")],
        );
    });
    team.pass(7 * 3600).await;
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(3600).await;
    team.ended(Outcome::Done).await;
    let twin = team.stage.state.held_by(Place::Project(team.stage.project), "TWIN", "*");
    assert_eq!(twin, team.live().first().copied());
}

#[tokio::test]
async fn a_case_of_a_token_that_left_the_configuration_is_closed_and_begins_again_if_it_comes_back() {
    let mut team = Team::new().await;
    team.approved().await;
    let configured = team.setup.tokens.clone();
    team.setup.tokens[0].id = TokenName::from("other");
    team.restarted().await;
    team.pass(60).await;
    team.ended(Outcome::Withdrawn).await;
    assert!(team.issue().contains("is no longer in the configuration"), "{}", team.issue());
    assert_eq!(team.live(), [team.stage.old], "nothing was changed");
    team.setup.tokens = configured;
    team.restarted().await;
    let OpenedRotation::New(again) = team.engine.consider(&team.setup.tokens[0], Origin::Scan, false).await.unwrap()
    else {
        unreachable!("the case was not opened again")
    };
    assert_eq!(again.key.round, 1);
}

#[tokio::test]
async fn a_stuck_case_of_a_token_that_left_the_configuration_says_that_nobody_may_decide() {
    let mut team = Team::new().await;
    team.stage.state.fault(Rule::new("POST", CREATE, Fault::ErrorBefore { status: 403 }).times(3));
    team.approved().await;
    team.pass(60).await;
    team.stuck().await;
    let configured = std::mem::take(&mut team.setup.tokens);
    team.restarted().await;
    for _ in 0..2 {
        team.engine.scan_and_tell().await;
        team.work().await;
    }
    let (issue, version) = (team.issue(), team.rotation().await.version);
    assert!(issue.contains("was taken out of the configuration, so nobody may decide; put it back"), "{issue}");
    team.engine.scan_and_tell().await;
    assert_eq!(team.rotation().await.version, version, "it is said once");
    team.setup.tokens = configured;
    team.restarted().await;
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn a_paused_bot_shows_everything_and_begins_nothing() {
    let mut team = Team::new().await;
    team.approved().await;
    team.setup.settings.paused = true;
    team.restarted().await;
    team.pass(60).await;
    assert_eq!((team.phase().await, team.live()), ("awaiting_approval", vec![team.stage.old]));
    let refusal = team.refusal("alice", Action::Approve).await;
    assert!(refusal.starts_with("cannot be approved yet: rekey is paused"), "{refusal}");
    assert!(team.issue().contains("rekey is paused"), "{}", team.issue());
    team.setup.settings.paused = false;
    team.restarted().await;
    team.pass(600).await;
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn a_bot_whose_own_token_could_act_as_anybody_does_nothing() {
    const MIGHTY: &str = "glpat-MightyMightyMighty";
    let team = Setup::new()
        .bot(MIGHTY)
        .start(|world, _| {
            let root = world.admin("root");
            world.mint(Mint::new(root, "mighty", &["api", "sudo"]).value(MIGHTY));
        })
        .await;
    team.open().await;
    let refusal = team.refusal("alice", Action::Approve).await;
    assert!(refusal.contains("the scope sudo, by which it could act as anybody"), "{refusal}");
}

#[tokio::test]
async fn tokens_of_one_name_are_told_apart_by_expiry_or_not_at_all() {
    let team = Setup::new().start(|_, _| {}).await;
    team.stage.mint().await;
    team.open().await;
    assert_eq!(team.rotation().await.key.token.0, team.stage.old, "the one near its expiry");
    let twin = Mint::new(team.stage.account, "deploy", &["read_api"]).expires("2026-11-27".parse().unwrap());
    team.stage.state.with(|world| world.mint(twin));
    let error = team.engine.live_token(&team.setup.tokens[0]).await.unwrap_err().to_string();
    assert!(error.contains("3 active tokens named \"deploy\"") && error.contains("revoke"), "{error}");
}
