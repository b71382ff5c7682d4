//! The way it should go, on each database, and again by another process at any point of it.

use super::setup::Setup;
use super::team::Team;
use crate::databases::on_each;
use rekey::rotation::view::Action;

#[tokio::test]
async fn an_approved_rotation_is_minted_stored_proven_and_the_old_token_revoked_after_silence() {
    on_each(|url| async move {
        let team = Setup::new().database(url).start(|_, _| {}).await;
        team.open().await;
        assert_eq!(team.phase().await, "awaiting_approval");
        assert!(team.issue().contains("Please approve or decline"));

        team.click("alice", Action::Approve).await.unwrap();
        team.pass(60).await;
        assert_eq!(team.phase().await, "grace", "{:?}", team.rotation().await);
        assert_eq!(team.live().len(), 2, "both live during grace");

        team.pass(1200).await;
        team.done().await;
        let told = team.comments();
        assert_eq!(told.len(), 1, "only the end notifies anybody: {told:?}");
        team.engine.ledger.close().await;
    })
    .await;
}

#[tokio::test]
async fn opening_again_by_scan_mail_or_hand_finds_the_same_rotation() {
    let team = Team::new().await;
    let first = team.open().await.id;
    let again = team.open().await.id;
    assert_eq!(first, again);
    assert_eq!(team.stage.state.issues().len(), 1);
    team.click("alice", Action::Approve).await.unwrap();
    team.pass(3600).await;
    team.done().await;
}
