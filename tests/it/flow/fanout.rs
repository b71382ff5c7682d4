//! One value, several stores: what happens when some of them do not take it, when somebody else writes the same place,
//! and when the bot dies in between.

use super::setup::{Setup, project_variable};
use super::team::Team;
use crate::http::gitlab_api as api;
use crate::sandbox::stage::OLD;
use crate::store::openbao;
use rekey::http::Call;
use rekey::rotation::phase::{Outcome, Why};
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{Fault, Mint, Place, Rule, Variable};
use rekey::secret::Secret;
use rekey::store::template::Template;
use rekey::store::vault::{Auth, Engine, Settings, Spec};
use rekey::store::{Connections, Link, Source, StoreSpec, file};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const ROOT: &str = "glpat-RootRootRootRootRoot";

/// The deploy variable first, then a second one, then a file that has more in it.
async fn three() -> Team {
    let setup = Setup::new();
    let path = setup.file("env");
    std::fs::write(&path, format!("# ours\nTOKEN='{OLD}'\nOTHER=x\n")).unwrap();
    let document = Box::new(StoreSpec::File(file::Spec { path }));
    let part = StoreSpec::Templated(document, Template::Dotenv { key: "TOKEN".into() });
    setup
        .settings(|settings| settings.give_up_after = Duration::from_secs(60))
        .also_stored_in(project_variable("SECOND"))
        .also_stored_in(part)
        .start(|world, project| {
            world.variable(Variable::new(Place::Project(project), "SECOND", OLD).masked());
            let root = world.admin("root");
            world.mint(Mint::new(root, "root", &["api"]).value(ROOT));
        })
        .await
}

fn env(team: &Team) -> String {
    std::fs::read_to_string(team.setup.file("env")).unwrap()
}

fn second(team: &Team) -> String {
    team.stage.state.variable(Place::Project(team.stage.project), "SECOND", "*").unwrap().value
}

/// Works, and lets time pass meanwhile, until rekey gives up: who holds a value does not let go of it while it waits.
async fn until_it_is_given_up(team: &Team) -> Why {
    tokio::join!(team.work(), async {
        while team.phase().await != "stuck" {
            team.stage.clock.advance(1);
        }
    });
    team.stuck().await
}

/// Whom the store's requests went to, in their order.
fn writes(team: &Team) -> Vec<String> {
    let calls = team.stage.state.calls().into_iter();
    let writes = calls.filter(|call| call.method == "PUT" && call.path.contains("/variables/"));
    writes.map(|call| call.path.rsplit('/').next().unwrap().to_owned()).collect()
}

/// A person writes a variable.
async fn meddle(team: &Team, key: &str, value: &str) {
    let path = format!("/projects/{}/variables/{key}", team.stage.project);
    let root = api(&format!("{}/api/v4", team.stage.gitlab.base_url()), ROOT);
    root.call(&Call::put(path).query("filter[environment_scope]", "*").json(&json!({ "value": value }))).await.unwrap();
}

#[tokio::test]
async fn stores_are_written_in_the_stated_order_and_everything_beside_the_value_stays() {
    let team = three().await;
    team.approved().await;
    team.pass(3600).await;
    team.done().await;
    assert_eq!(writes(&team), ["DEPLOY_TOKEN", "SECOND"]);
    assert_eq!(env(&team), format!("# ours\nTOKEN='{}'\nOTHER=x\n", second(&team)));
}

#[tokio::test]
async fn a_store_that_is_down_holds_no_other_up_and_the_card_says_which_it_is() {
    let team = three().await;
    let down = Rule::new("PUT", "*/variables/DEPLOY_TOKEN", Fault::ErrorBefore { status: 503 }).times(0);
    team.stage.state.fault(down);
    team.approved().await;
    let why = until_it_is_given_up(&team).await;
    assert!(why.what.contains("gitlab-variable acme/deploy DEPLOY_TOKEN (scope *) may or may not hold"), "{why:?}");
    assert!(why.safe.contains("2 of 3 stores hold the new value, which works too."), "{why:?}");
    assert!(why.todo.contains("restore"), "{why:?}");
    assert!(team.issue().contains("2 of 3 stores"), "{}", team.issue());
    assert_ne!(second(&team), OLD);
    assert!(env(&team).contains(&second(&team)));
    assert_eq!(team.live().len(), 2, "both tokens live");
    team.stage.state.clear_faults();
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(3600).await;
    team.done().await;
    assert!(env(&team).contains(&second(&team)));
}

#[tokio::test]
async fn a_store_that_recovers_by_itself_is_written_last() {
    let team = three().await;
    let down = Rule::new("PUT", "*/variables/DEPLOY_TOKEN", Fault::ErrorBefore { status: 503 }).times(2);
    team.stage.state.fault(down);
    team.approved().await;
    team.pass(3600).await;
    team.done().await;
    assert_eq!(writes(&team), ["DEPLOY_TOKEN", "SECOND", "DEPLOY_TOKEN", "DEPLOY_TOKEN"]);
}

#[tokio::test]
async fn restoring_brings_the_old_value_back_wherever_the_new_one_was_written() {
    let team = three().await;
    team.stage.state.fault(Rule::new("PUT", "*/variables/SECOND", Fault::ErrorBefore { status: 503 }).times(0));
    team.approved().await;
    until_it_is_given_up(&team).await;
    assert!(env(&team).contains("TOKEN='glpat") && !env(&team).contains(OLD));
    team.stage.state.clear_faults();
    team.click("alice", Action::Restore).await.unwrap();
    team.pass(3600).await;
    team.ended(Outcome::Abandoned).await;
    assert_eq!((team.held(), second(&team).as_str()), (Some(team.stage.old), OLD));
    assert_eq!(env(&team), format!("# ours\nTOKEN='{OLD}'\nOTHER=x\n"));
    assert_eq!(team.live(), [team.stage.old]);
}

#[tokio::test]
async fn a_person_who_writes_the_same_place_is_not_overwritten_and_somebody_decides() {
    let team = three().await;
    team.stage.state.fault(Rule::new("PUT", "*/variables/DEPLOY_TOKEN", Fault::HoldBefore));
    team.approved().await;
    let (_, ()) = tokio::join!(team.work(), async {
        team.stage.state.held().await;
        meddle(&team, "DEPLOY_TOKEN", "glpat-SomebodyElseWroteThis").await;
        team.stage.state.release(false);
    });
    let variable = || team.stage.state.variable(Place::Project(team.stage.project), "DEPLOY_TOKEN", "*").unwrap();
    let why = team.stuck().await;
    assert!(why.what.contains("DEPLOY_TOKEN (scope *) was changed by somebody else"), "{why:?}");
    assert!(why.what.contains("not overwritten") && why.todo.starts_with("Find out who writes there"), "{why:?}");
    assert_eq!(variable().value, "glpat-SomebodyElseWroteThis");
    assert_eq!(team.live().len(), 2);
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(3600).await;
    team.done().await;
    assert_eq!(variable().value, second(&team), "a person decided that ours is right");
}

#[tokio::test]
async fn a_change_beside_the_value_is_kept_and_needs_nobody() {
    let document = |token: &str, other: &str| format!("TOKEN={token}\nOTHER={other}\n");
    let part = StoreSpec::Templated(Box::new(project_variable("SECOND")), Template::Dotenv { key: "TOKEN".into() });
    let team = Setup::new()
        .also_stored_in(part)
        .start(|world, project| {
            world.variable(Variable::new(Place::Project(project), "SECOND", &document(OLD, "x")));
            let root = world.admin("root");
            world.mint(Mint::new(root, "root", &["api"]).value(ROOT));
        })
        .await;
    team.stage.state.fault(Rule::new("PUT", "*/variables/SECOND", Fault::HoldBefore));
    team.approved().await;
    let (_, ()) = tokio::join!(team.work(), async {
        team.stage.state.held().await;
        meddle(&team, "SECOND", &document(OLD, "y")).await;
        team.stage.state.release(false);
    });
    team.pass(3600).await;
    team.done().await;
    let new = team.stage.state.variable(Place::Project(team.stage.project), "DEPLOY_TOKEN", "*").unwrap().value;
    assert_eq!(second(&team), document(&new, "y"));
}

fn vault(bao: &openbao::OpenBao, path: &str) -> (StoreSpec, Connections) {
    let link = Link { url: bao.address.clone(), ..Link::default() };
    let auth = Auth::Token(Source::Fixed(Secret::new(bao.token.clone())));
    let settings = Arc::new(Settings { link, namespace: None, auth });
    let (mount, field) = ("secret".into(), "token".into());
    let (at, address) = ("main".to_owned(), "vault.example.com".into());
    let spec = Spec { at: at.clone(), address, mount, path: path.into(), field, engine: Engine::V2 };
    (StoreSpec::Vault(spec), Connections { vault: [(at, settings)].into(), ..Connections::default() })
}

#[tokio::test]
async fn what_a_store_keeps_itself_comes_back_even_after_the_bot_died() {
    let Some(bao) = openbao::shared() else { return };
    let path = format!("flow-{}", std::process::id());
    let at = format!("secret/data/{path}");
    bao.must("POST", &at, json!({"data": {"token": OLD, "user": "deploy-bot"}})).await;
    let (store, connections) = vault(bao, &path);
    let variable = Setup::new().stores.remove(0);
    let setup = Setup { connections, ..Setup::new() };
    let mut team = setup.stored_only_in(store).also_stored_in(variable).start(|_, _| {}).await;
    team.stage.state.fail_job(Some("deploy"));
    team.approved().await;
    team.pass(60).await;
    assert!(team.stuck().await.what.starts_with("Verification failed"));
    let held = async || bao.must("GET", &at, serde_json::Value::Null).await["data"]["data"].clone();
    assert_ne!(held().await["token"], OLD);
    team.restarted().await;
    team.click("alice", Action::Restore).await.unwrap();
    team.pass(3600).await;
    assert_eq!(held().await, json!({"token": OLD, "user": "deploy-bot"}));
    let why = team.stuck().await;
    assert!(why.what.contains("gitlab-variable acme/deploy DEPLOY_TOKEN"), "{why:?}");
    assert!(why.what.contains("rekey was restarted since"), "the variable keeps no versions: {why:?}");
    assert_eq!(team.live().len(), 2);
    let row = serde_json::to_string(&team.rotation().await).unwrap();
    assert!(!row.contains(OLD), "the row remembers a version and no value");
    assert!(Path::new(&team.setup.file("rekey.db")).exists());
}
