//! Paths and names change hands: what a plan names is the same project, group and file at the click, before the mint and
//! at every write, or nothing is done there. What was only renamed goes on.

use super::rogue::{Does, Rogue};
use super::setup::{Setup, project_variable};
use super::team::Team;
use crate::sandbox::stage::OLD;
use crate::store::contract::{Bench, FOREIGN, Trouble};
use crate::store::eight_kinds;
use rekey::engine::directory::Age;
use rekey::rotation::account::{Account, Service};
use rekey::rotation::group::Group;
use rekey::rotation::phase::Phase;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{Fault, JobPlan, MAINTAINER, Place, Rule, Variable};
use rekey::store::{StoreSpec, file};
use sqlx::Connection as _;
use std::fs;
use std::sync::atomic::Ordering;

/// The project makes way for a stranger's with the same path and an empty variable of the same key.
fn replace_project(team: &Team) -> u64 {
    team.stage.state.with(|world| {
        world.rename_project(team.stage.project, "acme/gone");
        let stranger = world.project("acme/deploy");
        world.member(Place::Project(stranger), team.stage.bot, MAINTAINER);
        world.variable(Variable::new(Place::Project(stranger), "DEPLOY_TOKEN", ""));
        world.pipeline(stranger, "main", vec![JobPlan::new("deploy", "deploy").calls_with("DEPLOY_TOKEN")]);
        stranger
    })
}

fn holds(team: &Team, project: u64) -> String {
    team.stage.state.variable(Place::Project(project), "DEPLOY_TOKEN", "*").unwrap().value
}

#[tokio::test]
async fn a_project_that_was_replaced_between_card_and_click_voids_the_plan() {
    let team = Team::new().await;
    let planned = team.open().await.plan;
    let stranger = replace_project(&team);
    let told = team.refusal("alice", Action::Approve).await;
    assert!(told.contains("the plan has changed"), "{told}");
    let rotation = team.rotation().await;
    assert_eq!(rotation.phase, Phase::AwaitingApproval);
    assert_ne!(rotation.plan.hash(), planned.hash());
    let said = rotation.evidence.iter().find(|seen| seen.what.contains("another one than before"));
    assert!(said.is_some(), "{:?}", rotation.evidence);
    team.pass(3600).await;
    assert_eq!((holds(&team, stranger).as_str(), team.live()), ("", vec![team.stage.old]));
}

#[tokio::test]
async fn a_project_that_was_replaced_between_click_and_mint_is_asked_about_anew() {
    let team = Team::new().await;
    team.approved().await;
    let stranger = replace_project(&team);
    team.pass(3600).await;
    assert_eq!(team.rotation().await.phase, Phase::AwaitingApproval);
    assert_eq!((holds(&team, stranger).as_str(), team.live()), ("", vec![team.stage.old]));
}

#[tokio::test]
async fn a_project_that_is_replaced_once_the_token_is_made_gets_nothing_and_nothing_is_revoked() {
    let team = Setup::new()
        .also_stored_in(project_variable("SECOND"))
        .start(|world, project| world.variable(Variable::new(Place::Project(project), "SECOND", OLD)))
        .await;
    team.fault("PUT", "*/variables/DEPLOY_TOKEN", Fault::ErrorBefore { status: 503 });
    team.approved().await;
    team.work().await;
    let stranger = replace_project(&team);
    team.stage.state.clear_faults();
    team.pass(3600).await;
    let why = team.stuck().await;
    assert!(why.what.contains("DEPLOY_TOKEN (scope *) is not the place that was approved"), "{why:?}");
    assert_eq!(holds(&team, stranger), "");
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(3600).await;
    assert!(team.stuck().await.what.contains("is not the place that was approved"), "whoever retries");
    assert_eq!(holds(&team, stranger), "");
    assert!(!team.stage.state.token(team.stage.old).unwrap().revoked);
}

#[tokio::test]
async fn a_project_that_was_only_renamed_goes_on_under_its_new_path_and_says_so() {
    let team = Team::new().await;
    let planned = team.open().await.plan.hash();
    team.stage.state.with(|world| world.rename_project(team.stage.project, "acme/rollout"));
    team.click("alice", Action::Approve).await.unwrap();
    assert_eq!(team.rotation().await.plan.hash(), planned);
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn a_plan_says_that_a_project_goes_by_another_path_and_how_to_mend_that() {
    let team = Team::new().await;
    team.stage.state.with(|world| world.rename_project(team.stage.project, "acme/rollout"));
    let plan = team.open().await.plan;
    let told = "acme/deploy was renamed or moved to acme/rollout; correct the path in the configuration";
    assert_eq!(plan.warnings.iter().filter(|warning| *warning == told).count(), 1, "{:?}", plan.warnings);
    assert!(plan.blockers.is_empty(), "{:?}", plan.blockers);
}

#[tokio::test]
async fn a_group_that_was_renamed_while_its_rotation_is_open_goes_on() {
    let team = Team::new().await;
    team.open().await;
    team.stage.state.with(|world| world.rename_group(team.stage.group, "initech"));
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(3600).await;
    let rotation = team.rotation().await;
    assert!(matches!(rotation.phase, Phase::Closed { .. }), "{:?} {:?}", rotation.phase, rotation.waiting);
    assert_eq!(team.held(), team.live().first().copied());
}

/// The usual variable, and a second one that holds this; GitLab lets nobody empty a masked one.
async fn with_second(held: &str) -> Team {
    Setup::new()
        .also_stored_in(project_variable("SECOND"))
        .start(|world, project| world.variable(Variable::new(Place::Project(project), "SECOND", held)))
        .await
}

#[tokio::test]
async fn a_place_that_held_the_token_and_is_empty_by_now_is_somebodys_doing() {
    let team = with_second(OLD).await;
    team.open().await;
    team.stage.put("SECOND", "").await;
    let told = team.refusal("alice", Action::Approve).await;
    assert!(told.contains("the plan has changed"), "{told}");
    let rotation = team.rotation().await;
    let said = rotation.evidence.iter().any(|seen| seen.what.contains("held a token and holds none now"));
    assert!(said, "{:?}", rotation.evidence);
    assert_eq!(team.live(), [team.stage.old]);
}

#[tokio::test]
async fn a_place_that_was_empty_from_the_beginning_is_filled() {
    let team = with_second("").await;
    team.approved().await;
    team.pass(3600).await;
    team.done().await;
    let second = team.stage.state.held_by(Place::Project(team.stage.project), "SECOND", "*");
    assert_eq!(second, team.held());
}

#[tokio::test]
async fn a_place_that_is_emptied_between_two_attempts_is_not_filled_without_asking() {
    let mut team = with_second(OLD).await;
    team.stage.state.fault(Rule::new("PUT", "*/variables/DEPLOY_TOKEN", Fault::ErrorBefore { status: 403 }).times(3));
    team.approved().await;
    team.pass(60).await;
    team.stuck().await;
    team.stage.put("SECOND", "").await;
    team.restarted().await;
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(3600).await;
    let why = team.stuck().await;
    assert!(why.what.contains("it held a token when the plan was made, and holds none now"), "{why:?}");
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn a_ref_that_is_not_there_is_told_before_anybody_approves() {
    let setup = Setup::new().token(|token| {
        token.consumers[0].kind = rekey::rotation::token::ConsumerKind::Pipeline { git_ref: "gone".into() };
    });
    let team = setup.start(|_, _| {}).await;
    let plan = team.open().await.plan;
    assert!(
        plan.blockers.iter().any(|why| why.contains("acme/deploy has no branch or tag gone")),
        "{:?}",
        plan.blockers
    );
}

/// A file that holds the value, and the team that keeps it there too.
async fn with_file() -> (Team, std::path::PathBuf) {
    let setup = Setup::new();
    let path = setup.file("token");
    fs::write(&path, OLD).unwrap();
    let team = setup.also_stored_in(StoreSpec::File(file::Spec { path: path.clone() })).start(|_, _| {}).await;
    (team, path)
}

#[tokio::test]
async fn a_file_that_was_replaced_between_card_and_click_voids_the_plan_though_its_text_is_the_same() {
    let (team, path) = with_file().await;
    team.open().await;
    let other = path.with_file_name("other");
    fs::write(&other, OLD).unwrap();
    fs::rename(&other, &path).unwrap();
    let told = team.refusal("alice", Action::Approve).await;
    assert!(told.contains("the plan has changed"), "{told}");
    assert_eq!(fs::read_to_string(&path).unwrap(), OLD);
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(3600).await;
    team.done().await;
    assert_ne!(fs::read_to_string(&path).unwrap(), OLD);
}

#[tokio::test]
async fn what_we_wrote_ourselves_is_still_the_same_place_after_a_crash_and_another_attempt() {
    let (mut team, path) = with_file().await;
    team.fault("PUT", "*/variables/DEPLOY_TOKEN", Fault::ErrorBefore { status: 503 });
    team.approved().await;
    team.work().await;
    assert_ne!(fs::read_to_string(&path).unwrap(), OLD, "the file has the first attempt's value");
    team.restarted().await;
    team.stage.state.clear_faults();
    team.pass(2 * 3600).await;
    team.done().await;
}

/// A token whose approvers are a group's, which is another's by now: its number.
async fn with_a_replaced_group() -> (Team, Group, u64) {
    let group: Group = "gitlab-group:platform>=maintainer".parse().unwrap();
    let setup = Setup::new().token(|token| {
        token.approvers.clear();
        token.groups = [group.clone()].into();
    });
    let team = setup
        .start(|world, _| {
            let platform = world.group("platform");
            let carol = world.user_named("carol").unwrap();
            world.member(Place::Group(platform), carol, MAINTAINER);
            let bot = world.user_named("rekey-bot").unwrap();
            world.member(Place::Group(platform), bot, MAINTAINER);
        })
        .await;
    let plan = team.open().await.plan;
    assert!(plan.blockers.is_empty(), "{:?}", plan.blockers);
    let stranger = team.stage.state.with(|world| {
        let platform = world.group_number("platform").unwrap();
        world.rename_group(platform, "platform-of-old");
        let stranger = world.group("platform");
        let mallory = world.user("mallory");
        world.member(Place::Group(stranger), mallory, MAINTAINER);
        let bot = world.user_named("rekey-bot").unwrap();
        world.member(Place::Group(stranger), bot, MAINTAINER);
        stranger
    });
    (team, group, stranger)
}

async fn is_mallory_in(team: &Team, group: &Group) -> Result<bool, String> {
    let mallory = Account::new(Service::Gitlab, "mallory");
    team.engine.directories.is_in(&mallory, group, Age::Now).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn approvers_by_a_group_are_those_of_the_group_that_was_meant_and_not_of_its_successor() {
    let (team, group, _) = with_a_replaced_group().await;
    let refused = is_mallory_in(&team, &group).await.unwrap_err();
    assert!(refused.contains("is another one") && refused.contains("forget-login gitlab-group:platform"), "{refused}");
    assert!(team.engine.forget_login("gitlab-group:platform", "cli").await.unwrap());
    assert_eq!(is_mallory_in(&team, &group).await, Ok(true));
}

#[tokio::test]
async fn a_groups_number_that_is_repointed_or_taken_out_in_the_database_lets_nobody_in() {
    let (team, group, stranger) = with_a_replaced_group().await;
    let mut side = sqlx::AnyConnection::connect(&team.setup.url).await.unwrap();
    let repoint = format!("UPDATE login SET account = {stranger} WHERE login = 'gitlab-group:platform'");
    for trick in [repoint.as_str(), "DELETE FROM login WHERE login = 'gitlab-group:platform'"] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(trick.to_owned())).execute(&mut side).await.unwrap();
        assert!(is_mallory_in(&team, &group).await.is_err(), "{trick}");
        assert!(team.engine.ledger.verify().await.unwrap().fault.is_some(), "{trick}");
    }
}

/// Kinds that tell the place from one that was made again.
const TELLING: usize = 6;

async fn told_of(bench: &dyn Bench) -> Team {
    bench.meddle(OLD).await;
    let team = Setup::new().also_in(bench.store()).start(|_, _| {}).await;
    let plan = team.open().await.plan;
    assert!(plan.blockers.is_empty() && plan.stores[1].holds_token, "{plan:?}");
    team
}

#[tokio::test]
async fn a_place_of_any_kind_that_was_made_again_between_card_and_click_voids_the_plan_or_the_plan_said_so() {
    let mut telling = 0;
    for bench in eight_kinds().await {
        let team = told_of(&*bench).await;
        let (id, plan) = (bench.store().id().clone(), team.rotation().await.plan);
        if !bench.make_again(OLD).await {
            let told =
                plan.warnings.iter().any(|told| told.starts_with(&format!("{id} does not tell which place it is")));
            assert!(told || plan.stores[1].identity.is_some(), "{id}: {:?}", plan.warnings);
            continue;
        }
        telling += 1;
        let told = team.refusal("alice", Action::Approve).await;
        assert!(told.contains("the plan has changed"), "{id}: {told}");
        let said = team.rotation().await.evidence.iter().any(|seen| seen.what.contains("is another one than before"));
        assert!(said, "{id}");
        team.pass(3600).await;
        assert_eq!((bench.held().await.as_deref(), team.live()), (Some(OLD), vec![team.stage.old]), "{id}");
    }
    assert_eq!(telling, TELLING);
}

#[tokio::test]
async fn a_place_of_any_kind_that_held_the_token_and_holds_something_else_or_is_gone_is_not_written_unasked() {
    for bench in eight_kinds().await {
        let (team, id) = (told_of(&*bench).await, bench.store().id().clone());
        bench.meddle(FOREIGN).await;
        match team.click("alice", Action::Approve).await {
            Err(refused) => assert!(refused.to_string().contains("the plan has changed"), "{id}: {refused}"),
            Ok(_) => eprintln!("{id} could not be looked at within a click"),
        }
        team.pass(3600).await;
        assert_eq!((bench.held().await.as_deref(), team.live()), (Some(FOREIGN), vec![team.stage.old]), "{id}");
    }
    for bench in eight_kinds().await {
        let (team, id) = (told_of(&*bench).await, bench.store().id().clone());
        if bench.trouble(Trouble::Gone).await {
            let told = team.refusal("alice", Action::Approve).await;
            assert!(told.contains(id.as_str()), "{id}: {told}");
            team.pass(3600).await;
            let plan = team.rotation().await.plan;
            assert!(plan.blockers.iter().any(|why| why.contains(id.as_str())), "{id}: {:?}", plan.blockers);
            assert_eq!(team.live(), [team.stage.old], "{id}");
        }
    }
}

#[tokio::test]
async fn nothing_is_removed_beside_a_value_where_the_place_was_swapped_since() {
    for swapped in [false, true] {
        let (rogue, team) = Rogue::team(|_| Does::Takes).await;
        let (state, old) = (team.stage.state.clone(), team.stage.old);
        let is_over = move || swapped && state.token(old).is_some_and(|token| token.revoked);
        *rogue.swapped.lock().unwrap() = Some(Box::new(is_over));
        team.approved().await;
        team.pass(4 * 3600).await;
        team.done().await;
        let told: Vec<String> = team.rotation().await.evidence.into_iter().map(|seen| seen.what).collect();
        assert_eq!(rogue.finished.load(Ordering::SeqCst), u32::from(!swapped), "{told:?}");
        let is_told = told.iter().any(|what| what.contains("place two"));
        assert_eq!(is_told, swapped, "{told:?}");
    }
}
