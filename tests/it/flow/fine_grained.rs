//! Tokens with fine-grained permissions, managed and the bot's own: nothing is revoked that could not be made anew, and
//! what the bot may not see is not taken for gone.

use super::setup::{Setup, project_variable};
use super::team::Team;
use crate::sandbox::stage::BOT;
use rekey::engine::OpenedRotation;
use rekey::engine::rights::Visitor;
use rekey::rotation::token::{Owner, Strategy};
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{Fault, Mint, Place, Rule, Variable, World};

const FINE: &str = "glpat-FineFineFineFineFine";
const ROOT: &str = "glpat-RootRootRootRootRoot";

/// A fine-grained token near its expiry, in a variable of its own.
fn furnish(world: &mut World, project: u64, user: u64) {
    let mint = Mint::new(user, "deploy", &["granular"]).expires("2026-11-28".parse().unwrap()).value(FINE);
    world.mint(Mint { granular: true, ..mint });
    world.variable(Variable::new(Place::Project(project), "FINE", FINE).masked());
    let deploy = rekey::sandbox::gitlab::JobPlan::new("deploy", "deploy").calls_with("FINE");
    world.pipeline(project, "main", vec![deploy]);
}

/// A service account's token, whose list shows that it is fine-grained and not what it may do.
async fn of_an_account() -> Team {
    of_an_account_by(BOT, |_| {}).await
}

/// The same, managed by a bot with that token.
async fn of_an_account_by(bot: &str, more: impl FnOnce(&mut World)) -> Team {
    let owner = Owner::GroupServiceAccount { group: "acme".into(), username: "fine-bot".into() };
    let setup = Setup::new().stored_only_in(project_variable("FINE")).token(|token| token.owner = owner).bot(bot);
    setup
        .start(|world, project| {
            more(world);
            let group = world.group_named("acme").unwrap();
            let account = world.service_account(Place::Group(group), "fine-bot");
            furnish(world, project, account);
        })
        .await
}

/// A user's token, managed by an administrator of that version of GitLab.
async fn by_an_administrator(version: &str) -> Team {
    let owner = Owner::User { username: "robot".into() };
    let setup = Setup::new().stored_only_in(project_variable("FINE")).token(|token| token.owner = owner).bot(ROOT);
    setup
        .start(|world, project| {
            world.settings.version = version.into();
            let (root, robot) = (world.admin("root"), world.user("robot"));
            world.mint(Mint::new(root, "rekey", &["api"]).value(ROOT));
            furnish(world, project, robot);
        })
        .await
}

async fn finishes(team: &Team) {
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(7200).await;
    let rotation = team.rotation().await;
    assert_eq!(rotation.phase.name(), "closed", "{:?}", rotation.phase);
    let held = team.stage.state.held_by(Place::Project(team.stage.project), "FINE", "*").unwrap();
    let token = team.stage.state.token(held).unwrap();
    assert!(!token.revoked && token.granular, "{token:?}");
    assert_eq!(token.grants, [rekey::sandbox::gitlab::grant()], "with the same permissions");
}

#[tokio::test]
async fn a_token_whose_permissions_are_not_told_is_rotated_in_place() {
    let team = of_an_account().await;
    let plan = team.open().await.plan;
    assert_eq!(plan.strategy, Strategy::InPlace);
    assert!(plan.reasons[0].contains("cannot be made anew here"), "{:?}", plan.reasons);
    assert_eq!(plan.blockers, Vec::<String>::new());
    finishes(&team).await;
}

#[tokio::test]
async fn what_the_list_of_an_account_leaves_out_an_administrator_is_told_singly() {
    let team = of_an_account_by(ROOT, |world| {
        world.settings.version = "19.6.1-ee".into();
        let root = world.admin("root");
        world.mint(Mint::new(root, "rekey", &["api"]).value(ROOT));
    });
    let team = team.await;
    let plan = team.open().await.plan;
    assert_eq!((plan.strategy, plan.blockers), (Strategy::Overlap, Vec::new()));
    assert!(!plan.new.permissions.is_empty(), "the new token gets the same");
    finishes(&team).await;
}

#[tokio::test]
async fn an_incident_never_revokes_first_what_could_not_be_made_anew() {
    let team = of_an_account().await;
    let opened = team.engine.open_incident("deploy", &Visitor::named("alice".into()), "slack", "pasted").await.unwrap();
    let OpenedRotation::New(rotation) = opened else { unreachable!("{opened:?}") };
    assert_eq!(rotation.plan.strategy, Strategy::InPlace);
    assert!(rotation.plan.reasons[0].contains("the value leaked"), "{:?}", rotation.plan.reasons);
    team.work().await;
    finishes(&team).await;
    let calls = team.stage.state.calls();
    assert!(!calls.iter().any(|call| call.method == "DELETE"), "nothing was revoked before it was replaced");
}

#[tokio::test]
async fn a_case_that_waits_is_turned_by_an_incident_into_one_that_replaces_in_one_step() {
    let team = of_an_account().await;
    team.open().await;
    team.engine.open_incident("deploy", &Visitor::named("alice".into()), "slack", "pasted").await.unwrap();
    team.work().await;
    let rotation = team.rotation().await;
    assert!(rotation.is_incident() && rotation.plan.strategy == Strategy::InPlace, "{:?}", rotation.plan);
    finishes(&team).await;
}

#[tokio::test]
async fn an_administrator_makes_it_anew_with_the_same_permissions_where_gitlab_takes_them() {
    for (version, strategy) in [("19.6.1-ee", Strategy::Overlap), ("19.2.0-ee", Strategy::InPlace)] {
        let team = by_an_administrator(version).await;
        let plan = team.open().await.plan;
        assert_eq!((plan.strategy, plan.blockers.len()), (strategy, 0), "{version}: {:?}", plan.blockers);
        finishes(&team).await;
    }
}

/// The usual team, whose bot calls with a fine-grained token.
async fn fine_bot() -> Team {
    let setup = Setup::new().bot(FINE);
    setup
        .start(|world, _| {
            let bot = world.user_named("rekey-bot").unwrap();
            world.mint(Mint { granular: true, ..Mint::new(bot, "rekey", &["granular"]).value(FINE) });
        })
        .await
}

#[tokio::test]
async fn a_fine_grained_bot_rotates_and_its_plan_says_what_cannot_be_known() {
    let team = fine_bot().await;
    let plan = team.open().await.plan;
    assert_eq!(plan.blockers, Vec::<String>::new());
    assert!(
        plan.warnings.iter().any(|told| told.contains("the bot's own token is fine-grained")),
        "{:?}",
        plan.warnings
    );
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn what_a_fine_grained_bot_is_told_is_not_there_is_not_taken_for_gone() {
    let team = fine_bot().await;
    team.open().await;
    let missing = |path: &str| Rule::new("GET", path, Fault::ErrorBefore { status: 404 }).times(0);
    let iid = team.stage.state.issues()[0].iid;
    team.stage.state.fault(missing(&format!("*/issues/{iid}")));
    team.click("alice", Action::Decline).await.unwrap();
    team.pass(600).await;
    let rotation = team.rotation().await;
    assert!(rotation.surfaces.values().all(|surface| !surface.gone), "{:?}", rotation.surfaces);
    team.stage.state.clear_faults();
    team.pass(7200).await;
    team.ended(rekey::rotation::phase::Outcome::Declined).await;
}

#[tokio::test]
async fn a_fine_grained_bot_closes_nothing_because_the_owner_seems_not_to_be_there() {
    let team = fine_bot().await;
    team.stage.state.fail_job(Some("deploy"));
    team.open().await;
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(60).await;
    let hidden = Rule::new("GET", "*/service_accounts*", Fault::ErrorBefore { status: 404 }).times(0);
    team.stage.state.fault(hidden);
    team.click("alice", Action::Abandon).await.unwrap();
    team.pass(3600).await;
    assert_eq!(team.phase().await, "closing", "nobody could look for what is left over");
    team.stage.state.clear_faults();
    team.pass(7200).await;
    team.ended(rekey::rotation::phase::Outcome::Abandoned).await;
}

#[tokio::test]
async fn what_a_fine_grained_bot_may_not_see_of_a_project_is_not_claimed_to_be_missing() {
    let team = fine_bot().await;
    for path in ["*/repository/*", "*/members/all/*"] {
        team.stage.state.fault(Rule::new("GET", path, Fault::ErrorBefore { status: 404 }).times(0));
    }
    let plan = team.open().await.plan;
    assert_eq!(plan.blockers, Vec::<String>::new());
    let told = |words: &str| plan.warnings.iter().any(|warning| warning.contains(words));
    assert!(told("whether acme/deploy has a branch or tag main the bot may not see"), "{:?}", plan.warnings);
    assert!(told("may not see its own role in acme/deploy"), "{:?}", plan.warnings);
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn an_administrators_incident_on_a_fine_grained_token_waits_for_no_flag_that_may_be_off() {
    let team = by_an_administrator("19.6.1-ee").await;
    // The flag of the user is off: GitLab has no such route for it.
    team.stage
        .state
        .fault(Rule::new("POST", "*/users/*/personal_access_tokens", Fault::ErrorBefore { status: 404 }).times(0));
    team.engine.open_incident("deploy", &Visitor::named("alice".into()), "slack", "pasted").await.unwrap();
    team.work().await;
    let plan = team.rotation().await.plan;
    assert_eq!(plan.strategy, Strategy::InPlace, "{:?}", plan.reasons);
    finishes(&team).await;
}

/// An ordinary user's fine-grained token, which only it may rotate itself.
async fn of_a_user(permission: Option<&'static str>) -> Team {
    let owner = Owner::User { username: "robot".into() };
    let setup = Setup::new().stored_only_in(project_variable("FINE")).token(|token| token.owner = owner);
    setup
        .start(|world, project| {
            let robot = world.user("robot");
            furnish(world, project, robot);
            let grants = permission.map(|permission| {
                serde_json::json!({"access": "user", "permissions": [permission], "project_id": null, "group_id": null})
            });
            let fine = world.tokens.values_mut().find(|token| token.user == robot).unwrap();
            fine.grants = grants.into_iter().collect();
        })
        .await
}

#[tokio::test]
async fn a_fine_grained_token_rotates_itself_where_its_permissions_let_it() {
    for (permission, blocked) in
        [(Some("rotate_personal_access_token"), false), (None, false), (Some("read_personal_access_token"), true)]
    {
        let team = of_a_user(permission).await;
        let plan = team.open().await.plan;
        assert_eq!((plan.strategy, plan.blockers.len()), (Strategy::SelfRotate, usize::from(blocked)), "{plan:?}");
        let unsure = plan.warnings.iter().any(|told| told.contains("let the token rotate itself is not told"));
        assert_eq!(unsure, permission.is_none(), "{:?}", plan.warnings);
    }
}
