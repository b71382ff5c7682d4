//! The way it should go.

use super::team::Team;
use rekey::rotation::phase::{Outcome, Phase};
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::Place;

#[tokio::test]
async fn an_approved_rotation_is_minted_stored_proven_and_the_old_token_revoked_after_silence() {
    let team = Team::new().await;
    team.open().await;
    assert_eq!(team.phase().await, "awaiting_approval");
    assert_eq!(team.stage.state.issues().len(), 1, "one issue tells people");

    team.click("alice", Action::Approve).await.unwrap();
    team.pass(60).await;
    assert_eq!(team.phase().await, "grace", "{:?}", team.rotation().await);
    assert!(!team.stage.state.token(team.stage.old).unwrap().revoked, "both live during grace");

    team.pass(1200).await;
    let rotation = team.rotation().await;
    assert!(matches!(rotation.phase, Phase::Closed { outcome: Outcome::Done, .. }), "{rotation:?}");
    let live = team.stage.state.live_tokens(team.stage.account);
    assert_eq!(live.len(), 1, "exactly one token lives");
    let held = team.stage.state.held_by(Place::Project(team.stage.project), "DEPLOY_TOKEN", "*");
    assert_eq!(held, Some(live[0].id), "and the variable holds it");
    let issue = &team.stage.state.issues()[0];
    assert!(issue.closed_at.is_some());
    println!("{}\n{}", issue.title, issue.description);
}
