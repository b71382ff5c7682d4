//! A GitLab that refuses for now is waited out at every step, and one that refuses some is none that refuses all.

use super::setup::{Setup, deploy_token};
use super::team::Team;
use rekey::rotation::ids::TokenName;
use rekey::rotation::token::{ManagedToken, Owner, Strategy};
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{Fault, Place, Rule};
use std::time::Duration;

/// A team that is in no hurry.
fn patient() -> Setup {
    Setup::new().settings(|settings| {
        settings.backoff.first = Duration::from_secs(60);
        settings.backoff.most = Duration::from_secs(300);
    })
}

fn read_only(team: &Team, is_so: bool) {
    team.stage.state.with(|world| world.settings.read_only = is_so);
}

/// It waits, with words about what is the matter, and is done once GitLab is open again.
async fn is_waited_out(team: &Team, step: &str) {
    team.pass(1800).await;
    let rotation = team.rotation().await;
    assert_ne!(rotation.phase.name(), "stuck", "{step}: {rotation:?}");
    let waiting = rotation.waiting.unwrap_or_else(|| unreachable!("{step}: nothing is said"));
    assert!(waiting.why.contains("GitLab is read-only for now"), "{step}: {}", waiting.why);
    read_only(team, false);
    team.pass(2 * 3600).await;
}

#[tokio::test]
async fn maintenance_that_begins_after_the_approval_is_waited_out() {
    let team = patient().start(|_, _| {}).await;
    team.approved().await;
    read_only(&team, true);
    is_waited_out(&team, "mint").await;
    team.done().await;
}

/// Maintenance begins as soon as that call was answered.
async fn from_then_on(team: &Team, method: &str, path: &str, meanwhile: impl Future<Output = ()>) {
    team.stage.state.fault(Rule::new(method, path, Fault::HoldAfter));
    tokio::join!(team.work(), async {
        team.stage.state.held().await;
        read_only(team, true);
        team.stage.state.release(true);
        meanwhile.await;
    });
}

#[tokio::test]
async fn maintenance_that_begins_once_the_token_is_made_is_waited_out_and_told() {
    let team = Team::new().await;
    team.approved().await;
    // Who holds a value that a store lacks does not let go of it: it is told meanwhile.
    from_then_on(&team, "POST", "*/personal_access_tokens", async {
        let why = loop {
            match team.rotation().await.waiting {
                Some(waiting) => break waiting.why,
                None => tokio::task::yield_now().await,
            }
        };
        assert!(why.contains("GitLab is read-only for now"), "{why}");
        read_only(&team, false);
    })
    .await;
    team.pass(2 * 3600).await;
    team.done().await;
}

#[tokio::test]
async fn maintenance_that_begins_once_the_value_is_stored_is_waited_out() {
    let team = patient().start(|_, _| {}).await;
    team.approved().await;
    from_then_on(&team, "PUT", "*/variables/*", std::future::ready(())).await;
    is_waited_out(&team, "start a pipeline").await;
    team.done().await;
}

#[tokio::test]
async fn maintenance_is_waited_out_before_the_old_token_is_revoked_without_a_word_of_json() {
    let team = patient().start(|_, _| {}).await;
    team.approved().await;
    team.pass(600).await;
    assert_eq!(team.phase().await, "grace");
    read_only(&team, true);
    is_waited_out(&team, "revoke").await;
    team.done().await;
}

#[tokio::test]
async fn maintenance_is_waited_out_while_the_previous_value_is_put_back() {
    let team = patient().start(|_, _| {}).await;
    team.stage.state.fail_job(Some("deploy"));
    team.approved().await;
    team.pass(60).await;
    read_only(&team, true);
    team.click("alice", Action::Restore).await.unwrap();
    is_waited_out(&team, "restore").await;
    assert_eq!(team.held(), Some(team.stage.old));
}

#[tokio::test]
async fn maintenance_is_waited_out_by_a_rotate_in_place() {
    let in_place = |token: &mut ManagedToken| token.strategy = Some(Strategy::InPlace);
    let team = patient().token(in_place).start(|_, _| {}).await;
    team.approved().await;
    read_only(&team, true);
    is_waited_out(&team, "rotate").await;
    team.done().await;
}

#[tokio::test]
async fn nine_projects_that_lost_the_bot_do_not_keep_the_tenth_token_from_its_rotation() {
    let mut setup = Setup::new();
    let lost = |number: usize| ManagedToken {
        id: TokenName(format!("a{number}")),
        owner: Owner::Project { project: format!("elsewhere/a{number}") },
        ..deploy_token()
    };
    setup.tokens.extend((1..=9).map(lost));
    let team = setup
        .start(|world, _| {
            let bot = world.users.values().find(|user| user.username == "rekey-bot").map(|user| user.id).unwrap();
            for number in 1..=9 {
                let project = world.project(&format!("elsewhere/a{number}"));
                world.member(Place::Project(project), bot, 10);
            }
        })
        .await;
    let scan = team.engine.scan().await.unwrap();
    assert_eq!((scan.opened, scan.failed.len()), (10, 9), "nine are told as blocked: {:#?}", scan.failed);
    assert!(scan.failed.iter().all(|missed| missed.contains("401")), "{:#?}", scan.failed);
    assert!(team.engine.scan_and_tell().await, "what was seen need not be looked at again at once");
    assert_eq!(team.phase().await, "awaiting_approval");
    assert_eq!(team.rotation().await.plan.blockers, Vec::<String>::new());
}
