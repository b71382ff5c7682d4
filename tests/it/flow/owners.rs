//! Every kind of owner and every strategy, each with the calls that GitLab opens for it.

use super::setup::{Setup, project_variable};
use super::team::Team;
use rekey::rotation::ids::PersonId;
use rekey::rotation::phase::{Outcome, Phase};
use rekey::rotation::record::Origin;
use rekey::rotation::token::{Owner, Strategy};
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{JobPlan, MAINTAINER, Mint, Place, Variable, World};

const ROOT: &str = "glpat-RootRootRootRootRoot";
const OWN: &str = "glpat-OwnOwnOwnOwnOwnOwnOw";

/// Another token in the deploy variable's place, used by the same job.
fn own_variable(world: &mut World, project: u64, value: &str) {
    world.variable(Variable::new(Place::Project(project), "OWN", value).masked());
    world.pipeline(project, "main", vec![JobPlan::new("deploy", "deploy").calls_with("OWN")]);
}

fn with_owner(owner: Owner) -> Setup {
    Setup::new().stored_only_in(project_variable("OWN")).token(|token| token.owner = owner)
}

fn dying(user: u64, scopes: &[&str]) -> Mint {
    Mint::new(user, "deploy", scopes).expires("2026-11-28".parse().unwrap()).value(OWN)
}

fn root(world: &mut World) {
    let root = world.admin("root");
    world.mint(Mint::new(root, "rekey", &["api"]).value(ROOT));
}

/// Approves, waits, and checks that one token of the old one's user or kin lives and is held.
async fn ends_well(team: &Team, strategy: Strategy) {
    team.open().await;
    let rotation = team.rotation().await;
    assert_eq!(rotation.plan.strategy, strategy, "{:?}", rotation.plan.reasons);
    assert_eq!(rotation.plan.blockers, Vec::<String>::new());
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(3600).await;
    team.ended(Outcome::Done).await;
    let held = team.stage.state.held_by(Place::Project(team.stage.project), "OWN", "*").unwrap();
    let new = team.stage.state.token(held).unwrap();
    assert!(!new.revoked && new.id != rotation.key.token.0, "the variable holds a live new token");
    assert!(team.stage.state.token(rotation.key.token.0).unwrap().revoked, "the old one is dead");
    assert_eq!(team.stage.state.live_tokens(new.user).len(), 1, "and it is the only one");
}

#[tokio::test]
async fn a_service_account_of_a_project_gets_an_overlap() {
    let owner = Owner::ProjectServiceAccount { project: "acme/deploy".into(), username: "project-bot".into() };
    let team = with_owner(owner)
        .start(|world, project| {
            let account = world.service_account(Place::Project(project), "project-bot");
            world.mint(dying(account, &["read_api"]));
            own_variable(world, project, OWN);
        })
        .await;
    ends_well(&team, Strategy::Overlap).await;
}

#[tokio::test]
async fn an_administrator_gives_a_service_account_of_the_instance_an_overlap() {
    let team = with_owner(Owner::InstanceServiceAccount { username: "instance-bot".into() })
        .bot(ROOT)
        .start(|world, project| {
            root(world);
            let account = world.service_account(Place::Instance, "instance-bot");
            world.mint(dying(account, &["read_api"]));
            own_variable(world, project, OWN);
        })
        .await;
    ends_well(&team, Strategy::Overlap).await;
}

#[tokio::test]
async fn an_administrator_gives_a_users_token_an_overlap() {
    let team = with_owner(Owner::User { username: "dora".into() })
        .bot(ROOT)
        .start(|world, project| {
            root(world);
            let dora = world.user("dora");
            world.mint(dying(dora, &["read_api"]));
            own_variable(world, project, OWN);
        })
        .await;
    ends_well(&team, Strategy::Overlap).await;
}

#[tokio::test]
async fn a_token_that_rotates_itself_presents_its_own_value_and_no_other_that_a_store_holds() {
    let mut setup = with_owner(Owner::User { username: "dora".into() });
    setup.tokens[0].stores.insert(0, project_variable("SECOND").id());
    setup.stores.push(project_variable("SECOND"));
    let team = setup
        .start(|world, project| {
            let dora = world.user("dora");
            world.mint(dying(dora, &["api"]));
            own_variable(world, project, OWN);
            world.variable(Variable::new(Place::Project(project), "SECOND", "glpat-DeadDeadDeadDeadDead"));
        })
        .await;
    team.open().await;
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(60).await;
    assert!(team.stuck().await.what.contains("SECOND (scope *) cannot be written without asking"));
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(3600).await;
    team.ended(Outcome::Done).await;
    let held = |key| team.stage.state.held_by(Place::Project(team.stage.project), key, "*").unwrap();
    assert_eq!(held("SECOND"), held("OWN"));
    assert!(!team.stage.state.token(held("OWN")).unwrap().revoked);
}

#[tokio::test]
async fn a_users_token_rotates_itself_where_the_bot_may_not_see_it() {
    let team = with_owner(Owner::User { username: "dora".into() })
        .start(|world, project| {
            let dora = world.user("dora");
            world.mint(dying(dora, &["api"]));
            own_variable(world, project, OWN);
        })
        .await;
    let scan = team.engine.scan().await.unwrap();
    assert_eq!((scan.opened, scan.failed.len()), (1, 0), "the scan finds it by the value in its store");
    ends_well(&team, Strategy::SelfRotate).await;
}

#[tokio::test]
async fn a_token_that_cannot_rotate_itself_blocks_the_approval() {
    let team = with_owner(Owner::User { username: "dora".into() })
        .start(|world, project| {
            let dora = world.user("dora");
            world.mint(dying(dora, &["read_api"]));
            own_variable(world, project, OWN);
        })
        .await;
    team.open().await;
    let refusal = team.refusal("alice", Action::Approve).await;
    assert!(refusal.contains("only with the scope api or self_rotate"), "{refusal}");
}

#[tokio::test]
async fn a_project_access_token_is_rotated_in_place_and_the_outage_is_stated() {
    let team = with_owner(Owner::Project { project: "acme/deploy".into() })
        .start(|world, project| {
            world.mint_for(Place::Project(project), MAINTAINER, dying(0, &["read_api"]));
            own_variable(world, project, OWN);
        })
        .await;
    ends_well(&team, Strategy::InPlace).await;
    assert!(team.rotation().await.plan.outage_seconds.is_some());
}

#[tokio::test]
async fn a_group_access_token_is_rotated_in_place() {
    let team = with_owner(Owner::Group { group: "acme".into() })
        .start(|world, project| {
            world.mint_for(Place::Group(first_group()), MAINTAINER, dying(0, &["read_api"]));
            own_variable(world, project, OWN);
        })
        .await;
    ends_well(&team, Strategy::InPlace).await;
}

/// The stage's group is the first of the world.
fn first_group() -> u64 {
    let mut probe = World::new(7, "2026-11-21T14:00:00Z".parse().unwrap());
    probe.group("acme")
}

#[tokio::test]
async fn a_project_token_wider_than_the_bots_own_role_is_not_touched() {
    let team = with_owner(Owner::Project { project: "acme/deploy".into() })
        .start(|world, project| {
            world.mint_for(Place::Project(project), rekey::sandbox::gitlab::OWNER, dying(0, &["read_api"]));
            let bot = world.user("weaker");
            world.member(Place::Project(project), bot, MAINTAINER);
            world.mint(Mint::new(bot, "rekey", &["api"]).value(ROOT));
            own_variable(world, project, OWN);
        })
        .await;
    drop(team.open().await);
    let mut weaker = team;
    weaker.setup.bot = ROOT.into();
    weaker.restarted().await;
    weaker.pass(7 * 3600).await;
    let refusal = weaker.refusal("alice", Action::Approve).await;
    assert!(refusal.contains("is wider than the bot's own"), "{refusal}");
}

#[tokio::test]
async fn fine_grained_permissions_are_copied_by_rotating_in_place() {
    let owner = Owner::GroupServiceAccount { group: "acme".into(), username: "fine-bot".into() };
    let team = with_owner(owner)
        .start(|world, project| {
            let account = world.service_account(Place::Group(first_group()), "fine-bot");
            world.mint(Mint { granular: true, ..dying(account, &["granular"]) });
            own_variable(world, project, OWN);
        })
        .await;
    ends_well(&team, Strategy::InPlace).await;
}

#[tokio::test]
async fn a_leaked_token_is_revoked_before_the_new_one_is_made() {
    let team = Team::new().await;
    let managed = &team.setup.tokens[0];
    let live = team.engine.live_token(managed).await.unwrap();
    let by = Origin::Person { person: PersonId::from("bob") };
    team.engine.consider_live(managed, &live, by, true, Some(Strategy::RevokeFirst)).await.unwrap();
    team.work().await;
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(3600).await;
    team.done().await;
    let deletes = team.stage.state.calls().iter().position(|call| call.method == "DELETE").unwrap();
    let creates =
        team.stage.state.calls().iter().position(|c| c.path.ends_with("/personal_access_tokens") && c.method == "POST");
    assert!(deletes < creates.unwrap(), "revoked first");
}

#[tokio::test]
async fn a_policy_narrower_than_a_token_that_only_rotate_copies_blocks_the_approval() {
    let team = with_owner(Owner::Project { project: "acme/deploy".into() })
        .token(|token| token.scopes = Some(["read_api".to_owned()].into()))
        .start(|world, project| {
            world.mint_for(Place::Project(project), MAINTAINER, dying(0, &["api", "read_api"]));
            own_variable(world, project, OWN);
        })
        .await;
    team.open().await;
    let refusal = team.refusal("alice", Action::Approve).await;
    assert!(refusal.contains("rotate copies all scopes, but the policy allows fewer"), "{refusal}");
}

#[tokio::test]
async fn an_interrupted_rotate_in_place_is_repaired_by_rotating_its_successor() {
    let team = with_owner(Owner::Project { project: "acme/deploy".into() })
        .start(|world, project| {
            world.mint_for(Place::Project(project), MAINTAINER, dying(0, &["read_api"]));
            own_variable(world, project, OWN);
        })
        .await;
    team.fault("POST", "*/rotate", rekey::sandbox::gitlab::Fault::CutAfter);
    ends_well(&team, Strategy::InPlace).await;
}

#[tokio::test]
async fn a_rotate_of_the_token_itself_that_never_arrived_is_seen_by_one_look_and_sent_again() {
    let team = with_owner(Owner::User { username: "dora".into() })
        .start(|world, project| {
            let dora = world.user("dora");
            world.mint(dying(dora, &["api"]));
            own_variable(world, project, OWN);
        })
        .await;
    team.fault("POST", "*/self/rotate", rekey::sandbox::gitlab::Fault::CutBefore);
    ends_well(&team, Strategy::SelfRotate).await;
}

#[tokio::test]
async fn an_interrupted_rotate_of_the_token_itself_asks_a_person_and_kills_no_family() {
    let team = with_owner(Owner::User { username: "dora".into() })
        .start(|world, project| {
            let dora = world.user("dora");
            world.mint(dying(dora, &["api"]));
            own_variable(world, project, OWN);
        })
        .await;
    team.fault("POST", "*/self/rotate", rekey::sandbox::gitlab::Fault::CutAfter);
    team.approved().await;
    team.pass(60).await;
    assert!(team.stuck().await.todo.contains("make a token by hand"));
    let dora = team.rotation().await.plan.user_id;
    assert_eq!(team.stage.state.live_tokens(dora).len(), 1, "its successor still lives");
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(60).await;
    assert!(matches!(team.rotation().await.phase, Phase::Stuck { .. }), "retrying does not rotate again");
    team.click("alice", Action::Abandon).await.unwrap();
    team.pass(3600).await;
    team.ended(Outcome::Abandoned).await;
    assert_eq!(team.stage.state.live_tokens(dora).len(), 1);
}
