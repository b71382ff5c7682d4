//! Answers that are lost, late, or nonsense; a GitLab that limits or is down. In the end always one live token.

use super::setup::{Setup, project_variable};
use super::team::Team;
use crate::sandbox::stage::OLD;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{Fault, JobPlan, Place, Rule, Variable};
use std::time::Duration;

const CREATE: &str = "*/personal_access_tokens";

#[tokio::test]
async fn whatever_befalls_the_create_exactly_one_token_lives_in_the_end() {
    let faults = [
        Fault::CutBefore,
        Fault::CutAfter,
        Fault::ErrorBefore { status: 500 },
        Fault::ErrorAfter { status: 502 },
        Fault::TruncatedJson,
        Fault::Html,
    ];
    for fault in faults {
        let team = Team::new().await;
        team.fault("POST", CREATE, fault.clone());
        team.approved().await;
        team.pass(60).await;
        assert!(team.live().contains(&team.stage.old), "{fault:?}");
        team.pass(7200).await;
        team.done().await;
    }
}

#[tokio::test]
async fn a_create_that_lands_late_is_found_by_the_last_look_and_revoked() {
    let team = Team::new().await;
    team.fault("POST", CREATE, Fault::Late);
    team.approved().await;
    team.pass(60).await;
    assert_eq!(team.live().len(), 2, "the second attempt made its token");
    assert_eq!(team.stage.state.land_late().await, 1);
    assert_eq!(team.live().len(), 3, "the first one lands after all");
    team.pass(7200).await;
    team.done().await;
}

#[tokio::test]
async fn several_creates_in_a_row_may_be_lost() {
    let team = Team::new().await;
    team.stage.state.fault(Rule::new("POST", CREATE, Fault::CutAfter).times(3));
    team.approved().await;
    team.pass(7200).await;
    team.done().await;
}

#[tokio::test]
async fn answers_that_are_always_lost_end_at_a_person_and_leave_no_stray_token_behind() {
    let team = Team::new().await;
    team.stage.state.fault(Rule::new("POST", CREATE, Fault::CutAfter).times(5));
    team.approved().await;
    team.pass(60).await;
    assert!(team.stuck().await.what.contains("was lost 5 times"));
    team.click("alice", Action::Retry).await.unwrap();
    team.pass(7200).await;
    team.done().await;
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_written_again_and_read_back() {
    for fault in [Fault::CutBefore, Fault::CutAfter, Fault::ErrorAfter { status: 503 }, Fault::Html, Fault::Late] {
        let team = Team::new().await;
        team.fault("PUT", "*/variables/*", fault.clone());
        team.approved().await;
        team.pass(60).await;
        assert_eq!(team.phase().await, "grace", "{fault:?}");
        team.stage.state.land_late().await;
        team.pass(7200).await;
        team.done().await;
    }
}

#[tokio::test]
async fn a_late_write_of_a_lost_attempt_is_overwritten_and_never_revoked_under_its_store() {
    a_late_write_is_overwritten(Team::new().await).await;
}

/// In place the earlier value is dead: nothing but our own memory of it tells that it is ours.
#[tokio::test]
async fn a_late_write_of_a_dead_value_of_our_own_is_overwritten_too() {
    let in_place = |token: &mut rekey::rotation::token::ManagedToken| {
        token.strategy = Some(rekey::rotation::token::Strategy::InPlace);
    };
    a_late_write_is_overwritten(Setup::new().token(in_place).start(|_, _| {}).await).await;
}

async fn a_late_write_is_overwritten(mut team: Team) {
    team.fault("PUT", "*/variables/*", Fault::Late);
    team.approved().await;
    // The process dies while its write is on the way: a new one has no value and mints again.
    team.stage.state.fault(Rule::new("PUT", "*/variables/*", Fault::HoldBefore).nth(2));
    tokio::select! {
        () = team.work() => panic!("the write is held"),
        _ = team.stage.state.held() => {}
    }
    team.stage.state.release(false);
    team.stage.clock.advance(200);
    team.restarted().await;
    team.pass(10).await;
    let second = team.held();
    assert_eq!(team.stage.state.land_late().await, 1);
    assert_ne!(team.held(), second, "the first attempt's value landed over the second's");
    team.pass(3 * 3600).await;
    team.done().await;
}

#[tokio::test]
async fn a_revoke_whose_answer_is_lost_is_confirmed_by_reading() {
    for fault in [Fault::CutBefore, Fault::CutAfter, Fault::ErrorAfter { status: 500 }, Fault::Html] {
        let team = Team::new().await;
        team.fault("DELETE", "*", fault);
        team.approved().await;
        team.pass(7200).await;
        team.done().await;
    }
}

#[tokio::test]
async fn nonsense_from_a_proxy_is_waited_out() {
    let team = Team::new().await;
    team.approved().await;
    team.stage.state.fault(Rule::new("GET", "*", Fault::Html).times(40));
    team.pass(7200).await;
    team.done().await;
}

#[tokio::test]
async fn a_host_that_limits_requests_is_left_alone_as_long_as_it_asks() {
    let team = Team::new().await;
    team.fault("POST", CREATE, Fault::TooManyRequests { retry_after: 60 });
    team.approved().await;
    team.work().await;
    let calls = team.stage.state.calls().len();
    team.pass(30).await;
    assert_eq!(team.stage.state.calls().len(), calls, "nothing is sent meanwhile");
    assert_eq!(team.phase().await, "minting");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    team.pass(7200).await;
    team.done().await;
    let mints =
        team.stage.state.calls().iter().filter(|c| c.method == "POST" && c.path.ends_with("access_tokens")).count();
    assert_eq!(mints, 2, "refused once, made once");
}

#[tokio::test]
async fn an_hour_without_gitlab_is_said_on_the_issue_and_nothing_is_lost() {
    let team = Setup::new()
        .settings(|settings| {
            settings.backoff.first = Duration::from_secs(2);
            settings.backoff.most = Duration::from_secs(900);
        })
        .start(|_, _| {})
        .await;
    team.approved().await;
    team.pass(60).await;
    assert_eq!(team.phase().await, "grace");
    team.stage.state.fault(Rule::new("GET", "*", Fault::ErrorBefore { status: 503 }).times(0));
    team.pass(3600).await;
    let waiting = team.rotation().await.waiting.expect("it waits");
    assert!(waiting.why.contains("503"), "{waiting:?}");
    team.stage.state.clear_faults();
    // Only the tokens stay away for a while longer: the issue can be reached again and says what is wrong.
    team.stage.state.fault(Rule::new("GET", "*/service_accounts*", Fault::ErrorBefore { status: 503 }).times(0));
    team.pass(1800).await;
    assert!(team.issue().contains("⏸️ Nothing moves since"), "{}", team.issue());
    team.stage.state.clear_faults();
    team.pass(7200).await;
    team.done().await;
    assert!(!team.issue().contains("Nothing moves"), "and no longer once it moves");
}

#[tokio::test]
async fn a_lost_attempt_with_a_hidden_store_waits_until_its_write_can_no_longer_land() {
    let mut team = Setup::new()
        .stored_only_in(project_variable("HIDDEN"))
        .start(|world, project| {
            world.variable(Variable::new(Place::Project(project), "HIDDEN", OLD).hidden());
            world.pipeline(project, "main", vec![JobPlan::new("deploy", "deploy").calls_with("HIDDEN")]);
        })
        .await;
    team.approved().await;
    team.stage.state.fault(Rule::new("PUT", "*/variables/*", Fault::HoldBefore));
    tokio::select! {
        () = team.work() => panic!("the write is held"),
        _ = team.stage.state.held() => {}
    }
    team.stage.clock.advance(200);
    team.restarted().await;
    team.pass(60).await;
    assert_eq!(team.phase().await, "minting", "a second write may not be overtaken by the first");
    team.stage.state.release(true);
    team.pass(7200).await;
    team.ended(rekey::rotation::phase::Outcome::Done).await;
    let held = team.stage.state.held_by(Place::Project(team.stage.project), "HIDDEN", "*");
    assert_eq!((team.live().len(), held), (1, team.live().first().copied()));
}

#[tokio::test]
async fn an_issue_that_a_dead_worker_had_sent_and_that_lands_later_is_the_only_one() {
    let mut team = Team::new().await;
    team.stage.state.fault(Rule::new("POST", "*/issues", Fault::HoldBefore));
    tokio::select! {
        _ = team.open() => panic!("the issue is held"),
        _ = team.stage.state.held() => {}
    }
    team.restarted().await;
    team.stage.clock.advance(121);
    team.work().await;
    assert!(team.stage.state.issues().is_empty(), "nothing is said that may still land");
    team.stage.state.release(true);
    team.pass(30).await;
    assert!(team.issue().contains("deploy"), "it was found");
}

#[tokio::test]
async fn an_issue_and_a_comment_whose_answers_are_lost_and_that_land_later_are_not_repeated() {
    let team = Team::new().await;
    team.fault("POST", "*/issues", Fault::Late);
    team.fault("POST", "*/notes", Fault::Late);
    team.open().await;
    team.pass(5).await;
    assert_eq!(team.stage.state.land_late().await, 1);
    team.pass(30).await;
    assert_eq!(team.stage.state.issues().len(), 1);
    team.click("alice", Action::Approve).await.unwrap();
    while team.stage.state.land_late().await == 0 {
        team.pass(5).await;
    }
    team.pass(7200).await;
    team.done().await;
    let comments = team.comments();
    let once = comments.iter().collect::<std::collections::BTreeSet<_>>();
    assert_eq!(comments.len(), once.len(), "{comments:#?}");
}
