//! Tokens that look like ours and are not, values that are not what they seem, places that are no longer looked at.

use super::setup::{Setup, project_variable, variable};
use super::team::Team;
use rekey::engine::settings::Settings;
use rekey::rotation::phase::Outcome;
use rekey::rotation::token::{Owner, Strategy};
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{Fault, Mint, OWNER, Place, Rule, Variable, World};
use rekey::secret::Secret;
use rekey::store::{StoreSpec, file};
use std::time::Duration;

const ROOT: &str = "glpat-RootRootRootRootRoot";

/// The usual token, rotated in place.
fn in_place() -> Setup {
    Setup::new().token(|token| token.strategy = Some(Strategy::InPlace))
}

#[tokio::test]
async fn a_lost_rotate_never_touches_a_token_of_the_same_name_that_was_there_before() {
    let team = in_place().start(|_, _| {}).await;
    let far = Mint::new(team.stage.account, "deploy", &["read_api"]).expires("2027-10-01".parse().unwrap());
    let twin = team.stage.state.with(|world| world.mint(far)).id;
    team.stage.clock.advance(3600);
    team.fault("POST", "*/rotate", Fault::CutBefore);
    team.approved().await;
    team.pass(3 * 3600).await;
    team.ended(Outcome::Done).await;
    assert!(!team.stage.state.token(twin).unwrap().revoked, "somebody uses it");
    assert_eq!(team.live().len(), 2, "the twin and the new one: {:?}", team.live());
}

#[tokio::test]
async fn a_rotate_that_lands_after_it_was_given_up_is_followed_to_its_successor() {
    let team = in_place().start(|_, _| {}).await;
    team.fault("POST", "*/rotate", Fault::Late);
    team.approved().await;
    team.pass(60).await;
    assert_eq!(team.phase().await, "minting", "a second rotate waits until the first must have landed");
    assert_eq!(team.stage.state.land_late().await, 1);
    team.pass(7200).await;
    team.ended(Outcome::Done).await;
    assert_eq!((team.live().len(), team.held()), (1, team.live().first().copied()));
}

#[tokio::test]
async fn restoring_never_brings_back_the_value_of_a_lost_attempt() {
    let mut team = Team::new().await;
    team.stage.state.fault(Rule::new("PUT", "*/variables/*", Fault::HoldAfter));
    team.approved().await;
    tokio::select! {
        () = team.work() => panic!("the write is held"),
        _ = team.stage.state.held() => {}
    }
    team.stage.state.release(false);
    team.stage.clock.advance(200);
    team.restarted().await;
    team.stage.state.fault(Rule::new("POST", "*/pipeline", Fault::ErrorBefore { status: 403 }).times(0));
    team.pass(3600).await;
    assert!(team.stuck().await.what.starts_with("Verification failed"));
    let rotation = team.rotation().await;
    assert_eq!(rotation.lost.len(), 1, "the first attempt's token");
    team.click("alice", Action::Restore).await.unwrap();
    team.pass(3600).await;
    assert!(team.stuck().await.what.contains("cannot get its previous value back"), "{:?}", team.stuck().await);
    assert!(!rotation.lost.iter().any(|lost| Some(lost.0) == team.held()), "it dies at the end");
}

#[tokio::test]
async fn nothing_is_revoked_while_a_store_of_the_plan_cannot_be_read_any_more() {
    let mut team = Team::new().await;
    team.approved().await;
    team.pass(60).await;
    assert_eq!(team.phase().await, "grace");
    team.setup.stores.clear();
    team.setup.tokens[0].stores.clear();
    team.restarted().await;
    team.pass(1000).await;
    assert!(team.live().contains(&team.stage.old), "the store may hold it");
    let why = team.stuck().await;
    assert!(why.what.ends_with("no longer in the configuration, so nobody can look whether it holds the new token."));
    assert!(why.todo.starts_with("Put the store back into the configuration and retry"), "{why:?}");
    team.setup.stores.push(variable());
    team.setup.tokens[0].stores.push(variable().id());
    team.restarted().await;
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn a_blocked_request_leaves_no_line_in_the_journal_for_every_look() {
    let team = Setup::new()
        .stored_only_in(project_variable("TWIN"))
        .start(|world, project| {
            world.variable(Variable::new(Place::Project(project), "TWIN", "x").scoped("production"));
        })
        .await;
    let id = team.open().await.id;
    team.pass(600).await;
    let issue = team.issue();
    let turn = "**Please mend this:** @alice @bob. Then rekey looks again by itself. To give up instead: `@rekey-bot decline <reason>`";
    assert!(issue.contains(turn) && issue.contains("\n- [ ] Approve the plan\n"), "{issue}");
    let before = team.engine.ledger.journal(&id).await.unwrap().len();
    team.pass(5 * 3600).await;
    let after = team.engine.ledger.journal(&id).await.unwrap().len();
    assert!(after <= before + 1, "{before} lines became {after}");
}

#[tokio::test]
async fn a_request_waits_as_long_as_gitlab_is_away() {
    let slow = |settings: &mut Settings| {
        settings.give_up_after = Duration::from_secs(3600);
        settings.backoff.first = Duration::from_secs(900);
        settings.backoff.most = Duration::from_secs(900);
    };
    let team = Setup::new().settings(slow).start(|_, _| {}).await;
    team.open().await;
    team.stage.state.fault(Rule::new("GET", "*", Fault::ErrorBefore { status: 503 }).times(0));
    team.pass(24 * 3600).await;
    assert_eq!(team.phase().await, "awaiting_approval");
    team.stage.state.clear_faults();
    team.pass(3600).await;
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn the_token_by_which_rekey_calls_is_never_replaced_under_its_feet() {
    let team = Setup::new()
        .token(|token| {
            token.owner = Owner::User { username: "rekey-bot".into() };
            token.name = "rekey".into();
        })
        .start(|_, _| {})
        .await;
    let managed = &team.setup.tokens[0];
    let live = team.engine.live_token(managed).await.unwrap();
    let plan = team.engine.plan(managed, &live, None, None).await.unwrap();
    assert_eq!(plan.strategy, Strategy::InPlace);
    assert!(plan.blockers.iter().any(|blocker| blocker.contains("lock itself out")), "{:?}", plan.blockers);
}

#[tokio::test]
async fn rekey_rotates_the_token_by_which_it_calls_when_it_reads_it_from_a_file() {
    const OWN: &str = "glpat-OwnOwnOwnOwnOwnOwnOw";
    let mut setup = Setup::new();
    let path = setup.file("own");
    std::fs::write(&path, OWN).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    setup = setup.stored_only_in(StoreSpec::File(file::Spec { path: path.clone() })).bot(OWN).token(|token| {
        token.owner = Owner::GroupServiceAccount { group: "acme".into(), username: "keeper".into() };
        token.consumers.clear();
    });
    setup.bot_file = Some(path.clone());
    let mut team = setup.start(|_, _| {}).await;
    let keeper = team.stage.state.with(|world| {
        let keeper = world.service_account(Place::Group(team.stage.group), "keeper");
        world.member(Place::Group(team.stage.group), keeper, OWNER);
        world.mint(Mint::new(keeper, "deploy", &["api"]).expires("2026-11-28".parse().unwrap()).value(OWN));
        keeper
    });
    team.open().await;
    let refusal = team.refusal("alice", Action::Approve).await;
    assert!(refusal.contains("would not learn of the new one; let [gitlab] token be file:/path"), "{refusal}");
    team.setup.settings.own_token_renews = true;
    team.restarted().await;
    team.pass(600).await;
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(3 * 3600).await;
    team.ended(Outcome::Done).await;
    let live = team.stage.state.live_tokens(keeper);
    assert_eq!(live.len(), 1, "the old one is revoked");
    let held = Secret::new(std::fs::read_to_string(&path).unwrap());
    assert_eq!(held.digest(), live[0].digest, "the file holds the new one, by which rekey calls now");
}

fn admin(world: &mut World) {
    let root = world.admin("root");
    world.mint(Mint::new(root, "rekey", &["api"]).value(ROOT));
}

#[tokio::test]
async fn a_managed_tokens_name_on_somebody_elses_token_does_not_hide_it() {
    let team = Setup::new()
        .bot(ROOT)
        .start(|world, _| {
            admin(world);
            let eve = world.user("eve");
            world.mint(Mint::new(eve, "deploy", &["api"]).expires("2026-11-30".parse().unwrap()));
        })
        .await;
    let scan = team.engine.scan().await.unwrap();
    let names: Vec<&str> = scan.unmanaged.iter().map(|(_, token)| token.name.as_str()).collect();
    assert_eq!((names, scan.failed.len()), (vec!["deploy"], 0), "eve's, and not the managed one");
}
