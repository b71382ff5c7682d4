//! Somebody else's value is where ours should go: nothing of theirs is written over unless a person said so.

use super::rogue::{Does, Rogue};
use super::setup::{Setup, project_variable};
use super::team::Team;
use crate::sandbox::stage::OLD;
use rekey::rotation::phase::Outcome;
use rekey::rotation::record::Origin;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{Fault, Mint, Place, Rule, Variable};

const THEIRS: &str = "glpat-TheirsTheirsTheirsT";

/// A second variable, which holds that, and a live token of somebody else's.
async fn with_second(held: &str) -> Team {
    Setup::new()
        .also_stored_in(project_variable("SECOND"))
        .start(|world, project| {
            world.variable(Variable::new(Place::Project(project), "SECOND", held));
            let somebody = world.user("somebody");
            world.mint(Mint::new(somebody, "theirs", &["api"]).value(THEIRS));
        })
        .await
}

fn second(team: &Team) -> String {
    team.stage.state.variable(Place::Project(team.stage.project), "SECOND", "*").unwrap().value
}

#[tokio::test]
async fn somebody_elses_token_in_a_store_stops_it_before_anything_is_made() {
    let team = with_second(THEIRS).await;
    team.approved().await;
    team.pass(60).await;
    let why = team.stuck().await;
    assert!(why.what.contains("SECOND (scope *) cannot be written without asking"), "{why:?}");
    assert!(why.what.contains("it holds a value that is not this token's"), "{why:?}");
    assert_eq!(why.safe, "Nothing was changed yet.");
    assert_eq!((second(&team).as_str(), team.live()), (THEIRS, vec![team.stage.old]));
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(3600).await;
    team.done().await;
    assert_eq!(team.stage.state.held_by(Place::Project(team.stage.project), "SECOND", "*"), team.held());
}

#[tokio::test]
async fn several_such_stores_are_one_question() {
    let team = with_second(THEIRS).await;
    team.approved().await;
    team.stage.store(THEIRS).await;
    team.pass(60).await;
    let why = team.stuck().await;
    assert!(why.what.contains("DEPLOY_TOKEN (scope *) and gitlab-variable acme/deploy SECOND"), "{why:?}");
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn who_abandons_leaves_somebody_elses_token_where_it_is() {
    let team = with_second(THEIRS).await;
    team.approved().await;
    team.pass(60).await;
    team.click("alice", Action::Abandon).await.unwrap();
    team.pass(3600).await;
    team.ended(Outcome::Abandoned).await;
    assert_eq!((second(&team).as_str(), team.live()), (THEIRS, vec![team.stage.old]));
}

#[tokio::test]
async fn a_dead_value_is_not_written_over_while_the_old_token_lives() {
    let team = with_second("glpat-DeadDeadDeadDeadDead").await;
    team.approved().await;
    team.pass(60).await;
    assert_eq!(team.stuck().await.safe, "Nothing was changed yet.");
}

#[tokio::test]
async fn a_value_that_somebody_put_there_while_the_bot_was_dead_is_not_written_over() {
    let mut team = with_second(OLD).await;
    team.stage.state.fault(Rule::new("PUT", "*/variables/SECOND", Fault::ErrorBefore { status: 403 }).times(3));
    team.approved().await;
    team.pass(60).await;
    team.stage.put("SECOND", THEIRS).await;
    team.restarted().await;
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(3600).await;
    let why = team.stuck().await;
    assert!(why.what.contains("SECOND (scope *) cannot be written without asking"), "{why:?}");
    assert_eq!(why.safe, "The old token still works; nothing was revoked.");
    assert_eq!(second(&team), THEIRS);
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn what_is_no_token_at_all_is_told_before_approval_and_then_written_over() {
    let team = with_second("to be filled").await;
    let rotation = team.open().await;
    let told =
        "SECOND (scope *) holds something that does not look like a token of this GitLab; it will be overwritten";
    assert!(rotation.plan.warnings.iter().any(|warning| warning.contains(told)), "{:?}", rotation.plan.warnings);
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(3600).await;
    team.done().await;
    assert_eq!(team.stage.state.held_by(Place::Project(team.stage.project), "SECOND", "*"), team.held());
}

#[tokio::test]
async fn what_people_agreed_to_write_over_is_not_any_other_value() {
    let team = with_second("to be filled").await;
    team.approved().await;
    team.stage.put("SECOND", THEIRS).await;
    team.pass(60).await;
    assert_ne!(team.phase().await, "closed");
    assert_eq!((second(&team).as_str(), team.live()), (THEIRS, vec![team.stage.old]));
}

#[tokio::test]
async fn a_store_that_nobody_can_read_and_nobody_wrote_needs_no_restoring() {
    let team = Setup::new()
        .also_stored_in(project_variable("HIDDEN"))
        .start(|world, project| {
            world.variable(Variable::new(Place::Project(project), "HIDDEN", OLD).hidden());
        })
        .await;
    team.stage.state.fault(Rule::new("PUT", "*/variables/DEPLOY_TOKEN", Fault::ErrorBefore { status: 403 }).times(3));
    team.approved().await;
    team.pass(60).await;
    team.click("alice", Action::Restore).await.unwrap();
    team.pass(3600).await;
    team.ended(Outcome::Abandoned).await;
    assert_eq!(team.live(), [team.stage.old]);
    let evidence = team.rotation().await.evidence;
    assert!(evidence.iter().any(|seen| seen.source.contains("HIDDEN") && seen.what == "was never written"));
}

#[tokio::test]
async fn a_write_of_the_same_moment_that_may_be_lost_is_told_to_a_person() {
    let (_, team) = Rogue::team(|number| if number == 1 { Does::Crowds } else { Does::Takes }).await;
    team.approved().await;
    team.pass(60).await;
    let why = team.stuck().await;
    assert!(why.what.starts_with("rogue took the new value, but somebody else wrote there in the same moment"));
    assert!(why.what.contains("version 7 came too"), "{why:?}");
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn a_store_that_says_it_was_restored_and_was_not_is_not_believed() {
    let (rogue, team) = Rogue::team(|number| if number == 2 { Does::Pretends } else { Does::Takes }).await;
    team.stage.state.fail_job(Some("deploy"));
    team.approved().await;
    team.pass(60).await;
    team.click("alice", Action::Restore).await.unwrap();
    team.pass(3600).await;
    team.ended(Outcome::Abandoned).await;
    assert_eq!(team.live(), [team.stage.old]);
    assert_eq!(*rogue.held.lock().unwrap(), (OLD.to_owned(), 3), "the new value, in vain, and the old one");
}

#[tokio::test]
async fn an_old_token_that_died_meanwhile_is_not_gone_back_to() {
    let team = with_second(OLD).await;
    team.stage.state.fail_job(Some("deploy"));
    team.approved().await;
    team.pass(60).await;
    let (status, _) = team.stage.call_as(OLD, "DELETE", "/personal_access_tokens/self", serde_json::Value::Null).await;
    assert_eq!(status, 204);
    team.click("alice", Action::Restore).await.unwrap();
    team.pass(3600).await;
    let why = team.stuck().await;
    assert!(why.what.contains("was revoked by somebody, and stores may hold it again"), "{why:?}");
    assert_eq!(why.safe, "Nothing that rekey made was revoked.");
    assert_ne!(second(&team), OLD, "the new value stays, and works");
    team.stage.clock.advance(8 * 86_400);
    let told = team.refusal("alice", Action::Restore).await;
    assert!(told.contains("the old token is dead"), "{told}");
}

#[tokio::test]
async fn stores_that_hold_different_values_are_told_before_approval_and_no_value_is_presented() {
    let team = with_second(THEIRS).await;
    let before = asked_about_values(&team);
    let rotation = team.open().await;
    let warned = |what: &str| rotation.plan.warnings.iter().any(|warning| warning.contains(what));
    assert!(warned("hold different values, so not all of them hold token"), "{:?}", rotation.plan.warnings);
    assert!(warned("rekey stops there before anything is made, and asks"), "{:?}", rotation.plan.warnings);
    assert_eq!(asked_about_values(&team), before, "that would count as a use of the token");
}

#[tokio::test]
async fn an_administrators_plan_says_whose_value_the_only_store_holds_and_presents_none() {
    const ROOT: &str = "glpat-RootRootRootRootRoot";
    for (held, told) in [
        (THEIRS, Some("holds token THEIRS, not ")),
        // GitLab says the same of a value that it does not know and of a question that it does not know.
        ("glpat-NobodysNobodysNobod", None),
        (OLD, None),
    ] {
        let setup = Setup::new().bot(ROOT);
        let team = setup
            .start(|world, _| {
                let (root, somebody) = (world.admin("root"), world.user("somebody"));
                world.mint(Mint::new(root, "rekey", &["api"]).value(ROOT));
                world.mint(Mint::new(somebody, "theirs", &["api"]).value(THEIRS));
            })
            .await;
        team.stage.store(held).await;
        let plan = team.open().await.plan;
        let warned = plan.warnings.iter().find(|warning| warning.contains("rekey stops there"));
        assert_eq!(warned.is_some(), told.is_some(), "{held}: {:?}", plan.warnings);
        let tokens = team.stage.state.with(|world| world.tokens.clone());
        let theirs = tokens.values().find(|token| token.name == "theirs").unwrap().id;
        let told = told.map(|told| told.replace("THEIRS", &theirs.to_string()));
        assert!(warned.is_none_or(|warned| told.is_some_and(|told| warned.contains(&told))), "{warned:?}");
        let used = tokens.values().any(|token| token.name != "rekey" && token.last_used_at.is_some());
        assert!(!used, "that would count as a use of the token");
    }
}

#[tokio::test]
async fn where_gitlab_tells_administrators_of_no_value_the_plan_is_as_anybodys() {
    const ROOT: &str = "glpat-RootRootRootRootRoot";
    let setup = Setup::new().bot(ROOT);
    let team = setup
        .start(|world, _| {
            let root = world.admin("root");
            world.mint(Mint::new(root, "rekey", &["api"]).value(ROOT));
        })
        .await;
    team.stage.state.fault(Rule::new("POST", "*/admin/token", Fault::ErrorBefore { status: 404 }).times(0));
    let plan = team.open().await.plan;
    assert!(plan.warnings.iter().all(|warning| !warning.contains("rekey stops there")), "{:?}", plan.warnings);
}

/// Calls that were made with another token than the bot's.
fn asked_about_values(team: &Team) -> usize {
    team.stage.state.live_tokens(team.stage.account).iter().filter(|token| token.last_used_at.is_some()).count()
}

#[tokio::test]
async fn what_differs_from_a_value_that_rekey_made_is_told_even_where_it_is_the_only_one() {
    let team = Setup::new().token(|token| token.lifetime_days = 30).start(|_, _| {}).await;
    team.approved().await;
    team.pass(7200).await;
    team.done().await;
    team.stage.store(THEIRS).await;
    team.stage.clock.advance(20 * 86_400);
    team.engine.consider(&team.setup.tokens[0], Origin::Scan, false).await.unwrap();
    let rotation = team.rotation().await;
    let told = "holds another value than that of token";
    assert!(rotation.plan.warnings.iter().any(|warning| warning.contains(told)), "{:?}", rotation.plan.warnings);
}

#[tokio::test]
async fn a_retry_overwrites_what_people_were_told_of_and_nothing_that_came_later() {
    let team = with_second(THEIRS).await;
    team.approved().await;
    team.pass(60).await;
    team.stuck().await;
    let later = "glpat-LaterLaterLaterLater";
    team.stage.state.with(|world| {
        let somebody = world.user("somebody-else");
        world.mint(Mint::new(somebody, "later", &["api"]).value(later));
    });
    team.stage.put("SECOND", later).await;
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(3600).await;
    assert!(team.stuck().await.what.contains("it holds a value that is not this token's"));
    assert_eq!(second(&team), later);
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn a_retry_that_overwrites_takes_the_code_and_is_not_the_requesters() {
    let team = Setup::new()
        .also_stored_in(project_variable("SECOND"))
        .token(|token| token.step_up = true)
        .start(|world, project| {
            world.variable(Variable::new(Place::Project(project), "SECOND", THEIRS));
            let somebody = world.user("somebody");
            world.mint(Mint::new(somebody, "theirs", &["api"]).value(THEIRS));
        })
        .await;
    team.engine.rotate("deploy", Origin::Person { person: "bob".into() }).await.unwrap();
    team.work().await;
    let with_code = |click: &mut rekey::engine::decide::Click| click.with_code = true;
    let plan = team.rotation().await.plan.hash().0;
    team.click_with("alice", Action::Approve, |click| (click.plan, click.with_code) = (Some(plan), true))
        .await
        .unwrap();
    team.pass(60).await;
    team.stuck().await;
    let own = team.click_with("bob", Action::Retry, with_code).await.unwrap_err().to_string();
    assert!(own.contains("asked for"), "{own}");
    let bare = team.refusal("alice", Action::Retry).await;
    assert!(bare.contains("one-time code"), "{bare}");
    team.click_with("alice", Action::Retry, with_code).await.unwrap();
    team.pass(3600).await;
    team.done().await;
}
