//! A refusal that will not pass by itself reaches people at once, with its mend; one that may be no proof is waited out.

use super::setup::Setup;
use super::team::Team;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{Fault, Rule};
use serde_json::json;
use std::time::Duration;

/// Far less than the day that trouble is waited out.
const SOON: i64 = 1800;

/// GitLab answers these calls so from now on.
fn refuse(team: &Team, path: &str, status: u16, words: &str) {
    team.stage.state.fault(refusal(path, status, words).times(0));
}

fn refusal(path: &str, status: u16, words: &str) -> Rule {
    Rule::new("GET", path, Fault::Refuse { status, body: json!({ "message": words }) })
}

/// A team that is in no hurry to ask again.
fn patient() -> Setup {
    Setup::new().settings(|settings| {
        settings.backoff.first = Duration::from_secs(60);
        settings.backoff.most = Duration::from_secs(300);
    })
}

async fn in_grace() -> Team {
    let team = patient().start(|_, _| {}).await;
    team.approved().await;
    team.pass(60).await;
    assert_eq!(team.phase().await, "grace");
    team
}

async fn goes_on_after_retry(team: &Team) {
    team.stage.state.clear_faults();
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(7200).await;
    team.done().await;
}

#[tokio::test]
async fn rights_that_are_gone_in_the_middle_are_told_soon_and_it_goes_on_once_they_are_back() {
    let team = in_grace().await;
    refuse(&team, "*/service_accounts*", 403, "403 Forbidden");
    team.pass(SOON).await;
    let why = team.stuck().await;
    assert!(why.what.starts_with("It will not pass by itself") && why.what.contains("403 Forbidden"), "{why:?}");
    goes_on_after_retry(&team).await;
}

#[tokio::test]
async fn a_pipeline_that_the_bot_may_not_see_any_more_is_told_soon() {
    let team = patient().start(|_, _| {}).await;
    team.approved().await;
    refuse(&team, "*/pipelines/*", 403, "403 Forbidden");
    team.pass(SOON).await;
    let why = team.stuck().await;
    assert!(why.what.contains("It will not pass by itself") && why.what.contains("403"), "{why:?}");
    goes_on_after_retry(&team).await;
}

#[tokio::test]
async fn a_refusal_that_passes_within_three_tries_stops_nothing() {
    let team = in_grace().await;
    team.stage.state.fault(refusal("*/service_accounts*", 403, "403 Forbidden").times(2));
    team.pass(7200).await;
    team.done().await;
}

#[tokio::test]
async fn a_refusal_of_the_bot_itself_is_waited_out_for_all_rotations_alike() {
    let team = in_grace().await;
    refuse(&team, "*/service_accounts*", 403, "403 Forbidden - Your account has been blocked.");
    team.pass(SOON).await;
    assert_eq!(team.phase().await, "grace");
    let waiting = team.rotation().await.waiting.unwrap_or_else(|| unreachable!("nothing is said"));
    assert!(waiting.why.contains("unblock or confirm the bot's account"), "{waiting:?}");
    team.stage.state.clear_faults();
    team.pass(7200).await;
    team.done().await;
}

#[tokio::test]
async fn what_a_fine_grained_bot_is_told_to_be_missing_is_waited_out() {
    let team = in_grace().await;
    let bot = Setup::new().bot;
    team.stage.state.with(|world| world.rescope(&bot, &["granular"]));
    refuse(&team, "*/service_accounts*", 404, "404 Not found");
    team.pass(SOON).await;
    assert_eq!(team.phase().await, "grace");
}

#[tokio::test]
async fn a_no_to_any_deed_that_passes_within_three_tries_stops_nothing() {
    for (method, path) in [
        ("POST", "*/personal_access_tokens"),
        ("PUT", "*/variables/DEPLOY_TOKEN"),
        ("POST", "*/pipeline"),
        ("DELETE", "*/personal_access_tokens/*"),
    ] {
        let team = patient().start(|_, _| {}).await;
        let no = Fault::Refuse { status: 403, body: json!({ "message": "403 Forbidden" }) };
        team.stage.state.fault(Rule::new(method, path, no).times(2));
        team.approved().await;
        team.pass(3 * 3600).await;
        assert!(team.stage.state.faults().iter().all(Rule::is_used_up), "{method} {path} was refused twice");
        team.done().await;
    }
}
