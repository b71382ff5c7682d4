//! The issue, whatever happens to it or to the answers about it.

use super::team::Team;
use rekey::rotation::phase::{Outcome, Phase};
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::{Fault, Rule};

#[tokio::test]
async fn an_issue_whose_creation_answer_is_lost_is_found_and_not_made_again() {
    for fault in [Fault::CutAfter, Fault::ErrorAfter { status: 502 }, Fault::TruncatedJson] {
        let team = Team::new().await;
        team.fault("POST", "*/issues", fault);
        team.open().await;
        team.pass(60).await;
        team.issue();
        team.click("alice", Action::Approve).await.unwrap();
        team.pass(3600).await;
        team.done().await;
    }
}

#[tokio::test]
async fn a_comment_whose_answer_is_lost_is_not_written_twice() {
    let team = Team::new().await;
    team.fault("POST", "*/notes", Fault::CutAfter);
    team.approved().await;
    team.pass(3600).await;
    team.done().await;
    assert_eq!(team.comments().len(), 1, "{:?}", team.comments());
}

#[tokio::test]
async fn an_issue_deleted_by_a_person_is_not_made_again_and_holds_nothing_up() {
    let team = Team::new().await;
    team.open().await;
    let iid = team.stage.state.issues()[0].iid;
    // GitLab answers 404 for a deleted issue; the sandbox has no delete of its own.
    team.stage.state.fault(Rule::new("GET", &format!("*/issues/{iid}"), Fault::ErrorBefore { status: 404 }).times(0));
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(3600).await;
    let rotation = team.rotation().await;
    assert!(matches!(rotation.phase, Phase::Closed { outcome: Outcome::Done, .. }), "{rotation:?}");
    assert!(rotation.surfaces.values().all(|surface| surface.gone));
    assert_eq!(team.stage.state.issues().len(), 1, "no second issue");
    assert!(rotation.evidence.iter().any(|seen| seen.what.contains("no longer there")));
}

#[tokio::test]
async fn an_issue_is_not_given_up_because_the_bot_is_out_of_its_project_for_a_while() {
    let team = Team::new().await;
    team.open().await;
    let iid = team.stage.state.issues()[0].iid;
    for path in [format!("*/issues/{iid}"), "*/projects/acme%2Fops".into()] {
        team.stage.state.fault(Rule::new("GET", &path, Fault::ErrorBefore { status: 404 }).times(0));
    }
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(60).await;
    assert!(team.rotation().await.surfaces.values().all(|surface| !surface.gone));
    team.stage.state.clear_faults();
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn only_issues_of_the_cases_own_time_are_searched_for_a_lost_one() {
    let team = Team::new().await;
    team.open().await;
    let calls = team.stage.state.calls();
    let searched: Vec<_> = calls.iter().filter(|call| call.method == "GET" && call.path.ends_with("/issues")).collect();
    assert!(!searched.is_empty() && searched.iter().all(|call| call.query.contains("created_after=2026-11-20")));
}

#[tokio::test]
async fn a_project_that_refuses_issues_for_a_while_gets_its_issue_later() {
    let team = Team::new().await;
    team.stage.state.fault(Rule::new("POST", "*/issues", Fault::ErrorBefore { status: 404 }).times(3));
    team.open().await;
    team.pass(60).await;
    team.issue();
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(3600).await;
    team.done().await;
}

#[tokio::test]
async fn an_issue_closed_by_a_person_stays_closed_and_true() {
    let team = Team::new().await;
    team.open().await;
    let issue = &team.stage.state.issues()[0];
    let path = format!("/projects/acme%2Fops/issues/{}", issue.iid);
    team.stage.call("PUT", &path, serde_json::json!({"state_event": "close"})).await;
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(3600).await;
    team.done().await;
    assert!(team.issue().contains("The new token is stored and proven"));
}

#[tokio::test]
async fn the_issue_is_confidential_due_assigned_and_labelled() {
    let team = Team::new().await;
    team.open().await;
    let issue = team.stage.state.issues().remove(0);
    assert!(issue.confidential && issue.open);
    assert_eq!(issue.due_date, Some("2026-11-28".parse().unwrap()));
    assert_eq!(issue.assignees.len(), 2);
    assert!(issue.labels.contains(&"rekey::waiting".to_owned()), "{:?}", issue.labels);
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(60).await;
    assert!(team.stage.state.issues()[0].labels.contains(&"rekey::running".to_owned()));
    team.pass(3600).await;
    let labels = team.stage.state.issues()[0].labels.clone();
    assert!(labels.contains(&"rekey::closed".to_owned()) && !labels.contains(&"rekey::running".to_owned()));
}

/// Somebody shows the issue to everybody.
async fn make_public(team: &Team) -> u64 {
    let issue = team.stage.state.issues().remove(0);
    let path = format!("/projects/acme%2Fops/issues/{}", issue.iid);
    team.stage.call("PUT", &path, serde_json::json!({"confidential": false})).await;
    assert!(!team.stage.state.issues()[0].confidential);
    issue.iid
}

#[tokio::test]
async fn an_issue_that_somebody_made_public_is_confidential_again_before_anything_more_is_written() {
    let team = Team::new().await;
    team.open().await;
    make_public(&team).await;
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(3600).await;
    team.done().await;
    assert!(team.stage.state.issues()[0].confidential);
    let told = team.comments().concat();
    assert!(told.contains("Somebody had made the issue public. It is confidential again"), "{told}");
}

#[tokio::test]
async fn in_an_issue_that_stays_public_the_bot_is_silent_until_somebody_hides_it() {
    let team = Team::new().await;
    team.open().await;
    let iid = make_public(&team).await;
    let before = (team.issue(), team.comments());
    team.stage.state.fault(Rule::new("PUT", &format!("*/issues/{iid}"), Fault::ErrorBefore { status: 403 }).times(0));
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(3600).await;
    assert_eq!((team.issue(), team.comments()), before, "nothing more is written there");
    let rotation = team.rotation().await;
    assert_eq!(rotation.phase.name(), "closed", "the work does not wait for it");
    assert!(rotation.announcements.iter().any(|told| told.text.contains("nothing more is written there")));
    assert!(rotation.evidence.iter().any(|seen| seen.what.contains("cannot be made confidential")));
    team.stage.state.clear_faults();
    let path = format!("/projects/acme%2Fops/issues/{iid}");
    team.stage.call("PUT", &path, serde_json::json!({"confidential": true})).await;
    team.pass(3600).await;
    team.done().await;
}
